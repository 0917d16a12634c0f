package terminal_test

import (
	"errors"
	"testing"

	"guodu/mocks/terminal"
)

func TestWhatGoesWrongAtTheTerminalIsCounted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		at     terminal.Step
		strike func(*terminal.Card) error
		want   map[string]int
	}{
		"nothing":           {terminal.StepTap, func(*terminal.Card) error { return nil }, map[string]int{}},
		"the card is gone":  {terminal.StepWrite, func(c *terminal.Card) error { c.Leave(); return nil }, map[string]int{terminal.EventCardGone: 1}},
		"the power is gone": {terminal.StepWritten, func(*terminal.Card) error { return errors.New("power cut") }, map[string]int{terminal.EventCrash: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			o, counts := b.options(), map[string]int{}
			o.Count = func(event string) { counts[event]++ }
			o.Before = func(s terminal.Step) error {
				if s != tc.at {
					return nil
				}
				return tc.strike(b.card)
			}
			term, err := terminal.New(o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = term.Close() })
			_, _ = term.Tap(t.Context(), b.card) // what it says is others' business
			for _, event := range []string{terminal.EventCardGone, terminal.EventCrash} {
				if counts[event] != tc.want[event] {
					t.Errorf("%s is counted %d times, want %d", event, counts[event], tc.want[event])
				}
			}
		})
	}
}
