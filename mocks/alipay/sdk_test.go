package alipay_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// sdk is the client that the hub uses, in key mode.
func (b *bench) sdk() *sdk.Client {
	b.t.Helper()
	client, err := sdk.New(appID, merchantKey().PrivateKeyBase64, true,
		sdk.WithProductionGateway(b.base+"/gateway.do"), sdk.WithHTTPClient(b.http),
		sdk.WithTimeLocation(time.FixedZone("", 8*3600)))
	if err != nil {
		b.t.Fatal(err)
	}
	err = client.LoadAliPayPublicKey(b.sim.PublicKeyBase64())
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

func sdkOrder(no, notifyURL string) sdk.Trade {
	return sdk.Trade{
		OutTradeNo: no, TotalAmount: "123.45", Subject: "校园卡充值 <&> 50%", ProductCode: "JSAPI_PAY",
		NotifyURL: notifyURL, PassbackParams: url.QueryEscape("account=1001&c=+%中😀"), TimeoutExpress: "30m",
	}
}

func sdkCreate(no, notifyURL string) sdk.TradeCreate {
	trade := sdkOrder(no, notifyURL)
	trade.Subject = "校园卡充值 <50%>"
	return sdk.TradeCreate{Trade: trade, BuyerId: alipay.BuyerID(person), OpAppId: appID}
}

func TestSDKFollowsAnOrderFromCreateToPaid(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.Profile.TimestampWindow = time.Minute })
	client := b.sdk()
	created, err := client.TradeCreate(t.Context(), sdkCreate("SDK_1", nowhere))
	if err != nil || created.Code != sdk.CodeSuccess || created.OutTradeNo != "SDK_1" {
		t.Fatalf("create: %+v, %v", created, err)
	}
	again, err := client.TradeCreate(t.Context(), sdkCreate("SDK_1", nowhere))
	if err != nil || again.TradeNo != created.TradeNo {
		t.Fatalf("create again: %+v, %v", again, err)
	}
	unpaid, err := client.TradeQuery(t.Context(), sdk.TradeQuery{OutTradeNo: "SDK_1"})
	if err != nil || unpaid.TradeStatus != sdk.TradeStatusWaitBuyerPay || unpaid.ReceiptAmount != "0.00" {
		t.Fatalf("unpaid: %+v, %v", unpaid, err)
	}
	b.pay(created.TradeNo)
	paid, err := client.TradeQuery(t.Context(), sdk.TradeQuery{TradeNo: created.TradeNo, QueryOptions: []string{"fund_bill_list"}})
	if err != nil {
		t.Fatal(err)
	}
	if paid.TradeStatus != sdk.TradeStatusSuccess || paid.TotalAmount != "123.45" || paid.ReceiptAmount != "123.45" ||
		paid.BuyerUserId != alipay.BuyerID(person) || paid.SendPayDate != stamp || paid.OutTradeNo != "SDK_1" ||
		len(paid.FundBillList) != 1 || paid.FundBillList[0].FundChannel != "ALIPAYACCOUNT" || paid.PassbackParams != "" {
		t.Fatalf("paid: %+v", paid)
	}
}

func TestSDKClosesAnOrderOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	client := b.sdk()
	none, err := client.TradeClose(t.Context(), sdk.TradeClose{OutTradeNo: "SDK_2"})
	if err != nil || none.SubCode != "ACQ.TRADE_NOT_EXIST" {
		t.Fatalf("close of nothing: %+v, %v", none, err)
	}
	no := b.create(orderForm("SDK_2"))
	closed, err := client.TradeClose(t.Context(), sdk.TradeClose{TradeNo: no})
	if err != nil || closed.Code != sdk.CodeSuccess || closed.OutTradeNo != "SDK_2" {
		t.Fatalf("close: %+v, %v", closed, err)
	}
	again, err := client.TradeClose(t.Context(), sdk.TradeClose{OutTradeNo: "SDK_2"})
	if err != nil || again.SubCode != "ACQ.REASON_ILLEGAL_STATUS" {
		t.Fatalf("close again: %+v, %v", again, err)
	}
}

func TestSDKExchangesACode(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*alipay.Options){"user id": nil, "open id": openID} {
		b := setup(t, change)
		client := b.sdk()
		code := b.code("")
		got, err := client.SystemOauthToken(t.Context(), sdk.SystemOauthToken{GrantType: "authorization_code", Code: code})
		if err != nil || got.AccessToken == "" || got.ExpiresIn != 1296000 || got.UserId+got.OpenId != b.sim.Buyer(person) {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		_, err = client.SystemOauthToken(t.Context(), sdk.SystemOauthToken{GrantType: "authorization_code", Code: code})
		var refused *sdk.Error
		if !errors.As(err, &refused) || refused.Code != sdk.CodeInvalidParam || refused.SubCode != "isv.code-invalid" {
			t.Fatalf("%s, second use: %v", name, err)
		}
	}
}

func TestSDKRefusesAnswersThatAreNotSigned(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	client := b.sdk()
	for _, kind := range []sim.FaultKind{alipay.FaultFlipped, alipay.FaultUnsigned} {
		b.fail(alipay.EndpointCreate, kind, 1)
		created, err := client.TradeCreate(t.Context(), sdkCreate("SDK_3", nowhere))
		if err == nil {
			t.Errorf("%s: %+v passed", kind, created)
		}
	}
	if b.order("SDK_3").TradeNO == "" {
		t.Error("the work behind the fault was not done")
	}
}

func TestSDKSeesUnknownOutcomesInTwoShapes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	client := b.sdk()
	b.fail(alipay.EndpointCreate, sim.FaultErrorAfter, 1)
	_, err := client.TradeCreate(t.Context(), sdkCreate("SDK_4", nowhere))
	var refused *sdk.Error
	if !errors.As(err, &refused) || refused.SubCode != "isp.unknow-error" || refused.Code != sdk.CodeUnknowError {
		t.Fatalf("20000: %v", err)
	}
	b.fail(alipay.EndpointCreate, alipay.FaultSystemErrorAfter, 1)
	got, err := client.TradeCreate(t.Context(), sdkCreate("SDK_4", nowhere))
	if err != nil || got.SubCode != "ACQ.SYSTEM_ERROR" || got.Code != sdk.CodeBusinessFailed {
		t.Fatalf("signed error: %+v, %v", got, err)
	}
}

// readBySDK is a merchant that reads notifies with the SDK, as it reads
// everything else: with a client that must not call out.
func (b *bench) readBySDK(seen chan<- *sdk.Notification) string {
	b.t.Helper()
	client := b.sdk()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		if err == nil {
			var n *sdk.Notification
			n, err = client.DecodeNotification(r.Context(), r.PostForm)
			if err == nil {
				seen <- n
				sdk.ACKNotification(w)
				return
			}
		}
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("fail"))
	}))
	b.t.Cleanup(server.Close)
	return server.URL + "/notify"
}

func TestSDKReadsADeliveredNotify(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	client := b.sdk()
	seen := make(chan *sdk.Notification, 2)
	order := sdkCreate("SDK_5", b.readBySDK(seen))
	created, err := client.TradeCreate(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	receipt := b.pay(created.TradeNo)
	out, err := b.sim.Deliver(t.Context(), "SDK_5", 1)
	if err != nil || len(out) != 1 || !out[0].Accepted {
		t.Fatalf("deliveries are %+v, %v", out, err)
	}
	n := <-seen
	if n.AppId != appID || n.AuthAppId != appID || n.SellerId != sellerID || n.OutTradeNo != "SDK_5" || n.TradeNo != receipt.TradeNO ||
		n.TotalAmount != "123.45" || n.ReceiptAmount != "123.45" || n.PointAmount != "0.00" || n.BuyerPayAmount != "123.45" ||
		n.TradeStatus != sdk.TradeStatusSuccess || n.NotifyType != sdk.NotifyTypeTradeStatusSync || n.Charset != "utf-8" ||
		n.BuyerId != alipay.BuyerID(person) || n.BuyerOpenId != "" || n.Subject != order.Subject || n.Body != "" ||
		n.PassbackParams != order.PassbackParams || n.GmtPayment != stamp || n.GmtCreate != stamp || n.NotifyTime != stamp ||
		n.FundBillList != `[{"amount":"123.45","fundChannel":"ALIPAYACCOUNT"}]` {
		t.Fatalf("notify says %+v", n)
	}
}

func TestSDKTakesExactlyTheAuthenticNotifies(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	seen := make(chan *sdk.Notification, 64)
	b.pay(b.createTo("SDK_6", b.readBySDK(seen)))
	for _, kind := range alipay.TamperKinds() {
		unreadable := map[alipay.Tamper]bool{
			alipay.TamperJSON: true, alipay.TamperBrokenEncoding: true, alipay.TamperHugeBody: false,
			alipay.TamperCertSN: true, // the client asks the gateway for that certificate, in vain
		}
		d, err := b.sim.DeliverTampered(t.Context(), "SDK_6", kind)
		if err != nil || d.Err != nil {
			t.Fatalf("%s: %+v, %v", kind, d, err)
		}
		if want := kind.Authentic() && !unreadable[kind]; d.Accepted != want {
			t.Errorf("%s: accepted is %v, want %v", kind, d.Accepted, want)
		}
	}
	if b.sim.Count(alipay.EndpointCertificate) != 1 {
		t.Errorf("%d calls for a certificate, want the one of %s", b.sim.Count(alipay.EndpointCertificate), alipay.TamperCertSN)
	}
}

func TestSDKsWapPageIsPaidAndReturns(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	client := b.sdk()
	trade := sdkOrder("SDK_7", nowhere)
	trade.Subject, trade.ProductCode, trade.ReturnURL = "校园卡充值", "QUICK_WAP_WAY", "http://127.0.0.1:1/back?x=1"
	target, err := client.TradeWapPay(sdk.TradeWapPay{Trade: trade})
	if err != nil {
		t.Fatal(err)
	}
	r := b.submit(b.get(target.String()), "pay")
	back, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != http.StatusFound || back.Path != "/back" {
		t.Fatalf("paid page: %+v, %v", r, err)
	}
	values := back.Query()
	if values.Get("x") != "1" || values.Get("total_amount") != "123.45" || values.Get("method") != "alipay.trade.wap.pay.return" ||
		values.Get("trade_no") != b.order("SDK_7").TradeNO || values.Get("seller_id") != sellerID {
		t.Errorf("return is %v", values)
	}
	values.Del("x")
	err = client.VerifySign(t.Context(), values)
	if err != nil {
		t.Errorf("signature of the return: %v", err)
	}
	paid, err := client.TradeQuery(t.Context(), sdk.TradeQuery{OutTradeNo: "SDK_7"})
	if err != nil || paid.TradeStatus != sdk.TradeStatusSuccess {
		t.Errorf("query: %+v, %v", paid, err)
	}
}

func TestSDKsAuthorizationComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	target, err := b.sdk().PublicAppAuthorize([]string{"auth_base"}, "http://127.0.0.1:1/back", "YWJj")
	if err != nil {
		t.Fatal(err)
	}
	here, err := url.Parse(b.base) // the client has the real host written down
	if err != nil {
		t.Fatal(err)
	}
	target.Scheme, target.Host = here.Scheme, here.Host
	r := b.get(target.String())
	back, err := url.Parse(r.header.Get("Location"))
	if err != nil || back.Query().Get("state") != "YWJj" || back.Query().Get("auth_code") == "" {
		t.Errorf("answer is %+v, %v", r, err)
	}
}

func TestSDKReadsNoticesAndReturnsOfCertificateMode(t *testing.T) {
	t.Parallel()
	b := setup(t, certified)
	client := b.sdkCertified()
	in := newInbox(t, http.StatusOK, "success")
	b.pay(b.sdkOrder("SDK_8", in.URL))
	for range 2 {
		_, err := b.sim.Deliver(t.Context(), "SDK_8", 1)
		if err != nil {
			t.Fatal(err)
		}
		got := in.all()
		n, err := client.DecodeNotification(t.Context(), got[len(got)-1].fields())
		if err != nil || n.OutTradeNo != "SDK_8" {
			t.Fatalf("notice is %+v, %v", n, err)
		}
		err = b.sim.RollCertificate() // the client fetches the one it does not know
		if err != nil {
			t.Fatal(err)
		}
	}
	trade := sdkOrder("SDK_9", nowhere)
	trade.Subject, trade.ProductCode, trade.ReturnURL = "校园卡充值", "QUICK_WAP_WAY", "http://127.0.0.1:1/back"
	target, err := client.TradeWapPay(sdk.TradeWapPay{Trade: trade})
	if err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(b.submit(b.get(target.String()), "pay").header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	err = client.VerifySign(t.Context(), back.Query())
	if err != nil || back.Query().Get("alipay_cert_sn") == "" {
		t.Errorf("return is %v, %v", back, err)
	}
}
