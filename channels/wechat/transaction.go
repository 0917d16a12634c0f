package wechat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"

	"guodu/channels"
	"guodu/internal/fen"
)

// transactionIDMax is the length of transaction_id in the documents; present
// ones have 28 digits.
const transactionIDMax = 32

// tradeRefund is the trade_state after any refund, a partial one too.
const tradeRefund = "REFUND"

// stateOf reads trade_state (商户订单号查询订单). REVOKED, USERPAYING and
// PAYERROR belong to payment codes and are here so that none of them ever
// blocks an order. A state that is not listed is not read as anything.
func stateOf(tradeState string) (state channels.State, known bool) {
	switch tradeState {
	case "SUCCESS", tradeRefund:
		return channels.Paid, true
	case "NOTPAY", "USERPAYING", "PAYERROR", "ACCEPT":
		return channels.Unpaid, true
	case "CLOSED", "REVOKED":
		return channels.Closed, true
	}
	return "", false
}

// payment translates a transaction, which has the same form in an answer and
// in a callback. Its errors carry no sentinel: what an unreadable transaction
// means depends on how it came.
func (c *Channel) payment(t *payments.Transaction) (channels.Payment, error) {
	state, known := stateOf(text(t.TradeState))
	if !known {
		return channels.Payment{}, fmt.Errorf("trade_state %q is not known", clip(text(t.TradeState)))
	}
	if !orderNoForm.MatchString(text(t.OutTradeNo)) {
		return channels.Payment{}, errors.New("out_trade_no is missing or of another form")
	}
	payment := channels.Payment{
		Channel:     Name,
		OrderNo:     *t.OutTradeNo,
		State:       state,
		Attach:      text(t.Attach),
		Misdirected: c.misdirected(t),
		Refunded:    *t.TradeState == tradeRefund,
	}
	if t.Payer != nil && text(t.Payer.Openid) != "" {
		payment.Payer = channels.Payer{Kind: kindOpenID, ID: *t.Payer.Openid}
	}
	if state != channels.Paid {
		return payment, nil
	}
	return withMoney(payment, t)
}

// withMoney adds what only a paid order has. All of it must be there: a paid
// order without amount or number is better asked for again than guessed at.
func withMoney(payment channels.Payment, t *payments.Transaction) (channels.Payment, error) {
	payment.TransactionID = text(t.TransactionId)
	if payment.TransactionID == "" || len(payment.TransactionID) > transactionIDMax {
		return channels.Payment{}, errors.New("transaction_id is missing or too long")
	}
	if t.Amount == nil || t.Amount.Total == nil {
		return channels.Payment{}, errors.New("amount.total is missing")
	}
	payment.Amount = fen.Fen(*t.Amount.Total)
	if payment.Amount <= 0 || payment.Amount > fen.Max {
		return channels.Payment{}, fmt.Errorf("amount.total %d is out of range", payment.Amount)
	}
	payment.Currency = text(t.Amount.Currency)
	paidAt, err := time.Parse(time.RFC3339, text(t.SuccessTime))
	if err != nil {
		return channels.Payment{}, errors.New("success_time is missing or not RFC 3339")
	}
	payment.SuccessTime = paidAt
	return payment, nil
}

func (c *Channel) misdirected(t *payments.Transaction) string {
	var wrong []string
	if text(t.Appid) != c.appID {
		wrong = append(wrong, "appid")
	}
	if text(t.Mchid) != c.mchID {
		wrong = append(wrong, "mchid")
	}
	return strings.Join(wrong, ",")
}

// text is the string or, where WeChat leaves the field out, nothing.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
