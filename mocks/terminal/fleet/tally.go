package fleet

import (
	"maps"
	"slices"
	"sync"
	"time"

	"guodu/mocks/terminal"
)

// load is what is known of a load from what the hub answered.
type load struct {
	card   int
	seat   int // which had an attempt on it
	amount int64
	state  string
}

// done says that the card has it, and that the hub says so.
func (l load) done() bool { return l.state == "CONFIRMED" || l.state == "FORCED" }

// tally counts what happens.
type tally struct {
	mu       sync.Mutex
	came     int
	inside   int
	outcomes map[string]int
	deaths   int
	restarts int
	took     []time.Duration
	loads    map[string]*load
}

func newTally() *tally { return &tally{outcomes: map[string]int{}, loads: map[string]*load{}} }

func (t *tally) arrived() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.came++
	t.inside++
}

// left counts a tap that ended, and files what it says of loads.
func (t *tally) left(what string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside--
	t.outcomes[what]++
	t.took = append(t.took, took)
}

func (t *tally) death() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deaths++
}

func (t *tally) restarted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restarts++
}

// file takes what a tap says of loads.
func (t *tally) file(card, seat int, out terminal.TapOutcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if out.Load != "" {
		state := ""
		if out.Receipt != nil {
			state = out.Receipt.State
		}
		t.know(out.Load, load{card: card, seat: seat, amount: out.AmountFen, state: state})
	}
	if c := out.Confirmed; c != nil {
		t.know(c.Load, load{card: card, seat: seat, amount: c.AmountFen, state: "CONFIRMED"})
	}
}

// receipts takes what a Resume was told.
func (t *tally) receipts(all []terminal.Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range all {
		if known := t.loads[d.Load]; known != nil && !known.done() {
			known.state = d.Receipt.State
		}
	}
}

// know keeps the newest word on a load; that it is done is the last one.
func (t *tally) know(no string, l load) {
	known := t.loads[no]
	if known == nil {
		t.loads[no] = &l
		return
	}
	if l.state != "" && !known.done() {
		known.state = l.state
	}
}

// Live is how a run stands.
type Live struct {
	Phase    string
	Elapsed  time.Duration
	Came     int // cards
	Inside   int // taps under way
	Outcomes map[string]int
	P50, P99 time.Duration
	Deaths   int
	Dead     int // terminals without power now
	Unsent   int64
}

func (t *tally) live() Live {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := slices.Clone(t.took)
	slices.Sort(took)
	return Live{
		Came: t.came, Inside: t.inside, Outcomes: maps.Clone(t.outcomes), Deaths: t.deaths, Dead: t.deaths - t.restarts,
		P50: quantile(took, 50), P99: quantile(took, 99),
	}
}

// quantile of sorted times; p in hundredths.
func quantile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
