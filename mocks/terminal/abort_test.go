package terminal_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/mocks/terminal"
)

// said fails the test unless the hub heard exactly these messages; the number of
// a load and the id of a tap are cut out.
func (b *bench) said(want ...string) {
	b.t.Helper()
	var got []string
	for _, p := range b.hub.Paths() {
		parts := strings.Split(p, "/")
		if len(parts) == 3 {
			p = parts[0] + "/" + parts[2]
		}
		got = append(got, p)
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("hub heard %v, want %v", got, want)
	}
}

// The record comes first: a hub that hears of an abort must never see the
// attempt used.
func TestAbortIsOnTheDiskBeforeItIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = dieBefore(terminal.StepAbortSend)
	term, out := b.unanswered(1)
	_, err := term.Abort(t.Context())
	b.want(err, terminal.ErrCrashed)
	b.said("taps")
	b.before = nil
	term = b.terminal()
	b.wrote(term, terminal.TapSent, terminal.TapAbandoned)
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Abandoned) != 0 || len(done.Aborted) != 1 || done.Aborted[0] != (terminal.Aborted{TapID: out.TapID, State: "CANCELLED"}) {
		t.Errorf("resume: %+v, %v", done, err)
	}
	b.said("taps", "taps/abort")
	if a := b.hub.Cards["70001"]; a.Pending != waiting || a.Open != nil {
		t.Errorf("account is %+v", a)
	}
}

func TestAbortWithoutATapIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.terminal().Abort(t.Context())
	b.want(err, terminal.ErrNothingToRetry)
}

func TestAbortKnownToTheHubIsNotSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term, _ := b.unanswered(1)
	a, err := term.Abort(t.Context())
	if err != nil || a.State != "CANCELLED" {
		t.Errorf("abort: %+v, %v", a, err)
	}
	_, err = term.Retry(t.Context())
	b.want(err, terminal.ErrNothingToRetry)
	_, err = term.Resume(t.Context())
	b.want(err, nil)
	b.want(term.Close(), nil)
	done, err := b.terminal().Resume(t.Context())
	if err != nil || len(done.Aborted) != 0 || done.Unaborted != 0 {
		t.Errorf("resume: %+v, %v", done, err)
	}
	b.said("taps", "taps/abort")
}

// The hub has the ABANDONED record itself: that ends the attempt as well.
func TestUploadedAbandonedRecordNeedsNoAbort(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = dieBefore(terminal.StepAbortSend)
	term, _ := b.unanswered(1)
	_, err := term.Abort(t.Context())
	b.want(err, terminal.ErrCrashed)
	b.before = nil
	term = b.terminal()
	_, err = term.UploadJournal(t.Context())
	b.want(err, nil)
	if l := b.hub.Loads["070001"]; l.State != "CANCELLED" {
		t.Errorf("load is %s", l.State)
	}
	_, err = term.Resume(t.Context())
	b.want(err, nil)
	b.want(term.Close(), nil)
	_, err = b.terminal().Resume(t.Context())
	b.want(err, nil)
	b.said("taps", "journal")
}

// What a card's reader or the hub says of an error is as long as it likes.
func TestReasonOfAnAbandonedTapFitsIntoItsRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := filepath.Join(t.TempDir(), strings.Repeat("食", 40), strings.Repeat("堂", 40)) // the path is in the error
	b.want(os.MkdirAll(dir, 0o700), nil)
	path := filepath.Join(dir, "card.json")
	var err error
	b.card, err = terminal.NewCard(path, theCard())
	b.want(err, nil)
	b.before = at(terminal.StepIntent, func() { b.want(os.WriteFile(path, nil, 0o600), nil) })
	term := b.terminal()
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCard)
	up, err := term.UploadJournal(t.Context())
	if err != nil || len(up.Verdicts) != 3 || up.Verdicts[2].Verdict != terminal.VerdictAccepted {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

func TestAuthorisationOfACardThatChangedIsAborted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepIntent, b.card.Leave)
	out, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCardGone)
	if out.Outcome != terminal.OutcomeAbandoned || out.Dropped == nil || out.Dropped.State != "CANCELLED" {
		t.Errorf("outcome is %+v", out)
	}
	b.said("taps", "loads/abort")
}

func TestForgedAuthorisationIsAbortedByItsTap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Authorise = func(a map[string]any) { a["terminal"] = "T2" }
	_, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrAuthorisation)
	b.said("taps", "taps/abort")
}

func TestRestartAbortsWhatWasNotBegun(t *testing.T) {
	t.Parallel()
	for step, want := range map[terminal.Step][]string{
		terminal.StepTapSend: {"taps/abort"}, terminal.StepAnswerReceived: {"taps", "taps/abort"}, terminal.StepIntent: {"taps", "loads/abort"},
	} {
		b := setup(t)
		dead := b.diesTapping(step)
		done, err := b.terminal().Resume(t.Context())
		if err != nil || len(done.Abandoned) != 1 || done.Abandoned[0] != dead.TapID || len(done.Aborted) != 1 {
			t.Errorf("%s: resume: %+v, %v", step, done, err)
		}
		b.said(want...)
		if a := b.hub.Cards["70001"]; a.Pending != waiting {
			t.Errorf("%s: account is %+v", step, a)
		}
	}
}

// What the terminal lets go because its time is up it says later: the meal does
// not wait.
func TestGivenUpLoadIsAbortedByTheNextResume(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.before = at(terminal.StepIntent, func() { cancel(errCable) })
	term := b.terminal()
	out, err := term.Tap(ctx, b.card)
	b.want(err, errCable)
	if out.Dropped != nil {
		t.Errorf("outcome is %+v", out)
	}
	b.said("taps")
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Aborted) != 1 || done.Unaborted != 0 {
		t.Errorf("resume: %+v, %v", done, err)
	}
	b.said("taps", "loads/abort")
}

func TestAbortThatTheHubCannotUseIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepIntent)
	b.hub.Set(func() { clear(b.hub.Loads) })
	term := b.terminal()
	done, err := term.Resume(t.Context())
	b.want(err, terminal.ErrUnknownLoad)
	if done.Unaborted != 0 {
		t.Errorf("resume: %+v", done)
	}
	done, err = term.Resume(t.Context())
	if err != nil || done.Unaborted != 0 {
		t.Errorf("second resume: %+v, %v", done, err)
	}
}

func TestUnavailableHubIsToldOfTheAbortLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepAbortSend, func() {
		b.hub.Set(func() {
			b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		})
	})
	term := b.terminal()
	out, err := term.TapAndAbort(t.Context(), b.card)
	b.want(err, terminal.ErrDropped)
	if out.Dropped != nil {
		t.Errorf("outcome is %+v", out)
	}
	b.hub.Set(func() { b.hub.Fail = nil })
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Aborted) != 1 {
		t.Errorf("resume: %+v, %v", done, err)
	}
}

func TestDroppedAuthorisationNeverReachesTheCard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	out, err := term.TapAndAbort(t.Context(), b.card)
	b.want(err, terminal.ErrDropped)
	if out.Outcome != terminal.OutcomeAbandoned || out.Dropped == nil || out.Dropped.State != "CANCELLED" || out.AmountFen != waiting {
		t.Errorf("outcome is %+v", out)
	}
	b.holds(1200, 3)
	b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
	b.said("taps", "loads/abort")
}

// Rule 6c: the card, unchanged, speaks against all attempts so far, also those
// of terminals that are gone.
func TestRereadEndsTheAttemptsOfOthersToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepWrite)
	b.elsewhere()
	term := b.terminal()
	out, err := term.TapAndReread(t.Context(), b.card)
	b.want(err, terminal.ErrDropped)
	if out.Attempt != 2 || out.Dropped == nil || out.Dropped.State != "CANCELLED" {
		t.Errorf("outcome is %+v", out)
	}
	b.said("taps", "taps", "loads/reread")
	b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
	if a := b.hub.Cards["70001"]; a.Pending != waiting || a.Open != nil {
		t.Errorf("account is %+v", a)
	}
}

func TestRereadOfAChangedCardEndsOnlyItsOwnAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepWrite)
	b.elsewhere()
	b.before = at(terminal.StepReread, func() { b.want(b.card.CashTopUp(100), nil) })
	out, err := b.terminal().TapAndReread(t.Context(), b.card)
	b.want(err, terminal.ErrDropped)
	if out.Dropped == nil || out.Dropped.State != "HELD" {
		t.Errorf("outcome is %+v", out)
	}
}

func TestRereadOfACardThatLeftIsAnAbort(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.before = at(terminal.StepReread, b.card.Leave)
	out, err := b.terminal().TapAndReread(t.Context(), b.card)
	b.want(err, terminal.ErrDropped)
	if out.Dropped == nil || out.Dropped.State != "CANCELLED" {
		t.Errorf("outcome is %+v", out)
	}
	b.said("taps", "loads/abort")
}

func TestRereadWithoutAnAnswerIsAnAbortLater(t *testing.T) {
	t.Parallel()
	for _, step := range []terminal.Step{terminal.StepReread, terminal.StepRereadSend, terminal.StepAborted} {
		b := setup(t)
		b.before = dieBefore(step)
		_, err := b.terminal().TapAndReread(t.Context(), b.card)
		b.want(err, terminal.ErrCrashed)
		b.before = nil
		term := b.terminal()
		b.wrote(term, terminal.TapSent, terminal.HoldReceived, terminal.TapAbandoned)
		done, err := term.Resume(t.Context())
		if err != nil || len(done.Aborted) != 1 || done.Aborted[0].State != "CANCELLED" {
			t.Errorf("%s: resume: %+v, %v", step, done, err)
		}
	}
}

// The hub doubts the first reading; the second one, of the same presence, is
// sent by itself.
func TestChallengeIsTakenUpInTheSamePresence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := int64(4)
	b.hub.Cards["70001"].L = &l // the ledger is ahead of the card: restored from a dump?
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeNone || out.Reason != "reread" || out.Reread == nil || out.Reread.Outcome != terminal.RereadConflict {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	b.said("taps", "cards/reread")
	if b.hub.Cards["70001"].Frozen != "conflict" {
		t.Error("the account is not frozen")
	}
}

func TestChallengeThatTheSecondReadingAnswersWellAgrees(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := int64(4)
	b.hub.Cards["70001"].L = &l
	d := theCard()
	d.L = 4
	b.before = at(terminal.StepChallenge, func() { b.want(b.card.Restore(d), nil) })
	out, err := b.terminal().Tap(t.Context(), b.card)
	if err != nil || out.Reread == nil || out.Reread.Outcome != terminal.RereadAgrees {
		t.Errorf("outcome is %+v, %v", out, err)
	}
}

func TestChallengeOfACardThatLeftIsNotAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := int64(4)
	b.hub.Cards["70001"].L = &l
	b.before = at(terminal.StepChallenge, b.card.Leave)
	out, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCardGone)
	if out.Outcome != terminal.OutcomeNone || out.Reread != nil {
		t.Errorf("outcome is %+v", out)
	}
	b.said("taps")
}

func TestTapThatWasRefusedForGoodIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Cards["70001"].Version = "2"
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrUnknownCard)
	_, err = term.Retry(t.Context())
	b.want(err, terminal.ErrNothingToRetry)
	b.clock.Add(time.Second)
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrUnknownCard)
	b.said("taps", "taps")
}
