package sim

import (
	"context"
	"sync"
)

// Bell tells whoever waits that something has changed.
type Bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// NewBell makes a bell.
func NewBell() *Bell { return &Bell{rung: make(chan struct{})} }

// Ring wakes all who wait.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.rung)
	b.rung = make(chan struct{})
}

func (b *Bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rung
}

// Wait returns when holds says yes, which it is asked now and after each ring,
// or with the error of ctx.
func (b *Bell) Wait(ctx context.Context, holds func() bool) error {
	for {
		next := b.next() // before holds, so that no change is missed
		if holds() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
