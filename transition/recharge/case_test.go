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

var twoPeople = recharge.Word{By: "li+wang", Why: "checked with the bill"}

// told lets the channel hold an order as paid so.
func (d *desk) told(c *scripted, p channels.Payment) {
	c.order = func(no string) (channels.Payment, error) {
		if no != p.OrderNo {
			return channels.Payment{}, channels.ErrOrderNotFound
		}
		return p, nil
	}
}

// only is the one case there is.
func (d *desk) only() transition.Case {
	d.t.Helper()
	cases, err := d.bench.Cases(context.Background())
	if err != nil || len(cases) != 1 {
		d.t.Fatalf("%d cases, %v; want one", len(cases), err)
	}
	return cases[0]
}

func (d *desk) creditCase(id string, want channels.Outcome) {
	d.t.Helper()
	got, err := d.CreditCase(context.Background(), id, "", twoPeople)
	if err != nil || got != want {
		d.t.Fatalf("CreditCase = %q, %v; want %q", got, err, want)
	}
}

func (d *desk) refundCase(id string) transition.RefundOrder {
	d.t.Helper()
	r, err := d.RefundCase(context.Background(), id, "", twoPeople)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// lost is a payment of an order that the books have lost.
func (d *desk) lost(channel string, amount fen.Fen) channels.Payment {
	p := d.payment(channel, transition.NewOrderNo(account, d.now), amount, "4200001")
	p.Attach = string(account)
	return p
}

func TestALostOrderIsRebuiltFromTheChannelsWordAndCreditedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	d.creditCase("wechat:4200001", channels.OutcomeCredited)
	d.creditCase("wechat:4200001", channels.OutcomeDuplicate)
	d.settle(p, channels.OutcomeDuplicate)
	if a := d.account(); a.Pending != 5000 || d.books()["suspense"] != 0 || len(d.open()) != 0 {
		t.Errorf("pending %s, books %v, open %v", a.Pending, d.books(), d.open())
	}
	if notes := d.only().Notes; len(notes) != 1 || !strings.HasSuffix(notes[0], "credit by li+wang: checked with the bill") {
		t.Errorf("the notes are %q", notes)
	}
}

// Alipay's query does not bring passback_params back; its notice does.
func TestALostAlipayOrderTakesItsAccountFromTheNoticeOrAPerson(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]transition.AccountNo{"the notice": "", "a person": account} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			p := d.lost("alipay", 5000)
			if account != "" {
				p.Attach = ""
			}
			d.settle(p, channels.OutcomeCase)
			p.Attach = ""
			d.told(d.alipay, p)
			if account != "" {
				_, err := d.CreditCase(t.Context(), "alipay:4200001", "", twoPeople)
				mustBe(t, err, recharge.ErrNotCreditable)
			}
			out, err := d.CreditCase(t.Context(), "alipay:4200001", account, twoPeople)
			if err != nil || out != channels.OutcomeCredited || d.account().Pending != 5000 {
				t.Errorf("%q, %v, pending %s", out, err, d.account().Pending)
			}
		})
	}
}

func mustBe(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}

func TestALostOrderIsNeverRebuiltForAnAccountThatItsNumberCannotName(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	p.Attach = "9" + string(account) // of another partition
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	_, err := d.CreditCase(t.Context(), "wechat:4200001", account, twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	if d.books()["suspense"] != -5000 {
		t.Errorf("books %v", d.books())
	}
}

func TestAPaymentOfAnotherAmountIsCreditedAsItWasPaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 5000, "1")
	p := d.payment("wechat", no, 4000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	d.creditCase("wechat:4200001", channels.OutcomeCredited)
	d.settle(p, channels.OutcomeDuplicate)
	if a := d.account(); a.Pending != 4000 || d.books()["suspense"] != 0 {
		t.Errorf("pending %s, books %v", a.Pending, d.books())
	}
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		if r.Total != 4000 {
			t.Errorf("the channel is told a total of %s", r.Total)
		}
		return status("wechat", no, r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	if r := d.refund(no, 4000); r.State != transition.RefundSettled {
		t.Errorf("%+v", r)
	}
}

func TestACaseIsDecidedOnWhatTheChannelSaysNow(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]func(channels.Payment) (channels.Payment, error){
		"unreachable": func(p channels.Payment) (channels.Payment, error) { return p, channels.ErrUnknownOutcome },
		"unpaid": func(p channels.Payment) (channels.Payment, error) {
			p.State = channels.Unpaid
			return p, nil
		},
		"another payment": func(p channels.Payment) (channels.Payment, error) { p.TransactionID = "other"; return p, nil },
		"another merchant": func(p channels.Payment) (channels.Payment, error) {
			p.Misdirected = "mchid"
			return p, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			p := d.lost("wechat", 5000)
			d.settle(p, channels.OutcomeCase)
			d.wechat.order = func(string) (channels.Payment, error) { return now(p) }
			_, err := d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
			mustBe(t, err, recharge.ErrNotCreditable)
			_, err = d.RefundCase(t.Context(), "wechat:4200001", "", twoPeople)
			mustBe(t, err, recharge.ErrNotRefundable)
			if d.wechat.sent != 0 || d.books()["suspense"] != -5000 {
				t.Errorf("sent %d, books %v", d.wechat.sent, d.books())
			}
		})
	}
}

func TestAClosedAccountsPaymentIsRefundedOnceWhateverTheChannelAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 5000, "1")
	d.closeAccount()
	p := d.payment("wechat", no, 5000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	_, err := d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	var numbers []string
	d.wechat.query = notFound
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		numbers = append(numbers, r.RefundNo)
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	first, again := d.refundCase("wechat:4200001"), d.refundCase("wechat:4200001")
	if first.No == "" || first.No != again.No || first.State != transition.RefundHeld {
		t.Fatalf("first %+v, again %+v", first, again)
	}
	_, err = d.CreditCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	mustBe(t, d.CloseCase(t.Context(), "wechat:4200001", true, twoPeople), transition.ErrRefunding)
	d.wechat.query = func(order, refund string) (channels.RefundStatus, error) {
		return status("wechat", no, refund, 5000, channels.RefundMade), nil
	}
	d.now = d.now.Add(time.Hour)
	d.look()
	for _, n := range numbers {
		if n != string(first.No) {
			t.Errorf("sent as %v", numbers)
		}
	}
	tot := d.books()
	if c := d.only(); c.Open || c.Decision != transition.DecidedRefunded || tot["suspense"] != 0 || tot["refunded"] != -5000 {
		t.Errorf("case %+v, books %v", c, tot)
	}
	// What is told again is answered, moves nothing and leaves no order due.
	d.settle(p, channels.OutcomeClosed)
	o, err := d.bench.Order(t.Context(), no)
	if err != nil || o.State != transition.OrderClosed || d.books()["paid"] != 5000 {
		t.Errorf("order %s, %v, books %v", o.State, err, d.books())
	}
}

// closeAccount is the card core's word that the account is closed.
func (d *desk) closeAccount() {
	d.t.Helper()
	d.core(2, false)
}

func (d *desk) openAccountAgain() {
	d.t.Helper()
	d.core(3, true)
}

// core brings a statement of the core about the account.
func (d *desk) core(version int64, open bool) {
	d.t.Helper()
	_, err := d.bench.Import(context.Background(), transition.Statement{
		Account: account, Version: version, Open: open,
		Card: transition.Card{UID: transition.CardUID("04" + string(account)), No: "7" + string(account), Version: "1", Profile: "stamp"},
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestARefundOfACaseThatTheChannelClosesLeavesTheCaseAsItWas(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(p.OrderNo), r.RefundNo, r.Amount, channels.RefundClosed), nil
	}
	if r := d.refundCase("wechat:4200001"); r.State != transition.RefundReturned {
		t.Fatalf("%+v", r)
	}
	d.creditCase("wechat:4200001", channels.OutcomeCredited)
	if d.account().Pending != 5000 {
		t.Errorf("pending %s", d.account().Pending)
	}
}

func TestWhatTheChannelGaveBackOfACaseIsBookedAndOnlyTheRestIsAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	d.settle(p, channels.OutcomeCase)
	p.Refunded = true // WeChat's query says REFUND and no number
	d.told(d.wechat, p)
	_, err := d.RefundCase(t.Context(), "wechat:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotRefundable)
	d.wechat.query = func(order, no string) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(order), no, 1200, channels.RefundMade), nil
	}
	asked := fen.Fen(0)
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		asked += r.Amount
		return status("wechat", transition.OrderNo(p.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	_, err = d.RefundCase(t.Context(), "wechat:4200001", "console-1", twoPeople)
	if tot := d.books(); err != nil || asked != 3800 || tot["refunded"] != -5000 || tot["suspense"] != 0 {
		t.Errorf("%v; asked for %s, books %v", err, asked, tot)
	}
}

func TestARefundOfMoneyInSuspenseLeavesSuspenseByItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.lost("wechat", 5000)
	d.settle(p, channels.OutcomeCase)
	p.Refunded = true
	d.told(d.wechat, p)
	no := transition.OrderNo(p.OrderNo)
	out, err := d.SettleRefund(t.Context(), status("wechat", no, "console-1", 5000, channels.RefundMade), "callback")
	if tot := d.books(); err != nil || out != channels.OutcomeRefunded || tot["suspense"] != 0 || tot["refunded"] != -5000 {
		t.Fatalf("of a lost order: %q, %v, books %v", out, err, tot)
	}

	e := newDesk(t)
	kept := e.created("wechat", 5000, "1")
	wrong := e.payment("wechat", kept, 4000, "4200001")
	e.settle(wrong, channels.OutcomeCase)
	wrong.Refunded = true
	e.told(e.wechat, wrong)
	for range 2 {
		if _, err := e.SettleRefund(t.Context(), status("wechat", kept, "console-1", 4000, channels.RefundMade), "callback"); err != nil {
			t.Fatal(err)
		}
	}
	if tot := e.books(); tot["suspense"] != 0 || tot["refunded"] != -4000 || len(e.open()) != 0 {
		t.Errorf("books %v, open %v", tot, e.open())
	}
}

// twoNotices are those of two refunds, C1 of 300 and C2 of 200, that Alipay made of
// an order of 1000 and tells each by its number, with the sum so far.
func (d *desk) twoNotices() (older, newer channels.Payment) {
	d.t.Helper()
	no := d.created("alipay", 1000, "1")
	made := map[string]fen.Fen{"C1": 300, "C2": 200}
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		return status("alipay", no, refund, made[refund], channels.RefundMade), nil
	}
	older = d.payment("alipay", no, 1000, "4200001")
	older.Refunded, older.RefundNos, older.RefundedTotal = true, []string{"C1"}, 300
	newer = older
	newer.RefundNos, newer.RefundedTotal = []string{"C2"}, 500
	return older, newer
}

func TestTwoNamedRefundsOfAnUncreditedOrderMayBeToldInAnyOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	older, newer := d.twoNotices()
	d.settle(newer, channels.OutcomeCase)
	d.settle(newer, channels.OutcomeCase) // told again
	d.settle(older, channels.OutcomeCredited)
	d.settle(newer, channels.OutcomeDuplicate)
	if a, tot := d.account(), d.books(); a.Pending != 500 || tot["refunded"] != -500 || tot["suspense"] != 0 || len(d.open()) != 0 {
		t.Errorf("pending %s, books %v, open %v", a.Pending, tot, d.open())
	}
}

func TestARefundThatWasToldAndFailedKeepsNoPaymentInSuspense(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 1000, "1")
	d.alipay.query = notFound
	p := d.payment("alipay", no, 1000, "4200001")
	early := p
	early.Refunded, early.RefundNos, early.RefundedTotal = true, []string{"C1"}, 300
	if _, err := d.Settle(t.Context(), early, "callback"); err == nil {
		t.Fatal("a refund that cannot be found is content")
	}
	d.settle(p, channels.OutcomeCase)
	d.told(d.alipay, p) // by now the channel tells of no refund; it is silent about partial ones anyway
	_, err := d.CreditCase(t.Context(), "alipay:4200001", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	looked := twoPeople
	looked.NoRefunds = true
	_, err = d.CreditCase(t.Context(), "alipay:4200001", "", looked)
	mustBe(t, err, nil)
	if d.account().Pending != 1000 {
		t.Errorf("pending %s", d.account().Pending)
	}
}

func TestACaseOfUnknownRefundsClosesItselfOnceAllAreBooked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("alipay", 5000, "1")
	p.Refunded, p.RefundedTotal = true, 2000
	d.settle(p, channels.OutcomeCase)
	if _, err := d.SettleRefund(t.Context(), status("alipay", no, "C1", 2000, channels.RefundMade), "callback"); err != nil {
		t.Fatal(err)
	}
	d.settle(p, channels.OutcomeDuplicate)
	if c := d.only(); c.Open || len(c.Notes) != 1 {
		t.Errorf("case %+v", c)
	}
}

func TestMoneyThatIsNotTheHubsLeavesTheBooksAndComesBackWhenReopened(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.payment("wechat", "SHOP-77", 5000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	_, err := d.CreditCase(t.Context(), "wechat:4200001", account, twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	mustBe(t, d.CloseCase(t.Context(), "wechat:4200001", false, twoPeople), transition.ErrSuspense)
	for range 2 {
		mustBe(t, d.CloseCase(t.Context(), "wechat:4200001", true, twoPeople), nil)
	}
	d.settle(p, channels.OutcomeCase) // told again
	if tot := d.books(); tot["paid"] != 0 || tot["suspense"] != 0 {
		t.Errorf("books %v", tot)
	}
	mustBe(t, d.ReopenCase(t.Context(), "wechat:4200001", twoPeople), nil)
	if d.books()["suspense"] != -5000 {
		t.Errorf("books %v", d.books())
	}
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", "SHOP-77", r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	if r := d.refundCase("wechat:4200001"); r.State != transition.RefundSettled || d.books()["refunded"] != -5000 {
		t.Errorf("%+v, books %v", r, d.books())
	}
	mustBe(t, d.ReopenCase(t.Context(), "wechat:4200001", twoPeople), transition.ErrCaseEnded)
}

// Alipay tells of the trade again once it is refunded, and names the hub's number.
func TestAPaymentThatTheHubGaveBackAsACaseEndsItsOrderWhenItIsToldAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 4000, "4200001")
	d.settle(p, channels.OutcomeCase)
	d.told(d.alipay, p)
	d.alipay.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("alipay", no, r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	r := d.refundCase("alipay:4200001")
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{string(r.No)}, 4000
	d.alipay.query = func(string, string) (channels.RefundStatus, error) {
		t.Error("the channel is asked about the hub's own refund")
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	d.settle(p, channels.OutcomeClosed)
	if o, err := d.Order(t.Context(), no); err != nil || o.State != transition.OrderClosed {
		t.Errorf("the order is %s, %v", o.State, err)
	}
	if tot := d.books(); tot["refunded"] != -4000 || tot["suspense"] != 0 {
		t.Errorf("books %v", tot)
	}
	// The same of an order that is lost: there is none to end.
	other := d.payment("alipay", transition.NewOrderNo(account, d.now), 700, "4200002")
	d.settle(other, channels.OutcomeCase)
	mustBe(t, d.CloseCase(t.Context(), "alipay:4200002", true, twoPeople), nil)
	other.Refunded = true
	d.settle(other, channels.OutcomeCase)
}

func TestACaseThatIsNoneOrOfNobodysMoneyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, p := d.credited("wechat", 5000, "1")
	p.TransactionID = "4200009" // a second payment of one order
	d.settle(p, channels.OutcomeCase)
	d.told(d.wechat, p)
	_, err := d.CreditCase(t.Context(), "wechat:4200009", "", twoPeople)
	mustBe(t, err, recharge.ErrNotCreditable)
	for _, id := range []string{"wechat:none", "cash:1"} {
		_, err := d.CreditCase(t.Context(), id, "", twoPeople)
		mustBe(t, err, transition.ErrNoCase)
		_, err = d.RefundCase(t.Context(), id, "", twoPeople)
		mustBe(t, err, transition.ErrNoCase)
		mustBe(t, d.CloseCase(t.Context(), id, false, twoPeople), transition.ErrNoCase)
		mustBe(t, d.ReopenCase(t.Context(), id, twoPeople), transition.ErrNoCase)
	}
	cash := d.payment("cash", no, 5000, "4200010")
	d.settle(cash, channels.OutcomeCase)
	_, err = d.CreditCase(t.Context(), "cash:4200010", "", twoPeople)
	mustBe(t, err, recharge.ErrChannel)
	_, err = d.RefundCase(t.Context(), "cash:4200010", "", twoPeople)
	mustBe(t, err, recharge.ErrChannel)
	if tot := d.books(); tot["suspense"] != -10_000 {
		t.Errorf("books %v", tot)
	}
}
