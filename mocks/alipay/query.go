package alipay

import (
	"errors"
	"time"
)

// tradeAnswer is a trade as a query shows it.
type tradeAnswer struct {
	result
	who
	BuyerPay      string     `json:"buyer_pay_amount"`
	BuyerType     string     `json:"buyer_user_type"`
	FundBills     []fundBill `json:"fund_bill_list,omitempty"`
	InvoiceAmount string     `json:"invoice_amount"`
	OutTradeNo    string     `json:"out_trade_no"`
	PointAmount   string     `json:"point_amount"`
	ReceiptAmount string     `json:"receipt_amount"`
	SendPayDate   string     `json:"send_pay_date,omitempty"`
	StoreID       string     `json:"store_id,omitempty"`
	TerminalID    string     `json:"terminal_id,omitempty"`
	TotalAmount   string     `json:"total_amount"`
	TradeNo       string     `json:"trade_no"`
	TradeStatus   State      `json:"trade_status"`
}

type fundBill struct {
	Amount  string `json:"amount"`
	Channel string `json:"fund_channel"`
}

// Where the money of a trade came from: the buyer's balance, a coupon of
// Alipay's, one of the merchant's.
const (
	fundChannel   = "ALIPAYACCOUNT"
	couponChannel = "COUPON"
	offChannel    = "MDISCOUNT"
)

// fundBills is how a trade was paid; nil if it was not.
func (t *trade) fundBills() []fundBill {
	var out []fundBill
	for _, part := range []struct {
		fen     int64
		channel string
	}{{t.buyerPayFen(), fundChannel}, {t.CouponFen, couponChannel}, {t.MerchantOffFen, offChannel}} {
		if part.fen > 0 {
			out = append(out, fundBill{yuan(part.fen), part.channel})
		}
	}
	return out
}

// query is alipay.trade.query.
func (s *Sim) query(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	no, outNo := in.readIDs()
	options := in.flags("query_options")
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	if c.Fault.Kind == FaultRolledCertificate {
		_ = s.RollCertificate() // in key mode there is none
	}
	t, found := s.ledger.find(no, outNo, s.now())
	if !found {
		r := business("TRADE_NOT_EXIST", "交易不存在")
		r.nothingPaid = &nothingPaid{yuan(0), yuan(0), outNo, yuan(0), yuan(0)}
		return s.fail(c, r)
	}
	if c.Fault.Kind == FaultStaleQuery && t.paid() {
		t.State, t.PaidAt, t.CouponFen, t.MerchantOffFen = StateWait, time.Time{}, 0, 0
	}
	return c.succeed(s.show(t, options["fund_bill_list"]))
}

// show leaves passback_params out: they come with the notify only.
func (s *Sim) show(t trade, withBills bool) tradeAnswer {
	out := tradeAnswer{
		result: ok(), who: s.identity(t.Buyer), BuyerPay: yuan(t.buyerPayFen()), BuyerType: private, InvoiceAmount: yuan(t.buyerPayFen()),
		OutTradeNo: t.OutTradeNo, PointAmount: yuan(0), ReceiptAmount: yuan(t.receiptFen()), SendPayDate: s.stampIf(t.PaidAt),
		StoreID: t.Store, TerminalID: t.Terminal, TotalAmount: yuan(t.TotalFen), TradeNo: t.No, TradeStatus: t.State,
	}
	if withBills {
		out.FundBills = t.fundBills()
	}
	return out
}

// paidAnyway has the buyer pay what a merchant is about to undo.
func (s *Sim) paidAnyway(c *call, no, outNo string) {
	if c.Fault.Kind != FaultPaidAnyway {
		return
	}
	t, found := s.ledger.find(no, outNo, s.now())
	if found {
		_, _ = s.settle(t.No, payment{buyer: t.Buyer}, false) // too late is too late
	}
}

// closeTrade is alipay.trade.close. The three ways in which it is too late have
// three sub codes.
func (s *Sim) closeTrade(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	no, outNo := in.readIDs()
	if in.wrong != "" {
		return s.fail(c, badParameter(in.wrong))
	}
	s.paidAnyway(c, no, outNo)
	t, err := s.ledger.close(no, outNo, s.now())
	switch {
	case errors.Is(err, ErrUnknownOrder):
		return s.fail(c, business("TRADE_NOT_EXIST", "交易不存在"))
	case errors.Is(err, ErrOrderPaid), err != nil && !s.does(behaviourClose):
		return s.fail(c, business("TRADE_STATUS_ERROR", "交易状态不合法"))
	case err != nil: // ErrOrderClosed
		return s.fail(c, business("REASON_ILLEGAL_STATUS", "交易状态异常"))
	}
	s.tally.Add("closed")
	s.announce(t, closeFact(t))
	return c.succeed(struct {
		result
		OutTradeNo string `json:"out_trade_no"`
		TradeNo    string `json:"trade_no"`
	}{ok(), t.OutTradeNo, t.No})
}
