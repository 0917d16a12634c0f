package notify

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"guodu/channels"
)

// Refunds is what the RefundPoller needs of the life of refunds.
type Refunds interface {
	// RefundsDue claims refunds whose time has come; nobody else gets them until
	// the lease ends.
	RefundsDue(ctx context.Context, lease time.Duration, limit int) ([]string, error)
	// AskRefund brings a refund nearer to its end, and says itself when it is due
	// next.
	AskRefund(ctx context.Context, no string) error
}

// RefundPoller sends refunds that are held and asks what became of them. Several
// hubs may run one each.
type RefundPoller struct {
	refunds Refunds
	log     *slog.Logger
	every   time.Duration
}

// NewRefundPoller returns a RefundPoller that looks once in a while; zero is a
// second.
func NewRefundPoller(refunds Refunds, log *slog.Logger, every time.Duration) *RefundPoller {
	if every == 0 {
		every = time.Second
	}
	return &RefundPoller{refunds, log, every}
}

// Run looks for due refunds until ctx ends.
func (p *RefundPoller) Run(ctx context.Context) {
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		_, err := p.Look(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.Error("look for due refunds", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Look asks about all refunds that are due now and returns how many.
func (p *RefundPoller) Look(ctx context.Context) (int, error) {
	due, err := p.refunds.RefundsDue(ctx, lease, claim) // refunds and an error: some could not be read
	var wg sync.WaitGroup
	slots := make(chan struct{}, workers)
	for _, no := range due {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, lease/2)
			defer cancel()
			if err := p.refunds.AskRefund(ctx, no); err != nil {
				p.log.Error("refund stays due after its lease", "refund", no, "error", err)
			}
		}()
	}
	wg.Wait()
	return len(due), err
}

// RefundSettler brings what a channel tells of a refund into the books.
type RefundSettler interface {
	SettleRefund(ctx context.Context, status channels.RefundStatus, source string) (outcome string, err error)
}

// RefundHandler answers one channel's callbacks about refunds. It is safe for
// concurrent use.
type RefundHandler struct {
	channel channels.RefundNotifier
	settler RefundSettler
	log     *slog.Logger
}

// NewRefundHandler returns the RefundHandler of a channel.
func NewRefundHandler(channel channels.RefundNotifier, settler RefundSettler, log *slog.Logger) *RefundHandler {
	return &RefundHandler{channel, settler, log}
}

// ServeHTTP reads, verifies, settles and answers, in this order.
func (h *RefundHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), budget)
	defer cancel()
	verdict, outcome, status, err := h.handle(ctx, w, r)
	level := slog.LevelInfo
	if verdict != channels.Accepted {
		level = slog.LevelWarn
	}
	h.log.Log(ctx, level, "refund callback", "verdict", verdict.String(), "outcome", outcome, "refund", bounded(status.No),
		"order", bounded(status.OrderNo), "error", text(err))
	h.channel.Answer(w, verdict)
}

func (h *RefundHandler) handle(ctx context.Context, w http.ResponseWriter, r *http.Request) (v channels.Verdict, outcome string, status channels.RefundStatus, err error) {
	body, err := readBody(w, r)
	if err != nil {
		return unread(err), "", status, err
	}
	status, err = h.channel.ParseRefund(ctx, r.Header, body)
	if err != nil {
		return unparsed(err), "", status, err
	}
	outcome, err = h.settler.SettleRefund(ctx, status, "callback")
	if err != nil {
		return channels.TryAgain, "", status, err
	}
	return channels.Accepted, outcome, status, nil
}
