package sim_test

import (
	"slices"
	"testing"
	"time"

	"guodu/mocks/sim"
)

var start = time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)

func TestAdvanceRunsWhatIsDueInOrderAndAtItsInstant(t *testing.T) {
	t.Parallel()
	c := sim.NewClock(start)
	var ran []time.Duration
	mark := func() { ran = append(ran, c.Now().Sub(start)) }
	c.After(3*time.Second, mark)
	c.After(time.Second, func() { mark(); c.After(time.Second, mark) })
	stopped := c.After(time.Second, mark)
	late := c.After(time.Minute, mark)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("a timer stops once")
	}
	c.Advance(10 * time.Second)
	want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}
	if !slices.Equal(ran, want) || !c.Now().Equal(start.Add(10*time.Second)) {
		t.Fatalf("ran at %v, now %v, want %v", ran, c.Now(), want)
	}
	if next, due := c.Next(); !due || !next.Equal(start.Add(time.Minute)) {
		t.Errorf("next is %v %v", next, due)
	}
	c.Stop()
	if late.Stop() {
		t.Error("a stopped clock kept its timer")
	}
	c.After(time.Second, mark)
	c.Advance(time.Hour)
	if len(ran) != len(want) {
		t.Errorf("a stopped clock ran something: %v", ran)
	}
}

func TestTimersOfOneInstantRunInTheOrderInWhichTheyWereSet(t *testing.T) {
	t.Parallel()
	c := sim.NewClock(start)
	var ran []int
	for i := range 20 {
		c.At(start.Add(time.Second), func() { ran = append(ran, i) })
	}
	c.Advance(time.Second)
	if len(ran) != 20 || !slices.IsSorted(ran) {
		t.Fatalf("ran in the order %v", ran)
	}
}

func TestAdvanceWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	c := sim.NewClock(start)
	release := make(chan struct{})
	var at time.Time
	c.Go(func() { <-release; at = c.Now() })
	moved := make(chan struct{})
	go func() { defer close(moved); c.Advance(time.Hour) }()
	close(release)
	<-moved
	if !at.Equal(start) {
		t.Fatalf("time passed under a callback: it saw %v", at)
	}
}

func TestWallClockRunsByItselfAndCanBeAdvanced(t *testing.T) {
	t.Parallel()
	c := sim.NewWallClock()
	defer c.Stop()
	ran := make(chan struct{}, 2)
	c.After(time.Millisecond, func() { ran <- struct{}{} })
	<-ran
	var at time.Time
	due := c.Now().Add(time.Hour)
	c.At(due, func() { at = c.Now() })
	c.Advance(2 * time.Hour)
	if at.Before(due) || at.After(due.Add(time.Minute)) {
		t.Fatalf("it saw %v, want %v", at, due)
	}
	if time.Until(c.Now()) < time.Hour {
		t.Fatalf("the clock shows %v after two hours", c.Now())
	}
	c.After(time.Millisecond, func() { ran <- struct{}{} })
	<-ran // the alarm still works
}

func TestALeadOutlivesARestart(t *testing.T) {
	t.Parallel()
	var kept time.Duration
	before := sim.NewWallClock()
	defer before.Stop()
	before.OnMove(func(ahead time.Duration) { kept = ahead })
	before.Advance(time.Hour)
	after := sim.NewWallClock()
	defer after.Stop()
	due := make(chan struct{})
	after.After(30*time.Minute, func() { close(due) })
	after.Lead(kept)
	after.Lead(time.Minute) // never back
	<-due
	if got := time.Until(after.Now()); got < 59*time.Minute || got > time.Hour {
		t.Errorf("it is %v ahead, want an hour", got)
	}
	still := sim.NewClock(start)
	still.Lead(time.Hour)
	if !still.Now().Equal(start) {
		t.Errorf("a still clock shows %v", still.Now())
	}
}
