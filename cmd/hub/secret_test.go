package main_test

import (
	"strings"
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/wechatpay"
)

func TestAWholeRunLeavesNoSecretInAnyLog(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, withMessages)
	hub := c.start("")
	for _, channel := range []string{"wechat", "alipay"} {
		order, err := c.boundBy(channel).Recharge(c.ctx, "20.00")
		if err != nil {
			t.Fatal(err)
		}
		if channel == "wechat" {
			_, err = c.WeChat.DeliverTampered(c.ctx, order, wechatpay.TamperOtherAmount)
		} else {
			_, err = c.Alipay.DeliverTampered(c.ctx, order, alipay.TamperRefund)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Deliver(c.ctx, channel, order, 2); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	c.told(3) // one order is paid and the other a case, and both people hear of the load
	token := c.WeChat.AccessToken()
	if token == "" || strings.Contains(c.logs.String(), token) {
		t.Errorf("the hub's log shows the access token %.6s…, or there is none", token)
	}
	c.noSecrets()
	c.noted("h:notices:wechat")
	c.noted("h:notices:alipay")
	kept := c.notices()
	for _, secret := range c.Secrets() {
		if strings.Contains(kept, secret) {
			t.Errorf("the journal of callbacks holds a secret: %.6s…", secret)
		}
	}
	said := len(hub.log.Bytes())
	if said < 1000 {
		t.Errorf("the hub logged %d bytes: it was not told to log", said)
	}
	t.Logf("result: %d secrets looked for in %d bytes of log and %d of journal", len(c.Secrets()), said, len(kept))
}
