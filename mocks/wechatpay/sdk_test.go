package wechatpay_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"guodu/mocks/wechatpay"
)

// rewrite sends every request to the simulator. The host is not part of what
// is signed, so a clone with another host still verifies.
type rewrite struct {
	base *url.URL
	next http.RoundTripper
}

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host = r.base.Scheme, r.base.Host
	return r.next.RoundTrip(out)
}

func (b *bench) platformKey() *rsa.PublicKey {
	b.t.Helper()
	key, err := utils.LoadPublicKey(string(b.sim.PublicKeyPEM()))
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

// sdk is WeChat Pay's own Go client in public-key mode.
func (b *bench) sdk() jsapi.JsapiApiService {
	b.t.Helper()
	base, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	client, err := core.NewClient(b.t.Context(),
		option.WithWechatPayPublicKeyAuthCipher(mchID, merchantKey().Serial, b.key, b.sim.PublicKeyID(), b.platformKey()),
		option.WithHTTPClient(&http.Client{Transport: rewrite{base, b.http.Transport}}))
	if err != nil {
		b.t.Fatal(err)
	}
	return jsapi.JsapiApiService{Client: client}
}

func sdkPrepay(no, notifyURL string) jsapi.PrepayRequest {
	return jsapi.PrepayRequest{
		Appid: core.String(appID), Mchid: core.String(mchID), Description: core.String("校园卡充值 <&>"),
		OutTradeNo: core.String(no), Attach: core.String("card=1"), NotifyUrl: core.String(notifyURL),
		Amount: &jsapi.Amount{Total: core.Int64(12345), Currency: core.String("CNY")},
		Payer:  &jsapi.Payer{Openid: core.String(wechatpay.OpenID(appID, person))},
	}
}

func sdkQuery(no string) jsapi.QueryOrderByOutTradeNoRequest {
	return jsapi.QueryOrderByOutTradeNoRequest{OutTradeNo: core.String(no), Mchid: core.String(mchID)}
}

// fromSDK turns the SDK's answer into what the page would hand over.
func fromSDK(r *jsapi.PrepayWithRequestPaymentResponse) wechatpay.PayRequest {
	return wechatpay.PayRequest{
		AppID: *r.Appid, TimeStamp: *r.TimeStamp, NonceStr: *r.NonceStr, Package: *r.Package,
		SignType: *r.SignType, PaySign: *r.PaySign, Openid: wechatpay.OpenID(appID, person),
	}
}

func TestSDKFollowsAnOrderFromPrepayToPaid(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	svc := b.sdk()
	res, _, err := svc.PrepayWithRequestPayment(t.Context(), sdkPrepay("SDK00001", notifyURL))
	if err != nil {
		t.Fatal(err)
	}
	unpaid, _, err := svc.QueryOrderByOutTradeNo(t.Context(), sdkQuery("SDK00001"))
	if err != nil || *unpaid.TradeState != "NOTPAY" || unpaid.TransactionId != nil || unpaid.Amount != nil {
		t.Fatalf("unpaid order is %v, %v", unpaid, err)
	}
	receipt, err := b.sim.Pay(t.Context(), fromSDK(res))
	if err != nil {
		t.Fatal(err)
	}
	paid, _, err := svc.QueryOrderByOutTradeNo(t.Context(), sdkQuery("SDK00001"))
	if err != nil {
		t.Fatal(err)
	}
	if *paid.TradeState != "SUCCESS" || *paid.Amount.Total != 12345 || *paid.TransactionId != receipt.TransactionID ||
		*paid.Payer.Openid != wechatpay.OpenID(appID, person) || *paid.Attach != "card=1" {
		t.Fatalf("paid order is %v", paid)
	}
	byID, _, err := svc.QueryOrderById(t.Context(), jsapi.QueryOrderByIdRequest{
		TransactionId: core.String(receipt.TransactionID), Mchid: core.String(mchID)})
	if err != nil || *byID.OutTradeNo != "SDK00001" {
		t.Fatalf("query by id is %v, %v", byID, err)
	}
}

func TestSDKClosesAnOrderTwiceButNeverAPaidOne(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	svc := b.sdk()
	b.prepay(orderForm("SDK00002"))
	closing := jsapi.CloseOrderRequest{OutTradeNo: core.String("SDK00002"), Mchid: core.String(mchID)}
	for range 2 {
		_, err := svc.CloseOrder(t.Context(), closing)
		if err != nil {
			t.Fatal(err)
		}
	}
	b.paid(orderForm("SDK00003"))
	closing.OutTradeNo = core.String("SDK00003")
	_, err := svc.CloseOrder(t.Context(), closing)
	var refused *core.APIError
	if !errors.As(err, &refused) || refused.StatusCode != 400 || refused.Code != "ORDER_PAID" {
		t.Fatalf("closing a paid order: %v, want 400 ORDER_PAID", err)
	}
}

func TestSDKRefusesASigntestAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	svc := b.sdk()
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultSigntest, 1)
	_, _, err := svc.Prepay(t.Context(), sdkPrepay("SDK00004", notifyURL))
	var refused *core.APIError
	if err == nil || errors.As(err, &refused) {
		t.Fatalf("a probe's signature passed, or looked like a refusal: %v", err)
	}
	_, found := b.sim.Book().Order("SDK00004")
	if !found {
		t.Fatal("the order behind the probe was not made")
	}
}

// notified is a merchant that reads callbacks with the SDK.
func (b *bench) notified(seen chan<- payments.Transaction) string {
	b.t.Helper()
	handler, err := notify.NewRSANotifyHandler(apiV3Key,
		verifiers.NewSHA256WithRSAPubkeyVerifier(b.sim.PublicKeyID(), *b.platformKey()))
	if err != nil {
		b.t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _, _ = io.Copy(io.Discard, r.Body) }()
		var content payments.Transaction
		_, err := handler.ParseNotifyRequest(context.Background(), r, &content)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		seen <- content
		w.WriteHeader(http.StatusNoContent)
	}))
	b.t.Cleanup(server.Close)
	return server.URL + "/notify"
}

func TestSDKReadsADeliveredCallback(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	seen := make(chan payments.Transaction, 2)
	receipt := b.paid(orderForm("SDK00005").with("notify_url", b.notified(seen)))
	out, err := b.sim.Deliver(t.Context(), "SDK00005", 2)
	if err != nil || len(out) != 2 || !out[0].Accepted || !out[1].Accepted {
		t.Fatalf("deliveries are %+v, %v", out, err)
	}
	for range 2 {
		got := <-seen
		if *got.OutTradeNo != "SDK00005" || *got.Amount.Total != 5000 || *got.TransactionId != receipt.TransactionID ||
			*got.TradeState != "SUCCESS" || *got.Mchid != mchID || *got.Appid != appID {
			t.Fatalf("callback says %v", got)
		}
	}
}

func TestSDKRefusesEveryCallbackThatIsNotAuthentic(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	seen := make(chan payments.Transaction, 64)
	b.paid(orderForm("SDK00006").with("notify_url", b.notified(seen)))
	for _, kind := range wechatpay.TamperKinds() {
		if kind.Authentic() {
			continue
		}
		d, err := b.sim.DeliverTampered(t.Context(), "SDK00006", kind)
		if err != nil || d.Status != http.StatusUnauthorized {
			t.Errorf("%s: %+v, %v, want 401", kind, d, err)
		}
	}
	if len(seen) != 0 {
		t.Fatalf("%d forged callbacks were believed", len(seen))
	}
}
