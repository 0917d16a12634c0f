package alipay_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestTroubleComesInItsOwnForms(t *testing.T) {
	t.Parallel()
	checkTrouble(t)
}

func checkTrouble(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) { o.Profile.CallsPerSecond = 8 })
	b.paid("TROUBLE_1", nowhere)
	b.fail(alipay.EndpointQuery, sim.FaultTooMany, 1)
	b.wantCode(b.query("TROUBLE_1"), "40005", "isv.app-call-limited")
	b.fail(alipay.EndpointQuery, sim.FaultErrorBefore, 2)
	for range 2 {
		b.wantCode(b.query("TROUBLE_1"), "20000", "isp.unknow-error")
	}
	b.fail(alipay.EndpointQuery, sim.FaultBadGateway, 1)
	if r := b.query("TROUBLE_1"); r.status != http.StatusBadGateway || !strings.HasPrefix(r.body, "<html>") {
		t.Errorf("answer is %+v", r)
	}
	err := b.sim.Fail(alipay.EndpointQuery, sim.Fault{Kind: sim.FaultSlow, DelayMS: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	err = b.leave("fault.query.slow", common("alipay.trade.query", form{"out_trade_no": "TROUBLE_1"}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a slow answer came: %v", err)
	}
	for i := range 9 {
		want := "10000"
		if i >= 7 { // one of this second was the create
			want = "40005"
		}
		if got := b.query("TROUBLE_1").open(t).fields(t)["code"]; got != want {
			t.Errorf("call %d within a second is %v, want %s", i, got, want)
		}
	}
	b.clock.Advance(time.Second)
	b.wantCode(b.query("TROUBLE_1"), "10000", "")
}

func billForm(kind, date string) form {
	return common("alipay.data.dataservice.bill.downloadurl.query", form{"bill_type": kind, "bill_date": date})
}

func (b *bench) billURL(kind, date string) string {
	b.t.Helper()
	node := b.wantCode(b.post(billForm(kind, date)), "10000", "")
	return node["bill_download_url"].(string)
}

// sheet is a file of a bill.
type sheet struct {
	name  string // in GBK, as it is
	raw   string
	lines []string
}

// bill fetches a bill and returns its files in their order.
func (b *bench) bill(kind, date string) []sheet {
	b.t.Helper()
	return unpack(b.t, b.get(b.billURL(kind, date)).body)
}

func unpack(t testing.TB, body string) []sheet {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("no zip: %.200s, %v", body, err)
	}
	var out []sheet
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := simplifiedchinese.GBK.NewDecoder().String(string(raw))
		if err != nil || !f.NonUTF8 && !bytes.ContainsAny([]byte(f.Name), "\x80") {
			t.Fatalf("%q: %v", f.Name, err)
		}
		if f.Flags&0x800 != 0 {
			t.Errorf("%q is announced as UTF-8", f.Name)
		}
		out = append(out, sheet{f.Name, string(raw), strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")})
	}
	return out
}

// detail are the rows of the first file whose first line has a title.
func detail(t testing.TB, all []sheet, title string) (rows [][]string, footer []string) {
	t.Helper()
	at := slices.IndexFunc(all, func(s sheet) bool { return s.lines[0] == "#支付宝"+title+"查询" })
	if at < 0 {
		t.Fatalf("no %s among %d files", title, len(all))
	}
	for _, line := range all[at].lines[5:] {
		if strings.HasPrefix(line, "#") {
			footer = append(footer, line)
		} else {
			rows = append(rows, strings.Split(line, ","))
		}
	}
	return rows, footer
}

func TestBillIsReadyAtNineForHalfAMinute(t *testing.T) {
	t.Parallel()
	checkBill(t)
}

func checkBill(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.paid("BILL_1", nowhere)
	b.clock.Advance(5*time.Hour + 59*time.Minute + 58*time.Second + 250*time.Millisecond) // 23:59:59
	b.paid("BILL_2", nowhere)
	b.clock.Advance(time.Second) // the day after, 00:00:00
	b.wantCode(b.post(refundForm("BILL_1", "R1", "20.00")), "10000", "")
	b.paid("BILL_3", nowhere)
	for _, date := range []string{"2026-03-03", "2026-03-04", "2026-03", "20260302", ""} {
		b.wantCode(b.post(billForm("trade", date)), "40004", "INVAILID_ARGUMENTS")
	}
	b.wantCode(b.post(billForm("trade", "2026-03-02")), "40004", "BILL_NOT_EXIST")
	b.wantCode(b.post(billForm("trade_zft_merchant", "2026-03-02")), "40004", "TYPE_NOT_SUPPORTED")
	b.wantCode(b.post(billForm("trade", "2015-12-31")), "40004", "BILL_DATE_BEFORE_REGISTRATION")
	b.clock.Advance(9 * time.Hour)
	b.wantCode(b.post(billForm("trade", "2026-03-01")), "40004", "NO_BILL_DATA")
	r := b.post(billForm("trade", "2026-03-02"))
	if !strings.Contains(r.body, `"bill_download_url":"http:\/\/127.0.0.1:`) || !strings.Contains(r.body, "&bizDates=20260302&") || strings.Contains(r.body, "bill_file_code") {
		t.Errorf("answer is %s", r.body)
	}
	rows, footer := detail(t, b.bill("trade", "2026-03-02"), "业务明细")
	if len(rows) != 2 || rows[1][1] != "BILL_2\t" || len(rows[0]) != 25 || rows[0][2] != "交易\t" || rows[0][11] != "50.00" ||
		footer[1] != "#交易合计：2笔，商家实收共100.00元，商家优惠共0.00元" {
		t.Errorf("rows are %v, footer %v", rows, footer)
	}
	target := b.billURL("trade", "2026-03-02")
	b.clock.Advance(29 * time.Second)
	unpack(t, b.get(target).body)
	b.clock.Advance(time.Second)
	if dead := b.get(target); dead.status != http.StatusOK || strings.HasPrefix(dead.body, "PK") {
		t.Errorf("an address lives on: %.100q", dead.body)
	}
	b.clock.Advance(24 * time.Hour)
	rows, footer = detail(t, b.bill("trade", "2026-03-03"), "业务明细")
	if len(rows) != 2 || rows[0][2] != "退款\t" || rows[0][11] != "-20.00" || rows[0][21] != "R1\t" || rows[0][4] != stamp || rows[1][1] != "BILL_3\t" ||
		footer[2] != "#退款合计：1笔，商家实收退款共-20.00元，商家优惠退款共0.00元" {
		t.Errorf("rows are %v, footer %v", rows, footer)
	}
	empty := lacking(t, without, func(o *alipay.Options) { o.Profile.EmptyBillFile, o.Profile.LiveBillCodes = true, true })
	empty.clock.Advance(24 * time.Hour)
	if node := empty.wantCode(empty.post(billForm("trade", "2026-03-02")), "10000", ""); node["bill_file_code"] != "EMPTY_DATA_WITH_BILL_FILE" {
		t.Errorf("an empty day is %v", node)
	}
	if rows, _ = detail(t, empty.bill("trade", "2026-03-02"), "业务明细"); len(rows) != 0 {
		t.Errorf("an empty day has %v", rows)
	}
	empty.wantCode(empty.post(billForm("trade", "2026-03-03")), "40004", "invalid_arguments")
}

func TestBillMayDifferFromTheBooks(t *testing.T) {
	t.Parallel()
	checkBillDiffers(t)
}

func checkBillDiffers(t testing.TB, without ...int) {
	for kind, want := range map[sim.FaultKind]string{
		alipay.FaultMissingRow:  "DIFF_2 50.00",
		alipay.FaultExtraRow:    "DIFF_1 50.00 DIFF_2 50.00 UNKNOWN20260302 8.88",
		alipay.FaultOtherAmount: "DIFF_1 50.01 DIFF_2 50.00",
	} {
		b := lacking(t, without, nil)
		b.paid("DIFF_1", nowhere)
		b.clock.Advance(time.Second)
		b.paid("DIFF_2", nowhere)
		b.clock.Advance(24 * time.Hour)
		b.fail(alipay.EndpointBill, kind, 1)
		for range 2 { // a wrong bill stays wrong
			rows, footer := detail(t, b.bill("trade", "2026-03-02"), "业务明细")
			var got []string
			for _, row := range rows {
				got = append(got, strings.TrimSuffix(row[1], "\t"), row[11])
			}
			if strings.Join(got, " ") != want || !strings.HasPrefix(footer[1], fmt.Sprintf("#交易合计：%d笔", len(rows))) {
				t.Errorf("%s: rows are %v, footer %v, want %s", kind, got, footer, want)
			}
		}
	}
}

func TestWapErrorsArePagesInGBK(t *testing.T) {
	t.Parallel()
	checkWapPage(t)
}

func checkWapPage(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.submit(b.get(b.wapURL(wapForm("PAGE_1"))), "leave")
	b.submit(b.post(wapForm("PAGE_1")), "pay")
	for want, f := range map[string]form{
		"invalid-app-id":        b.signed(wapForm("PAGE_2").with("app_id", "2021000000000000")),
		"ACQ.INVALID_PARAMETER": b.signed(wapForm("PAGE 2")),
		"ACQ.TRADE_HAS_SUCCESS": b.signed(wapForm("PAGE_1")),
	} {
		if got := errorCode(t, b.send(f)); got != want {
			t.Errorf("error is %s, want %s", got, want)
		}
	}
}

func TestMessageNeedsATemplateAndAFollower(t *testing.T) {
	t.Parallel()
	checkMessage(t)
}

func messageForm(to, template string) form {
	f := common("alipay.open.public.message.single.send", nil)
	f["biz_content"] = `{"to_user_id":"` + to + `","template":{"template_id":"` + template + `","context":{"url":"https://pay.example.edu/",` +
		`"first":{"value":"充值成功","color":"#000000"},"keyword1":{"value":"50.00"}}}}`
	return f
}

func checkMessage(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) { o.Profile.MessagesPerDay = 2 })
	to := alipay.BuyerID(person)
	b.wantCode(b.post(messageForm(to, "TM000001")), "40004", "MSG_TEMPLATE_NOT_EXIST")
	b.wantCode(b.post(messageForm("2088", alipay.DefaultTemplate)), "40002", "isv.invalid-parameter")
	b.wantCode(b.post(messageForm(to, alipay.DefaultTemplate)), "10000", "")
	b.sim.Unfollow(person)
	b.wantCode(b.post(messageForm(to, alipay.DefaultTemplate)), "40004", "PUB.USER_NOT_FOLLOW")
	b.sim.Follow(person)
	b.wantCode(b.post(messageForm(to, alipay.DefaultTemplate)), "10000", "")
	b.wantCode(b.post(messageForm(to, alipay.DefaultTemplate)), "40004", "PUB.MSG_BATCH_SD_OVER")
	sent := b.sim.Messages()
	if len(sent) != 2 || sent[0].To != to || sent[0].Values["first"] != "充值成功" || sent[0].URL != "https://pay.example.edu/" {
		t.Errorf("sent: %+v", sent)
	}
}
