package alipay

import (
	"net/url"
	"time"
)

// method is one that the gateway knows.
type method struct {
	endpoint string
	browser  bool // a browser goes there itself
	do       work
}

var methods = map[string]method{
	"alipay.trade.create":       {EndpointCreate, false, (*Sim).create},
	methodWapPay:                {EndpointWapPay, true, (*Sim).wapPay},
	"alipay.trade.query":        {EndpointQuery, false, (*Sim).query},
	"alipay.trade.close":        {EndpointClose, false, (*Sim).closeTrade},
	"alipay.system.oauth.token": {EndpointToken, false, (*Sim).token},
}

// route finds the method of a request to the gateway. Every method is taken
// over GET and POST, and parameters from the query string and the body alike.
func route(c *call) plan {
	c.params = parameters(c.request.URL.RawQuery, c.body)
	m, known := methods[c.params["method"]]
	if !known {
		return plan{EndpointUnknown, inGateway, (*Sim).unknownMethod}
	}
	c.browser = m.browser
	return plan{m.endpoint, inGateway, func(s *Sim, c *call) answer {
		r := s.admit(c)
		if r != nil {
			return s.fail(c, r)
		}
		return m.do(s, c)
	}}
}

// parameters decodes forms; of a name that comes twice the first value counts.
// What cannot be decoded is left out, and then misses in the signature.
func parameters(forms ...string) map[string]string {
	params := map[string]string{}
	for _, form := range forms {
		values, _ := url.ParseQuery(form)
		for name, list := range values {
			if _, taken := params[name]; !taken {
				params[name] = list[0]
			}
		}
	}
	return params
}

func (s *Sim) unknownMethod(c *call) answer {
	r := invalid("method")
	if c.params["method"] == "" {
		r = missing("method")
	}
	r.general = true // there is no method to name a node after
	return s.fail(c, r)
}

// admit checks the common parameters and then the signature; the app comes
// before all else. (Source: 公共请求参数; 公共错误码.)
func (s *Sim) admit(c *call) *refusal {
	p := c.params
	charset, known := charsetOf(p["charset"])
	switch {
	case p["app_id"] == "":
		return missing("app-id")
	case p["app_id"] != s.opts.AppID:
		return invalid("app-id")
	case !known:
		return invalid("charset")
	case p["format"] != "" && p["format"] != "JSON":
		return invalid("format")
	case p["sign_type"] == "":
		return missing("signature-type")
	case p["sign_type"] != "RSA2":
		return invalid("signature-type")
	case p["sign"] == "":
		return missing("signature")
	case p["version"] == "":
		return missing("version")
	case p["version"] != "1.0":
		return invalid("parameter")
	case !verifies(s.opts.MerchantPublicKey, requestMessage(p), p["sign"]):
		return invalid("signature")
	}
	c.charset = charset
	return s.admitContent(p)
}

// admitContent is the second half: what only an authentic request gets told.
func (s *Sim) admitContent(p map[string]string) *refusal {
	at, err := time.ParseInLocation(timeLayout, p["timestamp"], beijing)
	switch {
	case p["timestamp"] == "":
		return missing("timestamp")
	case err != nil, s.opts.TimestampWindow > 0 && time.Since(at).Abs() > s.opts.TimestampWindow:
		return invalid("timestamp")
	case p["app_auth_token"] != "":
		return refuse("20001", "aop.invalid-app-auth-token", "无效的应用授权令牌")
	case p["encrypt_type"] != "":
		return refuse("40003", "isv.decryption-error-unknown", "解密出错，未知异常")
	}
	return nil
}

// requestMessage is what a merchant signs: unlike in a notify, sign_type stays.
func requestMessage(params map[string]string) string {
	fields := make([]field, 0, len(params))
	for name, value := range params {
		fields = append(fields, field{name, value})
	}
	return canonical(fields, "sign")
}
