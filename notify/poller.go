package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"guodu/channels"
	"guodu/internal/failpoint"
)

// Due is an order that stays silent.
type Due struct {
	No      string
	Channel string
	Created time.Time
	Expires time.Time
}

// Orders is what the Poller needs of the order life.
type Orders interface {
	Settler
	// Due claims orders whose time has come; nobody else gets them until the
	// lease ends.
	Due(ctx context.Context, lease time.Duration, limit int) ([]Due, error)
	// Later says when an order is due next.
	Later(ctx context.Context, no string, next time.Time) error
	// Close ends an order on the channel's proof that it cannot be paid.
	Close(ctx context.Context, no string) error
}

const (
	lease = 30 * time.Second
	// claim bounds what one look takes from each partition.
	claim = 4
	// workers bounds the questions that are under way at once: each costs a
	// signature of about a millisecond of CPU, and channels limit the rate.
	workers = 4
	// grace is how long after its expiry an order that the channel does not
	// know may still turn up there.
	grace = 10 * time.Minute
)

// ages are an order's ages at which its channel is asked.
func ages() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	}
}

// PollerConfig is what a Poller is made of.
type PollerConfig struct {
	Orders   Orders
	Channels map[string]channels.Channel
	Log      *slog.Logger
	Clock    func() time.Time // time.Now if nil
	Every    time.Duration    // between two looks; one second if zero
}

// Poller asks channels about due orders. Several hubs may run one each.
type Poller struct{ config PollerConfig }

// NewPoller returns a Poller.
func NewPoller(c PollerConfig) *Poller {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Every == 0 {
		c.Every = time.Second
	}
	return &Poller{c}
}

// Run looks for due orders until ctx ends.
func (p *Poller) Run(ctx context.Context) {
	again(ctx, p.config.Every, func() {
		_, err := p.Look(ctx)
		if err != nil && ctx.Err() == nil {
			p.config.Log.Error("look for due orders", "error", err)
		}
	})
}

// Look asks about all orders that are due now and returns how many.
func (p *Poller) Look(ctx context.Context) (int, error) {
	due, err := p.config.Orders.Due(ctx, lease, claim) // orders and an error: some could not be read
	spread(due, func(d Due) { p.ask(ctx, d) })
	return len(due), err
}

// ask asks about one order; whatever goes wrong, it stays due.
func (p *Poller) ask(ctx context.Context, d Due) {
	ctx, cancel := context.WithTimeout(ctx, lease/2)
	defer cancel()
	log := p.config.Log.With("order", d.No, "channel", d.Channel)
	channel, ok := p.config.Channels[d.Channel]
	if !ok {
		log.Error("order of a channel that is not in use")
		return
	}
	done, err := p.resolve(ctx, channel, d)
	if err != nil {
		log.Warn("order stays due", "error", err)
	}
	if done {
		return
	}
	if err := p.config.Orders.Later(ctx, d.No, p.next(d)); err != nil {
		log.Error("order stays due after its lease", "error", err)
	}
}

// resolve asks the channel and settles what it says. done means that nothing
// is left to ask.
func (p *Poller) resolve(ctx context.Context, channel channels.Channel, d Due) (done bool, err error) {
	payment, err := channel.Query(ctx, d.No)
	failpoint.Hit("poller.queried")
	now := p.config.Clock()
	if errors.Is(err, channels.ErrOrderNotFound) {
		if now.Before(d.Expires.Add(grace)) {
			return false, nil // its prepay may still be under way
		}
		return true, p.config.Orders.Close(ctx, d.No)
	}
	if err != nil {
		return false, err
	}
	if payment.State == channels.Unpaid {
		if now.Before(d.Expires) {
			return false, nil
		}
		return p.closeAtChannel(ctx, channel, d)
	}
	outcome, err := p.config.Orders.Settle(ctx, payment, "query")
	if err != nil {
		return false, err
	}
	p.config.Log.Info("query", "order", d.No, "outcome", outcome)
	// A case does not end the asking: the channel may come to agree.
	return outcome != "case", nil
}

// closeAtChannel makes an expired order unpayable. Only the channel's own
// word, that of closing or of a payment that came first, ends it here.
func (p *Poller) closeAtChannel(ctx context.Context, channel channels.Channel, d Due) (bool, error) {
	err := channel.Close(ctx, d.No)
	if err != nil && !errors.Is(err, channels.ErrAlreadyPaid) {
		return false, err
	}
	failpoint.Hit("poller.closed")
	payment, err := channel.Query(ctx, d.No)
	if err != nil {
		return false, err
	}
	if payment.State == channels.Unpaid {
		return false, nil
	}
	outcome, err := p.config.Orders.Settle(ctx, payment, "query")
	return err == nil && outcome != "case", err
}

// next is when to ask again: by the order's age, and at its expiry.
func (p *Poller) next(d Due) time.Time {
	now := p.config.Clock()
	next := now.Add(30 * time.Minute)
	for _, age := range ages() {
		at := d.Created.Add(age)
		if at.After(now) {
			next = at
			break
		}
	}
	if d.Expires.After(now) && d.Expires.Before(next) {
		next = d.Expires
	}
	return next
}
