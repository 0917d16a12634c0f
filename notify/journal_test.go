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
	"testing/synctest"
	"time"

	"guodu/channels"
	"guodu/notify"
)

// shelf is a Keeper that is slow, away or well.
type shelf struct {
	takes time.Duration
	err   error
	kept  []notify.Notice
	lost  int64 // as it was told
	calls int
}

func (s *shelf) Keep(ctx context.Context, b notify.Batch) error {
	s.calls++
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.err == nil {
		s.kept, s.lost = append(s.kept, b.Notices...), s.lost+b.Lost
	}
	return s.err
}

// recorded runs do with a Recorder over the shelf, on the clock of a bubble, and
// returns the Recorder after its end.
func recorded(t *testing.T, s *shelf, log *slog.Logger, do func(*notify.Recorder)) *notify.Recorder {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := notify.NewRecorder(s, log)
	done := make(chan struct{})
	go func() {
		r.Run(ctx)
		close(done)
	}()
	do(r)
	synctest.Wait()
	stop()
	<-done
	return r
}

// told is a notifier that says what may be kept.
type told struct{ fakeNotifier }

func (*told) Excerpt(http.Header, []byte, bool) channels.Excerpt {
	return channels.Excerpt{Body: "excerpt", Headers: map[string]string{"X": "1"}}
}

func TestEachCallbackIsNotedWithItsVerdict(t *testing.T) {
	unproven := fmt.Errorf("%w (%w)", channels.ErrMalformed, channels.ErrUnproven)
	for name, tc := range map[string]struct {
		parse, settle error
		body          []byte
		authentic     bool
		verdict       string
	}{
		"settled":                 {authentic: true, verdict: "accepted"},
		"not durable":             {settle: errors.New("redis is down"), authentic: true, verdict: "try_again"},
		"cannot be read":          {parse: channels.ErrMalformed, authentic: true, verdict: "unreadable"},
		"of another kind":         {parse: channels.ErrNotOurs, authentic: true, verdict: "unreadable"},
		"of no form, unverified":  {parse: unproven, verdict: "unreadable"},
		"forged":                  {parse: channels.ErrNotice, verdict: "not_authentic"},
		"too large, never parsed": {body: bytes.Repeat([]byte("a"), 1<<20), verdict: "too_large"},
		"unforeseen":              {parse: errors.New("x"), verdict: "try_again"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{}
			discard := slog.New(slog.DiscardHandler)
			body := tc.body
			if body == nil {
				body = []byte("hello")
			}
			recorded(t, s, discard, func(r *notify.Recorder) {
				h := notify.NewHandler(notify.HandlerConfig{Channel: "wechat", Log: discard, Journal: r},
					&told{fakeNotifier{payment: channels.Payment{OrderNo: "N1", TransactionID: "T1"}, err: tc.parse}},
					settleFunc(func(channels.Payment, string) (channels.Outcome, error) { return "credited", tc.settle }))
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
			})
			if len(s.kept) != 1 {
				t.Fatalf("%s: kept %d notices", name, len(s.kept))
			}
			n := s.kept[0]
			if n.Channel != "wechat" || n.Kind != "payment" || n.Authentic != tc.authentic || n.Verdict != tc.verdict || n.Body != "excerpt" {
				t.Errorf("%s: kept %+v", name, n)
			}
			if n.Authentic && tc.parse == nil && (n.Order != "N1" || n.Txn != "T1" || n.Bytes != 5 || !strings.HasPrefix(n.SHA256, "2cf24dba")) {
				t.Errorf("%s: kept %+v", name, n)
			}
		})
	}
}

// broken is a channel that cannot say what of a callback may be kept.
type broken struct{ fakeNotifier }

func (*broken) Excerpt(http.Header, []byte, bool) channels.Excerpt { panic("unforeseen") }

func TestACallbackThatCannotBeExcerptedIsNotedWithoutItsBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		discard := slog.New(slog.DiscardHandler)
		recorded(t, s, discard, func(r *notify.Recorder) {
			h := notify.NewHandler(notify.HandlerConfig{Channel: "x", Log: discard, Journal: r}, &broken{},
				settleFunc(func(channels.Payment, string) (channels.Outcome, error) { return "credited", nil }))
			for range 2 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader("hello")))
			}
		})
		if len(s.kept) != 2 || s.kept[0].Bytes != 5 || s.kept[0].Body != "" || s.kept[0].Outcome != "credited" {
			t.Errorf("kept %+v", s.kept)
		}
	})
}

func TestAJournalThatHangsDelaysNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{takes: time.Hour}
		var log strings.Builder
		begin := time.Now()
		r := recorded(t, s, slog.New(slog.NewTextHandler(&log, nil)), func(r *notify.Recorder) {
			h := notify.NewHandler(notify.HandlerConfig{Channel: "x", Log: slog.New(slog.DiscardHandler), Journal: r},
				&fakeNotifier{}, settleFunc(func(channels.Payment, string) (channels.Outcome, error) { return "credited", nil }))
			for range 1000 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
				if w.Body.String() != "accepted" {
					t.Fatalf("answered %q", w.Body)
				}
			}
			if waited := time.Since(begin); waited != 0 {
				t.Errorf("1000 answers waited %v for the journal", waited)
			}
		})
		if len(s.kept) != 0 || r.Lost() < 700 {
			t.Errorf("kept %d, lost %d of 1000", len(s.kept), r.Lost())
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("it says so %d times, want once:\n%s", n, log.String())
		}
		if ended := time.Since(begin); ended > 2*time.Second {
			t.Errorf("the recorder ended after %v", ended)
		}
	})
}

func TestJunkTakesNoPlaceOfWhatAChannelSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{takes: 10 * time.Millisecond}
		recorded(t, s, slog.New(slog.DiscardHandler), func(r *notify.Recorder) {
			for range 10_000 {
				r.Note(notify.Notice{})
			}
			for range 20 {
				r.Note(notify.Notice{Authentic: true})
			}
			<-time.After(30 * s.takes) // on the clock of the bubble
		})
		proven := 0
		for _, n := range s.kept[:min(25, len(s.kept))] {
			if n.Authentic {
				proven++
			}
		}
		if proven != 20 {
			t.Errorf("%d of 20 authentic notices are among the first 25 of %d kept", proven, len(s.kept))
		}
		if len(s.kept) > 20+64+2 {
			t.Errorf("%d notices were kept, more than the queues hold", len(s.kept))
		}
	})
}

func TestARecorderSaysWhenItKeepsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{err: errors.New("redis is away")}
		var log strings.Builder
		recorded(t, s, slog.New(slog.NewTextHandler(&log, nil)), func(r *notify.Recorder) {
			for _, err := range []error{s.err, s.err, nil, nil} {
				s.err = err
				r.Note(notify.Notice{Authentic: true})
				<-time.After(time.Second) // on the clock of the bubble
				synctest.Wait()           // its Keep has ended before the next one may see another error
			}
		})
		if s.lost != 2 {
			t.Errorf("the keeper was told of %d lost ones, want 2", s.lost)
		}
		if strings.Count(log.String(), "\n") != 2 || !strings.Contains(log.String(), "redis is away") || !strings.Contains(log.String(), "kept=true lost=2") {
			t.Errorf("the log says:\n%s", log.String())
		}
	})
}

// TestNoticesAreKeptTogether: each batch is one round trip.
func TestNoticesAreKeptTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{takes: time.Millisecond}
		r := recorded(t, s, slog.New(slog.DiscardHandler), func(r *notify.Recorder) {
			for range 200 {
				r.Note(notify.Notice{Authentic: true})
			}
			<-time.After(time.Second) // on the clock of the bubble
		})
		if len(s.kept) != 200 || s.calls > 5 || r.Lost() != 0 {
			t.Errorf("%d notices were kept in %d batches, %d lost", len(s.kept), s.calls, r.Lost())
		}
	})
}

// TestEveryLostNoticeIsCountedAndTold: those that found no place in a queue, too.
func TestEveryLostNoticeIsCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{takes: 10 * time.Millisecond}
		var log strings.Builder
		r := recorded(t, s, slog.New(slog.NewTextHandler(&log, nil)), func(r *notify.Recorder) {
			for range 5 {
				for range 1000 {
					r.Note(notify.Notice{Authentic: true})
				}
				<-time.After(time.Second) // on the clock of the bubble
			}
			r.Note(notify.Notice{Authentic: true})
			<-time.After(time.Minute)
		})
		if r.Lost() == 0 || int64(len(s.kept))+r.Lost() != 5001 || s.lost != r.Lost() {
			t.Errorf("kept %d, lost %d, told %d of 5001", len(s.kept), r.Lost(), s.lost)
		}
		if n := strings.Count(log.String(), "\n"); n < 2 || n > 6 || !strings.Contains(log.String(), "kept=false") {
			t.Errorf("the log has %d lines:\n%s", n, log.String())
		}
	})
}
