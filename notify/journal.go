package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"guodu/channels"
)

// Notice is what is kept of one callback, for people. Nothing is ever decided by
// it.
type Notice struct {
	At      time.Time
	Channel string
	Kind    string // KindPayment or KindRefund
	// Authentic says that the channel signed it, whatever became of it then.
	Authentic bool
	Verdict   string // what it was answered
	Outcome   string // what became of it, "" if nothing did
	Order     string // these three as far as it was read
	Refund    string
	Txn       string
	Error     string
	Bytes     int    // of the body, as far as it was received
	SHA256    string // of the same
	channels.Excerpt

	excerpt func() channels.Excerpt // nil for a channel that says nothing of what may be kept
	body    []byte
}

// The kinds of callback.
const (
	KindPayment = "payment"
	KindRefund  = "refund"
)

// complete does the work that a callback's answer does not wait for.
func (n *Notice) complete() {
	sum := sha256.Sum256(n.body)
	n.Bytes, n.SHA256 = len(n.body), hex.EncodeToString(sum[:])
	defer func() {
		// A body that cannot be read for people costs its excerpt, not the process.
		if recover() != nil {
			n.Excerpt = channels.Excerpt{}
		}
		n.excerpt, n.body = nil, nil
	}()
	if n.excerpt != nil {
		n.Excerpt = n.excerpt()
	}
}

// Journal takes note of callbacks.
type Journal interface {
	// Note keeps a notice, or loses it. It never waits.
	Note(n Notice)
}

// raw is what was received, for the notice of it.
func raw(channel any, header http.Header, body []byte, authentic bool) Notice {
	n := Notice{Authentic: authentic, body: body}
	if e, ok := channel.(channels.Excerpter); ok {
		n.excerpt = func() channels.Excerpt { return e.Excerpt(header, body, authentic) }
	}
	return n
}

const (
	// provenQueue and refusedQueue bound the notices that wait to be kept. They
	// wait apart, so that junk never takes the place of what a channel signed.
	// At bodyMax each that is at most 20 MiB.
	provenQueue  = 256
	refusedQueue = 64
	// keepTime bounds the keeping of one notice.
	keepTime = 500 * time.Millisecond
	// lastTime bounds the keeping of those that wait when a hub ends.
	lastTime = time.Second
)

// Keeper is where notices are kept.
type Keeper interface {
	Keep(ctx context.Context, n Notice) error
}

// Recorder is a Journal that hands notices to a Keeper, one after the other and
// the authentic ones first. While the Keeper is slow or away, what does not fit
// its queues is dropped and counted.
type Recorder struct {
	keeper          Keeper
	log             *slog.Logger
	proven, refused chan Notice
	lost            atomic.Int64
	failing         bool // of the goroutine that runs
}

// NewRecorder returns a Recorder. Its Run has to run for anything to be kept.
func NewRecorder(keeper Keeper, log *slog.Logger) *Recorder {
	return &Recorder{keeper: keeper, log: log, proven: make(chan Notice, provenQueue), refused: make(chan Notice, refusedQueue)}
}

// Note implements Journal.
func (r *Recorder) Note(n Notice) {
	queue := r.refused
	if n.Authentic {
		queue = r.proven
	}
	select {
	case queue <- n:
	default:
		r.lost.Add(1)
	}
}

// Lost is how many notices were dropped or could not be kept.
func (r *Recorder) Lost() int64 { return r.lost.Load() }

// Run keeps what is noted until ctx ends, and then what waits, for a second at
// most.
func (r *Recorder) Run(ctx context.Context) {
	for {
		n, ok := r.next(ctx)
		if !ok {
			break
		}
		r.keep(ctx, n)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	for len(r.proven)+len(r.refused) > 0 && last.Err() == nil {
		n, _ := r.next(last)
		r.keep(last, n)
	}
}

// next waits for a notice; false is the end.
func (r *Recorder) next(ctx context.Context) (Notice, bool) {
	select {
	case n := <-r.proven:
		return n, true
	default:
	}
	select {
	case n := <-r.proven:
		return n, true
	case n := <-r.refused:
		return n, true
	case <-ctx.Done():
		return Notice{}, false
	}
}

func (r *Recorder) keep(ctx context.Context, n Notice) {
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	n.complete()
	err := r.keeper.Keep(ctx, n)
	if err != nil {
		r.lost.Add(1)
	}
	failing := err != nil
	if failing != r.failing {
		r.log.Warn("notices of callbacks", "kept", !failing, "lost", r.lost.Load(), "error", text(err))
	}
	r.failing = failing
}
