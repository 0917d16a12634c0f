package recharge_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"guodu/channels"
	"guodu/transition"
	"guodu/transition/recharge"
)

// The payer is quick: the channel tells of the payment before it has answered the
// request that made it payable.
func TestACallbackThatOvertakesThePrepayAnswerIsCreditedOnce(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	tl.channel.prepay = func(r channels.PrepayRequest) (channels.Prepay, error) {
		tl.mustSettle(t, paid(transition.OrderNo(r.OrderNo), 5000), channels.OutcomeCredited)
		return ready(r)
	}
	made, err := tl.Create(t.Context(), tl.wish(5000))
	if err != nil {
		t.Fatal(err)
	}
	o, err := tl.bench.Order(t.Context(), made.Order)
	if err != nil || o.State != transition.OrderCredited {
		t.Errorf("after the answer the order is %s, %v; want credited", o.State, err)
	}
	tl.mustSettle(t, paid(made.Order, 5000), channels.OutcomeDuplicate)
	if got := tl.pending(t); got != 5000 {
		t.Errorf("pending is %s, want 50.00", got.Yuan())
	}
}

// Somebody else paid, or the channel names its payer by another kind of id: the
// money is the account's either way, and only the first is flagged.
func TestAnotherPayerIsCreditedAndFlaggedByIdsOfOneKindOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		payer channels.Payer
		flag  string
	}{
		"the same":        {channels.Payer{Kind: "openid", ID: "oPayerNumberOne"}, ""},
		"somebody else":   {channels.Payer{Kind: "openid", ID: "oPayerNumberTwo"}, "other_payer"},
		"another kind":    {channels.Payer{Kind: "open_id", ID: "oPayerNumberTwo"}, ""},
		"nobody is named": {channels.Payer{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tl := newTill(t, 0, nil)
			p := paid(tl.mustCreate(t, 5000), 5000)
			p.Payer = tc.payer
			tl.mustSettle(t, p, channels.OutcomeCredited)
			o, err := tl.bench.Order(t.Context(), transition.OrderNo(p.OrderNo))
			if err != nil || o.Flag != tc.flag {
				t.Errorf("flag %q, %v; want %q", o.Flag, err, tc.flag)
			}
		})
	}
}

// A second tab is another form: what it asks for is the order that waits already,
// as long as that can be paid.
func TestAnUnpaidOrderServesTheSameWishUntilItExpires(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	tl := newTill(t, 0, func() time.Time { return now })
	first := tl.mustCreate(t, 5000)
	again := tl.wish(5000)
	again.Key = "key-00000002"
	second, err := tl.Create(t.Context(), again)
	if err != nil || second.Order != first {
		t.Errorf("the second tab gets %s, %v; want %s, which waits", second.Order, err, first)
	}
	now = now.Add(15 * time.Minute)
	again.Key = "key-00000003"
	third, err := tl.Create(t.Context(), again)
	if err != nil || third.Order == first {
		t.Errorf("after its expiry the order is %s, %v; want a new one", third.Order, err)
	}
	tl.mustSettle(t, paid(third.Order, 5000), channels.OutcomeCredited)
}

// A closed order was paid in the last second, and the callback comes afterwards.
func TestAPaymentThatWonAgainstTheCloseIsCreditedOnce(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	no := tl.mustCreate(t, 5000)
	word := paid(no, 5000)
	word.State = channels.Closed
	tl.mustSettle(t, word, channels.OutcomeClosed)
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
	tl.mustSettle(t, word, channels.OutcomeDuplicate) // a notice of closing that was overtaken
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeDuplicate)
	if got := tl.pending(t); got != 5000 {
		t.Errorf("pending is %s, want 50.00", got.Yuan())
	}
}

// One order, paid under two transactions: the second payment is nobody's, and in
// the books.
func TestASecondTransactionOfAnOrderIsACaseAndNoCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, p := d.credited("wechat", 5000, "1")
	p.TransactionID = "420009"
	d.settle(p, channels.OutcomeCase)
	if tot := d.books(); d.account().Pending != 5000 || tot["suspense"] != -5000 {
		t.Errorf("pending %s, books %v; want 50.00 pending and 50.00 in suspense", d.account().Pending, tot)
	}
}

// processing accepts each refund.
func processing(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
	return status("wechat", transition.OrderNo(r.OrderNo), r.RefundNo, r.Amount, channels.RefundProcessing), nil
}

func TestARefundToldTwiceLeavesTheBooksOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = processing
	r := d.refund(no, 2000)
	for _, tc := range []struct {
		no   string
		want channels.Outcome
	}{{string(r.No), channels.OutcomeRefunded}, {string(r.No), channels.OutcomeDuplicate}, {"console-1", channels.OutcomeRefunded}, {"console-1", channels.OutcomeDuplicate}} {
		out, err := d.SettleRefund(t.Context(), status("wechat", no, tc.no, 2000, channels.RefundMade), "callback")
		if err != nil || out != tc.want {
			t.Errorf("%s: %q, %v; want %q", tc.no, out, err, tc.want)
		}
	}
	if got := -d.books()["refunded"]; got != 4000 || d.account().Pending != 1000 {
		t.Errorf("refunded %s, pending %s; want 40.00 and 10.00", got.Yuan(), d.account().Pending.Yuan())
	}
}

func TestARefundOfAnotherAmountThanAskedForIsACase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = processing
	r := d.refund(no, 2000)
	out, err := d.SettleRefund(t.Context(), status("wechat", no, string(r.No), 5000, channels.RefundMade), "callback")
	if err != nil || out != channels.OutcomeCase || d.books()["refunded"] != 0 {
		t.Errorf("%q, %v, books %v; want a case and nothing refunded", out, err, d.books())
	}
}

// The payer's bank account is gone. The merchant may still make the refund another
// way, so its money must not be loaded meanwhile.
func TestAnAbnormalRefundStaysHeldAndIsACase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = processing
	r := d.refund(no, 2000)
	out, err := d.SettleRefund(t.Context(), status("wechat", no, string(r.No), 2000, channels.RefundAbnormal), "callback")
	if err != nil || out != channels.OutcomeCase || !slices.Equal(d.open(), []string{"refund_abnormal"}) {
		t.Errorf("%q, %v, open cases %v", out, err, d.open())
	}
	if a := d.account(); a.RefundHeld != 2000 || a.Pending != 3000 {
		t.Errorf("held %s, pending %s; want 20.00 and 30.00", a.RefundHeld.Yuan(), a.Pending.Yuan())
	}
}

func TestARefundThatTheChannelClosesIsPendingAgainOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = processing
	r := d.refund(no, 2000)
	for range 2 {
		out, err := d.SettleRefund(t.Context(), status("wechat", no, string(r.No), 2000, channels.RefundClosed), "callback")
		if err != nil || out != channels.OutcomeReturned {
			t.Fatalf("%q, %v", out, err)
		}
	}
	if a := d.account(); a.RefundHeld != 0 || a.Pending != 5000 {
		t.Errorf("held %s, pending %s; want 0.00 and 50.00", a.RefundHeld.Yuan(), a.Pending.Yuan())
	}
}

// The channel refuses a second refund of an order that comes too soon.
func TestASecondRefundWaitsAsLongAsTheChannelWants(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.wechat.pause = time.Minute
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = processing
	d.refund(no, 2000)
	second, err := d.Refund(t.Context(), recharge.RefundWish{Account: account, Order: no, Amount: 1000, Key: "refund-0002", By: "holder"})
	if err != nil || second.State != transition.RefundHeld || d.wechat.sent != 1 {
		t.Fatalf("%+v, %v; %d were sent, want 1", second, err, d.wechat.sent)
	}
	d.wechat.query = func(order, refund string) (channels.RefundStatus, error) {
		return status("wechat", no, refund, 2000, channels.RefundProcessing), nil
	}
	d.now = d.now.Add(time.Minute)
	d.look()
	if d.wechat.sent != 2 {
		t.Errorf("%d were sent a minute later, want 2", d.wechat.sent)
	}
}

// An order has its fifty refunds at WeChat Pay, and what is under way counts.
func TestARefundIsBoundedByItsOrderWhateverIsPending(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.wechat.refund = processing
	no, _ := d.credited("wechat", 5000, "1")
	d.credited("wechat", 3000, "2")
	d.refund(no, 4000)
	var limit *transition.RefundLimitError
	_, err := d.Refund(t.Context(), recharge.RefundWish{Account: account, Order: no, Amount: 1001, Key: "refund-0002", By: "holder"})
	if !errors.As(err, &limit) || limit.Left != 1000 || d.wechat.sent != 1 {
		t.Errorf("%v, %d sent; want a limit that leaves 10.00 of the order", err, d.wechat.sent)
	}
}

// A request whose outcome is unknown is asked about, and sent again only as the
// same refund.
func TestARefundOfUnknownOutcomeIsAskedAboutBeforeItIsSentAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	var requests []channels.RefundRequest
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		requests = append(requests, r)
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	asked := 0
	d.wechat.query = func(string, string) (channels.RefundStatus, error) {
		asked++
		return channels.RefundStatus{}, channels.ErrRefundNotFound
	}
	r := d.refund(no, 2000)
	d.now = d.now.Add(time.Minute)
	d.look()
	if asked != 1 || len(requests) != 2 || requests[0] != requests[1] || requests[0].RefundNo != string(r.No) {
		t.Errorf("asked %d times, sent %+v; want one question and the identical request", asked, requests)
	}
	if got := d.state(r.No); got.State != transition.RefundHeld || d.account().Pending != 3000 {
		t.Errorf("the refund is %s, %s pending; want held and 30.00", got.State, d.account().Pending.Yuan())
	}
}

// The holder presses the button once more, long after the order was paid.
func TestAFormSentAgainAfterItsOrderWasPaidMakesNoOtherOrder(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	no := tl.mustCreate(t, 5000)
	tl.mustSettle(t, paid(no, 5000), channels.OutcomeCredited)
	again, err := tl.Create(t.Context(), tl.wish(5000))
	if !errors.Is(err, channels.ErrAlreadyPaid) || again.Order != no || len(tl.channel.requests) != 1 {
		t.Errorf("order %s, %v, the channel was asked %d times; want %s, paid already, once", again.Order, err, len(tl.channel.requests), no)
	}
}

// Between the question to the channel and the next request, two people give the
// refund back: the request must not leave any more.
func TestARefundGivenBackMeanwhileIsNotSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("alipay", 5000, "1")
	d.alipay.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow
	}
	r := d.refund(no, 2000)
	d.now = d.now.Add(11 * time.Minute)
	d.alipay.query = func(string, string) (channels.RefundStatus, error) {
		d.alipay.query = notFound
		got, err := d.GiveBack(t.Context(), r.No, "li+wang", "not found")
		if err != nil || got.State != transition.RefundReturned {
			t.Errorf("GiveBack = %+v, %v", got, err)
		}
		return channels.RefundStatus{}, channels.ErrRefundNotFound
	}
	if err := d.AskRefund(t.Context(), r.No); err != nil {
		t.Fatal(err)
	}
	if d.alipay.sent != 1 || d.account().Pending != 5000 {
		t.Errorf("sent %d times, pending %s; want once, and 50.00", d.alipay.sent, d.account().Pending.Yuan())
	}
}

// What a terminal may be writing on the card at this moment cannot go back as well.
func TestMoneyOnItsWayToTheCardIsNotRefunded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.wechat.refund = processing
	no, _ := d.credited("wechat", 5000, "1")
	offered, err := d.bench.Tap(t.Context(), transition.Reading{Terminal: "T1", TapID: "tap-0001", UID: "04A1", CardNo: "7A1", Version: "1", L: 3, B: 1200},
		transition.Nonce{KeyID: "T1", Value: "tap-0001"}, transition.TapTimes{NotAfter: time.Minute, Deadline: time.Minute})
	if err != nil || d.account().Pending != 0 {
		t.Fatalf("%+v, %v; pending %s", offered, err, d.account().Pending.Yuan())
	}
	_, err = d.Refund(t.Context(), recharge.RefundWish{Account: account, Order: no, Amount: 5000, Key: "refund-0001", By: "holder"})
	if err == nil || d.wechat.sent != 0 {
		t.Errorf("%v, sent %d times; want a limit, and nothing sent", err, d.wechat.sent)
	}
}

// The payment of a closed account is on its way back, and the account opens again:
// what its payer gets back must not become the holder's as well.
func TestACaseIsNotCreditedOnceItsRefundIsUnderWay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 5000, "1")
	d.statement(2, false, "04A1")
	p := d.payment("wechat", no, 5000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	d.wechat.refund, d.wechat.query = processing, func(_, refund string) (channels.RefundStatus, error) {
		return status("wechat", no, refund, 5000, channels.RefundMade), nil
	}
	if r := d.refundCase("wechat:4200001"); r.State != transition.RefundHeld {
		t.Fatalf("%+v", r)
	}
	d.statement(3, true, "04A1")
	d.settle(p, channels.OutcomeCase) // under way
	d.now = d.now.Add(time.Minute)
	d.look()
	d.settle(p, channels.OutcomeClosed) // made
	if tot := d.books(); d.account().Pending != 0 || tot["refunded"] != -5000 {
		t.Errorf("pending %s, books %v; want nothing pending and 50.00 refunded", d.account().Pending.Yuan(), tot)
	}
}

// The money is on the card when it goes back outside the hub: it is owed, and the
// next recharge pays it first.
func TestMoneyThatLeftAfterItWasLoadedIsOwedAndTakenFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	for _, tap := range []transition.Reading{{TapID: "tap-0001", L: 3, B: 1200}, {TapID: "tap-0002", L: 4, B: 6200}} {
		tap.Terminal, tap.UID, tap.CardNo, tap.Version = "T1", "04A1", "7A1", "1"
		d.now = d.now.Add(time.Minute)
		_, err := d.bench.Tap(t.Context(), tap, transition.Nonce{KeyID: "T1", Value: tap.TapID}, transition.TapTimes{NotAfter: time.Minute, Deadline: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := d.SettleRefund(t.Context(), status("wechat", no, "console-1", 5000, channels.RefundMade), "callback")
	if err != nil || out != channels.OutcomeRefunded {
		t.Fatalf("%q, %v", out, err)
	}
	if a := d.account(); a.Clawback != 5000 || !a.Frozen() {
		t.Errorf("owed %s, frozen %t; want 50.00 and frozen", a.Clawback.Yuan(), a.Frozen())
	}
	d.credited("wechat", 7000, "2")
	if a := d.account(); a.Clawback != 0 || a.Pending != 2000 || a.Frozen() {
		t.Errorf("owed %s, pending %s, frozen %t; want nothing, 20.00 and not frozen", a.Clawback.Yuan(), a.Pending.Yuan(), a.Frozen())
	}
}

// Our refund is held and theirs was made, of the same amount: the sum that the
// channel tells is theirs alone.
func TestWhatIsHeldIsNoPartOfWhatTheChannelMade(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("alipay", 6000, "1")
	d.alipay.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrNotNow
	}
	d.refund(no, 3000)
	d.alipay.query = func(string, string) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrRefused // it may not be asked about
	}
	d.settle(told(p, "console-1", 3000), channels.OutcomeCase)
	if kinds := d.open(); !slices.Equal(kinds, []string{"refunds_unknown"}) {
		t.Errorf("open cases %v, want one of unknown refunds", kinds)
	}
}

// After the right word comes a wrong one on the same payment: its money is in the
// books already.
func TestAWrongWordOnACreditedPaymentHoldsNoMoney(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, p := d.credited("wechat", 5000, "1")
	p.Amount = 6000
	d.settle(p, channels.OutcomeCase)
	if tot := d.books(); tot["paid"] != 5000 || tot["suspense"] != 0 || d.only().Suspense != 0 {
		t.Errorf("books %v, case %+v; want 50.00 paid and nothing in suspense", tot, d.only())
	}
}

// An order of yesterday that is closed after midnight has used nothing of today.
func TestAnOrderOfYesterdayFreesNothingOfToday(t *testing.T) {
	t.Parallel()
	d := newDeskWithin(t, transition.Limits{Order: 5000, Day: 5000, Balance: 500_000})
	d.now = time.Date(2026, 11, 23, 23, 59, 0, 0, transition.Beijing())
	yesterday := d.created("wechat", 5000, "1")
	d.now = d.now.Add(20 * time.Minute)
	d.credited("wechat", 5000, "2")
	word := d.payment("wechat", yesterday, 5000, "420001")
	word.State = channels.Closed
	d.settle(word, channels.OutcomeClosed)
	_, err := d.Create(t.Context(), recharge.Wish{
		Account: account, Channel: "wechat", Amount: 100, Key: "key-00000003", Payer: channels.Payer{Kind: "openid", ID: "oPayerNumberOne"},
	})
	var limit *transition.LimitError
	if !errors.As(err, &limit) || limit.Limit != "day" {
		t.Errorf("%v; want the limit of the day, which is used up", err)
	}
}
