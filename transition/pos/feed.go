package pos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"guodu/transition"
)

// What the feed does at most and how often.
const (
	listenersMax  = 1000                   // of one hub
	listenerAhead = 64                     // batches that wait for a listener; one more ends it
	feedWait      = time.Second            // of one look: also how late new parameters are told
	feedPace      = 100 * time.Millisecond // between two looks that found something
	feedCheck     = 2 * time.Second        // how often states of terminals and ends of feeds are looked at
	feedRetry     = time.Second            // after a failure
)

// errListeners says that this hub has as many listeners as it takes.
var errListeners = errors.New("too many listeners, or the feed is not read yet")

// feeds is what the feed needs of the store.
type feeds interface {
	FeedEnd(ctx context.Context) (transition.Cursor, error)
	FeedNext(ctx context.Context, after transition.Cursor, wait time.Duration) ([]transition.FeedEvent, error)
	BlockCursor(ctx context.Context) (transition.Cursor, error)
}

// Feed reads the feeds of all partitions once and hands what is new to every terminal
// that listens. It is safe for concurrent use.
type Feed struct {
	books    feeds
	registry *Registry
	log      *slog.Logger
	most     int

	mu        sync.Mutex
	reading   bool
	at        transition.Cursor // what listeners from now on have missed
	params    int64
	listeners map[string]*listener // by terminal
}

// listener is one terminal that listens.
type listener struct {
	terminal string
	batches  chan news
	ended    chan struct{} // closed once it is not served any more
	at       transition.Cursor
}

// news is what one look found.
type news struct {
	events    []transition.FeedEvent
	blocklist string // its cursor, if an event says that it changed
	params    int64  // the new version; 0: the same as before
	greets    bool   // the first of a listener without a cursor: it is told where it is
}

// NewFeed returns a feed that Run reads.
func NewFeed(books feeds, registry *Registry, log *slog.Logger) *Feed {
	return &Feed{books: books, registry: registry, log: log, most: listenersMax, listeners: map[string]*listener{}}
}

// Run reads until ctx ends; then it ends all listeners.
func (f *Feed) Run(ctx context.Context) {
	defer f.stop()
	for ctx.Err() == nil {
		err := f.read(ctx)
		if ctx.Err() != nil {
			return
		}
		// What was told meanwhile is read from the cursors that the listeners come back with.
		f.log.Warn("the terminals' feed begins anew", "error", err)
		f.stop()
		wait(ctx, feedRetry)
	}
}

// read hands on until something fails.
func (f *Feed) read(ctx context.Context) error {
	at, err := f.books.FeedEnd(ctx)
	if err != nil {
		return err
	}
	params, err := f.registry.Params(ctx)
	if err != nil {
		return err
	}
	f.start(at, params.Version)
	asked, checked := time.Now(), time.Now()
	for ctx.Err() == nil {
		var b news
		b.events, err = f.books.FeedNext(ctx, at, feedWait)
		if err != nil {
			return err
		}
		for _, e := range b.events {
			if e.N != at[e.Partition]+1 {
				return fmt.Errorf("feed of partition %d: %d after %d: %w", e.Partition, e.N, at[e.Partition], transition.ErrFeedGone)
			}
			at[e.Partition] = e.N
		}
		if time.Since(asked) >= feedWait {
			asked = time.Now()
			now, err := f.registry.Params(ctx)
			if err != nil {
				return err
			}
			if now.Version != params.Version {
				b.params, params = now.Version, now
			}
		}
		if blocks(b.events) {
			list, err := f.books.BlockCursor(ctx)
			if err != nil {
				return err
			}
			b.blocklist = list.String()
		}
		if len(b.events) > 0 || b.params > 0 {
			f.hand(at, b)
			wait(ctx, feedPace) // a thousand freezes are a few batches
		}
		if time.Since(checked) >= feedCheck {
			checked = time.Now()
			if err := f.check(ctx, at); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// blocks says whether the blocklist changed by any of the events.
func blocks(events []transition.FeedEvent) bool {
	for _, e := range events {
		if e.Kind == transition.FeedBlock {
			return true
		}
	}
	return false
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (f *Feed) start(at transition.Cursor, params int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading, f.at, f.params = true, at, params
}

// stop ends all listeners and takes no others.
func (f *Feed) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = false
	for _, l := range f.listeners {
		f.end(l)
	}
}

// hand gives a batch to everybody. Who is too slow is ended: nobody waits for them,
// and they come back with their cursor.
func (f *Feed) hand(at transition.Cursor, b news) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at
	if b.params > 0 {
		f.params = b.params
	}
	for _, l := range f.listeners {
		select {
		case l.batches <- b:
		default:
			f.log.Warn("terminal listens too slowly", "terminal", l.terminal)
			f.end(l)
		}
	}
}

// check ends the listeners whose terminals do not run any more, and notices feeds that
// went back: a Redis that lost writes goes on with numbers that were used.
func (f *Feed) check(ctx context.Context, at transition.Cursor) error {
	end, err := f.books.FeedEnd(ctx)
	if err != nil {
		return err
	}
	for p := range end {
		if end[p] < at[p] {
			return fmt.Errorf("feed of partition %d went back from %d to %d: %w", p, at[p], end[p], transition.ErrFeedGone)
		}
	}
	f.mu.Lock()
	ids := make([]string, 0, len(f.listeners))
	for id := range f.listeners {
		ids = append(ids, id)
	}
	f.mu.Unlock()
	states, err := f.registry.states(ctx, ids)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, state := range states {
		if l := f.listeners[id]; l != nil && state != Running {
			f.log.Info("terminal listens no more", "terminal", id, "state", state)
			f.end(l)
		}
	}
	return nil
}

// end is called with the lock, any number of times.
func (f *Feed) end(l *listener) {
	if f.listeners[l.terminal] == l {
		delete(f.listeners, l.terminal)
		close(l.ended)
	}
}

// join begins to listen: all that is told from now on comes, and l.at is where that
// is. A terminal listens once; the connection before it is most likely broken.
func (f *Feed) join(terminal string) (l *listener, params int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before := f.listeners[terminal]; before != nil {
		f.end(before)
	}
	if !f.reading || len(f.listeners) >= f.most {
		return nil, 0, errListeners
	}
	l = &listener{terminal: terminal, batches: make(chan news, listenerAhead), ended: make(chan struct{}), at: f.at}
	f.listeners[terminal] = l
	return l, f.params, nil
}

// leave ends listening.
func (f *Feed) leave(l *listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end(l)
}
