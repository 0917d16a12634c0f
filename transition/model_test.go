//go:build !race

package transition

import (
	"sync/atomic"
	"testing"
	"time"
)

// family is a set of faults that a search goes through together.
type family struct {
	name  string
	rules rules
}

// families are what models of the protocol found worth searching: each with every
// order of two recharges, taps at two terminals, lost messages, crashes and refunds.
func families() []family {
	base := func(change func(*rules)) rules {
		r := rules{Left: budgets{Taps: 3}, Terminals: 2, Recharges: 2, Refunds: true, Crashes: true}
		change(&r)
		return r
	}
	return []family{
		{"late and lost messages", base(func(r *rules) { r.Left.Late = 1 })},
		{"repeated requests and late answers", base(func(r *rules) { r.Rude, r.Echoes, r.Left.Taps = true, true, 2 })},
		{"a failover that is noticed", base(func(r *rules) { r.Left.Failovers, r.Noticed, r.Left.Taps = 1, true, 3 })},
		{"a failover that nobody notices", base(func(r *rules) { r.Left.Failovers, r.Known = 1, true })},
		{"torn writes and purchases", base(func(r *rules) { r.Left.Tears, r.Left.Purchases, r.Refunds = 1, 1, false })},
		{"aborts after a write", base(func(r *rules) { r.Left.Lies = 1 })},
	}
}

func newModel(t testing.TB, r rules, rewrite func(name, source string) string) *model {
	m := &model{modelHub: newModelHub(t, rewrite), rules: r}
	m.origin = world{Hub: m.first("stamp", r.Recharges), Left: r.Left}
	if r.Known {
		m.origin.Hub = m.call(m.origin.reading("tap", 1, 0)).state
	}
	return m
}

// TestNoHistoryOfThreeTapsGoesWrong goes through every history of each family on the
// real scripts: the card is never paid twice, every balance follows from the entries,
// and every history can end with all money on the card, refunded or pending.
func TestNoHistoryOfThreeTapsGoesWrong(t *testing.T) {
	var worlds, calls atomic.Int64
	t.Run("families", func(t *testing.T) {
		for _, f := range families() {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				m := newModel(t, f.rules, nil)
				wrong, n := m.search(3_000_000)
				if wrong != nil {
					t.Errorf("%v", wrong)
				}
				worlds.Add(int64(n))
				calls.Add(int64(m.calls))
				t.Logf("%d worlds, %d states of the hub, %d calls of its scripts, %s", n, len(m.states), m.calls, time.Since(begin).Round(time.Second))
			})
		}
	})
	t.Logf("result: %d worlds in %d families of faults, %d calls of scripts, none goes wrong", worlds.Load(), len(families()), calls.Load())
}
