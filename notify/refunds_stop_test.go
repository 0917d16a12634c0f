package notify_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"guodu/notify"
)

type slowRefunds struct {
	stop  context.CancelFunc
	after atomic.Int64
	ended atomic.Bool
}

func (s *slowRefunds) RefundsDue(context.Context, time.Duration, int) ([]notify.DueRefund, error) {
	due := make([]notify.DueRefund, 40)
	for i := range due {
		due[i] = notify.DueRefund{No: fmt.Sprint(i), Channel: "wechat"}
	}
	return due, nil
}

// AskRefund goes on when its caller goes away, as recharge's does (up to 20 s).
func (s *slowRefunds) AskRefund(context.Context, string) error {
	if s.ended.Load() {
		s.after.Add(1)
	}
	s.stop()
	s.ended.Store(true)
	return nil
}

// A hub that ends finishes what is under way and begins nothing more: with up to 256
// claimed refunds of up to 20 s each, four at once, it would take 21 minutes.
func TestAStoppedPollerBeginsNoMoreAsks(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	s := &slowRefunds{stop: stop}
	notify.NewRefundPoller(s, notify.NewRates(1000), slog.New(slog.DiscardHandler), 0).Run(ctx)
	if n := s.after.Load(); n > 4 {
		t.Errorf("%d requests for refunds began after the hub was told to end", n)
	}
}
