package main_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExplainSignatureReadsAKeptMessage(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	keep := func(text string) string {
		path := filepath.Join(t.TempDir(), "message")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	message := keep("POST /notify/wechat HTTP/1.1\r\nWechatpay-Timestamp: 1\r\nWechatpay-Nonce: n\r\nWechatpay-Serial: PUB_KEY_ID_99\r\n" +
		"Wechatpay-Signature: WECHATPAY/SIGNTEST/abc\r\n\r\n{}")
	for _, want := range []string{"ok    headers", "BAD   timestamp", "BAD   serial", "a probe"} {
		c.refuses(want, "explain-signature", "wechat", message)
	}
	form := keep("Content-Type: application/x-www-form-urlencoded\n\napp_id=1&sign_type=RSA2&sign=YWJj&trade_no=1")
	for _, want := range []string{"ok    headers", "BAD   app_id", "does not hold with any of the hub's 1 keys"} {
		c.refuses(want, "explain-signature", "alipay", form)
	}
	c.refuses("want header lines", "explain-signature", "alipay", keep("nothing"))
	c.refuses("wechat", "explain-signature", "cash", form)
}
