package alipay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// readIDs reads how a trade is named.
func (in *content) readIDs() (no, outTradeNo string) {
	no, outTradeNo = in.text("trade_no", 64), in.text("out_trade_no", 64)
	in.need(no != "" || outTradeNo != "", "out_trade_no")
	return no, outTradeNo
}

// who is the buyer as an answer shows them: the ids that the app knows.
type who struct {
	LogonID string `json:"buyer_logon_id,omitempty"`
	UserID  string `json:"buyer_user_id,omitempty"`
	OpenID  string `json:"buyer_open_id,omitempty"`
}

// private is the buyer_user_type of persons, beside companies.
const private = "PRIVATE"

// refundAnswer is alipay.trade.refund's. refund_fee is the sum of all refunds
// of the trade, and fund_change says whether this call moved money. send_back_fee
// is 0.00 unless it is asked for by query_options.
type refundAnswer struct {
	result
	who
	FundChange string     `json:"fund_change"`
	PaidBack   string     `json:"gmt_refund_pay"`
	OutTradeNo string     `json:"out_trade_no"`
	RefundFee  string     `json:"refund_fee"`
	Details    []fundBill `json:"refund_detail_item_list,omitempty"`
	BackFee    string     `json:"send_back_fee"`
	TradeNo    string     `json:"trade_no"`
}

// refundTrade is alipay.trade.refund.
func (s *Sim) refundTrade(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	var a ask
	a.no, a.outTradeNo = in.readIDs()
	a.requestNo, a.reason = in.text("out_request_no", 64), in.text("refund_reason", 256)
	options := in.flags("query_options")
	fen, isAmount := parseYuan(in.text("refund_amount", 11))
	in.need(isAmount && fen > 0, "refund_amount")
	a.fen = fen
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	t, made, again, err := s.ledger.refund(a, s.now())
	if err != nil {
		return s.fail(c, s.refundRefusal(t, a, err))
	}
	change := "N"
	if !again {
		s.refunded(t, made)
		change = "Y"
	}
	if c.Fault.Kind == FaultQuietRefund {
		change = "N"
	}
	out := refundAnswer{
		result: ok(), who: s.identity(t.Buyer), FundChange: change, OutTradeNo: t.OutTradeNo,
		PaidBack: s.stamp(made.At), RefundFee: yuan(t.refunded()), BackFee: yuan(0), TradeNo: t.No,
	}
	if options["refund_detail_item_list"] {
		out.Details, out.BackFee = []fundBill{{yuan(made.Fen), fundChannel}}, yuan(made.BackFen)
	}
	return c.succeed(out)
}

// refunded counts and tells a refund that has just been made.
func (s *Sim) refunded(t trade, made refund) {
	s.tally.Add("refunded")
	s.announce(t, refundFact(t, made))
}

// refundRefusal puts a refund's no into the gateway's words. It comes with what
// was refunded by it: nothing.
func (s *Sim) refundRefusal(t trade, a ask, err error) *refusal {
	r := systemError()
	switch {
	case errors.Is(err, ErrUnknownOrder):
		r = business("TRADE_NOT_EXIST", "交易不存在")
	case errors.Is(err, errNeedsNo):
		r = badParameter("out_request_no")
	case errors.Is(err, errOtherRefund):
		r = business("DISCORDANT_REPEAT_REQUEST", "退款金额不一致")
	case errors.Is(err, ErrNotPaid):
		r = business("TRADE_STATUS_ERROR", "交易状态不合法")
	case errors.Is(err, ErrOrderClosed):
		r = business("TRADE_HAS_CLOSE", "交易已经关闭")
	case errors.Is(err, ErrFinished):
		r = business("TRADE_HAS_FINISHED", "交易已完结")
	case errors.Is(err, errTooSoon):
		r = refuse("40004", s.opts.Profile.RefundTooSoonCode, "同一笔交易的退款至少间隔 3 秒")
	case errors.Is(err, ErrTooMuch) && a.fen > t.TotalFen:
		r = business("REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
	case errors.Is(err, ErrTooMuch):
		r = business("REASON_TRADE_REFUND_FEE_ERR", "退款金额无效")
	}
	r.RefundFee, r.BackFee = yuan(0), yuan(0)
	r.cause = err
	return r
}

// refundShown is alipay.trade.fastpay.refund.query's answer. All but code and
// msg are absent when there is no such refund.
type refundShown struct {
	result
	PaidBack   string     `json:"gmt_refund_pay,omitempty"`
	RequestNo  string     `json:"out_request_no,omitempty"`
	OutTradeNo string     `json:"out_trade_no,omitempty"`
	Amount     string     `json:"refund_amount,omitempty"`
	Details    []fundBill `json:"refund_detail_item_list,omitempty"`
	Status     string     `json:"refund_status,omitempty"`
	BackFee    string     `json:"send_back_fee,omitempty"`
	Total      string     `json:"total_amount,omitempty"`
	TradeNo    string     `json:"trade_no,omitempty"`
}

// queryRefund is alipay.trade.fastpay.refund.query.
func (s *Sim) queryRefund(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	no, outTradeNo := in.readIDs()
	requestNo, options := in.text("out_request_no", 64), in.flags("query_options")
	in.need(requestNo != "", "out_request_no")
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	t, found := s.ledger.find(no, outTradeNo, s.now())
	if !found {
		return s.fail(c, business("TRADE_NOT_EXIST", "交易不存在"))
	}
	made, known := t.find(requestNo)
	switch {
	case !known && !s.does(behaviourRefundQuery):
		return s.fail(c, business("TRADE_NOT_EXIST", "退款不存在"))
	case !known, c.Fault.Kind == FaultUnseenRefund:
		return c.succeed(refundShown{result: ok()})
	}
	out := refundShown{
		result: ok(), RequestNo: made.RequestNo, OutTradeNo: t.OutTradeNo, Amount: yuan(made.Fen),
		Status: "REFUND_SUCCESS", Total: yuan(t.TotalFen), TradeNo: t.No,
	}
	if options["gmt_refund_pay"] {
		out.PaidBack = s.stamp(made.At)
	}
	if options["refund_detail_item_list"] {
		out.Details, out.BackFee = []fundBill{{yuan(made.Fen), fundChannel}}, yuan(made.BackFen)
	}
	return c.succeed(out)
}

// cancelAnswer is alipay.trade.cancel's. Action is absent where nothing was
// there to be undone.
type cancelAnswer struct {
	result
	Action     string `json:"action,omitempty"`
	OutTradeNo string `json:"out_trade_no,omitempty"`
	RetryFlag  string `json:"retry_flag"`
	TradeNo    string `json:"trade_no,omitempty"`
}

// cancelTrade is alipay.trade.cancel. An out_trade_no that Alipay has never
// heard of is no error: the caller does not know whether its order arrived.
func (s *Sim) cancelTrade(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	no, outTradeNo := in.readIDs()
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	if c.Fault.Kind == FaultRetryFlag {
		return c.succeed(cancelAnswer{result: ok(), OutTradeNo: outTradeNo, RetryFlag: "Y", TradeNo: no})
	}
	s.paidAnyway(c, no, outTradeNo)
	t, action, fresh, err := s.ledger.cancel(no, outTradeNo, s.now())
	switch {
	case errors.Is(err, ErrUnknownOrder) && no == "" && s.does(behaviourCancel):
		return c.succeed(cancelAnswer{result: ok(), OutTradeNo: outTradeNo, RetryFlag: "N"})
	case errors.Is(err, ErrUnknownOrder):
		return s.fail(c, business("TRADE_NOT_EXIST", "交易不存在"))
	case errors.Is(err, ErrFinished):
		return s.fail(c, business("TRADE_HAS_FINISHED", "交易已完结"))
	case errors.Is(err, errRefunded):
		return s.fail(c, business("REASON_TRADE_REFUND_FEE_ERR", "退款金额无效"))
	case err != nil: // errTooLate
		return s.fail(c, business("TRADE_CANCEL_TIME_OUT", "超过撤销时间范围"))
	}
	if fresh {
		s.cancelled(t, action)
	}
	return c.succeed(cancelAnswer{ok(), action, t.OutTradeNo, "N", t.No})
}

func (s *Sim) cancelled(t trade, action string) {
	s.tally.Add("cancelled")
	if action == actionClose {
		s.announce(t, closeFact(t))
		return
	}
	s.refunded(t, t.Refunds[len(t.Refunds)-1])
}

// RefundOutside is the merchant giving money back in its console, or the buyer
// getting it back by a complaint: the API had nothing to do with it. It returns
// the request number that the bill has. fen 0 is all that is left.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrOrderClosed, ErrFinished, ErrTooMuch,
// and that of ctx.
func (s *Sim) RefundOutside(ctx context.Context, outTradeNo string, fen int64) (string, error) {
	err := ctx.Err()
	if err != nil {
		return "", fmt.Errorf("refund %s: %w", outTradeNo, err)
	}
	now := s.now()
	t, found := s.ledger.find("", outTradeNo, now)
	if found && fen == 0 {
		fen = t.TotalFen - t.refunded()
	}
	if fen < 0 {
		return "", fmt.Errorf("refund %s by %d fen: %w", outTradeNo, fen, ErrTooMuch)
	}
	requestNo := "outside" + strconv.FormatInt(now.Unix(), 10) + s.dice.Draw(digits, 6)
	t, made, _, err := s.ledger.refund(ask{outTradeNo: outTradeNo, requestNo: requestNo, reason: "商家退款", fen: fen, outside: true}, now)
	if err != nil {
		return "", fmt.Errorf("refund %s: %w", outTradeNo, err)
	}
	s.tally.Add("refunded.outside")
	s.refunded(t, made)
	return requestNo, nil
}
