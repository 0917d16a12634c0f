package alipay

import (
	"time"
)

// terms is what the merchant asked for. Buyer is an id of the app's kind. The
// fields are exported for the state file.
type terms struct {
	OutTradeNo, Subject, Body, Passback string
	Product, Buyer                      string
	NotifyURL, Charset                  string
	Store, Operator, Terminal           string
	TotalFen                            int64
	Expire                              time.Time
}

// trade is one out_trade_no. Copies of it leave [ledger], never pointers.
type trade struct {
	terms
	No       string
	State    State
	Expired  bool
	Created  time.Time
	PaidAt   time.Time
	ClosedAt time.Time
	// MerchantOffFen and CouponFen are what the buyer did not have to pay: at
	// the merchant's cost, and at Alipay's.
	MerchantOffFen, CouponFen int64
	// AuthCode is the bar code that the trade came from.
	AuthCode string
	// Refunds holds one entry per out_request_no; an entry is never changed, so
	// copies of the trade may share it.
	Refunds []refund

	Sent, Accepted int
}

// refund is one that was made.
type refund struct {
	RequestNo, Reason string
	Fen               int64
	// BackFen is what the merchant gave back of its own.
	BackFen int64
	At      time.Time
	// Outside says that the API had nothing to do with it: the merchant's
	// console, or a chargeback.
	Outside bool
}

func (t *trade) paid() bool { return !t.PaidAt.IsZero() }

// refunded is the sum of all refunds, in fen.
func (t *trade) refunded() int64 {
	var sum int64
	for _, r := range t.Refunds {
		sum += r.Fen
	}
	return sum
}

// receiptFen is what the merchant got, and buyerPayFen what the buyer gave; 0
// before there is a payment.
func (t *trade) receiptFen() int64 {
	if !t.paid() {
		return 0
	}
	return t.TotalFen - t.MerchantOffFen
}

func (t *trade) buyerPayFen() int64 {
	if !t.paid() {
		return 0
	}
	return t.TotalFen - t.MerchantOffFen - t.CouponFen
}

// backFen is the merchant's share in a refund of fen on top of what went before.
func (t *trade) backFen(fen int64) int64 {
	share := func(sum int64) int64 { return sum * t.receiptFen() / t.TotalFen }
	before := t.refunded()
	return share(before+fen) - share(before)
}

// find is the refund of a request number.
func (t *trade) find(requestNo string) (refund, bool) {
	for _, r := range t.Refunds {
		if r.RequestNo == requestNo {
			return r, true
		}
	}
	return refund{}, false
}

// age does what time alone does to a trade: one that nobody pays closes, and
// one that was paid long ago finishes. It says whether anything changed.
func (t *trade) age(now time.Time, refundWindow time.Duration) bool {
	switch {
	case t.State == StateWait && !now.Before(t.Expire):
		t.State, t.Expired, t.ClosedAt = StateClosed, true, t.Expire
	case t.State == StateSuccess && !now.Before(t.PaidAt.Add(refundWindow)):
		t.State = StateFinished
	default:
		return false
	}
	return true
}

// repeated says why terms may not be asked for again, or nil.
func (t *trade) repeated(again terms) error {
	switch {
	case t.State == StateSuccess, t.State == StateFinished:
		return ErrOrderPaid
	case t.State == StateClosed:
		return ErrOrderClosed
	case t.TotalFen != again.TotalFen || t.Subject != again.Subject || t.Product != again.Product:
		return errTermsDiffer
	case again.Buyer != "" && t.Buyer != again.Buyer:
		return ErrBuyer
	}
	return nil
}
