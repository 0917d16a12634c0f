package terminal_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"guodu/mocks/terminal"
)

// losing loses the answer to the next n requests after the hub made it.
type losing struct {
	mu sync.Mutex
	n  int
}

var errCable = errors.New("cable cut")

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n == 0 || err != nil {
		return resp, err
	}
	l.n--
	_ = resp.Body.Close()
	return nil, errCable
}

// lose begins anew: the next n answers are lost.
func (l *losing) lose(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n = n
}

// unanswered is a terminal that got no answer to its tap: n answers are lost, that
// one first.
func (b *bench) unanswered(n int) (*terminal.Terminal, terminal.TapOutcome) {
	b.t.Helper()
	b.client = &http.Client{Transport: &losing{n: n}}
	term := b.terminal()
	out, err := term.Tap(b.t.Context(), b.card)
	b.want(err, terminal.ErrNoAnswer)
	b.want(err, errCable)
	return term, out
}

func TestLostTapAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term, first := b.unanswered(2)
	_, err := term.Retry(t.Context())
	b.want(err, terminal.ErrNoAnswer)
	b.holds(1200, 3)
	out, err := term.Retry(t.Context())
	if err != nil || out.Outcome != terminal.OutcomeWritten || out.TapID != first.TapID || out.Attempt != 1 {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	b.holds(6200, 4)
	b.wrote(term, whole()...)
	if ids := b.hub.TapIDs; len(ids) != 3 || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Errorf("taps are %v", ids)
	}
}

func TestRetryNeedsTheSamePresence(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bench) error{
		"gone":  func(b *bench) error { b.card.Leave(); return nil },
		"back":  func(b *bench) error { b.card.Leave(); _, err := b.card.Read(); return err },
		"spent": func(b *bench) error { return b.card.Purchase(100) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			term, _ := b.unanswered(1)
			if err := change(b); err != nil {
				t.Fatal(err)
			}
			out, err := term.Retry(t.Context())
			if !errors.Is(err, terminal.ErrCardGone) && !errors.Is(err, terminal.ErrCounter) || out.Outcome != terminal.OutcomeAbandoned {
				t.Errorf("retry: %+v, %v", out, err)
			}
			_, err = term.Retry(t.Context())
			b.want(err, terminal.ErrNothingToRetry)
			b.wrote(term, terminal.TapSent, terminal.TapAbandoned)
			if len(b.hub.TapIDs) != 1 {
				t.Errorf("hub saw taps %v", b.hub.TapIDs)
			}
		})
	}
}

func TestNewTapLetsTheUnansweredOneGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term, first := b.unanswered(1)
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.TapID == first.TapID || out.Load != "070002" || b.hub.Loads["070001"].State != "CANCELLED" {
		t.Errorf("outcome is %+v, %v", out, err)
	}
	b.holds(6200, 4)
	b.wrote(term, append([]terminal.RecordKind{terminal.TapSent, terminal.TapAbandoned}, whole()...)...)
}

func TestUnavailableHubIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(503)
		_, _ = w.Write([]byte(`{"type":"urn:guodu:unavailable","title":"Unavailable"}`))
		return true
	}
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrUnavailable)
	var p *terminal.Problem
	if !errors.As(err, &p) || p.RetryAfter != 2*time.Second || p.Proved {
		t.Errorf("problem is %+v", p)
	}
	b.hub.Set(func() { b.hub.Fail = nil })
	out, err := term.Retry(t.Context())
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome is %+v, %v", out, err)
	}
}
