package transition

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// ClaimDue gives the caller up to limit orders of each partition whose time to
// ask the channel has come. Nobody else gets them until the lease ends; then
// they are due again, so that a hub that dies loses none. With an error the
// orders that were claimed are returned all the same.
func (s *Store) ClaimDue(ctx context.Context, lease time.Duration, limit int) ([]OrderNo, error) {
	texts, err := s.claim(ctx, s.keys.due, lease, limit)
	orders := make([]OrderNo, 0, len(texts))
	errs := []error{err}
	for _, text := range texts {
		no, err := ParseOrderNo(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		orders = append(orders, no)
	}
	return orders, errors.Join(errs...)
}

// claim claims members of one list of each partition.
func (s *Store) claim(ctx context.Context, list func(partition) string, lease time.Duration, limit int) ([]string, error) {
	now := s.clock()
	var (
		claimed []string
		errs    []error
	)
	for p := range partition(Partitions) {
		reply, err := s.run.Run(ctx, s.scripts.dueClaim, []string{list(p)}, millis(now), millis(now.Add(lease)), strconv.Itoa(limit))
		if err != nil {
			errs = append(errs, err) // the other partitions do not wait for this one
			continue
		}
		claimed = append(claimed, reply...)
	}
	return claimed, errors.Join(errs...)
}

// Reschedule says when to ask next about an order. One that is credited or
// closed leaves the list; open reports whether it still waits.
func (s *Store) Reschedule(ctx context.Context, no OrderNo, next time.Time) (open bool, err error) {
	p, err := no.partition()
	if err != nil {
		return false, err
	}
	reply, err := s.run.Run(ctx, s.scripts.dueResched, []string{s.keys.due(p), s.keys.order(p, no)}, string(no), millis(next))
	if err != nil {
		return false, err
	}
	return reply[0] == "OK", nil
}
