package notify

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultPerSecond is how many questions a hub puts to each channel in a second,
// where nothing else is said.
const DefaultPerSecond = 20

// Rates bounds the questions of one hub to each channel, whatever they are about.
// It is safe for concurrent use.
type Rates struct {
	perSecond int
	mu        sync.Mutex
	limiters  map[string]*rate.Limiter
}

// NewRates returns Rates of so many questions a second to each channel, evenly
// spread; DefaultPerSecond if that is not above zero.
func NewRates(perSecond int) *Rates {
	if perSecond <= 0 {
		perSecond = DefaultPerSecond
	}
	return &Rates{perSecond: perSecond, limiters: map[string]*rate.Limiter{}}
}

// wait waits for the turn of the next question to a channel. An error means that
// ctx would end before.
func (r *Rates) wait(ctx context.Context, channel string) error {
	r.mu.Lock()
	limiter := r.limiters[channel]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(r.perSecond), 1)
		r.limiters[channel] = limiter
	}
	r.mu.Unlock()
	return limiter.Wait(ctx)
}

const (
	lease = 30 * time.Second
	// begin is how long after its claim something may be asked about; the rest
	// of the lease is for the answer, so that no other hub asks meanwhile.
	begin = lease / 2
	// claim bounds what one look takes from each partition.
	claim = 4
	// workers bounds the questions to one channel that are under way at once.
	workers = 8
)

// waiting is what was claimed and not asked about yet.
type waiting[T any] struct {
	what  T
	born  time.Time // the newest is asked about first
	until time.Time // when it is too late to begin
}

// lanes ask channels about things of one kind. Each channel has a lane of its own,
// so that one that hangs holds up nothing of another. Within a lane the newest
// goes first: its payer is looking at the page, while what is left of an outage
// has waited for hours and is as well asked about a minute later. What does not
// get its turn is left to the end of its lease and claimed again.
type lanes[T any] struct {
	rates *Rates
	ask   func(ctx context.Context, what T)

	running sync.WaitGroup
	mu      sync.Mutex
	byName  map[string]*lane[T]
}

// lane is what waits for one channel.
type lane[T any] struct {
	mu      sync.Mutex // of the next two
	queue   []waiting[T]
	working int
	turn    chan struct{} // whoever has it waits for the rate, and then takes the newest
}

func newLanes[T any](rates *Rates, ask func(ctx context.Context, what T)) *lanes[T] {
	return &lanes[T]{rates: rates, ask: ask, byName: map[string]*lane[T]{}}
}

// add puts something into a channel's lane, in place of the oldest if it is full,
// and sees to it that somebody asks, until ctx ends.
func (l *lanes[T]) add(ctx context.Context, channel string, w waiting[T]) {
	lane := l.lane(channel)
	lane.mu.Lock()
	defer lane.mu.Unlock()
	at, _ := slices.BinarySearchFunc(lane.queue, w, func(a, b waiting[T]) int { return cmp.Compare(a.born.UnixNano(), b.born.UnixNano()) })
	lane.queue = slices.Insert(lane.queue, at, w)
	if len(lane.queue) > l.rates.perSecond*int(begin/time.Second) {
		lane.queue = slices.Delete(lane.queue, 0, 1)
	}
	if lane.working < workers {
		lane.working++
		l.running.Go(func() { l.work(ctx, channel, lane) })
	}
}

func (l *lanes[T]) lane(channel string) *lane[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName[channel] == nil {
		l.byName[channel] = &lane[T]{turn: make(chan struct{}, 1)}
	}
	return l.byName[channel]
}

// wait waits until nothing is left to ask.
func (l *lanes[T]) wait() { l.running.Wait() }

// work asks about one after the other until nothing waits.
func (l *lanes[T]) work(ctx context.Context, channel string, lane *lane[T]) {
	for {
		w, ok := l.next(ctx, channel, lane)
		if !ok {
			return
		}
		ask, cancel := context.WithTimeout(ctx, lease-begin)
		l.ask(ask, w.what)
		cancel()
	}
}

// next waits for the channel's turn and takes the newest that can still be asked
// about. false ends the worker: nothing waits, or ctx has ended.
func (l *lanes[T]) next(ctx context.Context, channel string, lane *lane[T]) (waiting[T], bool) {
	lane.turn <- struct{}{}
	defer func() { <-lane.turn }()
	if lane.idle() {
		return waiting[T]{}, false
	}
	if l.rates.wait(ctx, channel) != nil {
		lane.abandon()
		return waiting[T]{}, false
	}
	lane.mu.Lock()
	defer lane.mu.Unlock()
	now := time.Now()
	for len(lane.queue) > 0 {
		last := len(lane.queue) - 1
		w := lane.queue[last]
		lane.queue = lane.queue[:last]
		if now.Before(w.until) {
			return w, true
		}
	}
	lane.working--
	return waiting[T]{}, false
}

// idle says whether nothing waits, and counts the worker that asks out if so.
func (l *lane[T]) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 {
		return false
	}
	l.working--
	return true
}

// abandon leaves what waits to the end of its lease, and counts a worker out.
func (l *lane[T]) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = nil
	l.working--
}
