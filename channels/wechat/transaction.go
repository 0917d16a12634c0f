package wechat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/internal/field"
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
// in a callback. It reads the fields that are named here and no others. Only
// those that decide can make it fail: time, payer and attach are for people,
// and one that cannot be read is left out. Its errors carry no sentinel: what an
// unreadable transaction means depends on how it came.
func (c *Channel) payment(text []byte) (channels.Payment, error) {
	t, err := field.Parse(text, "appid", "mchid", "out_trade_no", "transaction_id", "trade_state", "amount",
		"success_time", "payer", "attach")
	if err != nil {
		return channels.Payment{}, err
	}
	orderNo, noErr := t.Text("out_trade_no")
	tradeState, stateErr := t.Text("trade_state")
	state, known := stateOf(tradeState)
	switch {
	case noErr != nil || stateErr != nil:
		return channels.Payment{}, errors.Join(noErr, stateErr)
	case !known:
		return channels.Payment{}, fmt.Errorf("trade_state %q is not known", clip(tradeState))
	case orderNo == "":
		return channels.Payment{}, errors.New("out_trade_no is missing")
	}
	payment := channels.Payment{
		Channel:     Name,
		Merchant:    c.Merchant(),
		OrderNo:     orderNo,
		State:       state,
		Attach:      t.Hint("attach"),
		Misdirected: c.misdirected(t),
		Refunded:    tradeState == tradeRefund,
	}
	payer, err := t.Object("payer", "openid")
	if id := payer.Hint("openid"); err == nil && id != "" {
		payment.Payer = channels.Payer{Kind: kindOpenID, ID: id}
	}
	if state != channels.Paid {
		return payment, nil
	}
	return withMoney(payment, t)
}

// withMoney adds what only a paid order has. A paid order without amount or
// number is better asked for again than guessed at.
func withMoney(payment channels.Payment, t field.Object) (channels.Payment, error) {
	var err error
	payment.TransactionID, err = t.Text("transaction_id")
	if err != nil {
		return channels.Payment{}, err
	}
	if payment.TransactionID == "" || len(payment.TransactionID) > transactionIDMax {
		return channels.Payment{}, errors.New("transaction_id is missing or too long")
	}
	amount, err := t.Object("amount", "total", "currency")
	if err != nil {
		return channels.Payment{}, err
	}
	total, totalErr := amount.Int("total")
	currency, currencyErr := amount.Text("currency")
	if totalErr != nil || currencyErr != nil {
		return channels.Payment{}, fmt.Errorf("amount: %w", errors.Join(totalErr, currencyErr))
	}
	payment.Amount, payment.Currency = fen.Fen(total), currency
	if payment.Amount <= 0 || payment.Amount > fen.Max {
		return channels.Payment{}, fmt.Errorf("amount.total %d is out of range", payment.Amount)
	}
	payment.SuccessTime = moment(t.Hint("success_time"))
	return payment, nil
}

// moment reads a time: RFC 3339, or the same with an offset without a colon. One
// of another form is zero, as if WeChat had not said it.
func moment(text string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if at, err := time.Parse(form, text); err == nil {
			return at
		}
	}
	return time.Time{}
}

// misdirected compares app and merchant. One that is not a text is not ours.
func (c *Channel) misdirected(t field.Object) string {
	var wrong []string
	if t.Hint("appid") != c.appID {
		wrong = append(wrong, "appid")
	}
	if t.Hint("mchid") != c.mchID {
		wrong = append(wrong, "mchid")
	}
	return strings.Join(wrong, ",")
}
