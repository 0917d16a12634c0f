package wechatpay_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"guodu/mocks/wechatpay"
)

func pageURL(req wechatpay.PayRequest) string {
	return "/_sim/cashier?" + url.Values{
		"appId": {req.AppID}, "timeStamp": {req.TimeStamp}, "nonceStr": {req.NonceStr}, "package": {req.Package},
		"signType": {req.SignType}, "paySign": {req.PaySign},
	}.Encode()
}

func TestThePayerSeesTheOrderInTheCashier(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	req := b.payRequest(b.prepay(orderForm("PAGE0001").with("description", "<校园卡>")))
	r := b.visit(pageURL(req), "lisi")
	for _, part := range []string{"¥50.00", "&lt;校园卡&gt;", "付款人 lisi", "立即支付", `"appId":"` + appID} {
		if r.status != http.StatusOK || !strings.Contains(string(r.body), part) {
			t.Errorf("no %s in %d %s", part, r.status, r.body)
		}
	}
	req.PaySign = "x"
	if r = b.visit(pageURL(req), ""); strings.Contains(string(r.body), "立即支付") || !strings.Contains(string(r.body), "paySign") {
		t.Errorf("a wrong signature: %s", r.body)
	}
	req = b.payRequest("wx0")
	if r = b.visit(pageURL(req), ""); !strings.Contains(string(r.body), "no such prepay_id") {
		t.Errorf("no such order: %s", r.body)
	}
}

func TestPagesOutsideOfWeChatGetABridge(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.visit("/_sim/bridge.js", "")
	if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), "text/javascript") || !strings.Contains(string(r.body), "WeixinJSBridgeReady") {
		t.Errorf("bridge: %d %v", r.status, r.header)
	}
}

func TestAPersonIsChosenByAPage(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.visit("/_sim/person?name="+url.QueryEscape("张三"), "")
	cookie, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if err != nil || r.status != http.StatusOK {
		t.Fatalf("%d %v, %v", r.status, r.header, err)
	}
	if got := b.exchange(exchangeOf(b.code(cookie.Value))); got.Openid != wechatpay.OpenID(appID, "张三") {
		t.Errorf("it is %+v", got)
	}
	for _, bad := range []string{"", "a%20b", strings.Repeat("x", 65)} {
		if r = b.visit("/_sim/person?name="+bad, ""); r.status != http.StatusBadRequest || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%q: %d", bad, r.status)
		}
	}
}
