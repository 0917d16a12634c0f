package terminal_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// TestMoneyIsOnTheCardOnceWhereverTheTerminalDies kills the terminal before
// every step, with every way that a write can end, with the answers to the
// first requests of the new life lost or not, and then lets things be repaired.
func TestMoneyIsOnTheCardOnceWhereverTheTerminalDies(t *testing.T) {
	t.Parallel()
	for _, step := range terminal.LoadSteps() {
		for _, tear := range []terminal.TearKind{"", terminal.TearNothing, terminal.TearAnswer} {
			for lost := range 3 {
				t.Run(fmt.Sprintf("%s/%s/%d", step, tear, lost), func(t *testing.T) {
					t.Parallel()
					b := setup(t)
					if tear != "" {
						b.card.Tear(tear, lost == 1)
					}
					b.before = dieBefore(step)
					term := b.terminal()
					_, err := term.Tap(t.Context(), b.card)
					b.want(err, terminal.ErrCrashed)
					b.want(err, errPower)
					_, err = term.Tap(t.Context(), b.card)
					b.want(err, terminal.ErrCrashed)

					b.card.Leave()
					b.before, b.client = nil, &http.Client{Transport: &losing{n: lost}}
					b.repair()
				})
			}
		}
	}
}

// repair restarts the terminal, taps and resumes until nothing is owed.
func (b *bench) repair() {
	b.t.Helper()
	term := b.terminal()
	for range 4 {
		_, _ = term.Resume(b.t.Context()) // what it could not send it keeps
		b.card.Leave()
		_, _ = term.Tap(b.t.Context(), b.card)
	}
	done, err := term.Resume(b.t.Context())
	if err != nil || done.Kept != 0 || len(term.Journal().Held()) != 0 {
		b.t.Errorf("resume: %+v, %v", done, err)
	}
	b.holds(1200+waiting, 4)
	if b.hub.Confirmed != waiting {
		b.t.Errorf("hub confirmed %d fen, want %d", b.hub.Confirmed, waiting)
	}
}

func TestJournalHoldsWhatWasDurableAtTheCrash(t *testing.T) {
	t.Parallel()
	durable := map[terminal.Step]int{
		terminal.StepTap: 0, terminal.StepTapSend: 1, terminal.StepAnswerReceived: 1, terminal.StepIntent: 2,
		terminal.StepWrite: 3, terminal.StepWritten: 3, terminal.StepResultSend: 4, terminal.StepAcked: 4,
	}
	for _, step := range terminal.LoadSteps() {
		b := setup(t)
		b.diesTapping(step)
		b.wrote(b.terminal(), whole()[:durable[step]]...)
		if step == terminal.StepWrite {
			b.holds(1200, 3)
		}
		if step == terminal.StepWritten {
			b.holds(6200, 4)
		}
		if sent := len(b.hub.Results); (sent == 1) != (step == terminal.StepAcked) {
			t.Errorf("before %s: hub has %d results", step, sent)
		}
	}
}

func TestResumeAbandonsWhatWasNotBegun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dead := b.diesTapping(terminal.StepIntent)
	term := b.terminal()
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Abandoned) != 1 || done.Abandoned[0] != dead.TapID || len(done.Delivered) != 0 {
		t.Errorf("resume: %+v, %v", done, err)
	}
	b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
	if len(b.hub.Results) != 0 {
		t.Errorf("hub got %+v", b.hub.Results)
	}
	done, err = term.Resume(t.Context())
	if err != nil || len(done.Abandoned) != 0 {
		t.Errorf("second resume: %+v, %v", done, err)
	}
}

// An intent without a result stays unknown although the card, by now, would say
// more: the journal is old by nature.
func TestResumeSendsAnIntentAsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepWritten)
	term := b.terminal()
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Delivered) != 1 || done.Delivered[0].Outcome != "unknown" || done.Delivered[0].Receipt.State != "IN_DOUBT" {
		t.Errorf("resume: %+v, %v", done, err)
	}
	if r := b.hub.Results[0]; r.L != nil || r.B != nil || r.P != nil || r.Authorisation == "" {
		t.Errorf("result is %+v", r)
	}
	b.holds(6200, 4)
	b.wrote(term, whole()...)
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Confirmed == nil || out.Confirmed.AmountFen != waiting {
		t.Errorf("next tap: %+v, %v", out, err)
	}
}

func TestResumeSendsAResultAsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepResultSend)
	term := b.terminal()
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Delivered) != 1 || done.Delivered[0].Outcome != "written" || !done.Delivered[0].Receipt.First {
		t.Errorf("resume: %+v, %v", done, err)
	}
	if r := b.hub.Results[0]; r.L == nil || *r.L != 4 || *r.B != 6200 {
		t.Errorf("result is %+v", r)
	}
}

func TestLostReceiptIsAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cut := &losing{}
	b.client = &http.Client{Transport: cut}
	b.before = at(terminal.StepResultSend, func() { cut.lose(1) })
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrNoAnswer)
	if out.Outcome != terminal.OutcomeWritten || out.Receipt != nil {
		t.Errorf("outcome is %+v", out)
	}
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Delivered) != 1 || done.Delivered[0].Receipt.First || done.Delivered[0].Receipt.State != "CONFIRMED" {
		t.Errorf("resume: %+v, %v", done, err)
	}
	b.wrote(term, whole()...)
}

func TestRefusedResultIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepResultSend, func() {
		b.hub.Set(func() { b.hub.Loads = map[string]*terminaltest.Load{} })
	})
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrUnknownLoad)
	done, err := term.Resume(t.Context())
	b.want(err, terminal.ErrUnknownLoad)
	if done.Kept != 1 || len(done.Delivered) != 0 || term.Journal().Pending()[0].Result.Outcome != "written" {
		t.Errorf("resume: %+v", done)
	}
}

// owing is a bench whose journal owes the results of two loads.
func owing(t *testing.T) *bench {
	t.Helper()
	b := setup(t)
	for range 2 {
		b.diesTapping(terminal.StepResultSend)
		b.hub.Cards["70001"].Pending += 700
	}
	b.holds(1200+waiting+700, 5)
	return b
}

func TestRefusedResultDoesNotHoldUpTheNext(t *testing.T) {
	t.Parallel()
	b := owing(t)
	delete(b.hub.Loads, "070001")
	term := b.terminal()
	done, err := term.Resume(t.Context())
	b.want(err, terminal.ErrUnknownLoad)
	if done.Kept != 1 || len(done.Delivered) != 1 || done.Delivered[0].Load != "070002" {
		t.Errorf("resume: %+v", done)
	}
}

func TestResumeStopsWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := owing(t)
	b.client = &http.Client{Transport: &losing{n: 1}}
	term := b.terminal()
	done, err := term.Resume(t.Context())
	b.want(err, terminal.ErrNoAnswer)
	if done.Kept != 2 || len(b.hub.Results) != 1 {
		t.Errorf("resume: %+v, hub got %+v", done, b.hub.Results)
	}
	done, err = term.Resume(t.Context())
	if err != nil || done.Kept != 0 || len(done.Delivered) != 2 || done.Delivered[0].Load != "070001" {
		t.Errorf("resume: %+v, %v", done, err)
	}
}

// scenes do something with a card for each step beside a load, so that every
// step has a scene that comes by.
func scenes() map[string]func(*bench, *terminal.Terminal) error {
	return map[string]func(*bench, *terminal.Terminal) error{
		"tap":   func(b *bench, t *terminal.Terminal) error { _, err := t.Tap(b.t.Context(), b.card); return err },
		"sign":  func(b *bench, t *terminal.Terminal) error { _, err := t.SignIn(b.t.Context()); return err },
		"abort": func(b *bench, t *terminal.Terminal) error { _, err := t.TapAndAbort(b.t.Context(), b.card); return err },
		"reread": func(b *bench, t *terminal.Terminal) error {
			_, err := t.TapAndReread(b.t.Context(), b.card)
			return err
		},
		"challenge": func(b *bench, t *terminal.Terminal) error {
			if b.hub.Cards["70001"].L == nil { // the card is put back behind the ledger, for a moment
				l := int64(4)
				b.hub.Cards["70001"].L = &l
			}
			_, err := t.Tap(b.t.Context(), b.card)
			return err
		},
		"desk": func(b *bench, t *terminal.Terminal) error {
			b.hub.Devices["T1"].Role = "desk"
			b.hub.Cards["70001"].Repair = &terminaltest.Repair{L: 3, B: 1300}
			_, err := t.Desk(b.t.Context(), b.card)
			return err
		},
		"upload": func(b *bench, t *terminal.Terminal) error {
			_, _ = t.TapAndAbort(b.t.Context(), b.card)
			_, err := t.UploadJournal(b.t.Context())
			return err
		},
	}
}

// TestEveryStepIsOneAtWhichATerminalDies and comes back: each step is met by a
// scene, and afterwards the terminal has its card loaded, owes nothing and has
// its whole journal with the hub.
func TestEveryStepIsOneAtWhichATerminalDies(t *testing.T) {
	t.Parallel()
	met := map[terminal.Step]bool{}
	for name, scene := range scenes() {
		for _, step := range terminal.Steps() {
			b := setup(t)
			b.before = dieBefore(step)
			err := scene(b, b.terminal())
			if !errors.Is(err, terminal.ErrCrashed) {
				continue // this scene does not come by
			}
			met[step] = true
			b.before = nil
			b.hub.Set(func() {
				a := b.hub.Cards["70001"]
				a.Frozen, a.Repair = "", nil
				if name == "challenge" {
					a.L = nil
				}
			})
			b.card.Leave()
			term := b.signedIn()
			_, err = term.Resume(t.Context())
			b.want(err, nil)
			before, err := b.card.Peek()
			b.want(err, nil)
			_, err = term.Tap(t.Context(), b.card)
			b.want(err, nil)
			up, err := term.UploadJournal(t.Context())
			if err != nil || up.Unsent != 0 || len(term.Quarantined()) != 0 || len(term.Journal().Abandoned())+len(term.Journal().Pending()) != 0 {
				t.Errorf("%s at %s: upload %+v, %v", name, step, up, err)
			}
			if d, err := b.card.Peek(); err != nil || d.L != 4 || d.B != 6200 && d.B != 6300 || b.hub.Confirmed != waiting {
				t.Errorf("%s at %s: card went from %+v to %+v, %v, confirmed %d", name, step, before, d, err, b.hub.Confirmed)
			}
		}
	}
	for _, step := range terminal.Steps() {
		if !met[step] {
			t.Errorf("no scene comes by %s", step)
		}
	}
}
