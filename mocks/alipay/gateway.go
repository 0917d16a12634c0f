package alipay

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"guodu/mocks/sim"
)

// method is one that the gateway knows.
type method struct {
	endpoint string
	browser  bool // a browser goes there itself
	do       work
}

var methods = map[string]method{
	"alipay.trade.create":               {EndpointCreate, false, (*Sim).create},
	methodWapPay:                        {EndpointWapPay, true, (*Sim).wapPay},
	methodPay:                           {EndpointPay, false, (*Sim).payByCode},
	"alipay.trade.query":                {EndpointQuery, false, (*Sim).query},
	"alipay.trade.close":                {EndpointClose, false, (*Sim).closeTrade},
	"alipay.trade.cancel":               {EndpointCancel, false, (*Sim).cancelTrade},
	"alipay.trade.refund":               {EndpointRefund, false, (*Sim).refundTrade},
	"alipay.trade.fastpay.refund.query": {EndpointRefundQuery, false, (*Sim).queryRefund},
	"alipay.data.dataservice.bill.downloadurl.query": {EndpointBill, false, (*Sim).billURL},
	methodMessage:                         {EndpointMessage, false, (*Sim).sendMessage},
	"alipay.open.app.alipaycert.download": {EndpointCertificate, false, (*Sim).downloadCertificate},
	"alipay.system.oauth.token":           {EndpointToken, false, (*Sim).token},
}

// route finds the method of a request to the gateway. Every method is taken
// over GET and POST, and parameters from the query string and the body alike.
func (s *Sim) route(c *call, query, body string) plan {
	c.params = parameters(query, body)
	if !s.does(behaviourParameters) {
		c.params = parameters(body)
	}
	if c.params["service"] == "notify_verify" {
		return plan{EndpointNotifyVerify, inPage, (*Sim).verifyNotice}
	}
	m, known := methods[c.params["method"]]
	if !known {
		return plan{EndpointUnknown, inGateway, (*Sim).unknownMethod}
	}
	c.browser = m.browser
	return plan{m.endpoint, inGateway, func(s *Sim, c *call) answer {
		c.Order = c.orderNo()
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
	case p["sign"] == "" && !s.does(behaviourOrderOfChecks):
		return missing("signature")
	case p["app_id"] == "":
		return missing("app-id")
	case p["app_id"] != s.opts.AppID:
		return invalid("app-id")
	case !known:
		return invalid("charset")
	case p["format"] != "" && !s.isJSON(p["format"]):
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
	}
	c.charset = charset
	r := s.admitSerials(p)
	if r != nil {
		return r
	}
	holds := verifies(s.opts.MerchantPublicKey, requestMessage(p), p["sign"])
	if holds {
		c.Note("signature", true, "by the app's key, over the parameters in order")
	} else {
		c.Note("signature", false, s.explainRequest(p).Text)
	}
	if !holds && s.does(behaviourRequestSignature) {
		return invalid("signature")
	}
	return s.admitContent(p)
}

// isJSON takes the one format in either case, as production does.
func (s *Sim) isJSON(format string) bool {
	return format == "JSON" || strings.EqualFold(format, "JSON") && s.does(behaviourSpelling)
}

// admitSerials is for certificate mode.
func (s *Sim) admitSerials(p map[string]string) *refusal {
	switch {
	case s.cert == nil || !s.does(behaviourCertificates):
		return nil
	case p["app_cert_sn"] == "":
		return refuse("40002", "isv.missing-app-cert-sn", "缺少应用公钥证书序列号")
	case p["alipay_root_cert_sn"] == "":
		return refuse("40002", "isv.missing-alipay-root-cert-sn", "缺少支付宝根证书序列号")
	case p["app_cert_sn"] != s.cert.appSerial:
		return refuse("40002", "isv.app-cert-not-exist", "应用公钥证书不存在")
	case p["alipay_root_cert_sn"] != s.cert.rootSerial:
		return invalid("alipay-root-cert-sn")
	}
	return nil
}

// admitContent is what only an authentic request gets told.
func (s *Sim) admitContent(p map[string]string) *refusal {
	at, err := time.ParseInLocation(timeLayout, p["timestamp"], s.zone())
	window := s.opts.Profile.TimestampWindow
	switch {
	case !s.does(behaviourTimestamp):
	case p["timestamp"] == "":
		return missing("timestamp")
	case err != nil, window > 0 && time.Since(at).Abs() > window:
		return invalid("timestamp")
	}
	switch {
	case p["app_auth_token"] != "":
		return refuse("20001", "aop.invalid-app-auth-token", "无效的应用授权令牌")
	case p["encrypt_type"] != "":
		return refuse("40003", "isv.decryption-error-unknown", "解密出错，未知异常")
	case !s.limiter.admit(s.now(), s.opts.Profile.CallsPerSecond):
		return callLimited()
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

// verifyNotice is the old mapi way to ask whether a notify was Alipay's. The
// signature has replaced it.
func (s *Sim) verifyNotice(c *call) answer {
	said := "invalid"
	if c.params["partner"] == s.opts.SellerID {
		f := s.archive.get(c.params["notify_id"])
		said = "false"
		if f.ID != "" {
			said = "true"
		}
	}
	return answer{status: http.StatusOK, kind: typeHTML + charsetUTF8, body: said, label: "200"}
}

var _ sim.Gateway = (*Sim)(nil)
