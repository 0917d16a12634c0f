package recharge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
)

// told is a payment that tells of a refund.
func told(p channels.Payment, no string, total fen.Fen) channels.Payment {
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{no}, total
	return p
}

func (d *desk) statement(version int64, open bool, card transition.CardUID) {
	d.t.Helper()
	_, err := d.bench.Import(context.Background(), transition.Statement{
		Account: account, Version: version, Open: open,
		Card: transition.Card{UID: card, No: "7" + string(card[2:]), Version: "1", Profile: "stamp"},
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// What the channel said was refunded stands against the credit whatever the case is
// called: the account is open again, and Alipay's query does not show partial refunds.
func TestARefundToldOfAClosedAccountStandsAgainstALaterCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "420001")
	d.statement(2, false, "04A1")
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		return status("alipay", no, refund, 2000, channels.RefundMade), nil
	}
	d.settle(told(p, "console-1", 2000), channels.OutcomeCase)
	d.statement(3, true, "04A1")
	out, err := d.Settle(context.Background(), p, "query") // the poller's
	if err != nil {
		t.Fatal(err)
	}
	if out == channels.OutcomeCredited && d.books()["refunded"] != -2000 {
		t.Errorf("credited; %s fen are pending, cases %v; the channel told of 2000 refunded, and nothing tells of it again", d.account().Pending, d.open())
	}
}

// A query without an answer says less than one that finds nothing: the refund that the
// signed notice tells of must stand against the credit as well.
func TestARefundThatCouldNotBeAskedForKeepsThePaymentFromItsCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "420001")
	d.alipay.query = func(string, string) (channels.RefundStatus, error) {
		return channels.RefundStatus{}, channels.ErrUnknownOutcome
	}
	if _, err := d.Settle(context.Background(), told(p, "console-1", 5000), "callback"); err == nil {
		t.Fatal("want to be told again")
	}
	out, err := d.Settle(context.Background(), p, "query")
	if err != nil {
		t.Fatal(err)
	}
	if out == channels.OutcomeCredited {
		t.Errorf("credited: %s fen may be loaded; a signed notice had told of 5000 refunded before", d.account().Pending)
	}
}

// A case that the credit closed must open again for what is told later.
func TestAClosedCaseOpensAgainForAnotherUnknownRefund(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "420001")
	d.alipay.query = notFound
	if _, err := d.Settle(context.Background(), told(p, "C1", 1000), "callback"); err == nil {
		t.Fatal("want to be told again")
	}
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		if refund != "C1" {
			return channels.RefundStatus{}, channels.ErrRefused
		}
		return status("alipay", no, refund, 1000, channels.RefundMade), nil
	}
	d.settle(told(p, "C1", 1000), channels.OutcomeCredited) // closes the case
	d.settle(told(p, "C2", 4000), channels.OutcomeCase)
	if len(d.open()) == 0 {
		t.Errorf("answered with success as a case, and no case is open: %s fen are pending, the channel refunded 4000, the books say %s",
			d.account().Pending, d.books()["refunded"])
	}
}

// Alipay tells eight times in 25 hours. Then somebody must know.
func TestARefundThatIsNeverFoundIsACaseInTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, p := d.credited("alipay", 5000, "1")
	d.alipay.query = notFound
	for _, later := range []time.Duration{0, 4, 10, 10, 60, 120, 360, 900} {
		d.now = d.now.Add(later * time.Minute)
		if _, err := d.Settle(context.Background(), told(p, "console-1", 5000), "callback"); err == nil {
			return
		}
	}
	if len(d.open()) == 0 {
		t.Errorf("told 8 times of 5000 refunded, no case, %s fen may be loaded, and Alipay does not tell any more", d.account().Pending)
	}
}

// Numbers of the greatest length that a channel allows must still make a case.
func TestACaseOfTwoLongNumbersIsKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.credited("alipay", 5000, "1")
	out, err := d.SettleRefund(context.Background(),
		status("alipay", transition.OrderNo(strings.Repeat("7", 64)), strings.Repeat("8", 64), 5000, channels.RefundMade), "bill")
	if err != nil || out != channels.OutcomeCase {
		t.Errorf("%q, %v: neither booked nor a case, and a repeat cannot help", out, err)
	}
}

// The refund's own answer and the payment's name the same refund: it is one.
func TestARefundThatThePaymentNamesAsWellIsNettedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("alipay", 5000, "1")
	p := d.payment("alipay", no, 5000, "420001")
	d.alipay.query = func(_, refund string) (channels.RefundStatus, error) {
		return status("alipay", no, refund, 2000, channels.RefundMade), nil
	}
	d.alipay.order = func(string) (channels.Payment, error) { return told(p, "C1", 2000), nil }
	out, err := d.SettleRefund(context.Background(), status("alipay", no, "C1", 2000, channels.RefundMade), "bill")
	if err != nil || out != channels.OutcomeCredited {
		t.Errorf("%q, %v; pending %s, suspense %s", out, err, d.account().Pending, -d.books()["suspense"])
	}
}

// The channel's signed word is that the refund is under way; that it is not found is not
// signed (WeChat). Not even two people give such money back.
func TestGiveBackBelievesNoUnsignedWordAgainstASignedOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no, _ := d.credited("wechat", 5000, "1")
	d.wechat.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", no, r.RefundNo, r.Amount, channels.RefundProcessing), nil // signed
	}
	r := d.refund(no, 5000)
	d.now = d.now.Add(11 * time.Minute)
	d.wechat.query = notFound // a gateway's 404
	got, err := d.GiveBack(context.Background(), r.No, "li+wang", "not found")
	if err == nil && got.State == transition.RefundReturned {
		t.Errorf("the channel accepted it with its signature 11 minutes ago; %s fen may be loaded and leave twice", d.account().Pending)
	}
}

// Money that was refunded while it was in suspense is not in suspense any more.
func TestARefundOfMoneyInSuspenseIsBookedOrTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 5000, "1")
	p := d.payment("wechat", no, 5000, "420001")
	d.statement(2, false, "04A1")
	d.settle(p, channels.OutcomeCase)
	refunded := p
	refunded.Refunded = true
	d.wechat.order = func(string) (channels.Payment, error) { return refunded, nil }
	out, err := d.SettleRefund(context.Background(), status("wechat", no, "console-1", 5000, channels.RefundMade), "callback")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := d.bench.Cases(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if strings.Contains(string(c.Evidence), "console-1") {
			return
		}
	}
	if tot := d.books(); tot["suspense"] != 0 {
		t.Errorf("%q, answered with success: suspense %s, refunded %s, and no case names the refund of 5000", out, -tot["suspense"], -tot["refunded"])
	}
}

// A second payment of an order is money of nobody: with a refund that cannot be found it
// must be a case all the same, and be in the books.
func TestASecondPaymentWithAnUnseenRefundIsACase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, p := d.credited("alipay", 5000, "1")
	p.TransactionID = "420009"
	d.alipay.query = notFound
	_, err := d.Settle(context.Background(), told(p, "console-1", 1000), "callback")
	if len(d.open()) == 0 {
		t.Errorf("%v; no case, suspense %s: 5000 were paid a second time", err, -d.books()["suspense"])
	}
}

// The same at WeChat: its refund's callback came, the order could not be asked for then,
// and a payment's callback from before the refund comes next.
func TestARefundsCallbackKeepsAnOlderPaymentFromItsCredit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	no := d.created("wechat", 5000, "1")
	p := d.payment("wechat", no, 5000, "420001")
	made := status("wechat", no, "console-1", 5000, channels.RefundMade)
	if _, err := d.SettleRefund(context.Background(), made, "callback"); err == nil {
		t.Fatal("want to be told again")
	}
	out, err := d.Settle(context.Background(), p, "callback")
	if err != nil {
		t.Fatal(err)
	}
	if out == channels.OutcomeCredited {
		t.Errorf("credited: %s fen may be loaded; a signed callback had told of 5000 refunded before", d.account().Pending)
	}
}
