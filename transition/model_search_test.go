//go:build !race

package transition

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a history can come to.
var (
	errDoublePay = errors.New("double pay")
	errBooks     = errors.New("books differ from the card")
	errStuck     = errors.New("stuck")
)

// checked says what is wrong with a world.
func (m *model) checked(w world) error {
	s := m.states[w.Hub]
	// What a terminal that lied has written counts once its journal is in.
	if m.Left.Lies > 0 && !m.quiet(w) {
		return nil
	}
	// And what a failover lost that nobody noticed, once the card was seen again.
	if m.Left.Failovers > 0 && !m.Noticed {
		return nil
	}
	if !s.recovery && int(w.Loaded)+int(w.Refunded) > s.paid+s.clawback {
		return fmt.Errorf("%w: loaded %d + refunded %d > paid %d + clawback %d", errDoublePay, w.Loaded, w.Refunded, s.paid, s.clawback)
	}
	return nil
}

// ended says what is wrong with a world in which everything was said and done.
func (m *model) ended(w world) error {
	s := m.states[w.Hub]
	switch {
	case int(w.Loaded)+int(w.Refunded) > s.paid+s.clawback:
		return fmt.Errorf("%w in the end: loaded %d + refunded %d > paid %d + clawback %d", errDoublePay, w.Loaded, w.Refunded, s.paid, s.clawback)
	case s.loaded != int(w.Loaded):
		return fmt.Errorf("%w: they say %d, it got %d (paid %d, refunded %d, pending %d, clawback %d)", errBooks, s.loaded, w.Loaded,
			s.paid, w.Refunded, s.pending, s.clawback)
	case int(w.Loaded)+int(w.Refunded)+s.pending != s.paid+s.clawback:
		return fmt.Errorf("%w: loaded %d + refunded %d + pending %d, paid %d + clawback %d", errBooks, w.Loaded, w.Refunded, s.pending,
			s.paid, s.clawback)
	case s.open || s.mark != "" || s.recovery:
		return fmt.Errorf("%w: a load is %s, the card is marked %q", errStuck, s.openState, s.mark)
	case s.pending > 0 && s.clawback == 0:
		return fmt.Errorf("%w: %d pending that no tap loads", errStuck, s.pending)
	}
	return nil
}

// closing takes a world to its end as honest parts do: what is under way arrives or
// is lost, journals are sent, the core reports, and the card is tapped until nothing
// is left; where the protocol asks for people, they decide by what the card holds.
// It returns the steps.
func (m *model) closing(w world) (world, []string, error) {
	var steps []string
	say := func(format string, args ...any) { steps = append(steps, fmt.Sprintf(format, args...)) }
	w.Field = 0
	for i := range w.Term {
		t := &w.Term[i]
		if t.Auth != 0 {
			say("terminal %d has lost its memory", i+1)
			t.Auth = 0
		}
		switch t.Journal {
		case intent:
			w.Hub = m.call(modelCall{state: w.Hub, kind: "result", auth: t.Of}).state
			say("terminal %d uploads its intent", i+1)
		case result:
			w = m.told(w, message{Auth: t.Of, L: t.LB[0], B: t.LB[1]})
			say("terminal %d delivers its result", i+1)
		}
		*t = terminal{}
	}
	for w.Net[0] != (message{}) {
		n := w.Net[0]
		w = m.receive(w.without(0), n)
	}
	for w.Told < w.P {
		w = m.report(w)
	}
	if m.states[w.Hub].recovery {
		w.Hub = m.call(modelCall{state: w.Hub, kind: "recovered"}).state
	}
	for range 12 {
		s := m.states[w.Hub]
		w.Session = 30 + (w.Session+1)%30
		r := m.call(w.reading("tap", 1, w.Session))
		w.Hub = r.state
		say("tap: %s", r.outcome)
		switch r.outcome {
		case Offer:
			auth := m.loads[r.auth]
			if auth.L0 != int64(w.L) {
				return w, steps, fmt.Errorf("%w: an authorisation for the counter %d, the card is at %d", errStuck, auth.L0, w.L)
			}
			w.L++
			w.Loaded += int16(auth.Amount)
			w.Hub = m.call(modelCall{state: w.Hub, kind: "result", auth: r.auth, l: int16(w.L), b: w.balance(), proof: true}).state
		case Reread:
			r = m.call(w.reading("recheck", 1, 0))
			w.Hub = r.state
			say("read again: %s", r.word)
		case UnknownLoad:
			// Once every result is in, nothing is unknown.
			if (m.Left.Failovers == 0 || m.Answers) && m.Left.Lies == 0 {
				return w, steps, fmt.Errorf("%w: the card's counter is ahead of the ledger, with nothing lost", errStuck)
			}
			if s.open {
				w = m.desk(w, say)
				s = m.states[w.Hub]
			}
			if s.mark == "" && !s.doubt {
				continue // what they decided has explained it
			}
			call := w.reading("adopt", 0, 0)
			call.n = w.Loaded - int16(s.loaded)
			r = m.call(call)
			say("two people adopt the counter: %s", r.word)
			w.Hub = r.state
		case Conflict, Written, InDoubt:
			if s.openState == LoadHeld {
				return w, steps, fmt.Errorf("%w: %s", errStuck, r.outcome)
			}
			if m.Left.Failovers == 0 && m.Left.Lies == 0 && m.Left.Tears == 0 {
				return w, steps, fmt.Errorf("%w: %s, and only people end it, with nothing lost or torn", errStuck, r.outcome)
			}
			w = m.desk(w, say)
		default:
			// What a forced load left owing freezes the account, whose open load waits then.
			if r.outcome == Frozen && s.open && s.clawback > 0 {
				w = m.desk(w, say)
				continue
			}
			return w, steps, m.ended(w)
		}
	}
	return w, steps, fmt.Errorf("%w: taps lead nowhere", errStuck)
}

// desk is what people do who see the card: the balance says whether the load is on
// it, and the stamp follows their decision.
func (m *model) desk(w world, say func(string, ...any)) world {
	w.Hub = m.call(w.reading("desk", 0, 0)).state
	s := m.states[w.Hub]
	verdict := "cancel"
	if int(w.Loaded) >= s.loaded+s.openAmount {
		verdict = "confirm"
	}
	call := w.reading(verdict, 0, 0)
	r := m.call(call)
	say("two people decide: %s: %s", verdict, r.word)
	w.Hub = r.state
	if m.states[w.Hub].repair != "" {
		var to int
		if _, err := fmt.Sscan(m.states[w.Hub].repair, &to); err == nil {
			w.L = uint8(to)
		}
		w.Hub = m.call(w.reading("desk", 0, 0)).state
	}
	return w
}

// found is a history that went wrong.
type found struct {
	err   error
	steps []string
}

// wanted says whether a search looks for that.
func (m *model) wanted(err error) bool {
	return err != nil && (m.only == nil || errors.Is(err, m.only))
}

func (f found) String() string {
	return fmt.Sprintf("%v after %d steps: %s", f.err, len(f.steps), strings.Join(f.steps, " → "))
}

// search goes through every history, the shortest first, and returns the first that
// goes wrong, with the number of worlds seen.
func (m *model) search(most int) (*found, int) {
	type trail struct {
		from int32
		name string
	}
	seen := map[world]int32{m.origin: 0}
	worlds, trails := []world{m.origin}, []trail{{-1, ""}}
	done := map[world]bool{}
	history := func(i int32) []string {
		var steps []string
		for ; trails[i].from >= 0; i = trails[i].from {
			steps = append(steps, trails[i].name)
		}
		slices.Reverse(steps)
		return steps
	}
	for i := 0; i < len(worlds); i++ {
		w := worlds[i]
		err := m.checked(w)
		if m.wanted(err) {
			return &found{err, history(int32(i))}, len(worlds)
		}
		if end := quieted(w); !done[end] {
			done[end] = true
			_, steps, err := m.closing(w)
			if m.wanted(err) {
				return &found{err, append(history(int32(i)), steps...)}, len(worlds)
			}
		}
		for _, next := range m.moves(w) {
			if _, known := seen[next.to]; known {
				continue
			}
			if len(worlds) >= most {
				return &found{err: fmt.Errorf("more than %d worlds", most)}, len(worlds)
			}
			seen[next.to] = int32(len(worlds))
			worlds, trails = append(worlds, next.to), append(trails, trail{int32(i), next.name})
		}
	}
	return nil, len(worlds)
}

// quieted is what of a world decides how it ends.
func quieted(w world) world {
	w.Field, w.Session, w.Taps, w.Left, w.Fins = 0, 0, 0, budgets{}, 0
	for i := range w.Term {
		w.Term[i].Auth = 0
	}
	return w
}
