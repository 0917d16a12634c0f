package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"guodu/mocks/terminal"
)

// ErrOptions says that Run was given something unusable.
var ErrOptions = errors.New("fleet: bad options")

// Options says what to drive.
type Options struct {
	BaseURL string
	HubKey  ed25519.PublicKey
	Members []Member
	Cards   []Holder
	// Dir keeps the terminals' disks and the cards. It must exist. A run goes on
	// with what the last one left.
	Dir string

	Taps  float64       // a second
	For   time.Duration // that cards come
	Crash float64       // the part of taps, 0 to 1, at which a terminal dies
	Seed  int64
	// Hasty does not wait for the disk: 800 terminals have 800 disks, here they
	// share one.
	Hasty bool
	// GiveUp is that of the terminals; default 5 s.
	GiveUp time.Duration
	// Settle bounds what comes after the last card; default 5 minutes.
	Settle time.Duration

	// Stop ends the arrivals early; nil never does.
	Stop <-chan struct{}
	// Tell hears how it stands, every Every (default 1 s), from one goroutine.
	Tell  func(Live)
	Every time.Duration
	// Clock is the terminals'; default time.Now.
	Clock func() time.Time
	// Wait waits until it is d after the beginning, or until ctx ends; default is
	// real time.
	Wait func(ctx context.Context, d time.Duration) error
	// HTTPClient is the terminals'; default one that keeps its connections.
	HTTPClient *http.Client
}

// run is one run.
type run struct {
	o     Options
	began time.Time
	seats []*seat
	cards []*bearer
	tally *tally
	taps  sync.WaitGroup
	rests sync.WaitGroup // of terminals without power
}

// bearer is a card with its holder, who is in one place at a time.
type bearer struct {
	mu    sync.Mutex
	card  *terminal.Card
	began terminal.CardData
}

// Run drives the fleet and accounts for it. It ends by itself, or with ctx. The
// report is good only without an error; whether everything adds up it says
// itself. Errors: ErrOptions, ErrCards, ErrRoster, ctx's.
func Run(ctx context.Context, o Options) (Report, error) {
	r, err := open(o)
	if err != nil {
		return Report{}, err
	}
	defer r.close()
	r.began = time.Now()
	stop := r.telling("arrivals")
	err = r.signInAll(ctx)
	if err == nil {
		err = r.finishLast(ctx)
	}
	if err != nil {
		stop()
		return Report{}, err
	}
	r.began = time.Now()
	r.arrivals(ctx)
	r.taps.Wait()
	busy := time.Since(r.began)
	r.rests.Wait()
	stop()
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	stop = r.telling("closing")
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, r.o.Settle)
	defer cancel()
	report, err := r.account(ctx, busy)
	if err == nil {
		err = os.Remove(r.unfinished())
	}
	return report, err
}

// unfinished is a file that is there while a run is.
func (r *run) unfinished() string { return filepath.Join(r.o.Dir, "unfinished") }

// finishLast brings a run to its end that was killed: what it put on cards must
// not be counted as this one's.
func (r *run) finishLast(ctx context.Context) error {
	f, err := os.OpenFile(r.unfinished(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	err = errors.Join(r.settleAll(ctx), each(len(r.cards), 32, func(i int) error { return r.lastTaps(ctx, i) }), r.settleAll(ctx))
	if err != nil {
		return fmt.Errorf("the last run in %s was not ended: %w", r.o.Dir, err)
	}
	for _, h := range r.cards {
		h.began, err = h.card.Peek()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCards, err)
		}
	}
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	clear(r.tally.loads)
	return nil
}

func open(o Options) (*run, error) {
	if len(o.Members) == 0 || len(o.Cards) == 0 || o.Taps <= 0 || o.For <= 0 || o.Crash < 0 || o.Crash > 1 || o.Dir == "" {
		return nil, fmt.Errorf("%w: %d terminals, %d cards, %g taps a second for %s, crash %g", ErrOptions, len(o.Members), len(o.Cards), o.Taps, o.For, o.Crash)
	}
	if o.Settle <= 0 {
		o.Settle = 5 * time.Minute
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	client := o.HTTPClient
	if client == nil {
		// One connection for each terminal would be 800 handshakes; a shared pool
		// that is never cut is what a proxy in front of them would be.
		client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, IdleConnTimeout: 5 * time.Minute}}
	}
	r := &run{o: o, tally: newTally()}
	if r.o.Wait == nil {
		r.o.Wait = r.wait
	}
	for _, m := range o.Members {
		s, err := newSeat(o, m, client)
		if err != nil {
			r.close()
			return nil, err
		}
		r.seats = append(r.seats, s)
	}
	err := r.layCards()
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// layCards opens the cards, or makes those that are new.
func (r *run) layCards() error {
	dir := filepath.Join(r.o.Dir, "cards")
	err := os.MkdirAll(dir, 0o700)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCards, err)
	}
	open, create := terminal.OpenCard, terminal.NewCard
	if r.o.Hasty {
		open, create = terminal.OpenHastyCard, terminal.NewHastyCard
	}
	for _, h := range r.o.Cards {
		path := filepath.Join(dir, h.Card.UID+".json")
		card, err := open(path)
		if errors.Is(err, os.ErrNotExist) {
			card, err = create(path, h.Card)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCards, err)
		}
		data, err := card.Peek()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCards, err)
		}
		r.cards = append(r.cards, &bearer{card: card, began: data})
	}
	return nil
}

// wait is real time.
func (r *run) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(time.Until(r.began.Add(d)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *run) close() {
	for _, s := range r.seats {
		s.close()
	}
}

// telling tells how it stands until it is stopped.
func (r *run) telling(phase string) (stop func()) {
	if r.o.Tell == nil {
		return func() {}
	}
	end, over := make(chan struct{}), make(chan struct{})
	began := time.Now()
	tell := func() {
		live := r.tally.live()
		live.Phase, live.Elapsed, live.Unsent = phase, time.Since(began), r.unsent()
		r.o.Tell(live)
	}
	go func() {
		defer close(over)
		ticker := time.NewTicker(r.o.Every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-end:
				tell()
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(end); <-over })
}

// unsent is how many records may be unsent, as far as terminals can be asked.
func (r *run) unsent() int64 {
	var sum int64
	for _, s := range r.seats {
		if !s.mu.TryLock() {
			continue
		}
		if s.terminal != nil {
			sum += s.terminal.Depth()
		}
		s.mu.Unlock()
	}
	return sum
}

// each does something for each of n, several at once.
func each(n, atOnce int, do func(i int) error) error {
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			err := do(i)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// signInAll begins the day. What the last run owed goes first.
func (r *run) signInAll(ctx context.Context) error {
	return each(len(r.seats), 32, func(i int) error {
		s := r.seats[i]
		s.mu.Lock()
		defer s.mu.Unlock()
		done, err := s.catchUp(ctx)
		r.tally.receipts(done.Delivered)
		if err != nil {
			return fmt.Errorf("terminal %s: %w", s.options.ID, err)
		}
		return nil
	})
}

// arrivals lets the cards come.
func (r *run) arrivals(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.o.Stop != nil {
		go func() {
			select {
			case <-r.o.Stop:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	running := context.WithoutCancel(ctx) // taps that have begun end by themselves
	for _, a := range plan(r.o) {
		if r.o.Wait(ctx, a.at) != nil {
			return
		}
		r.tally.arrived()
		r.taps.Go(func() { r.tap(running, a) })
	}
}
