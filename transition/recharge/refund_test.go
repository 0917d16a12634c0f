package recharge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// The browser was closed, or the hub died: the request is on the wire all the same.
func TestARequestOfACallerWhoWentAwayKeepsTheRefundHeld(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	ctx, leave := context.WithCancel(context.Background())
	d.wechat.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		leave() // the request is on the wire, its answer is not waited for
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	d.wechat.query = notFound
	_, _ = d.Refund(ctx, recharge.RefundWish{Account: account, Order: no, Amount: 5000, Key: "refund-0001", By: "holder"})
	o, err := d.bench.Order(context.Background(), no)
	if err != nil || len(o.Refunds) != 1 {
		t.Fatalf("%+v, %v", o, err)
	}
	d.wechat.refund = refuses
	d.now = d.now.Add(6 * time.Second)
	d.look()
	r := d.state(transition.RefundNo(o.Refunds[0]))
	if r.State != transition.RefundHeld {
		t.Errorf("6 s after a request was sent the refund is %s and %s fen are pending again; the channel may still make it", r.State, d.account().Pending)
	}
}

// A channel call may take longer than the first look of a poller: the two overlap.
func TestThePollerNeverGivesBackWhatAFirstRequestMayGet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.query = notFound
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		d.wechat.refund = refuses
		d.now = d.now.Add(5 * time.Second)
		d.look() // another hub
		return status("wechat", no, r.RefundNo, r.Amount, channels.RefundProcessing), nil
	}
	r := d.refund(no, 5000)
	if r.State != transition.RefundHeld {
		t.Errorf("the channel accepted the refund, the books say %s, %s fen are pending", r.State, d.account().Pending)
	}
}

// Alipay sends no notice of refunds by default: nobody else would tell.
func TestAReturnedRefundThatIsUnderWayAfterAllBecomesACase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("alipay", 5000, "1")
	d.alipay.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("alipay", no, r.RefundNo, r.Amount, channels.RefundClosed), nil
	}
	r := d.refund(no, 5000)
	if r.State != transition.RefundReturned {
		t.Fatalf("%+v", r)
	}
	out, err := d.SettleRefund(context.Background(), status("alipay", no, string(r.No), 5000, channels.RefundProcessing), "query")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	d.alipay.query = func(string, string) (channels.RefundStatus, error) {
		asked++
		return status("alipay", no, string(r.No), 5000, channels.RefundMade), nil
	}
	for range 10 {
		d.now = d.now.Add(time.Hour)
		d.look()
	}
	if kinds := d.open(); len(kinds) == 0 && asked == 0 {
		t.Errorf("outcome %q, no case, asked %d times in 10 hours; the channel refunded 5000, the books say %s with %s pending",
			out, asked, d.books()["refunded"], d.account().Pending)
	}
}

// WeChat does not sign its errors; a bad gateway can say the same.
func TestUnsignedRefusalsNeverOutweighASignedAcceptance(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", no, r.RefundNo, r.Amount, channels.RefundProcessing), nil // signed
	}
	d.wechat.query = func(order, refund string) (channels.RefundStatus, error) {
		return status("wechat", no, refund, 5000, channels.RefundProcessing), nil // signed
	}
	r := d.refund(no, 5000)
	d.now = d.now.Add(11 * time.Minute)
	d.look()
	if got := d.state(r.No); got.State != transition.RefundHeld || got.Word != "processing" {
		t.Fatalf("%+v", got)
	}
	d.wechat.refund, d.wechat.query = refuses, notFound // unsigned
	d.now = d.now.Add(31 * time.Minute)
	d.look()
	if got := d.state(r.No); got.State != transition.RefundHeld {
		t.Errorf("accepted by the channel and %s on unsigned words; %s fen pending", got.State, d.account().Pending)
	}
}

// Rights and limits of the query say nothing of the refund.
func TestARefusedQueryIsNoRefusedRefund(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow // NOT_ENOUGH
	}
	d.wechat.query = notFound
	r := d.refund(no, 5000)
	d.now = d.now.Add(11 * time.Minute)
	first := true
	d.wechat.query = func(string, string) (channels.RefundStatus, error) {
		if first {
			first = false
			return channels.RefundStatus{}, channels.ErrRefused // 403 NO_AUTH, RULE_LIMIT, 401 SIGN_ERROR
		}
		return channels.RefundStatus{}, channels.ErrRefundNotFound
	}
	d.look()
	if got := d.state(r.No); got.State != transition.RefundHeld {
		t.Errorf("nobody refused the refund (sent %d times, NOT_ENOUGH each time), and it is %s", d.wechat.sent, got.State)
	}
}

func TestARefusalRightAfterAnUnknownOutcomeGivesNothingBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow
	}
	d.wechat.query = notFound
	r := d.refund(no, 5000)
	d.now = d.now.Add(time.Hour)
	d.wechat.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrUnknownOutcome // SYSTEM_ERROR, perhaps with the work done
	}
	d.look()
	d.wechat.refund = refuses
	d.now = d.now.Add(time.Second)
	if err := d.AskRefund(context.Background(), r.No); err != nil { // "it may be called as often as one likes"
		t.Fatal(err)
	}
	if got := d.state(r.No); got.State != transition.RefundHeld {
		t.Errorf("one second after a request of unknown outcome the refund is %s", got.State)
	}
}

func TestASecondReasonForACaseIsKeptBesideTheFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	word := channels.RefundAbnormal
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", no, r.RefundNo, r.Amount, word), nil
	}
	r := d.refund(no, 5000)
	for _, s := range []channels.RefundState{channels.RefundClosed, channels.RefundMade} {
		if _, err := d.SettleRefund(context.Background(), status("wechat", no, string(r.No), 5000, s), "callback"); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.state(r.No); got.Flag != "late" {
		t.Fatalf("%+v", got)
	}
	if kinds := strings.Join(d.open(), " "); !strings.Contains(kinds, "refund_late") {
		t.Errorf("5000 left twice; the open cases are %q", kinds)
	}
}

func TestARefundThatIsNeverReadyBecomesACase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("alipay", 5000, "1")
	d.alipay.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("alipay", no, r.RefundNo, r.Amount, channels.RefundProcessing), nil
	}
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		return status("alipay", no, refund, 5000, channels.RefundProcessing), nil
	}
	r := d.refund(no, 5000)
	for range 200 {
		d.now = d.now.Add(4 * time.Hour) // a month
		d.look()
	}
	if got := d.state(r.No); got.State == transition.RefundHeld && d.alipay.sent == 1 && len(d.open()) == 0 {
		t.Errorf("held for 33 days, asked %d times, sent once, and no case tells anybody", got.Queries)
	}
}

// The card counts one load more than the ledger: what is pending may be on it already.
func TestMoneyThatMayBeOnTheCardIsNotRefunded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	tap := func(id string, l int64, b fen.Fen) transition.Outcome {
		d.now = d.now.Add(time.Minute)
		got, err := d.bench.Tap(context.Background(), transition.Reading{
			Terminal: "T1", TapID: id, UID: "04A1", CardNo: "7A1", Version: "1", L: l, B: b,
		}, transition.Nonce{KeyID: "T1", Value: id}, transition.TapTimes{NotAfter: time.Minute, Deadline: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return got.Outcome
	}
	tap("tap-0001", 3, 1200) // offers 5000
	tap("tap-0002", 4, 6200) // the counter confirms it
	two, _ := d.credited("wechat", 3000, "2")
	if got := tap("tap-0003", 5, 9200); got != transition.UnknownLoad { // one load more than the ledger knows, of 3000
		t.Fatal(got)
	}
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", two, r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	_, err := d.Refund(context.Background(), recharge.RefundWish{Account: account, Order: two, Amount: 3000, Key: "refund-0002", By: "holder"})
	if err == nil {
		t.Errorf("order %s: the card is marked UNKNOWN_LOAD and shows 3000 more; 3000 were refunded all the same (%s)", no, d.books()["refunded"])
	}
}

func TestARefundInACaseIsAskedAboutSeldom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", no, r.RefundNo, r.Amount-1, channels.RefundMade), nil // another amount
	}
	asked := 0
	d.wechat.query = func(_, refund string) (channels.RefundStatus, error) {
		asked++
		return status("wechat", no, refund, 4999, channels.RefundMade), nil
	}
	r := d.refund(no, 5000)
	d.now = d.now.Add(time.Hour)
	for range 60 { // half an hour
		d.now = d.now.Add(31 * time.Second)
		d.look()
	}
	if n := asked + d.wechat.sent; n > 10 {
		t.Errorf("an hour old refund was sent or asked about %d times in 31 minutes (%d queries counted); want about 2", n, d.state(r.No).Queries)
	}
}

// Another hub ended it between the look and the request.
func TestARefundThatWasGivenBackIsNotSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("alipay", 5000, "1")
	d.alipay.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow // SELLER_BALANCE_NOT_ENOUGH
	}
	r := d.refund(no, 5000)
	d.now = d.now.Add(11 * time.Minute)
	made := fen.Fen(0)
	d.alipay.query = func(string, string) (channels.RefundStatus, error) {
		d.alipay.query, d.alipay.refund = notFound, refuses
		if err := d.AskRefund(context.Background(), r.No); err != nil { // the other hub
			t.Fatal(err)
		}
		d.alipay.refund = func(_ context.Context, q channels.RefundRequest) (channels.RefundStatus, error) {
			made += q.Amount // the seller's balance is there again
			return status("alipay", no, q.RefundNo, q.Amount, channels.RefundProcessing), nil
		}
		return channels.RefundStatus{}, channels.ErrRefundNotFound
	}
	if err := d.AskRefund(context.Background(), r.No); err != nil {
		t.Fatal(err)
	}
	if got := d.state(r.No); made > 0 && got.State == transition.RefundReturned {
		t.Errorf("the channel makes %s, %s are pending again, open cases %v", made, d.account().Pending, d.open())
	}
}

func TestVerifyFindsOtherOrdersAndRefunds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := context.Background()
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow
	}
	r := d.refund(no, 1000)
	redis := d.bench.Runner.Client()
	for _, m := range [][3]string{
		{"o:" + string(no), "amount", "9000"}, {"o:" + string(no), "account", "B7"}, {"rf:" + string(r.No), "account", "B7"},
		{"rf:" + string(r.No), "channel", "alipay"}, {"a:A1", "freeze", "clawback=hub"},
	} {
		key := "h:{p07}:" + m[0]
		before := redis.HGet(ctx, key, m[1]).Val()
		redis.HSet(ctx, key, m[1], m[2])
		_, err := d.bench.Verify(ctx)
		if err == nil {
			t.Errorf("%s %s is %q instead of %q, and Verify is content", m[0], m[1], m[2], before)
		}
		redis.HSet(ctx, key, m[1], before)
	}
}

// A number names its partition, and every look-up trusts that.
func TestARefundNumberOfAnotherPartitionIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := context.Background()
	no, _ := d.credited("wechat", 5000, "1")
	stray := transition.NewRefundNo("2026000001", d.now) // p40; the order is in p07
	_, _, err := d.bench.HoldRefund(ctx, transition.NewRefund{No: stray, Order: no, Account: account, Amount: 5000, FirstDue: d.now})
	if err != nil {
		return
	}
	_, settle := d.SettleRefund(ctx, status("wechat", no, string(stray), 5000, channels.RefundMade), "callback")
	t.Errorf("held: %s fen; settling it says: %v", d.account().RefundHeld, settle)
}
