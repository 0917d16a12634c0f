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
	now := s.now()
	o, err := s.orders.pay(prepayID, req.Openid, s.transactionID(now), s.dice.uuid(), now)
	if err != nil {
		return Receipt{}, fmt.Errorf("pay %s: %w", prepayID, err)
	}
	s.counts.add("paid")
	if s.opts.AutoDeliver {
		s.spawn(func() { s.deliverOnce(s.ctx, o) })
	}
	return Receipt{OutTradeNo: o.outTradeNo, TransactionID: o.transactionID, TotalFen: o.totalFen, PaidAt: o.paidAt}, nil
}

// transactionID has 28 digits: 42000, a channel, the day, a serial.
func (s *Sim) transactionID(now time.Time) string {
	return "42000" + s.dice.draw(decDigits, 5) + now.Format("20060102") + s.dice.draw(decDigits, 10)
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
	case req.AppID != s.opts.AppID:
		return "", ErrCashierApp
	case !s.verifyMerchant(lines(req.AppID, req.TimeStamp, req.NonceStr, req.Package), req.PaySign):
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
func (s *Sim) cashier(c *call) answer {
	var req struct {
		PayRequest
		Person string `json:"person"`
	}
	err := json.Unmarshal(c.body, &req)
	if err != nil {
		return bridge(bridgeAnswer{bridgeFail, "body is not JSON"})
	}
	if req.Person == "" {
		req.Person = s.personOf(c.request)
	}
	req.Openid = OpenID(s.opts.AppID, req.Person)
	_, err = s.Pay(c.request.Context(), req.PayRequest)
	if err != nil {
		return bridge(bridgeAnswer{bridgeFail, err.Error()})
	}
	return bridge(bridgeAnswer{ErrMsg: bridgeOK})
}

func bridge(b bridgeAnswer) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(b)}
}
