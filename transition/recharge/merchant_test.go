package recharge_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

const merchantB = "1900000110/wx9999999999999999"

// shop is a scripted channel at a merchant of its own.
type shop struct {
	scripted
	merchant string
	asked    int
}

func (s *shop) Merchant() string { return s.merchant }

func (s *shop) Query(ctx context.Context, no string) (channels.Payment, error) {
	s.asked++
	return s.scripted.Query(ctx, no)
}

func (s *shop) QueryRefund(ctx context.Context, order, no string) (channels.RefundStatus, error) {
	s.asked++
	return s.scripted.QueryRefund(ctx, order, no)
}

// move is a ledger whose hub moves from merchant A to B.
type move struct {
	t     *testing.T
	bench transitiontest.Bench
	now   time.Time
	a, b  *shop
}

func newMove(t *testing.T) *move {
	t.Helper()
	m := &move{
		t: t, now: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC),
		a: &shop{scripted: scripted{name: "wechat"}, merchant: merchant}, b: &shop{scripted: scripted{name: "wechat"}, merchant: merchantB},
	}
	m.bench = transitiontest.New(t, func() time.Time { return m.now })
	m.bench.Account(t, account, 0)
	m.b.query = func(string, string) (channels.RefundStatus, error) {
		t.Error("the new merchant was asked about a refund of the former one")
		return channels.RefundStatus{}, channels.ErrRefundNotFound
	}
	m.b.refund = func(context.Context, channels.RefundRequest) (channels.RefundStatus, error) {
		t.Error("a refund of the former merchant was sent to the new one")
		return channels.RefundStatus{}, channels.ErrRefused
	}
	m.b.order = func(string) (channels.Payment, error) {
		t.Error("the new merchant was asked about an order of the former one")
		return channels.Payment{}, channels.ErrOrderNotFound
	}
	return m
}

// hub is a service at a merchant, with or without former ones.
func (m *move) hub(current channels.Channel, former ...channels.Channel) *recharge.Service {
	return recharge.New(recharge.Config{
		Ledger: m.bench.Store, Channels: channels.Set{"wechat": {Current: current, Former: former}}, Clock: func() time.Time { return m.now },
		NotifyURL: func(c string) string { return "https://card.example.edu/notify/" + c }, Description: "校园卡充值",
		Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000}, Log: slog.New(slog.DiscardHandler),
	})
}

func (m *move) wish(key string) recharge.Wish {
	return recharge.Wish{
		Account: account, Channel: "wechat", Amount: 5000, Key: idempotency.Key("key-0000000" + key),
		Payer: channels.Payer{Kind: "openid", ID: "oPayerNumberOne"},
	}
}

func (m *move) order(s *recharge.Service, key string) transition.OrderNo {
	m.t.Helper()
	made, err := s.Create(m.t.Context(), m.wish(key))
	if err != nil {
		m.t.Fatal(err)
	}
	return made.Order
}

func (m *move) mustBe(no transition.OrderNo, want transition.OrderState) {
	m.t.Helper()
	o, err := m.bench.Order(m.t.Context(), no)
	if err != nil || o.State != want {
		m.t.Fatalf("order is %s, %v; want %s", o.State, err, want)
	}
}

func (m *move) found(id string) transition.Case {
	m.t.Helper()
	c, err := m.bench.Case(m.t.Context(), id)
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

func TestOnlyTheMerchantThatMadeAnOrderCanSayThatItIsUnpaid(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	no := m.order(m.hub(m.a), "1")
	moved := m.hub(m.b)
	closed := channels.Payment{Channel: "wechat", Merchant: merchantB, OrderNo: string(no), State: channels.Closed}
	if _, err := moved.Settle(ctx, closed, "query"); err != nil {
		t.Fatal(err)
	}
	if _, err := moved.Close(ctx, no, merchantB); !errors.Is(err, transition.ErrOtherMerchant) {
		t.Errorf("closed on the word of another merchant: %v", err)
	}
	m.mustBe(no, transition.OrderPrepared)
	// Nobody can be asked: a case that holds no money, once.
	for range 2 {
		if err := moved.Unasked(ctx, no); err != nil {
			t.Fatal(err)
		}
	}
	c := m.found("wechat:merchant:" + string(no))
	if !c.Open || c.Kind != "merchant_unknown" || c.Suspense != 0 || c.Times != 2 {
		t.Errorf("the case is %+v", c)
	}
	m.mustBe(no, transition.OrderPrepared)
	due, err := moved.Due(ctx, time.Minute, 10)
	if err != nil || len(due) != 0 {
		t.Errorf("due before its time: %v, %v", due, err)
	}
	m.now = m.now.Add(time.Hour)
	if due, err = moved.Due(ctx, time.Minute, 10); err != nil || len(due) != 1 || due[0].Merchant != merchant {
		t.Errorf("due is %v, %v", due, err)
	}
	// Once it is configured again, the order is credited on its word.
	paid := m.paid(no, merchant)
	if out, err := m.hub(m.b, m.a).Settle(ctx, paid, "callback"); err != nil || out != channels.OutcomeCredited {
		t.Fatalf("%s, %v", out, err)
	}
	m.verify()
}

func (m *move) verify() {
	m.t.Helper()
	if _, err := m.bench.Verify(context.Background()); err != nil {
		m.t.Error(err)
	}
}

func (m *move) paid(no transition.OrderNo, by string) channels.Payment {
	p := paid(no, 5000)
	p.Merchant = by
	return p
}

func TestAPaymentToAnotherMerchantIsACaseAndCanBeRefundedThere(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	no := m.order(m.hub(m.a), "1")
	moved := m.hub(m.b, m.a)
	p := m.paid(no, merchantB)
	if out, err := moved.Settle(ctx, p, "callback"); err != nil || out != channels.OutcomeCase {
		t.Fatalf("%s, %v", out, err)
	}
	m.mustBe(no, transition.OrderPrepared)
	id := "wechat:" + p.TransactionID
	if c := m.found(id); c.Suspense != 5000 || c.Kind != "mismatch" {
		t.Errorf("the case is %+v", c)
	}
	m.b.order = func(string) (channels.Payment, error) { return p, nil }
	if _, err := moved.CreditCase(ctx, id, "", recharge.Word{By: "li", Why: "asked"}); !errors.Is(err, recharge.ErrNotCreditable) {
		t.Errorf("credited: %v", err)
	}
	m.b.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		s := status("wechat", no, r.RefundNo, r.Amount, channels.RefundMade)
		s.Merchant = merchantB
		return s, nil
	}
	r, err := moved.RefundCase(ctx, id, "", recharge.Word{By: "li", Why: "asked"})
	if err != nil || r.State != transition.RefundSettled || m.a.sent+m.a.asked != 0 {
		t.Fatalf("refund %+v, %v", r, err)
	}
	m.verify()
}

func TestARefundGoesToTheMerchantThatWasPaid(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	before := m.hub(m.a)
	no := m.order(before, "1")
	if out, err := before.Settle(ctx, m.paid(no, merchant), "callback"); err != nil || out != channels.OutcomeCredited {
		t.Fatalf("%s, %v", out, err)
	}
	wish := recharge.RefundWish{Account: account, Order: no, Amount: 2000, Key: "key-00000009", By: "holder"}
	// Not configured: nothing is held, nobody is asked.
	alone := m.hub(m.b)
	if _, err := alone.Refund(ctx, wish); !errors.Is(err, recharge.ErrChannel) {
		t.Errorf("a refund that nobody can make: %v", err)
	}
	if orders, err := alone.Refundable(ctx, account); err != nil || len(orders) != 0 {
		t.Errorf("offered to be refunded: %v, %v", orders, err)
	}
	// Configured as a former one: held, sent there, unknown.
	m.a.refund, m.a.query = unanswered, notFound
	both := m.hub(m.b, m.a)
	r, err := both.Refund(ctx, wish)
	if err != nil || r.State != transition.RefundHeld || r.Merchant != merchant || m.a.sent != 1 {
		t.Fatalf("refund %+v, %v, sent %d times", r, err, m.a.sent)
	}
	// Taken out while it is held: a case, and it stays held whatever people wish.
	if err := alone.AskRefund(ctx, r.No); err != nil {
		t.Fatal(err)
	}
	if c := m.found("wechat:merchant_unknown:" + string(no) + ":" + string(r.No)); !c.Open || c.Suspense != 0 {
		t.Errorf("the case is %+v", c)
	}
	m.now = m.now.Add(time.Hour)
	if _, err := alone.GiveBack(ctx, r.No, "li", "asked"); !errors.Is(err, recharge.ErrChannel) {
		t.Errorf("given back unasked: %v", err)
	}
	// A word of another merchant about it is a case; of the same merchant's other app
	// it counts, because a refund's callback does not name the app.
	word := status("wechat", no, string(r.No), 2000, channels.RefundMade)
	word.Merchant = merchantB
	if out, err := both.SettleRefund(ctx, word, "callback"); err != nil || out != channels.OutcomeCase {
		t.Errorf("%s, %v", out, err)
	}
	word.Merchant = channels.Payee(merchant) + "/wx7777777777777777"
	if out, err := both.SettleRefund(ctx, word, "callback"); err != nil || out != channels.OutcomeRefunded {
		t.Errorf("%s, %v", out, err)
	}
	// So it is with a refund that was made outside.
	outside := status("wechat", no, "console-1", 1000, channels.RefundMade)
	outside.Merchant = merchantB
	if out, err := both.SettleRefund(ctx, outside, "callback"); err != nil || out != channels.OutcomeCase {
		t.Errorf("%s, %v", out, err)
	}
	outside.Merchant = merchant
	if out, err := both.SettleRefund(ctx, outside, "callback"); err != nil || out != channels.OutcomeRefunded {
		t.Errorf("%s, %v", out, err)
	}
	m.verify()
}

func TestAnOrderGoesOnWhereItWasMade(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	first := m.order(m.hub(m.a), "1")
	// The same form again: the same order, if its merchant can be spoken to.
	again, err := m.hub(m.b, m.a).Create(ctx, m.wish("1"))
	if err != nil || again.Order != first {
		t.Errorf("the same form makes %s, %v", again.Order, err)
	}
	if _, err := m.hub(m.b).Create(ctx, m.wish("1")); !errors.Is(err, recharge.ErrChannel) {
		t.Errorf("the sheet of a merchant that is gone is handed out: %v", err)
	}
	// The same wish with a new form: an order of the new merchant.
	if other := m.order(m.hub(m.b, m.a), "2"); other == first {
		t.Error("an order of the former merchant is to be paid at the new one")
	}
	if out, err := m.hub(m.b, m.a).Settle(ctx, m.paid(first, merchant), "callback"); err != nil || out != channels.OutcomeCredited {
		t.Errorf("%s, %v", out, err)
	}
}

func TestRefundsOfAPaymentAreLearnedWhereItWasMade(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	no := m.order(m.hub(m.a), "1")
	m.a.query = func(order, refund string) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(order), refund, 1000, channels.RefundMade), nil
	}
	p := m.paid(no, merchant)
	p.Refunded, p.RefundNos, p.RefundedTotal = true, []string{"console-1"}, 1000
	if out, err := m.hub(m.b, m.a).Settle(ctx, p, "callback"); err != nil || out != channels.OutcomeCredited || m.a.asked != 1 {
		t.Fatalf("%s, %v, asked %d times", out, err, m.a.asked)
	}
	o, err := m.bench.Order(ctx, no)
	if err != nil || o.Refunded != 1000 {
		t.Errorf("refunded %s, %v", o.Refunded, err)
	}
	m.verify()
}

// TestADecisionAboutAnotherMerchantsPaymentEndsNoOrder: people let the money of
// that payment go, and the order is still open where it was made.
func TestADecisionAboutAnotherMerchantsPaymentEndsNoOrder(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	no := m.order(m.hub(m.a), "1")
	moved := m.hub(m.b, m.a)
	p := m.paid(no, merchantB)
	if out, err := moved.Settle(ctx, p, "callback"); err != nil || out != channels.OutcomeCase {
		t.Fatalf("%s, %v", out, err)
	}
	if err := moved.CloseCase(ctx, "wechat:"+p.TransactionID, true, recharge.Word{By: "li", Why: "not ours"}); err != nil {
		t.Fatal(err)
	}
	p.Refunded, p.RefundedTotal = true, 5000
	if _, err := moved.Settle(ctx, p, "callback"); err != nil {
		t.Fatal(err)
	}
	m.mustBe(no, transition.OrderPrepared)
	right := m.paid(no, merchant)
	right.TransactionID = "4200000002"
	if out, err := moved.Settle(ctx, right, "callback"); err != nil || out != channels.OutcomeCredited {
		t.Errorf("%s, %v", out, err)
	}
	m.verify()
}

// TestAnotherMerchantsRefundsStandAgainstNoCredit: they are of another payment.
func TestAnotherMerchantsRefundsStandAgainstNoCredit(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	no := m.order(m.hub(m.a), "1")
	m.b.query = notFound
	moved := m.hub(m.b, m.a)
	foreign := m.paid(no, merchantB)
	foreign.TransactionID, foreign.Refunded, foreign.RefundNos, foreign.RefundedTotal = "4200000002", true, []string{"x1"}, 1000
	if _, err := moved.Settle(ctx, foreign, "callback"); !errors.Is(err, channels.ErrUnknownOutcome) {
		t.Fatalf("a refund that cannot be found: %v", err)
	}
	if out, err := moved.Settle(ctx, m.paid(no, merchant), "callback"); err != nil || out != channels.OutcomeCredited {
		t.Errorf("%s, %v", out, err)
	}
	m.verify()
}

// TestAPaymentToAnotherAppOfOurMerchantCanBeGivenBack: the money is with us.
func TestAPaymentToAnotherAppOfOurMerchantCanBeGivenBack(t *testing.T) {
	m := newMove(t)
	ctx := t.Context()
	hub := m.hub(m.a)
	p := m.paid(m.order(hub, "1"), merchant)
	p.Misdirected = "appid"
	if out, err := hub.Settle(ctx, p, "callback"); err != nil || out != channels.OutcomeCase {
		t.Fatalf("%s, %v", out, err)
	}
	m.a.order = func(string) (channels.Payment, error) { return p, nil }
	m.a.refund = func(_ context.Context, r channels.RefundRequest) (channels.RefundStatus, error) {
		return status("wechat", transition.OrderNo(r.OrderNo), r.RefundNo, r.Amount, channels.RefundMade), nil
	}
	id := "wechat:" + p.TransactionID
	if _, err := hub.CreditCase(ctx, id, "", recharge.Word{By: "li", Why: "asked"}); !errors.Is(err, recharge.ErrNotCreditable) {
		t.Errorf("credited: %v", err)
	}
	r, err := hub.RefundCase(ctx, id, "", recharge.Word{By: "li", Why: "asked"})
	if err != nil || r.State != transition.RefundSettled {
		t.Errorf("refund %+v, %v", r, err)
	}
	m.verify()
}
