package wechatpay

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The header lines. (Source: 申请交易账单, 申请资金账单.)
const (
	billHead       = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,"
	billRefundHead = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
	billTail       = "商品名称,商户数据包,手续费,费率,订单金额"

	billSum        = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
	billSumSuccess = "总交易单数,应结订单总金额,手续费总金额,订单总金额"
	flowHead       = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
	flowSum        = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

	billTime = "2006-01-02 15:04:05"
)

// Kinds of trade bills.
const (
	billAll     = "ALL"
	billSuccess = "SUCCESS"
	billRefund  = "REFUND"
)

// table is a bill: a header, rows, a header of the sums, the sums.
type table struct {
	head    string
	rows    [][]string
	sumHead string
	sums    []string
}

// yuan writes fen with two decimals.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// feeYuan writes the fee of a row, which has five decimals. A sum of fees has
// two.
func feeYuan(fen int64) string { return yuan(fen) + "000" }

func (s *Sim) count(n int) string {
	if s.opts.Profile.BillCountsDecimal {
		return strconv.Itoa(n) + ".0"
	}
	return strconv.Itoa(n)
}

// tradeTable makes a trade bill. Totals are of its rows, whatever a fault has
// made of them.
func (s *Sim) tradeTable(entries []billEntry, kind string) table {
	t := table{head: billHead, sumHead: billSum}
	switch kind {
	case billAll:
		t.head += billRefundHead + billTail + ",申请退款金额,费率备注"
	case billSuccess:
		t.head += billTail + ",费率备注"
	case billRefund:
		t.head += "退款申请时间,退款成功时间," + billRefundHead + billTail + ",申请退款金额,费率备注"
	}
	var sum struct{ settled, refund, coupon, fee, total, asked int64 }
	for _, e := range entries {
		t.rows = append(t.rows, s.tradeRow(e, kind))
		if e.refund == nil {
			sum.settled += e.order.TotalFen
			sum.total += e.order.TotalFen
			sum.fee += s.fee(e.order.TotalFen)
			continue
		}
		sum.refund += e.refund.Fen
		sum.asked += e.refund.Fen
		sum.coupon += e.refund.CouponFen
		sum.fee -= s.fee(e.refund.Fen)
	}
	t.sums = []string{
		s.count(len(entries)), yuan(sum.settled), yuan(sum.refund), yuan(sum.coupon), yuan(sum.fee), yuan(sum.total), yuan(sum.asked),
	}
	if kind == billSuccess && (s.opts.Profile.BillFourSums || !s.does(BLiveBills)) {
		t.sumHead = billSumSuccess
		t.sums = []string{s.count(len(entries)), yuan(sum.settled), yuan(sum.fee), yuan(sum.total)}
	}
	return t
}

func (s *Sim) tradeRow(e billEntry, kind string) []string {
	o := e.order
	row := []string{
		e.at.In(beijing).Format(billTime), s.opts.AppID, s.opts.MchID, "0", "", o.TransactionID, o.OutTradeNo, o.Openid, o.TradeType,
	}
	rate := fmt.Sprintf("%d.%02d%%", s.opts.Profile.FeePerTenThousand/100, s.opts.Profile.FeePerTenThousand%100)
	if e.refund == nil {
		row = append(row, string(StateSuccess), bankBalance, currencyCNY, yuan(o.TotalFen), yuan(o.CouponFen))
		if kind != billSuccess {
			row = append(row, "0", "0", "0.00", "0.00", "", "")
		}
		row = append(row, o.Description, o.Attach, feeYuan(s.fee(o.TotalFen)), rate, yuan(o.TotalFen))
		if kind != billSuccess {
			row = append(row, "0.00")
		}
		return append(row, "")
	}
	r := e.refund
	row = append(row, string(StateRefund), bankBalance, currencyCNY, "0.00", "0.00")
	if kind == billRefund {
		done := ""
		if e.status == "SUCCESS" {
			done = r.DoneAt.In(beijing).Format(billTime)
		}
		row = append(row, r.CreatedAt.In(beijing).Format(billTime), done)
	}
	return append(row, r.RefundID, r.OutRefundNo, yuan(r.Fen), yuan(r.CouponFen), "ORIGINAL", e.status,
		o.Description, o.Attach, feeYuan(-s.fee(r.Fen)), rate, "0.00", yuan(r.Fen), "")
}

// flowTable makes a fund-flow bill of one day's rows.
func (s *Sim) flowTable(entries []flowEntry) table {
	t := table{head: flowHead, sumHead: flowSum}
	var in, out int
	var inFen, outFen int64
	for _, e := range entries {
		way, fen := "收入", e.fen
		if e.fen < 0 {
			way, fen = "支出", -e.fen
			out++
			outFen += fen
		} else {
			in++
			inFen += fen
		}
		kind := e.name
		if kind != "退款" {
			kind = "交易"
		}
		t.rows = append(t.rows, []string{
			e.at.In(beijing).Format(billTime), e.business, s.flowNumber(e), e.name, kind, way, yuan(fen), yuan(e.balance), e.by, e.note, e.voucher,
		})
	}
	t.sums = []string{s.count(len(entries)), s.count(in), yuan(inFen), s.count(out), yuan(outFen)}
	return t
}

// flowNumber is the 28 digits that the row has for ever: the payment's number
// for it and its refunds, and for a fee the merchant, the day and a serial.
func (s *Sim) flowNumber(e flowEntry) string {
	if e.name == "交易" || e.name == "退款" {
		return e.transaction
	}
	sum := sha256.Sum256([]byte(e.business + e.name))
	return fmt.Sprintf("%.10s%s%010d", s.opts.MchID, e.at.In(beijing).Format("20060102"), binary.BigEndian.Uint64(sum[:])%10_000_000_000)
}

// write puts a backtick before every value, and nothing before headers.
func (t table) write(format BillFormat) []byte {
	var out strings.Builder
	end := "\n"
	if format == BillCRLF {
		out.WriteString("\uFEFF")
		end = "\r\n"
	}
	line := func(values []string) {
		for i, v := range values {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString("`" + v)
		}
		out.WriteString(end)
	}
	out.WriteString(t.head + end)
	for _, row := range t.rows {
		line(row)
	}
	out.WriteString(t.sumHead + end)
	line(t.sums)
	return []byte(out.String())
}
