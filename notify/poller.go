package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"guodu/channels"
	"guodu/internal/failpoint"
)

// Due is an order that stays silent.
type Due struct {
	No       string
	Channel  string
	Merchant string // that made it
	Created  time.Time
	Expires  time.Time
}

// Orders is what the Poller needs of the order life.
type Orders interface {
	Settler
	// Due claims orders whose time has come; nobody else gets them until the
	// lease ends.
	Due(ctx context.Context, lease time.Duration, limit int) ([]Due, error)
	// Later says when an order is due next.
	Later(ctx context.Context, no string, next time.Time) error
	// Close ends an order on the proof, given to the named merchant, that it cannot
	// be paid.
	Close(ctx context.Context, no, merchant string) error
	// Unasked keeps for people that an order's merchant is not configured.
	Unasked(ctx context.Context, no string) error
}

// laneOf is what questions to one merchant share: a former one that does not answer
// holds up nobody else's.
func laneOf(channel, merchant string) string { return channel + " " + merchant }

// grace is how long after its expiry an order that the channel does not know may
// still turn up there.
const grace = 10 * time.Minute

// ages are an order's ages at which its channel is asked.
func ages() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	}
}

// PollerConfig is what a Poller is made of.
type PollerConfig struct {
	Orders   Orders
	Channels channels.Set
	Log      *slog.Logger
	Clock    func() time.Time // time.Now if nil
	Every    time.Duration    // between two looks; one second if zero
	Rates    *Rates           // of the questions; those of NewRates(0) if nil
}

// Poller asks channels about due orders, the newest first and no faster than its
// Rates. Several hubs may run one each: what one has claimed, no other asks about
// until its lease ends.
type Poller struct {
	config PollerConfig
	lanes  *lanes[Due]
}

// NewPoller returns a Poller.
func NewPoller(c PollerConfig) *Poller {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Rates == nil {
		c.Rates = NewRates(0)
	}
	p := &Poller{config: c}
	p.lanes = newLanes(c.Rates, p.ask)
	return p
}

// Run looks for due orders until ctx ends, and then waits for the questions that
// are under way.
func (p *Poller) Run(ctx context.Context) {
	defer p.lanes.wait()
	again(ctx, p.config.Every, func() {
		_, err := p.claim(ctx)
		if err != nil && ctx.Err() == nil {
			p.config.Log.Error("look for due orders", "error", err)
		}
	})
}

// Look asks about the orders that are due now, and returns how many there are
// once each was asked about or had no turn in time.
func (p *Poller) Look(ctx context.Context) (int, error) {
	defer p.lanes.wait()
	return p.claim(ctx)
}

// claim claims orders that are due and has their channels asked.
func (p *Poller) claim(ctx context.Context) (int, error) {
	until := time.Now().Add(begin)
	due, err := p.config.Orders.Due(ctx, lease, claim) // orders and an error: some could not be read
	for _, d := range due {
		p.lanes.add(ctx, laneOf(d.Channel, d.Merchant), waiting[Due]{d, d.Created, until})
	}
	return len(due), err
}

// ask asks about one order; whatever goes wrong, it stays due.
func (p *Poller) ask(ctx context.Context, d Due) {
	log := p.config.Log.With("order", d.No, "channel", d.Channel)
	var done bool
	channel, ok := p.config.Channels.Of(d.Channel, d.Merchant)
	err := fmt.Errorf("merchant %s is not configured", d.Merchant)
	switch {
	case ok:
		done, err = p.resolve(ctx, channel, d)
	case !p.config.Clock().Before(d.Expires):
		// Earlier it is more likely that this hub is about to be replaced by one that
		// knows the merchant, or the other way round.
		err = errors.Join(err, p.config.Orders.Unasked(ctx, d.No))
	}
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
		return true, p.config.Orders.Close(ctx, d.No, d.Merchant)
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
	// Neither a case nor a word about somebody else's order ends the asking: the
	// channel may come to agree.
	return outcome.Ended(), nil
}

// closeAtChannel makes an expired order unpayable. Only the channel's own
// word, that of closing or of a payment that came first, ends it here.
func (p *Poller) closeAtChannel(ctx context.Context, channel channels.Channel, d Due) (bool, error) {
	err := p.config.Rates.wait(ctx, laneOf(d.Channel, d.Merchant))
	if err != nil {
		return false, err
	}
	err = channel.Close(ctx, d.No)
	if err != nil && !errors.Is(err, channels.ErrAlreadyPaid) {
		return false, err
	}
	failpoint.Hit("poller.closed")
	err = p.config.Rates.wait(ctx, laneOf(d.Channel, d.Merchant))
	if err != nil {
		return false, err
	}
	payment, err := channel.Query(ctx, d.No)
	if err != nil {
		return false, err
	}
	if payment.State == channels.Unpaid {
		return false, nil
	}
	outcome, err := p.config.Orders.Settle(ctx, payment, "query")
	return err == nil && outcome.Ended(), err
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
