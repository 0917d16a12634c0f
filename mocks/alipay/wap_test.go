package alipay_test

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
)

var hiddenRequest = regexp.MustCompile(`name="request" value="([^"]*)"`)

// submit presses a button of the cashier's page.
func (b *bench) submit(page reply, action string) reply {
	b.t.Helper()
	return b.submitAs(page, action, "")
}

func (b *bench) submitAs(page reply, action, who string) reply {
	b.t.Helper()
	found := hiddenRequest.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || found == nil || !strings.Contains(page.body, `action="/_sim/wap"`) {
		b.t.Fatalf("no cashier page: %d %s", page.status, page.body)
	}
	body := url.Values{"request": {html.UnescapeString(found[1])}, "action": {action}, "person": {who}}
	r, err := b.exchange(b.t.Context(), http.MethodPost, b.base+"/_sim/wap", body.Encode())
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func wapForm(no string) form {
	biz := orderForm(no).without("buyer_id", "op_app_id").with("product_code", "QUICK_WAP_WAY")
	return common("alipay.trade.wap.pay", biz).with("notify_url", nowhere)
}

func (b *bench) wapURL(f form) string {
	b.t.Helper()
	return b.base + "/gateway.do?" + b.signed(f).encode()
}

// errorCode reads the page that browsers get for an error.
func errorCode(t testing.TB, r reply) string {
	t.Helper()
	text, err := simplifiedchinese.GBK.NewDecoder().String(r.body)
	if err != nil || r.status != http.StatusOK || r.header.Get("Content-Type") != "text/html;charset=GBK" {
		t.Fatalf("no error page: %+v, %v", r, err)
	}
	_, code, found := strings.Cut(text, "错误代码 ")
	if !found {
		t.Fatalf("no error page: %s", text)
	}
	code, _, _ = strings.Cut(code, "<")
	return code
}

func TestWapTradeBeginsWithTheLogin(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	page := b.get(b.wapURL(wapForm("WAP_1")))
	if !strings.Contains(page.body, "校园卡充值") || !strings.Contains(page.body, "50.00") {
		t.Fatalf("page is %s", page.body)
	}
	node := b.wantCode(b.query("WAP_1"), "40004", "ACQ.TRADE_NOT_EXIST")
	if node["receipt_amount"] != "0.00" || node["out_trade_no"] != "WAP_1" || node["buyer_pay_amount"] != "0.00" {
		t.Errorf("node is %v", node)
	}
	b.wantCode(b.closeTrade("WAP_1"), "40004", "ACQ.TRADE_NOT_EXIST")
	open := b.submit(page, "login")
	node = b.wantCode(b.query("WAP_1"), "10000", "")
	if node["trade_status"] != "WAIT_BUYER_PAY" || !strings.Contains(open.body, node["trade_no"].(string)) {
		t.Fatalf("after the login: %v, %s", node, open.body)
	}
	done := b.submit(open, "pay")
	if done.status != http.StatusOK || !strings.Contains(done.body, "支付成功") || b.order("WAP_1").State != alipay.StateSuccess {
		t.Fatalf("after the payment: %+v", done)
	}
}

func TestWapCashierIsTakenOverPostAsWell(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.submitAs(b.post(wapForm("WAP_2")), "pay", "lisi")
	if got := b.order("WAP_2"); got.State != alipay.StateSuccess || got.BuyerID != alipay.BuyerID("lisi") {
		t.Fatalf("order is %+v", got)
	}
}

func TestWapPageShowsErrorsInGBK(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.submit(b.post(wapForm("WAP_3")), "pay")
	b.create(orderForm("WAP_4"))
	for want, f := range map[string]form{
		"invalid-app-id":           b.signed(wapForm("WAP_5").with("app_id", "2021000000000000")),
		"invalid-signature":        b.signed(wapForm("WAP_5")).with("notify_url", ""),
		"ACQ.INVALID_PARAMETER":    b.signed(wapForm("WAP 5")),
		"ACQ.TRADE_HAS_SUCCESS":    b.signed(wapForm("WAP_3")),
		"ACQ.CONTEXT_INCONSISTENT": b.signed(wapForm("WAP_4")),
		"illegal-json":             b.signed(wapForm("WAP_5").with("biz_content", "{")),
	} {
		if got := errorCode(t, b.send(f)); got != want {
			t.Errorf("error is %s, want %s", got, want)
		}
	}
}

func TestWapOpensAndPaysWithoutAPage(t *testing.T) {
	t.Parallel()
	b := setup(t, openID)
	target := b.wapURL(wapForm("WAP_6"))
	no, err := b.sim.OpenWap(t.Context(), target, b.sim.Buyer(person))
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.sim.OpenWap(t.Context(), target, b.sim.Buyer(person))
	if err != nil || again != no {
		t.Fatalf("opened again: %s, %v, want %s", again, err, no)
	}
	_, err = b.sim.OpenWap(t.Context(), target, b.sim.Buyer("lisi"))
	if !errors.Is(err, alipay.ErrBuyer) {
		t.Fatalf("opened by another: %v", err)
	}
	b.pay(no)
	_, err = b.sim.OpenWap(t.Context(), target, b.sim.Buyer(person))
	if !errors.Is(err, alipay.ErrOrderPaid) {
		t.Fatalf("opened when paid: %v", err)
	}
	for _, bad := range []string{b.wapURL(wapForm("WAP_7").with("charset", "big5")), b.wapURL(createForm(orderForm("WAP_7"))), ":"} {
		no, err = b.sim.OpenWap(t.Context(), bad, b.sim.Buyer(person))
		if err == nil {
			t.Errorf("%s opened as %s", bad, no)
		}
	}
	_, err = b.sim.OpenWap(t.Context(), b.base+"/gateway.do", b.sim.Buyer(person))
	if !errors.Is(err, alipay.ErrRefused) {
		t.Errorf("empty request: %v", err)
	}
}

func TestWapCashierNeedsAPersonAndAnAction(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.DefaultPerson = "" })
	page := b.get(b.wapURL(wapForm("WAP_8")))
	b.submit(page, "pay")
	if len(b.sim.Book().Orders) != 0 {
		t.Error("nobody logged in")
	}
	b.submitAs(page, "steal", "lisi")
	if b.order("WAP_8").State != alipay.StateWait {
		t.Errorf("order is %+v", b.order("WAP_8"))
	}
	b.submitAs(page, "pay", "lisi")
	b.submitAs(page, "pay", "wangwu")
	if b.sim.Count("paid") != 1 || b.order("WAP_8").BuyerID != alipay.BuyerID("lisi") {
		t.Errorf("order is %+v", b.order("WAP_8"))
	}
}
