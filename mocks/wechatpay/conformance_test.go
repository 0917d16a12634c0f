package wechatpay_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"guodu/mocks/wechatpay"
)

// realAPI is where the SDK believes that it sends its requests.
const realAPI = "https://api.mch.weixin.qq.com"

// conversation is WeChat Pay's own client in front of a simulator with one
// order in each state, and a bill.
type conversation struct {
	*bench
	client *core.Client
	plain  *core.Client // does not verify: for bill downloads
}

func (b *bench) transport() *http.Client {
	base, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	return &http.Client{Transport: rewrite{base, b.http.Transport}}
}

func newClient(b *bench, opts ...core.ClientOption) *core.Client {
	b.t.Helper()
	client, err := core.NewClient(b.t.Context(), append(opts, option.WithHTTPClient(b.transport()))...)
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

func converse(t testing.TB, change func(*wechatpay.Options)) *conversation {
	b := setup(t, func(o *wechatpay.Options) {
		o.Profile.Rates = map[string]int{wechatpay.EndpointRefundFailing: -1}
		if change != nil {
			change(o)
		}
	})
	c := &conversation{bench: b}
	c.plain = newClient(b, option.WithMerchantCredential(mchID, merchantKey().Serial, b.key), option.WithoutValidator())
	c.client = newClient(b, option.WithWechatPayPublicKeyAuthCipher(mchID, merchantKey().Serial, b.key, b.sim.PublicKeyID(), b.platformKey()))
	c.order("CONFPAID", true)
	c.order("CONFCLOSED", false)
	c.made(b.call(http.MethodPost, closeURL("CONFCLOSED"), closeBody))
	b.clock.Advance(24 * time.Hour)
	c.order("CONFOPEN", false)
	c.order("CONFREFUND", true)
	c.made(b.refund(refundForm("CONFREFUND", "CONFR1", 10)))
	b.clock.Advance(time.Minute)
	return c
}

// order makes an order under whatever keys the platform has.
func (c *conversation) order(no string, pays bool) {
	c.t.Helper()
	r := c.call(http.MethodPost, prepayURL, orderForm(no).json(c.t))
	c.made(r)
	var out struct {
		PrepayID string `json:"prepay_id"`
	}
	err := json.Unmarshal(r.body, &out)
	if err == nil && pays {
		_, err = c.sim.Pay(c.t.Context(), c.payRequest(out.PrepayID))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *conversation) made(r reply) {
	c.t.Helper()
	if r.status >= http.StatusMultipleChoices {
		c.t.Fatalf("answer is %d %s", r.status, r.body)
	}
}

// generic sends a signed request that the SDK has no method for.
func (c *conversation) generic(ctx context.Context, method, path string, body any) (*core.APIResult, error) {
	return c.client.Request(ctx, method, realAPI+path, nil, nil, body, "application/json")
}

// exchanges are one call of each endpoint, which succeeds.
var exchanges = map[string]func(context.Context, *conversation) error{
	wechatpay.EndpointPrepay: func(ctx context.Context, c *conversation) error {
		api := jsapi.JsapiApiService{Client: c.client}
		_, _, err := api.PrepayWithRequestPayment(ctx, sdkPrepay("CONFNEW1", notifyURL))
		return err
	},
	wechatpay.EndpointCodePay: func(ctx context.Context, c *conversation) error {
		_, err := c.generic(ctx, http.MethodPost, codePayURL, codeForm("CONFNEW2", c.sim.AuthCode(person)))
		return err
	},
	wechatpay.EndpointQuery: func(ctx context.Context, c *conversation) error {
		api := jsapi.JsapiApiService{Client: c.client}
		_, _, err := api.QueryOrderByOutTradeNo(ctx, sdkQuery("CONFPAID"))
		return err
	},
	wechatpay.EndpointClose: func(ctx context.Context, c *conversation) error {
		api := jsapi.JsapiApiService{Client: c.client}
		_, err := api.CloseOrder(ctx, jsapi.CloseOrderRequest{OutTradeNo: core.String("CONFOPEN"), Mchid: core.String(mchID)})
		return err
	},
	wechatpay.EndpointRefund: func(ctx context.Context, c *conversation) error {
		api := refunddomestic.RefundsApiService{Client: c.client}
		_, _, err := api.Create(ctx, sdkRefund("CONFPAID", "CONFR2", 10))
		return err
	},
	wechatpay.EndpointRefundQuery: func(ctx context.Context, c *conversation) error {
		api := refunddomestic.RefundsApiService{Client: c.client}
		r, _, err := api.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String("CONFR1")})
		if err == nil && *r.Status != refunddomestic.STATUS_SUCCESS {
			return fmt.Errorf("refund is %v", *r.Status)
		}
		return err
	},
	wechatpay.EndpointTradeBill: func(ctx context.Context, c *conversation) error {
		_, err := c.generic(ctx, http.MethodGet, tradeBillURL+"2026-03-02&bill_type=ALL", nil)
		return err
	},
	wechatpay.EndpointFundFlowBill: func(ctx context.Context, c *conversation) error {
		_, err := c.generic(ctx, http.MethodGet, flowBillURL+"2026-03-02", nil)
		return err
	},
	wechatpay.EndpointBillDownload: func(ctx context.Context, c *conversation) error { return c.sdkDownload(ctx) },
}

func sdkRefund(no, outRefundNo string, fen int64) refunddomestic.CreateRequest {
	return refunddomestic.CreateRequest{
		OutTradeNo: core.String(no), OutRefundNo: core.String(outRefundNo), Reason: core.String("退款 <&>"), NotifyUrl: core.String(notifyURL),
		Amount: &refunddomestic.AmountReq{Refund: core.Int64(fen), Total: core.Int64(5000), Currency: core.String("CNY")},
	}
}

// sdkDownload fetches a bill as the documents tell to, and compares its hash.
func (c *conversation) sdkDownload(ctx context.Context) error {
	result, err := c.generic(ctx, http.MethodGet, tradeBillURL+"2026-03-02", nil)
	if err != nil {
		return err
	}
	var link struct {
		HashValue   string `json:"hash_value"`
		DownloadURL string `json:"download_url"`
	}
	err = json.NewDecoder(result.Response.Body).Decode(&link)
	if err != nil {
		return err
	}
	_, err = c.client.Get(ctx, link.DownloadURL)
	var refused *core.APIError
	if !errors.As(err, &refused) && err == nil {
		return errors.New("the bill was signed")
	}
	// That has used the link up.
	result, err = c.generic(ctx, http.MethodGet, tradeBillURL+"2026-03-02", nil)
	if err != nil {
		return err
	}
	err = json.NewDecoder(result.Response.Body).Decode(&link)
	if err != nil {
		return err
	}
	result, err = c.plain.Get(ctx, link.DownloadURL)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return err
	}
	sum := sha1.Sum(text)
	if hex.EncodeToString(sum[:]) != link.HashValue {
		return errors.New("the bill has another hash")
	}
	return nil
}

func TestSDKSucceedsAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	c := converse(t, nil)
	for endpoint, call := range exchanges {
		if err := call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// wantAPI wants a refusal as the SDK tells it.
func wantAPI(t testing.TB, what string, err error, status int, code string) {
	t.Helper()
	var refused *core.APIError
	if !errors.As(err, &refused) || refused.StatusCode != status || refused.Code != code || refused.Message == "" {
		t.Errorf("%s: %v, want %d %s", what, err, status, code)
	}
}

// TestSDKTellsEveryInjectedRefusal goes through all refusals of all endpoints
// that no request can provoke.
func TestSDKTellsEveryInjectedRefusal(t *testing.T) {
	t.Parallel()
	c := converse(t, nil)
	statuses := map[string]int{
		"MCH_NOT_EXISTS": 400, "NO_AUTH": 403, "OUT_TRADE_NO_USED": 403, "RULE_LIMIT": 403, "TRADE_ERROR": 403, "ACCOUNT_ERROR": 403,
		"BANK_ERROR": 500, "NOT_ENOUGH": 403, "USER_ACCOUNT_ABNORMAL": 403, "REQUEST_BLOCKED": 403, "BIZ_ERR_NEED_RETRY": 500,
	}
	for endpoint, call := range exchanges {
		if endpoint == wechatpay.EndpointBillDownload {
			continue // three calls in one
		}
		for _, kind := range c.sim.Faults().Places()[endpoint] {
			name, isRefusal := strings.CutPrefix(string(kind), "refuse-")
			code := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			status := statuses[code]
			switch {
			case kind == wechatpay.FaultErrorBefore:
				status, code = 500, "SYSTEM_ERROR"
			case kind == wechatpay.FaultTooMany:
				status, code = 429, "FREQUENCY_LIMITED"
			case !isRefusal:
				continue
			case code == "MCH_NOT_EXISTS" && strings.HasPrefix(endpoint, "refund"):
				status = 404
			}
			c.fail(endpoint, kind, 1)
			wantAPI(t, endpoint, call(t.Context(), c), status, code)
		}
	}
}

// TestSDKTellsEveryProvokedRefusal has a request for each of the others.
func TestSDKTellsEveryProvokedRefusal(t *testing.T) {
	t.Parallel()
	c := converse(t, nil)
	ctx := t.Context()
	order, refund := jsapi.JsapiApiService{Client: c.client}, refunddomestic.RefundsApiService{Client: c.client}
	prepay := func(no string, change func(*jsapi.PrepayRequest)) error {
		req := sdkPrepay(no, notifyURL)
		req.Amount.Total, req.Attach, req.Description = core.Int64(5000), core.String("order="+no), core.String("recharge")
		change(&req)
		_, _, err := order.Prepay(ctx, req)
		return err
	}
	ask := func(change func(*refunddomestic.CreateRequest)) error {
		req := sdkRefund("CONFREFUND", "CONFR3", 10)
		change(&req)
		_, _, err := refund.Create(ctx, req)
		return err
	}
	get := func(path string) error { _, err := c.generic(ctx, http.MethodGet, path, nil); return err }
	_, _, unknownOrder := order.QueryOrderByOutTradeNo(ctx, sdkQuery("CONFNONE"))
	_, _, unknownID := order.QueryOrderById(ctx, jsapi.QueryOrderByIdRequest{TransactionId: core.String("42"), Mchid: core.String(mchID)})
	other := sdkQuery("CONFPAID")
	other.Mchid = core.String("1900000108")
	_, _, otherMerchant := order.QueryOrderByOutTradeNo(ctx, other)
	closing := func(no string) error {
		_, err := order.CloseOrder(ctx, jsapi.CloseOrderRequest{OutTradeNo: core.String(no), Mchid: core.String(mchID)})
		return err
	}
	_, _, unknownRefund := refund.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String("NONE")})
	for _, e := range []struct {
		what   string
		err    error
		status int
		code   string
	}{
		{"total 0", prepay("CONFBAD", func(r *jsapi.PrepayRequest) { r.Amount.Total = core.Int64(0) }), 400, "PARAM_ERROR"},
		{"other terms", prepay("CONFOPEN", func(r *jsapi.PrepayRequest) { r.Amount.Total = core.Int64(1) }), 400, "INVALID_REQUEST"},
		{"other app", prepay("CONFBAD", func(r *jsapi.PrepayRequest) { r.Appid = core.String("wx2") }), 400, "APPID_MCHID_NOT_MATCH"},
		{"foreign openid", prepay("CONFBAD", func(r *jsapi.PrepayRequest) { r.Payer.Openid = core.String(wechatpay.OpenID("wx2", person)) }), 500, "OPENID_MISMATCH"},
		{"paid", prepay("CONFPAID", func(*jsapi.PrepayRequest) {}), 400, "ORDER_PAID"},
		{"closed", prepay("CONFCLOSED", func(*jsapi.PrepayRequest) {}), 400, "ORDER_CLOSED"},
		{"unknown order", unknownOrder, 404, "ORDER_NOT_EXIST"}, {"unknown id", unknownID, 404, "ORDER_NOT_EXIST"},
		{"other merchant", otherMerchant, 400, "INVALID_REQUEST"},
		{"close paid", closing("CONFPAID"), 400, "ORDER_PAID"}, {"close unknown", closing("CONFNONE"), 404, "ORDER_NOT_EXIST"},
		{"unknown refund", unknownRefund, 404, "RESOURCE_NOT_EXISTS"},
		{"refund of nothing", ask(func(r *refunddomestic.CreateRequest) { r.OutTradeNo = core.String("CONFNONE") }), 404, "RESOURCE_NOT_EXISTS"},
		{"refund unpaid", ask(func(r *refunddomestic.CreateRequest) { r.OutTradeNo = core.String("CONFOPEN") }), 400, "INVALID_REQUEST"},
		{"refund too much", ask(func(r *refunddomestic.CreateRequest) { r.Amount.Refund = core.Int64(5001) }), 400, "INVALID_REQUEST"},
		{"refund in dollars", ask(func(r *refunddomestic.CreateRequest) { r.Amount.Currency = core.String("USD") }), 400, "PARAM_ERROR"},
		{"refund of both ids", ask(func(r *refunddomestic.CreateRequest) { r.TransactionId = core.String("42") }), 400, "PARAM_ERROR"},
		{"bill of today", get(tradeBillURL + "2026-03-03"), 400, "INVALID_REQUEST"},
		{"bill of an idle day", get(tradeBillURL + "2026-03-01"), 400, "NO_STATEMENT_EXIST"},
		{"flow of an idle day", get(flowBillURL + "2026-03-01"), 400, "NO_STATEMENT_EXIST"},
		{"certificates", get("/v3/certificates"), 404, "RESOURCE_NOT_EXISTS"},
		{"nothing there", get("/v3/nothing"), 404, "RESOURCE_NOT_EXISTS"},
	} {
		wantAPI(t, e.what, e.err, e.status, e.code)
	}
	c.clock.Advance(6 * time.Hour) // past midnight in Beijing
	wantAPI(t, "bill too early", get(tradeBillURL+"2026-03-03"), 400, "STATEMENT_CREATING")
	strange := newClient(c.bench, option.WithWechatPayPublicKeyAuthCipher(mchID, "00", c.key, c.sim.PublicKeyID(), c.platformKey()))
	_, err := strange.Get(ctx, realAPI+queryURL("CONFPAID"))
	wantAPI(t, "another serial", err, 401, "SIGN_ERROR")
}
