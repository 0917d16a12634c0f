package sim

import (
	"container/heap"
	"sync"
	"time"
)

// Clock is the time of orders and schedules. A still clock ([NewClock]) moves
// only by Advance; a running one ([NewWallClock]) follows the real time and can
// be moved ahead of it. It is not for stamps in headers: those are checked by
// SDKs against the real time.
type Clock struct {
	// turn is held while time moves, so that what falls due runs in order.
	turn sync.Mutex

	mu      sync.Mutex
	still   bool
	now     time.Time     // of a still clock
	ahead   time.Duration // of a running clock: how far before the real time
	due     timers
	serial  uint64
	wake    *time.Timer
	stopped bool
	busy    int
	idle    *sync.Cond
	moved   []func(ahead time.Duration)
}

// NewClock makes a clock that stands at start until it is advanced.
func NewClock(start time.Time) *Clock {
	c := &Clock{still: true, now: start}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// NewWallClock makes a clock that runs with the real time.
func NewWallClock() *Clock {
	c := &Clock{}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// Timer is something that will fall due.
type Timer struct {
	clock  *Clock
	at     time.Time
	serial uint64
	run    func()
	index  int // in the heap; -1 when not in it
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

func (c *Clock) read() time.Time {
	if c.still {
		return c.now
	}
	return time.Now().Add(c.ahead)
}

// set makes the clock show at, unless it is past that already.
func (c *Clock) set(at time.Time) {
	if !at.After(c.read()) {
		return
	}
	if c.still {
		c.now = at
		return
	}
	c.ahead = time.Until(at)
}

// After runs something when d has passed; see At.
func (c *Clock) After(d time.Duration, run func()) *Timer {
	return c.At(c.Now().Add(d), run)
}

// At runs something at an instant. On a still clock, and while Advance moves a
// running one, it runs inside Advance, with Now at exactly that instant; else
// in a goroutine of its own. It must not call Advance.
func (c *Clock) At(at time.Time, run func()) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	t := &Timer{clock: c, at: at, serial: c.serial, run: run, index: -1}
	if c.stopped {
		return t
	}
	heap.Push(&c.due, t)
	c.arm()
	return t
}

// Stop takes the timer back. It says whether that was in time.
func (t *Timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.due, t.index)
	return true
}

// Go runs something at once in the background. Advance waits for it first, so
// that time never passes a callback that is under way.
func (c *Clock) Go(run func()) {
	c.mu.Lock()
	c.busy++
	c.mu.Unlock()
	go func() {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.busy--
			c.idle.Broadcast()
		}()
		run()
	}()
}

// Advance moves the clock ahead by d. What falls due on the way runs before it
// returns, one after the other, each at its own instant; what that puts on the
// clock within d runs too.
func (c *Clock) Advance(d time.Duration) {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.settle()
	target := c.Now().Add(d)
	for {
		t := c.pop(target)
		if t == nil {
			break
		}
		t.run()
		c.settle()
	}
	for _, tell := range c.arrive(target) {
		tell()
	}
}

// arrive ends an Advance, and returns what there is to tell of it.
func (c *Clock) arrive(target time.Time) []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(target)
	c.arm()
	if c.still {
		return nil
	}
	var out []func()
	ahead := c.ahead
	for _, each := range c.moved {
		out = append(out, func() { each(ahead) })
	}
	return out
}

// OnMove is told, after each Advance of a running clock, how far it is ahead of
// the real time, so that a state file can keep it.
func (c *Clock) OnMove(tell func(ahead time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = append(c.moved, tell)
}

// Lead puts a running clock at least so far ahead of the real time, as it was
// before a restart. What falls due by that runs at once. A still clock stays.
func (c *Clock) Lead(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still && ahead > c.ahead {
		c.ahead = ahead
		c.arm()
	}
}

// Settle waits until nothing runs that Go has started.
func (c *Clock) Settle() { c.settle() }

func (c *Clock) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.busy > 0 {
		c.idle.Wait()
	}
}

// pop takes the first timer due until target and moves the clock to it.
func (c *Clock) pop(target time.Time) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.due) == 0 || c.due[0].at.After(target) {
		return nil
	}
	t := heap.Pop(&c.due).(*Timer)
	c.set(t.at)
	return t
}

// Next is when something falls due next.
func (c *Clock) Next() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.due) == 0 {
		return time.Time{}, false
	}
	return c.due[0].at, true
}

// Stop drops everything that is due. What runs already goes on.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for _, t := range c.due {
		t.index = -1
	}
	c.due = nil
	if c.wake != nil {
		c.wake.Stop()
	}
}

// arm sets the alarm of a running clock for what is due next.
func (c *Clock) arm() {
	if c.still || c.stopped || len(c.due) == 0 {
		return
	}
	wait := c.due[0].at.Sub(c.read())
	if c.wake == nil {
		c.wake = time.AfterFunc(wait, c.ring)
		return
	}
	c.wake.Reset(wait)
}

// ring starts what has fallen due with the real time.
func (c *Clock) ring() {
	c.turn.Lock()
	defer c.turn.Unlock()
	now := c.Now()
	for {
		t := c.pop(now)
		if t == nil {
			break
		}
		c.Go(t.run)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arm()
}

// timers is a heap: the earliest first, of one instant the first set.
type timers []*Timer

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].serial < h[j].serial
	}
	return h[i].at.Before(h[j].at)
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap's.
func (h *timers) Push(x any) {
	t := x.(*Timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop is heap's.
func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	t.index = -1
	*h = (*h)[:last]
	return t
}
