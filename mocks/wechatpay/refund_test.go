package wechatpay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

func TestPartialRefundsOfACouponOrderAddUp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if err := b.sim.Fail(wechatpay.PlacePayment, wechatpay.Fault{Kind: wechatpay.FaultCoupon, Amount: 101}); err != nil {
		t.Fatal(err)
	}
	b.paid(orderForm("SPLIT001"))
	var sum, payer int64
	for i, fen := range []int{1667, 1667, 1666} {
		r := b.refund(refundForm("SPLIT001", fmt.Sprintf("SPLIT%d", i), fen))
		b.want(r, http.StatusOK, "")
		var out struct {
			Amount struct {
				Refund         int64 `json:"refund"`
				PayerRefund    int64 `json:"payer_refund"`
				DiscountRefund int64 `json:"discount_refund"`
			} `json:"amount"`
		}
		if err := json.Unmarshal(r.body, &out); err != nil || out.Amount.PayerRefund+out.Amount.DiscountRefund != out.Amount.Refund {
			t.Errorf("refund %d: %s, %v", i, r.body, err)
		}
		sum, payer = sum+out.Amount.Refund, payer+out.Amount.PayerRefund
		b.clock.Advance(time.Minute)
	}
	if sum != 5000 || payer != 4899 {
		t.Errorf("refunded %d, to the payer %d, want 5000 and 4899", sum, payer)
	}
}

func TestARefundKeepsTheTimeOfItsAcceptance(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid(orderForm("STAMP001"))
	b.want(b.refund(refundForm("STAMP001", "STAMP1", 1)), http.StatusOK, "")
	b.clock.Advance(time.Hour)
	r := b.call(http.MethodGet, refundURL+"/STAMP1", "")
	for _, part := range []string{`"create_time":"2026-03-02T18:00:00+08:00"`, `"success_time":"2026-03-02T18:01:00+08:00"`, `"status":"SUCCESS"`} {
		if !strings.Contains(string(r.body), part) {
			t.Errorf("no %s in %s", part, r.body)
		}
	}
}

func TestThePaymentsNoticeStaysWhatItWasAfterARefund(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("LATER001").with("notify_url", in.URL+"/n"))
	if _, err := b.sim.Refund("LATER001", 0, ""); err != nil {
		t.Fatal(err)
	}
	b.sim.FinishRefunds()
	if _, err := b.sim.Deliver(t.Context(), "LATER001", 1); err != nil {
		t.Fatal(err)
	}
	content, err := in.all()[0].read(t).open()
	if err != nil || content["trade_state"] != "SUCCESS" {
		t.Errorf("it says %v, %v", content, err)
	}
}

func TestAFaultOfAPaymentWaitsForAPayment(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(wechatpay.PlacePayment, wechatpay.FaultRefundOutside, 1)
	id := b.prepay(orderForm("WAITS001"))
	b.clock.Advance(3 * time.Hour)
	if _, err := b.sim.Pay(t.Context(), b.payRequest(id)); err == nil {
		t.Fatal("paid with a dead prepay_id")
	}
	b.paid(orderForm("WAITS002"))
	if n := len(b.sim.Book().Refunds); n != 1 {
		t.Errorf("%d refunds", n)
	}
}

func TestTheCertificateInUseSurvivesARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state")
	world := func(o *wechatpay.Options) { o.StateFile, o.Profile.Keys = file, wechatpay.KeysCertificate }
	before := setup(t, world)
	for _, use := range []bool{true, false} {
		if _, err := before.sim.AnnounceCertificate(); err != nil {
			t.Fatal(err)
		}
		if use {
			before.sim.UseNewCertificate()
		}
	}
	_, want := before.certificateKey()
	if _, got := setup(t, world).certificateKey(); got != want {
		t.Errorf("%s signs after the restart, %s did before", got, want)
	}
}

func TestARestartedSimulatorDrawsNewNumbers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state")
	world := func(o *wechatpay.Options) { o.StateFile = file }
	seen := map[string]bool{}
	for run := range 3 {
		b := setup(t, world) // the same seed, the same instant
		seen[b.paid(orderForm(fmt.Sprintf("RUNS%04d", run))).TransactionID] = true
	}
	if len(seen) != 3 {
		t.Errorf("three payments have the numbers %v", seen)
	}
}

func TestAnAdvancedClockSurvivesARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state")
	world := func(o *wechatpay.Options) { o.StateFile, o.Clock = file, nil } // a running clock
	setup(t, world).sim.Clock().Advance(24 * time.Hour)
	if ahead := time.Until(setup(t, world).sim.Clock().Now()); ahead < 23*time.Hour {
		t.Errorf("it is %v ahead after the restart, want a day", ahead)
	}
}

// TestWhatFellDueWhileNobodyRanHappensAtTheStart restarts on a running clock, on
// which everything is overdue.
func TestWhatFellDueWhileNobodyRanHappensAtTheStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state")
	world := func(o *wechatpay.Options) { o.StateFile, o.AutoDeliver = file, true }
	before := setup(t, func(o *wechatpay.Options) {
		world(o)
		o.Clock = sim.NewClock(time.Now().Add(-24 * time.Hour))
	})
	in := newInbox(t, http.StatusNoContent)
	before.paid(orderForm("OVERDUE1"))
	before.fail(wechatpay.EndpointCodePay, wechatpay.FaultUserPaying, 1)
	before.want(before.call(http.MethodPost, codePayURL, codeForm("OVERDUE2", before.sim.AuthCode(person)).json(t)), http.StatusAccepted, "USERPAYING")
	before.want(before.refund(refundForm("OVERDUE1", "OVER1", 1).with("notify_url", in.URL+"/r")), http.StatusOK, "")
	after := setup(t, func(o *wechatpay.Options) {
		world(o)
		o.Clock = nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for no, state := range map[string]string{"OVERDUE1": "refunded", "OVERDUE2": "paid"} {
		if err := after.sim.Wait(ctx, no, state); err != nil {
			t.Error(err)
		}
	}
	if before.sim.Book().RefundedFen != 0 {
		t.Error("it happened before the restart")
	}
}
