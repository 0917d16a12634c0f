package message

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"guodu/channels"
)

const (
	// queueMost bounds the events that wait, and workers those that are being told.
	queueMost = 256
	workers   = 4
	// peopleMost bounds who is told of one event.
	peopleMost = 10
	// findTime, markTime and sendTime bound the three steps of telling.
	findTime = 2 * time.Second
	markTime = 500 * time.Millisecond
	sendTime = 10 * time.Second
	// lastTime bounds the telling of those that wait when a hub ends.
	lastTime = 2 * time.Second
)

// pauses are what a channel that says "not now" is given before the next try.
func pauses() []time.Duration { return []time.Duration{2 * time.Second, 10 * time.Second} }

// Event is one that people may be told of.
type Event struct {
	channels.Event
	// Account is whose card was loaded; the others have an order.
	Account string
}

// Recipient is somebody who is told of an event.
type Recipient struct {
	Channel string
	Payer   channels.Payer
	URL     string // the page about it, as this channel's app opens it
}

// Audience knows whom an event is for.
type Audience interface {
	// Of are those people, each once; nobody is no error.
	Of(ctx context.Context, e Event) ([]Recipient, error)
}

// Marks remember what was told.
type Marks interface {
	// First marks an event and says whether it had no mark, on any hub. After an
	// error it may have one.
	First(ctx context.Context, e Event) (bool, error)
}

// Config is what a Teller is made of; all fields are needed.
type Config struct {
	Messengers map[string]channels.Messenger // by the channel's name
	Audience   Audience
	Marks      Marks
	Log        *slog.Logger
}

// Teller tells people of events. It is safe for concurrent use.
type Teller struct {
	config Config
	queue  chan Event
	lost   atomic.Int64
	said   atomic.Int64 // how many of the lost the log knows of
}

// NewTeller returns a Teller. Its Run has to run for anybody to be told.
func NewTeller(c Config) *Teller {
	return &Teller{config: c, queue: make(chan Event, queueMost)}
}

// Tell takes an event in, or drops it. It never waits.
func (t *Teller) Tell(e Event) {
	select {
	case t.queue <- e:
	default:
		t.lost.Add(1)
	}
}

// Lost is how many events were dropped.
func (t *Teller) Lost() int64 { return t.lost.Load() }

// Run tells what is taken in until ctx ends, and then what waits, for two seconds
// at most. With a ctx that has ended it does the latter alone.
func (t *Teller) Run(ctx context.Context) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastTime, cancel) })()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { t.work(ctx, last) })
	}
	all.Wait()
	t.lost.Add(int64(len(t.queue)))
	t.sayLost()
}

func (t *Teller) work(ctx, last context.Context) {
	for last.Err() == nil {
		e, ok := t.next(ctx)
		if !ok {
			return
		}
		t.sayLost()
		t.tell(last, e)
	}
}

// next waits for an event; false is the end.
func (t *Teller) next(ctx context.Context) (Event, bool) {
	select {
	case e := <-t.queue:
		return e, true
	default:
	}
	select {
	case e := <-t.queue:
		return e, true
	case <-ctx.Done():
		return Event{}, false
	}
}

func (t *Teller) sayLost() {
	lost := t.lost.Load()
	if t.said.Swap(lost) != lost {
		t.config.Log.Warn("messages are dropped", "lost", lost)
	}
}

// tell marks an event, if there is anybody to tell, and tells them.
func (t *Teller) tell(ctx context.Context, e Event) {
	people, err := t.people(ctx, e)
	if err == nil && len(people) == 0 {
		return
	}
	first := false
	if err == nil {
		first, err = t.mark(ctx, e)
	}
	if err != nil {
		t.config.Log.Warn("nobody is told", "kind", e.Kind, "event", e.Ref, "error", err)
		return
	}
	if !first {
		return
	}
	for _, to := range people {
		t.log(e, to, t.send(ctx, to, e))
	}
}

// people are those who can be told of an event.
func (t *Teller) people(ctx context.Context, e Event) ([]Recipient, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	people, err := t.config.Audience.Of(ctx, e)
	people = slices.DeleteFunc(people, func(to Recipient) bool {
		messenger, ok := t.config.Messengers[to.Channel]
		return !ok || !messenger.Tells(e.Kind)
	})
	return people[:min(len(people), peopleMost)], err
}

func (t *Teller) mark(ctx context.Context, e Event) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, markTime)
	defer cancel()
	return t.config.Marks.First(ctx, e)
}

// send tells one person, and again after a pause as long as the channel clearly
// did not.
func (t *Teller) send(ctx context.Context, to Recipient, e Event) error {
	e.URL = to.URL
	err := t.once(ctx, to, e)
	for _, pause := range pauses() {
		if !errors.Is(err, channels.ErrNotNow) || !wait(ctx, pause) {
			break
		}
		err = t.once(ctx, to, e)
	}
	return err
}

func (t *Teller) once(ctx context.Context, to Recipient, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return t.config.Messengers[to.Channel].Tell(ctx, to.Payer, e.Event)
}

// wait says whether the pause was let pass.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// log is loud about what somebody can do something about.
func (t *Teller) log(e Event, to Recipient, err error) {
	about := []any{"kind", e.Kind, "event", e.Ref, "channel", to.Channel, "payer", to.Payer.Hint()}
	switch {
	case err == nil:
		t.config.Log.Info("message is sent", about...)
	case errors.Is(err, channels.ErrNotReached):
		t.config.Log.Info("message reaches nobody", append(about, "error", err)...)
	case errors.Is(err, channels.ErrSetup):
		t.config.Log.Error("messages are not set up", append(about, "error", err)...)
	default:
		t.config.Log.Warn("message may not be sent", append(about, "error", err)...)
	}
}
