package transition

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Trace is everything that the books know of an order.
type Trace struct {
	Order   Order
	Refunds []RefundOrder
	Cases   []Case
	Entries []Entry // of its account, that name the order or one of its refunds
}

// Trace reads everything known of an order. Entries that were archived are not
// among it.
// Errors: ErrNoOrder.
func (s *Store) Trace(ctx context.Context, no OrderNo) (Trace, error) {
	var t Trace
	var err error
	t.Order, err = s.Order(ctx, no)
	if err != nil {
		return t, err
	}
	t.Refunds, err = s.Refunds(ctx, t.Order)
	if err != nil {
		return t, err
	}
	cases, err := s.Cases(ctx)
	if err != nil {
		return t, err
	}
	for _, c := range cases {
		if strings.Contains(string(c.Evidence), string(no)) {
			t.Cases = append(t.Cases, c)
		}
	}
	p := partitionOf(t.Order.Account)
	lines, err := s.client().LRange(ctx, s.keys.entries(p, t.Order.Account), 0, -1).Result()
	if err := read("entries", err); err != nil {
		return t, err
	}
	for _, line := range lines {
		e, err := ParseEntry(line)
		if err != nil {
			return t, fmt.Errorf("account %s: %w", t.Order.Account, err)
		}
		if e.Ref == string(no) || slices.Contains(t.Order.Refunds, e.Ref) {
			t.Entries = append(t.Entries, e)
		}
	}
	return t, nil
}
