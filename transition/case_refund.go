package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guodu/internal/fen"
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

// HoldCaseRefund binds money in suspense to a refund, or gives back the number of
// the one that is under way already.
// Errors: ErrNoCase, ErrCaseEnded, ErrMismatch (more than it holds),
// ErrRefundExists; after ErrUnknownOutcome repeat the same call.
func (s *Store) HoldCaseRefund(ctx context.Context, c Case, r CaseRefund) (no RefundNo, fresh bool, err error) {
	reply, err := s.enter(ctx, s.scripts.caseRefundHold,
		[]string{s.keys.cases(c.home), s.keys.refund(c.home, string(r.No)), s.keys.refundsDue(c.home)},
		c.ID, string(r.No), r.Amount.String(), r.Channel, r.Order, string(r.Request), r.By, r.Why, s.now(), millis(r.FirstDue), r.Merchant)
	if err != nil {
		return "", false, err
	}
	if err := caseRefused("case_refund_hold", c, reply, "HELD", "SAME"); err != nil {
		return "", false, err
	}
	if len(reply) != 2 {
		return "", false, unexpected("case_refund_hold", reply)
	}
	return RefundNo(reply[1]), reply[0] == "HELD", nil
}

// BookSuspended books a refund that the hub did not ask for, of money that is in
// suspense.
// Errors: ErrNumber, ErrNoCase, ErrCaseEnded, ErrMismatch.
func (s *Store) BookSuspended(ctx context.Context, c Case, r OutsideRefund) (first bool, err error) {
	if !vendorNumber.MatchString(r.No) || !vendorNumber.MatchString(string(r.Order)) {
		return false, fmt.Errorf("refund %.70q of order %.70q: %w", r.No, r.Order, ErrNumber)
	}
	id := outside(r.Order, r.No)
	reply, err := s.enter(ctx, s.scripts.caseRefundExt, []string{
		s.keys.cases(c.home), s.keys.refund(c.home, id), s.keys.tot(c.home), s.keys.houseAccount(c.home), s.keys.houseEntries(c.home),
	}, c.ID, id, string(r.Order), r.Amount.String(), r.ChannelNo, millis(r.At), s.now(), r.Source, r.Channel)
	if err != nil {
		return false, err
	}
	return reply[0] == "BOOKED", caseRefused("case_refund_ext", c, reply, "BOOKED", "DUP")
}

// settle runs the script that books a refund as made.
func (s *Store) settle(ctx context.Context, r RefundOrder, m RefundMade) ([]string, error) {
	args := []string{string(m.No), m.Amount.String(), m.ChannelNo, millis(m.At), s.now()}
	if r.Case == "" {
		keys, err := s.refundKeys(r)
		if err != nil {
			return nil, err
		}
		return s.enter(ctx, s.scripts.refundSettle, keys, args...)
	}
	keys, p, err := s.caseRefundKeys(r)
	if err != nil {
		return nil, err
	}
	keys = append(keys, s.keys.tot(p), s.keys.houseAccount(p), s.keys.houseEntries(p))
	reply, err := s.enter(ctx, s.scripts.caseRefundSettle, keys, args...)
	if err != nil || reply[0] != "MISMATCH" || reply[1] != "case" {
		return reply, err
	}
	return s.settleLate(ctx, r, m)
}

// settleLate books a refund of a case that was made although it had been given
// back, on the order that its payment was credited to since.
func (s *Store) settleLate(ctx context.Context, r RefundOrder, m RefundMade) ([]string, error) {
	o, err := s.Order(ctx, r.Order)
	if errors.Is(err, ErrNoOrder) || errors.Is(err, ErrNumber) {
		return []string{"MISMATCH", "case"}, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := s.refundKeys(RefundOrder{No: r.No, Order: r.Order, Account: o.Account})
	if err != nil {
		return nil, err
	}
	reply, err := s.enter(ctx, s.scripts.caseRefundLate, keys[:5],
		string(m.No), string(r.Order), string(o.Account), m.Amount.String(), m.ChannelNo, millis(m.At), s.now())
	if err == nil && (reply[0] == "NOT_CREDITED" || reply[0] == "NO_ORDER") {
		return []string{"MISMATCH", "case"}, nil
	}
	if err == nil && reply[0] == "LATE" {
		s.tell(ctx, o.Account, hint{blocks: true})
	}
	return reply, err
}

// giveBack runs the script that ends a refund without its being made.
func (s *Store) giveBack(ctx context.Context, r RefundOrder, word string, quiet time.Duration) ([]string, error) {
	args := []string{string(r.No), s.now(), word, strconv.FormatInt(quiet.Milliseconds(), 10)}
	if r.Case == "" {
		keys, err := s.refundKeys(r)
		if err != nil {
			return nil, err
		}
		return s.enter(ctx, s.scripts.refundReturn, keys, args...)
	}
	keys, _, err := s.caseRefundKeys(r)
	if err != nil {
		return nil, err
	}
	return s.enter(ctx, s.scripts.caseRefundReturn, keys, args...)
}

func (s *Store) caseRefundKeys(r RefundOrder) ([]string, partition, error) {
	p, err := r.No.partition()
	if err != nil {
		return nil, 0, err
	}
	return []string{s.keys.cases(p), s.keys.refund(p, string(r.No)), s.keys.refundsDue(p)}, p, nil
}
