package wechatpay

import (
	"fmt"
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
	at          time.Time
	business    string // WeChat Pay's number of what moved the money
	transaction string // and of the payment behind it
	name        string
	fen         int64
	by, note    string
	voucher     string
	balance     int64
}

// of is a row of the same business under another name.
func (e flowEntry) of(name string, fen int64, note string) flowEntry {
	e.name, e.fen, e.note = name, fen, note
	return e
}

// flow collects everything that has moved money, from the first day on, so that
// the balance is right on any day.
func (s *Sim) flow() []flowEntry {
	var out []flowEntry
	for _, o := range s.orders.all() {
		if !o.paid() {
			continue
		}
		paid := flowEntry{at: o.PaidAt, business: o.TransactionID, transaction: o.TransactionID, by: "system", voucher: o.OutTradeNo}
		fee := s.fee(o.TotalFen)
		note := fmt.Sprintf("结算总金额 %s 元;含手续费 %s 元", yuan(o.TotalFen), yuan(fee))
		out = append(out, paid.of("交易", o.TotalFen, note))
		if fee > 0 {
			out = append(out, paid.of("扣除交易手续费", -fee, ""))
		}
		for _, r := range o.Refunds {
			if r.Status == RefundClosed {
				continue
			}
			by := s.opts.MchID + "API"
			if r.Outside {
				by = s.opts.MchID
			}
			back := flowEntry{at: r.CreatedAt, business: r.RefundID, transaction: o.TransactionID, by: by, voucher: r.OutRefundNo}
			fee := s.fee(r.Fen)
			note := fmt.Sprintf("退款总金额%s元;含手续费%s元", yuan(r.Fen), yuan(fee))
			out = append(out, back.of("退款", -r.Fen, note))
			if fee > 0 {
				back.by = "system"
				out = append(out, back.of("退还交易手续费", fee, ""))
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
