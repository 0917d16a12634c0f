package terminal_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"time"

	"guodu/mocks/terminal"
)

func TestTapLoadsTheCard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil {
		t.Fatal(err)
	}
	if out.Outcome != terminal.OutcomeWritten || out.AmountFen != waiting || out.Attempt != 1 || out.Receipt == nil || out.Receipt.State != "CONFIRMED" {
		t.Errorf("outcome is %+v", out)
	}
	if want := theCard(); out.Before != want || out.After == nil || out.After.B != want.B+waiting || out.After.P != want.P {
		t.Errorf("card went from %+v to %+v", out.Before, out.After)
	}
	b.holds(6200, 4)
	b.wrote(term, whole()...)
	if got := b.hub.Results; len(got) != 1 || got[0].Outcome != "written" || *got[0].L != 4 || *got[0].B != 6200 || *got[0].P != 7 {
		t.Errorf("results are %+v", got)
	}
	if left := len(term.Journal().Pending()) + len(term.Journal().Held()); left != 0 {
		t.Errorf("journal owes %d", left)
	}
}

func TestTapWithNothingPendingTouchesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Cards["70001"].Pending = 0
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeNone || out.Reason != "nothing_pending" {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	b.holds(1200, 3)
	b.wrote(term, terminal.TapSent)
	_, err = term.Retry(t.Context())
	b.want(err, terminal.ErrNothingToRetry)
}

func TestCardWithoutPurchaseCounterTellsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := theCard()
	d.P, d.NoP = 0, true
	if err := b.card.Restore(d); err != nil {
		t.Fatal(err)
	}
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Fatalf("outcome is %+v, %v", out, err)
	}
	records, err := term.Journal().Records()
	if err != nil || records[0].Tap.P != nil || records[3].Result.P != nil {
		t.Errorf("P was told: %+v, %v", records, err)
	}
}

func TestPendingTellsWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	got, err := term.Pending(t.Context(), "70001")
	if want := (terminal.CardPending{CardNo: "70001", PendingFen: waiting, Reasons: []string{}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("pending is %+v, %v", got, err)
	}
	_, err = term.Pending(t.Context(), "70002")
	b.want(err, terminal.ErrUnknownCard)
	var p *terminal.Problem
	if !errors.As(err, &p) || p.Status != 404 || !p.Proved {
		t.Errorf("problem is %+v", p)
	}
}

// TestSlowHubIsGivenUp hangs until the terminal hangs up.
func TestSlowHubIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Fail = func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // a server notices a hang-up only once the body is read
		<-r.Context().Done()
		return true
	}
	b.giveUp = 20 * time.Millisecond
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrGaveUp)
	b.want(err, terminal.ErrNoAnswer)
	if out.Outcome != terminal.OutcomeNoAnswer {
		t.Errorf("outcome is %+v", out)
	}
	if err := b.card.Purchase(300); err != nil {
		t.Errorf("the meal did not go on: %v", err)
	}
	b.holds(900, 3)
}

func TestGivingUpBeforeTheIntentLeavesTheCardAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.before = at(terminal.StepIntent, func() { cancel(errCable) })
	term := b.terminal()
	out, err := term.Tap(ctx, b.card)
	b.want(err, errCable)
	if out.Outcome != terminal.OutcomeAbandoned {
		t.Errorf("outcome is %+v", out)
	}
	b.holds(1200, 3)
	b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		return true
	}
	_, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrProblem)
}

func TestReadersAskWhileATapRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var term *terminal.Terminal
	b.before = func(terminal.Step) error {
		_, err := term.Pending(t.Context(), "70001")
		return err
	}
	term = b.terminal()
	var ask sync.WaitGroup
	for range 4 {
		ask.Go(func() {
			_, err := term.Pending(t.Context(), "70001")
			b.want(err, nil)
		})
	}
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	ask.Wait()
}
