package wechatpay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// admin calls /_sim/ as a program does.
func (b *bench) admin(method, path, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.do(req)
	return r.status, string(r.body)
}

func TestTimelineHasEveryRequestAnswerAndCallback(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	in := newInbox(t, http.StatusNoContent)
	b.paid(orderForm("TIME0001").with("notify_url", in.URL+"/n"))
	b.clock.Settle()
	b.call(http.MethodGet, queryURL("TIME0001"), "")
	b.want(b.refund(refundForm("TIME0001", "R1", 1)), http.StatusOK, "")
	var got []string
	for _, e := range b.sim.Events("TIME0001") {
		got = append(got, e.Direction+" "+e.Name)
		if e.Status == 0 || len(e.Verdicts) == 0 || !e.Verdicts[0].OK || e.RequestHeader == nil || e.ResponseHeader == nil {
			t.Errorf("%s: %+v", e.Name, e)
		}
	}
	if want := "in prepay,out callback,in query,in refund"; strings.Join(got, ",") != want {
		t.Errorf("the timeline has %v, want %s", got, want)
	}
	req := b.request(http.MethodGet, queryURL("TIME0001"), "")
	req.Header.Set("Authorization", "WECHATPAY2-SHA256-RSA2048 mchid=\"1\"")
	b.do(req)
	strange := b.sim.Events("-")
	if len(strange) != 1 || strange[0].Status != http.StatusUnauthorized || strange[0].Verdicts[0].OK {
		t.Errorf("what belongs to no order: %+v", strange)
	}
}

func TestAdminShowsOrdersAndPlaysScenarios(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	in := newInbox(t, http.StatusNoContent)
	b.paid(orderForm("ADMIN001").with("notify_url", in.URL+"/n"))
	b.clock.Settle()
	for _, c := range []struct{ method, path, body, says string }{
		{"GET", "/_sim/", "", "ADMIN001"},
		{"GET", "/_sim/orders", "", `"state": "SUCCESS"`},
		{"GET", "/_sim/orders/ADMIN001/timeline", "", `"name": "callback"`},
		{"GET", "/_sim/wait?order=ADMIN001&state=paid&timeout=5s", "", `"paid_fen": 5000`},
		{"POST", "/_sim/orders/ADMIN001/resend", "", `"accepted": true`},
		{"POST", "/_sim/orders/ADMIN001/refund", `{"fen":100}`, "CONSOLE"},
		{"POST", "/_sim/scenarios/callback-never", "", `"never"`},
		{"GET", "/_sim/behaviours", "", `"number": 33`},
		{"GET", "/_sim/callbacks", "", `"outcome": "accepted"`},
		{"POST", "/_sim/clock/advance?by=1h", "", `"now": "2026-03-02T11:00:00Z"`},
		{"GET", "/_sim/orders", "", `"refunded_fen": 100`},
		{"GET", "/_sim/counters", "", `"refunded": 1`},
	} {
		if status, body := b.admin(c.method, c.path, c.body); status != http.StatusOK || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: %d %s, want %s", c.method, c.path, status, body, c.says)
		}
	}
	for path, want := range map[string]int{
		"/_sim/orders/ADMIN999/resend": 404, "/_sim/scenarios/none": 404, "/_sim/orders/ADMIN001/refund": 200, "/_sim/clock/advance": 400,
	} {
		if status, body := b.admin(http.MethodPost, path, ""); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
	}
}

func TestResendAlwaysArrivesOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	b.fail(wechatpay.PlaceCallback, "never", 1)
	d := newDiary(b, func(n int) int { return map[bool]int{true: 500, false: 204}[n == 1] })
	b.paid(orderForm("RESEND01").with("notify_url", d.URL+"/n"))
	b.clock.Advance(time.Hour)
	for i, want := range []string{"answered 500", ""} {
		out, err := b.sim.Resend(t.Context(), "RESEND01")
		if err != nil || out.Accepted != (want == "") || !strings.Contains(out.Why, want) || len(d.times()) != i+1 {
			t.Errorf("resend %d: %+v, %v", i, out, err)
		}
	}
	d.Close()
	out, err := b.sim.Resend(t.Context(), "RESEND01")
	if err != nil || out.Accepted || !strings.HasPrefix(out.Why, "no answer: ") {
		t.Errorf("nobody there: %+v, %v", out, err)
	}
	b.prepay(orderForm("RESEND02"))
	for no, want := range map[string]error{"RESEND02": wechatpay.ErrNotPaid, "RESEND99": wechatpay.ErrUnknownOrder} {
		if _, err = b.sim.Resend(t.Context(), no); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", no, err, want)
		}
	}
}

func TestAnAcceptedResendEndsTheRepeats(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	d := newDiary(b, func(n int) int { return map[bool]int{true: 500, false: 200}[n == 1] })
	b.paid(orderForm("RESEND03").with("notify_url", d.URL+"/n"))
	b.clock.Settle()
	if out, err := b.sim.Resend(t.Context(), "RESEND03"); err != nil || !out.Accepted {
		t.Fatalf("resend: %+v, %v", out, err)
	}
	b.clock.Advance(72 * time.Hour)
	if n := len(d.times()); n != 2 {
		t.Errorf("%d callbacks came", n)
	}
}

func TestWaitReturnsWhenTheOrderIsPaid(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	id := b.prepay(orderForm("WAIT0001"))
	done := make(chan error, 1)
	go func() { done <- b.sim.Wait(t.Context(), "WAIT0001", "SUCCESS") }()
	if _, err := b.sim.Pay(t.Context(), b.payRequest(id)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("wait: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.sim.Wait(ctx, "WAIT0001", "CLOSED"); !errors.Is(err, context.Canceled) {
		t.Errorf("for what does not come: %v", err)
	}
}

func TestProductionIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, path := range []string{queryURL("PROD0001"), tokenURL, "/_sim/orders"} {
		req := b.request(http.MethodGet, path, "")
		req.Header.Set(sim.HeaderEnvironment, "production")
		if r := b.do(req); r.status != http.StatusForbidden || r.header.Get(sim.HeaderSimulator) == "" {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("PROD0001").with("notify_url", in.URL+"/n"))
	if _, err := b.sim.Deliver(t.Context(), "PROD0001", 1); err != nil {
		t.Fatal(err)
	}
	if in.all()[0].header.Get(sim.HeaderSimulator) == "" {
		t.Error("a callback is not marked")
	}
}

// explain asks why a request that was sent does not verify.
func (b *bench) explain(req *http.Request, body string) sim.Explanation {
	b.t.Helper()
	header := map[string]string{}
	for name := range req.Header {
		header[name] = req.Header.Get(name)
	}
	ask, err := json.Marshal(sim.ExplainRequest{Method: req.Method, URL: req.URL.RequestURI(), Header: header, Body: body})
	if err != nil {
		b.t.Fatal(err)
	}
	status, text := b.admin(http.MethodPost, "/_sim/explain", string(ask))
	var out sim.Explanation
	err = json.Unmarshal([]byte(text), &out)
	if err != nil || status != http.StatusOK {
		b.t.Fatalf("%d %s", status, text)
	}
	return out
}

func TestExplainNamesWhatIsWrongWithARequest(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const url = prepayURL + "?a=b%20c"
	body := orderForm("EXPL0001").with("description", "<a> & b").json(t)
	for name, c := range map[string]struct {
		change  func(*auth)
		differs string
		text    string
	}{
		"nothing":            {func(*auth) {}, "", "right"},
		"old":                {func(a *auth) { a.unix -= 400 }, "timestamp", "behind"},
		"other certificate":  {func(a *auth) { a.serial = "00" }, "serial", "00"},
		"other merchant":     {func(a *auth) { a.mchID = "1" }, "mchid", "not the merchant"},
		"empty body":         {func(a *auth) { a.body = "" }, "body", "empty"},
		"trimmed body":       {func(a *auth) { a.body = strings.TrimSpace(a.body) }, "body", "newline at its end"},
		"newline more":       {func(a *auth) { a.body += "\n" }, "body", "not sent"},
		"no query":           {func(a *auth) { a.url = prepayURL }, "url", "query string"},
		"with host":          {func(a *auth) { a.url = "https://api.mch.weixin.qq.com" + url }, "url", "host"},
		"decoded":            {func(a *auth) { a.url = prepayURL + "?a=b c" }, "url", "decoded"},
		"small method":       {func(a *auth) { a.method = "post" }, "method", "small"},
		"something else":     {func(a *auth) { a.body = "{}" }, "key", "another key"},
		"nonce in capitals ": {func(a *auth) { a.nonce = strings.ToUpper(a.nonce) }, "nonce", "capital"},
	} {
		a := b.auth(http.MethodPost, url, body)
		sent := a
		c.change(&a)
		header := b.authorization(a)
		if a.nonce != sent.nonce {
			header = strings.Replace(header, a.nonce, sent.nonce, 1)
		}
		req := b.request(http.MethodPost, url, body)
		req.Header.Set("Authorization", header)
		got := b.explain(req, body)
		if got.Differs != c.differs || got.Valid != (c.differs == "") || !strings.Contains(got.Text, c.text) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	req := b.request(http.MethodPost, url, body)
	req.Header.Del("Authorization")
	if got := b.explain(req, body); got.Differs != "authorization" {
		t.Errorf("no header: %+v", got)
	}
}

func TestExplainOfATimelinesEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	in := newInbox(t, http.StatusOK)
	b.fail(wechatpay.PlaceCallback, wechatpay.FaultSigntest, 1)
	b.fail(wechatpay.PlaceCallback, wechatpay.FaultKind(wechatpay.TamperOldTimestamp), 1)
	b.fail(wechatpay.PlaceCallback, wechatpay.FaultKind(wechatpay.TamperUnknownSerial), 1)
	b.fail(wechatpay.PlaceCallback, wechatpay.FaultKind(wechatpay.TamperBody), 1)
	b.paid(orderForm("EXPL0002").with("notify_url", in.URL+"/n"))
	b.clock.Advance(time.Hour)
	for i, want := range []string{"", "signature", "timestamp", "serial", "", ""} {
		got, err := b.sim.Explain(sim.ExplainRequest{Order: "EXPL0002", Event: i})
		if valid := i == 0 || i == 5; err != nil || got.Differs != want || got.Valid != valid {
			t.Errorf("event %d: %+v, %v, want %q", i, got, err, want)
		}
	}
	if _, err := b.sim.Explain(sim.ExplainRequest{Order: "EXPL0002", Event: 99}); !errors.Is(err, wechatpay.ErrUnknownOrder) {
		t.Errorf("no such event: %v", err)
	}
}

func TestPaymentCodesAreShownToAPage(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	res, err := http.Post(b.base+"/_sim/authcode", "", nil) //nolint:noctx // loopback, in a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var out struct {
		AuthCode string `json:"auth_code"`
	}
	raw, _ := io.ReadAll(res.Body)
	if err = json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	b.want(b.call(http.MethodPost, codePayURL, codeForm("SHOWN001", out.AuthCode).json(t)), http.StatusOK, "")
}
