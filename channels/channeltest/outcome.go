package channeltest

import (
	"context"
	"time"

	"guodu/channels"
)

// patience is how much later than its context a call may come back.
const patience = 5 * time.Second

func outcomeChecks() []check {
	return []check{
		{"an unknown outcome is called one, once", withoutFaults, unknownOutcomes},
		{"a context that is over", nil, overBefore},
		{"a context that ends on the way", withoutHang, overMeanwhile},
	}
}

func withoutFaults(s Subject) string {
	if len(s.Faults) == 0 {
		return "faults"
	}
	return ""
}

func withoutHang(s Subject) string {
	if s.Hang == nil {
		return "way to hang"
	}
	return ""
}

// errand is a call to make about an order.
type errand struct {
	call Call
	do   func(context.Context, channels.PrepayRequest) error
}

// errands are in an order in which each of them can succeed.
func (b *bench) errands() []errand {
	return []errand{
		{CallPrepay, func(ctx context.Context, req channels.PrepayRequest) error {
			_, err := b.Channel.Prepay(ctx, req)
			return err
		}},
		{CallQuery, func(ctx context.Context, req channels.PrepayRequest) error {
			_, err := b.Channel.Query(ctx, req.OrderNo)
			return err
		}},
		{CallClose, func(ctx context.Context, req channels.PrepayRequest) error {
			return b.Channel.Close(ctx, req.OrderNo)
		}},
	}
}

// unknownOutcomes wants each call to give up after one request, and the same
// call by the caller to end well whatever was done the first time.
func unknownOutcomes(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, fault := range b.Faults {
		req := b.request()
		for _, e := range b.errands() {
			before := b.asked(e.call)
			err := fault.Set(e.call)
			if err != nil {
				r.Fatalf("set %s for %s: %v", fault.Name, e.call, err)
			}
			err = e.do(ctx, req)
			if err == nil {
				r.Fatalf("%s succeeds after %s", e.call, fault.Name)
			}
			b.is(r, err, channels.ErrUnknownOutcome)
			if n := b.asked(e.call) - before; b.Asked != nil && n != 1 {
				r.Errorf("%s was sent %d times after %s, want once", e.call, n, fault.Name)
			}
			err = e.do(ctx, req)
			if err != nil {
				r.Errorf("%s again after %s: %v", e.call, fault.Name, err)
			}
		}
	}
}

func (b *bench) asked(call Call) int64 {
	if b.Asked == nil {
		return 0
	}
	return b.Asked(call)
}

func overBefore(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, _ := b.prepared(ctx, r)
	over, end := context.WithCancel(ctx)
	end()
	for _, e := range b.errands() {
		err := e.do(over, req)
		if err == nil {
			r.Fatalf("%s succeeds after its context is over", e.call)
		}
		b.is(r, err, channels.ErrUnknownOutcome)
	}
	b.in(ctx, r, req, channels.Unpaid)
}

func overMeanwhile(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, _ := b.prepared(ctx, r)
	for _, e := range b.errands() {
		err := b.Hang(e.call)
		if err != nil {
			r.Fatalf("hang %s: %v", e.call, err)
		}
		short, end := context.WithTimeout(ctx, 200*time.Millisecond)
		began := time.Now()
		err = e.do(short, req)
		end()
		if err == nil {
			r.Fatalf("%s succeeds without an answer", e.call)
		}
		b.is(r, err, channels.ErrUnknownOutcome)
		if late := time.Since(began); late > patience {
			r.Errorf("%s came back after %v", e.call, late)
		}
	}
}
