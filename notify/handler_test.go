package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"guodu/channels"
	"guodu/internal/refusal"
	"guodu/notify"
)

// fakeNotifier parses to what it was told, and answers with the verdict's name.
type fakeNotifier struct {
	payment channels.Payment
	err     error
	bodies  int
}

func (f *fakeNotifier) ParseNotify(_ context.Context, _ http.Header, body []byte) (channels.Payment, error) {
	f.bodies++
	return f.payment, f.err
}

func (f *fakeNotifier) Answer(w http.ResponseWriter, v channels.Verdict) { fmt.Fprint(w, v) }

// settleFunc is a Settler.
type settleFunc func(channels.Payment, string) (channels.Outcome, error)

func (f settleFunc) Settle(_ context.Context, p channels.Payment, source string) (channels.Outcome, error) {
	return f(p, source)
}

func TestCallbackVerdicts(t *testing.T) {
	payment := channels.Payment{OrderNo: "N1", TransactionID: "T1", State: channels.Paid}
	for name, tc := range map[string]struct {
		parse   error
		settle  error
		body    []byte
		want    channels.Verdict
		settled int
		parsed  int
	}{
		"settled":                     {want: channels.Accepted, settled: 1, parsed: 1},
		"not authentic":               {parse: fmt.Errorf("x: %w", channels.ErrNotice), want: channels.NotAuthentic, parsed: 1},
		"cannot be read":              {parse: fmt.Errorf("x: %w", channels.ErrMalformed), want: channels.Unreadable, parsed: 1},
		"of another kind":             {parse: fmt.Errorf("x: %w", channels.ErrNotOurs), want: channels.Unreadable, parsed: 1},
		"too large for the channel":   {parse: fmt.Errorf("x: %w", channels.ErrTooLarge), want: channels.TooLarge, parsed: 1},
		"unforeseen":                  {parse: errors.New("x"), want: channels.TryAgain, parsed: 1},
		"not durable":                 {settle: errors.New("redis is down"), want: channels.TryAgain, settled: 1, parsed: 1},
		"ten megabytes, never parsed": {body: bytes.Repeat([]byte("a"), 10<<20), want: channels.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			channel := &fakeNotifier{payment: payment, err: tc.parse}
			settled := 0
			settler := settleFunc(func(p channels.Payment, source string) (channels.Outcome, error) {
				settled++
				if p.OrderNo != "N1" || source != "callback" {
					t.Errorf("settled %+v from %q", p, source)
				}
				return "credited", tc.settle
			})
			h := notify.NewHandler(notify.HandlerConfig{Channel: "x", Log: slog.New(slog.DiscardHandler)}, channel, settler)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/notify/x", bytes.NewReader(tc.body)))
			if got := w.Body.String(); got != tc.want.String() {
				t.Errorf("answer %q, want %q", got, tc.want)
			}
			if settled != tc.settled || channel.bodies != tc.parsed {
				t.Errorf("settled %d times, parsed %d; want %d and %d", settled, channel.bodies, tc.settled, tc.parsed)
			}
		})
	}
}

// hurried is a settler that wants to know by when it must be done.
type hurried struct{ left time.Duration }

func (h *hurried) Settle(ctx context.Context, _ channels.Payment, _ string) (channels.Outcome, error) {
	until, bounded := ctx.Deadline()
	if bounded {
		h.left = time.Until(until)
	}
	return "", context.DeadlineExceeded
}

// Both channels hang up after five seconds and send again; an answer that nobody
// hears any more is worth nothing.
func TestASettlementEndsBeforeTheChannelHangsUp(t *testing.T) {
	settler := &hurried{}
	h := notify.NewHandler(notify.HandlerConfig{Channel: "x", Log: slog.New(slog.DiscardHandler)}, &fakeNotifier{}, settler)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/notify/x", http.NoBody))
	if settler.left <= 0 || settler.left > 4*time.Second {
		t.Errorf("a settlement has %s, want some, and less than the channel's 5 s", settler.left)
	}
	if got := w.Body.String(); got != channels.TryAgain.String() {
		t.Errorf("one that ran out of time is answered %q", got)
	}
}

func TestCallbackLogIsBoundedAndNamesTheVerdict(t *testing.T) {
	var log strings.Builder
	channel := &fakeNotifier{payment: channels.Payment{OrderNo: strings.Repeat("9", 5000)}, err: channels.ErrNotice}
	h := notify.NewHandler(notify.HandlerConfig{Channel: "x", Log: slog.New(slog.NewTextHandler(&log, nil))}, channel, settleFunc(nil))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", http.NoBody))
	if !strings.Contains(log.String(), "verdict=not_authentic") || log.Len() > 600 {
		t.Errorf("log line of %d bytes: %s", log.Len(), log.String())
	}
}

// TestAProbeIsARefusalWithAReasonOfItsOwn: the channel sends them now and then, and
// anybody can send what looks like one.
func TestAProbeIsARefusalWithAReasonOfItsOwn(t *testing.T) {
	for err, reason := range map[error]string{
		fmt.Errorf("%w: %w", channels.ErrNotice, channels.ErrProbe): "reason=probe",
		channels.ErrNotice: "reason=signature",
	} {
		var log strings.Builder
		h := notify.NewHandler(notify.HandlerConfig{Channel: "x", Log: slog.New(slog.NewTextHandler(&log, nil))},
			&fakeNotifier{err: err}, settleFunc(func(channels.Payment, string) (channels.Outcome, error) {
				t.Error("it was settled")
				return "", nil
			}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
		if w.Body.String() != "not_authentic" || !strings.Contains(log.String(), reason) {
			t.Errorf("%v: answered %q, logged %s", err, w.Body, log.String())
		}
	}
}

func TestAFloodOfForgedCallbacksIsCountedAndLogsLittle(t *testing.T) {
	var log strings.Builder
	registry := prometheus.NewRegistry()
	h := notify.NewHandler(notify.HandlerConfig{
		Channel: "x", Log: slog.New(slog.DiscardHandler),
		Refusals: refusal.New(refusal.Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Registry: registry}),
	}, &fakeNotifier{err: channels.ErrNotice}, settleFunc(nil))
	for range 1000 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", http.NoBody))
	}
	err := testutil.GatherAndCompare(registry, strings.NewReader(`# HELP guodu_refusals_total Requests that were refused, by door and reason.
# TYPE guodu_refusals_total counter
guodu_refusals_total{door="callback",reason="signature"} 1000
`))
	if err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "\n"); n < 1 || n > 30 {
		t.Errorf("%d lines in the log", n)
	}
}
