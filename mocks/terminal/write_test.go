package terminal_test

import (
	"testing"
	"time"

	"guodu/mocks/terminal"
)

func TestCardPulledBeforeTheCommandIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepWrite, b.card.Leave)
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCardGone)
	if out.Outcome != terminal.OutcomeUnknown || out.After != nil || out.Receipt == nil || out.Receipt.State != "IN_DOUBT" {
		t.Errorf("outcome is %+v", out)
	}
	b.holds(1200, 3)
	b.wrote(term, whole()...)
}

func TestCardPulledAfterTheCommandIsWrittenWithoutReadings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepWritten, b.card.Leave)
	out, err := b.terminal().Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten || out.After != nil || out.Receipt.State != "WRITTEN" {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	if r := b.hub.Results[0]; r.Outcome != "written" || r.L != nil || r.B != nil || r.P != nil {
		t.Errorf("result is %+v", r)
	}
}

func TestTornWriteIsReportedAsTheCardShowsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    terminal.TearKind
		stays   bool
		outcome terminal.Outcome
		balance int64
		l       int64
	}{
		"nothing written, pulled": {terminal.TearNothing, false, terminal.OutcomeUnknown, 1200, 3},
		"nothing written, stays":  {terminal.TearNothing, true, terminal.OutcomeUnknown, 1200, 3},
		"balance only, pulled":    {terminal.TearBalance, false, terminal.OutcomeUnknown, 6200, 3},
		"balance only, stays":     {terminal.TearBalance, true, terminal.OutcomeUnknown, 6200, 3},
		"answer lost, pulled":     {terminal.TearAnswer, false, terminal.OutcomeUnknown, 6200, 4},
		"answer lost, stays":      {terminal.TearAnswer, true, terminal.OutcomeWritten, 6200, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.card.Tear(c.kind, c.stays)
			out, err := b.terminal().Tap(t.Context(), b.card)
			if c.outcome == terminal.OutcomeUnknown {
				b.want(err, terminal.ErrCardSilent)
			} else {
				b.want(err, nil)
			}
			if out.Outcome != c.outcome || (out.After != nil) != c.stays {
				t.Errorf("outcome is %+v", out)
			}
			b.holds(c.balance, c.l)
			r := b.hub.Results[0]
			if r.Outcome != string(c.outcome) || (r.L != nil) != c.stays || c.stays && (*r.L != c.l || *r.B != c.balance) {
				t.Errorf("result is %+v", r)
			}
		})
	}
}

func TestCardThatBeliesItsAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepWritten, func() { b.want(b.card.Restore(theCard()), nil) })
	out, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCard)
	if r := b.hub.Results[0]; out.Outcome != terminal.OutcomeUnknown || r.Outcome != "unknown" || *r.L != 3 {
		t.Errorf("outcome is %+v, result %+v", out, r)
	}
}

// Only exactly this load, read back, speaks for a card that was silent.
func TestSilentCardThatShowsAnotherBalanceIsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.card.Tear(terminal.TearAnswer, true)
	b.before = at(terminal.StepWritten, func() { b.want(b.card.Purchase(100), nil) })
	out, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCardSilent)
	if r := b.hub.Results[0]; out.Outcome != terminal.OutcomeUnknown || r.Outcome != "unknown" || *r.L != 4 || *r.B != 6100 {
		t.Errorf("outcome is %+v, result %+v", out, r)
	}
}

func TestCounterThatMovedBeforeTheIntentStopsTheWrite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepIntent, func() {
		d := theCard()
		d.L++
		b.want(b.card.Restore(d), nil)
	})
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCounter)
	if out.Outcome != terminal.OutcomeAbandoned {
		t.Errorf("outcome is %+v", out)
	}
	b.holds(1200, 4)
	b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
}

func TestPurchaseBeforeTheWriteIsNotOverwritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepWrite, func() { b.want(b.card.Purchase(200), nil) })
	out, err := b.terminal().Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	b.holds(6000, 4)
}

func TestTimeThatRunsOutBeforeTheIntentAbandons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepIntent, func() { b.clock.Add(time.Minute + time.Millisecond) })
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrExpired)
	b.holds(1200, 3)
	b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
}

func TestTimeThatRunsOutAfterTheIntentIsUnknownAndNotWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepWrite, func() { b.clock.Add(time.Minute + time.Millisecond) })
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrExpired)
	if out.Outcome != terminal.OutcomeUnknown {
		t.Errorf("outcome is %+v", out)
	}
	b.holds(1200, 3)
	b.wrote(term, whole()...)
}
