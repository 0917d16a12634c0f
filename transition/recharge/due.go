package recharge

import (
	"context"
	"errors"
	"time"

	"guodu/transition"
)

// Due claims orders to ask the channel about, for the length of the lease. An
// order that was lost leaves the list. With an error the orders that could be
// read are returned all the same.
func (s *Service) Due(ctx context.Context, lease time.Duration, limit int) ([]transition.Order, error) {
	numbers, err := s.config.Ledger.ClaimDue(ctx, lease, limit)
	errs := []error{err}
	orders := make([]transition.Order, 0, len(numbers))
	for _, no := range numbers {
		o, err := s.config.Ledger.Order(ctx, no)
		if err != nil && !errors.Is(err, transition.ErrNoOrder) {
			errs = append(errs, err) // it stays claimed; the others do not wait for it
			continue
		}
		if err != nil || o.State == transition.OrderCredited || o.State == transition.OrderClosed {
			// Nothing is left to ask: this takes it out of the list.
			_, err = s.config.Ledger.Reschedule(ctx, no, s.config.Clock())
			errs = append(errs, err)
			continue
		}
		orders = append(orders, o)
	}
	return orders, errors.Join(errs...)
}

// Later says when to ask next about an order.
func (s *Service) Later(ctx context.Context, no transition.OrderNo, next time.Time) error {
	_, err := s.config.Ledger.Reschedule(ctx, no, next)
	return err
}
