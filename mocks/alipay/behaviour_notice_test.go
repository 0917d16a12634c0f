package alipay_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestNoticeMayOvertakeTheAnswer(t *testing.T) {
	t.Parallel()
	checkNoticeRaces(t)
}

func checkNoticeRaces(t testing.TB, without ...int) {
	b := lacking(t, without, nil) // nothing is told but by the fault
	in := b.inbox(http.StatusOK, "success")
	b.fail(alipay.EndpointPay, alipay.FaultNoticeFirst, 1)
	f := chargeForm(counterForm("FAST_1", b.barCode(alipay.BarCodeRequest{}))).with("notify_url", in.URL)
	b.wantCode(b.post(f), "10000", "")
	if got := in.statuses(); !slices.Equal(got, []string{"TRADE_SUCCESS"}) {
		t.Fatalf("when the answer came there were %v", got)
	}
	b = lacking(t, without, func(o *alipay.Options) { o.AutoDeliver, o.Profile.NotifyClosings = true, true })
	in = b.inbox(http.StatusOK, "success")
	b.fail(alipay.PlaceNotify, sim.FaultTwice, 1)
	b.paid("FAST_2", in.URL)
	b.clock.Settle()
	if len(in.all()) != 2 {
		t.Fatalf("%d notices, want two at once", len(in.all()))
	}
	b.fail(alipay.PlaceNotify, sim.FaultReorder, 1)
	b.paid("FAST_3", in.URL)
	b.clock.Settle()
	b.createTo("FAST_4", in.URL)
	b.closeTrade("FAST_4")
	b.clock.Settle()
	if got := in.statuses()[2:]; !slices.Equal(got, []string{"TRADE_CLOSED", "TRADE_SUCCESS"}) {
		t.Fatalf("out of order: %v", got)
	}
}

func TestNoticeIsRepeatedBySchedule(t *testing.T) {
	t.Parallel()
	checkSchedule(t)
}

func checkSchedule(t testing.TB, without ...int) {
	after := func(minutes ...int) []time.Duration {
		var out []time.Duration
		for _, m := range minutes {
			out = append(out, time.Duration(m)*time.Minute)
		}
		return out
	}
	pages := after(0, 4, 14, 24, 84, 204, 564, 1464)
	for i, words := range []string{"SUCCESS", "success\n", `"success"`, "<html>success</html>", "fail", ""} {
		b := lacking(t, without, delivering)
		in := b.inbox(http.StatusOK, words)
		b.paid(fmt.Sprint("PLAN_", i), in.URL)
		b.clock.Advance(48 * time.Hour)
		if got := in.times(); !slices.Equal(got, pages) {
			t.Errorf("%q is repeated at %v, want %v", words, got, pages)
		}
	}
	for _, status := range []int{http.StatusFound, http.StatusInternalServerError, http.StatusAccepted} {
		b := lacking(t, without, delivering)
		in := b.inbox(status, "success")
		b.paid("PLAN_7", in.URL)
		b.clock.Advance(48 * time.Hour)
		if got := in.times(); !slices.Equal(got, pages) {
			t.Errorf("%d is repeated at %v, want %v", status, got, pages)
		}
	}
	b := lacking(t, without, delivering)
	in, counter := b.inbox(http.StatusOK, "success"), b.inbox(http.StatusOK, "fail")
	b.paid("PLAN_8", in.URL)
	f := chargeForm(counterForm("PLAN_9", b.barCode(alipay.BarCodeRequest{}))).with("notify_url", counter.URL)
	b.wantCode(b.post(f), "10000", "")
	b.clock.Advance(48 * time.Hour)
	if got := in.times(); !slices.Equal(got, after(0)) {
		t.Errorf("an accepted notice came at %v", got)
	}
	if got, want := counter.times(), append(after(0, 0, 0), pages...); !slices.Equal(got, want) {
		t.Errorf("at the counter: %v, want %v", got, want)
	}
}

func TestRepeatedNoticeKeepsItsID(t *testing.T) {
	t.Parallel()
	checkNoticeID(t)
}

func checkNoticeID(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) { o.AutoDeliver, o.Profile.NotifyRefunds = true, true })
	in := b.inbox(http.StatusOK, "fail")
	b.paid("ID_1", in.URL)
	b.clock.Advance(4 * time.Minute)
	b.wantCode(b.post(refundForm("ID_1", "R1", "50.00")), "10000", "")
	b.clock.Settle()
	got := in.all()
	if len(got) != 3 {
		t.Fatalf("%d notices", len(got))
	}
	first, second, other := got[0].fields(), got[1].fields(), got[2].fields()
	if first.Get("notify_id") != second.Get("notify_id") || len(first.Get("notify_id")) != 34 {
		t.Errorf("ids are %s and %s", first.Get("notify_id"), second.Get("notify_id"))
	}
	if first.Get("notify_time") == second.Get("notify_time") || first.Get("sign") == second.Get("sign") || !b.verified(second) {
		t.Error("the repeat is a copy")
	}
	if other.Get("notify_id") == first.Get("notify_id") {
		t.Error("another status has the same id")
	}
	if r := b.get(b.base + "/gateway.do?service=notify_verify&partner=" + sellerID + "&notify_id=" + first.Get("notify_id")); r.body != "true" {
		t.Errorf("notify_verify says %s", r.body)
	}
}

func TestNoticeIsSignedByTheNoticeRule(t *testing.T) {
	t.Parallel()
	checkNoticeSignature(t)
}

func checkNoticeSignature(t testing.TB, without ...int) {
	for _, change := range []func(*alipay.Options){nil, certified} {
		b := lacking(t, without, change)
		in := b.inbox(http.StatusOK, "success")
		order := b.sdkOrder("RULE_1", in.URL)
		b.pay(order)
		_, err := b.sim.Deliver(t.Context(), "RULE_1", 1)
		if err != nil {
			t.Fatal(err)
		}
		v := in.all()[0].fields()
		if !b.verified(v) || v.Get("sign_type") != "RSA2" || v.Has("alipay_cert_sn") != (change != nil) {
			t.Errorf("notice is %v", v)
		}
		for name, list := range v {
			if list[0] == "" {
				t.Errorf("%s is empty", name)
			}
		}
	}
}

// sdkOrder makes a trade by the SDK, in whatever mode the app is.
func (b *bench) sdkOrder(no, notifyURL string) string {
	b.t.Helper()
	client := b.sdk()
	if b.sim.AppCertPEM() != nil {
		client = b.sdkCertified()
	}
	created, err := client.TradeCreate(b.t.Context(), sdkCreate(no, notifyURL))
	if err != nil {
		b.t.Fatal(err)
	}
	return created.TradeNo
}

func TestFundBillsHaveTwoSpellings(t *testing.T) {
	t.Parallel()
	checkFundBills(t)
}

func checkFundBills(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := b.inbox(http.StatusOK, "success")
	b.paid("FUND_1", in.URL)
	_, err := b.sim.Deliver(t.Context(), "FUND_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := in.all()[0].fields().Get("fund_bill_list"); got != `[{"amount":"50.00","fundChannel":"ALIPAYACCOUNT"}]` {
		t.Errorf("notice has %s", got)
	}
	f := common("alipay.trade.query", nil).with("biz_content", `{"out_trade_no":"FUND_1","query_options":["fund_bill_list"]}`)
	if r := b.post(f); !strings.Contains(r.body, `"fund_bill_list":[{"amount":"50.00","fund_channel":"ALIPAYACCOUNT"}]`) {
		t.Errorf("query has %s", r.body)
	}
}

func TestPassbackComesWithTheNoticeOnly(t *testing.T) {
	t.Parallel()
	checkPassback(t)
}

func checkPassback(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := b.inbox(http.StatusOK, "success")
	passback := "a%3D1%26b%3D%2B%25 raw+&=%中😀"
	node := b.wantCode(b.post(createForm(orderForm("BACK_1").with("passback_params", passback)).with("notify_url", in.URL)), "10000", "")
	b.pay(node["trade_no"].(string))
	_, err := b.sim.Deliver(t.Context(), "BACK_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := in.all()[0].fields().Get("passback_params"); got != passback {
		t.Errorf("notice has %q, want %q", got, passback)
	}
	if r := b.query("BACK_1"); strings.Contains(r.body, "passback") {
		t.Errorf("query has %s", r.body)
	}
}

func TestGBKOrderIsNotifiedInGBK(t *testing.T) {
	t.Parallel()
	checkGBK(t)
}

func checkGBK(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := b.inbox(http.StatusOK, "success")
	f := createForm(orderForm("GBK_1")).with("charset", "GBK").with("notify_url", in.URL)
	raw, err := simplifiedchinese.GBK.NewEncoder().String(f["biz_content"])
	if err != nil {
		t.Fatal(err)
	}
	node := b.wantCode(b.post(f.with("biz_content", raw)), "10000", "")
	b.pay(node["trade_no"].(string))
	_, err = b.sim.Deliver(t.Context(), "GBK_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	p := in.all()[0]
	subject, err := simplifiedchinese.GBK.NewDecoder().String(p.fields().Get("subject"))
	if err != nil || subject != "校园卡充值" || p.fields().Get("charset") != "GBK" || !b.verified(p.fields()) ||
		p.contentType != "application/x-www-form-urlencoded; charset=GBK" {
		t.Errorf("notice is %+v, its subject %q", p, subject)
	}
}

func TestRefundsAreToldLikePayments(t *testing.T) {
	t.Parallel()
	checkRefundNotices(t)
}

func checkRefundNotices(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) { o.AutoDeliver, o.Profile.NotifyRefunds = true, true })
	in := b.inbox(http.StatusOK, "success")
	b.paid("BACK_1", in.URL)
	b.paid("BACK_2", in.URL)
	b.clock.Settle()
	b.wantCode(b.post(refundForm("BACK_1", "R1", "20.00")), "10000", "")
	b.clock.Advance(3 * time.Second)
	b.wantCode(b.post(refundForm("BACK_1", "R2", "30.00")), "10000", "")
	b.clock.Advance(365 * 24 * time.Hour)
	if got := in.statuses(); !slices.Equal(got, []string{"TRADE_SUCCESS", "TRADE_SUCCESS", "TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"}) {
		t.Fatalf("told %v", got)
	}
	part, all, end := in.all()[2].fields(), in.all()[3].fields(), in.all()[4].fields()
	wantFields(t, part, map[string]string{
		"out_trade_no": "BACK_1", "refund_fee": "20.00", "out_biz_no": "R1", "gmt_refund": "2026-03-02 18:00:00.750",
		"send_back_fee": "20.00", "total_amount": "50.00", "gmt_close": "", "gmt_payment": stamp, "receipt_amount": "", "fund_bill_list": "",
	})
	wantFields(t, all, map[string]string{"refund_fee": "50.00", "out_biz_no": "R2", "gmt_close": "2026-03-02 18:00:03"})
	wantFields(t, end, map[string]string{
		"out_trade_no": "BACK_2", "refund_fee": "", "total_amount": "50.00", "gmt_payment": stamp, "gmt_close": "2027-03-02 18:00:00",
	})
	quiet := lacking(t, without, delivering)
	in = quiet.inbox(http.StatusOK, "success")
	quiet.paid("BACK_3", in.URL)
	quiet.wantCode(quiet.post(refundForm("BACK_3", "R1", "50.00")), "10000", "")
	quiet.clock.Advance(time.Hour)
	if got := in.statuses(); len(got) != 1 {
		t.Errorf("by the newest document refunds are told: %v", got)
	}
}

func wantFields(t testing.TB, v url.Values, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if v.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, v.Get(name), value)
		}
	}
}

func TestForgeriesLookLikeNotices(t *testing.T) {
	t.Parallel()
	checkForgeries(t)
}

func checkForgeries(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := b.inbox(http.StatusOK, "fail")
	b.paid("FORGED_1", in.URL)
	_, err := b.sim.Deliver(t.Context(), "FORGED_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	genuine := in.all()[0]
	for _, kind := range alipay.TamperKinds() {
		_, err := b.sim.DeliverTampered(t.Context(), "FORGED_1", kind)
		if err != nil {
			t.Fatal(err)
		}
		got := in.all()
		p := got[len(got)-1]
		if same := p.body == genuine.body && p.query == ""; same != (kind == alipay.TamperReplay) {
			t.Errorf("%s: is the genuine notice: %v", kind, same)
		}
		if kind == alipay.TamperJSON || kind == alipay.TamperBrokenEncoding || kind == alipay.TamperHugeBody {
			continue
		}
		v := p.fields()
		if b.verified(v) != kind.Authentic() || v.Get("notify_type") != "trade_status_sync" {
			t.Errorf("%s: the signature holds: %v", kind, !kind.Authentic())
		}
	}
}
