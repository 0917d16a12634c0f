package wechatpay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"guodu/mocks/sim"
)

// finishLater puts the end of a refund on the clock.
func (s *Sim) finishLater(r refund) {
	s.opts.Clock.At(r.Due, func() {
		if end, open := s.host.Begin(); open { // else the state file has it, as still due
			defer end()
			s.finishRefund(r.OutRefundNo)
		}
	})
}

// finishRefund ends a refund and tells the merchant.
func (s *Sim) finishRefund(outRefundNo string) {
	now := s.now().Truncate(time.Second)
	o, ok := s.orders.findByRefund(outRefundNo)
	if !ok {
		return
	}
	ended := false
	s.orders.change(o.OutTradeNo, func(o *order) bool {
		for i := range o.Refunds {
			r := &o.Refunds[i]
			if r.OutRefundNo == outRefundNo && r.Status == RefundProcessing {
				r.Status, ended = RefundSuccess, true
				if r.End != "" {
					r.Status = r.End
				}
				r.DoneAt = now
			}
		}
		return ended
	})
	if !ended {
		return
	}
	s.stand.Counts.Add("refunded")
	s.tellRefund(outRefundNo)
}

// FinishRefunds ends every refund that is PROCESSING, without waiting for the
// clock.
func (s *Sim) FinishRefunds() {
	for _, o := range s.orders.all() {
		for _, r := range o.Refunds {
			if r.Status == RefundProcessing {
				s.finishRefund(r.OutRefundNo)
			}
		}
	}
}

// Refund makes a refund outside of the merchant's server: by a person at the
// merchant platform's console, or by a chargeback. Its out_refund_no is nothing
// that the server knows; the notice goes nowhere, as in the real world. fen 0 is
// all that is left.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrRefundSum.
func (s *Sim) Refund(outTradeNo string, fen int64, reason string) (string, error) {
	o, err := s.need(outTradeNo)
	if err != nil {
		return "", err
	}
	if fen == 0 {
		fen = o.TotalFen - o.refunded()
	}
	if fen <= 0 {
		return "", fmt.Errorf("refund %s: %w", outTradeNo, ErrRefundSum)
	}
	no := "CONSOLE" + s.dice.Draw(sim.Digits, 20)
	_, err = s.placeRefund(refund{OutRefundNo: no, OutTradeNo: outTradeNo, Fen: fen, Reason: reason, Outside: true}, o.TotalFen)
	if err != nil {
		return "", fmt.Errorf("refund %s: %w", outTradeNo, err)
	}
	return no, nil
}

// queryRefund is 查询单笔退款.
func (s *Sim) queryRefund(c *sim.Call) answer {
	no := c.Request.PathValue("no")
	if !outRefundNoForm.MatchString(no) {
		return wrongURL("/out_refund_no", no, "商户退款单号有误").answer()
	}
	o, r, ok := s.findRefund(no)
	if !ok {
		return refuse(http.StatusNotFound, numberNotExist, "RESOURCE_NOT_EXISTS", "退款单不存在").answer()
	}
	c.Order = o.OutTradeNo
	return signedOK(s.shapeRefund(r))
}

func (s *Sim) findRefund(outRefundNo string) (order, refund, bool) {
	o, ok := s.orders.findByRefund(outRefundNo)
	if ok {
		for _, r := range o.Refunds {
			if r.OutRefundNo == outRefundNo {
				return o, r, true
			}
		}
	}
	return order{}, refund{}, false
}

// refundAnswer is a refund as the interfaces show it. Amounts are fen.
type refundAnswer struct {
	RefundID            string       `json:"refund_id"`
	OutRefundNo         string       `json:"out_refund_no"`
	TransactionID       string       `json:"transaction_id"`
	OutTradeNo          string       `json:"out_trade_no"`
	Channel             string       `json:"channel"`
	UserReceivedAccount string       `json:"user_received_account"`
	SuccessTime         string       `json:"success_time,omitempty"`
	CreateTime          string       `json:"create_time"`
	Status              RefundStatus `json:"status"`
	FundsAccount        string       `json:"funds_account"`
	Amount              struct {
		Total            int64             `json:"total"`
		Refund           int64             `json:"refund"`
		From             []json.RawMessage `json:"from"`
		PayerTotal       int64             `json:"payer_total"`
		PayerRefund      int64             `json:"payer_refund"`
		SettlementRefund int64             `json:"settlement_refund"`
		SettlementTotal  int64             `json:"settlement_total"`
		DiscountRefund   int64             `json:"discount_refund"`
		Currency         string            `json:"currency"`
	} `json:"amount"`
	PromotionDetail []json.RawMessage `json:"promotion_detail"`
}

const receivedAccount = "支付用户零钱"

func (s *Sim) showRefund(r refund) refundAnswer {
	o, now, ok := s.findRefund(r.OutRefundNo)
	if ok {
		r = now
	}
	out := refundAnswer{
		RefundID: r.RefundID, OutRefundNo: r.OutRefundNo, TransactionID: o.TransactionID, OutTradeNo: o.OutTradeNo,
		Channel: "ORIGINAL", UserReceivedAccount: receivedAccount, CreateTime: stamped(r.CreatedAt), Status: r.Status,
		FundsAccount: "AVAILABLE", PromotionDetail: []json.RawMessage{},
	}
	if r.Status == RefundSuccess {
		out.SuccessTime = stamped(r.DoneAt)
	}
	a := &out.Amount
	a.From = []json.RawMessage{}
	a.Total, a.Refund, a.Currency = o.TotalFen, r.Fen, currencyCNY
	a.PayerTotal, a.PayerRefund = o.TotalFen-o.CouponFen, r.Fen-r.CouponFen
	a.SettlementTotal, a.SettlementRefund, a.DiscountRefund = o.TotalFen, r.Fen, r.CouponFen
	return out
}

// stamped is a time as it goes over the wire.
func stamped(at time.Time) string { return at.In(beijing).Format(time.RFC3339) }
