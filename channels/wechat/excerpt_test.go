package wechat_test

import (
	"strings"
	"testing"
)

func TestAnExcerptKeepsTheCiphertextAndNoSignature(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	header := headers(body, noon())
	header.Set("Authorization", "do-not-log-me")
	kept := ch.Excerpt(header, body, true)
	if kept.Body != string(body) {
		t.Errorf("kept %s, want the notice as it came", kept.Body)
	}
	signature := header.Get("Wechatpay-Signature")
	for name, value := range kept.Headers {
		want := header.Get(name)
		if name == "Wechatpay-Signature" {
			want = signature[:8] + "…"
		}
		if value != want {
			t.Errorf("kept %s: %s, want %s", name, value, want)
		}
	}
	if len(kept.Headers) != 5 {
		t.Errorf("kept headers %v, want the five of WeChat Pay", kept.Headers)
	}
	forged := ch.Excerpt(header, paid().bytes(), false)
	if strings.Contains(forged.Body, openID) || len(forged.Body) > 4*256 {
		t.Errorf("kept of a forgery: %s", forged.Body)
	}
	if short := ch.Excerpt(header, []byte(`{"payer":{"openid":"`+openID+`"}}`), false); !strings.Contains(short.Body, `"openid":"…`+openID[len(openID)-4:]) {
		t.Errorf("kept of a payer in the open: %s", short.Body)
	}
}
