package alipay

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"guodu/mocks/sim"
)

// Kinds of movement, as a bill names them.
const (
	rowTrade  = "交易"
	rowRefund = "退款"
)

// billRow is one movement of money. A refund's amounts are negative.
type billRow struct {
	tradeNo, orderNo, kind, subject string
	created, finished               time.Time
	store, operator, terminal       string
	account                         string
	totalFen, receiptFen            int64
	couponFen, merchantOffFen       int64
	feeFen                          int64 // negative: the merchant pays it
	requestNo                       string
}

// billRows are the movements of a period in the order of time: a trade counts
// when it was paid, a refund when it was made. What the bill is spoiled with is
// done to it.
func (s *Sim) billRows(kind, date string, p period) []billRow {
	rows := s.rowsUntil(p.to)
	rows = slices.DeleteFunc(rows, func(r billRow) bool { return r.finished.Before(p.from) })
	for _, fault := range s.bills.faults(kind, date) {
		rows = spoilRows(rows, fault, p)
	}
	return rows
}

// rowsUntil are all movements before an instant.
func (s *Sim) rowsUntil(end time.Time) []billRow {
	var rows []billRow
	for _, t := range s.ledger.all(s.now()) {
		if !t.paid() {
			continue
		}
		base := billRow{
			tradeNo: t.No, orderNo: t.OutTradeNo, subject: t.Subject, created: t.Created,
			store: t.Store, operator: t.Operator, terminal: t.Terminal, account: "*同学(" + maskedLogon(t.Buyer) + ")",
		}
		paid := base
		paid.kind, paid.finished, paid.totalFen, paid.receiptFen = rowTrade, t.PaidAt, t.TotalFen, t.receiptFen()
		paid.couponFen, paid.merchantOffFen = t.CouponFen, t.MerchantOffFen
		paid.feeFen = -t.receiptFen() * s.opts.Profile.FeeBasisPoints / 10_000
		rows = append(rows, paid)
		for _, r := range t.Refunds {
			back := base
			back.kind, back.finished, back.requestNo = rowRefund, r.At, r.RequestNo
			back.totalFen, back.receiptFen, back.merchantOffFen = -r.Fen, -r.BackFen, r.BackFen-r.Fen
			rows = append(rows, back)
		}
	}
	rows = slices.DeleteFunc(rows, func(r billRow) bool { return !r.finished.Before(end) })
	slices.SortStableFunc(rows, func(a, b billRow) int { return a.finished.Compare(b.finished) })
	return rows
}

// spoilRows makes a bill disagree with the books.
func spoilRows(rows []billRow, fault sim.FaultKind, p period) []billRow {
	first := slices.IndexFunc(rows, func(r billRow) bool { return r.kind == rowTrade })
	switch {
	case fault == FaultExtraRow:
		at := p.from.Add(12 * time.Hour)
		return append(rows, billRow{
			tradeNo: at.Format("20060102") + "22001999999999999999", orderNo: "UNKNOWN" + at.Format("20060102"), kind: rowTrade,
			subject: "未知交易", created: at, finished: at, account: "*同学(" + maskedLogon("unknown") + ")",
			totalFen: 888, receiptFen: 888,
		})
	case first < 0:
		return rows
	case fault == FaultMissingRow:
		return slices.Delete(rows, first, first+1)
	case fault == FaultOtherAmount:
		rows[first].totalFen++
		rows[first].receiptFen++
	}
	return rows
}

// entry is a movement of the merchant's account.
type entry struct {
	serial, tradeNo, orderNo, subject string
	at                                time.Time
	account, kind, remark             string
	fen                               int64
	balanceFen                        int64
}

// entries are the account's movements within a period, with the balance after
// each: what was paid, what was given back, and Alipay's fees.
func (s *Sim) entries(rows []billRow, from time.Time) []entry {
	var out []entry
	var balance int64
	add := func(r billRow, kind, remark string, fen int64) {
		balance += fen
		if fen == 0 || r.finished.Before(from) {
			return
		}
		out = append(out, entry{
			serial:  fmt.Sprintf("%014d", hash("entry", r.tradeNo, r.requestNo, kind)%100_000_000_000_000),
			tradeNo: r.tradeNo, orderNo: r.orderNo, subject: r.subject, at: r.finished, account: r.account,
			kind: kind, remark: remark, fen: fen, balanceFen: balance,
		})
	}
	for _, r := range rows {
		if r.kind == rowTrade {
			add(r, "在线支付", r.subject, r.receiptFen)
			add(r, "收费", "服务费["+r.tradeNo+"]", r.feeFen)
		} else {
			add(r, "交易退款", "退款", r.receiptFen)
		}
	}
	return out
}

// customerEntries are those of a bill. Only rows within it can be spoiled.
func (s *Sim) customerEntries(date string, p period) []entry {
	rows := s.rowsUntil(p.from)
	rows = append(rows, s.billRows(billCustomer, date, p)...)
	return s.entries(rows, p.from)
}

// sums are the totals of rows of one kind.
type sums struct {
	count                                           int
	totalFen, receiptFen, couponFen, offFen, feeFen int64
}

func sum(rows []billRow, suits func(billRow) bool) sums {
	var out sums
	for _, r := range rows {
		if !suits(r) {
			continue
		}
		out.count++
		out.totalFen += r.totalFen
		out.receiptFen += r.receiptFen
		out.couponFen += r.couponFen
		out.offFen += r.merchantOffFen
		out.feeFen += r.feeFen
	}
	return out
}

func ofKind(kind string) func(billRow) bool { return func(r billRow) bool { return r.kind == kind } }

// signedYuan writes fen with a sign where it is negative.
func signedYuan(fen int64) string {
	if fen < 0 {
		return "-" + yuan(-fen)
	}
	return yuan(fen)
}

func count(n int) string { return strconv.Itoa(n) }

// stores are the store numbers of rows, in order.
func stores(rows []billRow) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.store)
	}
	slices.SortFunc(out, cmp.Compare)
	return slices.Compact(out)
}
