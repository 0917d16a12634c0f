package wechat_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guodu/channels"
	"guodu/channels/wechat"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

func (j *journey) refund(change func(*channels.RefundRequest)) (channels.RefundStatus, error) {
	req := channels.RefundRequest{OrderNo: orderNo, RefundNo: "R" + orderNo, Amount: 2000, Total: 5000, Reason: "退款", NotifyURL: j.notify}
	if change != nil {
		change(&req)
	}
	return j.channel.Refund(context.Background(), req)
}

func TestARefundIsAcceptedOnceAndMadeLater(t *testing.T) {
	j := newJourney(t)
	j.pay(t, orderNo)
	for range 2 { // the repeat is the same refund
		status, err := j.refund(nil)
		if err != nil || status.State != channels.RefundProcessing || status.Amount != 2000 || status.No != "R"+orderNo || status.OrderNo != orderNo {
			t.Fatalf("Refund = %+v, %v", status, err)
		}
	}
	j.sim.FinishRefunds()
	status, err := j.channel.QueryRefund(t.Context(), orderNo, "R"+orderNo)
	if err != nil || status.State != channels.RefundMade || status.Amount != 2000 || status.Time.IsZero() || status.ChannelNo == "" {
		t.Fatalf("QueryRefund = %+v, %v", status, err)
	}
	if got := j.sim.Book().RefundedFen; got != 2000 {
		t.Errorf("%d fen were refunded, want 2000", got)
	}
}

func TestRefundsThatCannotBeAreRefusedOrPutOff(t *testing.T) {
	j := newJourney(t)
	_, err := j.refund(nil)
	mustBe(t, err, channels.ErrRefused) // nothing is paid
	j.pay(t, orderNo)
	for name, spoil := range map[string]func(*channels.RefundRequest){
		"more than was paid": func(r *channels.RefundRequest) { r.Amount = 5001 },
		"nothing":            func(r *channels.RefundRequest) { r.Amount = 0 },
		"number":             func(r *channels.RefundRequest) { r.RefundNo = "a/b" },
		"no number":          func(r *channels.RefundRequest) { r.RefundNo = "" },
		"order number":       func(r *channels.RefundRequest) { r.OrderNo = "x" },
		"long reason":        func(r *channels.RefundRequest) { r.Reason = strings.Repeat("退", 81) },
		"notify URL":         func(r *channels.RefundRequest) { r.NotifyURL += "?a=b" },
		"another total":      func(r *channels.RefundRequest) { r.Total = 6000 },
	} {
		_, err := j.refund(spoil)
		if err == nil {
			t.Errorf("%s: was accepted", name)
			continue
		}
		mustBe(t, err, channels.ErrRefused)
	}
	_, err = j.channel.QueryRefund(t.Context(), orderNo, "R-never")
	mustBe(t, err, channels.ErrRefundNotFound)
	_, err = j.channel.QueryRefund(t.Context(), orderNo, "a/b")
	mustBe(t, err, channels.ErrRefused)
	if err := j.sim.Play("refund-not-enough"); err != nil {
		t.Fatal(err)
	}
	_, err = j.refund(nil)
	mustBe(t, err, channels.ErrNotNow)
}

func TestTheOutcomeOfARefundIsUnknownWhenTheAnswerIsLost(t *testing.T) {
	j := newJourney(t)
	j.pay(t, orderNo)
	for _, kind := range []sim.FaultKind{sim.FaultErrorAfter, sim.FaultTruncate, sim.FaultResetAfter, wechatpay.FaultSigntest, sim.FaultBadGateway, sim.FaultTooMany} {
		if err := j.sim.Fail(wechatpay.EndpointRefund, wechatpay.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		_, err := j.refund(nil)
		mustBe(t, err, channels.ErrUnknownOutcome)
	}
	if _, err := j.refund(nil); err != nil {
		t.Errorf("the same refund again: %v", err)
	}
	j.sim.FinishRefunds()
	if got := j.sim.Book().RefundedFen; got != 2000 {
		t.Errorf("%d fen were refunded, want 2000", got)
	}
}

func TestARefundsCallbackIsReadAndAPaymentsIsNot(t *testing.T) {
	j := newJourney(t)
	j.pay(t, orderNo)
	type told struct {
		status channels.RefundStatus
		err    error
	}
	heard := make(chan told, 8)
	server := serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		status, err := j.channel.ParseRefund(r.Context(), r.Header, body)
		heard <- told{status, err}
		j.channel.Answer(w, verdictOf(err))
	})
	_, err := j.refund(func(r *channels.RefundRequest) { r.NotifyURL = server + "/notify/wechat/refund" })
	if err != nil {
		t.Fatal(err)
	}
	j.sim.FinishRefunds()
	if _, err := j.sim.DeliverRefund(t.Context(), "R"+orderNo, 1); err != nil {
		t.Fatal(err)
	}
	got := <-heard
	if got.err != nil || got.status.State != channels.RefundMade || got.status.No != "R"+orderNo || got.status.Amount != 2000 || got.status.Misdirected != "" {
		t.Errorf("ParseRefund = %+v, %v", got.status, got.err)
	}
	_, err = j.channel.ParseRefund(t.Context(), http.Header{}, []byte("{}"))
	mustBe(t, err, channels.ErrNotice)
	_, err = j.channel.ParseRefund(t.Context(), http.Header{}, make([]byte, wechat.NoticeBytes+1))
	mustBe(t, err, channels.ErrTooLarge)
}

// serve listens for callbacks on loopback and returns its address.
func serve(t *testing.T, hear func(http.ResponseWriter, *http.Request, []byte)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("callback: %v", err)
		}
		hear(w, r, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
