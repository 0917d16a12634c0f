package alipay

import (
	"slices"
	"time"
)

// Book is the simulator's own account of what happened, for an auditor: what
// the hub credited must add up to PaidFen less RefundedFen.
type Book struct {
	// Orders are in the order of creation.
	Orders []BookOrder
	// Refunds are in the order of their trades and then of their making.
	Refunds []BookRefund
	// PaidFen is the sum of all trades that were ever paid, in fen, and
	// RefundedFen that of all refunds.
	PaidFen     int64
	RefundedFen int64
	// Counts has every counter; see [Sim.Count].
	Counts map[string]int64
}

// BookOrder is one trade. PaidAt is zero until it is paid. Callbacks counts
// genuine notifies, never tampered ones.
type BookOrder struct {
	OutTradeNo string
	// TradeNO is Alipay's number, as the page hands it to the cashier.
	TradeNO     string
	TotalFen    int64
	RefundedFen int64
	State       State
	PaidAt      time.Time
	// BuyerID is an id of the app's kind; see [Sim.Buyer].
	BuyerID           string
	PassbackParams    string
	CallbacksSent     int
	CallbacksAccepted int
}

// BookRefund is one refund. Outside are those that the API did not ask for.
type BookRefund struct {
	OutTradeNo, RequestNo string
	Fen                   int64
	At                    time.Time
	Outside               bool
}

// Order finds a trade by its out_trade_no.
func (b Book) Order(outTradeNo string) (BookOrder, bool) {
	at := slices.IndexFunc(b.Orders, func(o BookOrder) bool { return o.OutTradeNo == outTradeNo })
	if at < 0 {
		return BookOrder{}, false
	}
	return b.Orders[at], true
}

// Book returns a snapshot. Its orders are all of one moment.
func (s *Sim) Book() Book {
	b := Book{Counts: s.tally.All()}
	for _, t := range s.ledger.all(s.now()) {
		b.Orders = append(b.Orders, BookOrder{
			OutTradeNo: t.OutTradeNo, TradeNO: t.No, TotalFen: t.TotalFen, RefundedFen: t.refunded(), State: t.State,
			PaidAt: inBeijing(t.PaidAt), BuyerID: t.Buyer, PassbackParams: t.Passback, CallbacksSent: t.Sent, CallbacksAccepted: t.Accepted,
		})
		for _, r := range t.Refunds {
			b.Refunds = append(b.Refunds, BookRefund{t.OutTradeNo, r.RequestNo, r.Fen, inBeijing(r.At), r.Outside})
		}
		if t.paid() {
			b.PaidFen += t.TotalFen
		}
		b.RefundedFen += t.refunded()
	}
	return b
}

// inBeijing makes times of a state file equal to those that they were.
func inBeijing(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.In(beijing)
}

// Count is how often something happened. Names are "<endpoint>" for requests
// that came in; "<endpoint>.<code>" for whole answers, by the gateway's code
// (a token counts as 10000) or, of a page or a redirect, by HTTP status;
// "<endpoint>.hang", ".reset" and ".truncated" for the rest; callback.sent,
// callback.accepted, tamper.sent, tamper.accepted, paid, closed, cancelled,
// refunded, refunded.outside and message.sent.
func (s *Sim) Count(name string) int64 { return s.tally.Get(name) }
