//go:build !race

package transition

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLongHistoriesEndWell draws long histories with every fault at once.
func TestLongHistoriesEndWell(t *testing.T) {
	seed := time.Now().UnixNano()
	for name, value := range map[string]string{"rapid.seed": fmt.Sprint(seed), "rapid.checks": "200", "rapid.nofailfile": "true"} {
		if given := flag.Lookup(name); given == nil || given.Value.String() == given.DefValue {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("seed %s", flag.Lookup("rapid.seed").Value)
	worlds := 0
	for _, r := range []rules{
		{Left: budgets{Taps: 12, Late: 4, Tears: 2, Purchases: 4}, Rude: true, Echoes: true},
		{Left: budgets{Taps: 12, Late: 4, Purchases: 4, Failovers: 2}, Rude: true, Echoes: true, Noticed: true},
		{Left: budgets{Taps: 12, Late: 4, Purchases: 4, Lies: 2}, Rude: true, Echoes: true},
	} {
		r.Terminals, r.Recharges, r.Refunds, r.Crashes, r.Known = 2, 6, true, true, true
		m := newModel(t, r, nil)
		rapid.Check(t, func(rt *rapid.T) {
			w := m.origin
			var history []string
			for range rapid.IntRange(20, 120).Draw(rt, "steps") {
				moves := m.moves(w)
				if len(moves) == 0 {
					break
				}
				next := moves[rapid.IntRange(0, len(moves)-1).Draw(rt, "move")]
				history, w = append(history, next.name), next.to
				worlds++
				if err := m.checked(w); err != nil {
					rt.Fatalf("%v: %s", err, strings.Join(history, " → "))
				}
			}
			if _, steps, err := m.closing(w); err != nil {
				rt.Fatalf("%v: %s", err, strings.Join(append(history, steps...), " → "))
			}
		})
	}
	t.Logf("result: %d steps of random histories", worlds)
}
