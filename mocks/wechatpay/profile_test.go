package wechatpay_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"

	"guodu/mocks/wechatpay"
)

// withProfile is setup with one option of the profile.
func withProfile(t testing.TB, change func(*wechatpay.Profile)) *bench {
	t.Helper()
	return setup(t, func(o *wechatpay.Options) { change(&o.Profile) })
}

func TestProfileCanSpeakTheOldLanguage(t *testing.T) {
	t.Parallel()
	b := withProfile(t, func(p *wechatpay.Profile) { p.OldErrorCodes, p.OldTokenHints = true, true })
	b.want(b.call(http.MethodGet, queryURL("OLD00001"), ""), http.StatusNotFound, "ORDERNOTEXIST")
	b.fail(wechatpay.EndpointQuery, wechatpay.FaultTooMany, 1)
	b.want(b.call(http.MethodGet, queryURL("OLD00001"), ""), http.StatusTooManyRequests, "RATELIMIT_EXCEEDED")
	b.fail(wechatpay.EndpointPrepay, "refuse-no-auth", 1)
	b.want(b.call(http.MethodPost, prepayURL, orderForm("OLD00001").json(t)), http.StatusForbidden, "NOAUTH")
	got := b.account(http.MethodGet, tokenURL+"0", "")
	if text, _ := got["errmsg"].(string); !strings.Contains(text, ", hints: [ req_id: ") {
		t.Errorf("errmsg is %v", got)
	}
}

func TestProfileSetsTimes(t *testing.T) {
	t.Parallel()
	b := withProfile(t, func(p *wechatpay.Profile) {
		p.ExpireLatest, p.RefundAfter, p.RefundSpacing = 90*24*time.Hour, time.Hour, -1
		p.BillHour, p.BillLinkLife, p.TokenGrace = 9, 5*time.Minute, -1
	})
	f := orderForm("PROF0001").with("time_expire", "2027-03-02T18:00:00+08:00")
	b.prepay(f)
	b.clock.Advance(90*24*time.Hour - time.Second)
	b.paid(f)
	for _, no := range []string{"R1", "R2"} { // without a pause
		b.want(b.refund(refundForm("PROF0001", no, 1)), http.StatusOK, "")
	}
	b.clock.Advance(time.Hour - time.Second)
	if got := b.refundStatus("R1"); got != "PROCESSING" {
		t.Errorf("before its time it is %s", got)
	}
	b.clock.Advance(time.Second)
	if got := b.refundStatus("R1"); got != "SUCCESS" {
		t.Errorf("in time it is %s", got)
	}
	b.clock.Advance(14*time.Hour + time.Second) // 09:00 of the next day, in Beijing
	_, link := b.bill(tradeBillURL + "2026-05-31")
	b.clock.Advance(5*time.Minute - time.Second)
	if r := b.call(http.MethodGet, link, ""); r.status != http.StatusOK {
		t.Errorf("the link: %d %s", r.status, r.body)
	}
	old, _ := b.account(http.MethodGet, tokenURL, "")["access_token"].(string)
	b.account(http.MethodGet, tokenURL, "")
	if got := b.account(http.MethodPost, "/cgi-bin/message/template/send?access_token="+old, "{}"); got["errcode"] != 40001.0 {
		t.Errorf("without a grace: %v", got)
	}
}

func TestProfileSetsFeesAndAssociatedData(t *testing.T) {
	t.Parallel()
	b := withProfile(t, func(p *wechatpay.Profile) { p.FeePerTenThousand, p.EmptyAssociatedData = -1, true })
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("PROF0002").with("notify_url", in.URL+"/n"))
	if _, err := b.sim.Deliver(t.Context(), "PROF0002", 1); err != nil {
		t.Fatal(err)
	}
	n := in.all()[0].read(t)
	if _, err := n.open(); err != nil || n.Resource.AssociatedData != "" {
		t.Errorf("%+v: %v", n, err)
	}
	b.clock.Advance(24 * time.Hour)
	if text := b.download(flowBillURL + "2026-03-02"); strings.Contains(text, "交易手续费") {
		t.Errorf("a bill without fees: %s", text)
	}
}

func TestProfileMayMigrateKeys(t *testing.T) {
	t.Parallel()
	b := withProfile(t, func(p *wechatpay.Profile) { p.Keys = wechatpay.KeysMigrating })
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("PROF0003").with("notify_url", in.URL+"/n"))
	if _, err := b.sim.Deliver(t.Context(), "PROF0003", 4); err != nil {
		t.Fatal(err)
	}
	serials := map[string]int{}
	for _, p := range in.all() {
		serials[p.header.Get("Wechatpay-Serial")]++
	}
	if _, serial := b.certificateKey(); serials[serial] != 2 || serials[b.sim.PublicKeyID()] != 2 {
		t.Errorf("callbacks are signed by %v", serials)
	}
}

func TestBadProfilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]wechatpay.Profile{
		"keys": {Keys: "none"}, "format": {BillFormat: "xlsx"}, "hour": {BillHour: 24},
	} {
		opts := options()
		opts.Profile = p
		if _, err := wechatpay.New(opts); !errors.Is(err, wechatpay.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStableTokenStaysTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ask := func(force bool) string {
		body := form{"grant_type": "client_credential", "appid": appID, "secret": appSecret, "force_refresh": force}.json(t)
		s, _ := b.account(http.MethodPost, "/cgi-bin/stable_token", body)["access_token"].(string)
		return s
	}
	first := ask(false)
	if again := ask(false); again != first || first == "" {
		t.Errorf("it was %q, and is %q", first, again)
	}
	if forced := ask(true); forced == first {
		t.Error("force_refresh changes nothing")
	}
	b.clock.Advance(2 * time.Hour)
	if late := ask(false); late == first {
		t.Error("it outlived its life")
	}
}

func TestAnOldTokenDoesNotOutliveItself(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ask := func() string { s, _ := b.account(http.MethodGet, tokenURL, "")["access_token"].(string); return s }
	old := ask()
	b.clock.Advance(2*time.Hour - time.Minute)
	ask()
	for passed, want := range []float64{40003, 40001} { // it gets as far as the body, and then no more
		if got := b.account(http.MethodPost, "/cgi-bin/message/template/send?access_token="+old, "{}"); got["errcode"] != want {
			t.Errorf("after %d minutes: %v, want %v", passed, got, want)
		}
		b.clock.Advance(time.Minute)
	}
}

func TestSDKReadsARefundNotice(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("NOTE0001"))
	b.want(b.refund(refundForm("NOTE0001", "NOTER1", 300).with("notify_url", in.URL+"/r")), http.StatusOK, "")
	if _, err := b.sim.DeliverRefund(t.Context(), "NOTER1", 1); !errors.Is(err, wechatpay.ErrNotPaid) {
		t.Errorf("before it is done: %v", err)
	}
	b.sim.FinishRefunds()
	out, err := b.sim.DeliverRefund(t.Context(), "NOTER1", 2)
	if err != nil || !out[1].Accepted {
		t.Fatalf("%+v, %v", out, err)
	}
	handler, err := notify.NewRSANotifyHandler(apiV3Key, verifiers.NewSHA256WithRSAPubkeyVerifier(b.sim.PublicKeyID(), *b.platformKey()))
	if err != nil {
		t.Fatal(err)
	}
	p := in.all()[0]
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/r", strings.NewReader(string(p.body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = p.header
	content := map[string]any{}
	n, err := handler.ParseNotifyRequest(t.Context(), req, &content)
	if err != nil || n.EventType != "REFUND.SUCCESS" || n.Resource.OriginalType != "refund" || n.Resource.AssociatedData != "refund" {
		t.Fatalf("%+v, %v", n, err)
	}
	amounts := amountOf(content)
	_, hasApp := content["appid"]
	if hasApp || content["refund_status"] != "SUCCESS" || content["out_refund_no"] != "NOTER1" || amounts["refund"] != 300.0 || amounts["total"] != 5000.0 {
		t.Errorf("it says %v", content)
	}
}

func TestRefundsOutsideAreNotTold(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	d := newDiary(b, func(int) int { return 200 })
	b.paid(orderForm("OUTS0001").with("notify_url", d.URL+"/n"))
	no, err := b.sim.Refund("OUTS0001", 0, "console")
	if err != nil || !strings.HasPrefix(no, "CONSOLE") {
		t.Fatalf("%s, %v", no, err)
	}
	b.clock.Advance(72 * time.Hour)
	if b.sim.Book().RefundedFen != 5000 || len(d.times()) != 1 {
		t.Errorf("%d fen refunded, %d callbacks", b.sim.Book().RefundedFen, len(d.times()))
	}
	if _, err = b.sim.Refund("OUTS0001", 1, ""); !errors.Is(err, wechatpay.ErrRefundSum) {
		t.Errorf("more than there was: %v", err)
	}
	if _, err = b.sim.Refund("OUTS0009", 1, ""); !errors.Is(err, wechatpay.ErrUnknownOrder) {
		t.Errorf("of nothing: %v", err)
	}
}
