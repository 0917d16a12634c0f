package alipay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
)

func TestGatewayErrorsAreUnsignedHTMLWithStatus200(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "GATE_1"})
	otherApp := f.with("app_id", "2021000000000000")
	for name, c := range map[string]struct {
		request       form
		code, subCode string
		head          string
	}{
		"no method":          {b.signed(f.without("method")), "40001", "isv.missing-method", "error_response"},
		"unknown method":     {b.signed(f.with("method", "alipay.trade.precreate")), "40002", "isv.invalid-method", "error_response"},
		"unknown, unsigned":  {f.with("method", "alipay.trade.precreate"), "40002", "isv.invalid-method", "error_response"},
		"no app":             {f.without("app_id"), "40001", "isv.missing-app-id", ""},
		"other app, no sign": {otherApp, "40002", "isv.invalid-app-id", ""},
		"no charset":         {b.signed(f.without("charset")), "40002", "isv.invalid-charset", ""},
		"xml":                {b.signed(f.with("format", "xml")), "40002", "isv.invalid-format", ""},
		"no sign type":       {b.signed(f.without("sign_type")), "40001", "isv.missing-signature-type", ""},
		"old sign type":      {b.signed(f.with("sign_type", "RSA")), "40002", "isv.invalid-signature-type", ""},
		"no sign":            {f, "40001", "isv.missing-signature", ""},
		"no version":         {b.signed(f.without("version")), "40001", "isv.missing-version", ""},
		"no timestamp":       {b.signed(f.without("timestamp")), "40001", "isv.missing-timestamp", ""},
		"RFC 3339 timestamp": {b.signed(f.with("timestamp", "2026-03-02T18:00:00+08:00")), "40002", "isv.invalid-timestamp", ""},
		"app auth token":     {b.signed(f.with("app_auth_token", "x")), "20001", "aop.invalid-app-auth-token", ""},
		"encrypted":          {b.signed(f.with("encrypt_type", "AES")), "40003", "isv.decryption-error-unknown", ""},
		"broken content":     {b.signed(f.with("biz_content", `{"out_trade_no":"GATE_1"`)), "40002", "isv.illegal-json", ""},
		"two objects":        {b.signed(f.with("biz_content", `{}{}`)), "40002", "isv.illegal-json", ""},
		"null":               {b.signed(f.with("biz_content", `null`)), "40002", "isv.illegal-json", ""},
		"not UTF-8":          {b.signed(f.with("biz_content", "{\"out_trade_no\":\"\xd0\"}")), "40002", "isv.illegal-json", ""},
		"smuggled fields": {
			b.signed(f.with("biz_content", `{"subject":"x&out_trade_no=1"}`)), "40002", "isv.suspected-attack", "",
		},
	} {
		r := b.send(c.request)
		b.wantCode(r, c.code, c.subCode)
		if r.header.Get("Content-Type") != "text/html;charset=utf-8" {
			t.Errorf("%s: content type is %s", name, r.header.Get("Content-Type"))
		}
		want := c.head
		if want == "" {
			want = "alipay_trade_query_response"
		}
		if got := r.open(t).head; got != want {
			t.Errorf("%s: node is %s, want %s", name, got, want)
		}
	}
}

func TestSignatureIsMadeByTheRequestRule(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "RULE 1/+%&="}).with("notify_url", "")
	good := b.sign(f.message())
	b.wantCode(b.send(f.with("sign", good)), "40004", "ACQ.TRADE_NOT_EXIST")
	for name, sign := range map[string]string{
		"sign_type left out": b.sign(f.without("sign_type").message()),
		"encoded values":     b.sign(f.encode()),
		"empty value kept":   b.sign(f.message() + "&notify_url="),
		"not base64":         "!" + good[1:],
		"other message":      b.sign(f.with("version", "1.1").message()),
	} {
		r := b.send(f.with("sign", sign))
		if e := r.open(t); e.fields(t)["sub_code"] != "isv.invalid-signature" {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	b.wantCode(b.send(f.with("sign", good).with("extra", "1")), "40002", "isv.invalid-signature")
}

func TestParametersComeFromQueryAndBodyTogether(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := b.signed(common("alipay.trade.query", form{"out_trade_no": "BOTH_1"}))
	inQuery := form{"charset": f["charset"], "method": f["method"], "sign": f["sign"]}
	r, err := b.exchange(t.Context(), http.MethodPost, b.base+"/gateway.do?"+inQuery.encode(),
		f.without("charset", "method", "sign").encode())
	if err != nil {
		t.Fatal(err)
	}
	b.wantCode(r, "40004", "ACQ.TRADE_NOT_EXIST")
	b.wantCode(b.get(b.base+"/gateway.do?"+f.encode()), "40004", "ACQ.TRADE_NOT_EXIST")
}

func TestSignedNodesHaveEscapedSlashes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.query("SLASH_1")
	b.wantCode(r, "40004", "ACQ.TRADE_NOT_EXIST")
	if !strings.Contains(r.body, `https:\/\/open.alipay.com\/api\/errCheck?traceId=`) {
		t.Errorf("answer is %s", r.body)
	}
}

func TestBusinessErrorsMayBeUnsigned(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.Profile.UnsignedBusinessErrors = true })
	e := b.query("BIZ_1").open(t)
	if e.sign != "" || e.fields(t)["sub_code"] != "ACQ.TRADE_NOT_EXIST" {
		t.Errorf("answer is %+v", e)
	}
	e = b.post(createForm(orderForm("BIZ_1"))).open(t)
	if !b.signedBy(string(e.node), e.sign) {
		t.Errorf("success is unsigned: %+v", e)
	}
}

func TestTimestampWindowIsOfTheRealClockAndOffByDefault(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.Profile.TimestampWindow = 10 * time.Minute })
	f := common("alipay.trade.query", form{"out_trade_no": "TIME_1"})
	now := time.Now().In(time.FixedZone("", 8*3600))
	b.wantCode(b.post(f.with("timestamp", now.Format(time.DateTime))), "40004", "ACQ.TRADE_NOT_EXIST")
	for _, wrong := range []time.Time{now.UTC(), now.Add(-11 * time.Minute), now.Add(11 * time.Minute)} {
		b.wantCode(b.post(f.with("timestamp", wrong.Format(time.DateTime))), "40002", "isv.invalid-timestamp")
	}
	b = setup(t, nil)
	b.wantCode(b.post(f.with("timestamp", "2001-01-01 00:00:00")), "40004", "ACQ.TRADE_NOT_EXIST")
}

func TestGBKRequestIsReadAndAnsweredInGBK(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := createForm(orderForm("GBK_1")).with("charset", "GBK")
	raw, err := simplifiedchinese.GBK.NewEncoder().String(f["biz_content"])
	if err != nil {
		t.Fatal(err)
	}
	r := b.post(f.with("biz_content", raw))
	b.wantCode(r, "10000", "")
	if r.header.Get("Content-Type") != "text/html;charset=GBK" {
		t.Errorf("content type is %s", r.header.Get("Content-Type"))
	}
	r = b.post(f) // UTF-8 under the name of GBK
	text, err := simplifiedchinese.GBK.NewDecoder().String(r.body)
	if err != nil || !strings.Contains(text, "isv.illegal-json") || !strings.Contains(text, "非法的 JSON") {
		t.Errorf("answer is %s, %v", text, err)
	}
	r = b.post(f.with("biz_content", `{"out_trade_no":"GBK_2"}`))
	e := r.open(t)
	if !b.signedBy(string(e.node), e.sign) || !strings.Contains(r.body, "ACQ.INVALID_PARAMETER") {
		t.Errorf("answer is %s", r.body)
	}
}

func TestOversizedRequestGets413(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.send(form{"biz_content": strings.Repeat("x", 64<<10)})
	if r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("answer is %d", r.status)
	}
}
