package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"guodu/mocks/sim"
)

// PayRequest is what the page hands to tradePay, and who pays.
// (Source: 小程序和生活号支付, my.tradePay / AlipayJSBridge tradePay.)
type PayRequest struct {
	// TradeNO is the trade_no of alipay.trade.create, or of [Sim.OpenWap].
	TradeNO string
	// BuyerID is the person's id of the app's kind; see [Sim.Buyer].
	BuyerID string
	// MerchantOffFen and CouponFen are discounts: of the merchant's, which it
	// does not receive, and of Alipay's, which it does.
	MerchantOffFen, CouponFen int64
}

// Receipt is a payment that was made.
type Receipt struct {
	OutTradeNo string
	TradeNO    string
	TotalFen   int64
	PaidAt     time.Time
}

// Pay is the person confirming with the password, on a page or after a bar
// code. Of several at once for one trade exactly one succeeds. The merchant is
// not told, unless by [Options.AutoDeliver].
// Errors: ErrUnknownOrder, ErrOrderPaid, ErrOrderClosed, ErrOrderExpired,
// ErrBuyer, ErrTooMuch, and that of ctx.
func (s *Sim) Pay(ctx context.Context, req PayRequest) (Receipt, error) {
	err := ctx.Err()
	if err != nil {
		return Receipt{}, fmt.Errorf("pay %s: %w", req.TradeNO, err)
	}
	t, err := s.settle(req.TradeNO, payment{
		buyer: s.canonical(req.BuyerID), merchantOffFen: req.MerchantOffFen, couponFen: req.CouponFen,
	}, false)
	if err != nil {
		return Receipt{}, fmt.Errorf("pay %s: %w", req.TradeNO, err)
	}
	return Receipt{OutTradeNo: t.OutTradeNo, TradeNO: t.No, TotalFen: t.TotalFen, PaidAt: t.PaidAt}, nil
}

// What tradePay tells the page's callback. (Source: tradePay 结果码.)
const (
	resultPaid      = "9000"
	resultWaiting   = "8000"
	resultFailed    = "4000"
	resultRepeated  = "5000"
	resultCancelled = "6001"
	resultNetwork   = "6002"
	resultUnknown   = "6004"
)

// lies are what the page hears of a payment instead of the truth.
var lies = map[sim.FaultKind]string{
	FaultResultUnknown: resultUnknown, FaultResultCancelled: resultCancelled, FaultResultWaiting: resultWaiting,
}

// cashier is Pay for a page without AlipayJSBridge: POST /_sim/cashier with
// tradeNO, "person", a name (without one it is the cookie's person), and
// "cancel" for somebody who thinks better of it; as JSON or as a form.
func (s *Sim) cashier(c *call) answer {
	var req struct {
		TradeNO string `json:"tradeNO"`
		Person  string `json:"person"`
		Cancel  bool   `json:"cancel"`
	}
	err := json.Unmarshal(c.Body, &req)
	if err != nil {
		form, _ := url.ParseQuery(string(c.Body))
		req.TradeNO, req.Person, req.Cancel = form.Get("tradeNO"), form.Get("person"), form.Get("cancel") != ""
	}
	if req.TradeNO == "" {
		return bridge(resultFailed, "tradeNO is missing")
	}
	t, _ := s.ledger.find(req.TradeNO, "", s.now())
	c.Order = t.OutTradeNo
	switch {
	case req.Cancel:
		return bridge(resultCancelled, "")
	case req.Person == "":
		req.Person = s.personOf(c.Request)
	}
	_, err = s.payAt(c, req.TradeNO, req.Person)
	lie, lying := lies[c.Fault.Kind]
	switch {
	case errors.Is(err, ErrOrderPaid):
		return bridge(resultRepeated, err.Error())
	case err != nil:
		return bridge(resultFailed, err.Error())
	case lying && s.does(behaviourBridge):
		return bridge(lie, "")
	}
	return bridge(resultPaid, "")
}

// payAt is a payment at one of the cashiers, as a fault may have it.
func (s *Sim) payAt(c *call, no, person string) (Receipt, error) {
	req := PayRequest{TradeNO: no, BuyerID: s.Buyer(person)}
	if c.Fault.Kind == FaultDiscount {
		t, _ := s.ledger.find(no, "", s.now())
		req.MerchantOffFen = t.TotalFen / 10
	}
	receipt, err := s.Pay(c.Request.Context(), req)
	if err == nil && c.Fault.Kind == FaultRefundedOutside {
		s.clock.After(c.Fault.Delay(time.Hour), func() { s.complaint(receipt.OutTradeNo) })
	}
	return receipt, err
}

// complaint is a refund that the merchant did not ask for.
func (s *Sim) complaint(outTradeNo string) {
	_, err := s.RefundOutside(s.host.Context(), outTradeNo, 0)
	if err != nil {
		s.opts.Logger.Debug("alipay simulator: nothing to refund", slog.String("out_trade_no", outTradeNo), slog.Any("error", err))
	}
}

// barCode is [Sim.ShowBarCode] over HTTP: POST /_sim/barcode with "person" (or
// the cookie's), "password" and "refusal"; it answers {"auth_code":"28…"}.
func (s *Sim) barCode(c *call) answer {
	var req struct {
		Person   string `json:"person"`
		Password bool   `json:"password"`
		Refusal  string `json:"refusal"`
	}
	err := json.Unmarshal(c.Body, &req)
	if err != nil && len(c.Body) > 0 {
		return jsonAnswer(http.StatusBadRequest, map[string]string{"error": "body is not the JSON that is expected"})
	}
	if req.Person == "" {
		req.Person = s.personOf(c.Request)
	}
	code, err := s.ShowBarCode(BarCodeRequest(req))
	if err != nil {
		return jsonAnswer(http.StatusBadRequest, map[string]string{"error": err.Error()})
	}
	return jsonAnswer(http.StatusOK, map[string]string{"auth_code": code})
}

// bridge is an answer to the page; memo is for people.
func bridge(resultCode, memo string) answer {
	return jsonAnswer(http.StatusOK, struct {
		ResultCode string `json:"resultCode"`
		Memo       string `json:"memo,omitempty"`
	}{resultCode, memo})
}

func jsonAnswer(status int, v any) answer {
	return answer{status: status, kind: typeJSON, body: encode(v), label: strconv.Itoa(status)}
}
