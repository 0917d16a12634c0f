package main_test

import (
	"testing"

	"guodu/cmd/demo/world"
	"guodu/mocks/alipay"
)

// Names that differ in what nobody sees are one name.
func TestOnePersonIsNotTwoByABlank(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay)
	c.start("")
	for _, again := range []string{"li\u00a0", "li\u200b", "\u3000li"} {
		c.refuses("want Chinese or Latin letters, digits", "cases", "credit", "wechat:none", "--as", "li", "--as", again, "--why", "alone")
	}
}

// The whole way, over the simulated Alipay: an order is lost, the merchant gives
// 20 of 50 yuan back in the console, and two people credit the case.
func TestALostAlipayOrderIsCreditedWithWhatWasGivenBack(t *testing.T) {
	t.Parallel()
	c := newCampus(t, withAlipay, func(o *world.Options) { o.NotifyRefunds = true })
	c.start("")
	order, id := c.cased("alipay", c.loses)
	if _, err := c.Alipay.RefundOutside(c.ctx, order, 2000); err != nil {
		t.Fatal(err)
	}
	delivered, err := c.Alipay.DeliverEvent(c.ctx, order, alipay.EventRefunded, 1)
	if err != nil || !delivered[0].Accepted {
		t.Fatalf("%+v, %v", delivered, err)
	}
	cases, _ := c.inside().Books().Cases(c.ctx)
	if len(cases) != 1 || cases[0].Refunded != 2000 {
		t.Fatalf("%+v", cases)
	}
	_, told := c.command("cases", "show", id)
	status, output := c.command(decided("cases", "credit", id)...)
	o := c.order(order)
	if status == 0 && o.Refunded != 2000 {
		t.Errorf("credit: %d %s order of %s with %s refunded; Alipay gave 20.00 back and the hub knew\nthe case before: %s", status,
			output, o.Amount.Yuan(), o.Refunded.Yuan(), told)
	}
}
