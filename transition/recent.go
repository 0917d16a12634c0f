package transition

import (
	"context"
	"fmt"
)

// recentEntries is how far back RecentOrders looks.
const recentEntries = 500

// RecentOrders reads the account's last credited orders, newest first, at most
// n and no further back than its last 500 entries.
func (s *Store) RecentOrders(ctx context.Context, account AccountNo, n int) ([]Order, error) {
	p := partitionOf(account)
	lines, err := s.client().LRange(ctx, s.keys.entries(p, account), -recentEntries, -1).Result()
	if err := read("entries", err); err != nil {
		return nil, err
	}
	var orders []Order
	for i := len(lines) - 1; i >= 0 && len(orders) < n; i-- {
		e, err := ParseEntry(lines[i])
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", account, err)
		}
		if e.Kind != "credit" {
			continue
		}
		o, err := s.Order(ctx, OrderNo(e.Ref))
		if err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	return orders, nil
}
