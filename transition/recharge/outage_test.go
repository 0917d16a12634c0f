package recharge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// round is one history on an account of its own, over a ledger that fails once.
type round struct {
	*desk
	base    *desk // whose clock it goes by
	ledger  *weak
	account transition.AccountNo
	n       int
}

func (r *round) txn() string { return fmt.Sprintf("42%08d", r.n) }

// wish makes the order of the round, or gives it back.
func (r *round) wish(channel string, amount fen.Fen) (transition.OrderNo, error) {
	ready, err := r.Create(context.Background(), recharge.Wish{
		Account: r.account, Channel: channel, Amount: amount, Key: idempotency.Key(fmt.Sprintf("key-%08d", r.n)),
		Payer: channels.Payer{Kind: "openid", ID: "oPayerNumberOne"},
	})
	if errors.Is(err, channels.ErrAlreadyPaid) {
		err = nil
	}
	return ready.Order, err
}

func (r *round) pays(channel string, no transition.OrderNo, amount fen.Fen) channels.Payment {
	p := r.payment(channel, no, amount, r.txn())
	p.Attach = string(r.account)
	return p
}

// settled makes, pays and credits an order.
func (r *round) settled(channel string, amount fen.Fen) (transition.OrderNo, error) {
	no, err := r.wish(channel, amount)
	if err == nil {
		_, err = r.Settle(context.Background(), r.pays(channel, no, amount), "callback")
	}
	return no, err
}

// lostOrder is the same number each time the round is tried.
func (r *round) lostOrder(numbers map[int]transition.OrderNo) transition.OrderNo {
	if numbers[r.n] == "" {
		numbers[r.n] = transition.NewOrderNo(r.account, r.base.now)
	}
	return numbers[r.n]
}

// histories are what a round may be about. Each may be called again and again
// until it succeeds, and then leaves so much pending.
func histories() map[string]struct {
	play func(*round) error
	want fen.Fen
} {
	lost := map[int]transition.OrderNo{}
	return map[string]struct {
		play func(*round) error
		want fen.Fen
	}{
		"paid": {func(r *round) error {
			_, err := r.settled("wechat", 5000)
			return err
		}, 5000},
		"closed": {func(r *round) error {
			no, err := r.wish("wechat", 5000)
			if err == nil || errors.Is(err, channels.ErrOrderClosed) {
				_, err = r.Settle(context.Background(), channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: string(no), State: channels.Closed}, "query")
			}
			return err
		}, 0},
		"refunded": {func(r *round) error {
			no, err := r.settled("wechat", 5000)
			if err != nil {
				return err
			}
			refund, err := r.Refund(context.Background(), recharge.RefundWish{
				Account: r.account, Order: no, Amount: 2000, Key: idempotency.Key(fmt.Sprintf("refund-%08d", r.n)), By: "holder",
			})
			if err == nil && refund.State == transition.RefundHeld {
				err = r.AskRefund(context.Background(), refund.No)
			}
			return err
		}, 3000},
		"refunded outside": {func(r *round) error {
			no, err := r.settled("wechat", 5000)
			if err == nil {
				_, err = r.SettleRefund(context.Background(), status("wechat", no, "console-1", 2000, channels.RefundMade), "callback")
			}
			return err
		}, 3000},
		"refunded before it was credited": {func(r *round) error {
			no, err := r.wish("wechat", 5000)
			if err != nil {
				return err
			}
			p := r.pays("wechat", no, 5000)
			p.Refunded = true
			r.told(r.wechat, p)
			_, err = r.SettleRefund(context.Background(), status("wechat", no, "console-1", 2000, channels.RefundMade), "callback")
			return err
		}, 3000},
		"told of two refunds in the wrong order": {func(r *round) error {
			no, err := r.wish("alipay", 5000)
			if err != nil {
				return err
			}
			newer := r.pays("alipay", no, 5000)
			newer.Refunded, newer.RefundNos, newer.RefundedTotal = true, []string{"C2"}, 2000
			older := newer
			older.RefundNos, older.RefundedTotal = []string{"C1"}, 1000
			for _, p := range []channels.Payment{newer, older, newer} {
				if _, err := r.Settle(context.Background(), p, "callback"); err != nil {
					return err
				}
			}
			return nil
		}, 3000},
		"a case that is credited": {func(r *round) error {
			p := r.pays("wechat", r.lostOrder(lost), 5000)
			r.told(r.wechat, p)
			if _, err := r.Settle(context.Background(), p, "callback"); err != nil {
				return err
			}
			_, err := r.CreditCase(context.Background(), "wechat:"+r.txn(), "", twoPeople)
			return err
		}, 5000},
		"a case of another amount": {func(r *round) error {
			no, err := r.wish("wechat", 5000)
			if err != nil {
				return err
			}
			p := r.pays("wechat", no, 4000)
			r.told(r.wechat, p)
			if _, err := r.Settle(context.Background(), p, "callback"); err != nil {
				return err
			}
			_, err = r.CreditCase(context.Background(), "wechat:"+r.txn(), "", twoPeople)
			return err
		}, 4000},
		"a case that is refunded": {func(r *round) error {
			p := r.pays("wechat", r.lostOrder(lost), 5000)
			r.told(r.wechat, p)
			if _, err := r.Settle(context.Background(), p, "callback"); err != nil {
				return err
			}
			refund, err := r.RefundCase(context.Background(), "wechat:"+r.txn(), "", twoPeople)
			if errors.Is(err, recharge.ErrNotRefundable) && !errors.Is(err, transition.ErrUnavailable) && !errors.Is(err, transition.ErrUnknownOutcome) {
				return nil // it is done
			}
			if err == nil && refund.State == transition.RefundHeld {
				err = r.AskRefund(context.Background(), refund.No)
			}
			return err
		}, 0},
		"a case that is closed and reopened": {func(r *round) error {
			p := r.pays("wechat", "SHOP-1", 5000)
			if _, err := r.Settle(context.Background(), p, "callback"); err != nil {
				return err
			}
			err := r.CloseCase(context.Background(), "wechat:"+r.txn(), true, twoPeople)
			if err == nil {
				err = r.ReopenCase(context.Background(), "wechat:"+r.txn(), twoPeople)
			}
			return err
		}, 0},
		"a refund that people give back": {func(r *round) error {
			no, err := r.settled("wechat", 5000)
			if err != nil {
				return err
			}
			refuse := r.wechat.refund
			r.wechat.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
				return channels.RefundStatus{}, channels.ErrRefused
			}
			defer func() { r.wechat.refund = refuse }()
			query := r.wechat.query
			r.wechat.query = notFound
			defer func() { r.wechat.query = query }()
			refund, err := r.Refund(context.Background(), recharge.RefundWish{
				Account: r.account, Order: no, Amount: 2000, Key: idempotency.Key(fmt.Sprintf("refund-%08d", r.n)), By: "holder",
			})
			if err == nil && refund.State == transition.RefundHeld {
				r.base.now = r.base.now.Add(time.Hour)
				_, err = r.GiveBack(context.Background(), refund.No, "li+wang", "never sent")
			}
			return err
		}, 5000},
		"due": {func(r *round) error {
			_, err := r.settled("wechat", 5000)
			if err == nil {
				_, err = r.Due(context.Background(), time.Second, 4)
			}
			if err == nil {
				_, err = r.RefundsDue(context.Background(), time.Second, 4)
			}
			return err
		}, 5000},
	}
}

// An error of the ledger is told, whatever was done before it, and the same calls
// again end as they would have.
func TestALedgerThatFailsOnceAtAnyCallIsNoMatterAfterARepeat(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(r.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	d.wechat.query = func(order, no string) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(order), no, 2000, channels.RefundMade), nil
	}
	d.alipay.query = func(order, no string) (channels.RefundStatus, error) {
		return status("alipay", transition.OrderNo(order), no, 1000, channels.RefundMade), nil
	}
	n, struck := 0, 0
	for name, history := range histories() {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				n++
				r := d.round(n, at, after)
				err := history.play(r)
				for tries := 0; err != nil; tries++ {
					if tries == 3 {
						t.Fatalf("%s: after %s failed at call %d: %v, again and again", name, r.ledger.struck, at, err)
					}
					if !errors.Is(err, transition.ErrUnavailable) && !errors.Is(err, transition.ErrUnknownOutcome) && !errors.Is(err, transition.ErrMoved) {
						t.Fatalf("%s: %s failed at call %d, and the error is %v", name, r.ledger.struck, at, err)
					}
					err = history.play(r)
				}
				a, err := d.bench.Store.Account(t.Context(), r.account)
				if err != nil || a.Pending != history.want || a.RefundHeld != 0 {
					t.Errorf("%s: after %s failed at call %d (done: %t) %s is pending and %s held, %v; want %s", name, r.ledger.struck, at, after,
						a.Pending, a.RefundHeld, err, history.want)
				}
				if r.ledger.struck == "" {
					break
				}
				struck++
			}
		}
	}
	t.Logf("result: %d histories, %d failures, each without a trace after a repeat", len(histories()), struck)
}

// round is a desk over a ledger that fails at a call, for an account of its own.
func (d *desk) round(n, at int, after bool) *round {
	d.t.Helper()
	own := *d
	r := &round{desk: &own, base: d, ledger: &weak{Store: d.bench.Store, at: at, after: after}, account: transition.AccountNo(fmt.Sprintf("W%d", n)), n: n}
	d.bench.Account(d.t, r.account, 0)
	own.Service = recharge.New(recharge.Config{
		Ledger: r.ledger, Channels: channels.Set{"wechat": {Current: d.wechat}, "alipay": {Current: d.alipay}}, Clock: func() time.Time { return d.now },
		NotifyURL:       func(c string) string { return "https://card.example.edu/notify/" + c },
		RefundNotifyURL: func(c string) string { return "https://card.example.edu/notify/" + c + "/refund" },
		Description:     "校园卡充值", Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000}, Log: slog.New(slog.DiscardHandler),
	})
	return r
}
