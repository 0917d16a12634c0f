package notify

import (
	"context"
	"log/slog"
	"time"
)

// DueRefund is a refund that is held.
type DueRefund struct {
	No       string
	Channel  string
	Merchant string    // that is asked for it
	At       time.Time // when it was asked for
}

// Refunds is what the RefundPoller needs of the life of refunds.
type Refunds interface {
	// RefundsDue claims refunds whose time has come; nobody else gets them until
	// the lease ends.
	RefundsDue(ctx context.Context, lease time.Duration, limit int) ([]DueRefund, error)
	// AskRefund brings a refund nearer to its end, and says itself when it is due
	// next.
	AskRefund(ctx context.Context, no string) error
}

// refundBegin is begin for refunds: to ask about one takes up to 20 s, even when
// the hub is told to end.
const refundBegin = 10 * time.Second

// RefundPoller sends refunds that are held and asks what became of them, as the
// Poller asks about orders. Several hubs may run one each.
type RefundPoller struct {
	refunds Refunds
	log     *slog.Logger
	every   time.Duration
	rates   *Rates
	lanes   *lanes[DueRefund]
}

// NewRefundPoller returns a RefundPoller that looks once in a while; zero is a
// second. It shares its Rates with whoever else asks the channels; nil is those
// of NewRates(0).
func NewRefundPoller(refunds Refunds, rates *Rates, log *slog.Logger, every time.Duration) *RefundPoller {
	if every == 0 {
		every = time.Second
	}
	if rates == nil {
		rates = NewRates(0)
	}
	p := &RefundPoller{refunds: refunds, log: log, every: every, rates: rates}
	p.lanes = newLanes(rates, p.ask)
	return p
}

// Run looks for due refunds until ctx ends, and then waits for the questions that
// are under way.
func (p *RefundPoller) Run(ctx context.Context) {
	defer p.lanes.wait()
	again(ctx, p.every, func() {
		_, err := p.claim(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.Error("look for due refunds", "error", err)
		}
	})
}

// Look asks about the refunds that are due now, and returns how many there are
// once each was asked about or had no turn in time.
func (p *RefundPoller) Look(ctx context.Context) (int, error) {
	defer p.lanes.wait()
	return p.claim(ctx)
}

func (p *RefundPoller) claim(ctx context.Context) (int, error) {
	until := time.Now().Add(refundBegin)
	due, err := p.refunds.RefundsDue(ctx, lease, claim) // refunds and an error: some could not be read
	for _, d := range due {
		p.lanes.add(ctx, laneOf(d.Channel, d.Merchant), waiting[DueRefund]{d, d.At, until})
	}
	return len(due), err
}

// ask asks about one refund. That is two questions where the channel knows none of
// its number: then it is sent.
func (p *RefundPoller) ask(ctx context.Context, d DueRefund) {
	if p.rates.wait(ctx, laneOf(d.Channel, d.Merchant)) != nil {
		return // what was claimed is due again when its lease ends
	}
	if err := p.refunds.AskRefund(ctx, d.No); err != nil {
		p.log.Error("refund stays due after its lease", "refund", d.No, "error", err)
	}
}
