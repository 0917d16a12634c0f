package recharge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// room is what the account may recharge now.
func (d *desk) room() recharge.Room {
	d.t.Helper()
	return d.Room(d.account())
}

// probe asks for an order as a payer whose wishes are always new.
func (d *desk) probe(amount fen.Fen) (transition.OrderNo, error) {
	d.t.Helper()
	r, err := d.Create(context.Background(), recharge.Wish{
		Account: account, Channel: "wechat", Amount: amount, Key: idempotency.NewKey(),
		Payer: channels.Payer{Kind: "openid", ID: "oProbe" + string(idempotency.NewKey())},
	})
	return r.Order, err
}

func (d *desk) closed(no transition.OrderNo) {
	d.t.Helper()
	d.settle(channels.Payment{Channel: "wechat", Merchant: merchant, OrderNo: string(no), State: channels.Closed}, channels.OutcomeClosed)
}

// wantMost checks that what Most says is what Create does: that amount passes,
// one fen more does not, and the refusal names the same limit with the same rest.
func (d *desk) wantMost() (refusedBy string) {
	d.t.Helper()
	room := d.room()
	most := room.Most()
	no, err := d.probe(most + 1)
	var limit *transition.LimitError
	if !errors.As(err, &limit) {
		d.t.Fatalf("%+v: %s fen, one above the most, is %s, %v; want a LimitError", room, most+1, no, err)
	}
	if left := map[string]fen.Fen{"order": room.Order, "day": room.Day, "balance": room.Balance}[limit.Limit]; left != limit.Left {
		d.t.Fatalf("the %s leaves %s fen, the refusal says %s", limit.Limit, left, limit.Left)
	}
	if most == 0 {
		return limit.Limit
	}
	no, err = d.probe(most)
	if err != nil {
		d.t.Fatalf("%+v: the most, %s fen, is refused: %v", room, most, err)
	}
	d.closed(no)
	return limit.Limit
}

// walker brings an account into one state after another.
type walker struct {
	*desk
	random  *rand.Rand
	unpaid  []transition.OrderNo
	loads   int64   // the card's counter
	balance fen.Fen // on the card
	steps   int
}

func (w *walker) step() {
	w.t.Helper()
	w.steps++
	switch w.random.IntN(8) {
	case 0, 1, 2:
		w.order()
	case 3, 4:
		w.pay()
	case 5:
		if no, some := w.any(); some {
			w.closed(no)
		}
	case 6:
		w.tap()
	case 7:
		// Forward and back, by minutes or by days: clocks of several hubs, one wrong.
		w.now = time.Date(2026, 11, 23, 15, 55, 0, 0, time.UTC).Add(time.Duration(w.random.IntN(10)) * time.Minute)
		if w.random.IntN(3) == 0 {
			w.now = w.now.AddDate(0, 0, w.random.IntN(4)-1)
		}
	}
}

func (w *walker) order() {
	w.t.Helper()
	most := w.room().Most()
	if most == 0 {
		return
	}
	amount := most
	if w.random.IntN(4) > 0 {
		amount = 1 + fen.Fen(w.random.Int64N(int64(most)))
	}
	no, err := w.probe(amount)
	if err != nil {
		w.t.Fatal(err)
	}
	w.unpaid = append(w.unpaid, no)
}

// any takes one of the unpaid orders.
func (w *walker) any() (transition.OrderNo, bool) {
	if len(w.unpaid) == 0 {
		return "", false
	}
	i := w.random.IntN(len(w.unpaid))
	no := w.unpaid[i]
	w.unpaid = append(w.unpaid[:i], w.unpaid[i+1:]...)
	return no, true
}

func (w *walker) pay() {
	w.t.Helper()
	no, some := w.any()
	if !some {
		return
	}
	o, err := w.bench.Order(context.Background(), no)
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle(w.payment("wechat", no, o.Amount, fmt.Sprintf("4200%06d", w.steps)), channels.OutcomeCredited)
}

// tap finds the load of the tap before on the card, and offers what is pending.
func (w *walker) tap() {
	w.t.Helper()
	if held := w.account().LoadHeld; held > 0 {
		w.loads, w.balance = w.loads+1, w.balance+held
	}
	id := fmt.Sprintf("tap-%04d", w.steps)
	_, err := w.bench.Tap(context.Background(),
		transition.Reading{Terminal: "T1", TapID: id, UID: "04A1", CardNo: "7A1", Version: "1", L: w.loads, B: w.balance},
		transition.Nonce{KeyID: "T1-1", Value: "nonce-" + id}, transition.TapTimes{NotAfter: time.Hour, Deadline: 2 * time.Hour})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestTheMostIsExactlyWhatCreateAcceptsInWhateverState(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := walker{desk: newDeskWithin(t, transition.Limits{Order: 50_000, Day: 80_000, Balance: 120_000}), random: rand.New(rand.NewPCG(seed, 0))}
	refusals := map[string]int{}
	// Whatever the dice say, each limit stands in the way once: that of an order,
	// then that of the day, and the next day that of the balance.
	for i, amount := range []fen.Fen{50_000, 30_000, 40_000} {
		refusals[w.wantMost()]++
		if i == 2 {
			w.now = w.now.AddDate(0, 0, 1)
		}
		no, err := w.probe(amount)
		if err != nil {
			t.Fatal(err)
		}
		w.unpaid = append(w.unpaid, no)
		w.steps--
		w.pay()
	}
	refusals[w.wantMost()]++
	for range 200 {
		w.step()
		refusals[w.wantMost()]++
	}
	for _, limit := range []string{"order", "day", "balance"} {
		if refusals[limit] == 0 {
			t.Errorf("the limit of the %s never stood in the way: %v", limit, refusals)
		}
	}
}

func TestOpenAndPaidOrdersReserveOfTheDayAndClosedOnesFreeIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if got, want := d.room(), (recharge.Room{Order: 50_000, Day: 200_000, Balance: 500_000, Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000}}); got != want {
		t.Fatalf("before the first order: %+v, want %+v", got, want)
	}
	wantDay := func(when string, day, balance fen.Fen) {
		t.Helper()
		if got := d.room(); got.Day != day || got.Balance != balance {
			t.Errorf("%s the day leaves %s fen and the balance %s, want %s and %s", when, got.Day, got.Balance, day, balance)
		}
	}
	open, err := d.probe(30_000)
	if err != nil {
		t.Fatal(err)
	}
	wantDay("with an open order", 170_000, 500_000)
	d.credited("wechat", 5000, "1")
	wantDay("with a paid order beside it", 165_000, 495_000)
	d.now = d.now.Add(time.Hour)
	wantDay("long after it expired", 165_000, 495_000)
	d.closed(open)
	wantDay("once it is closed", 195_000, 495_000)
	d.closed(open)
	wantDay("closed twice", 195_000, 495_000)
}

func TestTheDayBeginsAtMidnightInBeijing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, transition.Beijing())
	d.now = midnight.Add(-time.Millisecond)
	d.credited("wechat", 50_000, "1")
	for name, tc := range map[string]struct {
		now time.Time
		day fen.Fen
	}{
		"the last instant of the day":          {midnight.Add(-time.Millisecond), 150_000},
		"midnight":                             {midnight, 200_000},
		"the day before, by a clock behind":    {midnight.AddDate(0, 0, -1).Add(-time.Millisecond), 150_000},
		"two days before: one clock was wrong": {midnight.AddDate(0, 0, -2).Add(-time.Millisecond), 200_000},
	} {
		d.now = tc.now
		if got := d.room().Day; got != tc.day {
			t.Errorf("%s leaves %s fen, want %s", name, got, tc.day)
		}
	}
}

func TestTheUnpaidOrderIsGoneOnWithThoughTheLimitsLeaveNothing(t *testing.T) {
	t.Parallel()
	d := newDeskWithin(t, transition.Limits{Order: 50_000, Day: 50_000, Balance: 500_000})
	no := d.created("wechat", 50_000, "1")
	room := d.room()
	if room.Most() != 0 || room.Unpaid.No != no || room.Unpaid.Amount != 50_000 || room.Unpaid.Channel != "wechat" ||
		room.Unpaid.Payer != "oPayerNumberOne" || !room.Payable || !room.Unpaid.Expires.Equal(d.now.Add(15*time.Minute)) {
		t.Fatalf("%+v", room)
	}
	if again := d.created("wechat", 50_000, "2"); again != no {
		t.Errorf("asking for it again makes %s, want %s", again, no)
	}
	d.now = room.Unpaid.Expires
	if late := d.room(); late.Payable || late.Unpaid.No != no || late.Day != 0 {
		t.Errorf("expired and not closed: %+v", late)
	}
	d.settle(d.payment("wechat", no, 50_000, "42001"), channels.OutcomeCredited)
	if paid := d.room(); paid.Unpaid.No != "" || paid.Payable {
		t.Errorf("paid: %+v", paid)
	}
}

func TestAClosedAccountHasNoRoom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.credited("wechat", 100, "1")
	a := d.account()
	a.Open = false
	if got := d.Room(a); got.Most() != 0 || got.Payable {
		t.Errorf("a closed account has %+v", got)
	}
}
