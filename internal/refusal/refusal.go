package refusal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	// lines is how many refusals of one kind are logged a second, and burst how
	// many at once.
	lines = 1
	burst = 10
	// rest is when the number of unlogged refusals is logged at the latest.
	rest = 10 * time.Second
)

// Log notes refusals. It is safe for concurrent use; nil notes nothing.
type Log struct {
	log    *slog.Logger
	key    []byte
	counts *prometheus.CounterVec

	mu    sync.Mutex
	kinds map[kind]*flow
}

type kind struct{ door, reason string }

// flow is how much of a kind is logged.
type flow struct {
	limit    *rate.Limiter
	unlogged int
}

// Config is what a Log is made of.
type Config struct {
	Log      *slog.Logger
	Registry prometheus.Registerer // nil counts nowhere
	Key      []byte                // of Hash; secret, the same in all hubs of a campus
}

// New returns a Log.
func New(c Config) *Log {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "guodu_refusals_total", Help: "Requests that were refused, by door and reason.",
	}, []string{"door", "reason"})
	if c.Registry != nil {
		c.Registry.MustRegister(counts)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Log{log: c.Log, key: c.Key, counts: counts, kinds: map[kind]*flow{}}
}

// Note takes note of one refusal. attrs are those of slog, and hold no secret,
// no password and no full payer id.
func (l *Log) Note(ctx context.Context, door, reason string, attrs ...any) {
	if l == nil {
		return
	}
	l.counts.WithLabelValues(door, reason).Inc()
	unlogged, log := l.take(kind{door, reason})
	if !log {
		return
	}
	all := append([]any{"door", door, "reason", reason}, attrs...)
	if unlogged > 0 {
		all = append(all, "unlogged", unlogged)
	}
	l.log.WarnContext(ctx, "refused", all...)
}

// take says whether a refusal is logged, and how many before it were not.
func (l *Log) take(k kind) (unlogged int, log bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.kinds[k]
	if f == nil {
		f = &flow{limit: rate.NewLimiter(lines, burst)}
		l.kinds[k] = f
	}
	if f.limit.Allow() {
		unlogged, f.unlogged = f.unlogged, 0
		return unlogged, true
	}
	if f.unlogged == 0 {
		time.AfterFunc(rest, func() { l.tellRest(k) })
	}
	f.unlogged++
	return 0, false
}

// tellRest logs how many were left out, if no line has said so meanwhile.
func (l *Log) tellRest(k kind) {
	l.mu.Lock()
	n := l.kinds[k].unlogged
	l.kinds[k].unlogged = 0
	l.mu.Unlock()
	if n > 0 {
		l.log.Warn("refused", "door", k.door, "reason", k.reason, "unlogged", n)
	}
}

// Hash is a keyed hash of something personal: the same text has the same hash,
// and who reads a log cannot try names against it.
func (l *Log) Hash(text string) string {
	if l == nil {
		return ""
	}
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
