package notify_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/channels"
	"guodu/notify"
)

// list is the orders that wait, as the books hold them: each has a time when it is
// due. It claims as the script does, and stands for all hubs.
type list struct {
	mu     sync.Mutex
	due    map[string]time.Time
	orders map[string]notify.Due
	says   channels.State
}

func newList(says channels.State) *list {
	return &list{due: map[string]time.Time{}, orders: map[string]notify.Due{}, says: says}
}

func (l *list) add(channel string, created, due time.Time) (no string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	no = fmt.Sprintf("%s-%d", channel, len(l.orders))
	l.orders[no] = notify.Due{No: no, Channel: channel, Merchant: "1/a", Created: created, Expires: created.Add(time.Hour)}
	l.due[no] = due
	return no
}

func (l *list) Due(_ context.Context, lease time.Duration, limit int) ([]notify.Due, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []string
	for no, at := range l.due {
		if !at.After(time.Now()) {
			due = append(due, no)
		}
	}
	slices.SortStableFunc(due, func(a, b string) int { return l.due[a].Compare(l.due[b]) })
	most := limit * 64
	if len(due) > most { // half the newest, half the oldest
		due = slices.Concat(due[len(due)-most/2:], due[:most/2])
	}
	claimed := make([]notify.Due, 0, len(due))
	for _, no := range due {
		l.due[no] = time.Now().Add(lease)
		claimed = append(claimed, l.orders[no])
	}
	return claimed, nil
}

func (l *list) Settle(_ context.Context, p channels.Payment, _ string) (channels.Outcome, error) {
	return "credited", l.Close(context.Background(), p.OrderNo, "")
}

func (l *list) Later(_ context.Context, no string, next time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due[no] = next
	return nil
}

func (l *list) Unasked(context.Context, string) error { return nil }

func (l *list) Close(_ context.Context, no, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.due, no)
	return nil
}

func (l *list) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.due)
}

// asked is one question, from its beginning to its end.
type asked struct {
	no       string
	from, to time.Time
}

// counter is a channel that takes its time, and remembers each question. With
// hangs it answers nothing until its caller gives up.
type counter struct {
	channelOf
	list  *list
	takes time.Duration
	hangs bool

	mu    sync.Mutex
	asked []asked
}

func (c *counter) question(ctx context.Context, no string) error {
	from := time.Now()
	takes := c.takes
	if c.hangs {
		takes = time.Hour
	}
	var err error
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		err = channels.ErrUnknownOutcome
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, asked{no, from, time.Now()})
	return err
}

func (c *counter) Query(ctx context.Context, no string) (channels.Payment, error) {
	return channels.Payment{OrderNo: no, State: c.list.says}, c.question(ctx, no)
}

func (c *counter) Close(ctx context.Context, no string) error { return c.question(ctx, no) }

// all is what was asked, in the order in which it began.
func (c *counter) all() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.asked)
	slices.SortStableFunc(all, func(a, b asked) int { return a.from.Compare(b.from) })
	return all
}

// mustKeepTo wants no more than so many questions in any second.
func (c *counter) mustKeepTo(t *testing.T, perSecond int) {
	t.Helper()
	all := c.all()
	for i := range all {
		if j := i + perSecond; j < len(all) && all[j].from.Sub(all[i].from) < time.Second {
			t.Fatalf("%d questions within %v", perSecond+1, all[j].from.Sub(all[i].from))
		}
	}
}

// polled runs hubs' pollers for some time of the bubble's clock.
func polled(t *testing.T, l *list, hubs int, through channels.Set, work func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range hubs {
		p := notify.NewPoller(notify.PollerConfig{Orders: l, Channels: through, Log: slog.New(slog.DiscardHandler)})
		running.Go(func() { p.Run(ctx) })
	}
	work()
	stop()
	running.Wait()
}

func pass(d time.Duration) { <-time.After(d) }

func TestASilentOrderIsAskedAboutAtItsAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(channels.Unpaid)
		wechat := &counter{list: l}
		born := time.Now()
		l.add("wechat", born, born.Add(5*time.Second))
		polled(t, l, 1, channels.Set{"wechat": {Current: wechat}}, func() { pass(59 * time.Minute) })
		var at []time.Duration
		for _, q := range wechat.all() {
			at = append(at, q.from.Sub(born))
		}
		want := []time.Duration{
			5 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("asked at (-want +got):\n%s", diff)
		}
	})
}

func TestTwoHubsNeverAskAboutOneOrderWithinALease(t *testing.T) {
	for name, hangs := range map[string]bool{"answers in 2 s": false, "hangs": true} {
		synctest.Test(t, func(t *testing.T) {
			l := newList(channels.Paid)
			wechat := &counter{list: l, takes: 2 * time.Second, hangs: hangs}
			for range 300 {
				l.add("wechat", time.Now().Add(-time.Minute), time.Now())
			}
			polled(t, l, 2, channels.Set{"wechat": {Current: wechat}}, func() { pass(20 * time.Minute) })
			ended, questions := map[string]time.Time{}, map[string]int{}
			for _, q := range wechat.all() {
				if q.from.Before(ended[q.no]) {
					t.Fatalf("%s: %s is asked about while it is being asked about", name, q.no)
				}
				ended[q.no] = q.to
				questions[q.no]++
			}
			if !hangs && len(questions) != 300 {
				t.Errorf("%s: %d of 300 orders were asked about", name, len(questions))
			}
			for no, n := range questions {
				if !hangs && n != 1 {
					t.Errorf("%s: %s was asked about %d times", name, no, n)
				}
			}
		})
	}
}

// fresh adds an order a second, for so many seconds, and returns their numbers.
func fresh(l *list, channel string, seconds int) (numbers []string) {
	for range seconds {
		numbers = append(numbers, l.add(channel, time.Now(), time.Now().Add(5*time.Second)))
		pass(time.Second)
	}
	return numbers
}

// mustBeOnTime wants the first question about each order by two seconds after its
// schedule at the latest, and returns the longest delay.
func mustBeOnTime(t *testing.T, l *list, c *counter, numbers []string) (worst time.Duration) {
	t.Helper()
	firsts := map[string]time.Time{}
	for _, q := range c.all() {
		if firsts[q.no].IsZero() {
			firsts[q.no] = q.from
		}
	}
	for _, no := range numbers {
		late := firsts[no].Sub(l.orders[no].Created.Add(5 * time.Second))
		worst = max(worst, late)
		if firsts[no].IsZero() || late > 2*time.Second {
			t.Fatalf("fresh order %s is asked about %v after its time", no, late)
		}
	}
	return worst
}

func TestADaysOutageIsCaughtUpSteadily(t *testing.T) {
	const orders, seconds = 5000, 300
	synctest.Test(t, func(t *testing.T) {
		l := newList(channels.Paid)
		wechat := &counter{list: l, takes: 300 * time.Millisecond}
		begin := time.Now()
		for i := range orders {
			born := begin.Add(-time.Duration(i) * 24 * time.Hour / orders)
			l.add("wechat", born, born.Add(5*time.Second))
		}
		var numbers []string
		polled(t, l, 1, channels.Set{"wechat": {Current: wechat}}, func() {
			numbers = fresh(l, "wechat", seconds)
			pass(10 * time.Second)
		})
		wechat.mustKeepTo(t, 20)
		worst := mustBeOnTime(t, l, wechat, numbers)
		all := wechat.all()
		if left := l.left(); left != 0 || len(all) != orders+seconds {
			t.Errorf("%d orders are left, %d questions were put; want each order asked about once", left, len(all))
		}
		last := time.Duration(0)
		for _, q := range all {
			if l.orders[q.no].Created.Before(begin.Add(time.Second)) {
				last = max(last, q.from.Sub(begin))
			}
		}
		t.Logf("result: %d orders caught up in %v at 20 a second beside one fresh order a second, which waited %v at most", orders, last, worst)
	})
}

func TestAChannelThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(channels.Paid)
		wechat, alipay := &counter{list: l, hangs: true}, &counter{list: l, takes: 100 * time.Millisecond}
		for i := range 3000 {
			l.add("wechat", time.Now().Add(-time.Duration(i)*time.Second), time.Now())
		}
		var numbers []string
		polled(t, l, 1, channels.Set{"wechat": {Current: wechat}, "alipay": {Current: alipay}}, func() {
			numbers = fresh(l, "alipay", 120)
			pass(10 * time.Second)
		})
		if len(wechat.all()) == 0 {
			t.Fatal("the hanging channel was not asked at all")
		}
		worst := mustBeOnTime(t, l, alipay, numbers)
		t.Logf("result: beside a channel that hangs, with 3000 orders due there, another's orders waited %v at most", worst)
	})
}

// refundList is refunds that are all due, and asks a channel about them.
type refundList struct {
	channel *counter
	due     []notify.DueRefund
}

func (r *refundList) RefundsDue(context.Context, time.Duration, int) ([]notify.DueRefund, error) {
	due := r.due
	r.due = nil
	return due, nil
}

// AskRefund asks and sends, as it does when the channel knows of no refund.
func (r *refundList) AskRefund(ctx context.Context, no string) error {
	_ = r.channel.question(ctx, no)
	return r.channel.question(ctx, no)
}

func TestRefundsAndOrdersShareOneRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(channels.Paid)
		wechat := &counter{list: l, takes: 100 * time.Millisecond}
		refunds := &refundList{channel: wechat}
		for i := range 60 {
			l.add("wechat", time.Now(), time.Now())
			refunds.due = append(refunds.due, notify.DueRefund{No: fmt.Sprintf("R%d", i), Channel: "wechat", Merchant: "1/a", At: time.Now()})
		}
		rates, log := notify.NewRates(20), slog.New(slog.DiscardHandler)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		p := notify.NewPoller(notify.PollerConfig{
			Orders: l, Channels: channels.Set{"wechat": {Current: wechat}}, Log: log, Rates: rates,
		})
		running.Go(func() { p.Run(ctx) })
		running.Go(func() { notify.NewRefundPoller(refunds, rates, log, 0).Run(ctx) })
		pass(30 * time.Second)
		stop()
		running.Wait()
		if n := len(wechat.all()); n < 3*60 {
			t.Errorf("%d questions were put, want one for each order and two for each refund", n)
		}
		for i, q := range wechat.all() {
			// A refund's two are let through together, when its second turn has come.
			if most := 20*int(q.from.Sub(wechat.all()[0].from)/time.Second+1) + 8; i >= most {
				t.Fatalf("%d questions within %v", i+1, q.from.Sub(wechat.all()[0].from))
			}
		}
	})
}
