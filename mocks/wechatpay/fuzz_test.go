package wechatpay_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guodu/mocks/wechatpay"
)

// FuzzRequests throws bodies, addresses and Authorization headers at a simulator
// that does not look at signatures: it must answer each, and never with an
// internal error.
func FuzzRequests(f *testing.F) {
	opts := options()
	opts.Without = []int{wechatpay.BAuthorization}
	gateway, err := wechatpay.New(opts)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = gateway.Close() })
	paths := []string{
		prepayURL, codePayURL, refundURL, closeURL("FUZZ0001"), "/cgi-bin/stable_token",
		"/cgi-bin/message/template/send?access_token=x", "/_sim/cashier", "/_sim/faults", "/_sim/explain",
	}
	f.Add(0, `{"appid":"wx","amount":{"total":1}}`, "")
	f.Add(1, `{"payer":{"auth_code":"130000000000000000"}}`, `WECHATPAY2-SHA256-RSA2048 mchid="1"`)
	f.Add(2, `{"out_refund_no":"R","amount":{"refund":1,"total":1,"currency":"CNY"},"transaction_id":"4"}`, "")
	f.Add(8, `{"method":"POST","url":"/%zz?","header":{"Authorization":"x"},"body":"{"}`, "")
	f.Add(3, `[null]`, "")
	f.Fuzz(func(t *testing.T, path int, body, authorization string) {
		if path < 0 {
			path = -(path + 1)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+paths[path%len(paths)], strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Accept", "*/*")
		r.Header.Set("User-Agent", "fuzz")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		gateway.Handler().ServeHTTP(w, r)
		gateway.ClearFaults()
		if w.Code == http.StatusInternalServerError && !strings.Contains(w.Body.String(), "OPENID_MISMATCH") {
			t.Errorf("%s: %d %s", r.URL, w.Code, w.Body)
		}
	})
}
