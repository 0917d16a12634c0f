package main_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"guodu/cmd/demo/world"
	"guodu/internal/redistest"
	"guodu/mocks/terminal"
)

// strike is one step at which a crash point can strike.
type strike struct {
	step string // where it strikes
	dies string // what dies there, or is lost
	ends string // the states of the loads, the oldest first, and where the money is

	profile terminal.Profile
	// alone has a campus of its own, because the hub or redis-server dies, or a
	// channel takes part.
	alone   bool
	holder  bool                   // the world's own account, who has a phone
	place   string                 // failpoint of the hub
	script  string                 // with which redis-server dies
	cut     redistest.Cut          //
	env     []string               // of the hub
	options []func(*world.Options) // of the world
	play    func(s *scene)
	inside  func(t *testing.T) string // in place of all that: what cannot be a process
}

// point is a crash point of the load protocol.
type point struct {
	name    string
	strikes []strike
}

func crashPoints() []point {
	return []point{
		callbackLost(), hubDiesBeforeCredit(), tapDelayed(), holdUnanswered(), diesBeforeHold(), diesHolding(), diesIntending(),
		pulledBeforeCommit(), writtenUnanswered(), diesBeforeResult(), resultUnsent(), confirmUnanswered(), failover(),
		terminalDestroyed(), cardDestroyed(), lateConfirm(), refundRaces(), twoCards(), cardRestored(), dayChanges(),
		chargedBack(), writeTorn(), outsideLoad(),
	}
}

// TestCrashPoints lets each crash point strike at each step at which it can, lets
// everybody come back, and asks the card's file and the books where each fen is.
func TestCrashPoints(t *testing.T) {
	var (
		mu   sync.Mutex
		rows = map[string]string{}
	)
	points := crashPoints()
	t.Run("points", func(t *testing.T) {
		for i, p := range points {
			t.Run(fmt.Sprintf("%02d", i+1), func(t *testing.T) {
				t.Parallel()
				strikeAll(t, i+1, p, func(row, ends string) {
					mu.Lock()
					defer mu.Unlock()
					rows[row] = ends
				})
			})
		}
	})
	var table strings.Builder
	table.WriteString("# Crash points\n\nWritten by `go test ./cmd/hub -run TestCrashPoints -update`. Each crash point of the load protocol at each\n" +
		"step at which it can strike. Terminals, hub and redis-server are processes that die by SIGKILL; the\n" +
		"card is a file, and the witness. Then everybody comes back: what died is started again, the terminal\n" +
		"sends what its journal owes, the card is tapped until nothing is pending. After each, what was paid and\n" +
		"what is owed (clawback) is on the card, pending or refunded to the fen, the books say of the card what it\n" +
		"got, `hub verify` agrees, and at most one load is open. The last column has the states of the loads in\n" +
		"the order in which they were made, and the money; 50.00 yuan were paid where nothing else is said.\n")
	strikes := 0
	for i, p := range points {
		fmt.Fprintf(&table, "\n## %d %s\n\n| step | dies | afterwards |\n|---|---|---|\n", i+1, p.name)
		for _, one := range p.strikes {
			fmt.Fprintf(&table, "| %s | %s | %s |\n", one.step, one.dies, rows[rowOf(i+1, one)])
			strikes++
		}
	}
	if t.Failed() || len(rows) < strikes {
		return // some were not asked for, or have failed
	}
	fmt.Println(table.String())
	t.Logf("result: %d crash points, %d steps, each fen once after each", len(points), strikes)
	found(t, "../../docs/crash-points.md", table.String())
}

func rowOf(n int, s strike) string { return fmt.Sprintf("%02d %s, %s", n, s.step, s.dies) }

// strikeAll plays the strikes of one point.
func strikeAll(t *testing.T, n int, p point, tell func(row, ends string)) {
	var shared *place
	for i, one := range p.strikes {
		if !one.alone && one.inside == nil && shared == nil {
			shared = newPlace(t, nil)
			shared.serve("")
		}
		t.Run(one.step+", "+one.dies, func(t *testing.T) {
			t.Parallel()
			ends := ""
			if one.inside != nil {
				ends = one.inside(t)
			} else {
				ends = one.strikes(t, shared, fmt.Sprintf("A%02d%02d", n, i))
			}
			if ends != one.ends {
				t.Errorf("it ends with %q, want %q", ends, one.ends)
				return
			}
			tell(rowOf(n, one), ends)
		})
	}
}

// strikes plays one strike to its end.
func (one strike) strikes(t *testing.T, shared *place, name string) string {
	t.Helper()
	c := shared
	if one.alone {
		c = newPlace(t, one.env, one.options...)
		c.inside()
		c.victim = c.serve(one.place)
		if one.place == "" {
			c.victim = nil
		}
		if one.script != "" {
			c.struck = c.proxy.Arm(one.script, one.cut)
		}
		if one.holder {
			name = world.AccountNo
		}
	}
	s := newScene(t, c, name, one.profile)
	one.play(s)
	if (one.place != "" || one.script != "") && !c.revived {
		t.Fatalf("nothing died at %s%s", one.place, one.script)
	}
	return s.ended()
}
