package recharge_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// Alipay's query shows no partial refund (alipay.trade.query): the payments of
// d.told below are therefore without Refunded, whatever was told.

// partlyRefunded lets Alipay know a console refund C1 by number.
func (d *desk) partlyRefunded(p channels.Payment, amount fen.Fen) channels.Payment {
	d.alipay.query = func(order, no string) (channels.RefundStatus, error) {
		if order != p.OrderNo || no != "C1" {
			return channels.RefundStatus{}, channels.ErrRefundNotFound
		}
		return status("alipay", transition.OrderNo(order), no, amount, channels.RefundMade), nil
	}
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{"C1"}, amount
	return p
}

// givesBack is what people do about a refund that nobody knows of an hour later.
func (d *desk) givesBack(r transition.RefundOrder) {
	d.t.Helper()
	d.now = d.now.Add(time.Hour)
	if _, err := d.GiveBack(context.Background(), r.No, "li+wang", "unknown to the channel"); err != nil {
		d.t.Fatal(err)
	}
}

// mustHave2000Back is for an order of 5000 of which the channel gave 2000 back:
// that must not be pending, unless an open case says so.
func (d *desk) mustHave2000Back(t *testing.T, err error) {
	t.Helper()
	tot := d.books()
	if a := d.account(); a.Pending > 3000 {
		t.Errorf("the payer got 2000 of 5000 back, and %s is pending (CreditCase: %v); books %v, open cases %v", a.Pending, err, tot, d.open())
	}
}

func TestAChannelsSilenceAboutAPartialRefundIsNotTakenForItsWord(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(d *desk) channels.Payment{
		"lost order": func(d *desk) channels.Payment { return d.lost("alipay", 5000) },
		"another amount": func(d *desk) channels.Payment {
			return d.payment("alipay", d.created("alipay", 4000, "1"), 5000, "4200001")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			p := kind(d)
			d.told(d.alipay, p) // trade.query: TRADE_SUCCESS, nothing of refunds
			d.settle(p, channels.OutcomeCase)
			d.settle(d.partlyRefunded(p, 2000), channels.OutcomeCase) // the notice of C1, named, found, and answered "success"
			_, err := d.CreditCase(t.Context(), "alipay:4200001", "", twoPeople)
			d.mustHave2000Back(t, err)
		})
	}
}

// The refund came while the hub's own refund of the case was under way; that one is
// then refused and given back by people.
func TestARefundToldWhileTheHubsOwnIsHeldIsRememberedByTheCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("alipay", 5000)
	d.told(d.alipay, p)
	d.settle(p, channels.OutcomeCase)
	d.alipay.query = notFound
	d.alipay.refund = refuses
	r := d.refundCase("alipay:4200001")
	d.settle(d.partlyRefunded(p, 2000), channels.OutcomeCase)
	d.givesBack(r)
	_, err := d.CreditCase(t.Context(), "alipay:4200001", "", twoPeople)
	d.mustHave2000Back(t, err)
}

// What is told of a disowned payment is written nowhere, and reopening brings the
// whole sum back.
func TestARefundToldOfADisownedPaymentIsRememberedWhenItIsReopened(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	d.closeAccount()
	p := d.payment("alipay", no, 5000, "4200001")
	d.told(d.alipay, p)
	d.settle(p, channels.OutcomeCase)
	mustBe(t, d.CloseCase(t.Context(), "alipay:4200001", true, twoPeople), nil)
	d.settle(d.partlyRefunded(p, 2000), channels.OutcomeClosed)
	d.openAccountAgain()
	mustBe(t, d.ReopenCase(t.Context(), "alipay:4200001", twoPeople), nil)
	_, err := d.CreditCase(t.Context(), "alipay:4200001", "", twoPeople)
	d.mustHave2000Back(t, err)
}

// ADR 0005: what the channel gave back without being asked leaves suspense by
// itself when it is told. It does only if the channel told of more than it named.
func TestANamedRefundOfACaseLeavesSuspenseByItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.payment("alipay", d.created("alipay", 4000, "1"), 5000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.settle(d.partlyRefunded(p, 2000), channels.OutcomeCase)
	if tot := d.books(); tot["refunded"] != -2000 || tot["suspense"] != -3000 {
		t.Errorf("the channel gave 2000 of 5000 back and said so, signed and named; books %v", tot)
	}
}

// A notice comes between the answer of the query and the retelling: what it told is
// overwritten with what the older answer said, and the credit closes the case.
func TestPeopleTakeBackOnlyWhatTheyKnewToBeTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "4200001")
	d.alipay.query = notFound
	early := p
	early.Refunded, early.RefundNos, early.RefundedTotal = true, []string{"C0"}, 300
	if _, err := d.Settle(t.Context(), early, "callback"); err == nil {
		t.Fatal("want to be told again")
	}
	d.settle(p, channels.OutcomeCase)
	d.alipay.order = func(string) (channels.Payment, error) {
		now := p
		now.Refunded, now.RefundedTotal = true, 2000 // without a number: the sum is all there is
		if _, err := d.Settle(context.Background(), now, "callback"); err != nil {
			t.Error(err)
		}
		return p, nil // as it was when it was asked
	}
	looked := twoPeople
	looked.NoRefunds = true
	_, err := d.CreditCase(t.Context(), "alipay:4200001", "", looked)
	mustBe(t, err, transition.ErrMoved)
	d.mustHave2000Back(t, err)
}

// Of 2000 that were refunded, 500 have a number that is told.
func TestASumOfRefundsThatIsKnownInPartStandsAgainstALaterCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	d.closeAccount()
	p := d.payment("alipay", no, 5000, "4200001")
	told := d.partlyRefunded(p, 500)
	told.RefundedTotal = 2000
	d.settle(told, channels.OutcomeCase)
	d.openAccountAgain()
	d.settle(p, channels.OutcomeCase) // the poller's word, which knows of no refund
	if tot := d.books(); tot["suspense"] != -4500 || tot["refunded"] != -500 || d.account().Pending != 0 {
		t.Errorf("books %v, pending %s", tot, d.account().Pending)
	}
}

// GiveBack and then the channel makes it all the same (or said CLOSED before it
// did): of an order's refund that is booked as made outside. Of a case's it is
// never booked, if the case was credited meanwhile, and nothing can be done.
func TestACasesRefundThatIsMadeAfterItsPaymentWasCreditedIsBookedOnTheOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	no := transition.OrderNo(p.OrderNo)
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	d.wechat.query = notFound
	d.wechat.refund = unanswered
	r := d.refundCase("wechat:4200001")
	d.givesBack(r)
	d.creditCase("wechat:4200001", channels.OutcomeCredited)
	made := status("wechat", no, string(r.No), 5000, channels.RefundMade)
	d.wechat.query = func(string, string) (channels.RefundStatus, error) { return made, nil }
	for range 2 {
		if _, err := d.SettleRefund(t.Context(), made, "callback"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.GiveBack(t.Context(), r.No, "li+wang", "try to settle")
	if tot := d.books(); tot["refunded"] != -5000 {
		t.Errorf("the channel gave all back, %s is pending and free to refund or load; GiveBack: %v; books %v, open %v", d.account().Pending, err, tot, d.open())
	}
}

// A word without money, closed by one person, swallows the money that comes later.
func TestMoneyToldAfterACaseWithoutMoneyWasClosedOpensItAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	wrong := p
	wrong.Misdirected = "mchid" // a wrong setting, since put right
	d.settle(wrong, channels.OutcomeCase)
	mustBe(t, d.CloseCase(t.Context(), "wechat:4200001", false, recharge.Word{By: "li", Why: "not ours"}), nil)
	for range 3 {
		d.settle(p, channels.OutcomeCase)
	}
	if tot := d.books(); tot["paid"] != 5000 || len(d.open()) == 0 {
		t.Errorf("5000 are at the merchant's; books %v, open cases %v", tot, d.open())
	}
}

// The channel says another amount now than when the case was opened.
func TestARefundOfACaseGivesBackWhatTheChannelHolds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 4000)
	d.settle(p, channels.OutcomeCase)
	p.Amount = 5000
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(p.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	r, err := d.RefundCase(t.Context(), "wechat:4200001", "", twoPeople)
	if err == nil && d.books()["paid"] != 5000 && len(d.open()) == 0 {
		t.Errorf("the channel holds 5000, %s went back, nothing is open; books %v", r.Amount, d.books())
	}
}

// ADR 0005: the order of a decided case is closed when its payment is told again.
func TestTheOrderOfADecidedCaseEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		amount fen.Fen
		after  func(d *desk, p *channels.Payment)
	}{
		"another amount, disowned": {4000, func(d *desk, p *channels.Payment) {
			mustBe(d.t, d.CloseCase(context.Background(), "wechat:4200001", true, twoPeople), nil)
		}},
		// WeChat's query says REFUND from then on, without sum or number.
		"refunded": {5000, func(d *desk, p *channels.Payment) {
			d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
				return status("wechat", transition.OrderNo(p.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
			}
			d.refundCase("wechat:4200001")
			p.Refunded = true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.credited("wechat", 100, "9")
			no := d.created("wechat", 5000, "1")
			d.closeAccount()
			p := d.payment("wechat", no, tc.amount, "4200001")
			d.settle(p, channels.OutcomeCase)
			d.told(d.wechat, p)
			tc.after(d, &p)
			out, err := d.Settle(t.Context(), p, "query")
			o, _ := d.Order(t.Context(), no)
			if err != nil || o.State != transition.OrderClosed {
				t.Errorf("%q, %v: the order is %s, and asked about every half hour for good", out, err, o.State)
			}
		})
	}
}

// The sum of refunds is counted twice when the channel names one that is booked in
// suspense already; the inflated sum then stands against every credit.
func TestABookedRefundOfACaseIsCountedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "4200001")
	made := map[string]fen.Fen{"C1": 300, "C2": 200}
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		return status("alipay", no, refund, made[refund], channels.RefundMade), nil
	}
	first := p
	first.Refunded, first.RefundNos, first.RefundedTotal = true, []string{"C1"}, 500
	d.settle(first, channels.OutcomeCase)
	d.told(d.alipay, first)
	_, err := d.CreditCase(t.Context(), "alipay:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	last := first
	last.RefundNos = []string{"C2"}
	out, err := d.Settle(t.Context(), last, "callback")
	if d.account().Pending != 4500 {
		c := d.only()
		t.Errorf("both refunds are known and %s of 500 booked: %q, %v; case told %s", c.Returned, out, err, c.Refunded)
	}
}

// People disown a case while it is being credited.
func TestACaseThatWasNotCreditedIsAnError(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.credited("wechat", 100, "9")
	no := d.created("wechat", 5000, "1")
	d.closeAccount()
	p := d.payment("wechat", no, 5000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.openAccountAgain()
	asked := 0
	d.wechat.order = func(string) (channels.Payment, error) {
		asked++
		if asked == 1 {
			mustBe(t, d.CloseCase(context.Background(), "wechat:4200001", true, twoPeople), nil)
		}
		return p, nil
	}
	out, err := d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	if err == nil && out != channels.OutcomeCredited && out != channels.OutcomeDuplicate {
		t.Errorf("not credited: %q and no error; the command prints an empty line and exits with 0", out)
	}
}

// A case that was refunded in part can be credited with the rest: WeChat's query
// says REFUND for good, and no more.
func TestTheRestOfAPartlyRefundedWeChatCaseCanBeCredited(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 4000, "1")
	p := d.payment("wechat", no, 5000, "4200001")
	d.settle(p, channels.OutcomeCase)
	p.Refunded = true
	d.told(d.wechat, p)
	if _, err := d.SettleRefund(t.Context(), status("wechat", no, "C1", 2000, channels.RefundMade), "callback"); err != nil {
		t.Fatal(err)
	}
	if tot := d.books(); tot["suspense"] != -3000 {
		t.Fatalf("books %v", tot)
	}
	_, err := d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("all that went back is booked, and the rest cannot be credited: %v", err)
	}
}

// A credit is refused because of refunds that nobody has named, and has made the
// order creditable all the same: the next repeat of the callback credits it whole.
func TestARefusedCreditLeavesNothingToAnOlderNotice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	d.settle(p, channels.OutcomeCase)
	out, err := d.SettleRefund(t.Context(), status("wechat", transition.OrderNo(p.OrderNo), "C1", 2000, channels.RefundMade), "callback")
	if err != nil || out != channels.OutcomeCase { // unknown_refund; answered "success"
		t.Fatalf("%q, %v", out, err)
	}
	now := p
	now.Refunded = true
	d.told(d.wechat, now)
	_, err = d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	got, err := d.Settle(t.Context(), p, "callback") // the same callback once more, from before the refund
	if got == channels.OutcomeCredited {
		t.Errorf("credited with %s pending after people were refused it, %v; open %v", d.account().Pending, err, d.open())
	}
}

// Alipay names the hub's own refund, which people gave back, as made: nothing books
// it, and naming it to "cases refund" does nothing either.
func TestAReturnedRefundOfACaseThatIsToldAsMadeIsBooked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("alipay", 5000)
	d.settle(p, channels.OutcomeCase)
	d.told(d.alipay, p)
	d.alipay.query = notFound
	d.alipay.refund = unanswered
	r := d.refundCase("alipay:4200001")
	d.givesBack(r)
	d.alipay.query = func(order, no string) (channels.RefundStatus, error) {
		return status("alipay", transition.OrderNo(order), no, 5000, channels.RefundMade), nil
	}
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{string(r.No)}, 5000
	d.settle(p, channels.OutcomeCase)
	now := p
	now.RefundNos, now.RefundedTotal = nil, 0 // TRADE_CLOSED
	d.told(d.alipay, now)
	_, err := d.RefundCase(t.Context(), "alipay:4200001", string(r.No), twoPeople)
	if tot := d.books(); tot["refunded"] != -5000 {
		t.Errorf("told by number, named by people (%v), and not booked: %v", err, tot)
	}
}

// A refund that people name and the channel does not know, or still has under way,
// is no reason to refund the whole.
func TestANamedRefundThatIsNotMadeIsRefused(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]func(order, no string) (channels.RefundStatus, error){
		"unknown": notFound,
		"under way": func(order, no string) (channels.RefundStatus, error) {
			return status("alipay", transition.OrderNo(order), no, 2000, channels.RefundProcessing), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			p := d.lost("alipay", 5000)
			d.settle(p, channels.OutcomeCase)
			d.told(d.alipay, p)
			d.alipay.query = query
			asked := fen.Fen(0)
			d.alipay.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
				asked = r.Amount
				return status("alipay", transition.OrderNo(p.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
			}
			_, err := d.RefundCase(t.Context(), "alipay:4200001", "C1", twoPeople)
			if err == nil {
				t.Errorf("people named C1, the channel says %s, and the hub asked for %s of 5000", name, asked)
			}
		})
	}
}

// One transaction told under numbers of two partitions is two cases of one id, of
// which people can reach one.
func TestACaseOfEveryPartitionCanBeDecided(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.credited("wechat", 100, "9")
	p := d.lost("wechat", 5000)
	d.settle(p, channels.OutcomeCase)
	for _, foreign := range []string{"SHOP-77", "SHOP-78", "SHOP-79", "SHOP-80"} {
		p.OrderNo = foreign
		d.settle(p, channels.OutcomeCase)
	}
	for range 10 {
		if err := d.CloseCase(t.Context(), "wechat:4200001", true, twoPeople); err != nil {
			break
		}
	}
	if tot := d.books(); tot["suspense"] != 0 {
		t.Errorf("disowned again and again, and %s are in suspense; open %v", tot["suspense"], d.open())
	}
}

// "cases credit" of a case about an order that is credited forgets what sum of
// refunds the books lack, and says that all is well.
func TestCreditingACreditedOrdersCaseForgetsNoRefunds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, p := d.credited("alipay", 5000, "1")
	d.told(d.alipay, p)
	more := p
	more.Refunded, more.RefundedTotal = true, 2000
	d.settle(more, channels.OutcomeCase)
	id := d.only().ID
	out, err := d.CreditCase(t.Context(), id, "", twoPeople)
	if c := d.only(); c.Refunded != 2000 || c.Kind != "refunds_unknown" {
		t.Errorf("%q, %v: the case is of kind %s and tells of %s refunded; 2000 are not booked", out, err, c.Kind, c.Refunded)
	}
}

// The first transaction was disowned, and is reopened after the second was credited.
func TestASecondTransactionIsNeverCreditedOrRefundedInPlaceOfTheFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.lost("wechat", 5000)
	second := first
	second.TransactionID = "4200002"
	d.settle(first, channels.OutcomeCase)
	mustBe(t, d.CloseCase(t.Context(), "wechat:4200001", true, twoPeople), nil)
	d.settle(second, channels.OutcomeCase)
	d.told(d.wechat, second)
	d.creditCase("wechat:4200002", channels.OutcomeCredited)
	mustBe(t, d.ReopenCase(t.Context(), "wechat:4200001", twoPeople), nil)
	_, err := d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	_, err = d.RefundCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotRefundable)
	d.settle(first, channels.OutcomeCase)
	d.told(d.wechat, first)
	_, err = d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	if a, tot := d.account(), d.books(); a.Pending != 5000 || tot["suspense"] != -5000 || tot["paid"] != 10_000 {
		t.Errorf("pending %s, books %v", a.Pending, tot)
	}
}

func TestARefusedDecisionIsRecordedAsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.credited("wechat", 100, "9")
	no := d.created("wechat", 5000, "1")
	d.closeAccount()
	p := d.payment("wechat", no, 4000, "4200001")
	d.settle(p, channels.OutcomeCase)
	const id = "wechat:4200001"
	if err := d.CloseCase(t.Context(), id, false, twoPeople); !errors.Is(err, transition.ErrSuspense) {
		t.Fatalf("a case that holds money is closed: %v", err)
	}
	c, err := d.bench.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	last := c.Notes[len(c.Notes)-1]
	if !strings.Contains(last, "close by") || !strings.Contains(last, "refused") {
		t.Errorf("the last note of a refused decision is %q", last)
	}
	if err := d.CloseCase(t.Context(), id, true, twoPeople); err != nil {
		t.Fatal(err)
	}
	c, err = d.bench.Case(t.Context(), id)
	if last := c.Notes[len(c.Notes)-1]; err != nil || strings.Contains(last, "refused") {
		t.Errorf("the last note of a decision that was carried out is %q, %v", last, err)
	}
}
