package wechatpay_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

func TestB01AuthorizationIsVerifiedOverTheRawBytes(t *testing.T) {
	t.Parallel()
	checkAuthorization(t)
}

func checkAuthorization(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	body := orderForm("BEHAVE01").json(t)
	for name, change := range map[string]func(*auth){
		"another body":   func(a *auth) { a.body = strings.TrimSuffix(body, "\n") },
		"no query":       func(a *auth) { a.url = prepayURL },
		"another method": func(a *auth) { a.method = "post" },
		"another mchid":  func(a *auth) { a.mchID = "1900000108" },
		"another serial": func(a *auth) { a.serial = strings.Repeat("0", 40) },
	} {
		a := b.auth(http.MethodPost, prepayURL+"?a=b", body)
		change(&a)
		req := b.request(http.MethodPost, prepayURL+"?a=b", body)
		req.Header.Set("Authorization", b.authorization(a))
		r := b.do(req)
		if r.status != http.StatusUnauthorized || r.code() != "SIGN_ERROR" || r.header.Get("Wechatpay-Signature") != "" {
			t.Errorf("%s: %d %s, want an unsigned 401 SIGN_ERROR", name, r.status, r.body)
		}
	}
	req := b.request(http.MethodPost, prepayURL, body) // signed without the newline at the end
	a := b.auth(http.MethodPost, prepayURL, body)
	unix := strconv.FormatInt(a.unix, 10)
	sig := b.sign(strings.Join([]string{a.method, a.url, unix, a.nonce, body}, "\n"))
	req.Header.Set("Authorization", fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",signature="%s",timestamp="%s",serial_no="%s"`,
		a.mchID, a.nonce, sig, unix, a.serial))
	if r := b.do(req); r.status != http.StatusUnauthorized {
		t.Errorf("no newline at the end: %d %s", r.status, r.body)
	}
	b.want(b.call(http.MethodPost, prepayURL+"?a=b", body), http.StatusOK, "")
}

func TestB02RequestsOfAnotherTimeAreRefused(t *testing.T) { t.Parallel(); checkRequestTime(t) }

func checkRequestTime(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	for _, off := range []time.Duration{-5*time.Minute - time.Second, 5*time.Minute + 2*time.Second} {
		a := b.auth(http.MethodGet, queryURL("BEHAVE02"), "")
		a.unix += int64(off / time.Second)
		req := b.request(http.MethodGet, queryURL("BEHAVE02"), "")
		req.Header.Set("Authorization", b.authorization(a))
		if r := b.do(req); r.status != http.StatusUnauthorized || r.code() != "SIGN_ERROR" {
			t.Errorf("%v off: %d %s", off, r.status, r.body)
		}
	}
}

func TestB03TheBodysMerchantIsTheHeaders(t *testing.T) { t.Parallel(); checkMerchantMatch(t) }

func checkMerchantMatch(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	r := b.call(http.MethodPost, prepayURL, orderForm("BEHAVE03").with("mchid", "1900000108").json(t))
	b.want(r, http.StatusBadRequest, "PARAM_ERROR")
	a := b.auth(http.MethodGet, queryURL("BEHAVE03"), "")
	a.serial = strings.Repeat("A", 40)
	req := b.request(http.MethodGet, queryURL("BEHAVE03"), "")
	req.Header.Set("Authorization", b.authorization(a))
	if r := b.do(req); r.status != http.StatusUnauthorized {
		t.Errorf("unknown serial: %d %s", r.status, r.body)
	}
}

// certificateKey is the key of the platform certificate in use.
func (b *bench) certificateKey() (*rsa.PublicKey, string) {
	b.t.Helper()
	raw, serial, ok := b.sim.CertificatePEM()
	if !ok {
		b.t.Fatal("there is no certificate")
	}
	block, _ := pem.Decode(raw)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		b.t.Fatal(err)
	}
	return certificate.PublicKey.(*rsa.PublicKey), serial
}

func TestB04AnswersAreSignedWithTheKeyThatWasNamed(t *testing.T) { t.Parallel(); checkAnswerKey(t) }

func checkAnswerKey(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *wechatpay.Options) { o.Profile.Keys = wechatpay.KeysMigrating })
	key, serial := b.certificateKey()
	for range 3 { // by chance it would be right every other time
		req := b.request(http.MethodGet, queryURL("BEHAVE04"), "")
		req.Header.Set("Wechatpay-Serial", serial)
		r := b.do(req)
		if r.header.Get("Wechatpay-Serial") != serial || !holds(key, r.header, r.body) || r.header.Get("Request-Id") == "" {
			t.Fatalf("asked for %s: %v", serial, r.header)
		}
		req = b.request(http.MethodGet, queryURL("BEHAVE04"), "")
		req.Header.Set("Wechatpay-Serial", b.sim.PublicKeyID())
		b.want(b.do(req), http.StatusNotFound, "ORDER_NOT_EXIST")
	}
}

func TestB05CloseAnswersASigned204(t *testing.T) { t.Parallel(); checkSigned204(t) }

func checkSigned204(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.prepay(orderForm("BEHAVE05"))
	r := b.call(http.MethodPost, closeURL("BEHAVE05"), closeBody)
	b.want(r, http.StatusNoContent, "")
	if len(r.body) != 0 {
		t.Errorf("204 has the body %q", r.body)
	}
}

func TestB06ErrorsHaveTheirStatusAndCode(t *testing.T) { t.Parallel(); checkErrorShape(t) }

func checkErrorShape(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.want(b.call(http.MethodPost, prepayURL, orderForm("1").json(t)), http.StatusBadRequest, "PARAM_ERROR")
	b.want(b.call(http.MethodGet, queryURL("BEHAVE06"), ""), http.StatusNotFound, "ORDER_NOT_EXIST")
	for endpoint, c := range map[string]struct {
		kind   wechatpay.FaultKind
		status int
		code   string
	}{
		wechatpay.EndpointQuery:       {"refuse-rule-limit", 403, "RULE_LIMIT"},
		wechatpay.EndpointRefundQuery: {wechatpay.FaultTooMany, 429, "FREQUENCY_LIMITED"},
	} {
		b.fail(endpoint, c.kind, 1)
		url := map[string]string{wechatpay.EndpointQuery: queryURL("BEHAVE06"), wechatpay.EndpointRefundQuery: refundURL + "/R1"}[endpoint]
		r := b.call(http.MethodGet, url, "")
		b.want(r, c.status, c.code)
		var e struct{ Message string }
		if err := json.Unmarshal(r.body, &e); err != nil || e.Message == "" {
			t.Errorf("%s: no message in %s", c.code, r.body)
		}
	}
}

func TestB07UnknownFieldsNullAndWrongTypesAreRefused(t *testing.T) { t.Parallel(); checkFieldTypes(t) }

func checkFieldTypes(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	good := orderForm("BEHAVE07")
	for field, f := range map[string]form{
		"/sign_type":    good.with("sign_type", "RSA"),
		"/goods_tag":    good.with("goods_tag", nil),
		"/amount/total": good.with("amount", form{"total": "100"}),
		"/detail":       good.with("detail", "text"),
	} {
		wantField(b, f, field)
	}
	wantField(b, good.with("amount", form{"total": 1.5}), "/amount/total")
}

func wantField(b *bench, f form, field string) {
	b.t.Helper()
	r := b.call(http.MethodPost, prepayURL, f.json(b.t))
	var e struct{ Detail struct{ Field string } }
	_ = json.Unmarshal(r.body, &e)
	if r.status != http.StatusBadRequest || r.code() != "PARAM_ERROR" || e.Detail.Field != field {
		b.t.Errorf("%s: %d %s", field, r.status, r.body)
	}
}

func TestB08LengthsAlphabetsAndAmountsAreChecked(t *testing.T) { t.Parallel(); checkFieldLimits(t) }

func checkFieldLimits(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	good := orderForm("BEHAVE08")
	for _, no := range []string{"12345", strings.Repeat("1", 33), "123456.7"} {
		wantField(b, good.with("out_trade_no", no), "/out_trade_no")
	}
	wantField(b, good.with("attach", strings.Repeat("饭", 129)), "/attach")
	wantField(b, good.with("description", strings.Repeat("饭", 128)), "/description")
	for _, total := range []int{0, -1} {
		wantField(b, good.with("amount", form{"total": total}), "/amount/total")
	}
	wantField(b, good.with("amount", form{"total": 1, "currency": "USD"}), "/amount/currency")
	b.prepay(good.with("description", strings.Repeat("饭", 127)).with("attach", strings.Repeat("饭", 128)))
}

func TestB09NotifyURLIsCompletePublicAndWithoutQuery(t *testing.T) { t.Parallel(); checkNotifyURL(t) }

func checkNotifyURL(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *wechatpay.Options) { o.AllowLoopbackNotify = false })
	for _, u := range []string{"https://pay.example.edu/n?a=1", "https://pay.example.edu", notifyURL, "http://10.0.0.1/n"} {
		wantField(b, orderForm("BEHAVE09").with("notify_url", u), "/notify_url")
	}
	b.prepay(orderForm("BEHAVE09").with("notify_url", "https://pay.example.edu/n"))
}

func TestB10ARepeatedPrepayIsTheSameOrNothing(t *testing.T) { t.Parallel(); checkRepeatedPrepay(t) }

func checkRepeatedPrepay(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	f := orderForm("BEHAVE10")
	if first := b.prepay(f); b.prepay(f) == first {
		t.Error("the same prepay_id came twice")
	}
	for _, other := range []form{
		f.with("amount", form{"total": 1}), f.with("payer", form{"openid": wechatpay.OpenID(appID, "lisi")}),
		f.with("time_expire", "2026-03-02T19:00:00+08:00"),
	} {
		b.want(b.call(http.MethodPost, prepayURL, other.json(t)), http.StatusBadRequest, "INVALID_REQUEST")
	}
	b.paid(f)
	b.want(b.call(http.MethodPost, prepayURL, f.json(t)), http.StatusBadRequest, "ORDER_PAID")
	g := orderForm("BEHAVE10B")
	b.prepay(g)
	b.call(http.MethodPost, closeURL("BEHAVE10B"), closeBody)
	b.want(b.call(http.MethodPost, prepayURL, g.json(t)), http.StatusBadRequest, "ORDER_CLOSED")
}

func TestB11APrepayIDDiesAfterTwoHours(t *testing.T) { t.Parallel(); checkPrepayLife(t) }

func checkPrepayLife(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	wantPay := func(id string, want error) {
		t.Helper()
		if _, err := b.sim.Pay(t.Context(), b.payRequest(id)); !errors.Is(err, want) {
			t.Errorf("pay %s: %v, want %v", id, err, want)
		}
	}
	old := b.prepay(orderForm("BEHAVE11"))
	id := b.prepay(orderForm("BEHAVE11"))
	wantPay(old, wechatpay.ErrPrepayReplaced)
	wantPay("wx0", wechatpay.ErrPrepayUnknown)
	b.clock.Advance(2 * time.Hour)
	wantPay(id, wechatpay.ErrPrepayExpired)
	late := b.prepay(orderForm("BEHAVE11B").with("time_expire", "2026-03-02T20:30:00+08:00"))
	b.clock.Advance(30 * time.Minute)
	wantPay(late, wechatpay.ErrOrderExpired)
	if r := b.call(http.MethodGet, queryURL("BEHAVE11B"), ""); !strings.Contains(string(r.body), `"NOTPAY"`) {
		t.Errorf("an expired order is %s", r.body)
	}
}

func TestB12TimeExpireIsRaisedAndCut(t *testing.T) { t.Parallel(); checkExpiryLimits(t) }

func checkExpiryLimits(t testing.TB, without ...int) {
	for asked, lives := range map[string]time.Duration{
		"2026-03-02T18:00:10+08:00": time.Minute, "2027-03-02T18:00:00+08:00": 15 * 24 * time.Hour,
	} {
		b := lacking(t, without, nil)
		f := orderForm("BEHAVE12").with("time_expire", asked)
		g := orderForm("BEHAVE12B").with("time_expire", asked)
		b.prepay(f)
		b.prepay(g)
		b.clock.Advance(lives - time.Second)
		b.paid(f)
		b.clock.Advance(time.Second)
		b.want(b.call(http.MethodPost, prepayURL, g.json(t)), http.StatusBadRequest, "INVALID_REQUEST")
	}
}

func TestB13ThePagesSignatureIsVerified(t *testing.T) { t.Parallel(); checkPaySign(t) }

func checkPaySign(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	id := b.prepay(orderForm("BEHAVE13"))
	for name, c := range map[string]struct {
		change func(*wechatpay.PayRequest)
		want   error
	}{
		"another nonce": {func(r *wechatpay.PayRequest) { r.NonceStr += "0" }, wechatpay.ErrPaySign},
		"another time":  {func(r *wechatpay.PayRequest) { r.TimeStamp = "1400000000" }, wechatpay.ErrPaySign},
		"no prefix":     {func(r *wechatpay.PayRequest) { r.Package = id }, wechatpay.ErrCashierField},
		"MD5":           {func(r *wechatpay.PayRequest) { r.SignType = "MD5" }, wechatpay.ErrCashierField},
		"milliseconds":  {func(r *wechatpay.PayRequest) { r.TimeStamp += "000" }, wechatpay.ErrCashierField},
		"another appId": {func(r *wechatpay.PayRequest) { r.AppID = "wx2"; r.PaySign = b.paySign(*r) }, wechatpay.ErrCashierApp},
	} {
		req := b.payRequest(id)
		c.change(&req)
		if _, err := b.sim.Pay(t.Context(), req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := b.sim.Pay(t.Context(), b.payRequest(id)); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func TestB14OnlyTheOrdersPayerPays(t *testing.T) { t.Parallel(); checkPayer(t) }

func checkPayer(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	req := b.payRequest(b.prepay(orderForm("BEHAVE14")))
	req.Openid = wechatpay.OpenID(appID, "lisi")
	if _, err := b.sim.Pay(t.Context(), req); !errors.Is(err, wechatpay.ErrPayer) {
		t.Errorf("another person: %v", err)
	}
	foreign := orderForm("BEHAVE14B").with("payer", form{"openid": wechatpay.OpenID("wx2", person)})
	b.want(b.call(http.MethodPost, prepayURL, foreign.json(t)), http.StatusInternalServerError, "OPENID_MISMATCH")
}

func TestB15OfTwoPaymentsOneSucceeds(t *testing.T) { t.Parallel(); checkDoubleTap(t) }

func checkDoubleTap(t testing.TB, without ...int) {
	const taps = 8
	b := lacking(t, without, nil)
	req := b.payRequest(b.prepay(orderForm("BEHAVE15")))
	errs := make([]error, taps)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = b.sim.Pay(t.Context(), req) })
	}
	all.Wait()
	paid := 0
	for _, err := range errs {
		switch {
		case err == nil:
			paid++
		case !errors.Is(err, wechatpay.ErrOrderPaid):
			t.Errorf("a tap: %v", err)
		}
	}
	if paid != 1 || b.sim.Count("paid") != 1 {
		t.Errorf("%d of %d taps paid", paid, taps)
	}
}

func TestB16OfPayAndCloseOneWins(t *testing.T) { t.Parallel(); checkPayOrClose(t) }

func checkPayOrClose(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.paid(orderForm("BEHAVE16"))
	b.want(b.call(http.MethodPost, closeURL("BEHAVE16"), closeBody), http.StatusBadRequest, "ORDER_PAID")
	id := b.prepay(orderForm("BEHAVE16B"))
	for range 2 {
		b.want(b.call(http.MethodPost, closeURL("BEHAVE16B"), closeBody), http.StatusNoContent, "")
	}
	if _, err := b.sim.Pay(t.Context(), b.payRequest(id)); !errors.Is(err, wechatpay.ErrOrderClosed) {
		t.Errorf("paying a closed order: %v", err)
	}
	b.prepay(orderForm("BEHAVE16C"))
	b.fail(wechatpay.EndpointClose, wechatpay.FaultPaidAtClose, 1)
	b.want(b.call(http.MethodPost, closeURL("BEHAVE16C"), closeBody), http.StatusBadRequest, "ORDER_PAID")
}
