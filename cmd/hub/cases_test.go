package main_test

import (
	"fmt"
	"strings"
	"testing"

	"guodu/transition"
)

// decided appends the words of a decision to a command.
func decided(args ...string) []string {
	return append(args, "--as", "li", "--as", "wang", "--why", "the bill has it")
}

// loses makes the books forget an order, as a failover may.
func (c *campus) loses(order string) {
	c.t.Helper()
	partition := order[6:8]
	err := c.redis.Client().Del(c.ctx, "h:{p"+partition+"}:o:"+order).Err()
	if err != nil {
		c.t.Fatal(err)
	}
}

// cased is a payment of 50.00 that the hub cannot credit, and its case.
func (c *campus) cased(channel string, spoil func(order string)) (order, id string) {
	c.t.Helper()
	order, err := c.boundBy(channel).Recharge(c.ctx, "50.00")
	if err != nil {
		c.t.Fatal(err)
	}
	spoil(order)
	_, accepted, err := c.Deliver(c.ctx, channel, order, 1)
	if err != nil || !accepted {
		c.t.Fatalf("callback: accepted %t, %v", accepted, err)
	}
	cases, err := c.inside().Books().Cases(c.ctx)
	if err != nil || len(cases) == 0 || cases[len(cases)-1].Suspense != 5000 {
		c.t.Fatalf("%s: cases %+v, %v", channel, cases, err)
	}
	return order, cases[len(cases)-1].ID
}

// must runs a command that is to end well and say something.
func (c *campus) must(want string, args ...string) {
	c.t.Helper()
	status, output := c.command(args...)
	if status != 0 || !strings.Contains(output, want) {
		c.t.Fatalf("hub %s: %d %s; want %q", strings.Join(args, " "), status, output, want)
	}
}

// refuses runs a command that is to fail for a reason.
func (c *campus) refuses(want string, args ...string) {
	c.t.Helper()
	status, output := c.command(args...)
	if status == 0 || !strings.Contains(output, want) {
		c.t.Errorf("hub %s: %d %s; want a refusal with %q", strings.Join(args, " "), status, output, want)
	}
}

func TestALostOrderOfEitherChannelIsCreditedByTwoPeople(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	for _, channel := range []string{"wechat", "alipay"} {
		order, id := c.cased(channel, c.loses)
		c.must("1 open, holding 50.00 yuan", "cases")
		c.must("credit it to its account, refund it to its payer", "cases", "show", id)
		c.refuses("two different names", "cases", "credit", id, "--as", "li", "--why", "alone")
		c.refuses("two different names", "cases", "refund", id, "--as", "li", "--as", "LI", "--why", "alone")
		c.refuses("holds money", "cases", "close", id, "--as", "li", "--why", "in the way")
		c.must("credited", decided("cases", "credit", id)...)
		c.must("was credited before", decided("cases", "credit", id)...)
		c.must("0 open, holding 0.00 yuan", "cases")
		c.must("credit by li+wang: the bill has it", "trace", order)
		if o := c.order(order); o.State != transition.OrderCredited || o.Amount != 5000 {
			t.Errorf("%s: order %+v", channel, o)
		}
		if _, accepted, err := c.Deliver(c.ctx, channel, order, 1); err != nil || !accepted {
			t.Errorf("%s: told again: %t, %v", channel, accepted, err)
		}
	}
	c.must("credit by li+wang: the bill has it", "cases", "show", c.caseIDs()[0])
	c.balanced()
}

func (c *campus) caseIDs() (ids []string) {
	c.t.Helper()
	cases, err := c.inside().Books().Cases(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, one := range cases {
		ids = append(ids, one.ID)
	}
	return ids
}

func TestAPaymentOfAnotherAmountIsRefundedAtItsChannelByTwoPeople(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	for _, channel := range []string{"wechat", "alipay"} {
		order, id := c.cased(channel, func(order string) {
			err := c.redis.Client().HSet(c.ctx, "h:{p"+order[6:8]+"}:o:"+order, "amount", "4000").Err()
			if err != nil {
				t.Fatal(err)
			}
		})
		c.must("50.00 yuan", decided("cases", "refund", id)...)
		c.WeChat.FinishRefunds()
		c.until("the refund by "+channel, func() error {
			one, err := c.inside().Books().Case(c.ctx, id)
			if err == nil && one.Decision != transition.DecidedRefunded {
				err = fmt.Errorf("%+v", one)
			}
			return err
		})
		c.refuses("it holds no money", decided("cases", "refund", id)...)
		c.refuses("case is closed", "cases", "reopen", id, "--as", "li", "--why", "no")
		if _, _, err := c.Deliver(c.ctx, channel, order, 1); err != nil {
			t.Error(err)
		}
		if o := c.order(order); o.State == transition.OrderCredited {
			t.Errorf("%s: refunded and credited: %+v", channel, o)
		}
	}
	c.balanced()
}

func TestMoneyThatIsNotTheHubsLeavesTheBooksUntilReopened(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	_, id := c.cased("wechat", c.loses)
	c.must("closed", decided("cases", "close", "--disown", id)...)
	c.refuses("it was disowned; reopen it first", decided("cases", "credit", id)...)
	c.refuses("two different names", "cases", "reopen", id, "--as", "li", "--why", "sorry")
	c.must("open again", decided("cases", "reopen", id)...)
	c.must("1 open, holding 50.00 yuan", "cases", "list")
	c.refuses("no such case", decided("cases", "credit", "wechat:none")...)
	c.must("credited", decided("cases", "credit", id)...)
	c.balanced()
}
