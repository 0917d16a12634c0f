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
	// batchMost is how many notices are kept at once, and batchWait how long the
	// first of them waits for others.
	batchMost = 64
	batchWait = 5 * time.Millisecond
	// keepTime bounds the keeping of one batch.
	keepTime = 500 * time.Millisecond
	// lastTime bounds the keeping of those that wait when a hub ends.
	lastTime = time.Second
	// quiet is the least time between two complaints about lost notices.
	quiet = 10 * time.Second
)

// Batch is notices that are kept at once.
type Batch struct {
	Notices []Notice
	Lost    int64 // how many were lost since the last batch that was kept
}

// Keeper is where notices are kept.
type Keeper interface {
	// Keep keeps a batch whole, or not at all.
	Keep(ctx context.Context, b Batch) error
}

// Recorder is a Journal that hands notices to a Keeper, in batches and the
// authentic ones first. While the Keeper is slow or away, what does not fit its
// queues is dropped. Whatever is lost is counted, told with the next batch, and
// said in the log.
type Recorder struct {
	keeper          Keeper
	log             *slog.Logger
	proven, refused chan Notice
	lost            atomic.Int64

	// These are of the goroutine that runs.
	told   int64     // of lost, what the Keeper knows
	said   int64     // of lost, what the log knows
	losing bool      // the log has said so
	saidAt time.Time // when it did
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
	batch := r.gather(ctx)
	for ctx.Err() == nil {
		r.keep(ctx, batch)
		batch = r.gather(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	for batch = r.waiting(batch); len(batch) > 0 && last.Err() == nil; batch = r.waiting(nil) {
		r.keep(last, batch)
	}
	r.lost.Add(int64(len(batch) + len(r.proven) + len(r.refused)))
}

// gather waits for a notice, and then a moment for others.
func (r *Recorder) gather(ctx context.Context) []Notice {
	var first Notice
	select {
	case first = <-r.proven:
	case first = <-r.refused:
	case <-ctx.Done():
		return nil
	}
	moment := time.NewTimer(batchWait)
	defer moment.Stop()
	batch := []Notice{first}
	for len(batch) < batchMost {
		select {
		case n := <-r.proven:
			batch = append(batch, n)
		case <-moment.C:
			return r.waiting(batch)
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// waiting fills a batch with what waits already.
func (r *Recorder) waiting(batch []Notice) []Notice {
	for len(batch) < batchMost {
		select {
		case n := <-r.proven:
			batch = append(batch, n)
			continue
		default:
		}
		select {
		case n := <-r.refused:
			batch = append(batch, n)
		default:
			return batch
		}
	}
	return batch
}

func (r *Recorder) keep(ctx context.Context, batch []Notice) {
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	for i := range batch {
		batch[i].complete()
	}
	lost := r.lost.Load()
	err := r.keeper.Keep(ctx, Batch{batch, lost - r.told})
	if err == nil {
		r.told = lost
	} else {
		r.lost.Add(int64(len(batch)))
	}
	r.say(err)
}

// say says in the log when notices begin to be lost and when they are kept again.
func (r *Recorder) say(err error) {
	lost := r.lost.Load()
	losing := err != nil || lost > r.said
	now := time.Now()
	if losing == r.losing || losing && now.Sub(r.saidAt) < quiet {
		r.said = lost
		return
	}
	r.log.Warn("notices of callbacks", "kept", !losing, "lost", lost, "error", text(err))
	r.losing, r.said = losing, lost
	if losing {
		r.saidAt = now
	}
}
