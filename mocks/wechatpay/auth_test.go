package wechatpay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestUnprovenRequestsGet401Unsigned(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	body := orderForm("AUTH0001").json(t)
	for name, change := range map[string]func(*auth){
		"other body":             func(a *auth) { a.body = strings.Replace(a.body, "5000", "5001", 1) },
		"no trailing newline":    func(a *auth) { a.body = strings.TrimSuffix(a.body, "\n") },
		"other path":             func(a *auth) { a.url = "/v3/pay/transactions/app" },
		"other method":           func(a *auth) { a.method = http.MethodPut },
		"other merchant":         func(a *auth) { a.mchID = "1900000108" },
		"other serial":           func(a *auth) { a.serial = strings.Repeat("A", 40) },
		"stamp 5 minutes old":    func(a *auth) { a.unix -= 300 },
		"stamp 5 minutes early":  func(a *auth) { a.unix += 305 },
		"quote within the nonce": func(a *auth) { a.nonce = `a",b="` },
		"empty nonce":            func(a *auth) { a.nonce = "" },
	} {
		a := b.auth(http.MethodPost, prepayURL, body)
		change(&a)
		req := b.request(http.MethodPost, prepayURL, body)
		req.Header.Set("Authorization", b.authorization(a))
		wantUnsigned401(t, name, b.do(req))
	}
	if len(b.sim.Book().Orders) != 0 {
		t.Fatal("an unproven request made an order")
	}
}

func wantUnsigned401(t *testing.T, name string, r reply) {
	t.Helper()
	if r.status != http.StatusUnauthorized || r.code() != "SIGN_ERROR" {
		t.Errorf("%s: %d %s, want 401 SIGN_ERROR", name, r.status, r.body)
	}
	if r.header.Get("Wechatpay-Signature") != "" || r.header.Get("Request-ID") == "" {
		t.Errorf("%s: headers %v, want a Request-ID and no signature", name, r.header)
	}
}

func TestMalformedAuthorizationGets401(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good := b.authorization(b.auth(http.MethodGet, queryURL("AUTH0002"), ""))
	for name, value := range map[string]string{
		"none":            "",
		"another scheme":  strings.Replace(good, "RSA2048", "SM2", 1),
		"a field twice":   good + `,mchid="` + mchID + `"`,
		"a field missing": strings.Replace(good, `mchid="`+mchID+`",`, "", 1),
		"unquoted":        strings.Replace(good, `"`+mchID+`"`, mchID, 1),
		"bad signature":   strings.Replace(good, `signature="`, `signature="!`, 1),
		"bad timestamp":   strings.Replace(good, `timestamp="`, `timestamp="x`, 1),
	} {
		req := b.request(http.MethodGet, queryURL("AUTH0002"), "")
		req.Header.Set("Authorization", value)
		wantUnsigned401(t, name, b.do(req))
	}
}

func TestSignatureCoversTheQueryString(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.auth(http.MethodGet, "/v3/pay/transactions/out-trade-no/AUTH0003", "")
	req := b.request(http.MethodGet, queryURL("AUTH0003"), "")
	req.Header.Set("Authorization", b.authorization(a))
	wantUnsigned401(t, "query left out", b.do(req))
	b.want(b.call(http.MethodGet, queryURL("AUTH0003"), ""), http.StatusNotFound, "ORDER_NOT_EXIST")
}

func TestStampJustInsideTheWindowPasses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.auth(http.MethodGet, queryURL("AUTH0004"), "")
	a.unix = time.Now().Add(-4 * time.Minute).Unix()
	req := b.request(http.MethodGet, queryURL("AUTH0004"), "")
	req.Header.Set("Authorization", b.authorization(a))
	b.want(b.do(req), http.StatusNotFound, "ORDER_NOT_EXIST")
}

func TestBadHeadersGetSignedParamError(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for name, change := range map[string]func(http.Header){
		"unknown platform key": func(h http.Header) { h.Set("Wechatpay-Serial", "PUB_KEY_ID_01") },
		"no Accept":            func(h http.Header) { h.Del("Accept") },
		"no User-Agent":        func(h http.Header) { h.Set("User-Agent", "") },
		"body of another type": func(h http.Header) { h.Set("Content-Type", "text/plain") },
	} {
		t.Run(name, func(t *testing.T) {
			b := b.in(t)
			req := b.request(http.MethodPost, prepayURL, orderForm("AUTH0005").json(t))
			change(req.Header)
			b.want(b.do(req), http.StatusBadRequest, "PARAM_ERROR")
		})
	}
	req := b.request(http.MethodPost, prepayURL, orderForm("AUTH0005").json(t))
	req.Header.Set("Wechatpay-Serial", b.sim.PublicKeyID())
	b.want(b.do(req), http.StatusOK, "")
}

func TestUnknownPathIsRefusedOnlyToTheMerchant(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.want(b.call(http.MethodGet, "/v3/nothing", ""), http.StatusNotFound, "RESOURCE_NOT_EXISTS")
	b.want(b.call(http.MethodPut, prepayURL, "{}"), http.StatusNotFound, "RESOURCE_NOT_EXISTS")
	req := b.request(http.MethodGet, "/v3/nothing", "")
	req.Header.Del("Authorization")
	wantUnsigned401(t, "stranger", b.do(req))
}

func TestOversizedBodyGets413(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.call(http.MethodPost, prepayURL, strings.Repeat(" ", 64<<10+1))
	if r.status != http.StatusRequestEntityTooLarge || r.header.Get("Wechatpay-Signature") != "" {
		t.Fatalf("answer is %d %v, want an unsigned 413", r.status, r.header)
	}
}
