package recharge

import (
	"context"
	"errors"
	"time"

	"guodu/transition"
)

// Due claims orders to ask the channel about, for the length of the lease. An
// order that was lost leaves the list.
func (s *Service) Due(ctx context.Context, lease time.Duration, limit int) ([]transition.Order, error) {
	numbers, err := s.config.Ledger.ClaimDue(ctx, lease, limit)
	if err != nil {
		return nil, err
	}
	orders := make([]transition.Order, 0, len(numbers))
	for _, no := range numbers {
		o, err := s.config.Ledger.Order(ctx, no)
		if err != nil && !errors.Is(err, transition.ErrNoOrder) {
			return orders, err
		}
		if err != nil || o.State == transition.OrderCredited || o.State == transition.OrderClosed {
			// Nothing is left to ask: this takes it out of the list.
			if _, err := s.config.Ledger.Reschedule(ctx, no, s.config.Clock()); err != nil {
				return orders, err
			}
			continue
		}
		orders = append(orders, o)
	}
	return orders, nil
}

// Later says when to ask next about an order.
func (s *Service) Later(ctx context.Context, no transition.OrderNo, next time.Time) error {
	_, err := s.config.Ledger.Reschedule(ctx, no, next)
	return err
}
