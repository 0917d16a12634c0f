package main_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
	"guodu/transition"
)

// refund is an operator's command, by two people.
func (c *campus) refund(order, amount string) (status int, output string) {
	c.t.Helper()
	return c.command("refunds", "make", order, "--amount", amount, "--as", "li", "--as", "wang", "--why", "asked at the counter")
}

// paidBy is a paid and credited order.
func (c *campus) paidBy(channel, yuan string) string {
	c.t.Helper()
	order, err := c.boundBy(channel).Recharge(c.ctx, yuan)
	if err != nil {
		c.t.Fatal(err)
	}
	_, accepted, err := c.Deliver(c.ctx, channel, order, 1)
	if err != nil || !accepted {
		c.t.Fatalf("callback: accepted %t, %v", accepted, err)
	}
	return order
}

func (c *campus) order(no string) transition.Order {
	c.t.Helper()
	o, err := c.inside().Books().Order(c.ctx, transition.OrderNo(no))
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// balanced compares the books with both channels and the card.
func (c *campus) balanced() {
	c.t.Helper()
	a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
	if err != nil {
		c.t.Fatal(err)
	}
	card, err := c.CardBalance()
	if err != nil {
		c.t.Fatal(err)
	}
	refunded := c.WeChat.Book().RefundedFen
	if c.Alipay != nil {
		refunded += c.Alipay.Book().RefundedFen
	}
	have := int64(card + a.Pending + a.LoadHeld + a.RefundHeld - a.Clawback)
	if have != c.PaidFen()-refunded {
		c.t.Errorf("card and account have %d fen; the channels took %d and gave back %d", have, c.PaidFen(), refunded)
	}
	if _, err := c.inside().Books().Verify(c.ctx); err != nil {
		c.t.Error(err)
	}
}

func TestARefundGoesBackByBothChannels(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	for _, channel := range []string{"wechat", "alipay"} {
		order := c.paidBy(channel, "50.00")
		status, output := c.refund(order, "20.00")
		if status != 0 {
			t.Fatalf("%s: %d %s", channel, status, output)
		}
		c.WeChat.FinishRefunds()
		c.until("the refund of "+channel, func() error {
			if o := c.order(order); o.Refunded != 2000 {
				return fmt.Errorf("%s of 20.00 is refunded, %s under way", o.Refunded.Yuan(), o.Refunding.Yuan())
			}
			return nil
		})
		_, traced := c.command("trace", order)
		for _, want := range []string{"order " + order + ": credited, 50.00 yuan by " + channel, "created", "paid, by the channel's clock", "credited, learned by callback",
			"asked for by li+wang", "entry", "refund_settle", "20.00 refunded, 0.00 under way"} {
			if !strings.Contains(traced, want) {
				t.Errorf("%s: trace lacks %q:\n%s", channel, want, traced)
			}
		}
		if _, output := c.command("refunds", "list", order); !strings.Contains(output, "li+wang") || !strings.Contains(output, "20.00 refunded, 0.00 under way") {
			t.Errorf("refunds list: %s", output)
		}
	}
	c.balanced()
}

func TestACommandTypedTwiceRefundsOnce(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	order := c.paidBy("wechat", "50.00")
	for range 2 {
		if status, output := c.refund(order, "20.00"); status != 0 || !strings.Contains(output, "20.00 yuan") {
			t.Fatalf("%d %s", status, output)
		}
	}
	for range 2 { // all the rest
		c.must("30.00 yuan", "refunds", "make", order, "--as", "li", "--as", "wang", "--why", "and the rest")
	}
	if o := c.order(order); len(o.Refunds) != 2 || o.Refunded+o.Refunding != 5000 {
		t.Errorf("refunds %v: %s refunded, %s under way", o.Refunds, o.Refunded.Yuan(), o.Refunding.Yuan())
	}
	if _, err := c.inside().Books().Verify(c.ctx); err != nil {
		t.Error(err)
	}
}

func TestARefundOfUnknownOutcomeIsMadeOnce(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	order := c.paidBy("wechat", "50.00")
	for range 2 { // the command's own attempt, and the hub's first
		if err := c.WeChat.Fail(wechatpay.EndpointRefund, wechatpay.Fault{Kind: sim.FaultErrorAfter}); err != nil {
			t.Fatal(err)
		}
	}
	status, output := c.refund(order, "50.00")
	if status != 0 || !strings.Contains(output, "held") {
		t.Fatalf("%d %s", status, output)
	}
	c.until("the hub to have asked", func() error {
		if c.WeChat.Count(wechatpay.EndpointRefundQuery) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	c.WeChat.FinishRefunds()
	delivered, err := c.WeChat.DeliverRefund(c.ctx, c.order(order).Refunds[0], 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range delivered {
		if !d.Accepted {
			t.Errorf("the refund's callback is answered %d", d.Status)
		}
	}
	if o := c.order(order); o.Refunded != 5000 || o.Refunding != 0 || c.WeChat.Book().RefundedFen != 5000 {
		t.Errorf("refunded %s, under way %s, the channel gave back %d fen", o.Refunded.Yuan(), o.Refunding.Yuan(), c.WeChat.Book().RefundedFen)
	}
	c.balanced()
}

func TestRefundsThatOneAloneOrNobodyMayMakeMoveNothing(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	order := c.paidBy("wechat", "50.00")
	for name, args := range map[string][]string{
		"one name":       {order, "--as", "li", "--why", "x"},
		"the same twice": {order, "--as", "li", "--as", "Li", "--why", "x"},
		"no reason":      {order, "--as", "li", "--as", "wang"},
		"too much":       {order, "--as", "li", "--as", "wang", "--why", "x", "--amount", "50.01"},
		"nothing":        {order, "--as", "li", "--as", "wang", "--why", "x", "--amount", "0"},
		"no number":      {"x", "--as", "li", "--as", "wang", "--why", "x"},
	} {
		if status, output := c.command(append([]string{"refunds", "make"}, args...)...); status == 0 {
			t.Errorf("%s: was made: %s", name, output)
		}
	}
	if n := c.WeChat.Count(wechatpay.EndpointRefund); n != 0 {
		t.Errorf("the channel was asked %d times", n)
	}
	if err := c.load(); err != nil { // all of it goes on to the card
		t.Fatal(err)
	}
	if status, output := c.refund(order, "1.00"); status == 0 || !strings.Contains(output, "0.00 yuan can be refunded") {
		t.Errorf("money on the card was refunded: %d %s", status, output)
	}
	c.balanced()
}

func TestARefundMadeInTheConsoleIsOwedOnceItsMoneyIsOnTheCard(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, func(o *world.Options) { o.NotifyRefunds = true })
	c.start("")
	order := c.paidBy("alipay", "50.00")
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Alipay.RefundOutside(c.ctx, order, 3000); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		delivered, err := c.Alipay.DeliverEvent(c.ctx, order, alipay.EventRefunded, 1)
		if err != nil || !delivered[0].Accepted {
			t.Fatalf("%+v, %v", delivered, err)
		}
	}
	a, err := c.inside().Books().Account(c.ctx, world.AccountNo)
	if err != nil || a.Clawback != 3000 || !a.Frozen() {
		t.Errorf("owed %s, frozen %t, %v; want 30.00 and frozen", a.Clawback.Yuan(), a.Frozen(), err)
	}
	c.balanced()
}

func TestTheHubDiesAtEachStepOfARefundAndItIsMadeOnce(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"refund.sent", "refund.settle.begin", "refund.settle.done"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			c := newCampus(t)
			first := c.start("")
			order := c.paidBy("wechat", "50.00")
			_ = first.cmd.Process.Kill()
			<-first.done
			victim := c.start(place)
			c.front.only(victim.addr)
			// The command's own attempt comes to nothing: the hub has to send it.
			if err := c.WeChat.Fail(wechatpay.EndpointRefund, wechatpay.Fault{Kind: sim.FaultErrorBefore}); err != nil {
				t.Fatal(err)
			}
			if status, output := c.refund(order, "20.00"); status != 0 {
				t.Fatalf("%d %s", status, output)
			}
			c.until("the hub to die", func() error {
				if !victim.dead() {
					return errors.New("it lives")
				}
				return nil
			})
			if !victim.killed() {
				t.Fatalf("the hub ended by itself:\n%s", victim.log)
			}
			c.front.only(c.start("").addr)
			c.until("the refund", func() error {
				c.WeChat.FinishRefunds()
				_, _ = c.WeChat.DeliverRefund(c.ctx, c.order(order).Refunds[0], 1) // once it was sent
				if o := c.order(order); o.Refunded != 2000 || o.Refunding != 0 {
					return fmt.Errorf("%s refunded, %s under way", o.Refunded.Yuan(), o.Refunding.Yuan())
				}
				return nil
			})
			if got := c.WeChat.Book().RefundedFen; got != 2000 {
				t.Errorf("the channel gave back %d fen, want 2000", got)
			}
			c.balanced()
		})
	}
}

func TestAHolderGivesMoneyBackOnThePhone(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	order := c.paidBy("alipay", "50.00")
	phone, err := c.Phone("alipay")
	if err != nil {
		t.Fatal(err)
	}
	said, err := phone.Refund(c.ctx, "12.34")
	if err != nil || !strings.Contains(said, "退款成功") || !strings.Contains(said, "12.34") {
		t.Fatalf("the page says %q, %v", said, err)
	}
	if _, err := phone.Refund(c.ctx, "50.00"); err == nil || !strings.Contains(err.Error(), "37.66") {
		t.Errorf("more than is left: %v", err)
	}
	if o := c.order(order); o.Refunded != 1234 {
		t.Errorf("%s is refunded", o.Refunded.Yuan())
	}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	if said, err := phone.Refund(c.ctx, ""); err == nil {
		t.Errorf("money on the card went back: %s", said)
	}
	c.balanced()
}

func TestARefusedRefundWaitsForTwoPeople(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	order := c.paidBy("alipay", "50.00")
	if _, err := c.Alipay.RefundOutside(c.ctx, order, 4000); err != nil { // and nobody tells the hub
		t.Fatal(err)
	}
	if status, output := c.refund(order, "20.00"); status != 0 || !strings.Contains(output, "refused") {
		t.Fatalf("%d %s", status, output)
	}
	no := c.order(order).Refunds[0]
	if _, output := c.command("cases", "list"); !strings.Contains(output, "refund_refused") {
		t.Errorf("no case tells:\n%s", output)
	}
	status, output := c.command("refunds", "return", no, "--as", "li", "--as", "wang", "--why", "the console says no")
	if status == 0 || !strings.Contains(output, "a short while ago") {
		t.Errorf("right after it was sent: %d %s", status, output)
	}
	if o := c.order(order); o.Refunding != 2000 {
		t.Errorf("%s are under way", o.Refunding.Yuan())
	}
}

// TestARefundTypedAgainIsTheSame: the amount, the names and their order are written in
// several ways, and mean one refund. --again makes another one.
func TestARefundTypedAgainIsTheSame(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	order := c.paidBy("wechat", "50.00")
	make := func(amount, a, b, why string, more ...string) (int, string) {
		return c.command(append([]string{"refunds", "make", order, "--amount", amount, "--as", a, "--as", b, "--why", why}, more...)...)
	}
	for i, typed := range [][3]string{{"10.00", "li", "wang"}, {"10", "li", "wang"}, {"10.0", "wang", "li"}, {"10.00", "Wang", "LI"}} {
		status, out := make(typed[0], typed[1], typed[2], "paid twice")
		if status != 0 || (i > 0) != strings.Contains(out, "made before; --again makes another one") {
			t.Errorf("%v: status %d: %s", typed, status, out)
		}
	}
	if n := len(c.order(order).Refunds); n != 1 {
		t.Fatalf("%d refunds", n)
	}
	for want, args := range map[string][]string{
		"two different names":       {"5", "li", "1i", "x"},
		"want Chinese or Latin":     {"5", "zhang", "zhаng", "x"},
		"want text: 1 to 200":       {"5", "li", "wang", "x\n2026-12-01 SETTLED 99.00\x1b[31m"},
		"with a letter or a digit,": {"5", "li", "wang", " "},
	} {
		status, out := make(args[0], args[1], args[2], args[3])
		if status == 0 || !strings.Contains(out, want) {
			t.Errorf("%q: status %d, want %q: %s", args, status, want, out)
		}
	}
	if status, out := make("10", "li", "wang", "paid twice", "--again"); status != 0 || strings.Contains(out, "made before") {
		t.Errorf("--again: status %d: %s", status, out)
	}
	if status, out := make("10", "li", "wang", "paid twice"); status != 0 || !strings.Contains(out, "made before") {
		t.Errorf("typed once more: status %d: %s", status, out)
	}
	if o := c.order(order); len(o.Refunds) != 2 || o.Refunded+o.Refunding != 2000 {
		t.Errorf("refunds %v: %s refunded, %s under way", o.Refunds, o.Refunded.Yuan(), o.Refunding.Yuan())
	}
}
