package wechatpay

import (
	"slices"
	"time"
)

// billEntry is one row of a trade bill: a payment, or a refund of one. Times
// are Beijing's.
type billEntry struct {
	order  order
	refund *refund
	at     time.Time
	// status is the refund's as of the time of the bill.
	status string
}

// billDay is a day of Beijing, with the time at which its bill is made.
type billDay struct{ from, until, ready time.Time }

// billMonths is how far back bills go.
const billMonths = 3

func (s *Sim) billDay(text string) (billDay, bool) {
	from, err := time.ParseInLocation(time.DateOnly, text, beijing)
	if err != nil {
		return billDay{}, false
	}
	until := from.AddDate(0, 0, 1)
	return billDay{from, until, until.Add(time.Duration(s.opts.Profile.BillHour) * time.Hour)}, true
}

func (d billDay) has(at time.Time) bool { return !at.Before(d.from) && at.Before(d.until) }

// trade collects a day's rows in the order of time. Payments are dated by their
// success, refunds by their acceptance.
func (s *Sim) trade(d billDay) []billEntry {
	var out []billEntry
	for _, o := range s.orders.all() {
		if o.paid() && d.has(o.PaidAt) {
			out = append(out, billEntry{order: o, at: o.PaidAt})
		}
		for i := range o.Refunds {
			r := o.Refunds[i]
			if d.has(r.CreatedAt) {
				out = append(out, billEntry{order: o, refund: &r, at: r.CreatedAt, status: r.asOf(d.ready)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b billEntry) int { return a.at.Compare(b.at) })
	return out
}

// asOf is the refund's status at the time of a bill, in the bill's words.
func (r refund) asOf(at time.Time) string {
	switch {
	case r.Status == RefundProcessing || r.DoneAt.After(at):
		return "PROCESSING"
	case r.Status == RefundSuccess:
		return "SUCCESS"
	}
	return "FAIL"
}

// fee is the merchant's fee on a sum, rounded to the nearest fen.
func (s *Sim) fee(fen int64) int64 {
	rate := int64(s.opts.Profile.FeePerTenThousand)
	return (fen*rate + 5_000) / 10_000
}

// flowEntry is one row of a fund-flow bill. fen is negative for what goes out.
type flowEntry struct {
	at       time.Time
	business string // WeChat Pay's number of what moved the money
	name     string
	fen      int64
	by, note string
	voucher  string
	balance  int64
}

// flow collects everything that has moved money, from the first day on, so that
// the balance is right on any day.
func (s *Sim) flow() []flowEntry {
	var out []flowEntry
	for _, o := range s.orders.all() {
		if !o.paid() {
			continue
		}
		out = append(out, flowEntry{at: o.PaidAt, business: o.TransactionID, name: "交易", fen: o.TotalFen, by: "system", voucher: o.OutTradeNo})
		if fee := s.fee(o.TotalFen); fee > 0 {
			out = append(out, flowEntry{at: o.PaidAt, business: o.TransactionID, name: "扣除交易手续费", fen: -fee, by: "system", voucher: o.OutTradeNo})
		}
		for _, r := range o.Refunds {
			if r.Status == RefundClosed {
				continue
			}
			by := s.opts.MchID + "API"
			if r.Outside {
				by = s.opts.MchID
			}
			out = append(out, flowEntry{at: r.CreatedAt, business: r.RefundID, name: "退款", fen: -r.Fen, by: by, note: "退款总金额" + yuan(r.Fen) + "元", voucher: r.OutRefundNo})
			if fee := s.fee(r.Fen); fee > 0 {
				out = append(out, flowEntry{at: r.CreatedAt, business: r.RefundID, name: "退还交易手续费", fen: fee, by: "system", voucher: r.OutRefundNo})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b flowEntry) int { return a.at.Compare(b.at) })
	var balance int64
	for i := range out {
		balance += out[i].fen
		out[i].balance = balance
	}
	return out
}
