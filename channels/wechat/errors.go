package wechat

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core"

	"guodu/channels"
)

// The ones below give the codes that mean more than "refused", per call; the
// second spelling is the one of older documents. (WeChat Pay APIv3: JSAPI下单,
// 商户订单号查询订单, 关闭订单, 申请退款, 查询单笔退款.)

func prepayCode(code string) error {
	switch code {
	case "ORDER_PAID", "ORDERPAID":
		return channels.ErrAlreadyPaid
	case "OUT_TRADE_NO_USED":
		// Also said of a paid order. If it was not paid, the query that
		// ErrAlreadyPaid asks for finds out.
		return channels.ErrAlreadyPaid
	case "ORDER_CLOSED", "ORDERCLOSED":
		return channels.ErrOrderClosed
	}
	return channels.ErrRefused
}

func queryCode(code string) error {
	switch code {
	case "ORDER_NOT_EXIST", "ORDERNOTEXIST":
		return channels.ErrOrderNotFound
	}
	return channels.ErrRefused
}

func closeCode(code string) error {
	switch code {
	case "ORDER_PAID", "ORDERPAID":
		return channels.ErrAlreadyPaid
	case "ORDER_NOT_EXIST", "ORDERNOTEXIST":
		return channels.ErrOrderNotFound
	case "ORDER_CLOSED", "ORDERCLOSED":
		// Closing again is answered with 204, so this is not expected. It is
		// unsigned and would be taken as proof if it were nil: let the caller
		// query for the signed state.
		return channels.ErrUnknownOutcome
	}
	return channels.ErrRefused
}

func refundCode(code string) error {
	switch code {
	case "PARAM_ERROR", "INVALID_REQUEST", "RESOURCE_NOT_EXISTS", "USER_ACCOUNT_ABNORMAL", "ORDER_NOT_EXIST", "ORDERNOTEXIST":
		return channels.ErrRefused
	}
	// The merchant's account, its rights or keys, a limit: none of it says that
	// this refund will never be made.
	return channels.ErrNotNow
}

func refundQueryCode(code string) error {
	switch code {
	case "RESOURCE_NOT_EXISTS", "REFUND_NOT_EXIST", "REFUNDNOTEXIST":
		return channels.ErrRefundNotFound
	}
	return channels.ErrRefused
}

// failed translates what wechatpay-go returned for one call on one order. Its
// texts are not passed on: an APIError prints every header of the answer.
func failed(call, orderNo string, sentinelOf func(code string) error, err error) error {
	var api *core.APIError
	if !errors.As(err, &api) {
		return unknown(call, orderNo, cause(err))
	}
	sentinel := meaning(api, sentinelOf)
	return fmt.Errorf("wechat %s %s: %w: HTTP %d %q %q",
		call, orderNo, sentinel, api.StatusCode, clip(api.Code), clip(api.Message))
}

// asked makes one call of wechatpay-go's and reads the body of the answer, whose
// signature that has verified; a nil result has none. If it panics on what came
// back, the outcome is as unknown as after any answer that cannot be read.
func (c *Channel) asked(call func() (*core.APIResult, error)) (answer []byte, err error) {
	defer func() {
		trouble := recover()
		if trouble != nil {
			err = fmt.Errorf("reading the answer panicked: %v", trouble)
		}
	}()
	result, err := call()
	if err != nil || result == nil {
		return nil, err
	}
	defer func() { _ = result.Response.Body.Close() }()
	return io.ReadAll(result.Response.Body)
}

// meaning is what an answer other than 2xx says. Without a code it is a
// proxy's page and not WeChat's answer.
func meaning(api *core.APIError, sentinelOf func(code string) error) error {
	if api.Code == "" || api.StatusCode < 400 || api.StatusCode > 499 || passing(api) {
		return channels.ErrUnknownOutcome
	}
	return sentinelOf(api.Code)
}

// passing says "not now" rather than "no"; some of these codes have come with
// a status that says otherwise.
func passing(api *core.APIError) bool {
	switch api.StatusCode {
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return true
	}
	switch api.Code {
	case "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR", "SYSTEMERROR",
		"BANK_ERROR", "BANKERROR", "BIZERR_NEED_RETRY", "BIZ_ERR_NEED_RETRY":
		return true
	}
	return false
}

// unknown says that WeChat may or may not have acted, and why nobody knows.
func unknown(call, orderNo, why string) error {
	return fmt.Errorf("wechat %s %s: %w: %s", call, orderNo, channels.ErrUnknownOutcome, why)
}

// refused says that a request would be refused, before it is sent.
func refused(call, orderNo, why string) error {
	return fmt.Errorf("wechat %s %q: %w: %s", call, clip(orderNo), channels.ErrRefused, why)
}

// cause is why there was no good answer, fit for an error.
func cause(err error) string { return clip(bare(err).Error()) }

// bare takes off the URL that net/http puts around an error.
func bare(err error) error {
	var addressed *url.Error
	for errors.As(err, &addressed) {
		err = addressed.Err
	}
	return err
}
