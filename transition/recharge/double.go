package recharge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"guodu/idempotency"
	"guodu/transition"
)

// ErrNotDouble says that an order is not, or no longer, the second of a pair
// that was paid double: some of it went back, or its money is on the card.
var ErrNotDouble = errors.New("order is not paid double")

// doubleWithin is how close by the channels' clocks two payments are that a
// holder may have meant as one.
const doubleWithin = time.Minute

// Pair is two payments of one account that look like one made twice. Nothing of
// either went back so far, and the whole of the second is pending.
type Pair struct{ First, Second transition.Order } // by the channels' success times

// DoublePaid are the pairs among an account's last orders, newest first. They are
// orders paid within a minute of each other, of the same amount or over different
// channels. The same amount again is what a holder does whose sheet showed no
// result; over to the other channel goes who believes that the first one failed,
// and may type another amount there. Another amount over the same channel is
// none: that is how people pay more on purpose. Nor is there a pair as long as
// the account is frozen, because its holder cannot give anything back.
// Errors: transition.ErrNoAccount.
func (s *Service) DoublePaid(ctx context.Context, account transition.AccountNo) ([]Pair, error) {
	a, err := s.config.Ledger.Account(ctx, account)
	if err != nil || a.Frozen() {
		return nil, err
	}
	orders, err := s.Refundable(ctx, account)
	if err != nil {
		return nil, err
	}
	orders = slices.DeleteFunc(orders, func(o transition.Order) bool { return o.Left() < o.Amount })
	// Of two paid in the same second the one credited last stays the later one.
	slices.SortStableFunc(orders, func(a, b transition.Order) int { return b.PaidAt.Compare(a.PaidAt) })
	var pairs []Pair
	for i, second := range orders {
		first := slices.IndexFunc(orders[i+1:], func(o transition.Order) bool { return double(o, second) })
		if first >= 0 && second.Left() <= a.Pending {
			pairs = append(pairs, Pair{orders[i+1+first], second})
		}
	}
	return pairs, nil
}

// double says whether an order and a later one look like one payment made twice.
func double(first, second transition.Order) bool {
	return second.PaidAt.Sub(first.PaidAt) <= doubleWithin && (first.Amount == second.Amount || first.Channel != second.Channel)
}

// RefundDouble gives the whole second order of a pair back, once: a repeat with
// the same key is told of the same refund, and any other finds no pair any more.
// Errors: ErrNotDouble, transition.ErrNoOrder (also if the order is another
// account's), and those of Refund.
func (s *Service) RefundDouble(ctx context.Context, account transition.AccountNo, order transition.OrderNo, key idempotency.Key) (transition.RefundOrder, error) {
	o, err := s.config.Ledger.Order(ctx, order)
	if err != nil {
		return transition.RefundOrder{}, err
	}
	if o.Account != account {
		return transition.RefundOrder{}, fmt.Errorf("order %s: %w", order, transition.ErrNoOrder)
	}
	pairs, err := s.DoublePaid(ctx, account)
	if err != nil {
		return transition.RefundOrder{}, err
	}
	paired := slices.ContainsFunc(pairs, func(p Pair) bool { return p.Second.No == order })
	// Of an order that some went back of, its whole amount cannot be held again:
	// only the key of the refund that took it gets an answer.
	if !paired && o.Left() == o.Amount {
		return transition.RefundOrder{}, fmt.Errorf("order %s: %w", order, ErrNotDouble)
	}
	r, err := s.Refund(ctx, RefundWish{Account: account, Order: order, Amount: o.Amount, Key: key, By: "holder", Why: "paid double"})
	var limit *transition.RefundLimitError
	if errors.As(err, &limit) {
		return r, fmt.Errorf("order %s: %w: %w", order, ErrNotDouble, err)
	}
	return r, err
}
