package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/channels"
	"guodu/notify"
)

// till is refunds that are due, and what was asked about.
type till struct {
	due   []string
	fail  error
	mu    sync.Mutex
	asked []string
}

func (b *till) RefundsDue(context.Context, time.Duration, int) ([]notify.DueRefund, error) {
	var due []notify.DueRefund
	for _, no := range b.due {
		due = append(due, notify.DueRefund{No: no, Channel: "wechat"})
	}
	return due, b.fail
}

func (b *till) AskRefund(_ context.Context, no string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, no)
	if no == "R2" {
		return errors.New("trouble")
	}
	return nil
}

func TestEachDueRefundIsAskedAboutWhateverBecomesOfOthers(t *testing.T) {
	t.Parallel()
	b := &till{due: []string{"R1", "R2", "R3", "R4", "R5", "R6"}, fail: errors.New("a partition is away")}
	n, err := notify.NewRefundPoller(b, notify.NewRates(1000), slog.New(slog.DiscardHandler), 0).Look(t.Context())
	slices.Sort(b.asked)
	if n != 6 || !errors.Is(err, b.fail) || !slices.Equal(b.asked, b.due) {
		t.Errorf("asked about %v, %d, %v", b.asked, n, err)
	}
}

// teller is a channel whose refund callbacks are as the test says.
type teller struct {
	status channels.RefundStatus
	err    error
}

func (c teller) ParseRefund(context.Context, http.Header, []byte) (channels.RefundStatus, error) {
	return c.status, c.err
}

func (teller) Answer(w http.ResponseWriter, v channels.Verdict) {
	w.Header().Set("X-Verdict", v.String())
}

type settled struct{ err error }

func (s settled) SettleRefund(context.Context, channels.RefundStatus, string) (channels.Outcome, error) {
	return "refunded", s.err
}

func TestARefundsCallbackIsAnsweredByWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		parse, settle error
		body          string
		want          channels.Verdict
	}{
		"settled":        {want: channels.Accepted},
		"forged":         {parse: channels.ErrNotice, want: channels.NotAuthentic},
		"of a payment":   {parse: channels.ErrNotOurs, want: channels.Unreadable},
		"unreadable":     {parse: channels.ErrMalformed, want: channels.Unreadable},
		"too large":      {body: strings.Repeat("x", 64<<10+1), want: channels.TooLarge},
		"not settled":    {settle: errors.New("redis is away"), want: channels.TryAgain},
		"not parsed now": {parse: errors.New("trouble"), want: channels.TryAgain},
	} {
		var log strings.Builder
		h := notify.NewRefundHandler(notify.HandlerConfig{Channel: "x", Log: slog.New(slog.NewTextHandler(&log, nil))},
			teller{channels.RefundStatus{No: "R1", OrderNo: "26"}, tc.parse}, settled{tc.settle})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/notify/wechat/refund", strings.NewReader(tc.body)))
		if got := w.Header().Get("X-Verdict"); got != tc.want.String() {
			t.Errorf("%s: answered %s, want %s", name, got, tc.want)
		}
		if tc.want == channels.Accepted && !strings.Contains(log.String(), "refund=R1") {
			t.Errorf("the log says %s", log.String())
		}
	}
}
