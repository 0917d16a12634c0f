package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/idempotency"
	"guodu/internal/fen"
)

// refundNo is a valid refund number of accountA with a serial number in it.
func refundNo(i int) RefundNo { return RefundNo("R" + string(orderNo(i))) }

func (st *stage) hold(ctx context.Context, i, order int, amount fen.Fen, change func(*NewRefund)) {
	n := NewRefund{
		No: refundNo(i), Order: orderNo(order), Account: accountA, Amount: amount, Request: json.RawMessage(`{"r":1}`),
		By: "holder", Why: "too much", FirstDue: st.at.Add(5 * time.Second),
	}
	if change != nil {
		change(&n)
	}
	no, fresh, err := st.HoldRefund(ctx, n)
	st.say(fmt.Sprintf("hold %s of order %d for refund %d", amount, order, i), []any{no, fresh}, err)
}

func withKey(key idempotency.Key) func(*NewRefund) { return func(n *NewRefund) { n.Key = key } }

func (st *stage) made(ctx context.Context, i int, amount fen.Fen) {
	first, late, err := st.SettleRefund(ctx, RefundMade{No: refundNo(i), Amount: amount, ChannelNo: fmt.Sprintf("5030%d", i), At: st.at})
	st.say(fmt.Sprintf("the channel made refund %d of %s", i, amount), []any{first, late}, err)
}

func (st *stage) send(ctx context.Context, i int) {
	send, err := st.SendRefund(ctx, refundNo(i))
	st.say(fmt.Sprintf("send refund %d", i), send, err)
}

func (st *stage) notMade(ctx context.Context, i int) {
	state, err := st.ReturnRefund(ctx, refundNo(i), "CLOSED", 0)
	st.say(fmt.Sprintf("the channel will not make refund %d", i), state, err)
}

func (st *stage) outside(ctx context.Context, no string, order int, amount fen.Fen) {
	first, err := st.BookOutside(ctx, OutsideRefund{No: no, Order: orderNo(order), Channel: "wechat", Payee: "1900000109", Amount: amount, ChannelNo: "5040" + no, At: st.at, Source: "notice"})
	st.say(fmt.Sprintf("outside refund %s of order %d, %s", no, order, amount), first, err)
}

// paid begins with an account and paid orders.
func (st *stage) paid(ctx context.Context, amounts ...fen.Fen) {
	st.imports(ctx, st.statement(1, 0))
	for i, amount := range amounts {
		st.create(ctx, i+1, amount, "")
		st.credit(ctx, i+1, amount, nil)
	}
}

func refundLife(ctx context.Context, st *stage) {
	st.paid(ctx, 5000)
	st.hold(ctx, 1, 1, 2000, withKey("key-00000001"))
	st.hold(ctx, 2, 1, 2000, withKey("key-00000001")) // the same wish
	st.hold(ctx, 3, 1, 1000, withKey("key-00000001")) // the key for another
	st.hold(ctx, 1, 1, 500, nil)                      // number taken
	due, err := st.ClaimRefundsDue(ctx, time.Minute, 5)
	st.say("refunds due", due, err)
	st.send(ctx, 1)
	_, err = st.ReturnRefund(ctx, refundNo(1), "a person", time.Minute)
	st.say("given back a second after it was sent", nil, err)
	st.at = st.at.Add(time.Minute)
	due, err = st.ClaimRefundsDue(ctx, time.Minute, 5)
	st.say("refunds due", due, err)
	open, err := st.RescheduleRefund(ctx, refundNo(1), st.at.Add(20*time.Minute), "PROCESSING", true)
	st.say("ask later", open, err)
	open, err = st.RescheduleRefund(ctx, refundNo(1), st.at.Add(30*time.Minute), "", false)
	st.say("ask later still", open, err)
	_, err = st.ReturnRefund(ctx, refundNo(1), "a person", time.Second)
	st.say("given back although it is under way", nil, err)
	st.at = st.at.Add(10 * time.Minute)
	due, err = st.ClaimRefundsDue(ctx, time.Minute, 5)
	st.say("refunds due", due, err)
	st.made(ctx, 1, 1999)
	st.made(ctx, 1, 2000)
	st.made(ctx, 1, 2000)
	st.send(ctx, 1)
	st.notMade(ctx, 1)
	st.hold(ctx, 4, 1, 3001, nil)
	st.hold(ctx, 4, 1, 3000, nil)
	o, err := st.Order(ctx, orderNo(1))
	st.say("order 1", []any{o.Refunded, o.Refunding, o.Refunds}, err)
	refunds, err := st.Refunds(ctx, o)
	st.say("its refunds", refunds, err)
}

func playRefundReturned(ctx context.Context, st *stage) {
	st.paid(ctx, 5000)
	st.hold(ctx, 1, 1, 5000, nil)
	st.imports(ctx, st.statement(2, 700)) // arrears came up meanwhile
	st.notMade(ctx, 1)
	st.notMade(ctx, 1)
	st.outside(ctx, "console-1", 1, 5000) // pending first, the rest is owed
	st.create(ctx, 2, 1000, "")
	st.credit(ctx, 2, 1000, nil)
	st.hold(ctx, 2, 2, 300, func(n *NewRefund) { n.Frozen = true })
	st.notMade(ctx, 2)
}

func refundLate(ctx context.Context, st *stage) {
	st.paid(ctx, 5000)
	st.hold(ctx, 1, 1, 3000, nil)
	st.notMade(ctx, 1)
	t := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, t.Load, true, 4, 6200)
	st.create(ctx, 2, 400, "")
	st.credit(ctx, 2, 400, nil)
	st.made(ctx, 1, 3000) // made all the same: 400 were pending, 2600 are owed
	st.made(ctx, 1, 3000)
	st.hold(ctx, 2, 2, 1, nil) // owing freezes
	st.create(ctx, 3, 2700, "")
	st.credit(ctx, 3, 2700, nil)
	st.hold(ctx, 3, 3, 101, nil)
	st.hold(ctx, 3, 3, 100, nil)
}

func playRefundOutside(ctx context.Context, st *stage) {
	st.paid(ctx, 5000, 3000)
	st.outside(ctx, "console-1", 1, 1000)
	st.outside(ctx, "console-1", 1, 1000)
	st.outside(ctx, "console-1", 1, 999)
	st.outside(ctx, "console-1", 2, 1000)
	st.outside(ctx, "console-2", 1, 4001)
	st.hold(ctx, 1, 1, 500, nil)
	st.outside(ctx, string(refundNo(1)), 1, 500) // the hub's own number
	st.imports(ctx, st.statement(2, 0, "lost"))
	st.outside(ctx, "charged-back", 2, 2000)
	st.outside(ctx, "console-3", 1, 4000) // more than is pending; what is held stays held
	st.hold(ctx, 2, 1, 1, func(n *NewRefund) { n.Frozen = true })
	st.notMade(ctx, 1) // what comes back pays what is owed
}

func refundRefusals(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.hold(ctx, 1, 1, 5000, nil)
	st.outside(ctx, "console-1", 1, 5000)
	st.outside(ctx, "console-1", 9, 5000)
	st.outside(ctx, "two words", 1, 5000)
	st.credit(ctx, 1, 5000, nil)
	st.hold(ctx, 1, 9, 5000, nil)
	st.hold(ctx, 1, 1, 0, nil)
	st.hold(ctx, 1, 1, 5000, func(n *NewRefund) { n.Account = "A2" })
	st.outside(ctx, "console-2", 1, 0)
	first, err := st.BookOutside(ctx, OutsideRefund{No: "console-3", Order: orderNo(1), Channel: "alipay", Payee: "1900000109", Amount: 100, At: st.at, Source: "notice"})
	st.say("a refund at another channel", first, err)
	stray := NewRefund{No: NewRefundNo("2026000001", st.at), Order: orderNo(1), Account: accountA, Amount: 100}
	_, _, err = st.HoldRefund(ctx, stray)
	st.say("a number of another partition is refused", errors.Is(err, ErrNumber), nil)
	st.made(ctx, 7, 100)
	st.notMade(ctx, 7)
	st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.hold(ctx, 1, 1, 1, nil) // all is bound to a load
	st.imports(ctx, st.statement(2, 0, "lost"))
	st.create(ctx, 2, 800, "")
	st.credit(ctx, 2, 800, nil)
	st.hold(ctx, 1, 2, 100, nil)
	st.hold(ctx, 1, 2, 100, func(n *NewRefund) { n.Frozen = true })
	for i := 2; i <= 51; i++ {
		st.outside(ctx, fmt.Sprintf("console-%d", i), 2, 1)
	}
	st.hold(ctx, 60, 2, 1, func(n *NewRefund) { n.Frozen = true })
	// A refund that a failover lost leaves its list when somebody asks about it.
	st.say("lost refund", nil, st.client().ZAdd(ctx, st.keys.refundsDue(partitionOf(accountA)), redis.Z{Score: 1, Member: string(refundNo(8))}).Err())
	open, err := st.RescheduleRefund(ctx, refundNo(8), st.at, "", false)
	st.say("ask about it", open, err)
}

func refundInDoubt(ctx context.Context, st *stage) {
	st.paid(ctx, 5000)
	st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.create(ctx, 2, 3000, "")
	st.credit(ctx, 2, 3000, nil)
	st.tapped(ctx, st.reading("tap-0003", 5, 9200)) // one load more than the ledger knows
	st.hold(ctx, 1, 2, 3000, func(n *NewRefund) { n.Frozen = true })
}

func refundsToldFirst(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	_, err := st.ToldRefunded(ctx, orderNo(1), 100)
	st.say("told of no order", nil, err)
	st.create(ctx, 1, 1000, "")
	for _, told := range []fen.Fen{400, 300} {
		at, err := st.ToldRefunded(ctx, orderNo(1), told)
		st.say(fmt.Sprintf("told of %s", told), at, err)
	}
	st.credit(ctx, 1, 1000, nil)
	st.credit(ctx, 1, 1000, func(c *Credit) { c.Refunds = []CreditRefund{{"C1", 400, st.at}} })
	first, err := st.OpenCase(ctx, string(orderNo(1)), Case{ID: "wechat:42001", Kind: "refunds_unknown", Txn: "42001", Suspense: 1000, Evidence: json.RawMessage(`{}`)})
	st.say("told of more after the credit", first, err)
}

func refundsTold(ctx context.Context, st *stage) {
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 1000, "")
	for _, told := range []fen.Fen{500, 300} {
		first, err := st.OpenCase(ctx, string(orderNo(1)), Case{
			ID: "wechat:42001", Kind: "refunds_unknown", Txn: "42001", Suspense: 1000, Refunded: told, Evidence: json.RawMessage(`{}`),
		})
		st.say(fmt.Sprintf("told of %s refunded", told), first, err)
	}
	st.credit(ctx, 1, 1000, nil)
	st.credit(ctx, 1, 1000, func(c *Credit) { c.Refunds = []CreditRefund{{"C1", 300, st.at}} })
	st.credit(ctx, 1, 1000, func(c *Credit) { c.Refunds = []CreditRefund{{"C1", 300, st.at}, {"C2", 200, st.at}} })
}
