package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/notify"
)

// book is an order life of one order, and its channel.
type book struct {
	mu       sync.Mutex
	due      []notify.Due
	says     []said // what the channel answers to Query, one after the other
	closing  error
	calls    []string
	settling error
}

type said struct {
	state       channels.State
	err         error
	misdirected string
}

func (b *book) note(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, s)
}

func (b *book) Due(context.Context, time.Duration, int) ([]notify.Due, error) { return b.due, nil }

func (b *book) Settle(_ context.Context, p channels.Payment, source string) (channels.Outcome, error) {
	b.note("settle " + string(p.State) + " from " + source)
	outcome := map[channels.State]string{channels.Paid: "credited", channels.Closed: "closed"}[p.State]
	if p.Misdirected != "" {
		outcome = "case"
	}
	return channels.Outcome(outcome), b.settling
}

func (b *book) Later(_ context.Context, _ string, next time.Time) error {
	b.note("later at " + next.Format("15:04:05"))
	return nil
}

// closer and channel share the name Close, so they are two types.
type ordersOf struct{ *book }

func (o ordersOf) Close(_ context.Context, _, merchant string) error {
	o.note("closed in the books on the word of " + merchant)
	return nil
}

func (o ordersOf) Unasked(context.Context, string) error {
	o.note("a case")
	return nil
}

type channelOf struct{ *book }

func (c channelOf) Name() string     { return "wechat" }
func (c channelOf) Merchant() string { return "1/a" }

func (c channelOf) Prepay(context.Context, channels.PrepayRequest) (channels.Prepay, error) {
	return channels.Prepay{}, channels.ErrRefused
}

func (c channelOf) Query(_ context.Context, no string) (channels.Payment, error) {
	c.note("query")
	s := c.says[0]
	c.says = c.says[1:]
	return channels.Payment{OrderNo: no, State: s.state, Misdirected: s.misdirected}, s.err
}

func (c channelOf) Close(context.Context, string) error {
	c.note("close at the channel")
	return c.closing
}

func TestPollerFollowsTheChannelsWord(t *testing.T) {
	created := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	expires := created.Add(15 * time.Minute)
	for name, tc := range map[string]struct {
		age  time.Duration
		book *book
		want []string
	}{
		"paid": {5 * time.Second, &book{says: []said{{state: channels.Paid}}},
			[]string{"query", "settle paid from query"}},
		"closed": {5 * time.Second, &book{says: []said{{state: channels.Closed}}},
			[]string{"query", "settle closed from query"}},
		"unpaid at 5 s is asked at 30 s": {5 * time.Second, &book{says: []said{{state: channels.Unpaid}}},
			[]string{"query", "later at 12:00:30"}},
		"unpaid at 6 min is asked at 10 min": {6 * time.Minute, &book{says: []said{{state: channels.Unpaid}}},
			[]string{"query", "later at 12:10:00"}},
		"unpaid at 11 min is asked at its expiry": {11 * time.Minute, &book{says: []said{{state: channels.Unpaid}}},
			[]string{"query", "later at 12:15:00"}},
		"expired is closed, and asked once more": {15 * time.Minute, &book{says: []said{{state: channels.Unpaid}, {state: channels.Closed}}},
			[]string{"query", "close at the channel", "query", "settle closed from query"}},
		"paid while closing is credited": {15 * time.Minute,
			&book{says: []said{{state: channels.Unpaid}, {state: channels.Paid}}, closing: channels.ErrAlreadyPaid},
			[]string{"query", "close at the channel", "query", "settle paid from query"}},
		"closing without an answer proves nothing": {15 * time.Minute,
			&book{says: []said{{state: channels.Unpaid}}, closing: channels.ErrUnknownOutcome},
			[]string{"query", "close at the channel", "later at 12:30:00"}},
		"no answer": {5 * time.Second, &book{says: []said{{err: channels.ErrUnknownOutcome}}},
			[]string{"query", "later at 12:00:30"}},
		"no answer long after its expiry": {26 * time.Minute, &book{says: []said{{err: channels.ErrUnknownOutcome}}},
			[]string{"query", "later at 12:30:00"}},
		"refused long after its expiry": {26 * time.Minute, &book{says: []said{{err: channels.ErrRefused}}},
			[]string{"query", "later at 12:30:00"}},
		"a case is asked about again": {5 * time.Second, &book{says: []said{{state: channels.Paid, misdirected: "appid"}}},
			[]string{"query", "settle paid from query", "later at 12:00:30"}},
		"a case that came while closing is asked about again": {15 * time.Minute,
			&book{says: []said{{state: channels.Unpaid}, {state: channels.Paid, misdirected: "appid"}}, closing: channels.ErrAlreadyPaid},
			[]string{"query", "close at the channel", "query", "settle paid from query", "later at 12:30:00"}},
		"closed at the channel and said to be unpaid": {15 * time.Minute, &book{says: []said{{state: channels.Unpaid}, {state: channels.Unpaid}}},
			[]string{"query", "close at the channel", "query", "later at 12:30:00"}},
		"not found may still turn up": {20 * time.Minute, &book{says: []said{{err: channels.ErrOrderNotFound}}},
			[]string{"query", "later at 12:30:00"}},
		"not found long after its expiry": {26 * time.Minute, &book{says: []said{{err: channels.ErrOrderNotFound}}},
			[]string{"query", "closed in the books on the word of 1/a"}},
		"books are down": {5 * time.Second, &book{says: []said{{state: channels.Paid}}, settling: errors.New("down")},
			[]string{"query", "settle paid from query", "later at 12:00:30"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.book
			b.due = []notify.Due{{No: "N1", Channel: "wechat", Merchant: "1/a", Created: created, Expires: expires}}
			p := notify.NewPoller(notify.PollerConfig{
				Orders: ordersOf{b}, Channels: channels.Set{"wechat": {Current: channelOf{b}}},
				Log: slog.New(slog.DiscardHandler), Clock: func() time.Time { return created.Add(tc.age) },
			})
			n, err := p.Look(context.Background())
			if err != nil || n != 1 {
				t.Fatalf("Look = %d, %v", n, err)
			}
			if diff := cmp.Diff(tc.want, b.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPollerAsksNoOtherMerchant: what a merchant that did not make an order says
// of it proves nothing, least of all that it does not know the order.
func TestPollerAsksNoOtherMerchant(t *testing.T) {
	created := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		due  notify.Due
		age  time.Duration
		want []string
	}{
		"another channel":           {notify.Due{No: "N1", Channel: "cash", Merchant: "1/a"}, 5 * time.Second, []string{"later at 12:00:30"}},
		"another merchant":          {notify.Due{No: "N1", Channel: "wechat", Merchant: "2/a"}, 5 * time.Second, []string{"later at 12:00:30"}},
		"another app":               {notify.Due{No: "N1", Channel: "wechat", Merchant: "1/b"}, 5 * time.Second, []string{"later at 12:00:30"}},
		"another merchant, expired": {notify.Due{No: "N1", Channel: "wechat", Merchant: "2/a"}, 15 * time.Minute, []string{"a case", "later at 12:30:00"}},
		"no merchant, long expired": {notify.Due{No: "N1", Channel: "wechat"}, time.Hour, []string{"a case", "later at 13:30:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.due.Created, tc.due.Expires = created, created.Add(15*time.Minute)
			b := &book{due: []notify.Due{tc.due}}
			p := notify.NewPoller(notify.PollerConfig{
				Orders: ordersOf{b}, Channels: channels.Set{"wechat": {Current: channelOf{b}}},
				Log: slog.New(slog.DiscardHandler), Clock: func() time.Time { return created.Add(tc.age) },
			})
			_, err := p.Look(context.Background())
			if diff := cmp.Diff(tc.want, b.calls); err != nil || diff != "" {
				t.Errorf("calls (-want +got), %v:\n%s", err, diff)
			}
		})
	}
}
