package alipay_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
)

var update = flag.Bool("update", false, "write the golden files")

// trade leaves a bench after two days of trade, with everything that a bill can
// show: a coupon, a discount, a fee, parts of refunds, a trade on each side of
// midnight, and one that nobody paid.
func (b *bench) trade(t testing.TB) {
	t.Helper()
	at := func(clock string) {
		t.Helper()
		moment, err := time.ParseInLocation(time.DateTime, clock, time.FixedZone("", 8*3600))
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(moment.Sub(b.clock.Now()))
	}
	at("2026-03-02 18:30:00")
	no := b.create(orderForm("BILL_1"))
	at("2026-03-02 18:30:05")
	b.pay(no)
	at("2026-03-02 19:00:00")
	no = b.create(orderForm("BILL_2").with("total_amount", "100.00"))
	_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: no, BuyerID: b.sim.Buyer(person), MerchantOffFen: 1000, CouponFen: 500})
	if err != nil {
		t.Fatal(err)
	}
	b.wantCode(b.post(chargeForm(counterForm("BILL_3", b.barCode(alipay.BarCodeRequest{Person: "lisi"})).with("operator_id", "OP1"))), "10000", "")
	b.create(orderForm("BILL_4"))
	at("2026-03-02 20:00:00")
	b.wantCode(b.post(refundForm("BILL_1", "R1", "20.00")), "10000", "")
	b.wantCode(b.post(refundForm("BILL_2", "R2", "50.00")), "10000", "")
	no = b.create(orderForm("BILL_5").with("total_amount", "0.01"))
	at("2026-03-02 23:59:59")
	b.pay(no)
	no = b.create(orderForm("BILL_6").with("subject", "充值，一卡通,二"))
	at("2026-03-03 00:00:00")
	b.pay(no)
	b.wantCode(b.post(refundForm("BILL_1", "R3", "30.00")), "10000", "")
	at("2026-03-04 09:00:00")
}

// sameAs holds a file against the one in testdata.
func sameAs(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		err := os.WriteFile(path, []byte(got), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		text, _ := simplifiedchinese.GBK.NewDecoder().String(got)
		t.Errorf("%s differs, byte for byte; it is now\n%s", file, text)
	}
}

func TestBillsHaveTheDocumentedBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, date string
		change     func(*alipay.Profile)
	}{
		"trade":          {"trade", "2026-03-02", nil},
		"trade-next-day": {"trade", "2026-03-03", func(p *alipay.Profile) { p.SummaryFirst = true }},
		"signcustomer":   {"signcustomer", "2026-03-02", nil},
		"next-balance":   {"signcustomer", "2026-03-03", nil},
		"other-profile":  {"trade", "2026-03-03", func(p *alipay.Profile) { p.BillLF, p.BillQuotes, p.FeeBasisPoints = true, true, 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *alipay.Options) {
				o.Profile.FeeBasisPoints = 60
				if c.change != nil {
					c.change(&o.Profile)
				}
			})
			b.trade(t)
			files := b.bill(c.kind, c.date)
			if len(files) != 2 {
				t.Fatalf("%d files", len(files))
			}
			for i, f := range files {
				sameAs(t, fmt.Sprintf("%s-%d.csv", name, i), f.raw)
			}
		})
	}
}

func TestBillFilesAreNamedInGBKWithoutTheFlag(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.trade(t)
	var names []string
	for _, f := range b.bill("trade", "2026-03-02") {
		name, err := simplifiedchinese.GBK.NewDecoder().String(f.name)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
		if bytes.HasPrefix([]byte(f.raw), []byte("\xef\xbb\xbf")) || !strings.HasSuffix(f.raw, "]\r\n") || strings.Contains(strings.ReplaceAll(f.raw, "\r\n", ""), "\n") {
			t.Errorf("%s has other bytes than CRLF without a mark", name)
		}
	}
	want := "20881021462251350156_20260302_业务明细.csv 20881021462251350156_20260302_业务明细(汇总).csv"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("names are %s, want %s", got, want)
	}
}

// fen reads an amount of a bill.
func fen(t testing.TB, text string) int64 {
	t.Helper()
	var yuan, cents int64
	sign := int64(1)
	if strings.HasPrefix(text, "-") {
		sign, text = -1, text[1:]
	}
	_, err := fmt.Sscanf(text, "%d.%d", &yuan, &cents)
	if err != nil {
		t.Fatalf("amount %q: %v", text, err)
	}
	return sign * (100*yuan + cents)
}

func TestTotalsOfBillsAreTrue(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.Profile.FeeBasisPoints = 60 })
	b.trade(t)
	for _, date := range []string{"2026-03-02", "2026-03-03"} {
		files := b.bill("trade", date)
		rows, footer := detail(t, files, "业务明细")
		var trades, refunds, receipts, returns, fees int64
		for _, row := range rows {
			shift := (len(row) - 25) / 2 // a comma in the name of the goods, which the remark repeats
			amount := fen(t, row[12+shift])
			if strings.HasPrefix(row[2], "交易") {
				trades++
				receipts += amount
			} else {
				refunds++
				returns += amount
			}
			fees += fen(t, row[22+shift])
		}
		want := fmt.Sprintf("#交易合计：%d笔，商家实收共%d.%02d元", trades, receipts/100, receipts%100)
		if !strings.HasPrefix(footer[1], want) {
			t.Errorf("%s: footer is %s, rows say %s", date, footer[1], want)
		}
		if want = fmt.Sprintf("#退款合计：%d笔，商家实收退款共-%d.%02d元", refunds, -returns/100, -returns%100); !strings.HasPrefix(footer[2], want) {
			t.Errorf("%s: footer is %s, rows say %s", date, footer[2], want)
		}
		sums, _ := detail(t, files, "业务汇总")
		all := sums[len(sums)-1]
		if all[0] != "合计" || fen(t, all[5]) != receipts+returns || fen(t, all[9]) != fees || fen(t, all[11]) != receipts+returns+fees {
			t.Errorf("%s: summary is %v, rows say %d, %d, %d", date, all, receipts, returns, fees)
		}
		entries, _ := detail(t, b.bill("signcustomer", date), "账务明细")
		var moved int64
		for _, e := range entries {
			shift := strings.Count("充值，一卡通,二", ",") * strings.Count(e[2], "BILL_6")
			moved += fen(t, e[6+shift]) + fen(t, e[7+shift])
		}
		if moved != receipts+returns+fees {
			t.Errorf("%s: the account moved by %d, the trades by %d", date, moved, receipts+returns+fees)
		}
	}
}

func TestMonthBillIsReadyOnTheFourth(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.trade(t)
	b.wantCode(b.post(billForm("trade", "2026-03")), "40004", "INVAILID_ARGUMENTS")
	b.clock.Advance(28 * 24 * time.Hour) // 1 April, 09:00
	b.wantCode(b.post(billForm("trade", "2026-03")), "40004", "BILL_NOT_EXIST")
	b.clock.Advance(3 * 24 * time.Hour)
	rows, _ := detail(t, b.bill("trade", "2026-03"), "业务明细")
	if len(rows) != 8 {
		t.Errorf("%d rows", len(rows))
	}
}
