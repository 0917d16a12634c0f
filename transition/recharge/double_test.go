package recharge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// noon is when the first payment of a pair succeeds.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, transition.Beijing()) }

// newDoubleDesk is a desk whose channels make every refund.
func newDoubleDesk(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	for _, c := range []*scripted{d.wechat, d.alipay} {
		c.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
			return status(c.name, transition.OrderNo(r.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
		}
	}
	return d
}

// paidAt is an order that was paid so long after noon, by its channel's clock.
func (d *desk) paidAt(channel string, amount fen.Fen, key string, after time.Duration) transition.OrderNo {
	d.t.Helper()
	no := d.created(channel, amount, key)
	p := d.payment(channel, no, amount, "42000"+key)
	p.SuccessTime = noon().Add(after)
	d.settle(p, channels.OutcomeCredited)
	return no
}

// wantPairs checks the pairs, given as first, second, first, second …
func (d *desk) wantPairs(want ...transition.OrderNo) {
	d.t.Helper()
	pairs, err := d.DoublePaid(context.Background(), account)
	if err != nil {
		d.t.Fatal(err)
	}
	var got []transition.OrderNo
	for _, p := range pairs {
		got = append(got, p.First.No, p.Second.No)
	}
	if len(got) != len(want) {
		d.t.Fatalf("the pairs are %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			d.t.Fatalf("the pairs are %v, want %v", got, want)
		}
	}
}

func (d *desk) refundDouble(no transition.OrderNo, key idempotency.Key) (transition.RefundOrder, error) {
	return d.RefundDouble(context.Background(), account, no, key)
}

func TestWhichTwoPaymentsLookLikeOne(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		channel string
		amount  fen.Fen
		after   time.Duration
		pair    bool
	}{
		"the same again":                         {"wechat", 5000, 20 * time.Second, true},
		"in the same second":                     {"wechat", 5000, 0, true},
		"a minute later":                         {"wechat", 5000, time.Minute, true},
		"61 seconds later":                       {"wechat", 5000, 61 * time.Second, false},
		"the same over the other channel":        {"alipay", 5000, 20 * time.Second, true},
		"another amount over the other channel":  {"alipay", 2000, 20 * time.Second, true},
		"another amount over the same channel":   {"wechat", 2000, 20 * time.Second, false},
		"the other channel, but 61 s later":      {"alipay", 2000, 61 * time.Second, false},
		"paid before, and heard of only now":     {"alipay", 5000, -20 * time.Second, true},
		"paid long before, heard of only by now": {"alipay", 5000, -61 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoubleDesk(t)
			one := d.paidAt("wechat", 5000, "1", 0)
			two := d.paidAt(tc.channel, tc.amount, "2", tc.after)
			switch {
			case !tc.pair:
				d.wantPairs()
			case tc.after < 0:
				d.wantPairs(two, one)
			default:
				d.wantPairs(one, two)
			}
		})
	}
}

func TestThreePaymentsAreTwoPairsNewestFirst(t *testing.T) {
	t.Parallel()
	d := newDoubleDesk(t)
	one, two, three := d.paidAt("wechat", 5000, "1", 0), d.paidAt("alipay", 5000, "2", 20*time.Second), d.paidAt("wechat", 5000, "3", 40*time.Second)
	d.wantPairs(two, three, one, two)
	if _, err := d.refundDouble(three, "double-0001"); err != nil {
		t.Fatal(err)
	}
	d.wantPairs(one, two)
	if _, err := d.refundDouble(two, "double-0002"); err != nil {
		t.Fatal(err)
	}
	d.wantPairs()
	if left := d.account().Pending; left != 5000 {
		t.Errorf("%s fen are left, want those of one payment", left)
	}
}

func TestAPairIsNoPairOnceSomethingHappenedToIt(t *testing.T) {
	t.Parallel()
	for name, happen := range map[string]func(d *desk, first, second transition.OrderNo){
		"some of the second went back": func(d *desk, _, second transition.OrderNo) { d.refund(second, 100) },
		"some of the first went back":  func(d *desk, first, _ transition.OrderNo) { d.refund(first, 100) },
		"the second is on its way back": func(d *desk, _, second transition.OrderNo) {
			d.wechat.refund = unanswered
			d.refund(second, 5000)
		},
		"the money is on its way to the card": func(d *desk, _, _ transition.OrderNo) {
			w := walker{desk: d}
			w.tap()
		},
		"the account was frozen": func(d *desk, _, _ transition.OrderNo) {
			st := transition.Statement{
				Account: account, Version: 2, Open: true, Freeze: []string{"lost"},
				Card: transition.Card{UID: "04A1", No: "7A1", Version: "1", Profile: "stamp"},
			}
			if _, err := d.bench.Import(context.Background(), st); err != nil {
				d.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoubleDesk(t)
			first, second := d.paidAt("wechat", 5000, "1", 0), d.paidAt("wechat", 5000, "2", time.Second)
			d.wantPairs(first, second)
			happen(d, first, second)
			d.wantPairs()
			before := d.account()
			_, err := d.refundDouble(second, "double-0001")
			if !errors.Is(err, recharge.ErrNotDouble) {
				t.Errorf("RefundDouble = %v, want ErrNotDouble", err)
			}
			if after := d.account(); after.Pending != before.Pending || after.RefundHeld != before.RefundHeld {
				t.Errorf("money moved: %+v, before %+v", after, before)
			}
		})
	}
}

func TestADoublePaymentGoesBackOnceHoweverOftenItIsAskedFor(t *testing.T) {
	t.Parallel()
	d := newDoubleDesk(t)
	d.paidAt("wechat", 5000, "1", 0)
	second := d.paidAt("alipay", 2000, "2", time.Second)
	first, err := d.refundDouble(second, "double-0001")
	if err != nil || first.State != transition.RefundSettled || first.Amount != 2000 || first.By != "holder" {
		t.Fatalf("%+v, %v; want 20.00 back", first, err)
	}
	again, err := d.refundDouble(second, "double-0001")
	if err != nil || again.No != first.No {
		t.Errorf("the same key again: %+v, %v; want %s", again, err, first.No)
	}
	if _, err = d.refundDouble(second, "double-0002"); !errors.Is(err, recharge.ErrNotDouble) {
		t.Errorf("the button of another page: %v, want ErrNotDouble", err)
	}
	if left := d.account().Pending; left != 5000 || d.alipay.sent != 1 || d.wechat.sent != 0 {
		t.Errorf("%s fen are left after %d and %d refunds, want 5000 after 1 and 0", left, d.alipay.sent, d.wechat.sent)
	}
}

func TestNoOtherOrderGoesBackAsADoublePayment(t *testing.T) {
	t.Parallel()
	d := newDoubleDesk(t)
	d.bench.Account(t, "2026000001", 0)
	first, second := d.paidAt("wechat", 5000, "1", 0), d.paidAt("wechat", 5000, "2", time.Second)
	single := d.paidAt("wechat", 3000, "3", time.Hour)
	unpaid := d.created("wechat", 700, "4")
	nobodys := transition.NewOrderNo(account, noon())
	for name, tc := range map[string]struct {
		account transition.AccountNo
		order   transition.OrderNo
		want    error
	}{
		"another account's":       {"2026000001", second, transition.ErrNoOrder},
		"nobody's":                {account, nobodys, transition.ErrNoOrder},
		"the first of the pair":   {account, first, recharge.ErrNotDouble},
		"one that was paid once":  {account, single, recharge.ErrNotDouble},
		"one that was not at all": {account, unpaid, recharge.ErrNotDouble},
	} {
		_, err := d.RefundDouble(context.Background(), tc.account, tc.order, "double-0001")
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if a := d.account(); a.Pending != 13_000 || a.RefundHeld != 0 {
		t.Errorf("money moved: %+v", a)
	}
}
