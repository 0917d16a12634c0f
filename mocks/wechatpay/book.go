package wechatpay

import "time"

// Book is the simulator's own account of what happened, for an auditor: what
// the hub credited must add up to PaidFen less RefundedFen.
type Book struct {
	// Orders are in the order of creation.
	Orders []BookOrder
	// PaidFen is the sum of all paid orders, in fen.
	PaidFen int64
	// RefundedFen is the sum of all refunds that have succeeded.
	RefundedFen int64
	// Refunds are in the order of their orders.
	Refunds []BookRefund
	// Counts has every counter; see [Sim.Count].
	Counts map[string]int64
}

// BookOrder is one out_trade_no. TransactionID and PaidAt are zero until it is
// paid. Callbacks counts genuine ones, never tampered ones.
type BookOrder struct {
	OutTradeNo        string
	TransactionID     string
	TotalFen          int64
	RefundedFen       int64
	State             State
	PaidAt            time.Time
	Openid            string
	Attach            string
	CallbacksSent     int
	CallbacksAccepted int
}

// BookRefund is one out_refund_no. Outside says that the merchant's server has
// not asked for it.
type BookRefund struct {
	OutRefundNo string
	OutTradeNo  string
	RefundID    string
	Fen         int64
	Status      RefundStatus
	Outside     bool
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
			OutTradeNo: o.OutTradeNo, TransactionID: o.TransactionID, TotalFen: o.TotalFen, RefundedFen: o.done(),
			State: o.tradeState(), PaidAt: o.PaidAt, Openid: o.Openid, Attach: o.Attach,
			CallbacksSent: o.Sent, CallbacksAccepted: o.Accepted,
		})
		if o.paid() {
			b.PaidFen += o.TotalFen
			b.RefundedFen += o.done()
		}
		for _, r := range o.Refunds {
			b.Refunds = append(b.Refunds, BookRefund{
				OutRefundNo: r.OutRefundNo, OutTradeNo: r.OutTradeNo, RefundID: r.RefundID, Fen: r.Fen, Status: r.Status, Outside: r.Outside,
			})
		}
	}
	b.Counts = s.stand.Counts.All()
	return b
}

// done is what has gone back to the payer, in fen.
func (o *order) done() int64 {
	var sum int64
	for _, r := range o.Refunds {
		if r.Status == RefundSuccess {
			sum += r.Fen
		}
	}
	return sum
}
