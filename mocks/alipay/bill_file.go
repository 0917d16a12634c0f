package alipay

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"time"
)

const (
	// accountSuffix follows the pid in the number of the merchant's account.
	accountSuffix = "0156"
	dateInBill    = "2006年01月02日 15:04:05"
	// exportedAfter is when in the night a bill is made.
	exportedAfter = 5*time.Hour + 46*time.Minute + 49*time.Second
	rule          = "-----------------------------------------"
	endRule       = "------------------------------------"

	tradeHead = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户," +
		"订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称," +
		"商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
	tradeSumHead = "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）," +
		"卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
	accountHead    = "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注"
	accountSumHead = "类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）"
	padding        = ",,,,,,,"
)

// billArchive is the zip: two files, with names in GBK that no flag announces.
func (s *Sim) billArchive(kind, date string, p period) ([]byte, error) {
	noun := map[string]string{billTrade: "业务明细", billCustomer: "账务明细"}[kind]
	stem := s.opts.SellerID + accountSuffix + "_" + strings.ReplaceAll(date, "-", "") + "_" + noun
	detail, summary := s.tradeBill(date, p), s.tradeSummary(date, p)
	if kind == billCustomer {
		entries := s.customerEntries(date, p)
		detail, summary = s.accountBill(entries, p), s.accountSummary(entries, p)
	}
	files := []struct {
		name  string
		lines []string
	}{{stem + ".csv", detail}, {stem + "(汇总).csv", summary}}
	if s.opts.Profile.SummaryFirst {
		files[0], files[1] = files[1], files[0]
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		entry, err := w.CreateHeader(&zip.FileHeader{
			Name: toBytes(charsetGBK, f.name), NonUTF8: true, Method: zip.Deflate, Modified: p.to.Add(exportedAfter),
		})
		if err == nil {
			_, err = entry.Write([]byte(s.billText(f.lines)))
		}
		if err != nil {
			return nil, fmt.Errorf("zip %s: %w", f.name, err)
		}
	}
	err := w.Close()
	if err != nil {
		return nil, fmt.Errorf("zip bill: %w", err)
	}
	return out.Bytes(), nil
}

// billText is GBK, without a byte order mark.
func (s *Sim) billText(lines []string) string {
	end := "\r\n"
	if s.opts.Profile.BillLF {
		end = "\n"
	}
	return toBytes(charsetGBK, strings.Join(lines, end)+end)
}

// billTop is what every file begins with.
func (s *Sim) billTop(title, list string, p period) []string {
	return []string{
		"#支付宝" + title + "查询",
		"#账号：[" + s.opts.SellerID + accountSuffix + "]",
		"#起始日期：[" + p.from.Format(dateInBill) + "]   终止日期：[" + p.to.Format(dateInBill) + "]",
		"#" + rule + list + "列表----------------------------------------",
	}
}

func exported(p period) string {
	return "#导出时间：[" + p.to.Add(exportedAfter).Format(dateInBill) + "]"
}

// tradeBill has 25 columns, of which some end in a tab so that spreadsheets
// take them for text. Nothing is quoted.
func (s *Sim) tradeBill(date string, p period) []string {
	rows := s.billRows(billTrade, date, p)
	lines := append(s.billTop("业务明细", "业务明细", p), tradeHead)
	for _, r := range rows {
		lines = append(lines, s.tradeLine(r))
	}
	trades, refunds := sum(rows, ofKind(rowTrade)), sum(rows, ofKind(rowRefund))
	return append(lines,
		"#"+rule+"业务明细列表结束"+endRule,
		fmt.Sprintf("#交易合计：%d笔，商家实收共%s元，商家优惠共%s元", trades.count, signedYuan(trades.receiptFen), signedYuan(trades.offFen)),
		fmt.Sprintf("#退款合计：%d笔，商家实收退款共%s元，商家优惠退款共%s元", refunds.count, signedYuan(refunds.receiptFen), signedYuan(refunds.offFen)),
		exported(p),
	)
}

func (s *Sim) tradeLine(r billRow) string {
	const tab = "\t"
	return strings.Join([]string{
		r.tradeNo + tab, r.orderNo + tab, r.kind + tab, s.billField(r.subject), s.stamp(r.created), s.stamp(r.finished),
		r.store + tab, tab, r.operator + tab, r.terminal + tab, r.account + tab,
		signedYuan(r.totalFen), signedYuan(r.receiptFen), signedYuan(r.couponFen), yuan(0), yuan(0), signedYuan(r.merchantOffFen),
		yuan(0), "", yuan(0) + tab, yuan(0), r.requestNo + tab, signedYuan(r.feeFen), yuan(0), s.billField(r.subject),
	}, ",")
}

// billField leaves a comma as it is, unless the profile has it quoted.
func (s *Sim) billField(text string) string {
	if s.opts.Profile.BillQuotes && strings.ContainsAny(text, `,"`) {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

// tradeSummary has a line for each store and one for all.
func (s *Sim) tradeSummary(date string, p period) []string {
	rows := s.billRows(billTrade, date, p)
	lines := append(s.billTop("业务汇总", "业务汇总", p), tradeSumHead)
	for _, store := range stores(rows) {
		lines = append(lines, summaryLine(store+"\t", rows, func(r billRow) bool { return r.store == store }))
	}
	return append(lines,
		summaryLine("合计", rows, func(billRow) bool { return true }),
		"#"+rule+"业务汇总列表结束"+endRule,
		exported(p),
	)
}

func summaryLine(store string, rows []billRow, suits func(billRow) bool) string {
	trades := sum(rows, func(r billRow) bool { return suits(r) && r.kind == rowTrade })
	refunds := sum(rows, func(r billRow) bool { return suits(r) && r.kind == rowRefund })
	receipt, fee := trades.receiptFen+refunds.receiptFen, trades.feeFen+refunds.feeFen
	return strings.Join([]string{
		store, "", count(trades.count), count(refunds.count), signedYuan(trades.totalFen + refunds.totalFen), signedYuan(receipt),
		signedYuan(trades.couponFen + refunds.couponFen), signedYuan(trades.offFen + refunds.offFen), yuan(0), signedYuan(fee), yuan(0),
		signedYuan(receipt + fee),
	}, ",")
}

// accountBill is of type signcustomer; its footer lines are padded with commas.
func (s *Sim) accountBill(entries []entry, p period) []string {
	const tab = "\t"
	lines := append(s.billTop("账务明细", "账务明细", p), accountHead)
	for _, e := range entries {
		in, out := signedYuan(max(e.fen, 0)), signedYuan(min(e.fen, 0))
		lines = append(lines, strings.Join([]string{
			e.serial + tab, e.tradeNo + tab, e.orderNo + tab, s.billField(e.subject), s.stamp(e.at), e.account + tab, in, out,
			signedYuan(e.balanceFen), "支付宝", e.kind, s.billField(e.remark),
		}, ","))
	}
	in, out, inFen, outFen := tally(entries)
	return append(lines,
		"#"+rule+"账务明细列表结束"+endRule+padding,
		fmt.Sprintf("#支出合计：%d笔，共%s元%s", out, signedYuan(outFen), padding),
		fmt.Sprintf("#收入合计：%d笔，共%s元%s", in, signedYuan(inFen), padding),
		exported(p),
	)
}

func tally(entries []entry) (in, out int, inFen, outFen int64) {
	for _, e := range entries {
		if e.fen > 0 {
			in++
			inFen += e.fen
		} else {
			out++
			outFen += e.fen
		}
	}
	return in, out, inFen, outFen
}

func (s *Sim) accountSummary(entries []entry, p period) []string {
	lines := append(s.billTop("账务汇总", "账务汇总", p), accountSumHead)
	line := func(name string, of []entry) {
		in, out, inFen, outFen := tally(of)
		lines = append(lines, strings.Join([]string{
			name, count(in), signedYuan(inFen), count(out), signedYuan(outFen), signedYuan(inFen + outFen),
		}, ","))
	}
	for _, kind := range []string{"在线支付", "交易退款", "收费"} {
		var of []entry
		for _, e := range entries {
			if e.kind == kind {
				of = append(of, e)
			}
		}
		if len(of) > 0 {
			line(kind, of)
		}
	}
	line("合计", entries)
	return append(lines, "#"+rule+"账务汇总列表结束"+endRule, exported(p))
}
