package sim_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"guodu/mocks/sim"
)

// round is a courier with a merchant that accepts from the nth attempt on.
type round struct {
	*sim.Courier
	st     *sim.Stand
	mu     sync.Mutex
	told   []string
	at     []time.Duration
	accept int
}

func newRound(t *testing.T, store *sim.Store, accept int) *round {
	t.Helper()
	r := &round{st: stand(t), accept: accept}
	r.Courier = &sim.Courier{
		Stand: r.st, Store: store, Schedule: []time.Duration{time.Second, time.Minute}, Genuine: []sim.FaultKind{"odd"},
		Send: func(_ context.Context, e sim.Errand, kind sim.FaultKind) sim.Delivery {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, e.Key+string(kind))
			r.at = append(r.at, r.st.Clock.Now().Sub(start))
			return sim.Delivery{Accepted: r.accept > 0 && len(r.told) >= r.accept}
		},
	}
	err := r.Resume()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *round) begin(t *testing.T, key string) {
	t.Helper()
	err := r.BeginNow(key, "pay", "NO1")
	if err != nil {
		t.Fatal(err)
	}
}

func TestCourierKeepsToTheScheduleAndThenGivesUp(t *testing.T) {
	t.Parallel()
	r := newRound(t, nil, 0)
	r.begin(t, "a")
	if err := r.Begin("a", "pay", "NO1"); !errors.Is(err, sim.ErrErrandExists) {
		t.Errorf("begun twice: %v", err)
	}
	r.st.Clock.Advance(24 * time.Hour)
	want := []time.Duration{0, time.Second, time.Second + time.Minute}
	if !slices.Equal(r.at, want) || r.All()[0].Outcome != "given up" || r.All()[0].Sent != 3 {
		t.Fatalf("attempts at %v, %+v, want %v", r.at, r.All(), want)
	}
}

func TestCourierStopsWhenTheMerchantAccepts(t *testing.T) {
	t.Parallel()
	r := newRound(t, nil, 2)
	r.begin(t, "a")
	r.st.Clock.Advance(24 * time.Hour)
	if len(r.at) != 2 || r.All()[0].Outcome != "accepted" {
		t.Fatalf("attempts at %v, %+v", r.at, r.All())
	}
}

func TestCourierActsFaultsOut(t *testing.T) {
	t.Parallel()
	for kind, c := range map[sim.FaultKind]struct {
		told []string
		at   []time.Duration
	}{
		sim.FaultLose:    {[]string{"a"}, []time.Duration{time.Second}},
		sim.FaultNever:   {nil, nil},
		sim.FaultDelay:   {[]string{"a"}, []time.Duration{10 * time.Minute}},
		sim.FaultRepeat:  {[]string{"a", "a"}, []time.Duration{0, 0}},
		sim.FaultTwice:   {[]string{"a", "a"}, []time.Duration{0, 0}},
		sim.FaultReorder: {[]string{"a"}, []time.Duration{time.Hour}},
		"forge":          {[]string{"aforge", "a"}, []time.Duration{0, time.Second}},
		"odd":            {[]string{"aodd"}, []time.Duration{0}},
	} {
		r := newRound(t, nil, 1)
		mustAdd(t, r.st.Faults, "pay", sim.Fault{Kind: kind})
		r.begin(t, "a")
		r.st.Clock.Advance(24 * time.Hour)
		if !slices.Equal(r.told, c.told) || !slices.Equal(r.at, c.at) {
			t.Errorf("%s: told %v at %v, want %+v", kind, r.told, r.at, c)
		}
	}
}

func TestWhatIsHeldBackComesAfterTheNext(t *testing.T) {
	t.Parallel()
	r := newRound(t, nil, 1)
	mustAdd(t, r.st.Faults, "pay", sim.Fault{Kind: sim.FaultReorder})
	r.begin(t, "a")
	r.begin(t, "b")
	r.st.Clock.Advance(24 * time.Hour)
	if !slices.Equal(r.told, []string{"b", "a"}) {
		t.Fatalf("told %v", r.told)
	}
}

func TestErrandsSurviveARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	first := newRound(t, open(t, path), 0)
	first.begin(t, "a")
	again := newRound(t, open(t, path), 1)
	again.st.Clock.Advance(24 * time.Hour)
	if !slices.Equal(again.at, []time.Duration{time.Second}) {
		t.Fatalf("after the restart: %v", again.at)
	}
	third := newRound(t, open(t, path), 1)
	third.st.Clock.Advance(24 * time.Hour)
	if third.at != nil || third.All()[0].Outcome != "accepted" {
		t.Fatalf("an accepted callback came again: %v", third.at)
	}
}

func TestDoneEndsAnErrand(t *testing.T) {
	t.Parallel()
	r := newRound(t, nil, 0)
	r.begin(t, "a")
	r.Done("a")
	r.st.Clock.Advance(24 * time.Hour)
	if len(r.at) != 1 {
		t.Fatalf("attempts at %v", r.at)
	}
}

func TestTopicMayHaveItsOwnSchedule(t *testing.T) {
	t.Parallel()
	r := newRound(t, nil, 0)
	r.Schedules = map[string][]time.Duration{"pay": {0, time.Hour}}
	r.begin(t, "a")
	r.st.Clock.Advance(24 * time.Hour)
	if !slices.Equal(r.at, []time.Duration{0, 0, time.Hour}) {
		t.Fatalf("attempts at %v", r.at)
	}
}
