package terminal_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guodu/mocks/terminal"
)

func TestUnusableOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*terminal.Options){
		"no id":         func(o *terminal.Options) { o.ID = "" },
		"long id":       func(o *terminal.Options) { o.ID = strings.Repeat("T", 33) },
		"id with quote": func(o *terminal.Options) { o.ID = `T"1` },
		"no key":        func(o *terminal.Options) { o.Key = nil },
		"no hub key":    func(o *terminal.Options) { o.HubKey = o.HubKey[:31] },
		"no base url":   func(o *terminal.Options) { o.BaseURL = "" },
		"url with path": func(o *terminal.Options) { o.BaseURL += "/pos" },
		"url of a file": func(o *terminal.Options) { o.BaseURL = "file://host" },
		"no dir":        func(o *terminal.Options) { o.Dir = "" },
	} {
		o := setup(t).options()
		spoil(&o)
		if _, err := terminal.New(o); !errors.Is(err, terminal.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := setup(t).options()
	o.Dir = filepath.Join(o.Dir, "none")
	if _, err := terminal.New(o); !errors.Is(err, terminal.ErrJournal) {
		t.Errorf("directory that is not there: %v", err)
	}
}

func TestEmptyRandomSourceIsAnErrorAndNotAWeakNonce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.options()
	o.Rand = strings.NewReader("short")
	term, err := terminal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrOptions)
	b.want(term.Close(), nil)
}

func TestClosedTerminalDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	b.want(term.Close(), nil)
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrClosed)
	_, err = term.Retry(t.Context())
	b.want(err, terminal.ErrClosed)
	_, err = term.Resume(t.Context())
	b.want(err, terminal.ErrClosed)
	_, err = term.Pending(t.Context(), "70001")
	b.want(err, terminal.ErrClosed)
	_, err = term.Raw(t.Context(), tapRequest(t))
	b.want(err, terminal.ErrClosed)
}

func TestProblemIsItsSentinel(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]error{
		"400 malformed": terminal.ErrMalformed, "401 signature": terminal.ErrSignature, "401 replay": terminal.ErrReplay,
		"404 unknown-card": terminal.ErrUnknownCard, "404 unknown-load": terminal.ErrUnknownLoad,
		"409 tap-conflict": terminal.ErrTapConflict, "409 card-mismatch": terminal.ErrCardMismatch,
		"409 load-mismatch": terminal.ErrLoadMismatch, "413 too-large": terminal.ErrTooLarge,
		"503 unavailable": terminal.ErrUnavailable, "500 internal": terminal.ErrInternal,
		"401 unknown-card": terminal.ErrProblem, "418 teapot": terminal.ErrProblem,
	} {
		b := setup(t)
		var status int
		var kind string
		if _, err := fmt.Sscan(line, &status, &kind); err != nil {
			t.Fatal(err)
		}
		b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"type":"urn:guodu:%s","title":"T","detail":"D","instance":"line-7"}`, kind)
			return true
		}
		_, err := b.terminal().Tap(t.Context(), b.card)
		b.want(err, want)
		var p *terminal.Problem
		if !errors.As(err, &p) || p.Status != status || p.Type != "urn:guodu:"+kind || p.Title != "T" || p.Detail != "D" || p.Instance != "line-7" {
			t.Errorf("%s: problem is %+v", line, p)
		}
	}
}

func TestRefusalThatIsNoProblemDocumentIsStillAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, `{"type":"urn:guodu:replay"}`, http.StatusBadGateway)
		return true
	}
	_, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrProblem)
	var p *terminal.Problem
	if !errors.As(err, &p) || p.Type != "about:blank" || p.Title != "Bad Gateway" {
		t.Errorf("problem is %+v", p)
	}
}

func TestEndlessAnswerIsCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write(make([]byte, 70<<10))
		return true
	}
	_, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrNoAnswer)
}

// TestFailingDiskStopsTheLoad makes the journal's file unwritable under the
// terminal by closing it, as close as a test gets to a full disk.
func TestFailingDiskStopsTheLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var term *terminal.Terminal
	b.before = at(terminal.StepIntent, func() { b.want(term.Journal().Close(), nil) })
	term = b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrJournal)
	b.holds(1200, 3)
	if _, err := os.Stat(filepath.Join(b.dir, "journal.jsonl")); err != nil {
		t.Error(err)
	}
}
