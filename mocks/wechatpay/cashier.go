package wechatpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"guodu/mocks/sim"
)

// What the cashier refuses before it looks at the order. The errors of an order
// itself are with [State].
var (
	ErrCashierField = errors.New("wechatpay simulator: malformed field")
	ErrCashierApp   = errors.New("wechatpay simulator: appId is not the order's")
	ErrPaySign      = errors.New("wechatpay simulator: paySign does not verify")
)

// PayRequest is what the page hands to getBrandWCPayRequest, and who pays.
// (Source: JSAPI调起支付.)
type PayRequest struct {
	AppID     string `json:"appId"`
	TimeStamp string `json:"timeStamp"` // seconds, as text
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"` // "prepay_id=…"
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
	// Openid is the person's under AppID; see [OpenID].
	Openid string `json:"-"`
}

// Receipt is a payment that was made.
type Receipt struct {
	OutTradeNo    string
	TransactionID string
	TotalFen      int64
	PaidAt        time.Time
}

var (
	timeStampForm = regexp.MustCompile(`^[0-9]{10}$`)
	nonceStrForm  = regexp.MustCompile(`^.{1,32}$`)
)

// Pay is the person confirming in the cashier. Of several at once for one order
// exactly one succeeds. The merchant is not told, unless by Options.AutoDeliver.
// The first callback is under way when Pay returns; [sim.Clock.Settle] waits for
// it.
// Errors: ErrCashierField, ErrCashierApp, ErrPaySign, ErrPrepayUnknown,
// ErrPrepayReplaced, ErrPrepayExpired, ErrOrderExpired, ErrOrderPaid,
// ErrOrderClosed, ErrPayer, and that of ctx.
func (s *Sim) Pay(ctx context.Context, req PayRequest) (Receipt, error) {
	err := ctx.Err()
	if err != nil {
		return Receipt{}, fmt.Errorf("pay: %w", err)
	}
	prepayID, err := s.checkPay(req)
	if err != nil {
		return Receipt{}, fmt.Errorf("pay: %w", err)
	}
	o, err := s.settle(prepayID, req.Openid, false)
	if err != nil {
		return Receipt{}, fmt.Errorf("pay %s: %w", prepayID, err)
	}
	return Receipt{OutTradeNo: o.OutTradeNo, TransactionID: o.TransactionID, TotalFen: o.TotalFen, PaidAt: o.PaidAt}, nil
}

// settle takes the money for a prepay id and tells the merchant, before it
// returns if first is true.
func (s *Sim) settle(prepayID, openid string, first bool) (order, error) {
	var fault Fault
	p := s.newPayment()
	p.coupon = func() int64 { // only a payment that is made uses a fault up
		fault = s.stand.Take(PlacePayment)
		if fault.Kind != FaultCoupon {
			return 0
		}
		return max(fault.Amount, 1)
	}
	o, err := s.orders.pay(prepayID, openid, p)
	if err != nil {
		return order{}, err
	}
	s.afterPayment(o, fault, first)
	return o, nil
}

func (s *Sim) newPayment() payment {
	now := s.now()
	return payment{transactionID: s.transactionID(now), noticeID: s.uuid(), at: now}
}

// afterPayment is what follows of a payment: the callback, and what a fault has
// in store.
func (s *Sim) afterPayment(o order, fault Fault, first bool) {
	s.stand.Counts.Add("paid")
	if first || s.opts.AutoDeliver && o.NotifyURL != "" {
		s.tellPayment(o, first)
	}
	var err error
	switch fault.Kind {
	case FaultRefundOutside:
		_, err = s.Refund(o.OutTradeNo, fault.Amount, "商户平台退款")
	case FaultChargeback:
		_, err = s.Refund(o.OutTradeNo, fault.Amount, "用户申诉，平台退款")
	}
	if err != nil {
		s.opts.Logger.Error(simName+": refund not made", "out_trade_no", o.OutTradeNo, "error", err)
	}
}

// payAhead is the payer being faster than the answer to prepay.
func (s *Sim) payAhead(prepayID, openid string) {
	_, err := s.settle(prepayID, openid, true)
	if err != nil {
		s.opts.Logger.Error(simName+": payment ahead not made", "error", err)
	}
}

// payAtClose is the payer confirming while the merchant closes.
func (s *Sim) payAtClose(outTradeNo string) {
	o, ok := s.orders.find(outTradeNo)
	if ok && len(o.Prepays) > 0 {
		_, err := s.settle(o.Prepays[len(o.Prepays)-1], o.Openid, false)
		s.opts.Logger.Debug(simName+": paid at close", "error", err)
	}
}

// transactionID has 28 digits: 42000, a channel, the day, a serial.
func (s *Sim) transactionID(now time.Time) string {
	return "42000" + s.dice.Draw(sim.Digits, 5) + now.Format("20060102") + s.dice.Draw(sim.Digits, 10)
}

// checkPay checks the form and the signature, and returns the prepay id.
func (s *Sim) checkPay(req PayRequest) (string, error) {
	prepayID, ok := strings.CutPrefix(req.Package, "prepay_id=")
	switch {
	case !ok || prepayID == "":
		return "", fmt.Errorf("%w: package", ErrCashierField)
	case req.SignType != "RSA":
		return "", fmt.Errorf("%w: signType", ErrCashierField)
	case !timeStampForm.MatchString(req.TimeStamp):
		return "", fmt.Errorf("%w: timeStamp", ErrCashierField)
	case !nonceStrForm.MatchString(req.NonceStr):
		return "", fmt.Errorf("%w: nonceStr", ErrCashierField)
	case req.AppID != s.opts.AppID && s.does(BPaySign):
		return "", ErrCashierApp
	case s.does(BPaySign) && !s.verifyMerchant(lines(req.AppID, req.TimeStamp, req.NonceStr, req.Package), req.PaySign):
		return "", ErrPaySign
	}
	return prepayID, nil
}

const (
	bridgeOK   = "get_brand_wcpay_request:ok"
	bridgeFail = "get_brand_wcpay_request:fail"
)

// bridgeAnswer is what the page's callback receives; err_desc is for people.
type bridgeAnswer struct {
	ErrMsg  string `json:"err_msg"`
	ErrDesc string `json:"err_desc,omitempty"`
}

// cashier is Pay for a page without WeixinJSBridge: POST /_sim/cashier with the
// six fields and "person", a name. Without one it is the cookie's person.
func (s *Sim) cashier(c *sim.Call) answer {
	var req struct {
		PayRequest
		Person string `json:"person"`
	}
	err := json.Unmarshal(c.Body, &req)
	if err != nil {
		return bridge(bridgeAnswer{bridgeFail, "body is not JSON"})
	}
	if req.Person == "" {
		req.Person = s.personOf(c.Request)
	}
	req.Openid = OpenID(s.opts.AppID, req.Person)
	receipt, err := s.Pay(c.Request.Context(), req.PayRequest)
	c.Order = receipt.OutTradeNo
	if err != nil {
		return bridge(bridgeAnswer{bridgeFail, err.Error()})
	}
	return bridge(bridgeAnswer{ErrMsg: bridgeOK})
}

func bridge(b bridgeAnswer) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(b)}
}
