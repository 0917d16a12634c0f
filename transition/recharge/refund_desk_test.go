package recharge_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

// scripted is a channel whose refunds go as a test says.
type scripted struct {
	name   string
	pause  time.Duration
	refund func(context.Context, channels.RefundRequest) (channels.RefundStatus, error)
	query  func(order, no string) (channels.RefundStatus, error)
	order  func(no string) (channels.Payment, error)
	sent   int
}

func (c *scripted) Name() string     { return c.name }
func (c *scripted) Merchant() string { return merchant }
func (c *scripted) Prepay(_ context.Context, r channels.PrepayRequest) (channels.Prepay, error) {
	return ready(r)
}

func (c *scripted) Query(_ context.Context, no string) (channels.Payment, error) {
	if c.order == nil {
		return channels.Payment{}, channels.ErrUnknownOutcome
	}
	return c.order(no)
}
func (c *scripted) Close(context.Context, string) error { return channels.ErrUnknownOutcome }
func (c *scripted) RefundPause() time.Duration          { return c.pause }

func (c *scripted) Refund(ctx context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
	c.sent++
	return c.refund(ctx, r)
}

func (c *scripted) QueryRefund(_ context.Context, order, no string) (channels.RefundStatus, error) {
	return c.query(order, no)
}

// desk is a service over a real ledger with two scripted channels.
type desk struct {
	*recharge.Service
	t      *testing.T
	bench  transitiontest.Bench
	wechat *scripted
	alipay *scripted
	now    time.Time
	events []channels.Event
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskWithin(t, transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000})
}

func newDeskWithin(t *testing.T, limits transition.Limits) *desk {
	t.Helper()
	d := &desk{t: t, wechat: &scripted{name: "wechat"}, alipay: &scripted{name: "alipay"}, now: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	d.bench = transitiontest.New(t, clock)
	d.bench.Account(t, account, 0)
	d.Service = recharge.New(recharge.Config{
		Ledger: d.bench.Store, Channels: channels.Set{"wechat": {Current: d.wechat}, "alipay": {Current: d.alipay}}, Clock: clock,
		NotifyURL: func(c string) string { return "https://card.example.edu/notify/" + c }, Description: "校园卡充值",
		Limits: limits, Log: slog.New(slog.DiscardHandler), Tell: func(e channels.Event) { d.events = append(d.events, e) },
	})
	return d
}

func (d *desk) created(channel string, amount fen.Fen, key string) transition.OrderNo {
	d.t.Helper()
	r, err := d.Create(context.Background(), recharge.Wish{
		Account: account, Channel: channel, Amount: amount, Key: idempotency.Key("key-0000000" + key),
		Payer: channels.Payer{Kind: "openid", ID: "oPayerNumberOne"},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return r.Order
}

func (d *desk) payment(channel string, no transition.OrderNo, amount fen.Fen, txn string) channels.Payment {
	p := paid(no, amount)
	p.Channel, p.TransactionID = channel, txn
	return p
}

func (d *desk) credited(channel string, amount fen.Fen, key string) (transition.OrderNo, channels.Payment) {
	d.t.Helper()
	no := d.created(channel, amount, key)
	p := d.payment(channel, no, amount, "42000"+key)
	d.settle(p, channels.OutcomeCredited)
	return no, p
}

func (d *desk) settle(p channels.Payment, want channels.Outcome) {
	d.t.Helper()
	got, err := d.Settle(context.Background(), p, "callback")
	if err != nil || got != want {
		d.t.Fatalf("Settle = %q, %v; want %q", got, err, want)
	}
}

func (d *desk) refund(no transition.OrderNo, amount fen.Fen) transition.RefundOrder {
	d.t.Helper()
	r, err := d.Refund(context.Background(), recharge.RefundWish{Account: account, Order: no, Amount: amount, Key: "refund-0001", By: "holder"})
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// look is one look of another hub's poller.
func (d *desk) look() {
	d.t.Helper()
	due, err := d.RefundsDue(context.Background(), 30*time.Second, 4)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, no := range due {
		if err := d.AskRefund(context.Background(), no); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *desk) state(no transition.RefundNo) transition.RefundOrder {
	d.t.Helper()
	r, err := d.bench.Refund(context.Background(), no)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

func (d *desk) account() transition.Account {
	d.t.Helper()
	a, err := d.bench.Store.Account(context.Background(), account)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

func (d *desk) open() (kinds []string) {
	d.t.Helper()
	cases, err := d.bench.Cases(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range cases {
		if c.Open {
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds
}

func (d *desk) books() transition.Postings {
	d.t.Helper()
	b, err := d.bench.Verify(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	return b.Tot
}

func status(channel string, order transition.OrderNo, no string, amount fen.Fen, state channels.RefundState) channels.RefundStatus {
	return channels.RefundStatus{Channel: channel, Merchant: merchant, OrderNo: string(order), No: no, State: state, Amount: amount}
}

func notFound(string, string) (channels.RefundStatus, error) {
	return channels.RefundStatus{}, channels.ErrRefundNotFound
}

func unanswered(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
	return channels.RefundStatus{}, channels.ErrUnknownOutcome
}

func refuses(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
	return channels.RefundStatus{}, channels.ErrRefused
}
