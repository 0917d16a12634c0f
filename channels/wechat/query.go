package wechat

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"

	"guodu/channels"
)

// Query asks by the order's own number (商户订单号查询订单). An order past its
// expiry stays Unpaid until somebody closes it. REFUND comes back as Paid with
// Refunded set and no Refunds: WeChat does not list them here.
// Errors: ErrOrderNotFound (unsigned, no proof), ErrRefused, ErrUnknownOutcome.
func (c *Channel) Query(ctx context.Context, orderNo string) (channels.Payment, error) {
	if !foreignNoForm.MatchString(orderNo) {
		return channels.Payment{}, refused("query", orderNo, "not an order number")
	}
	address := consts.WechatPayAPIServer + "/v3/pay/transactions/out-trade-no/" + url.PathEscape(orderNo) + "?mchid=" + c.mchID
	answer, err := c.asked(func() (*core.APIResult, error) { return c.client.Get(ctx, address) })
	if err != nil {
		return channels.Payment{}, failed("query", orderNo, queryCode, err)
	}
	payment, err := c.payment(answer)
	if err != nil {
		return channels.Payment{}, unknown("query", orderNo, cause(err))
	}
	// A signature covers the answer and not the question, so a proper answer
	// to another question has to be told apart here.
	if payment.OrderNo != orderNo {
		return channels.Payment{}, unknown("query", orderNo, "the answer is about another order")
	}
	return payment, nil
}

// Close makes an unpaid order unpayable (关闭订单). nil is a signed 204, which
// WeChat also gives to an order that is closed already.
// Errors: ErrAlreadyPaid, ErrOrderNotFound, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Close(ctx context.Context, orderNo string) error {
	if !orderNoForm.MatchString(orderNo) {
		return refused("close", orderNo, "not an order number")
	}
	wish := jsapi.CloseOrderRequest{OutTradeNo: core.String(orderNo), Mchid: core.String(c.mchID)}
	var result *core.APIResult
	_, err := c.asked(func() (_ *core.APIResult, err error) {
		result, err = c.orders.CloseOrder(ctx, wish)
		return nil, err
	})
	if err != nil {
		return failed("close", orderNo, closeCode, err)
	}
	if result.Response.StatusCode != http.StatusNoContent {
		return unknown("close", orderNo, fmt.Sprintf("HTTP %d, want 204", result.Response.StatusCode))
	}
	return nil
}
