package alipay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/smartwalle/alipay/v3"
	"github.com/tidwall/gjson"

	"guodu/channels"
	"guodu/internal/fen"
)

// Query asks by the order's own number (alipay.trade.query). A trade of a
// payment page does not exist until somebody opens the page. TRADE_CLOSED comes
// back as Closed only where the answer shows that nobody ever paid; one that was
// paid and refunded is Paid and Refunded, with no Refunds; and where the answer
// shows neither it is ErrUnknownOutcome. A partial refund does not show here.
// Errors: ErrOrderNotFound (no proof), ErrRefused, ErrUnknownOutcome.
func (c *Channel) Query(ctx context.Context, orderNo string) (channels.Payment, error) {
	if !foreignNoForm.MatchString(orderNo) {
		return channels.Payment{}, refused("query", orderNo, "not an order number")
	}
	question := alipay.NewPayload("alipay.trade.query").
		AddBizField("out_trade_no", orderNo).
		AddBizField("query_options", []string{"fund_bill_list"})
	told := reads("out_trade_no", "trade_no", "trade_status", "total_amount", "trans_currency", "send_pay_date", "buyer_pay_amount", "receipt_amount",
		"invoice_amount", "point_amount", "fund_bill_list", "buyer_user_id", "buyer_open_id", "passback_params")
	err := c.ask(ctx, "query", orderNo, question, told, queryCode)
	if err != nil {
		return channels.Payment{}, err
	}
	// A signature covers the answer and not the question, so a proper answer
	// to another question has to be told apart here.
	if told.Hint("out_trade_no") != orderNo {
		return channels.Payment{}, unknown("query", orderNo, "the answer is about another order")
	}
	payment, err := c.queried(told)
	if err != nil {
		return channels.Payment{}, unknown("query", orderNo, cause(err))
	}
	return payment, nil
}

// queried reads an answer as a trade.
func (c *Channel) queried(a *node) (channels.Payment, error) {
	status, statusErr := a.Text("trade_status")
	number, numberErr := a.Text("trade_no")
	total, totalErr := a.Text("total_amount")
	currency, currencyErr := a.Text("trans_currency")
	err := errors.Join(statusErr, numberErr, totalErr, currencyErr)
	if err != nil {
		return channels.Payment{}, err
	}
	t := trade{
		status: alipay.TradeStatus(status), orderNo: a.Hint("out_trade_no"), number: number, total: total, currency: currency,
		paidAt: a.Hint("send_pay_date"), userID: a.Hint("buyer_user_id"), openID: a.Hint("buyer_open_id"), passback: a.Hint("passback_params"),
	}
	if t.status == alipay.TradeStatusClosed {
		t.ending, err = ended(a)
		if err != nil {
			return channels.Payment{}, err
		}
	}
	return c.payment(t)
}

// ended says what a TRADE_CLOSED means. send_pay_date is the one field that is
// there for every payment: after a full refund the amounts have been seen as
// 0.00, so they prove a payment and never its absence. Without the date the
// amounts must at least be there, or the answer leaves too much out to be read.
func ended(a *node) (ending, error) {
	paidAt, err := a.Text("send_pay_date")
	if err != nil {
		return endsUnknown, err
	}
	var amounts []string
	for _, name := range []string{"buyer_pay_amount", "receipt_amount", "invoice_amount", "point_amount"} {
		amount, err := a.Text(name)
		if err != nil {
			return endsUnknown, err
		}
		amounts = append(amounts, amount)
	}
	some, given, err := above(amounts...)
	if err != nil {
		return endsUnknown, err
	}
	funds, clear := listed(a.Raw("fund_bill_list"))
	dated := !moment(paidAt).IsZero()
	switch {
	case dated, some, funds:
		return endsRefunded, nil
	case given && clear && paidAt == "": // all is said, and all of it can be read
		return endsUnpaid, nil
	}
	return endsUnknown, nil
}

// listed says whether a list of funds shows that money came, and whether it can be
// read at all. It comes as a list, and as a text that holds one.
func listed(list string) (funds, clear bool) {
	found := gjson.Parse(list)
	if found.Type == gjson.String {
		found = gjson.Parse(strings.TrimSpace(found.Str))
	}
	if found.Type == gjson.Null {
		return false, true
	}
	if !found.IsArray() {
		return false, false
	}
	clear = true
	for _, fund := range found.Array() {
		amount, err := fen.Parse(fund.Get("amount").Str)
		funds = funds || err == nil && amount > 0
		clear = clear && err == nil
	}
	return funds, clear
}

// Close makes an unpaid order unpayable (alipay.trade.close). nil is a signed
// success or, where Alipay will not close because the trade is not open, a
// signed query that says Closed.
// Errors: ErrAlreadyPaid, ErrOrderNotFound, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Close(ctx context.Context, orderNo string) error {
	if !orderNoForm.MatchString(orderNo) {
		return refused("close", orderNo, "not an order number")
	}
	closed := reads("out_trade_no")
	wish := alipay.NewPayload("alipay.trade.close").AddBizField("out_trade_no", orderNo)
	err := c.ask(ctx, "close", orderNo, wish, closed, closeCode)
	switch {
	case errors.Is(err, errNotOpen):
		return c.whyNotOpen(ctx, orderNo)
	case err != nil:
		return err
	case closed.Hint("out_trade_no") != orderNo:
		return unknown("close", orderNo, "the answer is about another order")
	}
	return nil
}

// whyNotOpen asks what became of a trade that cannot be closed.
func (c *Channel) whyNotOpen(ctx context.Context, orderNo string) error {
	payment, err := c.Query(ctx, orderNo)
	switch {
	case err != nil:
		return fmt.Errorf("alipay close %s: not open: %w", orderNo, err)
	case payment.State == channels.Paid:
		return fmt.Errorf("alipay close %s: %w", orderNo, channels.ErrAlreadyPaid)
	case payment.State == channels.Closed:
		return nil
	}
	return unknown("close", orderNo, "said not to be open, and is")
}
