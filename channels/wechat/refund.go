package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"guodu/channels"
	"guodu/internal/fen"
)

const (
	// reasonMax is the limit of the document 申请退款, in characters.
	reasonMax = 80
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
	answer, _, err := asked(func() (*refunddomestic.Refund, *core.APIResult, error) { return c.refunds.Create(ctx, question) })
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
	question := refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String(refundNo)}
	answer, _, err := asked(func() (*refunddomestic.Refund, *core.APIResult, error) {
		return c.refunds.QueryByOutRefundNo(ctx, question)
	})
	if err != nil {
		return channels.RefundStatus{}, failed("query refund", refundNo, refundQueryCode, err)
	}
	return c.refundAnswer("query refund", orderNo, refundNo, answer)
}

// refundAnswer reads a signed answer. A signature covers the answer and not the
// question, so one about another refund has to be told apart here.
func (c *Channel) refundAnswer(call, orderNo, refundNo string, answer *refunddomestic.Refund) (channels.RefundStatus, error) {
	t := refundTold{
		orderNo: text(answer.OutTradeNo), no: text(answer.OutRefundNo), channelNo: text(answer.RefundId), at: answer.SuccessTime,
	}
	if answer.Status != nil {
		t.status = string(*answer.Status)
	}
	if answer.Amount != nil && answer.Amount.Refund != nil {
		t.amount = *answer.Amount.Refund
	}
	status, err := t.translated()
	switch {
	case err != nil:
		return channels.RefundStatus{}, unknown(call, refundNo, err.Error())
	case status.No != refundNo || orderNo != "" && status.OrderNo != orderNo:
		return channels.RefundStatus{}, unknown(call, refundNo, "the answer is about another refund")
	}
	return status, nil
}

// refundTold is a refund in WeChat's words, which an answer and a callback put
// under different names.
type refundTold struct {
	orderNo, no, channelNo, status string
	amount                         int64
	at                             *time.Time
}

// translated translates it. What is not listed is not read as anything.
func (t refundTold) translated() (channels.RefundStatus, error) {
	state, known := map[string]channels.RefundState{
		"PROCESSING": channels.RefundProcessing, "SUCCESS": channels.RefundMade,
		"CLOSED": channels.RefundClosed, "ABNORMAL": channels.RefundAbnormal,
	}[t.status]
	switch {
	case !known:
		return channels.RefundStatus{}, fmt.Errorf("refund status %q is not known", clip(t.status))
	case !orderNoForm.MatchString(t.orderNo) || !refundNoForm.MatchString(t.no):
		return channels.RefundStatus{}, errors.New("out_trade_no or out_refund_no is missing or of another form")
	case t.amount <= 0 || t.amount > int64(fen.Max):
		return channels.RefundStatus{}, fmt.Errorf("amount.refund %d is out of range", t.amount)
	}
	status := channels.RefundStatus{
		Channel: Name, OrderNo: t.orderNo, No: t.no, ChannelNo: t.channelNo, State: state, Amount: fen.Fen(t.amount),
	}
	if t.at != nil {
		status.Time = *t.at
	}
	return status, nil
}

// refundNotice is the content of a refund's callback: the status has another
// name than in answers, and there is no appid.
type refundNotice struct {
	MchID       string     `json:"mchid"`
	OutTradeNo  string     `json:"out_trade_no"`
	OutRefundNo string     `json:"out_refund_no"`
	RefundID    string     `json:"refund_id"`
	Status      string     `json:"refund_status"`
	SuccessTime *time.Time `json:"success_time"`
	Amount      struct {
		Refund int64 `json:"refund"`
	} `json:"amount"`
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
	plain, err := c.content(ctx, header, body, eventRefunded, eventRefundAbnormal, eventRefundClosed)
	if err != nil {
		return channels.RefundStatus{}, err
	}
	var told refundNotice
	err = json.Unmarshal(plain, &told)
	if err != nil {
		return channels.RefundStatus{}, unreadable("the content is not the JSON of a refund")
	}
	status, err = refundTold{
		orderNo: told.OutTradeNo, no: told.OutRefundNo, channelNo: told.RefundID, status: told.Status, amount: told.Amount.Refund, at: told.SuccessTime,
	}.translated()
	if err != nil {
		return channels.RefundStatus{}, unreadable(err.Error())
	}
	if told.MchID != c.mchID {
		status.Misdirected = "mchid"
	}
	return status, nil
}

// unfitRefund says in words what of a request WeChat would refuse, or nothing.
func unfitRefund(req channels.RefundRequest) string {
	switch {
	case !orderNoForm.MatchString(req.OrderNo):
		return "order number: want 6 to 32 of 0-9 A-Z a-z _ - | *"
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
