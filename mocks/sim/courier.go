package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrErrandExists says that a callback of that key has begun before.
var ErrErrandExists = errors.New("simulator: callback has begun already")

const (
	errandKind     = "errand"
	usualDelay     = 10 * time.Minute
	usualHoldback  = time.Hour
	outcomeTaken   = "accepted"
	outcomeGivenUp = "given up"
	outcomeDropped = "never sent"
)

// Errand is a callback that is told until the merchant accepts it or the
// schedule is at its end.
type Errand struct {
	// Key is unique; Topic is the place of its faults.
	Key   string `json:"key"`
	Topic string `json:"topic"`
	Order string `json:"order"`
	// Sent counts the attempts, Begun is the instant of the first, and Due that
	// of the next.
	Sent  int       `json:"sent"`
	Begun time.Time `json:"begun"`
	Due   time.Time `json:"due"`
	// Outcome is empty while there is more to come.
	Outcome string `json:"outcome,omitempty"`
}

// Courier runs errands. The schedule has the pauses between attempts: with n
// of them there are n+1 attempts. Errands survive in the store.
type Courier struct {
	Stand    *Stand
	Store    *Store
	Schedule []time.Duration
	// Schedules are for topics that have another one than Schedule.
	Schedules map[string][]time.Duration
	// Genuine are kinds of Send's own that are the real thing all the same: when
	// the merchant accepts them, the errand ends.
	Genuine []FaultKind
	// Send makes one attempt. A kind that is not one of [CallbackFaults] is for
	// it to act out, and does not end the errand unless it is Genuine.
	Send func(ctx context.Context, e Errand, kind FaultKind) Delivery

	mu      sync.Mutex
	errands map[string]*Errand
	timers  map[string]*Timer
	held    []string
}

// Resume takes up what the store has of an earlier run. To be called once,
// before anything begins.
// Errors: ErrStore.
func (c *Courier) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errands, c.timers = map[string]*Errand{}, map[string]*Timer{}
	return Each(c.Store, errandKind, func(key string, e Errand) error {
		c.errands[key] = &e
		if e.Outcome == "" {
			c.timers[key] = c.Stand.Clock.At(e.Due, func() { c.attempt(key) })
		}
		return nil
	})
}

// Begin makes the first attempt in the background, at once.
// Errors: ErrErrandExists.
func (c *Courier) Begin(key, topic, order string) error {
	err := c.enter(key, topic, order)
	if err == nil {
		c.Stand.Clock.Go(func() { c.attempt(key) })
	}
	return err
}

// BeginNow makes the first attempt before it returns.
// Errors: ErrErrandExists.
func (c *Courier) BeginNow(key, topic, order string) error {
	err := c.enter(key, topic, order)
	if err == nil {
		c.attempt(key)
	}
	return err
}

func (c *Courier) enter(key, topic, order string) error {
	now := c.Stand.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.errands[key] != nil {
		return fmt.Errorf("%s: %w", key, ErrErrandExists)
	}
	c.errands[key] = &Errand{Key: key, Topic: topic, Order: order, Begun: now, Due: now}
	c.save(key)
	return nil
}

func (c *Courier) save(key string) { c.Store.Put(errandKind, key, c.errands[key]) }

// All lists the errands by key, finished ones too.
func (c *Courier) All() []Errand {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Errand, 0, len(c.errands))
	for _, e := range c.errands {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b Errand) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// Done ends an errand that was settled in another way, such as a resend that
// was accepted.
func (c *Courier) Done(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.errands[key]; e != nil && e.Outcome == "" {
		c.over(e, outcomeTaken)
	}
}

func (c *Courier) over(e *Errand, outcome string) {
	e.Outcome = outcome
	if t := c.timers[e.Key]; t != nil {
		t.Stop()
		delete(c.timers, e.Key)
	}
	c.save(e.Key)
}

// attempt makes one attempt, as a fault may have it.
func (c *Courier) attempt(key string) {
	end, open := c.Stand.Host.Begin()
	if !open {
		return // the state file has it, as still due
	}
	defer end()
	c.mu.Lock()
	e := *c.errands[key]
	held := slices.Contains(c.held, key)
	c.mu.Unlock()
	if e.Outcome != "" {
		return
	}
	var f Fault
	if !held { // what was held back has had its fault
		f = c.Stand.Take(e.Topic)
	}
	if c.postpone(key, f) {
		return
	}
	accepted := c.try(e, f)
	if c.Stand.Host.Context().Err() != nil && !accepted {
		return // abandoned, not refused
	}
	c.settle(key, accepted)
	c.release(key)
}

// try sends what the fault makes of one attempt. It says whether the merchant
// has accepted the real thing.
func (c *Courier) try(e Errand, f Fault) bool {
	ctx := c.Stand.Host.Context()
	switch f.Kind {
	case FaultLose:
		c.unsent(e, f)
		return false
	case FaultRepeat:
		first := c.Send(ctx, e, "").Accepted
		return c.Send(ctx, e, "").Accepted || first
	case FaultTwice:
		var accepted [2]bool
		var both sync.WaitGroup
		for i := range accepted {
			both.Go(func() { accepted[i] = c.Send(ctx, e, "").Accepted })
		}
		both.Wait()
		return accepted[0] || accepted[1]
	}
	accepted := c.Send(ctx, e, f.Kind).Accepted
	return accepted && (f.Kind == "" || slices.Contains(c.Genuine, f.Kind))
}

// postpone acts out the faults that keep an attempt from being made now.
func (c *Courier) postpone(key string, f Fault) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.errands[key]
	switch f.Kind {
	case FaultNever:
		c.unsent(*e, f)
		c.over(e, outcomeDropped)
	case FaultDelay:
		c.unsent(*e, f)
		c.schedule(e, e.Due.Add(f.Delay(usualDelay)))
	case FaultReorder:
		c.unsent(*e, f)
		c.held = append(c.held, key)
		c.schedule(e, e.Due.Add(f.Delay(usualHoldback)))
	default:
		return false
	}
	return true
}

// unsent notes in the timeline that nothing went out.
func (c *Courier) unsent(e Errand, f Fault) {
	now := c.Stand.Clock.Now()
	c.Stand.Timeline.Add(e.Order, Event{At: now, Stamp: time.Now(), Direction: "out", Name: e.Topic, Fault: f.Kind, Error: "not sent"})
	c.Stand.Counts.Add("callback." + string(f.Kind))
}

func (c *Courier) schedule(e *Errand, due time.Time) {
	e.Due = due
	key := e.Key
	if t := c.timers[key]; t != nil {
		t.Stop()
	}
	c.timers[key] = c.Stand.Clock.At(due, func() { c.attempt(key) })
	c.save(key)
}

// settle keeps the result of an attempt and puts the next one on the clock.
func (c *Courier) settle(key string, accepted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = slices.DeleteFunc(c.held, func(k string) bool { return k == key })
	e := c.errands[key]
	if e.Outcome != "" {
		return
	}
	e.Sent++
	pauses, special := c.Schedules[e.Topic]
	if !special {
		pauses = c.Schedule
	}
	switch {
	case accepted:
		c.over(e, outcomeTaken)
	case e.Sent > len(pauses):
		c.over(e, outcomeGivenUp)
	default:
		c.schedule(e, e.Due.Add(pauses[e.Sent-1]))
	}
}

// release lets go what was held back until another callback had been sent.
func (c *Courier) release(sent string) {
	c.mu.Lock()
	var next []string
	for _, key := range c.held {
		if key != sent {
			next = append(next, key)
			c.errands[key].Due = c.Stand.Clock.Now()
		}
	}
	c.mu.Unlock()
	for _, key := range next {
		c.attempt(key)
	}
}
