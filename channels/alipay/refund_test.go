package alipay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	simulator "guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// paid is a journey with an order of 50.00 that is paid.
func paidJourney(t *testing.T, options func(*simulator.Options)) *journey {
	t.Helper()
	j := newJourney(t, options)
	prepay, err := j.channel.Prepay(t.Context(), j.request())
	if err == nil {
		err = j.pay(t.Context(), orderNo, prepay)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *journey) refund(change func(*channels.RefundRequest)) (channels.RefundStatus, error) {
	req := channels.RefundRequest{OrderNo: orderNo, RefundNo: "R" + orderNo, Amount: 2000, Total: 5000, Reason: "退款"}
	if change != nil {
		change(&req)
	}
	return j.channel.Refund(context.Background(), req)
}

func TestARefundMovesMoneyOnceAndSaysSo(t *testing.T) {
	j := paidJourney(t, nil)
	status, err := j.refund(nil)
	if err != nil || status.State != channels.RefundMade || status.Amount != 2000 {
		t.Fatalf("Refund = %+v, %v", status, err)
	}
	again, err := j.refund(nil) // fund_change=N: nothing more moved, and that is all it says
	if err != nil || again.State != channels.RefundProcessing {
		t.Fatalf("the same refund again = %+v, %v", again, err)
	}
	asked, err := j.channel.QueryRefund(t.Context(), orderNo, "R"+orderNo)
	if err != nil || asked.State != channels.RefundMade || asked.Amount != 2000 || asked.No != "R"+orderNo || time.Since(asked.Time) > time.Hour {
		t.Fatalf("QueryRefund = %+v, %v", asked, err)
	}
	if got := j.sim.Book().RefundedFen; got != 2000 {
		t.Errorf("%d fen were refunded, want 2000", got)
	}
}

func TestRefundsThatCannotBeAreRefused(t *testing.T) {
	j := newJourney(t, nil)
	_, err := j.refund(nil)
	mustBe(t, err, channels.ErrRefused) // there is no trade
	j = paidJourney(t, nil)
	for name, spoil := range map[string]func(*channels.RefundRequest){
		"more than was paid": func(r *channels.RefundRequest) { r.Amount = 5001 },
		"nothing":            func(r *channels.RefundRequest) { r.Amount = 0 },
		"number":             func(r *channels.RefundRequest) { r.RefundNo = "a/b" },
		"order number":       func(r *channels.RefundRequest) { r.OrderNo = "a b" },
		"long reason":        func(r *channels.RefundRequest) { r.Reason = strings.Repeat("退", 257) },
	} {
		if _, err := j.refund(spoil); err == nil {
			t.Errorf("%s: was accepted", name)
		} else {
			mustBe(t, err, channels.ErrRefused)
		}
	}
	if _, err := j.refund(nil); err != nil {
		t.Fatal(err)
	}
	_, err = j.refund(func(r *channels.RefundRequest) { r.Amount = 1000 }) // the number of another refund
	mustBe(t, err, channels.ErrRefused)
	_, err = j.channel.QueryRefund(t.Context(), orderNo, "Rnever")
	mustBe(t, err, channels.ErrRefundNotFound)
}

func TestTheOutcomeOfARefundIsUnknownWhenTheAnswerIsLost(t *testing.T) {
	j := paidJourney(t, nil)
	for _, kind := range []sim.FaultKind{sim.FaultErrorAfter, sim.FaultTruncate, sim.FaultResetAfter, sim.FaultBadGateway, sim.FaultTooMany, simulator.FaultFlipped} {
		if err := j.sim.Fail(simulator.EndpointRefund, sim.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		_, err := j.refund(nil)
		mustBe(t, err, channels.ErrUnknownOutcome)
	}
	if status, err := j.channel.QueryRefund(t.Context(), orderNo, "R"+orderNo); err != nil || status.State != channels.RefundMade {
		t.Errorf("QueryRefund = %+v, %v", status, err)
	}
	if got := j.sim.Book().RefundedFen; got != 2000 {
		t.Errorf("%d fen were refunded, want 2000", got)
	}
}

func TestANoticeNamesItsRefund(t *testing.T) {
	j := paidJourney(t, func(o *simulator.Options) { o.Profile.NotifyRefunds = true })
	if _, err := j.refund(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := j.sim.DeliverEvent(t.Context(), orderNo, simulator.EventRefunded, 1); err != nil {
		t.Fatal(err)
	}
	told := <-j.heard
	payment, err := j.channel.ParseNotify(t.Context(), told.Header, told.Body)
	if err != nil || payment.State != channels.Paid || !payment.Refunded || len(payment.RefundNos) != 1 || payment.RefundNos[0] != "R"+orderNo || payment.RefundedTotal != 2000 {
		t.Errorf("ParseNotify = %+v, %v", payment, err)
	}
}
