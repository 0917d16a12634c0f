package alipay_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// ask calls the admin and reads its JSON.
func (b *bench) ask(method, path, body string, into any) int {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	r, err := b.do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	err = json.Unmarshal([]byte(r.body), into)
	if err != nil {
		b.t.Fatalf("%s %s: %s, %v", method, path, r.body, err)
	}
	return r.status
}

func TestTimelineHasEveryExchangeOfAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, delivering)
	in := b.inbox(http.StatusOK, "fail")
	b.paid("LINE_1", in.URL)
	b.clock.Settle()
	b.query("LINE_1")
	bad := common("alipay.trade.query", form{"trade_no": b.order("LINE_1").TradeNO})
	b.send(bad.with("sign", "AA=="))
	var got []sim.Event
	if status := b.ask(http.MethodGet, "/_sim/orders/LINE_1/timeline", "", &got); status != http.StatusOK || len(got) != 4 {
		t.Fatalf("timeline is %d, %+v", status, got)
	}
	var names []string
	for _, e := range got {
		names = append(names, e.Direction+" "+e.Name)
	}
	if all := strings.Join(names, ", "); all != "in create, out notify, in query, in query" {
		t.Errorf("events are %s", all)
	}
	if told := got[1]; told.ResponseBody != "fail" || told.Verdicts[0].OK || !strings.Contains(told.RequestBody, "TRADE_SUCCESS") {
		t.Errorf("the notice is %+v", told)
	}
	last := got[3].Verdicts
	if len(last) != 2 || last[0].Check != "signature" || last[0].OK || !strings.Contains(last[0].Text, "another key") || last[1].Text != "40002 isv.invalid-signature" {
		t.Errorf("verdicts are %+v", last)
	}
	page := b.get(b.base + "/_sim/")
	if !strings.Contains(page.body, "LINE_1") || !strings.Contains(page.body, "lost-notice") {
		t.Errorf("index is %s", page.body)
	}
}

func TestWaitReturnsWhenTheOrderIsPaid(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	no := b.create(orderForm("WAIT_1"))
	paid := make(chan error, 1)
	go func() {
		_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: no, BuyerID: b.sim.Buyer(person)})
		paid <- err
	}()
	var line sim.OrderLine
	if status := b.ask(http.MethodGet, "/_sim/wait?order=WAIT_1&state=paid&timeout=10s", "", &line); status != http.StatusOK || line.PaidFen != 5000 {
		t.Errorf("wait: %d, %+v", status, line)
	}
	if err := <-paid; err != nil {
		t.Fatal(err)
	}
	if status := b.ask(http.MethodGet, "/_sim/wait?order=WAIT_1&state=TRADE_SUCCESS", "", &line); status != http.StatusOK {
		t.Errorf("in Alipay's own word: %d", status)
	}
	var refused map[string]string
	if status := b.ask(http.MethodGet, "/_sim/wait?order=WAIT_1&state=refunded&timeout=1ms", "", &refused); status != http.StatusGatewayTimeout {
		t.Errorf("what never happens: %d", status)
	}
}

func TestResendArrivesOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	b := setup(t, delivering)
	in, deaf := b.inbox(http.StatusOK, "success"), b.inbox(http.StatusOK, "success\n")
	b.fail(alipay.PlaceNotify, sim.FaultNever, 1)
	b.paid("AGAIN_1", in.URL)
	b.clock.Settle()
	var out sim.Resent
	if status := b.ask(http.MethodPost, "/_sim/orders/AGAIN_1/resend", "", &out); status != http.StatusOK || !out.Accepted || len(in.all()) != 1 {
		t.Errorf("resend: %d, %+v", status, out)
	}
	b.paid("AGAIN_2", deaf.URL)
	b.paid("AGAIN_3", nowhere)
	b.clock.Settle()
	for no, why := range map[string]string{"AGAIN_2": `body "success\n"`, "AGAIN_3": "connection refused"} {
		b.ask(http.MethodPost, "/_sim/orders/"+no+"/resend", "", &out)
		if out.Accepted || !strings.Contains(out.Why, why) {
			t.Errorf("%s: %+v", no, out)
		}
	}
	b.createTo("AGAIN_4", "")
	b.createTo("AGAIN_5", nowhere)
	for no, want := range map[string]error{"AGAIN_0": sim.ErrUnknownOrder, "AGAIN_4": alipay.ErrNoNotifyURL, "AGAIN_5": alipay.ErrNoEvent} {
		_, err := b.sim.Resend(t.Context(), no)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", no, err, want)
		}
	}
	b.ask(http.MethodPost, "/_sim/orders/AGAIN_2/refund", `{"fen":1000}`, &map[string]string{})
	if got := b.order("AGAIN_2"); got.RefundedFen != 1000 {
		t.Errorf("refunded in the console: %+v", got)
	}
}

func TestRequestsAreExplained(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := common("alipay.trade.query", form{"out_trade_no": "WHY_1"}).with("notify_url", "")
	good := f.with("sign", b.sign(f.message()))
	for name, c := range map[string]struct {
		request form
		differs string
	}{
		"right":              {good, ""},
		"sign_type left out": {f.with("sign", b.sign(f.without("sign_type").message())), "sign_type"},
		"encoded":            {f.with("sign", b.sign(f.encode())), "encoding"},
		"encoded values":     {f.with("sign", b.sign(encodedPairs(f))), "encoding"},
		"empty kept":         {f.with("sign", b.sign(strings.Replace(f.message(), "&sign_type", "&notify_url=&sign_type", 1))), "empty"},
		"plus lost":          {good.with("sign", strings.ReplaceAll(good["sign"], "+", " ")), "encoding"},
		"GBK bytes":          {signedGBK(b, orderForm("WHY_1")), "charset"},
		"SHA-1":              {f.with("sign", signedOld(b, f.message())), "hash"},
		"body changed":       {good.with("biz_content", `{"out_trade_no": "WHY_1"}`), "body"},
		"other app":          {signedAs(b, f.with("app_id", "2021000000000000")), "app_id"},
		"bad stamp":          {signedAs(b, f.with("timestamp", "2026-03-02T18:00:00Z")), "timestamp"},
		"something else":     {f.with("sign", b.sign("nothing")), ""},
	} {
		got, err := b.sim.Explain(sim.ExplainRequest{Method: http.MethodPost, URL: "/gateway.do", Body: c.request.encode()})
		if name == "encoded" {
			c.differs = "" // the whole form is no variant that anybody signs
		}
		if err != nil || got.Differs != c.differs || got.Valid != (name == "right") {
			t.Errorf("%s: %+v, %v, want %q", name, got, err, c.differs)
		}
	}
	_, err := b.sim.Explain(sim.ExplainRequest{Order: "WHY_1", Event: 3})
	if !errors.Is(err, alipay.ErrNoMessage) {
		t.Errorf("nothing there: %v", err)
	}
}

func signedAs(b *bench, f form) form { return f.with("sign", b.sign(f.message())) }

// signedGBK is UTF-8 with a signature over GBK.
func signedGBK(b *bench, biz form) form {
	f := createForm(biz)
	raw, err := simplifiedchinese.GBK.NewEncoder().String(f.message())
	if err != nil {
		b.t.Fatal(err)
	}
	return f.with("sign", b.sign(raw))
}

func signedOld(b *bench, message string) string {
	sum := sha1.Sum([]byte(message))
	sig, err := rsa.SignPKCS1v15(nil, b.key, crypto.SHA1, sum[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

// encodedPairs is the message with its values url-encoded.
func encodedPairs(f form) string {
	out := form{}
	for name, value := range f {
		out[name] = url.QueryEscape(value)
	}
	return out.message()
}

func TestNoticesAreExplained(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := b.inbox(http.StatusOK, "fail")
	b.paid("WHY_2", in.URL)
	for kind, differs := range map[alipay.Tamper]string{
		alipay.TamperOtherKey: "key", alipay.TamperSignTypeRSA: "hash", alipay.TamperOtherAppID: "app_id", alipay.TamperOtherSellerID: "seller_id",
		alipay.TamperQueryString: "query", alipay.TamperFinished: "",
	} {
		_, err := b.sim.DeliverTampered(t.Context(), "WHY_2", kind)
		if err != nil {
			t.Fatal(err)
		}
		events := b.sim.Events("WHY_2")
		got, err := b.sim.Explain(sim.ExplainRequest{Order: "WHY_2", Event: len(events) - 1})
		if err != nil || got.Differs != differs || got.Valid != (differs == "") {
			t.Errorf("%s: %+v, %v, want %q", kind, got, err, differs)
		}
	}
}

func TestBarCodesAreShownOverHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var out map[string]string
	if status := b.ask(http.MethodPost, "/_sim/barcode", `{"person":"lisi"}`, &out); status != http.StatusOK {
		t.Fatalf("answer is %d %v", status, out)
	}
	b.wantCode(b.post(chargeForm(counterForm("BAR_1", out["auth_code"]))), "10000", "")
	if got := b.order("BAR_1").BuyerID; got != alipay.BuyerID("lisi") {
		t.Errorf("paid by %s", got)
	}
	if status := b.ask(http.MethodPost, "/_sim/barcode", `{"refusal":"ACQ.NONSENSE"}`, &out); status != http.StatusBadRequest {
		t.Errorf("a refusal that nobody documents: %d", status)
	}
}

func TestProductionIsRefusedAndAnswersAreMarked(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/gateway.do", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(sim.HeaderEnvironment, "production")
	r, err := b.do(req)
	if err != nil || r.status != http.StatusForbidden || r.header.Get(sim.HeaderSimulator) != "alipay" {
		t.Errorf("answer is %+v, %v", r, err)
	}
	if b.query("MARK_1").header.Get(sim.HeaderSimulator) != "alipay" {
		t.Error("an answer has no mark")
	}
	if !alipay.IsSimulatorKey(&platformKey().PublicKey) || alipay.IsSimulatorKey(merchantKey().PublicKey) {
		t.Error("keys are not told apart")
	}
}

func TestClockAndFaultsAreMovedOverHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.create(orderForm("MOVE_1").with("timeout_express", "30m"))
	var any map[string]any
	if status := b.ask(http.MethodPost, "/_sim/clock/advance?by=30m", "", &any); status != http.StatusOK || !b.clock.Now().Equal(start.Add(30*time.Minute)) {
		t.Errorf("clock: %d, %v", status, any)
	}
	if b.order("MOVE_1").State != alipay.StateClosed {
		t.Error("the trade lives on")
	}
	var waiting []sim.Waiting
	b.ask(http.MethodPost, "/_sim/scenarios/proxy-page", "", &waiting)
	b.ask(http.MethodPost, "/_sim/faults", `{"where":"query","kind":"unsigned"}`, &waiting)
	if len(waiting) != 3 {
		t.Errorf("faults are %+v", waiting)
	}
	b.ask(http.MethodDelete, "/_sim/faults", "", &waiting)
	if len(waiting) != 0 {
		t.Errorf("faults are %+v", waiting)
	}
}
