package transition

import (
	"context"
	"errors"
	"time"

	"guodu/internal/redisx"
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

type dueClaimCall struct {
	Due   string `key:"due"`
	Now   string `arg:"now"`
	Until string `arg:"until"`
	Most  int    `arg:"most"`
}

type dueClaimReply struct {
	Orders []string `reply:"orders"`
}

var dueClaim = redisx.MustLoad[dueClaimCall, dueClaimReply](scripts, "due_claim")

// claim claims members of one list of each partition.
func (s *Store) claim(ctx context.Context, list func(partition) string, lease time.Duration, limit int) ([]string, error) {
	now := s.clock()
	var (
		claimed []string
		errs    []error
	)
	for p := range partition(Partitions) {
		reply, err := dueClaim.Run(ctx, s.run, dueClaimCall{Due: list(p), Now: millis(now), Until: millis(now.Add(lease)), Most: limit})
		if err != nil {
			errs = append(errs, err) // the other partitions do not wait for this one
			continue
		}
		claimed = append(claimed, reply.Orders...)
	}
	return claimed, errors.Join(errs...)
}

type dueReschedCall struct {
	Due   string  `key:"due"`
	Order string  `key:"order"`
	No    OrderNo `arg:"order_no"`
	Next  string  `arg:"next"`
}

// openOrGone is OK, or GONE with the state that ended it.
type openOrGone struct {
	Tag   string
	State string `reply:"state"`
}

var dueResched = redisx.MustLoad[dueReschedCall, openOrGone](scripts, "due_resched")

// Reschedule says when to ask next about an order. One that is credited or
// closed leaves the list; open reports whether it still waits.
func (s *Store) Reschedule(ctx context.Context, no OrderNo, next time.Time) (open bool, err error) {
	p, err := no.partition()
	if err != nil {
		return false, err
	}
	reply, err := dueResched.Run(ctx, s.run, dueReschedCall{Due: s.keys.due(p), Order: s.keys.order(p, no), No: no, Next: millis(next)})
	return reply.Tag == "OK", err
}
