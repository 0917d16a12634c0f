package wechatpay

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"guodu/mocks/sim"
)

// clockWindow is how far a merchant's stamp may be from the platform's clock.
const clockWindow = 5 * time.Minute

// maxQuotedSignBytes cuts the quoted string to sign in an error, as the real
// one does.
const maxQuotedSignBytes = 60

// credential is a parsed Authorization header.
type credential struct{ mchid, nonce, timestamp, serial, signature string }

// signDetail is what a SIGN_ERROR carries, so that a merchant can compare.
type signDetail struct {
	Detail struct {
		Issue string `json:"issue"`
	} `json:"detail"`
	Field           string `json:"field"`
	Location        string `json:"location"`
	SignInformation struct {
		Method    string `json:"method"`
		Length    int    `json:"sign_message_length"`
		Truncated string `json:"truncated_sign_message"`
		URL       string `json:"url"`
	} `json:"sign_information"`
}

// authenticated lets only the merchant through to do. Only a request that is
// proven to come from the merchant gets a signed answer.
// (Source: 开发指引, 如何构造接口请求签名.)
func (s *Sim) authenticated(do work) work {
	return func(c *sim.Call) answer {
		issue := s.checkCredential(c)
		c.Note("authorization", issue == "", issue)
		if issue != "" {
			return signError(c, issue)
		}
		wrong := s.checkHeaders(c)
		if wrong != nil {
			return wrong.answer()
		}
		if s.does(BOutages) && !s.limits.take(c.Endpoint, s.now()) {
			return frequencyLimited()
		}
		return do(c)
	}
}

// checkCredential returns what is wrong with the Authorization header, or "".
func (s *Sim) checkCredential(c *sim.Call) string {
	cred, ok := parseCredential(c.Request.Header.Get("Authorization"))
	if !ok {
		if !s.does(BAuthorization) {
			return ""
		}
		return "malformed authorization"
	}
	unix, err := strconv.ParseInt(cred.timestamp, 10, 64)
	if err != nil {
		return "malformed timestamp"
	}
	age := time.Since(time.Unix(unix, 0)).Abs()
	switch {
	case age >= clockWindow && s.does(BRequestTime):
		return "timestamp expired"
	case !s.does(BAuthorization):
		return ""
	case cred.mchid != s.opts.MchID:
		return "unknown mchid"
	case cred.serial != s.opts.MerchantSerial:
		return "unknown serial_no"
	case !s.verifyMerchant(signedMessage(c, cred), cred.signature):
		return "sign not match"
	}
	return ""
}

// parseCredential takes the five quoted fields in any order, each exactly once.
func parseCredential(header string) (credential, bool) {
	list, ok := strings.CutPrefix(header, signatureScheme+" ")
	if !ok {
		return credential{}, false
	}
	var cred credential
	targets := map[string]*string{
		"mchid": &cred.mchid, "nonce_str": &cred.nonce, "timestamp": &cred.timestamp,
		"serial_no": &cred.serial, "signature": &cred.signature,
	}
	for pair := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		inner, quoted := strings.CutPrefix(value, `"`)
		inner, closed := strings.CutSuffix(inner, `"`)
		target := targets[name]
		if target == nil || !quoted || !closed || inner == "" {
			return credential{}, false
		}
		*target = inner
		delete(targets, name)
	}
	return cred, len(targets) == 0
}

// signedMessage is what the merchant signed: the URL as it came over the wire,
// with its query, and the body byte by byte.
func signedMessage(c *sim.Call, cred credential) string {
	return lines(c.Request.Method, wireURL(c.Request), cred.timestamp, cred.nonce, string(c.Body))
}

func wireURL(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI() // absolute form, as proxies send it
}

func signError(c *sim.Call, issue string) answer {
	cred, _ := parseCredential(c.Request.Header.Get("Authorization"))
	message := signedMessage(c, cred)
	d := &signDetail{Field: "signature", Location: "authorization"}
	d.Detail.Issue = issue
	d.SignInformation.Method = c.Request.Method
	d.SignInformation.URL = wireURL(c.Request)
	d.SignInformation.Length = len(message)
	d.SignInformation.Truncated = cutText(message, maxQuotedSignBytes)
	r := refuse(http.StatusUnauthorized, numberSignature, "SIGN_ERROR", "签名错误")
	r.Detail = d
	a := r.answer()
	a.signed = false
	return a
}

// cutText cuts at a character's edge, at or before limit bytes.
func cutText(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// checkHeaders refuses what the interface rules demand of headers.
// (Source: 开发指引, APIv3 接口规则.)
func (s *Sim) checkHeaders(c *sim.Call) *refusal {
	h := c.Request.Header
	serial := h.Get(headerSerial)
	_, known := s.keys.named(serial)
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	switch {
	case h.Get("Accept") == "" || h.Get("User-Agent") == "":
		return refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", "请求头须有 Accept 和 User-Agent")
	case serial != "" && !known:
		return refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", "请求头 Wechatpay-Serial 有误")
	case len(c.Body) > 0 && !strings.EqualFold(strings.TrimSpace(kind), "application/json"):
		return refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", "请求头 Content-Type 须为 application/json")
	}
	return nil
}
