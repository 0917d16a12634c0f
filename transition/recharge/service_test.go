package recharge_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

// fakeChannel answers as its functions say and writes down what it was sent.
type fakeChannel struct {
	mu       sync.Mutex
	requests []channels.PrepayRequest
	prepay   func(channels.PrepayRequest) (channels.Prepay, error)
}

func (f *fakeChannel) Name() string { return "wechat" }

// merchant made all orders of these tests, whatever their channel.
const merchant = "1900000109/wx8888888888888888"

func (f *fakeChannel) Merchant() string { return merchant }

func (f *fakeChannel) Prepay(_ context.Context, r channels.PrepayRequest) (channels.Prepay, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r)
	return f.prepay(r)
}

func (f *fakeChannel) Query(context.Context, string) (channels.Payment, error) {
	return channels.Payment{}, channels.ErrUnknownOutcome
}

func (f *fakeChannel) Close(context.Context, string) error { return channels.ErrUnknownOutcome }

func ready(r channels.PrepayRequest) (channels.Prepay, error) {
	return channels.Prepay{Handle: "wx-" + r.OrderNo, Params: map[string]string{"package": "prepay_id=wx-" + r.OrderNo}}, nil
}

// till is a service over a real ledger, one fake channel and one account.
type till struct {
	*recharge.Service
	bench   transitiontest.Bench
	channel *fakeChannel
	log     *strings.Builder
}

const account transition.AccountNo = "A1"

func newTill(t *testing.T, arrears fen.Fen, clock func() time.Time) till {
	t.Helper()
	bench := transitiontest.New(t, clock)
	bench.Account(t, account, arrears)
	channel, log := &fakeChannel{prepay: ready}, &strings.Builder{}
	service := recharge.New(recharge.Config{
		Ledger: bench.Store, Channels: channels.Set{"wechat": {Current: channel}}, Clock: clock,
		NotifyURL: func(c string) string { return "https://card.example.edu/notify/" + c }, Description: "校园卡充值",
		Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000},
		Log:    slog.New(slog.NewTextHandler(log, nil)),
	})
	return till{service, bench, channel, log}
}

func (tl till) wish(amount fen.Fen) recharge.Wish {
	return recharge.Wish{
		Account: account, Channel: "wechat", Amount: amount, Key: "key-00000001",
		Payer: channels.Payer{Kind: "openid", ID: "oPayerNumberOne"},
	}
}

// paid is the payment of an order as the channel tells it.
func paid(no transition.OrderNo, amount fen.Fen) channels.Payment {
	return channels.Payment{
		Channel: "wechat", Merchant: merchant, OrderNo: string(no), TransactionID: "4200000001", State: channels.Paid, Amount: amount,
		Currency: "CNY", Payer: channels.Payer{Kind: "openid", ID: "oPayerNumberOne"}, Attach: string(account),
		SuccessTime: time.Date(2026, 11, 23, 12, 0, 0, 0, transition.Beijing()),
	}
}

func (tl till) mustCreate(t *testing.T, amount fen.Fen) transition.OrderNo {
	t.Helper()
	r, err := tl.Create(context.Background(), tl.wish(amount))
	if err != nil {
		t.Fatal(err)
	}
	return r.Order
}

func (tl till) mustSettle(t *testing.T, p channels.Payment, want channels.Outcome) {
	t.Helper()
	got, err := tl.Settle(context.Background(), p, "callback")
	if err != nil || got != want {
		t.Fatalf("Settle(%s of %s) = %q, %v; want %q", p.OrderNo, p.Amount, got, err, want)
	}
}

func (tl till) pending(t *testing.T) fen.Fen {
	t.Helper()
	got, err := tl.bench.Store.Account(context.Background(), account)
	if err != nil {
		t.Fatal(err)
	}
	return got.Pending
}

func TestUnknownPrepayIsRepeatedIdenticallyWithTheSameKey(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	tl.channel.prepay = func(channels.PrepayRequest) (channels.Prepay, error) {
		return channels.Prepay{}, channels.ErrUnknownOutcome
	}
	_, err := tl.Create(context.Background(), tl.wish(5000))
	if !errors.Is(err, channels.ErrUnknownOutcome) {
		t.Fatalf("Create = %v, want ErrUnknownOutcome", err)
	}
	tl.channel.prepay = ready
	first := tl.mustCreate(t, 5000)
	second, err := tl.Create(context.Background(), tl.wish(5000))
	if err != nil || second.Order != first {
		t.Fatalf("the same key gives %s, %v; want %s", second.Order, err, first)
	}
	if len(tl.channel.requests) != 2 {
		t.Fatalf("the channel was asked %d times, want 2: a prepared order needs no third", len(tl.channel.requests))
	}
	one, _ := json.Marshal(tl.channel.requests[0])
	two, _ := json.Marshal(tl.channel.requests[1])
	if string(one) != string(two) {
		t.Errorf("the repeat differs:\n%s\n%s", one, two)
	}
	tl.mustSettle(t, paid(first, 5000), channels.OutcomeCredited)
}

func TestOrderIsDurableBeforeTheChannelHearsOfIt(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	tl.channel.prepay = func(r channels.PrepayRequest) (channels.Prepay, error) {
		o, err := tl.bench.Order(context.Background(), transition.OrderNo(r.OrderNo))
		if err != nil || o.State != transition.OrderCreated {
			t.Errorf("when the channel is asked, the order is %q, %v", o.State, err)
		}
		return ready(r)
	}
	tl.mustSettle(t, paid(tl.mustCreate(t, 5000), 5000), channels.OutcomeCredited)
}

func TestWishesThatCannotBeOrdersAreRefused(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	for name, tc := range map[string]struct {
		change func(*recharge.Wish)
		want   error
	}{
		"nothing":         {func(w *recharge.Wish) { w.Amount = 0 }, recharge.ErrAmount},
		"less":            {func(w *recharge.Wish) { w.Amount = -1 }, recharge.ErrAmount},
		"beyond counting": {func(w *recharge.Wish) { w.Amount = fen.Max + 1 }, recharge.ErrAmount},
		"no payer":        {func(w *recharge.Wish) { w.Payer.ID = "" }, recharge.ErrPayer},
		"blank in payer":  {func(w *recharge.Wish) { w.Payer.ID = "a b" }, recharge.ErrPayer},
		"no channel":      {func(w *recharge.Wish) { w.Channel = "cash" }, recharge.ErrChannel},
		"no account":      {func(w *recharge.Wish) { w.Account = "B9" }, transition.ErrNoAccount},
	} {
		w := tl.wish(5000)
		tc.change(&w)
		_, err := tl.Create(context.Background(), w)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	var limit *transition.LimitError
	_, err := tl.Create(context.Background(), tl.wish(50_001))
	if !errors.As(err, &limit) || limit.Left != 50_000 {
		t.Errorf("over the limit: %v, want a LimitError that leaves 500.00", err)
	}
	if len(tl.channel.requests) != 0 {
		t.Errorf("the channel heard of %d refused wishes", len(tl.channel.requests))
	}
	tl.mustSettle(t, paid(tl.mustCreate(t, 100), 100), channels.OutcomeCredited)
}

func TestSettleCreditsOnceAndCountsTheRest(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 1000, nil)
	no := tl.mustCreate(t, 5000)
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
	for range 3 {
		tl.mustSettle(t, paid(no, 5000), channels.OutcomeDuplicate)
	}
	if got := tl.pending(t); got != 4000 {
		t.Errorf("pending is %s, want 40.00: arrears of 10.00 come first", got.Yuan())
	}
	o, err := tl.bench.Order(context.Background(), no)
	if err != nil || o.Duplicates != 3 {
		t.Errorf("the order counts %d duplicates, %v; want 3", o.Duplicates, err)
	}
}

func TestWhatCannotBeCreditedBecomesACaseOnceAndMovesNothing(t *testing.T) {
	t.Parallel()
	unknown := transition.NewOrderNo(account, time.Now())
	for name, tc := range map[string]struct {
		change   func(*channels.Payment)
		kind     string
		suspense fen.Fen
		left     fen.Fen // in suspense after the right word on the same transaction
	}{
		"other amount":            {func(p *channels.Payment) { p.Amount = 4999 }, "mismatch", 4999, 0},
		"other currency":          {func(p *channels.Payment) { p.Currency = "USD" }, "mismatch", 0, 0},
		"other app":               {func(p *channels.Payment) { p.Misdirected = "appid" }, "mismatch", 5000, 0},
		"other merchant":          {func(p *channels.Payment) { p.Misdirected = "appid,mchid" }, "mismatch", 0, 0},
		"other channel":           {func(p *channels.Payment) { p.Channel = "alipay" }, "mismatch", 5000, 5000},
		"unknown order":           {func(p *channels.Payment) { p.OrderNo = string(unknown) }, "unknown_order", 5000, 0},
		"number that is no order": {func(p *channels.Payment) { p.OrderNo = "SHOP-77" }, "unknown_order", 5000, 5000},
		"refunds without names":   {func(p *channels.Payment) { p.Refunded = true }, "refunds_unknown", 5000, 5000},
		"blank in transaction":    {func(p *channels.Payment) { p.TransactionID = "42 1" }, "mismatch", 0, 0},
		"refund without a number": {func(p *channels.Payment) { p.Refunds = []channels.Refund{{No: "", Amount: 5}} }, "mismatch", 5000, 0},
		"refund below zero":       {func(p *channels.Payment) { p.Refunds = []channels.Refund{{No: "r", Amount: -5}} }, "mismatch", 5000, 0},
		"no transaction":          {func(p *channels.Payment) { p.TransactionID = "" }, "mismatch", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tl := newTill(t, 0, nil)
			no := tl.mustCreate(t, 5000)
			p := paid(no, 5000)
			tc.change(&p)
			tl.mustSettle(t, p, channels.OutcomeCase)
			tl.mustSettle(t, p, channels.OutcomeCase)
			if got := tl.pending(t); got != 0 {
				t.Errorf("pending is %s", got.Yuan())
			}
			cases, err := tl.bench.Cases(context.Background())
			if err != nil || len(cases) != 1 {
				t.Fatalf("cases %+v, %v; want one", cases, err)
			}
			if c := cases[0]; c.Kind != tc.kind || c.Suspense != tc.suspense || c.Times != 2 || !c.Open {
				t.Errorf("case %+v, want kind %s, suspense %s, seen twice", c, tc.kind, tc.suspense)
			}
			// The channel's right word afterwards is credited all the same, and
			// takes the money of its own transaction out of suspense.
			// Only refunds that are still not named stand against it.
			want, credited := channels.OutcomeCredited, fen.Fen(5000)
			if tc.kind == "refunds_unknown" {
				want, credited = channels.OutcomeCase, 0
			}
			tl.mustSettle(t, paid(no, 5000), want)
			books, err := tl.bench.Verify(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if books.Tot["paid"] != credited+tc.left || books.Tot["suspense"] != -tc.left {
				t.Errorf("books %v, want paid 5000 and %d in suspense", books.Tot, tc.left)
			}
		})
	}
}

func TestUnpaidWaitsAndClosedCloses(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	no := tl.mustCreate(t, 5000)
	p := paid(no, 5000)
	p.State = channels.Unpaid
	tl.mustSettle(t, p, channels.OutcomeWaiting)
	p.State = channels.Closed
	tl.mustSettle(t, p, channels.OutcomeClosed)
	o, err := tl.bench.Order(context.Background(), no)
	if err != nil || o.State != transition.OrderClosed {
		t.Fatalf("the order is %s, %v; want closed", o.State, err)
	}
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited) // paid after all
	o, err = tl.bench.Order(context.Background(), no)
	if err != nil || o.Flag != "late" {
		t.Errorf("flag %q, %v; want late", o.Flag, err)
	}
	p.State = channels.Closed
	tl.mustSettle(t, p, channels.OutcomeDuplicate)
}

func TestNothingIsSettledWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	no := tl.mustCreate(t, 5000)
	tl.bench.Server.Kill()
	_, err := tl.Settle(context.Background(), paid(no, 5000), "callback")
	if !errors.Is(err, transition.ErrUnavailable) && !errors.Is(err, transition.ErrUnknownOutcome) {
		t.Errorf("Settle = %v, want ErrUnavailable or ErrUnknownOutcome", err)
	}
	tl.bench.Server.Restart()
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
}

func TestDueGivesOpenOrdersAndDropsFinishedOnes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	tl := newTill(t, 0, func() time.Time { return now })
	no := tl.mustCreate(t, 5000)
	now = now.Add(6 * time.Second)
	due, err := tl.Due(context.Background(), time.Minute, 10)
	if err != nil || len(due) != 1 || due[0].No != no {
		t.Fatalf("due %+v, %v; want the order", due, err)
	}
	due, err = tl.Due(context.Background(), time.Minute, 10)
	if err != nil || len(due) != 0 {
		t.Fatalf("due %+v, %v; it is leased", due, err)
	}
	if err := tl.Later(context.Background(), no, now.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
	due, err = tl.Due(context.Background(), time.Minute, 10)
	if err != nil || len(due) != 0 {
		t.Fatalf("due %+v, %v; the order is credited", due, err)
	}
}

func TestLogsHoldNoFullPayerId(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	no := tl.mustCreate(t, 5000)
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
	p := paid("SHOP-77", 100)
	tl.mustSettle(t, p, channels.OutcomeCase)
	if !strings.Contains(tl.log.String(), "openid:…") {
		t.Fatalf("the log holds no payer hint:\n%s", tl.log)
	}
	if strings.Contains(tl.log.String(), "oPayerNumberOne") {
		t.Errorf("the log holds a full payer id:\n%s", tl.log)
	}
}

func TestAClosedWordAboutSomebodyElsesOrderEndsNothing(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	no := tl.mustCreate(t, 5000)
	word := channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: string(no), State: channels.Closed}
	foreign, misdirected, unknown, junk := word, word, word, word
	foreign.Channel = "alipay"
	misdirected.Misdirected = "mchid"
	unknown.OrderNo = string(transition.NewOrderNo(account, time.Now()))
	junk.OrderNo = "SHOP-77"
	for _, p := range []channels.Payment{foreign, misdirected, unknown, junk} {
		tl.mustSettle(t, p, channels.OutcomeWaiting) // heard, and nothing to end
	}
	o, err := tl.bench.Order(context.Background(), no)
	if err != nil || o.State != transition.OrderPrepared {
		t.Errorf("the order is %s, %v; want prepared", o.State, err)
	}
	word.State = "refunding"
	if _, err := tl.Settle(context.Background(), word, "query"); err == nil {
		t.Error("a state that guodu does not know is settled")
	}
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
}

func TestOneUnreadableOrderKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	tl := newTill(t, 0, func() time.Time { return now })
	ctx, redis := context.Background(), tl.bench.Runner.Client()
	tl.bench.Account(t, "2026000001", 0)
	no, other := tl.mustCreate(t, 5000), tl.wish(700)
	other.Account, other.Key = "2026000001", "key-00000002"
	r, err := tl.Create(ctx, other)
	if err != nil {
		t.Fatal(err)
	}
	broken := "h:{p40}:o:" + string(r.Order)
	if err := redis.HSet(ctx, broken, "queries", "?").Err(); err != nil {
		t.Fatal(err)
	}
	if err := redis.Set(ctx, "h:{p00}:due", "not a list", 0).Err(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	due, err := tl.Due(ctx, 30*time.Second, 4)
	if err == nil || len(due) != 1 || due[0].No != no {
		t.Errorf("due %+v, %v; want the readable order and an error", due, err)
	}
	if err := redis.HSet(ctx, broken, "queries", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if err := redis.Del(ctx, "h:{p00}:due").Err(); err != nil {
		t.Fatal(err)
	}
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
}
