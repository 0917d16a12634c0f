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

// payment translates a trade. Its errors carry no sentinel: what an unreadable
// trade means depends on how it came.
func (t trade) payment() (channels.Payment, error) {
	if !orderNoForm.MatchString(t.orderNo) {
		return channels.Payment{}, errors.New("out_trade_no is missing or of another form")
	}
	state, err := t.state()
	if err != nil {
		return channels.Payment{}, err
	}
	payer, err := payer(t.userID, t.openID)
	if err != nil {
		return channels.Payment{}, err
	}
	payment := channels.Payment{
		Channel: Name, OrderNo: t.orderNo, State: state, Payer: payer, Attach: unescape(t.passback),
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
	payment.SuccessTime, err = moment(t.paidAt)
	if err != nil {
		return channels.Payment{}, err
	}
	return payment, nil
}

// payer takes the user_id while Alipay gives both: an app that moves to open_id
// has bindings by the older kind, and they last until it gives that one alone.
func payer(userID, openID string) (channels.Payer, error) {
	switch {
	case userID == "" && openID == "":
		return channels.Payer{}, nil
	case userIDForm.MatchString(userID):
		return channels.Payer{Kind: kindUserID, ID: userID}, nil
	case userID == "" && openIDForm.MatchString(openID):
		return channels.Payer{Kind: kindOpenID, ID: openID}, nil
	}
	return channels.Payer{}, errors.New("the payer's id is of another form")
}

// moment reads a time of Alipay's; none is zero.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(timeForm, text, beijing())
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is of another form", clip(text))
	}
	return at, nil
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
