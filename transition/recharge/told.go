package recharge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
)

// errUnseen says that a refund that the channel told of cannot be asked for yet.
var errUnseen = fmt.Errorf("told of and not to be found yet: %w", channels.ErrUnknownOutcome)

// unseenMax is how long the channel may tell of a refund that cannot be asked for
// before a person must know.
const unseenMax = 12 * time.Hour

// unseen is for a payment with refunds that cannot be learned now: the channel
// must tell again. What is not credited must not be credited meanwhile by an
// older word that knows of no refund, so it is kept as a case too; what is, after
// some hours.
func (s *Service) unseen(ctx context.Context, p channels.Payment, source string, no transition.OrderNo, why error) error {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil && !errors.Is(err, transition.ErrNoOrder) {
		return err
	}
	var first time.Time
	if err == nil && o.Channel == p.Channel && o.Merchant == p.Merchant {
		first, err = s.config.Ledger.ToldRefunded(ctx, no, max(p.RefundedTotal, 1))
		if err != nil {
			return err
		}
	}
	if o.State == transition.OrderCredited && o.Txn == p.TransactionID && s.config.Clock().Sub(first) < unseenMax {
		return why
	}
	_, err = s.openCase(ctx, p, source, kindRefundsUnknown, "a refund that cannot be found yet")
	return errors.Join(err, why)
}

// learnRefunds asks the channel for the refunds that a payment names and says
// no more of. One that is under way, or that the channel does not know, has
// moved no money.
// Errors: channels.ErrUnknownOutcome, after which the same call is repeated.
func (s *Service) learnRefunds(ctx context.Context, p channels.Payment) (channels.Payment, error) {
	if len(p.RefundNos) == 0 {
		return p, nil
	}
	refunder, err := s.refunder(p.Channel, p.Merchant)
	if err != nil {
		return p, nil //nolint:nilerr // nobody to ask: the refunds stay unknown
	}
	for _, no := range p.RefundNos {
		ofCase, err := s.ofCase(ctx, no)
		if err != nil {
			return p, err
		}
		if ofCase != "" && ofCase != transition.RefundReturned {
			continue // its case accounts for it
		}
		status, err := refunder.QueryRefund(ctx, p.OrderNo, no)
		switch {
		case errors.Is(err, channels.ErrRefundNotFound) && (no == p.OrderNo || p.RefundedTotal == 0), errors.Is(err, channels.ErrRefused):
			continue
		case errors.Is(err, channels.ErrRefundNotFound):
			// The channel's signed word says that money went back under this number:
			// the query is not there yet. Let it be told again.
			return p, fmt.Errorf("refund %.70s of order %.40s: %w", no, p.OrderNo, errUnseen)
		case err != nil:
			return p, fmt.Errorf("refund %.70s of order %.40s: %w", no, p.OrderNo, err)
		case status.State == channels.RefundMade && ofCase != "":
			if _, err := s.SettleRefund(ctx, status, "query"); err != nil {
				return p, err
			}
		case status.State == channels.RefundMade:
			at := status.Time
			if at.IsZero() {
				at = s.config.Clock()
			}
			p.Refunds = append(p.Refunds, channels.Refund{No: no, Amount: status.Amount, Time: at})
		}
	}
	return p, nil
}

// ofCase is the state of a refund that the hub asked for of money in suspense,
// empty for any other.
func (s *Service) ofCase(ctx context.Context, text string) (transition.RefundState, error) {
	no, err := transition.ParseRefundNo(text)
	if err != nil {
		return "", nil //nolint:nilerr // no number of the hub's
	}
	r, err := s.config.Ledger.Refund(ctx, no)
	if errors.Is(err, transition.ErrNoRefund) || err == nil && r.Case == "" {
		return "", nil
	}
	return r.State, err
}

func refundsSum(p channels.Payment) fen.Fen {
	var sum fen.Fen
	for _, r := range p.Refunds {
		sum += r.Amount
	}
	return sum
}

// moreRefunds is for a payment of which more was refunded than the channel names
// here. An order whose books have it all is as it should be; one that is not
// credited, or whose books lack some, needs a person. What is held for a refund of
// the hub's own is nothing that the channel has made.
func (s *Service) moreRefunds(ctx context.Context, p channels.Payment, source string, no transition.OrderNo, sum fen.Fen) (channels.Outcome, error) {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil && !errors.Is(err, transition.ErrNoOrder) {
		return "", err
	}
	if err == nil && p.RefundedTotal > 0 && o.State == transition.OrderCredited && o.Txn == p.TransactionID {
		err = s.bookRefunds(ctx, p, source)
		if err != nil {
			return "", err
		}
		o, err = s.config.Ledger.Order(ctx, no)
		if err != nil {
			return "", err
		}
		if o.Refunded >= p.RefundedTotal {
			return channels.OutcomeDuplicate, s.allKnown(ctx, p)
		}
		sum = o.Refunded
	}
	why := "the channel tells of refunds without naming them"
	if p.RefundedTotal > 0 {
		why = fmt.Sprintf("the channel refunded %s yuan, refunds of %s are known", p.RefundedTotal.Yuan(), sum.Yuan())
	}
	outcome, err := s.openCase(ctx, p, source, kindRefundsUnknown, why)
	if err != nil {
		return outcome, err
	}
	return s.creditSuspended(ctx, p, source, no)
}

// bookRefunds books the refunds that came with the payment of an order that was
// credited before.
func (s *Service) bookRefunds(ctx context.Context, p channels.Payment, source string) error {
	for _, r := range p.Refunds {
		_, err := s.SettleRefund(ctx, channels.RefundStatus{
			Channel: p.Channel, Merchant: p.Merchant, OrderNo: p.OrderNo, No: r.No, State: channels.RefundMade, Amount: r.Amount, Time: r.Time,
		}, source)
		if err != nil {
			return err
		}
	}
	return nil
}
