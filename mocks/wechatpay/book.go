package wechatpay

import "time"

// Book is the simulator's own account of what happened, for an auditor: what
// the hub credited must add up to PaidFen less RefundedFen.
type Book struct {
	// Orders are in the order of creation.
	Orders []BookOrder
	// PaidFen is the sum of all paid orders, in fen.
	PaidFen int64
	// RefundedFen is 0: refunds are not simulated.
	RefundedFen int64
	// Counts has every counter; see [Sim.Count].
	Counts map[string]int64
}

// BookOrder is one out_trade_no. TransactionID and PaidAt are zero until it is
// paid. Callbacks counts genuine ones, never tampered ones.
type BookOrder struct {
	OutTradeNo        string
	TransactionID     string
	TotalFen          int64
	State             State
	PaidAt            time.Time
	Openid            string
	Attach            string
	CallbacksSent     int
	CallbacksAccepted int
}

// Order finds an order by its out_trade_no.
func (b Book) Order(outTradeNo string) (BookOrder, bool) {
	for _, o := range b.Orders {
		if o.OutTradeNo == outTradeNo {
			return o, true
		}
	}
	return BookOrder{}, false
}

// Book returns a snapshot. Its orders are all of one moment.
func (s *Sim) Book() Book {
	var b Book
	for _, o := range s.orders.all() {
		b.Orders = append(b.Orders, BookOrder{
			OutTradeNo: o.outTradeNo, TransactionID: o.transactionID, TotalFen: o.totalFen, State: o.state,
			PaidAt: o.paidAt, Openid: o.openid, Attach: o.attach,
			CallbacksSent: o.sent, CallbacksAccepted: o.accepted,
		})
		if o.state == StateSuccess {
			b.PaidFen += o.totalFen
		}
	}
	b.Counts = s.counts.all()
	return b
}
