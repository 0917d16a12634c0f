package alipay

import "errors"

// tradeAnswer is a trade as a query shows it.
type tradeAnswer struct {
	result
	BuyerLogonID  string     `json:"buyer_logon_id"`
	BuyerPay      string     `json:"buyer_pay_amount"`
	BuyerUserID   string     `json:"buyer_user_id,omitempty"`
	BuyerOpenID   string     `json:"buyer_open_id,omitempty"`
	FundBills     []fundBill `json:"fund_bill_list,omitempty"`
	InvoiceAmount string     `json:"invoice_amount"`
	OutTradeNo    string     `json:"out_trade_no"`
	PointAmount   string     `json:"point_amount"`
	ReceiptAmount string     `json:"receipt_amount"`
	SendPayDate   string     `json:"send_pay_date,omitempty"`
	TotalAmount   string     `json:"total_amount"`
	TradeNo       string     `json:"trade_no"`
	TradeStatus   State      `json:"trade_status"`
}

type fundBill struct {
	Amount  string `json:"amount"`
	Channel string `json:"fund_channel"`
}

// fundChannel is money from the buyer's balance.
const fundChannel = "ALIPAYACCOUNT"

// query is alipay.trade.query.
func (s *Sim) query(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	no, outNo := in.text("trade_no", 64), in.text("out_trade_no", 64)
	options := in.flags("query_options")
	in.need(no != "" || outNo != "", "out_trade_no")
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	t, found := s.ledger.find(no, outNo, s.now())
	if !found {
		r := business("TRADE_NOT_EXIST", "交易不存在")
		r.nothingPaid = &nothingPaid{yuan(0), yuan(0), outNo, yuan(0), yuan(0)}
		return s.fail(c, r)
	}
	return c.succeed(s.show(t, options["fund_bill_list"]))
}

// show leaves passback_params out: they come with the notify only.
func (s *Sim) show(t trade, withBills bool) tradeAnswer {
	received := t.received()
	out := tradeAnswer{
		result: ok(), BuyerLogonID: maskedLogon(t.buyer), BuyerPay: received, InvoiceAmount: received,
		OutTradeNo: t.outTradeNo, PointAmount: yuan(0), ReceiptAmount: received,
		TotalAmount: yuan(t.totalFen), TradeNo: t.no, TradeStatus: t.state,
	}
	if s.opts.UseOpenID {
		out.BuyerOpenID = t.buyer
	} else {
		out.BuyerUserID = t.buyer
	}
	if t.state == StateSuccess {
		out.SendPayDate = t.paidAt.Format(timeLayout)
		if withBills {
			out.FundBills = []fundBill{{received, fundChannel}}
		}
	}
	return out
}

// received is what the merchant has got of a trade, in yuan. There are no
// discounts, so it is all or nothing.
func (t trade) received() string {
	if t.state != StateSuccess {
		return yuan(0)
	}
	return yuan(t.totalFen)
}

// closeTrade is alipay.trade.close. The three ways in which it is too late have
// three sub codes.
func (s *Sim) closeTrade(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	no, outNo := in.text("trade_no", 64), in.text("out_trade_no", 64)
	in.need(no != "" || outNo != "", "out_trade_no")
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	t, err := s.ledger.close(no, outNo, s.now())
	switch {
	case errors.Is(err, ErrUnknownOrder):
		return s.fail(c, business("TRADE_NOT_EXIST", "交易不存在"))
	case errors.Is(err, ErrOrderPaid):
		return s.fail(c, business("TRADE_STATUS_ERROR", "交易状态不合法"))
	case err != nil: // ErrOrderClosed
		return s.fail(c, business("REASON_ILLEGAL_STATUS", "交易状态异常"))
	}
	s.tally.add("closed")
	return c.succeed(struct {
		result
		OutTradeNo string `json:"out_trade_no"`
		TradeNo    string `json:"trade_no"`
	}{ok(), t.outTradeNo, t.no})
}
