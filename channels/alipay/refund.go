package alipay

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
	"guodu/internal/fen"
)

const (
	// refundPause is the least time between two refunds of one trade.
	refundPause = 3 * time.Second
	// refundMade is the one word of the query that means made.
	refundMade = "REFUND_SUCCESS"
	// fundChanged says that this very call moved money.
	fundChanged = "Y"
)

var refundNoForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// RefundPause is three seconds (alipay.trade.refund).
func (c *Channel) RefundPause() time.Duration { return refundPause }

// Refund asks for a refund (alipay.trade.refund). An answer that moved money
// says so; any other is under way, and QueryRefund tells. A repeat with the same
// number and amount moves nothing.
// Errors: ErrNotNow, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundStatus, error) {
	why := unfitRefund(req)
	if why != "" {
		return channels.RefundStatus{}, refused("refund", req.RefundNo, why)
	}
	wish := alipay.NewPayload("alipay.trade.refund").
		AddBizField("out_trade_no", req.OrderNo).
		AddBizField("out_request_no", req.RefundNo).
		AddBizField("refund_amount", req.Amount.Yuan())
	if req.Reason != "" {
		wish.AddBizField("refund_reason", req.Reason)
	}
	told := reads("out_trade_no", "fund_change", "refund_fee")
	err := c.ask(ctx, "refund", req.RefundNo, wish, told, refundCode)
	if err != nil {
		return channels.RefundStatus{}, err
	}
	if told.Hint("out_trade_no") != req.OrderNo {
		return channels.RefundStatus{}, unknown("refund", req.RefundNo, "the answer is about another order")
	}
	status := channels.RefundStatus{
		Channel: Name, Merchant: c.Merchant(), OrderNo: req.OrderNo, No: req.RefundNo, State: channels.RefundProcessing, Amount: req.Amount,
	}
	// refund_fee is the sum of all refunds of the trade: an answer in which it is
	// less than this one is about another.
	sum, err := fen.Parse(told.Hint("refund_fee"))
	if told.Hint("fund_change") == fundChanged && err == nil && sum >= req.Amount {
		status.State = channels.RefundMade
	}
	return status, nil
}

// QueryRefund asks where a refund stands (alipay.trade.fastpay.refund.query).
// A signed success without a status in it is how Alipay says that there is none,
// or that it failed: both are to be asked for again with the same number.
// Errors: ErrRefundNotFound (no proof), ErrRefused, ErrUnknownOutcome.
func (c *Channel) QueryRefund(ctx context.Context, orderNo, refundNo string) (channels.RefundStatus, error) {
	if !foreignNoForm.MatchString(orderNo) || refundNo == "" || len(refundNo) > 64 {
		return channels.RefundStatus{}, refused("query refund", refundNo, "not the numbers of an order and a refund")
	}
	question := alipay.NewPayload("alipay.trade.fastpay.refund.query").
		AddBizField("out_trade_no", orderNo).
		AddBizField("out_request_no", refundNo).
		AddBizField("query_options", []string{"gmt_refund_pay"})
	told := reads("out_trade_no", "out_request_no", "refund_amount", "refund_status", "gmt_refund_pay")
	err := c.ask(ctx, "query refund", refundNo, question, told, refundQueryCode)
	if errors.Is(err, errUnsigned) {
		return channels.RefundStatus{}, unknown("query refund", refundNo, cause(err))
	}
	if err != nil {
		return channels.RefundStatus{}, err
	}
	if word, err := told.Text("refund_status"); err == nil && word == "" { // 未收到该笔退款，或者退款失败: to be sent again, with the same number
		return channels.RefundStatus{}, fmt.Errorf("alipay query refund %s: %w", clip(refundNo), channels.ErrRefundNotFound)
	}
	status, err := c.askedRefund(told)
	switch {
	case err != nil:
		return channels.RefundStatus{}, unknown("query refund", refundNo, err.Error())
	case status.No != refundNo || status.OrderNo != orderNo:
		return channels.RefundStatus{}, unknown("query refund", refundNo, "the answer is about another refund")
	}
	return status, nil
}

// askedRefund reads an answer as a refund.
func (c *Channel) askedRefund(a *node) (channels.RefundStatus, error) {
	word, wordErr := a.Text("refund_status")
	orderNo, orderErr := a.Text("out_trade_no")
	no, noErr := a.Text("out_request_no")
	yuan, yuanErr := a.Text("refund_amount")
	err := errors.Join(wordErr, orderErr, noErr, yuanErr)
	if err != nil {
		return channels.RefundStatus{}, err
	}
	amount, err := fen.Parse(yuan)
	if err != nil || amount <= 0 {
		return channels.RefundStatus{}, errors.New("refund_amount is missing or no amount")
	}
	status := channels.RefundStatus{
		Channel: Name, Merchant: c.Merchant(), OrderNo: orderNo, No: no, State: channels.RefundProcessing, Amount: amount,
		Time: moment(a.Hint("gmt_refund_pay")),
	}
	if word == refundMade {
		status.State = channels.RefundMade
	}
	return status, nil
}

// unfitRefund says in words what of a request Alipay would refuse, or nothing.
func unfitRefund(req channels.RefundRequest) string {
	switch {
	case !foreignNoForm.MatchString(req.OrderNo):
		return "order number: want 1 to 64 of 0-9 A-Z a-z !#$()*+,.:;=@_|~-"
	case !refundNoForm.MatchString(req.RefundNo):
		return "refund number: want 1 to 64 of 0-9 A-Z a-z _"
	case req.Amount <= 0 || req.Amount > req.Total || req.Total > amountMax:
		return fmt.Sprintf("amount: want 1 to %d fen, got %d", req.Total, req.Amount)
	case !fits(req.Reason, 0):
		return fmt.Sprintf("reason: want at most %d characters of UTF-8", textMax)
	}
	return ""
}
