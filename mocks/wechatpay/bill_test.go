package wechatpay_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dayOfTrade is 2026-03-02 in Beijing with everything that a bill can have, and
// the morning after.
func dayOfTrade(t testing.TB, change func(*wechatpay.Options)) *bench {
	b := setup(t, change)
	b.paid(orderForm("BILL0001").with("attach", `{"card":"1","note":"x,y"}`).with("description", "校园卡充值"))
	if err := b.sim.Fail(wechatpay.PlacePayment, wechatpay.Fault{Kind: wechatpay.FaultCoupon, Amount: 100}); err != nil {
		t.Fatal(err)
	}
	b.paid(orderForm("BILL0002").with("amount", form{"total": 5000}))
	b.clock.Advance(time.Hour)
	b.want(b.refund(refundForm("BILL0001", "R0001", 1000)), http.StatusOK, "")
	b.fail(wechatpay.PlaceRefundEnd, wechatpay.FaultAbnormal, 1)
	b.want(b.refund(refundForm("BILL0002", "R0002", 2500)), http.StatusOK, "")
	b.clock.Advance(time.Hour)
	b.fail(wechatpay.PlaceRefundEnd, wechatpay.FaultClosed, 1)
	b.want(b.refund(refundForm("BILL0002", "R0003", 500)), http.StatusOK, "")
	b.want(b.call(http.MethodPost, codePayURL, codeForm("BILL0003", b.sim.AuthCode(person)).json(t)), http.StatusOK, "")
	b.prepay(orderForm("BILL0004")) // never paid
	b.clock.Advance(3*time.Hour + 59*time.Minute + 59*time.Second)
	b.paid(orderForm("BILL0005"))
	if err := b.sim.Fail(wechatpay.PlaceRefundEnd, wechatpay.Fault{Kind: "delay", DelayMS: 48 * 3600 * 1000}); err != nil {
		t.Fatal(err)
	}
	b.want(b.refund(refundForm("BILL0005", "R0005", 5000)), http.StatusOK, "")
	b.clock.Advance(time.Second)
	b.paid(orderForm("BILL0006")) // at midnight: of the next day
	b.clock.Advance(10 * time.Hour)
	return b
}

func TestBillsAreTheGoldenBytes(t *testing.T) {
	t.Parallel()
	crlf := dayOfTrade(t, nil)
	lf := dayOfTrade(t, func(o *wechatpay.Options) {
		o.Profile.BillFormat, o.Profile.BillCountsDecimal = wechatpay.BillLF, true
	})
	for name, c := range map[string]struct {
		b    *bench
		path string
	}{
		"all.csv":     {crlf, tradeBillURL + "2026-03-02&bill_type=ALL"},
		"success.csv": {crlf, tradeBillURL + "2026-03-02&bill_type=SUCCESS"},
		"refund.csv":  {crlf, tradeBillURL + "2026-03-02&bill_type=REFUND"},
		"flow.csv":    {crlf, flowBillURL + "2026-03-02&account_type=BASIC"},
		"all-lf.csv":  {lf, tradeBillURL + "2026-03-02"},
		"flow-lf.csv": {lf, flowBillURL + "2026-03-02"},
	} {
		got := c.b.download(c.path)
		file := filepath.Join("testdata", name)
		if *update {
			err := os.WriteFile(file, []byte(got), 0o600)
			if err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

// rows reads a bill by its header lines: the rows, and the sums.
func rows(t testing.TB, bill string) (list []map[string]string, sums map[string]string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(bill, "\r\n", "\n"), "\uFEFF"), "\n"), "\n")
	values := func(head, line string) map[string]string {
		names, fields := strings.Split(head, ","), strings.Split(strings.TrimPrefix(line, "`"), ",`")
		if len(names) != len(fields) {
			t.Fatalf("%d names for %d values: %s", len(names), len(fields), line)
		}
		out := map[string]string{}
		for i, name := range names {
			out[name] = fields[i]
		}
		return out
	}
	last := len(lines) - 1
	for _, line := range lines[1 : last-1] {
		list = append(list, values(lines[0], line))
	}
	return list, values(lines[last-1], lines[last])
}

// fen reads an amount in yuan with two or five decimals.
func fen(t testing.TB, text string) int64 {
	t.Helper()
	var y, f int64
	_, err := fmt.Sscanf(strings.TrimPrefix(text, "-"), "%d.%2d", &y, &f)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if strings.HasPrefix(text, "-") {
		return -(100*y + f)
	}
	return 100*y + f
}

func TestTotalsOfBillsAreTrue(t *testing.T) {
	t.Parallel()
	b := dayOfTrade(t, nil)
	list, sums := rows(t, b.download(tradeBillURL+"2026-03-02&bill_type=ALL"))
	var total, refunds, fees int64
	for _, r := range list {
		total += fen(t, r["订单金额"])
		refunds += fen(t, r["退款金额"])
		fees += fen(t, r["手续费"])
	}
	if sums["总交易单数"] != fmt.Sprint(len(list)) || fen(t, sums["订单总金额"]) != total || fen(t, sums["退款总金额"]) != refunds || fen(t, sums["手续费总金额"]) != fees {
		t.Errorf("sums are %v, the rows have %d, %d, %d", sums, total, refunds, fees)
	}
	if len(list) != 8 || total != 5000+5000+888+5000 || refunds != 1000+2500+500+5000 {
		t.Errorf("%d rows with %d and %d fen", len(list), total, refunds)
	}
	status := map[string]string{}
	for _, r := range list {
		status[r["商户退款单号"]] = r["退款状态"]
	}
	for no, want := range map[string]string{"R0001": "SUCCESS", "R0002": "FAIL", "R0003": "FAIL", "R0005": "PROCESSING"} {
		if status[no] != want {
			t.Errorf("%s is %s in the bill, want %s", no, status[no], want)
		}
	}
	flow, sums := rows(t, b.download(flowBillURL+"2026-03-02"))
	var in, out int64
	for _, r := range flow {
		amount := fen(t, r["收支金额(元)"])
		if r["收支类型"] == "收入" {
			in += amount
		} else {
			out += amount
		}
		if got := fen(t, r["账户结余(元)"]); got != in-out {
			t.Errorf("the balance after %v is %d, want %d", r, got, in-out)
		}
	}
	if fen(t, sums["收入金额"]) != in || fen(t, sums["支出金额"]) != out {
		t.Errorf("sums are %v, the rows have %d in and %d out", sums, in, out)
	}
}

func TestBillDownloadLinksNameTheRealHostOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for real, want := range map[bool]string{true: "https://api.mch.weixin.qq.com/", false: "http://127.0.0.1:"} {
		b := dayOfTrade(t, func(o *wechatpay.Options) { o.Profile.RealDownloadHost = real })
		r := b.call(http.MethodGet, tradeBillURL+"2026-03-02", "")
		if !strings.Contains(string(r.body), `"download_url":"`+want) {
			t.Errorf("real %v: %s", real, r.body)
		}
	}
}
