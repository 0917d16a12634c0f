package alipay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

const (
	typeHTML = "text/html;charset="
	typeJSON = "application/json;charset=utf-8"

	errorHead = "error_response"
)

// answer is what an endpoint wants to say. Writing it is the server's business,
// so that a fault can still come between. It is a node of the gateway's, signed
// or not, or else a page.
type answer struct {
	head, node string // node is JSON in the charset, and what gets signed
	signed     bool
	flipped    bool // one byte changes after signing
	charset    string

	status   int
	kind     string // content type; empty when there is no body
	body     string
	location string // of a redirect

	label string // what it counts as
}

// result begins every node but a token.
type result struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
}

func ok() result { return result{"10000", messages["10000"]} }

// succeed is a signed node.
func (c *call) succeed(v any) answer {
	return answer{
		head: c.head(), node: toBytes(c.charset, encode(v)), signed: true, charset: c.charset,
		status: http.StatusOK, label: "10000",
	}
}

// fail is an error node, or the page with the error where a browser asked.
// The gateway always answers 200. (Source: 公共错误码.)
func (s *Sim) fail(c *call, r *refusal) answer {
	if c.browser {
		return errorPage(r)
	}
	told := *r
	// Texts change from call to call in production: nobody shall match them.
	told.SubMsg += " ，解决方案：https://open.alipay.com/api/errCheck?traceId=" + s.dice.draw(hexDigits, 30)
	a := c.succeed(told)
	a.signed = strings.HasPrefix(r.SubCode, "ACQ.") && !s.opts.UnsignedBusinessErrors
	a.label = r.Code
	if r.general {
		a.head = errorHead
	}
	return a
}

// head is the name of the node that answers the method.
func (c *call) head() string {
	return strings.ReplaceAll(c.params["method"], ".", "_") + "_response"
}

// encode writes slashes the way Alipay does, escaped, and <, > and & plainly:
// whoever verifies must take the bytes it received, not bytes of its own making.
func encode(v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err != nil {
		return "{}" // only values of this package's own types come here
	}
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "/", `\/`)
}

// finished fills in the body of a node: the signature is over the node's bytes,
// braces included. (Source: 自行实现验签, 同步返回验签.)
func (s *Sim) finished(a answer) (answer, error) {
	if a.head == "" {
		return a, nil
	}
	tail := "}"
	if a.signed {
		sig, err := s.platform.sign(a.node)
		if err != nil {
			return a, err
		}
		tail = `,"sign":"` + sig + `"}`
	}
	if a.flipped {
		a.node = flip(a.node)
	}
	a.kind, a.body = typeHTML+a.charset, `{"`+a.head+`":`+a.node+tail
	return a, nil
}

// flip changes the last letter or digit, which leaves the JSON valid: only the
// signature knows.
func flip(node string) string {
	at := strings.LastIndexAny(node, alphabet62)
	if at < 0 {
		return node
	}
	other := "1"
	if node[at:at+1] == other {
		other = "2"
	}
	return node[:at] + other + node[at+1:]
}

// header is what a finished answer's header says.
func (a answer) header() http.Header {
	h := http.Header{}
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	return h
}
