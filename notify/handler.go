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

// Handler answers one channel's callbacks. It is safe for concurrent use.
type Handler struct {
	channel channels.Notifier
	settler Settler
	log     *slog.Logger
}

// NewHandler returns the Handler of a channel.
func NewHandler(channel channels.Notifier, settler Settler, log *slog.Logger) *Handler {
	return &Handler{channel, settler, log}
}

// ServeHTTP reads, verifies, settles and answers, in this order.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), budget)
	defer cancel()
	verdict, outcome, payment, err := h.handle(ctx, w, r)
	level := slog.LevelInfo
	if verdict != channels.Accepted {
		level = slog.LevelWarn
	}
	h.log.Log(ctx, level, "callback", "verdict", verdict.String(), "outcome", outcome, "order", bounded(payment.OrderNo),
		"txn", bounded(payment.TransactionID), "error", text(err))
	h.channel.Answer(w, verdict)
}

func (h *Handler) handle(ctx context.Context, w http.ResponseWriter, r *http.Request) (v channels.Verdict, outcome string, p channels.Payment, err error) {
	body, err := readBody(w, r)
	if err != nil {
		return unread(err), "", p, err
	}
	p, err = h.channel.ParseNotify(ctx, r.Header, body)
	if err != nil {
		return unparsed(err), "", p, err
	}
	outcome, err = h.settler.Settle(ctx, p, "callback")
	if err != nil {
		return channels.TryAgain, "", p, err
	}
	return channels.Accepted, outcome, p, nil
}

// readBody reads a callback's body, up to its bound.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
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
