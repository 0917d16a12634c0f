package wechatpay_test

import (
	"net/http"
	"testing"
)

func TestOnlyPagesOfThisMachineMayUseTheCashier(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for origin, want := range map[string]string{
		"http://127.0.0.1:8080": "http://127.0.0.1:8080", "http://localhost:8080": "http://localhost:8080",
		"https://pay.example.edu": "", "null": "", "": "",
	} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, b.base+"/_sim/cashier", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", origin)
			r := b.do(req)
			if r.status >= 300 || r.header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("%s from %q: %d, allows %q", method, origin, r.status, r.header.Get("Access-Control-Allow-Origin"))
			}
		}
	}
}
