package alipay

import "time"

// Book is the simulator's own account of what happened, for an auditor: what
// the hub credited must add up to PaidFen less RefundedFen.
type Book struct {
	// Orders are in the order of creation.
	Orders []BookOrder
	// PaidFen is the sum of all paid trades, in fen.
	PaidFen int64
	// RefundedFen is 0: refunds are not simulated.
	RefundedFen int64
	// Counts has every counter; see [Sim.Count].
	Counts map[string]int64
}

// BookOrder is one trade. PaidAt is zero until it is paid. Callbacks counts
// genuine notifies, never tampered ones.
type BookOrder struct {
	OutTradeNo string
	// TradeNO is Alipay's number, as the page hands it to the cashier.
	TradeNO  string
	TotalFen int64
	State    State
	PaidAt   time.Time
	// BuyerID is an id of the app's kind; see [Sim.Buyer].
	BuyerID           string
	PassbackParams    string
	CallbacksSent     int
	CallbacksAccepted int
}

// Order finds a trade by its out_trade_no.
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
	b := Book{Counts: s.tally.snapshot()}
	for _, t := range s.ledger.all(s.now()) {
		b.Orders = append(b.Orders, BookOrder{
			OutTradeNo: t.outTradeNo, TradeNO: t.no, TotalFen: t.totalFen, State: t.state, PaidAt: t.paidAt,
			BuyerID: t.buyer, PassbackParams: t.passback, CallbacksSent: t.sent, CallbacksAccepted: t.accepted,
		})
		if t.state == StateSuccess {
			b.PaidFen += t.totalFen
		}
	}
	return b
}

// Count is how often something happened. Names are "<endpoint>" for requests
// that came in; "<endpoint>.<code>" for whole answers, by the gateway's code
// (a token counts as 10000) or, of a page or a redirect, by HTTP status;
// "<endpoint>.hang", ".reset" and ".truncated" for the rest; callback.sent,
// callback.accepted, tamper.sent, tamper.accepted, paid and closed.
func (s *Sim) Count(name string) int64 { return s.tally.snapshot()[name] }
