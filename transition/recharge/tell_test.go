package recharge_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
)

// event is one as it is told of at the desk's own time.
func (d *desk) event(kind channels.EventKind, order transition.OrderNo, ref string, amount fen.Fen) channels.Event {
	return channels.Event{Kind: kind, Ref: ref, Order: string(order), Amount: amount, Time: d.now}
}

func (d *desk) mustHaveTold(want ...channels.Event) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.events); diff != "" {
		d.t.Errorf("told (-want +got):\n%s", diff)
	}
}

func (d *desk) mustSettleRefund(s channels.RefundStatus, want channels.Outcome) {
	d.t.Helper()
	out, err := d.SettleRefund(context.Background(), s, "callback")
	if err != nil || out != want {
		d.t.Fatalf("refund %s of %s: %q, %v; want %q", s.No, s.OrderNo, out, err, want)
	}
}

func TestTheFirstCreditAndTheFirstRefundAreToldOf(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("wechat", 5000, "1")
	for range 3 {
		d.settle(p, channels.OutcomeDuplicate)
	}
	want := []channels.Event{d.event(channels.EventPaid, no, string(no), 5000)}
	d.mustHaveTold(want...)
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", no, r.RefundNo, r.Amount, channels.RefundProcessing), nil
	}
	own := d.refund(no, 2000)
	d.mustHaveTold(want...)
	d.mustSettleRefund(status("wechat", no, string(own.No), 2000, channels.RefundMade), channels.OutcomeRefunded)
	d.mustSettleRefund(status("wechat", no, string(own.No), 2000, channels.RefundMade), channels.OutcomeDuplicate)
	d.mustSettleRefund(status("wechat", no, "SHOP-1", 1000, channels.RefundMade), channels.OutcomeRefunded)
	d.mustSettleRefund(status("wechat", no, "SHOP-1", 1000, channels.RefundMade), channels.OutcomeDuplicate)
	d.mustHaveTold(append(want,
		d.event(channels.EventRefunded, no, string(own.No), 2000), d.event(channels.EventRefunded, no, string(no)+":SHOP-1", 1000))...)
}

func TestWhatWasRefundedBeforeTheCreditIsToldOfWithIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "420001")
	p.Refunded, p.Refunds = true, []channels.Refund{{No: "SHOP-1", Amount: 1000, Time: d.now}}
	d.settle(p, channels.OutcomeCredited)
	d.settle(p, channels.OutcomeDuplicate)
	d.mustHaveTold(d.event(channels.EventPaid, no, string(no), 5000), d.event(channels.EventRefunded, no, string(no)+":SHOP-1", 1000))
}

func TestWhatIsNotBookedIsNotToldOf(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 5000, "1")
	d.settle(d.payment("wechat", no, 9999, "420001"), channels.OutcomeCase)
	unpaid := d.payment("wechat", no, 5000, "420002")
	unpaid.State = channels.Unpaid
	d.settle(unpaid, channels.OutcomeWaiting)
	d.mustSettleRefund(status("alipay", no, "SHOP-1", 1000, channels.RefundMade), channels.OutcomeCase)
	d.mustHaveTold()
}
