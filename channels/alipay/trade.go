package alipay

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
	"guodu/internal/fen"
)

const currencyCNY = "CNY"

var (
	tradeNoForm = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)
	openIDForm  = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)
)

// trade is what Alipay says of an order, whether it was asked or told.
type trade struct {
	status          alipay.TradeStatus
	orderNo, number string
	total, currency string
	paidAt          string
	userID, openID  string
	passback        string
	// refunded says that money went back; refundNo names the refund that is being
	// told of, and refundFee is the sum of all so far.
	refunded  bool
	refundNo  string
	refundFee string
	// ending is what a TRADE_CLOSED comes to.
	ending ending
}

// ending is how a closed trade came to its end.
type ending int

const (
	endsUnknown  ending = iota // it cannot be told: ask again
	endsUnpaid                 // nobody ever paid
	endsRefunded               // paid, and given back in full
)

// payment translates a trade. Only what decides can make it fail: time, payer and
// what was passed back are for people, and what cannot be read is left out. Its
// errors carry no sentinel: what an unreadable trade means depends on how it came.
func (c *Channel) payment(t trade) (channels.Payment, error) {
	if t.orderNo == "" {
		return channels.Payment{}, errors.New("out_trade_no is missing")
	}
	state, err := t.state()
	if err != nil {
		return channels.Payment{}, err
	}
	payment := channels.Payment{
		Channel: Name, Merchant: c.Merchant(), OrderNo: t.orderNo, State: state, Payer: payer(t.userID, t.openID), Attach: unescape(t.passback),
	}
	if state != channels.Paid {
		return payment, nil
	}
	payment.Refunded = t.refunded || t.status == alipay.TradeStatusClosed
	if t.refundFee != "" {
		payment.RefundedTotal, err = fen.Parse(t.refundFee)
		if err != nil {
			return channels.Payment{}, fmt.Errorf("refund_fee %q is not an amount", clip(t.refundFee))
		}
	}
	switch {
	case refundNoForm.MatchString(t.refundNo):
		payment.RefundNos = []string{t.refundNo}
	case payment.RefundedTotal > 0:
		payment.RefundNos = []string{t.orderNo} // what a refund without a number goes by
	}
	return t.withMoney(payment)
}

// state reads trade_status (异步通知说明, 交易状态). One that is not listed is not
// read as anything.
func (t trade) state() (channels.State, error) {
	switch t.status {
	case alipay.TradeStatusSuccess, alipay.TradeStatusFinished:
		return channels.Paid, nil
	case alipay.TradeStatusWaitBuyerPay:
		return channels.Unpaid, nil
	case alipay.TradeStatusClosed:
		switch t.ending {
		case endsRefunded:
			return channels.Paid, nil
		case endsUnpaid:
			return channels.Closed, nil
		}
		return "", errors.New("the trade is closed, and nothing says whether it was paid before")
	}
	return "", fmt.Errorf("trade_status %q is not known", clip(string(t.status)))
}

// withMoney adds what only a paid order has. A paid order without amount or
// number is better asked for again than guessed at; only the time may be
// missing.
func (t trade) withMoney(payment channels.Payment) (channels.Payment, error) {
	if !tradeNoForm.MatchString(t.number) {
		return channels.Payment{}, errors.New("trade_no is missing or of another form")
	}
	payment.TransactionID = t.number
	amount, err := fen.Parse(t.total)
	if err != nil || amount <= 0 {
		return channels.Payment{}, fmt.Errorf("total_amount %q is not an amount", clip(t.total))
	}
	payment.Amount = amount
	payment.Currency = currencyCNY
	if t.currency != "" {
		payment.Currency = clip(t.currency)
	}
	payment.SuccessTime = moment(t.paidAt)
	return payment, nil
}

// payer takes the user_id while Alipay gives both: an app that moves to open_id
// has bindings by the older kind, and they last until it gives that one alone. An
// id of another form is nobody's.
func payer(userID, openID string) channels.Payer {
	switch {
	case userIDForm.MatchString(userID):
		return channels.Payer{Kind: kindUserID, ID: userID}
	case userID == "" && openIDForm.MatchString(openID):
		return channels.Payer{Kind: kindOpenID, ID: openID}
	}
	return channels.Payer{}
}

// moment reads a time: Alipay's own form in Beijing, with or without a fraction,
// or one that says its offset. One of another form is zero, as if Alipay had not
// said it.
func moment(text string) time.Time {
	for _, form := range []string{timeForm, timeForm + "Z07:00", timeForm + "Z0700", time.RFC3339, "2006-01-02T15:04:05Z0700"} {
		if at, err := time.ParseInLocation(form, text, beijing()); err == nil {
			return at
		}
	}
	return time.Time{}
}

// unescape undoes escape. What was not escaped so comes back as it is.
func unescape(passback string) string {
	attach, err := url.PathUnescape(passback)
	if err != nil || !utf8.ValidString(attach) {
		return passback
	}
	return attach
}

// above says whether one of the amounts is above nothing. Empty ones count as
// not given.
func above(yuan ...string) (some, given bool, err error) {
	for _, text := range yuan {
		if text == "" {
			continue
		}
		given = true
		amount, err := fen.Parse(text)
		if err != nil {
			return false, true, fmt.Errorf("amount %q is not an amount", clip(text))
		}
		some = some || amount > 0
	}
	return some, given, nil
}
