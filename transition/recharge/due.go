package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Unasked keeps for people that nobody can be asked about an order: the merchant
// that made it is not configured. The order stays open and due, for the day that
// it is: what another merchant does not know proves nothing.
func (s *Service) Unasked(ctx context.Context, no transition.OrderNo) error {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil {
		return err
	}
	why := fmt.Sprintf("merchant %s is not configured: add it under former, and the hub asks what became of the order", o.Merchant)
	evidence, err := json.Marshal(map[string]string{
		"why": why, "source": "due", "channel": o.Channel, "merchant": o.Merchant, "order": string(no), "amount_fen": o.Amount.String(),
		"attach": string(o.Account),
	})
	if err != nil {
		return fmt.Errorf("case of order %s: %w", no, err)
	}
	c := transition.Case{ID: o.Channel + ":merchant:" + string(no), Kind: "merchant_unknown", Evidence: evidence}
	first, err := s.config.Ledger.OpenCase(ctx, string(no), c)
	if err == nil {
		s.config.Log.Warn("case", "case", c.ID, "kind", c.Kind, "why", why, "first", first)
	}
	return err
}

// Later says when to ask next about an order.
func (s *Service) Later(ctx context.Context, no transition.OrderNo, next time.Time) error {
	_, err := s.config.Ledger.Reschedule(ctx, no, next)
	return err
}
