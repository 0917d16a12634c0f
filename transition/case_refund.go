package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// CaseRefund is a wish to give money in suspense back the way it came.
type CaseRefund struct {
	No       RefundNo // from NewCaseRefundNo
	Channel  string
	Merchant string
	Order    string // as the channel knows it; it may be none of the hub's
	Amount   fen.Fen
	Request  json.RawMessage // what the channel will be sent, again and again
	By, Why  string
	FirstDue time.Time
}

// NewCaseRefundNo makes the number of a new refund of a case.
func NewCaseRefundNo(c Case, now time.Time) RefundNo {
	return RefundNo("R" + string(newOrderNo(c.home, now)))
}

type caseRefundHoldCall struct {
	Case     string   `key:"case"`
	Refund   string   `key:"refund"`
	Due      string   `key:"rfdue"`
	ID       string   `arg:"id"`
	No       RefundNo `arg:"refund_no"`
	Amount   fen.Fen  `arg:"amount"`
	Channel  string   `arg:"channel"`
	Order    string   `arg:"order_no"`
	Request  string   `arg:"request"`
	By       string   `arg:"by"`
	Why      string   `arg:"why"`
	Now      string   `arg:"now"`
	FirstDue string   `arg:"due"`
	Merchant string   `arg:"merchant"`
}

type caseRefundHoldReply struct {
	Tag      string
	No       string `reply:"no"`
	Fen      string `reply:"fen"`
	Decision string `reply:"decision"`
}

var caseRefundHold = redisx.MustLoad[caseRefundHoldCall, caseRefundHoldReply](scripts, "case_refund_hold")

// HoldCaseRefund binds money in suspense to a refund, or gives back the number of
// the one that is under way already.
// Errors: ErrNoCase, ErrCaseEnded, ErrMismatch (more than it holds),
// ErrRefundExists; after ErrUnknownOutcome repeat the same call.
func (s *Store) HoldCaseRefund(ctx context.Context, c Case, r CaseRefund) (no RefundNo, fresh bool, err error) {
	reply, err := caseRefundHold.Run(ctx, s.run, caseRefundHoldCall{
		Case: s.keys.cases(c.home), Refund: s.keys.refund(c.home, string(r.No)), Due: s.keys.refundsDue(c.home),
		ID: c.ID, No: r.No, Amount: r.Amount, Channel: r.Channel, Order: r.Order, Request: string(r.Request), By: r.By, Why: r.Why,
		Now: s.now(), FirstDue: millis(r.FirstDue), Merchant: r.Merchant,
	})
	if err != nil {
		return "", false, err
	}
	return RefundNo(reply.No), reply.Tag == "HELD", caseRefused(c, reply.Tag)
}

type caseRefundExtCall struct {
	houseKeys
	Refund string `key:"refund"`
	Case   string `arg:"id"`
	refundOutside
}

type caseRefundExtReply struct {
	Tag      string
	Left     string `reply:"left"`
	Field    string `reply:"field"`
	Decision string `reply:"decision"`
}

var caseRefundExt = redisx.MustLoad[caseRefundExtCall, caseRefundExtReply](scripts, "case_refund_ext")

// BookSuspended books a refund that the hub did not ask for, of money that is in
// suspense.
// Errors: ErrNumber, ErrNoCase, ErrCaseEnded, ErrMismatch.
func (s *Store) BookSuspended(ctx context.Context, c Case, r OutsideRefund) (first bool, err error) {
	if !vendorNumber.MatchString(r.No) || !vendorNumber.MatchString(string(r.Order)) {
		return false, fmt.Errorf("refund %.70q of order %.70q: %w", r.No, r.Order, ErrNumber)
	}
	made := s.outside(r)
	reply, err := caseRefundExt.Run(ctx, s.run, caseRefundExtCall{
		houseKeys: s.keys.suspense(c.home), Refund: s.keys.refund(c.home, made.ID), Case: c.ID, refundOutside: made,
	})
	if err != nil {
		return false, err
	}
	return reply.Tag == "BOOKED", caseRefused(c, reply.Tag)
}

type caseRefundSettleCall struct {
	houseKeys
	Refund string `key:"refund"`
	Due    string `key:"rfdue"`
	refundMade
}

type caseRefundLateCall struct {
	refundKeys
	AccountNo AccountNo `arg:"account_no"`
	refundMade
}

type caseRefundReturnCall struct {
	Case   string `key:"case"`
	Refund string `key:"refund"`
	Due    string `key:"rfdue"`
	refundReturned
}

var (
	caseRefundSettle = redisx.MustLoad[caseRefundSettleCall, settledReply](scripts, "case_refund_settle")
	caseRefundLate   = redisx.MustLoad[caseRefundLateCall, settledReply](scripts, "case_refund_late")
	caseRefundReturn = redisx.MustLoad[caseRefundReturnCall, returnedReply](scripts, "case_refund_return")
)

// settle runs the script that books a refund as made.
func (s *Store) settle(ctx context.Context, r RefundOrder, m RefundMade) (settledReply, error) {
	if r.Case == "" {
		p, err := r.Order.partition()
		if err != nil {
			return settledReply{}, err
		}
		return refundSettle.Run(ctx, s.run, refundSettleCall{
			refundKeys: s.refundKeys(p, r.Order, r.Account, string(r.No)), Due: s.keys.refundsDue(p), refundMade: s.made(m),
		})
	}
	p, err := r.No.partition()
	if err != nil {
		return settledReply{}, err
	}
	reply, err := caseRefundSettle.Run(ctx, s.run, caseRefundSettleCall{
		houseKeys: s.keys.suspense(p), Refund: s.keys.refund(p, string(r.No)), Due: s.keys.refundsDue(p), refundMade: s.made(m),
	})
	if err != nil || reply.Tag != "MISMATCH" || reply.Field != "case" {
		return reply, err
	}
	return s.settleLate(ctx, r, m)
}

// settleLate books a refund of a case that was made although it had been given
// back, on the order that its payment was credited to since.
func (s *Store) settleLate(ctx context.Context, r RefundOrder, m RefundMade) (settledReply, error) {
	gone := settledReply{Tag: "MISMATCH", Field: "case"}
	o, err := s.Order(ctx, r.Order)
	if errors.Is(err, ErrNoOrder) || errors.Is(err, ErrNumber) {
		return gone, nil
	}
	if err != nil {
		return settledReply{}, err
	}
	p, err := r.Order.partition()
	if err != nil {
		return settledReply{}, err
	}
	reply, err := caseRefundLate.Run(ctx, s.run, caseRefundLateCall{
		refundKeys: s.refundKeys(p, r.Order, o.Account, string(r.No)), AccountNo: o.Account, refundMade: s.made(m),
	})
	if err == nil && (reply.Tag == "NOT_CREDITED" || reply.Tag == "NO_ORDER") {
		return gone, nil
	}
	if err == nil && reply.Tag == "LATE" {
		s.tell(ctx, o.Account, hint{blocks: true})
	}
	return reply, err
}

// giveBack runs the script that ends a refund without its being made.
func (s *Store) giveBack(ctx context.Context, r RefundOrder, word string, quiet time.Duration) (returnedReply, error) {
	end := refundReturned{No: r.No, Now: s.now(), Word: word, QuietMS: quiet.Milliseconds()}
	if r.Case == "" {
		p, err := r.Order.partition()
		if err != nil {
			return returnedReply{}, err
		}
		return refundReturn.Run(ctx, s.run, refundReturnCall{
			refundKeys: s.refundKeys(p, r.Order, r.Account, string(r.No)), Due: s.keys.refundsDue(p), refundReturned: end,
		})
	}
	p, err := r.No.partition()
	if err != nil {
		return returnedReply{}, err
	}
	return caseRefundReturn.Run(ctx, s.run, caseRefundReturnCall{
		Case: s.keys.cases(p), Refund: s.keys.refund(p, string(r.No)), Due: s.keys.refundsDue(p), refundReturned: end,
	})
}
