package terminal_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// seqs are the numbers of the messages to paths that end like this.
func (b *bench) seqs(suffix string) []string {
	b.t.Helper()
	var out []string
	b.hub.Set(func() {
		for _, m := range b.hub.Messages {
			if strings.HasSuffix(m.Path, suffix) {
				out = append(out, m.Seq)
			}
		}
	})
	return out
}

func TestMessagesAreCountedFromOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.signedIn()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, nil)
	var got []string
	for _, m := range b.hub.Messages {
		got = append(got, m.Seq)
	}
	if want := []string{"1.1", "1.2", "1.3"}; !slices.Equal(got, want) {
		t.Errorf("numbers are %v, want %v", got, want)
	}
}

func TestReadingHasNoNumber(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	r, err := term.Build(t.Context(), terminal.Request{Method: http.MethodGet, Path: "/pos/v1/cards/70001/pending"})
	if err != nil || r.Header.Get("Terminal-Seq") != "" || strings.Contains(r.Header.Get("Signature-Input"), "terminal-seq") {
		t.Errorf("headers are %v, %v", r.Header, err)
	}
}

func TestRepeatsKeepTheirNumberAndTheirBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cut := &losing{n: 1}
	b.client = &http.Client{Transport: cut}
	b.before = at(terminal.StepResultSend, func() { cut.lose(2) })
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrNoAnswer)
	_, err = term.Retry(t.Context())
	b.want(err, terminal.ErrNoAnswer)
	_, err = term.Resume(t.Context())
	b.want(err, terminal.ErrNoAnswer)
	b.want(term.Close(), nil)
	_, err = b.terminal().Resume(t.Context()) // after a restart
	b.want(err, nil)
	if got := b.seqs("/taps"); len(got) != 2 || got[0] != got[1] {
		t.Errorf("taps have the numbers %v", got)
	}
	if got := b.seqs("/result"); len(got) != 3 || got[0] != got[1] || got[1] != got[2] {
		t.Errorf("results have the numbers %v", got)
	}
}

func TestAbortOfALostTapKeepsItsNumberOverARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term, _ := b.unanswered(2)
	_, err := term.Abort(t.Context())
	b.want(err, terminal.ErrNoAnswer)
	b.want(term.Close(), nil)
	done, err := b.terminal().Resume(t.Context())
	if err != nil || len(done.Aborted) != 1 || done.Aborted[0].State != "CANCELLED" {
		t.Errorf("resume: %+v, %v", done, err)
	}
	if got := b.seqs("/abort"); len(got) != 2 || got[0] != got[1] {
		t.Errorf("aborts have the numbers %v", got)
	}
}

// TestNoNumberIsUsedTwiceAcrossCrashes restarts the terminal without a warning.
func TestNoNumberIsUsedTwiceAcrossCrashes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	used := map[string]bool{}
	last := int64(0)
	for range 4 {
		term := b.terminal()
		for range 70 { // more than one block
			r, err := term.Build(t.Context(), terminal.Request{Method: http.MethodPost, Path: "/pos/v1/heartbeat"})
			if err != nil {
				t.Fatal(err)
			}
			text := r.Header.Get("Terminal-Seq")
			seq, err := strconv.ParseInt(strings.TrimPrefix(text, "1."), 10, 64)
			if err != nil || used[text] || seq <= last {
				t.Fatalf("number %s after %d, %v", text, last, err)
			}
			used[text], last = true, seq
		}
		b.want(term.Journal().Close(), nil) // as it dies
	}
}

func TestSignInGoesOnAboveWhatTheHubHasSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.signedIn()
	// The disk is put back: the terminal no longer knows that it used numbers.
	b.want(os.Remove(filepath.Join(b.dir, "numbers.json")), nil)
	b.hub.Set(func() { b.hub.Off["reuse"] = true }) // the sign-in itself cannot know better
	for range 200 {
		_, err := term.Heartbeat(t.Context())
		b.want(err, nil)
	}
	b.want(term.Close(), nil)
	b.want(os.Remove(filepath.Join(b.dir, "numbers.json")), nil)
	term = b.signedIn()
	b.hub.Set(func() { b.hub.Off["reuse"] = false })
	_, err := term.Heartbeat(t.Context())
	b.want(err, nil)
	if got := b.seqs("/heartbeat"); got[len(got)-1] != "1.202" {
		t.Errorf("the last number is %s", got[len(got)-1])
	}
}

// A number that fell out of the hub's window would never be taken again.
func TestResultThatWaitedTooLongGetsAFreshNumber(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepResultSend)
	term := b.terminal()
	for range 1000 {
		_, err := term.Build(t.Context(), terminal.Request{Method: http.MethodPost, Path: "/pos/v1/heartbeat"})
		b.want(err, nil)
	}
	_, err := term.Resume(t.Context())
	b.want(err, nil)
	if got := b.seqs("/result"); len(got) != 1 || got[0] == "1.2" {
		t.Errorf("result has the number %v", got)
	}
}

func TestFactoryResetRaisesTheEpochAndForgetsAllElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.signedIn()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, nil)
	_, err = term.UploadJournal(t.Context())
	b.want(err, nil)
	b.want(term.Close(), nil)
	b.want(terminal.FactoryReset(b.dir, false), nil)
	term = b.terminal()
	if m := term.Memory(); m.Epoch != 2 || m.BusinessDay != "" || m.Watermarks != (terminal.Watermarks{Epoch: 2}) {
		t.Errorf("memory is %+v", m)
	}
	b.wrote(term)
	b.card.Leave()
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, nil)
	if got := b.seqs("/taps"); got[len(got)-1] != "2.1" {
		t.Errorf("numbers are %v", got)
	}
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Watermarks.Epoch != 2 || len(up.Verdicts) != 1 || up.Verdicts[0] != (terminal.Verdict{Seq: 1, Verdict: "accepted"}) {
		t.Errorf("upload %+v, %v", up, err)
	}
}

func TestDamagedNumbersAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", `{"epoch":0,"reserved":1}`, `{"epoch":1,"reserved":-1}`} {
		b := setup(t)
		b.want(os.WriteFile(filepath.Join(b.dir, "numbers.json"), []byte(text), 0o600), nil)
		if _, err := terminal.New(b.options()); !errors.Is(err, terminal.ErrJournal) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSmallTerminalLoadsTheCard(t *testing.T) {
	t.Parallel()
	b := setupSmall(t)
	term := b.signedIn()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten || out.Receipt.State != "CONFIRMED" {
		t.Errorf("outcome %+v, %v", out, err)
	}
	b.holds(6200, 4)
}

// An HMAC terminal shares its secret with the hub alone: an answer that the hub
// signed for everybody, or under another id, is not for it.
func TestSmallTerminalBelievesOnlyItsOwnSecret(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*terminaltest.Hub){
		"the hub's key":     func(h *terminaltest.Hub) { h.Devices["T1"].Key = nil; h.Claims = `;created=1795406403;keyid="hub"` },
		"another's id":      func(h *terminaltest.Hub) { h.Claims = `;created=1795406403;keyid="T2"` },
		"signature altered": func(h *terminaltest.Hub) { h.Status = 201 },
	} {
		b := setupSmall(t)
		spoil(b.hub)
		_, err := b.terminal().Tap(t.Context(), b.card)
		if !errors.Is(err, terminal.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
		b.holds(1200, 3)
	}
}
