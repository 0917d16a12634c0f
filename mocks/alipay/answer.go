package alipay

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"guodu/mocks/sim"
)

const (
	typeHTML = "text/html;charset="
	typeJSON = "application/json;charset=utf-8"

	errorHead = "error_response"
)

// answer is what an endpoint wants to say. Signing it comes later, so that a
// fault can still come between. It is a node of the gateway's, signed or not,
// or else a page or a file.
type answer struct {
	head, node string // node is JSON in the charset, and what gets signed
	signed     bool
	flipped    bool // one byte changes after signing
	charset    string

	status   int
	kind     string // content type; empty when there is no body
	body     string
	zipped   bool   // with Content-Encoding: gzip
	location string // of a redirect
	file     string // name of a file to save

	label string // what it counts as
}

// result begins every node but a token.
type result struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
}

func ok() result { return result{"10000", messages["10000"]} }

// succeed is a signed node.
func (c *call) succeed(v any) answer { return c.answered(c.variedNode(encode(v))) }

// answered is the node that is written like that.
func (c *call) answered(node string) answer {
	return answer{
		head: c.head(), node: toBytes(c.charset, c.sim.escaped(node)), signed: true, charset: c.charset,
		status: http.StatusOK, label: "10000",
	}
}

// fail is an error node, or the page with the error where a browser asked.
// The gateway always answers 200. (Source: 公共错误码.)
func (s *Sim) fail(c *call, r *refusal) answer {
	c.Note("accepted", false, r.Code+" "+r.SubCode)
	if c.browser && s.does(behaviourWapPage) {
		return errorPage(r)
	}
	told := *r
	// Texts change from call to call in production: nobody shall match them.
	told.SubMsg += " ，解决方案：https://open.alipay.com/api/errCheck?traceId=" + s.dice.Draw(hexDigits, 30)
	a := c.answered(encode(told))
	a.signed = r.Code == "40004" && !s.opts.Profile.UnsignedBusinessErrors
	a.label = r.Code
	if r.general {
		a.head = errorHead
	}
	if r.Code != "40004" && !s.does(behaviourGatewayErrors) {
		a.status = http.StatusBadRequest
	}
	return a
}

// head is the name of the node that answers the method.
func (c *call) head() string {
	return strings.ReplaceAll(c.params["method"], ".", "_") + "_response"
}

// escaped writes slashes the way Alipay does, escaped.
func (s *Sim) escaped(text string) string {
	if s.does(behaviourRawSignature) {
		text = strings.ReplaceAll(text, "/", `\/`)
	}
	return text
}

// encode writes <, > and & plainly: whoever verifies must take the bytes that
// were received, not bytes of its own making.
func encode(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err != nil {
		return "{}" // only values of this package's own types come here
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// wire makes an answer fit to send: the signature is over the node's bytes,
// braces included. (Source: 自行实现验签, 同步返回验签.)
func (s *Sim) wire(_ *sim.Call, a answer) (sim.Answer, error) {
	if a.head != "" {
		tail := ""
		if a.signed {
			sig, err := s.platform.sign(a.node)
			if err != nil {
				return sim.Answer{}, err
			}
			tail = `,"sign":"` + sig + `"`
			if s.cert != nil && s.does(behaviourCertificates) {
				tail = `,"alipay_cert_sn":"` + s.cert.serial() + `"` + tail
			}
		}
		if a.flipped {
			a.node = flip(a.node)
		}
		a.kind, a.body = typeHTML+a.charset, `{"`+a.head+`":`+a.node+tail+"}"
	}
	out := sim.Answer{Status: a.status, Header: a.header(), Body: []byte(a.body), Code: a.label}
	if a.zipped {
		out.Body = squeeze(out.Body)
	}
	if a.kind != "" {
		out.Header.Set("Content-Length", strconv.Itoa(len(out.Body)))
	}
	return out, nil
}

func squeeze(plain []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(plain) // a Buffer takes anything
	_ = w.Close()
	return slices.Clip(out.Bytes())
}

// flip changes the last letter or digit, which leaves the JSON valid: only the
// signature knows.
func flip(node string) string {
	at := strings.LastIndexAny(node, sim.Alphabet62)
	if at < 0 {
		return node
	}
	other := "1"
	if node[at:at+1] == other {
		other = "2"
	}
	return node[:at] + other + node[at+1:]
}

// header is what an answer's header says apart from its length.
func (a answer) header() http.Header {
	h := http.Header{}
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
	}
	if a.zipped {
		h.Set("Content-Encoding", "gzip")
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.file != "" {
		h.Set("Content-Disposition", "attachment; filename="+a.file)
	}
	return h
}

// badGateway is a proxy's page.
func badGateway(zipped bool) answer {
	a := textPage(http.StatusBadGateway, "502 Bad Gateway")
	a.zipped = zipped
	return a
}
