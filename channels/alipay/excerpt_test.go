package alipay_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestAnExcerptHasHintsOfThePayerAndNoSignature(t *testing.T) {
	ch := mustNew(t, config())
	values := told().with("buyer_open_id", openID).signed()
	body := []byte(values.Encode())
	kept := ch.Excerpt(form(), body, true)
	for _, secret := range []string{userID, openID, url.QueryEscape(values.Get("sign")), "152%2A%2A%2A%2A6706", "do-not-log-me"} {
		if strings.Contains(kept.Body, secret) {
			t.Errorf("%q is in what is kept: %s", secret, kept.Body)
		}
	}
	for _, want := range []string{"buyer_id=…6880", "buyer_open_id=…" + openID[len(openID)-4:], "sign=…", "sign_type=RSA2", "out_trade_no=" + orderNo, "total_amount=50.00"} {
		if !strings.Contains(kept.Body, want) {
			t.Errorf("%q is not in what is kept: %s", want, kept.Body)
		}
	}
	if len(kept.Headers) != 1 || kept.Headers["Content-Type"] == "" {
		t.Errorf("kept headers %v", kept.Headers)
	}
	forged := ch.Excerpt(form(), body, false)
	if strings.Contains(forged.Body, userID) || strings.Contains(forged.Body, openID) || len(forged.Body) > 4*256 {
		t.Errorf("kept of a forgery: %s", forged.Body)
	}
	json := ch.Excerpt(form(), []byte(`{"buyer_id":"`+userID+`"}`), false)
	if json.Body != `{"buyer_id":"…6880"}` {
		t.Errorf("kept of JSON: %s", json.Body)
	}
}
