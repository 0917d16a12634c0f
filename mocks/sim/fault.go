package sim

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Errors of [Faults.Add].
var (
	ErrUnknownEndpoint = errors.New("simulator: unknown endpoint")
	ErrUnknownFault    = errors.New("simulator: unknown fault")
)

// FaultKind is a way to misbehave. Of requests, "before" leaves the state as it
// was; "after" does the work first, so that the caller cannot know the outcome.
type FaultKind string

// Faults that every endpoint can have; [Serve] acts them out.
const (
	// FaultErrorBefore answers the gateway's system error and does nothing.
	FaultErrorBefore FaultKind = "error-before"
	// FaultErrorAfter does the work and answers the system error.
	FaultErrorAfter FaultKind = "error-after"
	// FaultHangBefore answers nothing until the caller gives up, or Close.
	FaultHangBefore FaultKind = "hang-before"
	// FaultHangAfter does the work and then hangs like FaultHangBefore.
	FaultHangAfter FaultKind = "hang-after"
	// FaultBadGateway answers a proxy's HTML 502, unsigned, and does nothing.
	FaultBadGateway FaultKind = "bad-gateway"
	// FaultGzipPage is FaultBadGateway, compressed whether or not it was asked for.
	FaultGzipPage FaultKind = "gzip-page"
	// FaultTooMany answers that the rate limit is reached and does nothing.
	FaultTooMany FaultKind = "too-many"
	// FaultTruncate does the work and cuts the connection within the body.
	FaultTruncate FaultKind = "truncate"
	// FaultResetBefore resets the connection and does nothing.
	FaultResetBefore FaultKind = "reset-before"
	// FaultResetAfter does the work and resets the connection.
	FaultResetAfter FaultKind = "reset-after"
	// FaultSlow waits for Fault.DelayMS of real time and then does the work.
	FaultSlow FaultKind = "slow"
)

// Faults that every callback can have; [Courier] acts them out.
const (
	// FaultLose loses one attempt on the way; the repeats go on.
	FaultLose FaultKind = "lose"
	// FaultNever loses this callback and every repeat of it.
	FaultNever FaultKind = "never"
	// FaultDelay sends it DelayMS later on the clock; ten minutes by default.
	FaultDelay FaultKind = "delay"
	// FaultRepeat sends it once more after it was accepted.
	FaultRepeat FaultKind = "repeat"
	// FaultTwice sends two copies at the same time.
	FaultTwice FaultKind = "twice"
	// FaultReorder holds it back until another callback has been sent, or for
	// DelayMS; an hour by default.
	FaultReorder FaultKind = "reorder"
)

// Moment is when a fault of a request happens, as seen from the work.
type Moment int

// The moments. Elsewhere is for kinds that [Serve] does not act out.
const (
	Before Moment = iota
	After
	Elsewhere
)

// Act is what Serve does about a fault.
type Act int

// The acts. ActSay asks the endpoint for an answer of that kind; ActBend lets
// the endpoint change the answer of the work; ActWork tells the work itself, by
// Call.Fault, and leaves the rest to it.
const (
	ActSay Act = iota
	ActBend
	ActHang
	ActReset
	ActTruncate
	ActSlow
	ActWork
)

// KindInfo says how a kind is acted out.
type KindInfo struct {
	When Moment
	Act  Act
}

// RequestFaults are the kinds that Serve knows by itself. A gateway adds its own
// to a copy.
func RequestFaults() map[FaultKind]KindInfo {
	return map[FaultKind]KindInfo{
		FaultErrorBefore: {Before, ActSay}, FaultErrorAfter: {After, ActSay},
		FaultHangBefore: {Before, ActHang}, FaultHangAfter: {After, ActHang},
		FaultBadGateway: {Before, ActSay}, FaultGzipPage: {Before, ActSay}, FaultTooMany: {Before, ActSay},
		FaultTruncate: {After, ActTruncate}, FaultResetBefore: {Before, ActReset}, FaultResetAfter: {After, ActReset},
		FaultSlow: {Before, ActSlow},
	}
}

// CallbackFaults are the kinds that a Courier knows by itself.
func CallbackFaults() []FaultKind {
	return []FaultKind{FaultLose, FaultNever, FaultDelay, FaultRepeat, FaultTwice, FaultReorder}
}

// Fault is a misbehaviour at one place. It happens the next Times times (0 is
// 1), after having let Skip times pass. With a Probability it happens by the
// dice instead, and Times 0 then means until cleared.
type Fault struct {
	Kind        FaultKind `json:"kind"`
	Times       int       `json:"times,omitempty"`
	Skip        int       `json:"skip,omitempty"`
	Probability float64   `json:"probability,omitempty"`
	DelayMS     int64     `json:"delay_ms,omitempty"`
	// Amount is for kinds that need a sum, in fen.
	Amount int64 `json:"amount,omitempty"`
}

// Delay is DelayMS, or else what is usual.
func (f Fault) Delay(usual time.Duration) time.Duration {
	if f.DelayMS == 0 {
		return usual
	}
	return time.Duration(f.DelayMS) * time.Millisecond
}

// Waiting is a fault that has not happened yet.
type Waiting struct {
	Where string `json:"where"`
	Fault
}

// Faults is what waits to happen, by place. Faults of one place queue up
// behind each other; one by probability lets those behind it have their turn.
type Faults struct {
	dice   *Dice
	places map[string][]FaultKind
	names  []string

	mu    sync.Mutex
	queue map[string][]Fault
	deaf  map[FaultKind]bool
}

// NewFaults makes an empty queue. places has the kinds that each place takes.
func NewFaults(dice *Dice, places map[string][]FaultKind) *Faults {
	q := &Faults{dice: dice, places: places, queue: map[string][]Fault{}}
	for name := range places {
		q.names = append(q.names, name)
	}
	slices.Sort(q.names)
	return q
}

// Places has the kinds that each place takes.
func (q *Faults) Places() map[string][]FaultKind { return q.places }

// Check says whether a fault can be added.
// Errors: ErrUnknownEndpoint, ErrUnknownFault.
func (q *Faults) Check(where string, f Fault) error {
	kinds, known := q.places[where]
	switch {
	case !known:
		return fmt.Errorf("fail %q: %w", where, ErrUnknownEndpoint)
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("fail %s with %q: %w", where, f.Kind, ErrUnknownFault)
	case f.Times < 0 || f.Skip < 0 || f.DelayMS < 0 || f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("fail %s with %q: number out of range: %w", where, f.Kind, ErrUnknownFault)
	}
	return nil
}

// Add queues a fault.
// Errors: ErrUnknownEndpoint, ErrUnknownFault.
func (q *Faults) Add(where string, f Fault) error {
	err := q.Check(where, f)
	if err != nil {
		return err
	}
	if f.Probability == 0 {
		f.Times = max(f.Times, 1)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue[where] = append(q.queue[where], f)
	return nil
}

// Ignore makes some kinds never happen, for a gateway without the behaviour that
// they belong to.
func (q *Faults) Ignore(kinds ...FaultKind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deaf == nil {
		q.deaf = map[FaultKind]bool{}
	}
	for _, kind := range kinds {
		q.deaf[kind] = true
	}
}

// Clear forgets all faults that have not happened yet.
func (q *Faults) Clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.queue)
}

// Take uses up one misbehaviour of a place; Kind "" is none.
func (q *Faults) Take(where string) Fault {
	return q.TakeIf(where, func(FaultKind) bool { return true })
}

// TakeIf is Take among the kinds that suit.
func (q *Faults) TakeIf(where string, suits func(FaultKind) bool) Fault {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := q.queue[where]
	for i := range queue {
		f := &queue[i]
		switch {
		case q.deaf[f.Kind], !suits(f.Kind):
			continue
		case f.Skip > 0:
			f.Skip--
			return Fault{}
		case f.Probability > 0 && !q.dice.Chance(f.Probability):
			continue
		}
		taken := *f
		if f.Times > 0 {
			f.Times--
			if f.Times == 0 {
				q.queue[where] = slices.Delete(queue, i, i+1)
			}
		}
		return taken
	}
	return Fault{}
}

// Waiting lists what has not happened yet.
func (q *Faults) Waiting() []Waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := []Waiting{}
	for _, name := range q.names {
		for _, f := range q.queue[name] {
			out = append(out, Waiting{name, f})
		}
	}
	return out
}
