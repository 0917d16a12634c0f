package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"guodu/mocks/sim"
)

// What can be wrong with asking for a callback.
var (
	ErrNotPaid       = errors.New("wechatpay simulator: order is not paid")
	ErrNoNotifyURL   = errors.New("wechatpay simulator: there is no notify_url")
	ErrDeliveryCount = sim.ErrDeliveryCount
	ErrNotLoopback   = sim.ErrNotLoopback
)

const (
	callbackDeadline = 5 * time.Second
	topicPayment     = "payment"
	topicRefund      = "refund"
)

// retrySchedule has the pauses between attempts: 15 repeats in 24 h 4 min.
// (Source: 支付成功回调通知.)
var retrySchedule = []time.Duration{
	15 * time.Second, 15 * time.Second, 30 * time.Second, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute,
	30 * time.Minute, 30 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour,
	6 * time.Hour, 6 * time.Hour,
}

func (s *Sim) retries() []time.Duration {
	if !s.does(BRetries) {
		return nil
	}
	return retrySchedule
}

// RetrySchedule is the pauses between WeChat Pay's attempts to tell a merchant.
func RetrySchedule() []time.Duration { return slices.Clone(retrySchedule) }

// Delivery is what became of one callback.
type Delivery = sim.Delivery

func accepts(status int, _ []byte) bool {
	return status == http.StatusOK || status == http.StatusNoContent
}

// Keys of errands.
func paymentErrand(no string) string { return topicPayment + "/" + no }
func refundErrand(no string) string  { return topicRefund + "/" + no }

// tellPayment starts the callbacks of a payment; with first, the first one has
// been sent when it returns.
func (s *Sim) tellPayment(o order, first bool) {
	begin := s.courier.Begin
	if first {
		begin = s.courier.BeginNow
	}
	err := begin(paymentErrand(o.OutTradeNo), PlaceCallback, o.OutTradeNo)
	if err != nil {
		s.opts.Logger.Debug(simName+": callback not begun", "out_trade_no", o.OutTradeNo, "error", err)
	}
}

// tellRefund starts the callbacks of a refund, if it has somewhere to go. Only
// a refund that the server has asked for is told.
func (s *Sim) tellRefund(outRefundNo string) {
	o, r, ok := s.findRefund(outRefundNo)
	if !ok || r.NotifyURL == "" || !s.opts.AutoDeliver {
		return
	}
	err := s.courier.Begin(refundErrand(outRefundNo), PlaceRefundCallback, o.OutTradeNo)
	if err != nil {
		s.opts.Logger.Debug(simName+": callback not begun", "out_refund_no", outRefundNo, "error", err)
	}
}

// run makes one attempt of an errand.
func (s *Sim) run(ctx context.Context, e sim.Errand, kind FaultKind) Delivery {
	n, o, err := s.noticeOf(e.Key, kind)
	if err != nil {
		return Delivery{Err: err}
	}
	bend := tricks[Tamper(kind)]
	p, err := s.pack(n, &bend)
	if err != nil {
		s.opts.Logger.Error(simName+": callback not made", "order", e.Order, "error", err)
		return Delivery{Err: err}
	}
	d := s.tell(ctx, o, e.Topic, kind, p)
	s.opts.Logger.Debug(simName+": callback sent", "order", e.Order, "status", d.Status, "accepted", d.Accepted, "error", d.Err)
	return d
}

// noticeOf makes the notice of an errand.
func (s *Sim) noticeOf(key string, kind FaultKind) (notice, order, error) {
	var n notice
	topic, no, _ := strings.Cut(key, "/")
	o, known := s.orders.find(no)
	bend := tricks[Tamper(kind)]
	if topic == topicRefund {
		var r refund
		o, r, known = s.findRefund(no)
		n = s.refundNotice(o, r)
	} else if known {
		n = s.paymentNotice(o, &bend)
	}
	if !known {
		return n, o, fmt.Errorf("callback %s: %w", key, ErrUnknownOrder)
	}
	var err error
	if kind == FaultOtherKeyKind || kind == FaultRotated {
		n.key, err = s.otherKey(kind == FaultRotated)
	}
	return n, o, err
}

// tell sends a callback and keeps the book: what is tampered with counts by
// itself.
func (s *Sim) tell(ctx context.Context, o order, topic string, kind FaultKind, p sim.Parcel) Delivery {
	counter := "callback"
	genuine := kind == "" || slices.Contains(genuineKinds, kind)
	if !genuine {
		counter = "tamper"
	}
	count := func(what string, sent, accepted int) {
		s.stand.Counts.Add(counter + what)
		if genuine && topic == PlaceCallback {
			s.orders.told(o.OutTradeNo, sent, accepted)
		}
	}
	count(".sent", 1, 0)
	d := s.mailer.Post(ctx, o.OutTradeNo, topic, kind, p)
	if d.Accepted {
		count(".accepted", 0, 1)
	}
	return d
}

// Deliver sends n callbacks about a paid order, one after the other: each is
// signed and encrypted afresh and all have the same id. What the merchant
// says is in the deliveries; the error is about sending at all.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL, ErrDeliveryCount.
func (s *Sim) Deliver(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	return s.deliver(ctx, outTradeNo, n, sim.InTurn)
}

// DeliverConcurrently is Deliver with all n at once: they are made first, and
// none is sent before all the senders stand ready.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrNoNotifyURL, ErrDeliveryCount.
func (s *Sim) DeliverConcurrently(ctx context.Context, outTradeNo string, n int) ([]Delivery, error) {
	return s.deliver(ctx, outTradeNo, n, sim.AtOnce)
}

type pace func(n int, pack func() (sim.Parcel, error), send func(sim.Parcel) Delivery) ([]Delivery, error)

func (s *Sim) deliver(ctx context.Context, outTradeNo string, n int, how pace) ([]Delivery, error) {
	o, err := s.paidOrder(outTradeNo)
	if err != nil {
		return nil, err
	}
	out, err := how(n, func() (sim.Parcel, error) { return s.pack(s.paymentNotice(o, nil), nil) },
		func(p sim.Parcel) Delivery { return s.tell(ctx, o, PlaceCallback, "", p) })
	if err != nil {
		return nil, fmt.Errorf("deliver %s: %w", outTradeNo, err)
	}
	return out, nil
}

// DeliverRefund sends n notices about a refund that is done.
// Errors: ErrUnknownRefund, ErrNotPaid (not done yet), ErrNoNotifyURL, ErrDeliveryCount.
func (s *Sim) DeliverRefund(ctx context.Context, outRefundNo string, n int) ([]Delivery, error) {
	o, r, ok := s.findRefund(outRefundNo)
	switch {
	case !ok:
		return nil, fmt.Errorf("deliver %s: %w", outRefundNo, ErrUnknownRefund)
	case r.Status == RefundProcessing:
		return nil, fmt.Errorf("deliver %s: refund is not done: %w", outRefundNo, ErrNotPaid)
	case r.NotifyURL == "":
		return nil, fmt.Errorf("deliver %s: %w", outRefundNo, ErrNoNotifyURL)
	}
	out, err := sim.InTurn(n, func() (sim.Parcel, error) { return s.pack(s.refundNotice(o, r), nil) },
		func(p sim.Parcel) Delivery { return s.tell(ctx, o, PlaceRefundCallback, "", p) })
	if err != nil {
		return nil, fmt.Errorf("deliver %s: %w", outRefundNo, err)
	}
	return out, nil
}

// DeliverTampered sends one bad callback. The order need not be paid: a forger
// would not wait for that, and the callback then claims a payment that never
// was. It counts under tamper.sent and tamper.accepted only.
// Errors: ErrUnknownOrder, ErrUnknownTamper.
func (s *Sim) DeliverTampered(ctx context.Context, outTradeNo string, kind Tamper) (Delivery, error) {
	o, err := s.need(outTradeNo)
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver: %w", err)
	}
	bend, ok := tricks[kind]
	if !ok {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, ErrUnknownTamper)
	}
	if !o.paid() {
		p := s.newPayment()
		o.State, o.PaidAt, o.TransactionID, o.NoticeID = StateSuccess, p.at, p.transactionID, p.noticeID
	}
	p, err := s.pack(s.paymentNotice(o, &bend), &bend)
	if err != nil {
		return Delivery{}, fmt.Errorf("deliver %s as %q: %w", outTradeNo, kind, err)
	}
	return s.tell(ctx, o, PlaceCallback, FaultKind(kind), p), nil
}

// paidOrder finds an order that genuine callbacks can be about.
func (s *Sim) paidOrder(outTradeNo string) (order, error) {
	o, err := s.need(outTradeNo)
	switch {
	case err != nil:
		return order{}, fmt.Errorf("deliver: %w", err)
	case !o.paid():
		return order{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNotPaid)
	case o.NotifyURL == "":
		return order{}, fmt.Errorf("deliver %s: %w", outTradeNo, ErrNoNotifyURL)
	}
	return o, nil
}
