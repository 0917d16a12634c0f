package main_test

import (
	"net/http"
	"strings"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/mocks/alipay"
	"guodu/mocks/phone"
	"guodu/mocks/wechatpay"
	"guodu/transition"
)

// bound is a phone whose holder has bound the account.
func (c *campus) bound() *phone.Phone { return c.boundBy("wechat") }

func (c *campus) boundBy(channel string) *phone.Phone {
	c.t.Helper()
	p, err := c.Phone(channel)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := p.Bind(c.ctx, world.Username, world.Password); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *campus) paid(yuan string) string {
	c.t.Helper()
	order, err := c.bound().Recharge(c.ctx, yuan)
	if err != nil {
		c.t.Fatal(err)
	}
	return order
}

func TestTheSameCallbackAHundredTimesAtOnceOnTwoHubsCreditsOnce(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	first, second := c.start(""), c.start("")
	order := c.paid("50.00")
	delivered, err := c.WeChat.DeliverConcurrently(c.ctx, order, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range delivered {
		if !d.Accepted {
			t.Errorf("callback %d was answered %d %s, %v", i, d.Status, d.Body, d.Err)
		}
	}
	for _, hub := range []*process{first, second} {
		if n := strings.Count(hub.log.String(), "msg=callback"); n < 20 {
			t.Errorf("a hub saw %d of 100 callbacks: they did not meet", n)
		}
	}
	a := c.audit(1)
	if a.Pending != 5000 {
		t.Errorf("pending %s, want 50.00", a.Pending.Yuan())
	}
	o, err := c.inside().Books().Order(c.ctx, transition.OrderNo(order))
	if err != nil || o.Duplicates != 99 {
		t.Errorf("%d duplicates are counted, %v; want 99", o.Duplicates, err)
	}
	t.Logf("result: %d callbacks accepted, 1 credit, %d duplicates", len(delivered), o.Duplicates)
}

func TestHostileCallbacksMoveNothingAndAreAnsweredClearly(t *testing.T) {
	t.Parallel()
	// What is kept as a case is answered with success: repeating cannot help.
	want := map[wechatpay.Tamper]int{
		wechatpay.TamperOtherMchID: http.StatusNoContent, wechatpay.TamperOtherAppID: http.StatusNoContent,
		wechatpay.TamperOtherAmount: http.StatusNoContent, wechatpay.TamperOtherCurrency: http.StatusNoContent,
		wechatpay.TamperUnknownOrder: http.StatusNoContent, wechatpay.TamperNotSuccess: http.StatusNoContent,
		wechatpay.TamperNoResource: http.StatusBadRequest, wechatpay.TamperNonceLength: http.StatusBadRequest,
		wechatpay.TamperOtherAlgorithm: http.StatusBadRequest, wechatpay.TamperOtherKey: http.StatusBadRequest,
		wechatpay.TamperEventRefund: http.StatusBadRequest, wechatpay.TamperEventPayScore: http.StatusBadRequest,
		wechatpay.TamperBrokenPlaintext: http.StatusBadRequest, wechatpay.TamperAmountText: http.StatusBadRequest,
		wechatpay.TamperNotJSON: http.StatusBadRequest, wechatpay.TamperHugeBody: http.StatusRequestEntityTooLarge,
	}
	c := newCampus(t)
	c.start("")
	sheet, err := c.bound().Prepare(c.ctx, "50.00")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range wechatpay.TamperKinds() {
		status, named := want[kind]
		if !named {
			status = http.StatusUnauthorized
		}
		if named != kind.Authentic() {
			t.Errorf("%s: authentic is %t, but the table says otherwise", kind, kind.Authentic())
		}
		for range 2 { // each comes again, as the channel repeats itself
			d, err := c.WeChat.DeliverTampered(c.ctx, sheet.Order, kind)
			if err != nil {
				t.Fatal(err)
			}
			// A body that is refused before it was read may end in a reset.
			if d.Status != status && (kind != wechatpay.TamperHugeBody || d.Err == nil) {
				t.Errorf("%s is answered %d %s, want %d", kind, d.Status, d.Body, status)
			}
		}
		a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
		if err != nil || a.Pending != 0 {
			t.Fatalf("after %s pending is %s, %v", kind, a.Pending.Yuan(), err)
		}
	}
	for _, word := range []string{"verdict=not_authentic", "verdict=unreadable", "verdict=too_large", "kind=mismatch", "kind=unknown_order"} {
		if !strings.Contains(c.logs.String(), word) {
			t.Errorf("the log does not say %s", word)
		}
	}
	// The right payment is credited all the same.
	p, err := c.Phone("wechat")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Pay(c.ctx, sheet); err != nil {
		t.Fatal(err)
	}
	delivered, err := c.WeChat.Deliver(c.ctx, sheet.Order, 1)
	if err != nil || !delivered[0].Accepted {
		t.Fatalf("the right callback: %+v, %v", delivered, err)
	}
	books, err := c.inside().Books().Verify(c.ctx)
	if err != nil || books.Orders != 1 {
		t.Fatalf("%d credit entries, %v; want 1", books.Orders, err)
	}
	a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
	if err != nil || a.Pending != 5000 {
		t.Errorf("pending %s, %v; want 50.00", a.Pending.Yuan(), err)
	}
	t.Logf("result: %d kinds of bad callback, none moved a fen", len(wechatpay.TamperKinds()))
}

// withAlipay is a world with both channels.
func withAlipay(o *world.Options) { o.Alipay = true }

func TestBothAppsRechargeOneCard(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	for _, recharge := range []struct{ channel, yuan string }{{"wechat", "50.00"}, {"alipay", "20.00"}} {
		order, err := c.boundBy(recharge.channel).Recharge(c.ctx, recharge.yuan)
		if err != nil {
			t.Fatal(err)
		}
		_, accepted, err := c.Deliver(c.ctx, recharge.channel, order, 3)
		if err != nil || !accepted {
			t.Fatalf("callbacks of %s: %t, %v", recharge.channel, accepted, err)
		}
	}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	a := c.audit(2)
	card, err := c.CardBalance()
	if err != nil || card != 7000 || a.Pending != 0 {
		t.Errorf("card %s, pending %s, %v; want 70.00 on the card", card.Yuan(), a.Pending.Yuan(), err)
	}
}

func TestHostileNoticesOfAlipayCreditNothing(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	holder := c.boundBy("alipay")
	sheet, err := holder.Prepare(c.ctx, "50.00")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range alipay.TamperKinds() {
		if kind.Truthful() || kind == alipay.TamperRefund {
			continue // says what is so and is credited once; of refunds below
		}
		for range 2 {
			d, err := c.Alipay.DeliverTampered(c.ctx, sheet.Order, kind)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if !kind.Authentic() && d.Accepted {
				t.Errorf("%s is accepted although nobody signed it", kind)
			}
		}
		a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
		if err != nil || a.Pending != 0 {
			t.Fatalf("after %s pending is %s, %v", kind, a.Pending.Yuan(), err)
		}
	}
	if got := c.Alipay.Count(alipay.EndpointUnknown); got != 0 {
		t.Errorf("notices made the hub call out %d times", got)
	}
	if err := holder.Pay(c.ctx, sheet); err != nil {
		t.Fatal(err)
	}
	_, accepted, err := c.Deliver(c.ctx, "alipay", sheet.Order, 2)
	if err != nil || !accepted {
		t.Fatalf("the right notice: %t, %v", accepted, err)
	}
	a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
	if err != nil || a.Pending != 5000 {
		t.Errorf("pending %s, %v; want 50.00", a.Pending.Yuan(), err)
	}
	if _, err := c.inside().Books().Verify(c.ctx); err != nil {
		t.Error(err)
	}
}

func TestAnAlipayOrderWithRefundsThatAreNotNamedIsNotCredited(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	holder := c.boundBy("alipay")
	order, err := holder.Recharge(c.ctx, "50.00")
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Alipay.DeliverTampered(c.ctx, order, alipay.TamperRefund)
	if err != nil || d.Accepted {
		t.Fatalf("a notice that tells of a refund that cannot be asked for: %+v, %v; want it told again", d, err)
	}
	_, accepted, err := c.Deliver(c.ctx, "alipay", order, 1) // made before the refund, comes after it
	if err != nil || !accepted {
		t.Fatalf("the late notice: %t, %v", accepted, err)
	}
	books, err := c.inside().Books().Verify(c.ctx)
	if err != nil || books.Orders != 0 || books.Tot["suspense"] != -5000 {
		t.Errorf("%d credits, books %v, %v; want 50.00 in suspense", books.Orders, books.Tot, err)
	}
	status, output := c.command("cases", "list")
	if status != 0 || !strings.Contains(output, "refunds_unknown") || !strings.Contains(output, "50.00 yuan") {
		t.Errorf("cases list ends with %d:\n%s", status, output)
	}
}

func TestAHolderOutsideTheAppPaysOnAlipaysPage(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	c.boundBy("alipay")
	browser, err := c.Browser("alipay")
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := browser.Prepare(c.ctx, "20.00")
	if err != nil || sheet.Page == "" {
		t.Fatalf("%+v, %v; want the address of a page", sheet, err)
	}
	if n := c.Alipay.Count(alipay.EndpointCreate); n != 0 {
		t.Errorf("%d trades were made for the app", n)
	}
	if err := browser.Pay(c.ctx, sheet); err != nil {
		t.Fatal(err)
	}
	_, accepted, err := c.Deliver(c.ctx, "alipay", sheet.Order, 2)
	if err != nil || !accepted {
		t.Fatalf("accepted %t, %v", accepted, err)
	}
	if a := c.audit(1); a.Pending != 2000 {
		t.Errorf("pending %s, want 20.00", a.Pending.Yuan())
	}
}
