package alipay_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"guodu/mocks/alipay"
)

func TestPersonSeesTheCashierOfTheApp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	no := b.create(orderForm("SEE_1"))
	page := b.get(b.base + "/_sim/cashier?tradeNO=" + no)
	if page.status != http.StatusOK || !strings.Contains(page.body, "校园卡充值") || !strings.Contains(page.body, "￥50.00") {
		t.Fatalf("page is %+v", page)
	}
	for _, step := range []struct {
		form       url.Values
		resultCode string
		state      alipay.State
	}{
		{url.Values{"tradeNO": {no}, "person": {person}, "cancel": {"1"}}, "6001", alipay.StateWait},
		{url.Values{"tradeNO": {no}, "person": {"lisi"}}, "4000", alipay.StateWait},
		{url.Values{"tradeNO": {no}, "person": {person}}, "9000", alipay.StateSuccess},
		{url.Values{"person": {person}}, "4000", alipay.StateSuccess},
	} {
		r, err := b.exchange(t.Context(), http.MethodPost, b.base+"/_sim/cashier", step.form.Encode())
		if err != nil || !strings.Contains(r.body, `"resultCode":"`+step.resultCode+`"`) || b.order("SEE_1").State != step.state {
			t.Errorf("%v: %+v, %v, %s", step.form, r, err, b.order("SEE_1").State)
		}
	}
	if r := b.get(b.base + "/_sim/cashier?tradeNO=1"); r.status != http.StatusNotFound {
		t.Errorf("of an unknown trade: %+v", r)
	}
}

func TestPersonSeesAPaymentCode(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	found := regexp.MustCompile(`<code>(28[0-9]{16})</code>`).FindStringSubmatch(b.get(b.base + "/_sim/barcode?person=lisi").body)
	if found == nil {
		t.Fatal("no code")
	}
	b.wantCode(b.post(chargeForm(counterForm("SEE_2", found[1]))), "10000", "")
	if got := b.order("SEE_2").BuyerID; got != alipay.BuyerID("lisi") {
		t.Errorf("paid by %s", got)
	}
	b = setup(t, func(o *alipay.Options) { o.DefaultPerson = "" })
	if r := b.get(b.base + "/_sim/barcode"); r.status != http.StatusBadRequest {
		t.Errorf("of nobody: %+v", r)
	}
}

func TestPagesGetABridge(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.get(b.base + "/_sim/bridge.js")
	if r.header.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(r.body, "AlipayJSBridgeReady") || !strings.Contains(r.body, "/_sim/cashier") {
		t.Errorf("script is %+v", r)
	}
}
