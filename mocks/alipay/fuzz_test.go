package alipay_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// Whatever comes in is answered: with an error, and never with a crash.
func FuzzGatewayAnswersAnything(f *testing.F) {
	for _, seed := range []string{
		"", "method=alipay.trade.refund", "%zz&&=", "service=notify_verify&notify_id=x",
		common("alipay.trade.pay", form{"auth_code": "28"}).with("sign", "!").encode(),
		common("alipay.open.public.message.single.send", nil).with("biz_content", `{"template":[]}`).encode(),
		common("alipay.trade.query", nil).with("charset", "gbk").with("biz_content", "\xff").encode(),
	} {
		f.Add(seed, seed)
	}
	opts := options()
	opts.PlatformKey, opts.Without = platformKey(), []int{1} // past the signature
	s, err := alipay.New(opts)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/gateway.do", strings.NewReader(body))
		r.URL.RawQuery = query
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("answer is %d %q", w.Code, w.Body)
		}
		_, _ = s.Explain(sim.ExplainRequest{URL: "/gateway.do", Body: body})
	})
}
