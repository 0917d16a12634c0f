package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"guodu/mocks/terminal/fleet"
)

// table shows how a run stands: in place on a screen, and line by line in a log.
type table struct {
	out       io.Writer
	refreshed bool
	height    int // lines on the screen
	came      int
	at        time.Duration
}

func (t *table) every() time.Duration {
	if t.refreshed {
		return time.Second
	}
	return 5 * time.Second
}

// tell shows one state.
func (t *table) tell(l fleet.Live) {
	rate := 0.0
	if span := l.Elapsed - t.at; span > 0 {
		rate = float64(l.Came-t.came) / span.Seconds()
	}
	t.came, t.at = l.Came, l.Elapsed
	outcomes := counts(l.Outcomes)
	if !t.refreshed {
		fmt.Fprintf(t.out, "%s %4.0fs  %5.1f/s  came %d  inside %d  p50 %s  p99 %s  deaths %d  dead %d  unsent %d  %s\n",
			l.Phase, l.Elapsed.Seconds(), rate, l.Came, l.Inside, ms(l.P50), ms(l.P99), l.Deaths, l.Dead, l.Unsent, outcomes)
		return
	}
	lines := []string{
		fmt.Sprintf("%-10s %6.0f s", l.Phase, l.Elapsed.Seconds()),
		fmt.Sprintf("cards      %6d     now %6.1f a second, %d inside", l.Came, rate, l.Inside),
		fmt.Sprintf("tap        p50 %s   p99 %s", ms(l.P50), ms(l.P99)),
		fmt.Sprintf("deaths     %6d     %d without power now", l.Deaths, l.Dead),
		fmt.Sprintf("unsent     %6d     records of the journals", l.Unsent),
		"outcomes   " + outcomes,
	}
	if t.height > 0 {
		fmt.Fprintf(t.out, "\x1b[%dA", t.height)
	}
	for _, line := range lines {
		fmt.Fprintf(t.out, "\x1b[2K%s\n", line)
	}
	t.height = len(lines)
}

func counts(all map[string]int) string {
	var text []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text = append(text, fmt.Sprintf("%s %d", name, all[name]))
	}
	return strings.Join(text, ", ")
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// shownProblems bounds what is printed.
const shownProblems = 20

// errAccount says that the account does not add up.
var errAccount = errors.New("the account does not add up")

// account prints what a run came to.
func account(out io.Writer, r fleet.Report) error {
	fmt.Fprintf(out, "\n%d taps in %s, %.1f a second; p50 %s, p99 %s; %d deaths, %d terminals still without power; seed %d\n",
		r.Came, r.Busy.Round(time.Millisecond), r.Rate, ms(r.P50), ms(r.P99), r.Deaths, r.Dead, r.Seed)
	fmt.Fprintf(out, "taps: %s\n", counts(r.Outcomes))
	sign := "="
	if r.BeganFen+r.LoadedFen != r.EndedFen {
		sign = "≠"
	}
	fmt.Fprintf(out, "%d cards held %s + %s by %d loads that the hub confirms %s %s on them now\n",
		r.Cards, yuan(r.BeganFen), yuan(r.LoadedFen), r.Loads, sign, yuan(r.EndedFen))
	for i, problem := range r.Problems {
		if i == shownProblems {
			fmt.Fprintf(out, "… and %d more\n", len(r.Problems)-i)
			break
		}
		fmt.Fprintln(out, "✗", problem)
	}
	if len(r.Problems) > 0 {
		return fmt.Errorf("%w: %d problems", errAccount, len(r.Problems))
	}
	fmt.Fprintf(out, "result: %d cards, every fen adds up\n", r.Cards)
	return nil
}
