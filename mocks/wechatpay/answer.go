package wechatpay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
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
	signed   bool
	signtest bool // carry a probe's signature instead of a real one
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
	return answer{status: r.status, kind: typeJSON, body: encode(r), signed: true, number: r.number}
}

func signedOK(v any) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(v), signed: true}
}

func systemError() answer {
	return refuse(http.StatusInternalServerError, numberOther, "SYSTEM_ERROR", "系统异常，请用相同参数重新调用").answer()
}

func frequencyLimited() answer {
	return refuse(http.StatusTooManyRequests, numberRate, "FREQUENCY_LIMITED", "请求过于频繁，请降低频率").answer()
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

// write puts the headers of the platform on w and then sends the answer.
func (s *Sim) write(w http.ResponseWriter, a answer) {
	h, err := s.header(a)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, values := range h {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, err = w.Write(a.body)
	if err != nil {
		s.opts.Logger.Debug("wechatpay simulator: answer not delivered", "error", err)
	}
}

func (s *Sim) header(a answer) (http.Header, error) {
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
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.kind != typeHTML {
		h.Set(headerRequestID, s.requestID(a.number))
	}
	if !a.signed {
		return h, nil
	}
	err := s.seal(h, s.freshStamp(), a.body)
	if err == nil && a.signtest {
		h.Set(headerSignature, s.signtest())
	}
	return h, err
}
