package pos

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/transition"
)

func TestAListenerThatIsTooSlowIsDroppedAndNobodyWaits(t *testing.T) {
	t.Parallel()
	f := NewFeed(nil, nil, slog.New(slog.DiscardHandler))
	if _, _, err := f.join("T1"); !errors.Is(err, errListeners) {
		t.Errorf("a feed that nobody reads: %v", err)
	}
	f.start(transition.Cursor{7: 3}, 12)
	slow, params, err := f.join("slow")
	if err != nil || params != 12 || slow.at != (transition.Cursor{7: 3}) {
		t.Fatalf("joined at %v, params %d, %v", slow, params, err)
	}
	quick, _, err := f.join("quick")
	if err != nil {
		t.Fatal(err)
	}
	for n := range listenerAhead + 1 {
		f.hand(transition.Cursor{7: int64(4 + n)}, news{events: []transition.FeedEvent{{Partition: 7, N: int64(4 + n), Kind: transition.FeedPending, CardNo: "7A1"}}})
		if b := <-quick.batches; b.events[0].N != int64(4+n) {
			t.Errorf("the quick one got %+v", b)
		}
	}
	select {
	case <-slow.ended:
	default:
		t.Errorf("the slow one is not dropped with %d batches waiting", len(slow.batches))
	}
	select {
	case <-quick.ended:
		t.Error("the quick one is dropped")
	default:
	}
	// It comes back: what it did not read is before its new place, and its cursor tells.
	if again, _, err := f.join("slow"); err != nil || again.at[7] != 4+listenerAhead {
		t.Errorf("back at %v, %v", again, err)
	}
}

func TestAHubTakesABoundedNumberOfListeners(t *testing.T) {
	t.Parallel()
	f := NewFeed(nil, nil, slog.New(slog.DiscardHandler))
	f.most = 3
	f.start(transition.Cursor{}, 0)
	for i := range 3 {
		if _, _, err := f.join(fmt.Sprint("T", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := f.join("T9"); !errors.Is(err, errListeners) {
		t.Errorf("one too many: %v", err)
	}
	if _, _, err := f.join("T1"); err != nil {
		t.Errorf("one that listens already: %v", err)
	}
}

// quiet is a connection on which the time of a write is over before the next one
// comes.
type quiet struct {
	text    bytes.Buffer
	late    bool
	flushed func()
}

// Header implements http.ResponseWriter.
func (q *quiet) Header() http.Header { return http.Header{} }

// WriteHeader implements http.ResponseWriter.
func (q *quiet) WriteHeader(int) {}

// Write implements http.ResponseWriter, without a buffer, as for a text that is
// longer than one.
func (q *quiet) Write(text []byte) (int, error) {
	if q.late {
		return 0, os.ErrDeadlineExceeded
	}
	return q.text.Write(text)
}

// SetWriteDeadline is what http.ResponseController calls.
func (q *quiet) SetWriteDeadline(at time.Time) error {
	q.late = time.Until(at) < writeLimit/2
	return nil
}

// Flush implements http.Flusher.
func (q *quiet) Flush() {
	q.late = true
	q.flushed()
}

func TestAFeedOutlivesTheTimeInWhichNothingWasToBeTold(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	f := NewFeed(nil, nil, log)
	f.start(transition.Cursor{7: 3}, 0)
	l, _, err := f.join("T1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := 0
	conn := &quiet{flushed: func() {
		told++
		if told == 3 { // the greeting and two batches
			cancel()
			return
		}
		n := int64(3 + told)
		f.hand(transition.Cursor{7: n}, news{events: []transition.FeedEvent{{Partition: 7, N: n, Kind: transition.FeedPending, CardNo: "7A1"}}})
	}}
	h := NewHandler(Config{Key: key, Log: log, Feed: f})
	c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/pos/v1/feed", nil), conn)
	to := Signed{Terminal: Terminal{ID: "T1", Algorithm: Ed25519}, Nonce: "n"}
	err = h.stream(c, to, func(w io.Writer, flush func() error) error { return h.listen(call{ctx: ctx}, l, news{}, w, flush) })
	if text := conn.text.String(); err != nil || told != 3 || !strings.Contains(text, "id: 7:4\n") || !strings.Contains(text, "id: 7:5\n") {
		t.Errorf("after %d flushes, %v, it told\n%s", told, err, text)
	}
}
