package notify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"guodu/channels"
	"guodu/internal/refusal"
)

// bodyMax bounds a callback's body in bytes; real ones have about 2 KiB.
const bodyMax = 64 << 10

// budget is how long a callback may take; both channels give up after 5 s.
const budget = 3 * time.Second

// Settler brings a payment into the books and says in a word what became of
// it. An error means that the same payment must be told again.
type Settler interface {
	Settle(ctx context.Context, p channels.Payment, source string) (channels.Outcome, error)
}

// RefundSettler is Settler for what a channel tells of a refund.
type RefundSettler interface {
	SettleRefund(ctx context.Context, status channels.RefundStatus, source string) (channels.Outcome, error)
}

// Handler answers one kind of callback of one channel; T is what it tells. It is
// safe for concurrent use.
type Handler[T any] struct {
	HandlerConfig
	name   string // in the log
	kind   string // in the journal
	parse  func(ctx context.Context, header http.Header, body []byte) (T, error)
	settle func(ctx context.Context, told T, source string) (channels.Outcome, error)
	answer func(w http.ResponseWriter, verdict channels.Verdict)
	about  func(told T) subject
	source any // the channel
}

// HandlerConfig is what every Handler of a channel is made of.
type HandlerConfig struct {
	Channel string // its name
	Log     *slog.Logger
	Journal Journal          // nil for none
	Clock   func() time.Time // of the journal; time.Now if nil
	// Refusals takes note of callbacks that nobody proved to have sent; nil logs them only.
	Refusals *refusal.Log
}

// subject is what a callback is about, by numbers that may be anything.
type subject struct{ order, refund, txn string }

// NewHandler returns the Handler of a channel's payments.
func NewHandler(c HandlerConfig, channel channels.Notifier, settler Settler) *Handler[channels.Payment] {
	return &Handler[channels.Payment]{
		HandlerConfig: c.filled(), name: "callback", kind: KindPayment, source: channel,
		parse: channel.ParseNotify, settle: settler.Settle, answer: channel.Answer,
		about: func(p channels.Payment) subject { return subject{order: p.OrderNo, txn: p.TransactionID} },
	}
}

// NewRefundHandler returns the Handler of a channel's refunds.
func NewRefundHandler(c HandlerConfig, channel channels.RefundNotifier, settler RefundSettler) *Handler[channels.RefundStatus] {
	return &Handler[channels.RefundStatus]{
		HandlerConfig: c.filled(), name: "refund callback", kind: KindRefund, source: channel,
		parse: channel.ParseRefund, settle: settler.SettleRefund, answer: channel.Answer,
		about: func(r channels.RefundStatus) subject { return subject{order: r.OrderNo, refund: r.No} },
	}
}

func (c HandlerConfig) filled() HandlerConfig {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Refusals == nil {
		c.Refusals = refusal.New(refusal.Config{Log: c.Log})
	}
	return c
}

// ServeHTTP reads, verifies, settles and answers, in this order, and takes note.
func (h *Handler[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), budget)
	defer cancel()
	c := h.handle(ctx, w, r)
	defer func() {
		h.answer(w, c.verdict)
		if h.Journal != nil {
			h.Journal.Note(h.notice(r.Header, c))
		}
	}()
	if reason := refused(c.verdict); reason != "" && !c.proven {
		if errors.Is(c.err, channels.ErrProbe) { // or somebody who says so
			reason = "probe"
		}
		h.Refusals.Note(ctx, "callback", reason, "channel", h.Channel, "kind", h.kind, "address", r.RemoteAddr,
			"verdict", c.verdict.String(), "order", bounded(h.about(c.told).order), "error", text(c.err))
		return
	}
	level := slog.LevelInfo
	if c.verdict != channels.Accepted {
		level = slog.LevelWarn
	}
	about := h.about(c.told)
	h.Log.Log(ctx, level, h.name, "channel", h.Channel, "verdict", c.verdict.String(), "outcome", c.outcome, "error", text(c.err),
		"order", bounded(about.order), "refund", bounded(about.refund), "txn", bounded(about.txn))
}

// refused is a verdict as the reason of a refusal; empty if it is none.
func refused(verdict channels.Verdict) string {
	switch verdict {
	case channels.TooLarge:
		return "too_large"
	case channels.NotAuthentic:
		return "signature"
	case channels.Unreadable:
		return "unreadable"
	}
	return ""
}

// callback is one callback and what became of it.
type callback[T any] struct {
	body    []byte
	proven  bool // the channel signed it
	told    T
	verdict channels.Verdict
	outcome channels.Outcome
	err     error
}

func (h *Handler[T]) handle(ctx context.Context, w http.ResponseWriter, r *http.Request) (c callback[T]) {
	c.body, c.err = io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if c.err != nil {
		c.verdict = unread(c.err)
		return c
	}
	c.told, c.err = h.parse(ctx, r.Header, c.body)
	c.proven = channels.Authentic(c.err)
	if c.err != nil {
		c.verdict = unparsed(c.err)
		return c
	}
	c.outcome, c.err = h.settle(ctx, c.told, "callback")
	if c.err != nil {
		c.verdict = channels.TryAgain
	}
	return c // Accepted is the zero Verdict
}

// notice is what the journal gets of a callback.
func (h *Handler[T]) notice(header http.Header, c callback[T]) Notice {
	about := h.about(c.told)
	n := raw(h.source, header, c.body, c.proven)
	n.At, n.Channel, n.Kind, n.Verdict, n.Outcome, n.Error = h.Clock(), h.Channel, h.kind, c.verdict.String(), string(c.outcome), text(c.err)
	n.Order, n.Refund, n.Txn = bounded(about.order), bounded(about.refund), bounded(about.txn)
	return n
}

func unread(err error) channels.Verdict {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return channels.TooLarge
	}
	return channels.Unreadable
}

// unparsed is the verdict on a callback that ParseNotify refused.
func unparsed(err error) channels.Verdict {
	switch {
	case errors.Is(err, channels.ErrTooLarge):
		return channels.TooLarge
	case errors.Is(err, channels.ErrNotice):
		return channels.NotAuthentic
	case errors.Is(err, channels.ErrMalformed), errors.Is(err, channels.ErrNotOurs):
		return channels.Unreadable
	}
	return channels.TryAgain
}

// bounded keeps a text from outside short in the log.
func bounded(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ") // a line of the log, a row of hub notices
}
