package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// PayRequest is what the page hands to tradePay, and who pays.
// (Source: 小程序和生活号支付, my.tradePay / AlipayJSBridge tradePay.)
type PayRequest struct {
	// TradeNO is the trade_no of alipay.trade.create, or of [Sim.OpenWap].
	TradeNO string
	// BuyerID is the person's id of the app's kind; see [Sim.Buyer].
	BuyerID string
}

// Receipt is a payment that was made.
type Receipt struct {
	OutTradeNo string
	TradeNO    string
	TotalFen   int64
	PaidAt     time.Time
}

// Pay is the person confirming with the password. Of several at once for one
// trade exactly one succeeds. The merchant is not told, unless by
// [Options.AutoDeliver].
// Errors: ErrUnknownOrder, ErrOrderPaid, ErrOrderClosed, ErrOrderExpired,
// ErrBuyer, and that of ctx.
func (s *Sim) Pay(ctx context.Context, req PayRequest) (Receipt, error) {
	err := ctx.Err()
	if err != nil {
		return Receipt{}, fmt.Errorf("pay %s: %w", req.TradeNO, err)
	}
	t, err := s.ledger.pay(req.TradeNO, req.BuyerID, s.dice.draw(hexDigits, noticeIDChars), s.now())
	if err != nil {
		return Receipt{}, fmt.Errorf("pay %s: %w", req.TradeNO, err)
	}
	s.tally.add("paid")
	if s.opts.AutoDeliver && t.notifyURL != "" {
		s.spawn(func() { s.deliverOnce(s.ctx, t) })
	}
	return Receipt{OutTradeNo: t.outTradeNo, TradeNO: t.no, TotalFen: t.totalFen, PaidAt: t.paidAt}, nil
}

// What tradePay tells the page's callback. (Source: tradePay 结果码.)
const (
	resultPaid      = "9000"
	resultFailed    = "4000"
	resultRepeated  = "5000"
	resultCancelled = "6001"
	resultNetwork   = "6002"
	resultUnknown   = "6004"
)

// cashier is Pay for a page without AlipayJSBridge: POST /_sim/cashier with
// tradeNO, "person", a name (without one it is the cookie's person), and
// "cancel" for somebody who thinks better of it.
func (s *Sim) cashier(c *call) answer {
	var req struct {
		TradeNO string `json:"tradeNO"`
		Person  string `json:"person"`
		Cancel  bool   `json:"cancel"`
	}
	err := json.Unmarshal([]byte(c.body), &req)
	switch {
	case err != nil:
		return bridge(resultFailed, "body is not the JSON that is expected")
	case req.Cancel:
		return bridge(resultCancelled, "")
	case req.Person == "":
		req.Person = s.personOf(c.request)
	}
	_, err = s.Pay(c.request.Context(), PayRequest{TradeNO: req.TradeNO, BuyerID: s.Buyer(req.Person)})
	switch {
	case errors.Is(err, ErrOrderPaid):
		return bridge(resultRepeated, err.Error())
	case err != nil:
		return bridge(resultFailed, err.Error())
	}
	return bridge(resultPaid, "")
}

// bridge is an answer to the page; memo is for people.
func bridge(resultCode, memo string) answer {
	return answer{
		status: http.StatusOK, kind: typeJSON, label: strconv.Itoa(http.StatusOK),
		body: encode(struct {
			ResultCode string `json:"resultCode"`
			Memo       string `json:"memo,omitempty"`
		}{resultCode, memo}),
	}
}
