package notify

import (
	"context"
	"log/slog"
	"time"
)

// Refunds is what the RefundPoller needs of the life of refunds.
type Refunds interface {
	// RefundsDue claims refunds whose time has come; nobody else gets them until
	// the lease ends.
	RefundsDue(ctx context.Context, lease time.Duration, limit int) ([]string, error)
	// AskRefund brings a refund nearer to its end, and says itself when it is due
	// next.
	AskRefund(ctx context.Context, no string) error
}

// RefundPoller sends refunds that are held and asks what became of them. Several
// hubs may run one each.
type RefundPoller struct {
	refunds Refunds
	log     *slog.Logger
	every   time.Duration
}

// NewRefundPoller returns a RefundPoller that looks once in a while; zero is a
// second.
func NewRefundPoller(refunds Refunds, log *slog.Logger, every time.Duration) *RefundPoller {
	if every == 0 {
		every = time.Second
	}
	return &RefundPoller{refunds, log, every}
}

// Run looks for due refunds until ctx ends.
func (p *RefundPoller) Run(ctx context.Context) {
	again(ctx, p.every, func() {
		_, err := p.Look(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.Error("look for due refunds", "error", err)
		}
	})
}

// Look asks about all refunds that are due now and returns how many.
func (p *RefundPoller) Look(ctx context.Context) (int, error) {
	due, err := p.refunds.RefundsDue(ctx, lease, claim) // refunds and an error: some could not be read
	spread(due, func(no string) {
		if ctx.Err() != nil {
			return // what was claimed is due again when its lease ends
		}
		ctx, cancel := context.WithTimeout(ctx, lease/2)
		defer cancel()
		if err := p.refunds.AskRefund(ctx, no); err != nil {
			p.log.Error("refund stays due after its lease", "refund", no, "error", err)
		}
	})
	return len(due), err
}
