package alipay_test

import (
	"html"
	"net/http"
	"net/url"
	"testing"
	"time"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestDiscountMakesTheReceiptSmaller(t *testing.T) {
	t.Parallel()
	checkDiscount(t)
}

func checkDiscount(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := b.inbox(http.StatusOK, "success")
	no := b.createTo("OFF_1", in.URL)
	_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: no, BuyerID: b.sim.Buyer(person), MerchantOffFen: 500, CouponFen: 100})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.sim.Deliver(t.Context(), "OFF_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"total_amount": "50.00", "receipt_amount": "45.00", "buyer_pay_amount": "44.00", "invoice_amount": "44.00"}
	wantFields(t, in.all()[0].fields(), want)
	node := b.wantCode(b.query("OFF_1"), "10000", "")
	for name, value := range want {
		if node[name] != value {
			t.Errorf("query: %s is %v, want %s", name, node[name], value)
		}
	}
}

func TestAuthorizationCodeWorksOnce(t *testing.T) {
	t.Parallel()
	checkAuthCode(t)
}

func checkAuthCode(t testing.TB, without ...int) {
	for head, change := range map[string]func(*alipay.Options){
		"alipay_system_oauth_token_response": nil,
		"error_response":                     func(o *alipay.Options) { o.Profile.TokenErrorResponse = true },
	} {
		b := lacking(t, without, change)
		code := b.code("")
		first := b.post(tokenForm(code)).open(t).fields(t)
		if first["access_token"] == nil {
			t.Fatalf("token is %v", first)
		}
		old := b.code("")
		b.clock.Advance(3 * time.Minute)
		for name, wrong := range map[string]string{
			"used": code, "expired": old, "of another app": b.sim.ForeignCode(person), "made up": "0123456789abcdef",
		} {
			r := b.post(tokenForm(wrong))
			b.wantCode(r, "40002", "isv.code-invalid")
			if got := r.open(t).head; got != head {
				t.Errorf("%s: node is %s, want %s", name, got, head)
			}
		}
		refresh := tokenForm("").without("code").with("grant_type", "refresh_token").with("refresh_token", first["refresh_token"].(string))
		second := b.post(refresh).open(t).fields(t)
		if second["user_id"] != alipay.BuyerID(person) || second["re_expires_in"] != 2592000.0-180 || second["refresh_token"] == first["refresh_token"] {
			t.Errorf("refreshed: %v", second)
		}
		b.wantCode(b.post(refresh), "40002", "isv.refresh-token-invalid")
	}
}

func TestAppKnowsOneKindOfID(t *testing.T) {
	t.Parallel()
	checkIdentity(t)
}

func checkIdentity(t testing.TB, without ...int) {
	userID, open := alipay.BuyerID(person), alipay.OpenID(appID, person)
	for name, c := range map[string]struct {
		change       func(*alipay.Options)
		userID, open any
		buyer        form
	}{
		"user":           {nil, userID, nil, form{"buyer_id": userID}},
		"open":           {openID, nil, open, form{"buyer_open_id": open}},
		"both, by user":  {func(o *alipay.Options) { o.BothIDs = true }, userID, open, form{"buyer_id": userID}},
		"both, by open":  {func(o *alipay.Options) { o.BothIDs = true }, userID, open, form{"buyer_open_id": open}},
		"both and moved": {func(o *alipay.Options) { o.BothIDs, o.UseOpenID = true, true }, userID, open, form{"buyer_open_id": open}},
	} {
		b := lacking(t, without, c.change)
		in := b.inbox(http.StatusOK, "success")
		token := b.post(tokenForm(b.code(""))).open(t).fields(t)
		if token["user_id"] != c.userID || token["open_id"] != c.open || token["code"] != nil || token["msg"] != nil {
			t.Errorf("%s: token is %v", name, token)
		}
		if _, isNumber := token["expires_in"].(float64); !isNumber {
			t.Errorf("%s: expires_in is %v", name, token["expires_in"])
		}
		biz := orderForm("WHO_1").without("buyer_id")
		for field, value := range c.buyer {
			biz = biz.with(field, value)
		}
		node := b.wantCode(b.post(createForm(biz).with("notify_url", in.URL)), "10000", "")
		b.pay(node["trade_no"].(string))
		shown := b.wantCode(b.query("WHO_1"), "10000", "")
		_, err := b.sim.Deliver(t.Context(), "WHO_1", 1)
		if err != nil {
			t.Fatal(err)
		}
		told := in.all()[0].fields()
		if shown["buyer_user_id"] != c.userID || shown["buyer_open_id"] != c.open ||
			told.Has("buyer_id") != (c.userID != nil) || told.Has("buyer_open_id") != (c.open != nil) {
			t.Errorf("%s: query shows %v, notice %v", name, shown, told)
		}
	}
}

func TestAuthorizationReturnsToItsDomainOnly(t *testing.T) {
	t.Parallel()
	checkRedirect(t)
}

func checkRedirect(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) { o.OAuthDomain = "127.0.0.1:1" })
	for _, foreign := range []string{"http://127.0.0.1:2/back", "http://x.127.0.0.1:1/back", "https://pay.example.edu/", "http://u@127.0.0.1:1/"} {
		if r := b.authorize(authorizeForm().with("redirect_uri", foreign), ""); r.status != http.StatusOK || r.header.Get("Location") != "" {
			t.Errorf("%s: %+v", foreign, r)
		}
	}
	page := b.authorize(authorizeForm().with("scope", "auth_user"), "")
	found := hiddenRequest.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || found == nil {
		t.Fatalf("consent page: %+v", page)
	}
	for action, parameter := range map[string]string{"allow": "auth_code", "deny": "error_scope"} {
		body := url.Values{"request": {html.UnescapeString(found[1])}, "action": {action}}
		r, err := b.exchange(t.Context(), http.MethodPost, b.base+"/_sim/consent", body.Encode())
		if err != nil {
			t.Fatal(err)
		}
		back, err := url.Parse(r.header.Get("Location"))
		if err != nil || back.Query().Get("state") != "YWJj+/9=" || !back.Query().Has(parameter) || back.Query().Has("auth_code") != (action == "allow") {
			t.Errorf("%s: back to %v, %v", action, back, err)
		}
	}
}

func TestBridgeMayLieAboutAPayment(t *testing.T) {
	t.Parallel()
	checkBridge(t)
}

func checkBridge(t testing.TB, without ...int) {
	b := lacking(t, without, delivering)
	for kind, want := range map[string]string{"result-6001": "6001", "result-6004": "6004", "result-8000": "8000"} {
		no := "LIE_" + want
		tradeNO := b.create(orderForm(no))
		b.fail(alipay.EndpointCashier, sim.FaultKind(kind), 1)
		if got := b.tradePay(`{"tradeNO":"` + tradeNO + `"}`); got != want || b.order(no).State != alipay.StateSuccess {
			t.Errorf("%s: the page hears %s of %s", kind, got, b.order(no).State)
		}
	}
	b.fail(alipay.EndpointCashier, "reset-after", 1)
	tradeNO := b.create(orderForm("LIE_1"))
	_, err := b.exchange(t.Context(), http.MethodPost, b.base+"/_sim/cashier", `{"tradeNO":"`+tradeNO+`"}`)
	if err == nil || b.order("LIE_1").State != alipay.StateSuccess {
		t.Errorf("the page heard something: %v", err)
	}
	b.fail(alipay.PlaceNotify, "delay", 1)
	in := b.inbox(http.StatusOK, "success")
	tradeNO = b.createTo("LIE_2", in.URL)
	if got := b.tradePay(`{"tradeNO":"` + tradeNO + `"}`); got != "9000" {
		t.Errorf("the page hears %s", got)
	}
	b.clock.Settle()
	if len(in.all()) != 0 {
		t.Error("the notice was there before the page's 9000")
	}
	b.clock.Advance(time.Hour)
	if len(in.all()) != 1 {
		t.Error("the notice never came")
	}
}

func TestStampsAreBeijingTime(t *testing.T) {
	t.Parallel()
	checkClock(t)
}

func checkClock(t testing.TB, without ...int) {
	b := lacking(t, without, func(o *alipay.Options) { o.Profile.TimestampWindow = 10 * time.Minute })
	in := b.inbox(http.StatusOK, "success")
	now := time.Now()
	here := func(f form) form {
		return f.with("timestamp", now.In(time.FixedZone("", 8*3600)).Format(time.DateTime))
	}
	utc := common("alipay.trade.query", form{"out_trade_no": "ZONE_1"}).with("timestamp", now.UTC().Format(time.DateTime))
	b.wantCode(b.post(utc), "40002", "isv.invalid-timestamp")
	node := b.wantCode(b.post(here(createForm(orderForm("ZONE_1"))).with("notify_url", in.URL)), "10000", "")
	b.pay(node["trade_no"].(string))
	_, err := b.sim.Deliver(t.Context(), "ZONE_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	wantFields(t, in.all()[0].fields(), map[string]string{"gmt_payment": stamp, "gmt_create": stamp, "notify_time": stamp})
	shown := b.wantCode(b.post(here(common("alipay.trade.query", form{"out_trade_no": "ZONE_1"}))), "10000", "")
	if shown["send_pay_date"] != stamp {
		t.Errorf("send_pay_date is %v", shown["send_pay_date"])
	}
}
