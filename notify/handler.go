package notify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"guodu/channels"
)

// bodyMax bounds a callback's body in bytes; real ones have about 2 KiB.
const bodyMax = 64 << 10

// budget is how long a callback may take; both channels give up after 5 s.
const budget = 3 * time.Second

// Settler brings a payment into the books and says in a word what became of
// it. An error means that the same payment must be told again.
type Settler interface {
	Settle(ctx context.Context, p channels.Payment, source string) (outcome string, err error)
}

// RefundSettler is Settler for what a channel tells of a refund.
type RefundSettler interface {
	SettleRefund(ctx context.Context, status channels.RefundStatus, source string) (outcome string, err error)
}

// Handler answers one kind of callback of one channel; T is what it tells. It is
// safe for concurrent use.
type Handler[T any] struct {
	name   string // in the log
	log    *slog.Logger
	parse  func(ctx context.Context, header http.Header, body []byte) (T, error)
	settle func(ctx context.Context, told T, source string) (outcome string, err error)
	answer func(w http.ResponseWriter, verdict channels.Verdict)
	about  func(told T) []any // for the log
}

// NewHandler returns the Handler of a channel's payments.
func NewHandler(channel channels.Notifier, settler Settler, log *slog.Logger) *Handler[channels.Payment] {
	return &Handler[channels.Payment]{
		name: "callback", log: log, parse: channel.ParseNotify, settle: settler.Settle, answer: channel.Answer,
		about: func(p channels.Payment) []any {
			return []any{"order", bounded(p.OrderNo), "txn", bounded(p.TransactionID)}
		},
	}
}

// NewRefundHandler returns the Handler of a channel's refunds.
func NewRefundHandler(channel channels.RefundNotifier, settler RefundSettler, log *slog.Logger) *Handler[channels.RefundStatus] {
	return &Handler[channels.RefundStatus]{
		name: "refund callback", log: log, parse: channel.ParseRefund, settle: settler.SettleRefund, answer: channel.Answer,
		about: func(r channels.RefundStatus) []any {
			return []any{"refund", bounded(r.No), "order", bounded(r.OrderNo)}
		},
	}
}

// ServeHTTP reads, verifies, settles and answers, in this order.
func (h *Handler[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), budget)
	defer cancel()
	verdict, outcome, told, err := h.handle(ctx, w, r)
	level := slog.LevelInfo
	if verdict != channels.Accepted {
		level = slog.LevelWarn
	}
	h.log.Log(ctx, level, h.name, append([]any{"verdict", verdict.String(), "outcome", outcome, "error", text(err)}, h.about(told)...)...)
	h.answer(w, verdict)
}

func (h *Handler[T]) handle(ctx context.Context, w http.ResponseWriter, r *http.Request) (v channels.Verdict, outcome string, told T, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		return unread(err), "", told, err
	}
	told, err = h.parse(ctx, r.Header, body)
	if err != nil {
		return unparsed(err), "", told, err
	}
	outcome, err = h.settle(ctx, told, "callback")
	if err != nil {
		return channels.TryAgain, "", told, err
	}
	return channels.Accepted, outcome, told, nil
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
	return err.Error()
}
