package transition

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"guodu/internal/fen"
)

// suspends opens a case for a payment of an order.
func (st *stage) suspends(ctx context.Context, i int, kind string, amount, refunded fen.Fen) Case {
	c := Case{
		ID: fmt.Sprintf("wechat:4200%d", i), Kind: kind, Txn: fmt.Sprintf("4200%d", i), Suspense: amount, Refunded: refunded,
		Evidence: json.RawMessage(`{"why":"` + kind + `"}`),
	}
	first, err := st.OpenCase(ctx, string(orderNo(i)), c)
	st.say("open case "+c.ID, first, err)
	return st.caseNow(ctx, c.ID)
}

func (st *stage) caseNow(ctx context.Context, id string) Case {
	c, err := st.Case(ctx, id)
	st.say("case "+id, c, err)
	return c
}

func (st *stage) holdCase(ctx context.Context, c Case, i int, amount fen.Fen) {
	no, fresh, err := st.HoldCaseRefund(ctx, c, CaseRefund{
		No: refundNo(i), Channel: "wechat", Merchant: merchantA, Order: string(orderNo(1)), Amount: amount, Request: json.RawMessage(`{"r":1}`),
		By: "li+wang", Why: "unknown", FirstDue: st.at.Add(5 * time.Second),
	})
	st.say(fmt.Sprintf("hold %s of case %s for refund %d", amount, c.ID, i), []any{no, fresh}, err)
}

func (st *stage) outOfSuspense(ctx context.Context, c Case, no string, amount fen.Fen) {
	first, err := st.BookSuspended(ctx, c, OutsideRefund{
		No: no, Order: orderNo(1), Channel: "wechat", Amount: amount, ChannelNo: "5040" + no, At: st.at, Source: "notice",
	})
	st.say(fmt.Sprintf("outside refund %s of case %s, %s", no, c.ID, amount), first, err)
}

func caseClosed(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	c := st.suspends(ctx, 1, "unknown_order", 5000, 0)
	st.say("note", nil, st.NoteCase(ctx, c, "li looked\nat it"))
	st.say("note", nil, st.NoteCase(ctx, c, "wang agreed"))
	st.say("note of none", nil, st.NoteCase(ctx, Case{ID: "wechat:none"}, "x"))
	st.say("close", nil, st.EndCase(ctx, c, false))
	st.say("disown", nil, st.EndCase(ctx, c, true))
	st.say("disown again", nil, st.EndCase(ctx, c, true))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil) // people decided
	st.suspends(ctx, 1, "refunds_unknown", 5000, 0)
	st.say("reopen", nil, st.ReopenCase(ctx, c))
	st.say("reopen again", nil, st.ReopenCase(ctx, c))
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = []CreditRefund{{"out-1", 1000, st.at}} })
	st.say("reopen a credited one", nil, st.ReopenCase(ctx, c))
	light := st.suspends(ctx, 2, "mismatch", 0, 0)
	st.say("close without money", nil, st.EndCase(ctx, light, false))
	st.say("reopen without money", nil, st.ReopenCase(ctx, light))
	st.say("close without money", nil, st.EndCase(ctx, light, false))
	st.suspends(ctx, 2, "mismatch", 900, 0) // now there is money
	st.say("close none", nil, st.EndCase(ctx, Case{ID: "wechat:none"}, false))
	st.say("reopen none", nil, st.ReopenCase(ctx, Case{ID: "wechat:none"}))
	st.say("retell a closed one", nil, st.RetellCase(ctx, c, string(orderNo(1)), 0))
	_, err := st.Case(ctx, "wechat:none")
	st.say("case none", nil, err)
	st.caseNow(ctx, c.ID)
}

func caseRefunded(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	c := st.suspends(ctx, 1, "mismatch", 5001, 0)
	st.holdCase(ctx, c, 1, 5002)
	st.holdCase(ctx, c, 1, 5001)
	st.holdCase(ctx, c, 2, 5001) // the same wish
	st.credit(ctx, 1, 5000, nil)
	st.say("close", nil, st.EndCase(ctx, c, true))
	st.outOfSuspense(ctx, c, "out-9", 1)
	due, err := st.ClaimRefundsDue(ctx, time.Minute, 5)
	st.say("refunds due", due, err)
	st.send(ctx, 1)
	_, err = st.ReturnRefund(ctx, refundNo(1), "a person", time.Minute)
	st.say("given back a second after it was sent", nil, err)
	st.notMade(ctx, 1)
	st.notMade(ctx, 1)
	st.holdCase(ctx, c, 1, 5001) // number taken
	st.outOfSuspense(ctx, c, "out-1", 1001)
	st.outOfSuspense(ctx, c, "out-1", 1001)
	st.outOfSuspense(ctx, c, "out-1", 1002)
	st.holdCase(ctx, c, 2, 4000)
	open, err := st.RescheduleRefund(ctx, refundNo(2), st.at.Add(time.Minute), "PROCESSING", true)
	st.say("ask later", open, err)
	_, err = st.ReturnRefund(ctx, refundNo(2), "a person", time.Second)
	st.say("given back although it is under way", nil, err)
	st.made(ctx, 2, 3999)
	st.made(ctx, 2, 4000)
	st.made(ctx, 2, 4000)
	st.made(ctx, 1, 5001) // made although given back, and nothing is left
	st.notMade(ctx, 2)
	st.holdCase(ctx, c, 3, 1)
	st.outOfSuspense(ctx, c, "out-2", 1)
	st.credit(ctx, 1, 5000, nil)
	st.say("reopen", nil, st.ReopenCase(ctx, c))
	st.caseNow(ctx, c.ID)
}

// Given back, credited, and made after all: it is a refund of the order then.
func caseRefundAfterCredit(ctx context.Context, st *stage) {
	st.paid(ctx, 5000, 700)
	t := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, t.Load, true, 4, 6900)
	st.create(ctx, 3, 2000, "")
	c := st.suspends(ctx, 3, "closed_account", 2000, 0)
	no, fresh, err := st.HoldCaseRefund(ctx, c, CaseRefund{
		No: refundNo(9), Channel: "wechat", Merchant: merchantA, Order: string(orderNo(3)), Amount: 2000, Request: json.RawMessage(`{"r":1}`),
		By: "li+wang", Why: "closed", FirstDue: st.at,
	})
	st.say("hold", []any{no, fresh}, err)
	st.notMade(ctx, 9)
	st.made(ctx, 9, 1999)
	st.credit(ctx, 3, 2000, nil)
	st.hold(ctx, 8, 3, 500, nil)
	st.made(ctx, 9, 2000) // 500 of it are on their way back already
	st.notMade(ctx, 8)
	t = st.tapped(ctx, st.reading("tap-0002", 4, 6900))
	st.result(ctx, t.Load, true, 5, 8900)
	st.create(ctx, 5, 300, "")
	st.credit(ctx, 5, 300, nil)
	st.made(ctx, 9, 2000) // 300 are pending, the rest is on the card
	st.made(ctx, 9, 2000)
	r, err := st.Refund(ctx, refundNo(9))
	st.say("refund 9", r.State, err)
	reply, err := st.settleLate(ctx, r, RefundMade{No: r.No, Amount: 2000, At: st.at}) // another hub at the same moment
	st.say("late again", []string{reply.Tag}, err)
	lost := st.suspends(ctx, 4, "unknown_order", 100, 0)
	no, fresh, err = st.HoldCaseRefund(ctx, lost, CaseRefund{
		No: refundNo(7), Channel: "wechat", Order: "SHOP-1", Amount: 100, Request: json.RawMessage(`{"r":1}`), FirstDue: st.at,
	})
	st.say("hold", []any{no, fresh}, err)
	st.notMade(ctx, 7)
	st.say("disown", nil, st.EndCase(ctx, lost, true))
	st.made(ctx, 7, 100) // of nobody's order: people look
}

func refundOfACaseLate(ctx context.Context, st *stage) {
	c := st.suspends(ctx, 1, "unknown_order", 5000, 0)
	st.holdCase(ctx, c, 1, 2000)
	st.notMade(ctx, 1)
	st.made(ctx, 1, 2000)
	st.caseNow(ctx, c.ID)
	st.outOfSuspense(ctx, Case{ID: "wechat:none"}, "out-1", 1)
	st.holdCase(ctx, Case{ID: "wechat:none"}, 2, 1)
}

// What went back while the payment was in suspense is not credited.
func caseCreditedNet(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	told, err := st.ToldRefunded(ctx, orderNo(1), 1500)
	st.say("told", told, err)
	c := st.suspends(ctx, 1, "refunds_unknown", 5000, 1500)
	st.outOfSuspense(ctx, c, "C2", 1000)
	st.credit(ctx, 1, 5000, nil)
	refunds := []CreditRefund{{"C2", 1000, st.at}, {"C1", 500, st.at}}
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = []CreditRefund{{"C2", 999, st.at}, {"C1", 501, st.at}} })
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = refunds })
	st.credit(ctx, 1, 5000, func(c *Credit) { c.Refunds = refunds })
	st.outside(ctx, "C3", 1, 100)
	o, err := st.Order(ctx, orderNo(1))
	st.say("order 1", []any{o.Refunded, o.Refunds}, err)
}

// The channel once told of refunds that it did not make after all.
func caseRetold(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	_, err := st.ToldRefunded(ctx, orderNo(1), 300)
	st.say("told", nil, err)
	c := st.suspends(ctx, 1, "refunds_unknown", 5000, 300)
	st.credit(ctx, 1, 5000, nil)
	known := c
	known.Refunded = 299 // they looked before the last notice
	st.say("retell what was told meanwhile", nil, st.RetellCase(ctx, known, string(orderNo(1)), 0))
	st.say("retell", nil, st.RetellCase(ctx, c, string(orderNo(1)), 0))
	st.credit(ctx, 1, 5000, nil)
	lost := st.suspends(ctx, 2, "refunds_unknown", 700, 300)
	st.say("retell of a lost order", nil, st.RetellCase(ctx, lost, string(orderNo(2)), 0))
}

func orderRebuilt(ctx context.Context, st *stage) {
	lost := Lost{No: orderNo(1), Account: accountA, Channel: "wechat", Merchant: merchantA, Amount: 5000, PayerKind: "openid", Payer: "oPayerOne"}
	c := st.suspends(ctx, 1, "unknown_order", 5000, 0)
	st.say("rebuild without the account", nil, st.RebuildOrder(ctx, c, lost))
	st.imports(ctx, st.statement(1, 300))
	st.say("rebuild", nil, st.RebuildOrder(ctx, c, lost))
	st.say("rebuild again", nil, st.RebuildOrder(ctx, c, lost))
	due, err := st.ClaimDue(ctx, time.Minute, 5)
	st.say("due", due, err)
	st.credit(ctx, 1, 5000, nil)
	st.say("rebuild for a closed case", nil, st.RebuildOrder(ctx, c, lost))
	lost.Account = "B2"
	st.say("rebuild for another partition", nil, st.RebuildOrder(ctx, c, lost))
	other := st.suspends(ctx, 2, "unknown_order", 700, 0)
	twin := st.statement(1, 0)
	twin.Account = "A63" // of the same partition
	twin.Card = Card{UID: "04FFFFFF", No: "70066", Version: "1", Profile: "stamp"}
	st.imports(ctx, twin)
	lost = Lost{No: orderNo(2), Account: "A63", Channel: "wechat", Merchant: merchantA, Amount: 700}
	st.say("rebuild for a twin", nil, st.RebuildOrder(ctx, other, lost))
	lost.Account = accountA
	st.say("rebuild what is another's", nil, st.RebuildOrder(ctx, other, lost))
}

func orderRestated(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	o, err := st.Order(ctx, orderNo(1))
	st.say("order 1", o.Amount, err)
	c := st.suspends(ctx, 1, "mismatch", 4000, 0)
	st.say("restate", nil, st.RestateOrder(ctx, c, o, 4000))
	st.say("restate again", nil, st.RestateOrder(ctx, c, o, 3999))
	state, err := st.CloseOrder(ctx, o, merchantA) // frees what was reserved
	st.say("close", state, err)
	st.say("restate", nil, st.RestateOrder(ctx, c, o, 4000))
	st.credit(ctx, 1, 5000, nil)
	st.credit(ctx, 1, 4000, nil)
	st.say("restate a closed case", nil, st.RestateOrder(ctx, c, o, 4000))
	late := st.suspends(ctx, 2, "mismatch", 1, 0)
	st.say("restate what is credited", nil, st.RestateOrder(ctx, late, o, 1))
	o.Account = "B2"
	st.say("restate another's", nil, st.RestateOrder(ctx, late, o, 1))
	o.No = orderNo(9)
	st.say("restate none", nil, st.RestateOrder(ctx, late, o, 1))
	st.create(ctx, 3, 600, "")
	o, err = st.Order(ctx, orderNo(3))
	st.say("order 3", o.Amount, err)
	short := st.suspends(ctx, 3, "mismatch", 500, 0)
	st.say("restate", nil, st.RestateOrder(ctx, short, o, 500))
	st.create(ctx, 4, 600, "") // the restated order is not given again
}
