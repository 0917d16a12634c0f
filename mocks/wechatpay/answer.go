package wechatpay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"guodu/mocks/sim"
)

const (
	typeJSON = "application/json; charset=utf-8"
	typeText = "text/plain"
	typeHTML = "text/html; charset=utf-8"
)

// Internal error numbers: the tail of Request-ID, which the documents ask
// merchants to quote.
const (
	numberParam        = 268435461
	numberRange        = 268435464
	numberUnknownField = 270924358
	numberSignature    = 268443699
	numberAppMch       = 268445527
	numberMchMismatch  = 268447843
	numberRate         = 268447840
	numberExpired      = 268447914
	numberReentry      = 268498688
	numberPaid         = 268498689
	numberOpenid       = 268501013
	numberNotExist     = 268512771
	numberOther        = 268435456
)

// answer is what an endpoint wants to say. Writing it is the server's business,
// so that a fault can still come between.
type answer struct {
	status   int
	kind     string // content type; empty when there is no body
	body     []byte
	location string // of a redirect
	cookie   string
	encoding string // of the body
	signed   bool
	signtest bool     // carry a probe's signature instead of a real one
	flipped  bool     // change one byte after signing
	refusal  *refusal // what body was made of
	number   int
}

// refusal is an APIv3 error: an HTTP status and {code, message, detail}.
type refusal struct {
	status  int
	number  int
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

// fieldDetail says which field was wrong.
type fieldDetail struct {
	Field    string `json:"field"`
	Value    any    `json:"value,omitempty"`
	Issue    string `json:"issue"`
	Location string `json:"location"`
}

func refuse(status, number int, code, message string) *refusal {
	return &refusal{status: status, number: number, Code: code, Message: message}
}

func (r *refusal) answer() answer {
	return answer{status: r.status, kind: typeJSON, body: encode(r), signed: true, number: r.number, refusal: r}
}

// old is the refusal as older documents have it.
func (r *refusal) old() *refusal {
	codes := map[string]string{"ORDER_NOT_EXIST": "ORDERNOTEXIST", "NO_AUTH": "NOAUTH", "FREQUENCY_LIMITED": "RATELIMIT_EXCEEDED"}
	out := *r
	if code, has := codes[r.Code]; has {
		out.Code = code
	}
	return &out
}

func signedOK(v any) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(v), signed: true}
}

func systemError() answer {
	return refuse(http.StatusInternalServerError, numberOther, "SYSTEM_ERROR", "系统异常，请用相同参数重新调用").answer()
}

func frequencyLimited() answer { return tooFrequent().answer() }

func tooFrequent() *refusal {
	return refuse(http.StatusTooManyRequests, numberRate, "FREQUENCY_LIMITED", "请求过于频繁，请降低频率")
}

// encode leaves <, > and & alone, unlike Go's default: a merchant must verify
// the bytes it received, not bytes of its own making.
func encode(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err != nil {
		// Only values of this package's own types come here.
		return []byte(`{"code":"SYSTEM_ERROR","message":"encoding failed"}`)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// wire signs an answer with the key that the merchant named, and makes it fit
// to send.
func (s *Sim) wire(c *sim.Call, a answer) (sim.Answer, error) {
	if !s.does(BErrorShape) && a.status >= http.StatusBadRequest {
		a.status = http.StatusOK
	}
	if a.refusal != nil && s.opts.Profile.OldErrorCodes {
		a.body = encode(a.refusal.old())
	}
	h, err := s.header(c, a)
	if a.flipped && len(a.body) == 0 && err == nil {
		h.Set(headerNonce, string(flip([]byte(h.Get(headerNonce)))))
	} else if a.flipped {
		a.body = flip(a.body)
	}
	return sim.Answer{Status: a.status, Header: h, Body: a.body, Code: strconv.Itoa(a.status)}, err
}

func (s *Sim) header(c *sim.Call, a answer) (http.Header, error) {
	h := http.Header{}
	h.Set("Cache-Control", "no-cache, must-revalidate")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if a.kind == typeJSON {
		h.Set("Content-Language", "zh-CN")
	}
	if a.encoding != "" {
		h.Set("Content-Encoding", a.encoding)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.cookie != "" {
		h.Set("Set-Cookie", a.cookie)
	}
	if a.kind != typeHTML {
		h.Set(headerRequestID, s.requestID(a.number))
	}
	if !a.signed {
		return h, nil
	}
	err := s.freshStamp(s.answerKey(c)).seal(h, a.body)
	if err == nil && a.signtest {
		h.Set(headerSignature, s.signtest())
	}
	return h, err
}

// answerKey is the key that the merchant named, or else the usual one.
func (s *Sim) answerKey(c *sim.Call) platformKey {
	key, known := s.keys.named(c.Request.Header.Get(headerSerial))
	if known && s.does(BAnswerKey) {
		return key
	}
	return s.keys.usual(s.opts.Profile.Keys)
}

// flip changes one byte and leaves JSON that can be read: only the signature
// knows.
func flip(body []byte) []byte {
	out := bytes.Clone(body)
	for i := len(out) - 1; i >= 0; i-- {
		switch c := out[i]; {
		case c >= '0' && c <= '8', c >= 'a' && c <= 'y', c >= 'A' && c <= 'Y':
			out[i]++
			return out
		}
	}
	return out
}
