package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/internal/field"
)

const (
	// reasonMax is the limit of the document 申请退款, in characters.
	reasonMax = 80
	// refundsPath is where refunds are made and asked about.
	refundsPath = "/v3/refund/domestic/refunds"
	// refundPause is the least time between two refunds of one order.
	refundPause = time.Minute
)

var refundNoForm = regexp.MustCompile(`^[0-9A-Za-z_|*@-]{1,64}$`)

// RefundPause is a minute (申请退款: 同一笔订单的不同退款单间隔一分钟).
func (c *Channel) RefundPause() time.Duration { return refundPause }

// Refund asks for a refund (申请退款). An answer is an acceptance: what becomes
// of it, a callback or QueryRefund says.
// Errors: ErrNotNow, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundStatus, error) {
	why := unfitRefund(req)
	if why != "" {
		return channels.RefundStatus{}, refused("refund", req.RefundNo, why)
	}
	question := refunddomestic.CreateRequest{
		OutTradeNo:  core.String(req.OrderNo),
		OutRefundNo: core.String(req.RefundNo),
		Amount: &refunddomestic.AmountReq{
			Refund: core.Int64(int64(req.Amount)), Total: core.Int64(int64(req.Total)), Currency: core.String(currencyCNY),
		},
	}
	if req.Reason != "" {
		question.Reason = core.String(req.Reason)
	}
	if req.NotifyURL != "" {
		question.NotifyUrl = core.String(req.NotifyURL)
	}
	answer, err := c.asked(func() (*core.APIResult, error) {
		return c.client.Post(ctx, consts.WechatPayAPIServer+refundsPath, question)
	})
	if err != nil {
		return channels.RefundStatus{}, failed("refund", req.RefundNo, refundCode, err)
	}
	return c.refundAnswer("refund", req.OrderNo, req.RefundNo, answer)
}

// QueryRefund asks where a refund stands (查询单笔退款).
// Errors: ErrRefundNotFound (unsigned, no proof), ErrRefused, ErrUnknownOutcome.
func (c *Channel) QueryRefund(ctx context.Context, orderNo, refundNo string) (channels.RefundStatus, error) {
	if !refundNoForm.MatchString(refundNo) {
		return channels.RefundStatus{}, refused("query refund", refundNo, "not a refund number")
	}
	address := consts.WechatPayAPIServer + refundsPath + "/" + url.PathEscape(refundNo)
	answer, err := c.asked(func() (*core.APIResult, error) { return c.client.Get(ctx, address) })
	if err != nil {
		return channels.RefundStatus{}, failed("query refund", refundNo, refundQueryCode, err)
	}
	return c.refundAnswer("query refund", orderNo, refundNo, answer)
}

// refundAnswer reads a signed answer. A signature covers the answer and not the
// question, so one about another refund has to be told apart here.
func (c *Channel) refundAnswer(call, orderNo, refundNo string, answer []byte) (channels.RefundStatus, error) {
	status, err := c.refund(answer, "status")
	switch {
	case err != nil:
		return channels.RefundStatus{}, unknown(call, refundNo, err.Error())
	case status.No != refundNo || orderNo != "" && status.OrderNo != orderNo:
		return channels.RefundStatus{}, unknown(call, refundNo, "the answer is about another refund")
	}
	status.Misdirected = "" // an answer names no merchant
	return status, nil
}

// refund translates a refund. A callback has its state under another name than
// an answer. As in payment, only the fields that decide can make it fail, and a
// state that is not listed is not read as anything.
func (c *Channel) refund(text []byte, stateName string) (channels.RefundStatus, error) {
	r, err := field.Parse(text, "mchid", "out_trade_no", "out_refund_no", "refund_id", stateName, "amount", "success_time")
	if err != nil {
		return channels.RefundStatus{}, err
	}
	orderNo, orderErr := r.Text("out_trade_no")
	no, noErr := r.Text("out_refund_no")
	word, stateErr := r.Text(stateName)
	amount, amountErr := r.Object("amount", "refund")
	sum, sumErr := amount.Int("refund")
	err = errors.Join(orderErr, noErr, stateErr, amountErr, sumErr)
	state, known := map[string]channels.RefundState{
		"PROCESSING": channels.RefundProcessing, "SUCCESS": channels.RefundMade,
		"CLOSED": channels.RefundClosed, "ABNORMAL": channels.RefundAbnormal,
	}[word]
	switch {
	case err != nil:
		return channels.RefundStatus{}, err
	case !known:
		return channels.RefundStatus{}, fmt.Errorf("%s %q is not known", stateName, clip(word))
	case orderNo == "" || no == "":
		return channels.RefundStatus{}, errors.New("out_trade_no or out_refund_no is missing")
	case sum <= 0 || sum > int64(fen.Max):
		return channels.RefundStatus{}, fmt.Errorf("amount.refund %d is out of range", sum)
	}
	status := channels.RefundStatus{
		Channel: Name, Merchant: c.Merchant(), OrderNo: orderNo, No: no, ChannelNo: r.Hint("refund_id"), State: state, Amount: fen.Fen(sum),
		Time: moment(r.Hint("success_time")),
	}
	if r.Hint("mchid") != c.mchID {
		status.Misdirected = "mchid"
	}
	return status, nil
}

// ParseRefund verifies a refund's callback over its raw body and translates it
// (退款结果通知).
// Errors: ErrTooLarge, ErrNotice, ErrNotOurs, ErrMalformed.
func (c *Channel) ParseRefund(ctx context.Context, header http.Header, body []byte) (status channels.RefundStatus, err error) {
	// The last resort: hostile input must cost one callback, not the process.
	defer func() {
		trouble := recover()
		if trouble != nil {
			status, err = channels.RefundStatus{}, panicked(trouble)
		}
	}()
	plain, event, err := c.content(ctx, header, body, eventRefunded, eventRefundAbnormal, eventRefundClosed)
	if err != nil {
		return channels.RefundStatus{}, err
	}
	status, err = c.refund(plain, "refund_status")
	if err != nil {
		return channels.RefundStatus{}, unreadable(err.Error())
	}
	if !agrees(event, status.State) {
		return channels.RefundStatus{}, unreadable(fmt.Sprintf("event %s is about a refund that is %s", event, status.State))
	}
	return status, nil
}

// agrees says whether an event and the refund in it say the same.
func agrees(event string, state channels.RefundState) bool {
	return event == eventRefunded && state == channels.RefundMade || event == eventRefundClosed && state == channels.RefundClosed ||
		event == eventRefundAbnormal && state == channels.RefundAbnormal
}

// unfitRefund says in words what of a request WeChat would refuse, or nothing.
func unfitRefund(req channels.RefundRequest) string {
	switch {
	case !foreignNoForm.MatchString(req.OrderNo):
		return "order number: want 1 to 64 of 0-9 A-Z a-z _ - | * @ ."
	case !refundNoForm.MatchString(req.RefundNo):
		return "refund number: want 1 to 64 of 0-9 A-Z a-z _ - | * @"
	case req.Amount <= 0 || req.Amount > req.Total || req.Total > fen.Max:
		return fmt.Sprintf("amount: want 1 to %d fen, got %d", req.Total, req.Amount)
	case !fits(req.Reason, 0, reasonMax):
		return fmt.Sprintf("reason: want at most %d characters of UTF-8", reasonMax)
	case req.NotifyURL != "" && !fitsNotifyURL(req.NotifyURL):
		return fmt.Sprintf("notify URL: want http or https, host and path, no query, at most %d characters", notifyURLMax)
	}
	return ""
}
