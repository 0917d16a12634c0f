package recharge_test

import (
	"context"
	"testing"
	"time"

	"guodu/channels"
	"guodu/transition"
)

func TestARefundOfAnotherChannelBecomesACase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("alipay", 5000, "1")
	out, err := d.SettleRefund(context.Background(), status("wechat", no, "SHOP-1", 5000, channels.RefundMade), "callback")
	if err != nil || out != channels.OutcomeCase || d.account().Pending != 5000 {
		t.Errorf("outcome %q, %v; pending %s of an Alipay order after a refund at WeChat", out, err, d.account().Pending)
	}
}

// out_request_no is unique within its trade only (alipay.trade.refund).
func TestTheSameForeignRefundNumberOnTwoTradesIsTwoRefunds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	one, _ := d.credited("alipay", 5000, "1")
	two, _ := d.credited("alipay", 3000, "2")
	for _, s := range []channels.RefundStatus{
		status("alipay", one, "HZ01RF001", 5000, channels.RefundMade), status("alipay", two, "HZ01RF001", 3000, channels.RefundMade),
	} {
		out, err := d.SettleRefund(context.Background(), s, "query")
		if err != nil || out != channels.OutcomeRefunded {
			t.Errorf("refund of order %s: %q, %v", s.OrderNo, out, err)
		}
	}
	if got := d.account().Pending; got != 0 {
		t.Errorf("%s fen are pending; the channel gave all back", got)
	}
}

func TestARefundNumberOfAnotherTradeKeepsNoPaymentFromItsCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	one, _ := d.credited("alipay", 5000, "1")
	if _, err := d.SettleRefund(context.Background(), status("alipay", one, "HZ01RF001", 1000, channels.RefundMade), "query"); err != nil {
		t.Fatal(err)
	}
	two := d.created("alipay", 3000, "2")
	p := d.payment("alipay", two, 3000, "420002")
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{"HZ01RF001"}, 500
	d.alipay.query = func(order, no string) (channels.RefundStatus, error) {
		return status("alipay", transition.OrderNo(order), no, 500, channels.RefundMade), nil
	}
	out, err := d.Settle(context.Background(), p, "callback")
	if err != nil || out != channels.OutcomeCredited {
		t.Errorf("%q, %v; suspense %s", out, err, d.books()["suspense"])
	}
}

// refund_fee is the sum of what the channel made; what is merely held is no part of it.
func TestAHeldRefundHidesNoForeignOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("alipay", 6000, "1")
	d.alipay.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow
	}
	d.alipay.query = notFound
	r := d.refund(no, 3000)
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{"console-1"}, 3000
	out, err := d.Settle(context.Background(), p, "callback")
	if err == nil && len(d.open()) == 0 {
		t.Errorf("outcome %q, no case: the channel paid 3000 back under console-1", out)
	}
	// Our own is refused later and given back.
	d.alipay.refund = refuses
	d.now = d.now.Add(time.Hour)
	d.look()
	if err == nil && len(d.open()) == 0 && d.books()["refunded"] == 0 {
		t.Errorf("own refund %s; Verify is content with nothing refunded and %s pending, the channel has paid 3000 back",
			d.state(r.No).State, d.account().Pending)
	}
}

// Notices come out of order: the largest sum ever told stands against the credit.
func TestAnOlderNoticeNeverCreditsWhatANewerOneSaidWasRefunded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	older, newer := d.twoNotices()
	d.settle(newer, channels.OutcomeCase)
	out, err := d.Settle(context.Background(), older, "callback")
	if err != nil {
		t.Fatal(err)
	}
	if tot := d.books(); out == channels.OutcomeCredited && len(d.open()) == 0 && tot["refunded"] != -500 {
		t.Errorf("credited with %s refunded, %s pending and no case open; the channel had said 500", -tot["refunded"], d.account().Pending)
	}
}

// A refund by the console may have no number of its own; it goes by out_trade_no then.
func TestARefundWithoutANumberIsAskedAboutByItsOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("alipay", 5000, "1")
	asked := 0
	d.alipay.query = func(order, refund string) (channels.RefundStatus, error) {
		asked++
		if refund != string(no) {
			return channels.RefundStatus{}, channels.ErrRefundNotFound
		}
		return status("alipay", no, refund, 5000, channels.RefundMade), nil
	}
	// TRADE_CLOSED, refund_fee 50.00, no out_biz_no: it goes by the order's number.
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{string(no)}, 5000
	out, err := d.Settle(context.Background(), p, "callback")
	if err != nil {
		t.Fatal(err)
	}
	if got := d.account().Pending; got != 0 {
		t.Errorf("outcome %q, asked %d times: %s fen are pending and may be loaded, the channel gave all back", out, asked, got)
	}
}

// Alipay's query is to be asked ten seconds after a refund; its notice is there before.
func TestANamedRefundThatTheQueryDoesNotShowYetIsAskedForAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("alipay", 5000, "1")
	d.alipay.query = notFound
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{"console-1"}, 5000
	out, err := d.Settle(context.Background(), p, "callback")
	if err != nil {
		return // the channel tells again
	}
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		return status("alipay", no, refund, 5000, channels.RefundMade), nil
	}
	for range 10 {
		d.now = d.now.Add(time.Hour)
		d.look()
	}
	if got := d.account().Pending; got != 0 {
		t.Errorf("outcome %q, the notice is answered with success; 10 hours later %s fen are pending that the channel paid back", out, got)
	}
}
