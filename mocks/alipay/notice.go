package alipay

import (
	"net/url"
	"strings"
	"time"
)

const noticeIDChars = 34

// refundTimeLayout: a refund alone is told with milliseconds.
const refundTimeLayout = timeLayout + ".000"

// form is the fields of a notify in the order in which they are written.
type form []field

func (f form) get(name string) string {
	for _, each := range f {
		if each.name == name {
			return each.value
		}
	}
	return ""
}

// set changes a field, or adds it at the end.
func (f *form) set(name, value string) {
	for i := range *f {
		if (*f)[i].name == name {
			(*f)[i].value = value
			return
		}
	}
	*f = append(*f, field{name, value})
}

// drop takes fields out.
func (f *form) drop(names ...string) {
	for _, name := range names {
		var kept form
		for _, each := range *f {
			if each.name != name {
				kept = append(kept, each)
			}
		}
		*f = kept
	}
}

// parcel is a notify ready to be sent.
type parcel struct {
	url         string
	contentType string
	body        string
}

// facts is what a notify says of a paid trade at the moment now. An empty field
// is left out. (Source: 异步通知参数说明.)
func (s *Sim) facts(t trade, now time.Time) form {
	total := yuan(t.totalFen)
	f := form{
		{"gmt_create", t.createdAt.Format(timeLayout)}, {"charset", t.charset}, {"seller_email", "campus-card@example.edu"},
		{"subject", t.subject}, {"body", t.body}, {"buyer_id", t.buyer}, {"buyer_open_id", t.buyer},
		{"invoice_amount", total}, {"notify_id", t.noticeID},
		{"fund_bill_list", `[{"amount":"` + total + `","fundChannel":"` + fundChannel + `"}]`},
		{"notify_type", "trade_status_sync"}, {"trade_status", string(StateSuccess)}, {"receipt_amount", total},
		{"app_id", s.opts.AppID}, {"buyer_pay_amount", total}, {"sign_type", "RSA2"}, {"seller_id", s.opts.SellerID},
		{"gmt_payment", t.paidAt.Format(timeLayout)}, {"notify_time", now.Format(timeLayout)},
		{"passback_params", t.passback}, {"version", "1.0"}, {"out_trade_no", t.outTradeNo}, {"total_amount", total},
		{"trade_no", t.no}, {"auth_app_id", s.opts.AppID}, {"buyer_logon_id", maskedLogon(t.buyer)}, {"point_amount", yuan(0)},
	}
	if s.opts.UseOpenID {
		f.drop("buyer_id")
	} else {
		f.drop("buyer_open_id")
	}
	for _, optional := range []string{"body", "passback_params"} {
		if f.get(optional) == "" {
			f.drop(optional)
		}
	}
	return f
}

// pack makes a notify of a paid trade, signed afresh, always of the same id.
// bend, if not nil, gets its hands on each stage.
func (s *Sim) pack(t trade, bend *trick) (parcel, error) {
	f := s.facts(t, s.now())
	bend.atFacts(s, &f)
	charset := f.get("charset")
	sig, err := s.platform.sign(noticeMessage(f))
	if err != nil {
		return parcel{}, err
	}
	f = append(f, field{"sign", sig})
	err = bend.atSigned(s, &f)
	if err != nil {
		return parcel{}, err
	}
	p := parcel{
		url: t.notifyURL, contentType: "application/x-www-form-urlencoded; charset=" + charset,
		body: encodeForm(charset, f),
	}
	bend.atParcel(f, &p)
	return p, nil
}

// noticeMessage is what a notify's signature is over: unlike in a request,
// sign_type stays out. (Source: 异步通知验签.)
func noticeMessage(f form) string {
	return canonical(inCharset(f.get("charset"), f), "sign", "sign_type", "alipay_cert_sn")
}

func inCharset(charset string, fields []field) []field {
	out := make([]field, len(fields))
	for i, each := range fields {
		out[i] = field{each.name, toBytes(charset, each.value)}
	}
	return out
}

// encodeForm percent-encodes the bytes of the charset.
func encodeForm(charset string, fields []field) string {
	pairs := make([]string, 0, len(fields))
	for _, each := range inCharset(charset, fields) {
		pairs = append(pairs, each.name+"="+url.QueryEscape(each.value))
	}
	return strings.Join(pairs, "&")
}
