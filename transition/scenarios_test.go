package transition

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"guodu/internal/fen"
)

// scenario is a short history; what it says and what it leaves behind is kept
// in testdata/NAME.golden.
type scenario struct {
	name string
	run  func(ctx context.Context, st *stage)
}

func scenarios() []scenario {
	return append(append(append(loadScenarios(), deskScenarios()...), mendScenarios()...), []scenario{
		{"recharge_tap_confirm", rechargeTapConfirm},
		{"order_life", orderLife},
		{"order_limits", orderLimits},
		{"credit_refusals", creditRefusals},
		{"credit_net_of_refunds", creditNetOfRefunds},
		{"credit_pays_arrears", creditPaysArrears},
		{"credit_takes_clawback", creditTakesClawback},
		{"case_then_credit", caseThenCredit},
		{"due", dueOrders},
		{"import", imports},
		{"tap_again", tapAgain},
		{"tap_next_terminal", tapNextTerminal},
		{"tap_evidence", tapEvidence},
		{"tap_short_balance", tapShortBalance},
		{"tap_refusals", tapRefusals},
		{"result_without_proof", resultWithoutProof},
		{"result_refusals", resultRefusals},
		{"credit_oddities", creditOddities},
		{"case_grows", caseGrows},
		{"card_versions", cardVersions},
		{"card_changes", cardChanges},
		{"import_in_part", importInPart},
		{"refund_life", refundLife},
		{"refund_returned", playRefundReturned},
		{"refund_late", refundLate},
		{"refund_outside", playRefundOutside},
		{"refund_refusals", refundRefusals},
		{"refund_in_doubt", refundInDoubt},
		{"refunds_told", refundsTold},
		{"refunds_told_first", refundsToldFirst},
		{"case_closed", caseClosed},
		{"case_refunded", caseRefunded},
		{"case_refund_late", refundOfACaseLate},
		{"case_refund_after_credit", caseRefundAfterCredit},
		{"case_credited_net", caseCreditedNet},
		{"case_retold", caseRetold},
		{"order_rebuilt", orderRebuilt},
		{"order_restated", orderRestated},
		{"blocklist", blocklist},
	}...)
}

func rechargeTapConfirm(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.say("prepared", nil, st.Prepared(ctx, orderNo(1), json.RawMessage(`{"prepay_id":"wx1"}`)))
	st.credit(ctx, 1, 5000, nil)
	st.credit(ctx, 1, 5000, nil)
	t := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, t.Load, true, 4, 6200)
	st.result(ctx, t.Load, true, 4, 6200)
	st.create(ctx, 2, 2000, "")
	st.credit(ctx, 2, 2000, nil)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
}

func orderLife(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "key-00000001")
	st.create(ctx, 2, 5000, "key-00000001") // the same wish
	st.create(ctx, 3, 5000, "key-00000002") // another key, the open order
	st.create(ctx, 4, 6000, "key-00000001") // the key for another wish
	st.create(ctx, 1, 6000, "")             // number taken
	st.say("prepared", nil, st.Prepared(ctx, orderNo(1), json.RawMessage(`{"prepay_id":"wx1"}`)))
	st.say("prepared again", nil, st.Prepared(ctx, orderNo(1), json.RawMessage(`{"prepay_id":"wx2"}`)))
	o, err := st.Order(ctx, orderNo(1))
	st.say("order 1", o, err)
	state, err := st.CloseOrder(ctx, o, "1900000110/wx8888888888888888")
	st.say("close on another merchant's word", state, err)
	state, err = st.CloseOrder(ctx, o, merchantA)
	st.say("close", state, err)
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	state, err = st.CloseOrder(ctx, o, merchantA)
	st.say("close again", state, err)
	st.say("prepared after close", nil, st.Prepared(ctx, orderNo(1), json.RawMessage(`{"prepay_id":"wx3"}`)))
	st.create(ctx, 5, 5000, "") // the closed order is not reused
	st.credit(ctx, 1, 5000, nil)
	state, err = st.CloseOrder(ctx, o, merchantA)
	st.say("close after credit", state, err)
	st.say("prepared after credit", nil, st.Prepared(ctx, orderNo(1), json.RawMessage(`{"prepay_id":"wx4"}`)))
	st.at = st.at.Add(16 * time.Minute)
	st.create(ctx, 6, 5000, "") // the open order expired
	o, err = st.Order(ctx, orderNo(6))
	st.say("order 6", o.State, err)
	st.at = st.at.Add(24 * time.Hour)
	st.create(ctx, 7, 100, "")
	elsewhere := st.wish(8, 100, "")
	elsewhere.Merchant = "1900000110/wx8888888888888888"
	no, fresh, err := st.CreateOrder(ctx, elsewhere) // the open order is another merchant's
	st.say("create at another merchant", []any{no, fresh}, err)
	state, err = st.CloseOrder(ctx, o, merchantA) // of yesterday: today's quota stays used
	st.say("close yesterday's", state, err)
	st.say("prepared unknown", nil, st.Prepared(ctx, orderNo(99), nil))
}

func orderLimits(ctx context.Context, st *stage) {
	st.create(ctx, 1, 5000, "") // no account
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 50_001, "")
	for i := 1; i <= 4; i++ {
		st.create(ctx, i, 49_990+fen.Fen(i), "")
	}
	st.create(ctx, 5, 40_001, "")
	st.credit(ctx, 1, 49_991, nil)
	st.at = st.at.Add(24 * time.Hour)
	n := st.wish(6, 451, "")
	n.Limits.Balance = 50_000
	no, fresh, err := st.CreateOrder(ctx, n)
	st.say("create over the balance", []any{no, fresh}, err)
	closed := st.statement(2, 0)
	closed.Open = false
	st.imports(ctx, closed)
	st.create(ctx, 7, 100, "")
	st.credit(ctx, 2, 49_992, nil)
}

func creditRefusals(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 9, 5000, nil)
	st.credit(ctx, 1, 5001, nil)
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Channel = "alipay" })
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Merchant = "1900000110/wx8888888888888888" })
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Account = "B2" }) // found by the order
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Txn = "other" })
	st.create(ctx, 2, 700, "")
	st.credit(ctx, 2, 700, func(c *Credit) { c.Payer = "oPayerTwo" })
	st.create(ctx, 3, 800, "")
	st.credit(ctx, 3, 800, func(c *Credit) { c.PayerKind, c.Payer = "user_id", "2088" })
}

func creditNetOfRefunds(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 1500))
	refunds := []CreditRefund{{"out-1", 1000, st.at}, {"out-2", 1500, st.at}}
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = []CreditRefund{{"out-9", 5001, st.at}} })
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = refunds })
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = refunds })
	st.create(ctx, 2, 100, "")
	st.credit(ctx, 2, 100, func(c *Credit) { c.Refunds = []CreditRefund{{"out-1", 100, st.at}} })
	st.credit(ctx, 2, 100, func(c *Credit) { c.Refunds = []CreditRefund{{"out-3", 100, st.at}} })
}

func creditPaysArrears(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 3000, "lost"))
	st.create(ctx, 1, 1000, "")
	st.credit(ctx, 1, 1000, nil)
	st.create(ctx, 2, 2500, "")
	st.credit(ctx, 2, 2500, nil)
}

func creditTakesClawback(ctx context.Context, st *stage) {
	st.paid(ctx, 200)
	t := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, t.Load, true, 4, 1400)
	st.outside(ctx, "out-1", 1, 200) // after the load: owed to the hub
	st.imports(ctx, st.statement(2, 300))
	st.create(ctx, 2, 150, "")
	st.credit(ctx, 2, 150, nil)
	st.create(ctx, 3, 600, "")
	st.credit(ctx, 3, 600, nil)
}

func caseThenCredit(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	c := Case{ID: "wechat:42001", Kind: "unknown_order", Suspense: 5000, Evidence: json.RawMessage(`{"why":"no order"}`)}
	first, err := st.OpenCase(ctx, string(orderNo(1)), c)
	st.say("open case", first, err)
	first, err = st.OpenCase(ctx, string(orderNo(1)), c)
	st.say("open case again", first, err)
	first, err = st.OpenCase(ctx, "SHOP-77", Case{ID: "wechat:9", Kind: "mismatch", Evidence: json.RawMessage(`{}`)})
	st.say("open case without money", first, err)
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	late := Case{ID: "wechat:42001b", Kind: "mismatch", Txn: "42001", Suspense: 5001, Evidence: json.RawMessage(`{}`)}
	first, err = st.OpenCase(ctx, string(orderNo(1)), late) // its money is in the books already
	st.say("open case for a credited transaction", first, err)
	st.credit(ctx, 1, 5001, nil)
	cases, err := st.Cases(ctx)
	st.say("cases", cases, err)
}

func dueOrders(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	for i, amount := range []int64{0, 1000, 2000, 3000} {
		if i > 0 {
			st.create(ctx, i, fen.Fen(amount), "")
		}
	}
	orders, err := st.ClaimDue(ctx, time.Minute, 10)
	st.say("claim before the time", orders, err)
	st.at = st.at.Add(10 * time.Second)
	orders, err = st.ClaimDue(ctx, time.Minute, 2)
	st.say("claim two", orders, err)
	orders, err = st.ClaimDue(ctx, time.Minute, 2)
	st.say("claim the rest", orders, err)
	open, err := st.Reschedule(ctx, orderNo(1), st.at.Add(30*time.Second))
	st.say("reschedule", open, err)
	when, err := st.client().ZScore(ctx, st.keys.due(partitionOf(accountA)), string(orderNo(1))).Result()
	st.say("order 1 is due at", fmt.Sprintf("%.0f", when), err)
	st.at = st.at.Add(365 * 24 * time.Hour) // a clock that is wrong for one look
	orders, err = st.ClaimDue(ctx, time.Minute, 10)
	st.say("claim next year", orders, err)
	st.at = st.at.Add(-365 * 24 * time.Hour)
	orders, err = st.ClaimDue(ctx, time.Minute, 10)
	st.say("claim again today", orders, err)
	st.credit(ctx, 2, 2000, nil)
	open, err = st.Reschedule(ctx, orderNo(2), st.at.Add(30*time.Second))
	st.say("reschedule a credited one", open, err)
	p := partitionOf(accountA)
	st.say("an order that was lost", nil, st.client().Del(ctx, st.keys.order(p, orderNo(3))).Err())
	open, err = st.Reschedule(ctx, orderNo(3), st.at.Add(30*time.Second))
	st.say("reschedule a lost one", open, err)
}

func imports(ctx context.Context, st *stage) {
	first := st.statement(2, 500, "lost", "abuse")
	st.imports(ctx, first)
	st.imports(ctx, first)
	st.imports(ctx, st.statement(1, 0))
	second := st.statement(3, 0, "abuse")
	st.imports(ctx, second)
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	st.imports(ctx, st.statement(4, 0))
	st.tapped(ctx, st.reading("tap-0001", 3, 0))
	second = st.statement(5, 0, "lost")
	second.Card.Version = "2" // an open load forbids it; the freeze counts all the same
	st.imports(ctx, second)
	st.imports(ctx, second)
	st.tapped(ctx, st.reading("tap-0001", 3, 0)) // a repeat gets nothing for a lost card
	second = st.statement(6, 0)
	second.Card = Card{UID: "04D4E5F6", No: "70002", Version: "1", Profile: "stamp"}
	st.imports(ctx, second)
	second.Card.Version, second.Version = "2", 7 // a new version starts with a new counter
	st.say("counter of the new card", nil, st.client().HSet(ctx, st.keys.card(partitionOf(accountA), "04D4E5F6"), "L", "5").Err())
	st.imports(ctx, second)
	other := st.statement(1, 0)
	other.Account, other.Card.UID = "B2", "04A1B2C3"
	st.imports(ctx, other)
	// The refused import left no pointer behind that would keep B2 from a card
	// of its own, nor the holder of that card from theirs.
	fresh := Statement{Account: "B2", Version: 2, Open: true, Card: Card{UID: "04B2B2B2", No: "70001", Version: "1", Profile: "stamp"}}
	st.imports(ctx, fresh) // the number is another card's
	fresh.Account, fresh.Card.No = "D4", "70004"
	st.imports(ctx, fresh)
	st.say("a pointer that leads to no card", nil, st.client().Set(ctx, st.keys.cardIndex("04E5E5E5"), "Z9", 0).Err())
	fresh = Statement{Account: "E5", Version: 1, Open: true, Card: Card{UID: "04E5E5E5", No: "70005", Version: "1", Profile: "stamp"}}
	st.imports(ctx, fresh)
	plainAccount := Statement{Account: "C3", Version: 1, Open: true}
	st.imports(ctx, plainAccount)
}

func tapAgain(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.create(ctx, 2, 2000, "")
	st.credit(ctx, 2, 2000, nil) // money that arrives meanwhile is for the next load
	st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.tapped(ctx, st.reading("tap-0001", 3, 1300)) // the id for another reading
	st.result(ctx, first.Load, true, 4, 6200)
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // its attempt is over
	nonce := st.freshNonce()
	for range 2 {
		r, err := st.Tap(ctx, st.reading("tap-0002", 4, 6200), nonce, TapTimes{time.Minute, time.Minute})
		st.say("tap with one nonce", r, err)
	}
}

func tapNextTerminal(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	second := st.reading("tap-0002", 3, 1200)
	second.Terminal = "T2"
	again := st.tapped(ctx, second)
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // a newer tap ends no attempt
	st.result(ctx, again.Load, false, 0, 0)
	st.result(ctx, first.Load, true, 4, 6200) // attempt 1 wrote, attempt 2 did not
}

func tapEvidence(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.create(ctx, 2, 700, "")
	st.credit(ctx, 2, 700, nil)
	changed := st.reading("tap-0002", 3, 1000)
	*changed.P = 8
	st.tapped(ctx, changed) // a purchase hides the outcome
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	st.tapped(ctx, st.reading("tap-0003", 3, 6200)) // balance moved without a purchase: torn, or an outside load
	st.tapped(ctx, st.reading("tap-0004", 2, 1200)) // below the ledger
	next := st.reading("tap-0005", 4, 6000)         // the counter moved; one purchase since
	*next.P = 8
	offer := st.tapped(ctx, next) // proof of the first load, and the next one at once
	st.tapped(ctx, next)          // the same answer again
	st.result(ctx, offer.Load, true, 5, 6700)
	st.tapped(ctx, st.reading("tap-0006", 4, 6000)) // below the ledger, nothing open
	st.tapped(ctx, st.reading("tap-0007", 7, 6000)) // ahead of the ledger
	st.tapped(ctx, st.reading("tap-0008", 5, 6700)) // and nothing is offered after that
}

func tapShortBalance(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.tapped(ctx, st.reading("tap-0002", 4, 6100)) // written, says the counter; not so, says the balance
	st.tapped(ctx, st.reading("tap-0003", 4, 6100))
	st.tapped(ctx, st.reading("tap-0004", 3, 1200)) // WRITTEN and L0: contradiction
	st.tapped(ctx, st.reading("tap-0005", 5, 6100)) // the counter jumped
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // and a repeat gets nothing
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // a repeat gets nothing either
	back := st.reading("tap-0008", 4, 6200)
	*back.P = 2 // purchases are never taken back
	st.tapped(ctx, back)
	without := st.reading("tap-0006", 4, 6300)
	without.P = nil
	st.tapped(ctx, without) // above what any purchase could leave
	without = st.reading("tap-0007", 4, 6000)
	without.P = nil
	st.tapped(ctx, without) // a purchase cannot make a short balance right
	st.result(ctx, first.Load, true, 4, 6200)
}

func tapRefusals(ctx context.Context, st *stage) {
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // no card
	st.imports(ctx, st.statement(1, 0))
	st.tapped(ctx, st.reading("tap-0002", 3, 1200)) // nothing pending; the counter is adopted
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	st.imports(ctx, st.statement(2, 0, "lost"))
	st.tapped(ctx, st.reading("tap-0003", 3, 1200)) // frozen
	other := st.reading("tap-0004", 3, 1200)
	other.CardNo = "79999"
	st.tapped(ctx, other)
	other = st.reading("tap-0005", 3, 1200)
	other.Version = "2"
	st.tapped(ctx, other)
	closed := st.statement(3, 0)
	closed.Open = false
	st.imports(ctx, closed)
	st.tapped(ctx, st.reading("tap-0006", 3, 1200))
	replaced := st.statement(4, 0)
	replaced.Card = Card{UID: "04D4E5F6", No: "70002", Version: "1", Profile: "stamp"}
	st.imports(ctx, replaced)
	st.tapped(ctx, st.reading("tap-0007", 3, 1200)) // not in force
	st.say("mark", nil, st.client().HSet(ctx, st.keys.card(partitionOf(accountA), "04D4E5F6"), "mark", "CONFLICT").Err())
	st.say("doubt", nil, st.client().HSet(ctx, st.keys.account(partitionOf(accountA), accountA), "doubt", "04D4E5F6:1=CONFLICT", "freeze", "mismatch=hub").Err())
	conflict := st.reading("tap-0008", 0, 0)
	conflict.UID, conflict.CardNo = "04D4E5F6", "70002"
	st.tapped(ctx, conflict)
}

func resultWithoutProof(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	t := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, t.Load, false, 0, 0)
	st.show(ctx, st.keys.load(partitionOf(accountA), t.Load.No))
	st.result(ctx, t.Load, true, 4, 6100) // balance read back wrong
	st.result(ctx, t.Load, false, 0, 0)   // WRITTEN stays
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
}

func resultRefusals(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	t := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	for _, change := range []func(*Load){
		func(l *Load) { l.UID = "04FFFFFF" },
		func(l *Load) { l.Version = "9" },
		func(l *Load) { l.Amount = 1 },
		func(l *Load) { l.L0 = 9 },
		func(l *Load) { l.Account = "B2" },
	} {
		l := t.Load
		change(&l)
		st.result(ctx, l, true, 4, 6200)
	}
	nonce, counter, balance := st.freshNonce(), int64(4), t.Load.B0+t.Load.Amount
	p := partitionOf(accountA)
	st.say("a claim of another load", nil, st.client().Set(ctx, st.keys.claim(p, t.Load.UID, "1", "3"), "outside", 0).Err())
	for range 2 {
		r, err := st.Result(ctx, WriteResult{Load: t.Load, Written: true, L: &counter, B: &balance}, nonce)
		st.say("result with one nonce", r, err)
	}
}

func creditOddities(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 0, "")
	st.create(ctx, 1, -5000, "")
	st.create(ctx, 1, 5000, "")
	for _, refunds := range [][]CreditRefund{
		{{"out-1", 1000, st.at}, {"out-1", 1000, st.at}}, {{"out-1", -1000, st.at}}, {{"out-1", 0, st.at}}, {{"out 1", 1000, st.at}},
	} {
		st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = refunds })
	}
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Txn = "42 001" })
	st.at = time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC) // midnight in Beijing
	st.create(ctx, 2, 300, "")
	st.at = st.at.Add(-time.Minute) // a hub whose clock is behind
	st.create(ctx, 3, 400, "")
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	n := st.wish(4, fen.Max, "")
	n.Limits = Limits{Order: fen.Max, Day: fen.Max + fen.Max, Balance: fen.Max + fen.Max}
	no, fresh, err := st.CreateOrder(ctx, n)
	st.say("create the largest order", []any{no, fresh}, err)
	st.credit(ctx, 1, 5000, nil)
	st.credit(ctx, 4, fen.Max, nil) // more than the books can count
}

func caseGrows(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	open := func(kind string, amount fen.Fen) {
		c := Case{ID: "wechat:42001", Txn: "42001", Kind: kind, Suspense: amount, Evidence: json.RawMessage(`{"kind":"` + kind + `"}`)}
		first, err := st.OpenCase(ctx, string(orderNo(1)), c)
		st.say("open case "+kind, first, err)
	}
	open("mismatch", 0)
	open("refunds_unknown", 5000)
	open("refunds_unknown", 5000)
	st.credit(ctx, 1, 5000, nil) // a notice from before the refund
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = []CreditRefund{{"out-1", 1000, st.at}} })
	open("mismatch", 5000) // credited: its money is in the books
	first, err := st.OpenCase(ctx, "x", Case{ID: "wechat:42 001", Kind: "mismatch"})
	st.say("open case with a blank", first, err)
}

func cardVersions(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	load := func(order int, tap, version string, counter int64, balance fen.Fen) {
		st.create(ctx, order, 700, "")
		st.credit(ctx, order, 700, nil)
		r := st.reading(tap, counter, balance)
		r.Version = version
		t := st.tapped(ctx, r)
		st.result(ctx, t.Load, true, counter+1, balance+700)
	}
	load(1, "tap-0001", "1", 0, 0)
	load(4, "tap-0006", "1", 1, 700)
	second := st.statement(2, 0)
	second.Card.Version = "2"
	st.imports(ctx, second)
	load(2, "tap-0002", "2", 0, 0)      // personalised anew: the counter starts again
	st.imports(ctx, st.statement(3, 0)) // the first version is back, with its counter
	load(3, "tap-0003", "1", 0, 0)      // a dump from before its load
	ahead := st.reading("tap-0004", 9, 700)
	st.tapped(ctx, ahead)
	third := st.statement(4, 0)
	third.Card.Version = "3"
	st.imports(ctx, third)
	r := st.reading("tap-0005", 0, 0)
	r.Version = "3"
	st.tapped(ctx, r) // what the counter of another version says does not bind this one
}

func cardChanges(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	none := st.statement(2, 0)
	none.Card = Card{}
	st.imports(ctx, none)
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // the core took the card away
	again := st.statement(3, 0)
	again.Card.UID = "04D4E5F6" // a new chip with the old number
	st.imports(ctx, again)
	r := st.reading("tap-0002", 0, 0)
	r.UID = "04D4E5F6"
	st.tapped(ctx, r)
	for _, bad := range []Statement{st.statement(1<<53, 0), st.statement(4, 0, "arrears")} {
		st.imports(ctx, bad)
	}
	st.imports(ctx, st.statement(5, 500, "old_arrears"))
	a, b := st.statement(6, 0), st.statement(1, 0)
	a.Card = Card{UID: "04E5E5E5", No: "70005", Version: "1", Profile: "stamp"}
	b.Account, b.Card = "B2", a.Card
	st.say("one hub points to the card, and is slow", nil, st.pointToCard(ctx, a))
	st.imports(ctx, b)
	_, err := st.Store.imports(ctx, a, "")
	st.say("it goes on", nil, err)
	st.say("and finds the card gone", nil, st.pointedTo(ctx, a))
}

func importInPart(ctx context.Context, st *stage) {
	other := st.statement(1, 0)
	other.Account, other.Card = "B2", Card{UID: "04FFFFFF", No: "70009", Version: "1", Profile: "stamp"}
	st.imports(ctx, other)
	st.imports(ctx, st.statement(1, 0))
	wrong := st.statement(3, 5000, "lost")
	wrong.Card = other.Card
	wrong.Card.No = "70001"
	st.imports(ctx, wrong) // B2's card: frozen and owing all the same, the old card out
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil) // the arrears are paid
	st.imports(ctx, wrong)       // again: they are not owed again
	st.imports(ctx, st.statement(2, 0))
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	mended := st.statement(3, 5000, "lost")
	st.imports(ctx, mended)
	st.imports(ctx, mended)
	newer := st.statement(4, 0)
	newer.Card.UID = "04D4E5F6" // the number moves with its holder
	st.imports(ctx, newer)
	st.imports(ctx, st.statement(3, 0)) // and not back with an old statement
	uid, err := st.CardOfNumber(ctx, "70001")
	st.say("70001 is", uid, err)
	st.say("a clock that was wrong", nil, st.client().HSet(ctx, st.keys.account(partitionOf(accountA), accountA), "q_day", "20271123", "q_fen", "200000").Err())
	st.create(ctx, 2, 700, "")
	for _, c := range []Case{
		{ID: "wechat:42002", Txn: "42002", Kind: "closed_account", Suspense: 700, Evidence: json.RawMessage(`{"n":1}`)},
		{ID: "wechat:42002", Txn: "42002", Kind: "refunds_unknown", Suspense: 700, Evidence: json.RawMessage(`{"n":2}`)},
	} {
		first, err := st.OpenCase(ctx, string(orderNo(2)), c)
		st.say("open case "+c.Kind, first, err)
	}
	st.credit(ctx, 2, 700, nil) // refunded, as far as anybody knows
}
