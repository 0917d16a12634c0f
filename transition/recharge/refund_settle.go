package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/failpoint"
	"guodu/transition"
)

// caseIDMax is the longest id that the ledger keeps a case under.
const caseIDMax = 150

// SettleRefund brings what a channel says of a refund into the books, by its
// number. It may be called as often and from as many places as one likes.
// Errors: channels.ErrNotNow if the order is not credited yet and its payment
// cannot be learned, transition.ErrUnavailable, transition.ErrUnknownOutcome:
// after all of them the same call is repeated.
func (s *Service) SettleRefund(ctx context.Context, status channels.RefundStatus, source string) (channels.Outcome, error) {
	failpoint.Hit("refund.settle.begin")
	outcome, err := s.settleRefund(ctx, status, source)
	if err != nil {
		return "", err
	}
	failpoint.Hit("refund.settle.done")
	s.config.Log.Info("refund settle", "refund", fmt.Sprintf("%.70s", status.No), "order", fmt.Sprintf("%.40s", status.OrderNo),
		"channel", status.Channel, "state", status.State, "amount_fen", int64(status.Amount), "source", source, "outcome", outcome)
	return outcome, nil
}

func (s *Service) settleRefund(ctx context.Context, status channels.RefundStatus, source string) (channels.Outcome, error) {
	if status.Misdirected != "" {
		return s.refundCase(ctx, status, source, "mismatch", "not ours: "+status.Misdirected)
	}
	no, err := transition.ParseRefundNo(status.No)
	var r transition.RefundOrder
	if err == nil {
		r, err = s.config.Ledger.Refund(ctx, no)
	}
	if errors.Is(err, transition.ErrNumber) || errors.Is(err, transition.ErrNoRefund) {
		return s.outsideRefund(ctx, status, source)
	}
	if err != nil {
		return "", err
	}
	// The app is not compared: a refund's callback does not name it.
	if string(r.Order) != status.OrderNo || r.Channel != status.Channel || channels.Payee(r.Merchant) != channels.Payee(status.Merchant) {
		return s.refundCase(ctx, status, source, "mismatch", "the hub asked for it on another order")
	}
	outcome, err := s.ownRefund(ctx, r, status, source)
	if err == nil && outcome == channels.OutcomeCase {
		err = s.askLater(ctx, r, string(status.State)) // nothing if it is held no more
	}
	return outcome, err
}

// ownRefund settles what the channel says of a refund of the hub's own.
func (s *Service) ownRefund(ctx context.Context, r transition.RefundOrder, status channels.RefundStatus, source string) (channels.Outcome, error) {
	alive := status.State == channels.RefundProcessing || status.State == channels.RefundAbnormal
	switch {
	case status.State == channels.RefundMade:
		return s.madeRefund(ctx, r, status, source)
	case status.State == channels.RefundClosed:
		state, err := s.config.Ledger.ReturnRefund(ctx, r.No, string(status.State), 0)
		if err == nil && state == transition.RefundSettled {
			return s.refundCase(ctx, status, source, "mismatch", "said to be closed after it was made")
		}
		return channels.OutcomeReturned, err
	case alive && r.State == transition.RefundReturned:
		return s.refundCase(ctx, status, source, "refund_alive", "given back, and the channel may still make it")
	case status.State == channels.RefundAbnormal:
		return s.refundCase(ctx, status, source, "refund_abnormal", "the payer's account does not take it")
	case status.State == channels.RefundProcessing:
		return channels.OutcomeWaiting, s.askLater(ctx, r, string(status.State))
	}
	return "", fmt.Errorf("refund %s: channel state %.20q is none of guodu's", r.No, status.State)
}

// madeRefund books a refund of the hub's own as made.
func (s *Service) madeRefund(ctx context.Context, r transition.RefundOrder, status channels.RefundStatus, source string) (channels.Outcome, error) {
	at := status.Time
	if at.IsZero() {
		at = s.config.Clock()
	}
	first, late, err := s.config.Ledger.SettleRefund(ctx, transition.RefundMade{No: r.No, Amount: status.Amount, ChannelNo: status.ChannelNo, At: at})
	switch {
	case errors.Is(err, transition.ErrMismatch):
		return s.refundCase(ctx, status, source, "mismatch", err.Error())
	case err != nil:
		return "", err
	case late:
		return s.refundCase(ctx, status, source, "refund_late", "made after the channel had said that it would not be")
	case first:
		s.tellRefunded(r.Order, string(r.No), status.Amount, at)
		return channels.OutcomeRefunded, nil
	}
	return channels.OutcomeDuplicate, nil
}

// outsideRefund books what the hub did not ask for.
func (s *Service) outsideRefund(ctx context.Context, status channels.RefundStatus, source string) (channels.Outcome, error) {
	if status.State != channels.RefundMade {
		return channels.OutcomeWaiting, nil // no money has moved
	}
	order, err := transition.ParseOrderNo(status.OrderNo)
	if err != nil || !transaction.MatchString(status.No) || status.Amount <= 0 {
		return s.refundCase(ctx, status, source, "unknown_refund", "no order of guodu has such a number")
	}
	at := status.Time
	if at.IsZero() {
		at = s.config.Clock()
	}
	first, err := s.config.Ledger.BookOutside(ctx, transition.OutsideRefund{
		No: status.No, Order: order, Channel: status.Channel, Payee: channels.Payee(status.Merchant), Amount: status.Amount, ChannelNo: status.ChannelNo, At: at, Source: source,
	})
	switch {
	case errors.Is(err, transition.ErrNotPaid):
		return s.refundBeforeCredit(ctx, order, status, at)
	case errors.Is(err, transition.ErrNoOrder):
		return s.refundOfLost(ctx, order, status, source, at)
	case errors.Is(err, transition.ErrMismatch):
		return s.refundCase(ctx, status, source, "mismatch", err.Error())
	case err != nil:
		return "", err
	case first:
		s.tellRefunded(order, outsideRef(order, status.No), status.Amount, at)
		return channels.OutcomeRefunded, nil
	}
	return channels.OutcomeDuplicate, nil
}

// refundBeforeCredit settles an order whose refund was heard of before its
// payment: the payment is asked for, and both are booked in one step. That there
// is a refund is durable before anything is asked.
func (s *Service) refundBeforeCredit(ctx context.Context, order transition.OrderNo, status channels.RefundStatus, at time.Time) (channels.Outcome, error) {
	if _, err := s.config.Ledger.ToldRefunded(ctx, order, status.Amount); err != nil {
		return "", err
	}
	o, err := s.config.Ledger.Order(ctx, order)
	if err != nil {
		return "", err
	}
	channel, err := s.channel(o.Channel, o.Merchant)
	if err != nil {
		return "", err
	}
	payment, err := channel.Query(ctx, string(order))
	if err != nil {
		return "", fmt.Errorf("order %s has a refund and no credit: %w: %w", order, channels.ErrNotNow, err)
	}
	if payment.State != channels.Paid {
		return "", fmt.Errorf("order %s has a refund, and its payment is %s: %w", order, payment.State, channels.ErrNotNow)
	}
	payment.Refunded = true
	payment.RefundNos = slices.DeleteFunc(slices.Clone(payment.RefundNos), func(no string) bool { return no == status.No })
	payment.Refunds = []channels.Refund{{No: status.No, Amount: status.Amount, Time: at}}
	outcome, err := s.Settle(ctx, payment, "query")
	if err != nil || outcome != channels.OutcomeCase {
		return outcome, err
	}
	return s.refundOfCase(ctx, order, status, payment)
}

// refundOfLost is for a refund of an order that the books do not have: if its
// payment is a case, what went back leaves suspense; else people look.
func (s *Service) refundOfLost(ctx context.Context, order transition.OrderNo, status channels.RefundStatus, source string, at time.Time) (channels.Outcome, error) {
	unknown := func() (channels.Outcome, error) {
		return s.refundCase(ctx, status, source, "unknown_refund", "no such order in the books")
	}
	channel, err := s.channel(status.Channel, status.Merchant)
	if err != nil {
		return unknown()
	}
	p, err := channel.Query(ctx, string(order))
	if err != nil || p.State != channels.Paid {
		return unknown()
	}
	c, holds, err := s.suspendedCase(ctx, p)
	if err != nil {
		return "", err
	}
	if !holds {
		return unknown()
	}
	p.Refunds = []channels.Refund{{No: status.No, Amount: status.Amount, Time: at}}
	err = s.bookSuspended(ctx, c, p, source)
	if errors.Is(err, transition.ErrMismatch) {
		return unknown()
	}
	return channels.OutcomeRefunded, err
}

// refundOfCase books a refund of a payment that is a case itself: what went back
// of it leaves suspense.
func (s *Service) refundOfCase(ctx context.Context, order transition.OrderNo, status channels.RefundStatus, p channels.Payment) (channels.Outcome, error) {
	_, holds, err := s.suspendedCase(ctx, p)
	if err != nil {
		return "", err
	}
	if !holds {
		return s.refundCase(ctx, status, "query", "refund_of_case", "the order it belongs to is a case that holds no money")
	}
	return s.creditSuspended(ctx, p, "query", order)
}

// refundCase keeps what a person must decide about a refund. No money is in
// suspense for it: what moved is in the books, or is not ours.
func (s *Service) refundCase(ctx context.Context, status channels.RefundStatus, source, kind, why string) (channels.Outcome, error) {
	evidence, err := json.Marshal(map[string]string{
		"why": why, "source": source, "channel": status.Channel, "order": fmt.Sprintf("%.64s", status.OrderNo), "refund": fmt.Sprintf("%.70s", status.No),
		"channel_no": fmt.Sprintf("%.70s", status.ChannelNo), "state": string(status.State), "amount_fen": status.Amount.String(),
	})
	if err != nil {
		return "", fmt.Errorf("case of refund %.70s: %w", status.No, err)
	}
	id := status.No
	if !transaction.MatchString(id) {
		id = idempotency.Fingerprint(status.No)
	}
	// One refund may need a person more than once, for different reasons; and a
	// number is the order's alone.
	order := status.OrderNo
	if !transaction.MatchString(order) {
		order = idempotency.Fingerprint(status.OrderNo)
	}
	c := transition.Case{ID: status.Channel + ":" + kind + ":" + order + ":" + id, Kind: kind, Evidence: evidence}
	if len(c.ID) > caseIDMax {
		c.ID = status.Channel + ":" + kind + ":" + idempotency.Fingerprint(order, id)
	}
	first, err := s.config.Ledger.OpenCase(ctx, status.OrderNo, c)
	if err != nil {
		return "", err
	}
	s.config.Log.Warn("case", "case", c.ID, "kind", kind, "why", why, "first", first)
	return channels.OutcomeCase, nil
}
