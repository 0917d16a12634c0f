package transition

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

type orderToldCall struct {
	Order    string  `key:"order"`
	Refunded fen.Fen `arg:"refunded"`
	Now      string  `arg:"now"`
}

type orderToldReply struct {
	Tag   string
	First string `reply:"first"`
}

var orderTold = redisx.MustLoad[orderToldCall, orderToldReply](scripts, "order_told")

// ToldRefunded writes down that the channel told of refunds of an order, in all,
// that cannot be learned yet; until they are, the order is not credited. It
// returns when that was first told.
// Errors: ErrNoOrder.
func (s *Store) ToldRefunded(ctx context.Context, no OrderNo, all fen.Fen) (first time.Time, err error) {
	p, err := no.partition()
	if err != nil {
		return first, err
	}
	reply, err := orderTold.Run(ctx, s.run, orderToldCall{Order: s.keys.order(p, no), Refunded: all, Now: s.now()})
	if err != nil {
		return first, err
	}
	if reply.Tag == "NO_ORDER" {
		return first, fmt.Errorf("order %s: %w", no, ErrNoOrder)
	}
	var n number
	first = n.time(reply.First)
	return first, n.err
}

// OutsideRefund is a refund that the hub did not ask for.
type OutsideRefund struct {
	No        string // the merchant's number of it, as the channel tells it
	Order     OrderNo
	Channel   string
	Payee     string // number of the merchant that paid it back
	Amount    fen.Fen
	ChannelNo string
	At        time.Time
	Source    string // "notice", "query" or "bill"
}

// refundOutside is what scripts take of a refund that the hub did not ask for.
type refundOutside struct {
	ID        string  `arg:"refund_no"`
	Order     OrderNo `arg:"order_no"`
	Amount    fen.Fen `arg:"amount"`
	ChannelNo string  `arg:"channel_no"`
	At        string  `arg:"at"`
	Now       string  `arg:"now"`
	Source    string  `arg:"source"`
	Channel   string  `arg:"channel"`
}

func (s *Store) outside(r OutsideRefund) refundOutside {
	return refundOutside{
		ID: outside(r.Order, r.No), Order: r.Order, Amount: r.Amount, ChannelNo: r.ChannelNo, At: millis(r.At), Now: s.now(),
		Source: r.Source, Channel: r.Channel,
	}
}

type refundExtCall struct {
	refundKeys
	AccountNo AccountNo `arg:"account_no"`
	refundOutside
}

type refundExtReply struct {
	Tag   string
	Taken string `reply:"taken"`
	Field string `reply:"field"`
}

var refundExt = redisx.MustLoad[refundExtCall, refundExtReply](scripts, "refund_ext")

// BookOutside books a refund made in the merchant's console, or a chargeback,
// once: pending first, the rest becomes clawback.
// Errors: ErrNumber, ErrNoOrder, ErrNotPaid (not credited yet: the refund must
// come with the credit), ErrOurs, ErrMismatch.
func (s *Store) BookOutside(ctx context.Context, r OutsideRefund) (first bool, err error) {
	if !vendorNumber.MatchString(r.No) {
		return false, fmt.Errorf("refund %.70q: %w", r.No, ErrNumber)
	}
	if no, err := ParseRefundNo(r.No); err == nil {
		ours, err := s.Refund(ctx, no)
		if err == nil {
			return false, fmt.Errorf("refund %s of order %s: %w (%s)", r.No, r.Order, ErrOurs, ours.State)
		}
		if !errors.Is(err, ErrNoRefund) {
			return false, err
		}
	}
	o, err := s.Order(ctx, r.Order)
	if err != nil {
		return false, err
	}
	// Whatever the app: an order's merchant never changes once it is stored.
	if payee, _, _ := strings.Cut(o.Merchant, "/"); payee != r.Payee {
		return false, fmt.Errorf("refund %s of order %s: %w: it was paid to %s, the word is of %s", r.No, r.Order, ErrMismatch, payee, r.Payee)
	}
	p, err := r.Order.partition()
	if err != nil {
		return false, err
	}
	made := s.outside(r)
	reply, err := refundExt.Run(ctx, s.run, refundExtCall{
		refundKeys: s.refundKeys(p, r.Order, o.Account, made.ID), AccountNo: o.Account, refundOutside: made,
	})
	if err != nil {
		return false, err
	}
	switch reply.Tag {
	case "BOOKED":
		s.tell(ctx, o.Account, hint{blocks: true})
		return true, nil
	case "DUP":
		return false, nil
	case "NO_ORDER":
		err = ErrNoOrder
	case "NOT_CREDITED":
		err = ErrNotPaid
	case "MISMATCH":
		err = ErrMismatch
	case "RETRY":
		err = ErrMoved
	}
	return false, fmt.Errorf("refund %s of order %s: %w", r.No, r.Order, err)
}

// outside is the id of a refund that the hub did not ask for. Its number is the
// merchant's and, at Alipay, unique within its trade only; so the order is part
// of the id (docs/adr/0004).
func outside(order OrderNo, no string) string { return string(order) + ":" + no }
