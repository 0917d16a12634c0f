package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
)

// queryAnswer is what is read of alipay.trade.query. Of fund_bill_list nothing
// counts but that it is there, so it may have whatever form it likes.
type queryAnswer struct {
	alipay.Error
	OutTradeNo     string          `json:"out_trade_no"`
	TradeNo        string          `json:"trade_no"`
	TradeStatus    string          `json:"trade_status"`
	TotalAmount    string          `json:"total_amount"`
	TransCurrency  string          `json:"trans_currency"`
	BuyerPayAmount string          `json:"buyer_pay_amount"`
	ReceiptAmount  string          `json:"receipt_amount"`
	InvoiceAmount  string          `json:"invoice_amount"`
	PointAmount    string          `json:"point_amount"`
	SendPayDate    string          `json:"send_pay_date"`
	FundBillList   json.RawMessage `json:"fund_bill_list"`
	BuyerUserID    string          `json:"buyer_user_id"`
	BuyerOpenID    string          `json:"buyer_open_id"`
	PassbackParams string          `json:"passback_params"`
}

func (a *queryAnswer) said() alipay.Error { return a.Error }

// Query asks by the order's own number (alipay.trade.query). A trade of a
// payment page does not exist until somebody opens the page. TRADE_CLOSED comes
// back as Closed only where the answer shows that nobody ever paid; one that was
// paid and refunded is Paid and Refunded, with no Refunds; and where the answer
// shows neither it is ErrUnknownOutcome. A partial refund does not show here.
// Errors: ErrOrderNotFound (no proof), ErrRefused, ErrUnknownOutcome.
func (c *Channel) Query(ctx context.Context, orderNo string) (channels.Payment, error) {
	if !orderNoForm.MatchString(orderNo) {
		return channels.Payment{}, refused("query", orderNo, "not an order number")
	}
	question := alipay.NewPayload("alipay.trade.query").
		AddBizField("out_trade_no", orderNo).
		AddBizField("query_options", []string{"fund_bill_list"})
	var told queryAnswer
	err := c.ask(ctx, "query", orderNo, question, &told, queryCode)
	if err != nil {
		return channels.Payment{}, err
	}
	// A signature covers the answer and not the question, so a proper answer
	// to another question has to be told apart here.
	if told.OutTradeNo != orderNo {
		return channels.Payment{}, unknown("query", orderNo, "the answer is about another order")
	}
	payment, err := told.payment()
	if err != nil {
		return channels.Payment{}, unknown("query", orderNo, cause(err))
	}
	return payment, nil
}

func (a *queryAnswer) payment() (channels.Payment, error) {
	t := trade{
		status: alipay.TradeStatus(a.TradeStatus), orderNo: a.OutTradeNo, number: a.TradeNo,
		total: a.TotalAmount, currency: a.TransCurrency, paidAt: a.SendPayDate,
		userID: a.BuyerUserID, openID: a.BuyerOpenID, passback: a.PassbackParams,
	}
	if t.status == alipay.TradeStatusClosed {
		var err error
		t.ending, err = a.ending()
		if err != nil {
			return channels.Payment{}, err
		}
	}
	return t.payment()
}

// ending says what a TRADE_CLOSED means. send_pay_date is the one field that is
// there for every payment: after a full refund the amounts have been seen as
// 0.00, so they prove a payment and never its absence. Without the date the
// amounts must at least be there, or the answer leaves too much out to be read.
func (a *queryAnswer) ending() (ending, error) {
	some, given, err := above(a.BuyerPayAmount, a.ReceiptAmount, a.InvoiceAmount, a.PointAmount)
	switch {
	case err != nil:
		return endsUnknown, err
	case a.SendPayDate != "", some, listed(a.FundBillList):
		return endsRefunded, nil
	case given:
		return endsUnpaid, nil
	}
	return endsUnknown, nil
}

// listed says whether there is anything in a list.
func listed(list json.RawMessage) bool {
	switch string(list) {
	case "", "null", "[]", `""`:
		return false
	}
	return true
}

// closeAnswer is what alipay.trade.close answers.
type closeAnswer struct {
	alipay.Error
	OutTradeNo string `json:"out_trade_no"`
}

func (a *closeAnswer) said() alipay.Error { return a.Error }

// Close makes an unpaid order unpayable (alipay.trade.close). nil is a signed
// success or, where Alipay will not close because the trade is not open, a
// signed query that says Closed.
// Errors: ErrAlreadyPaid, ErrOrderNotFound, ErrRefused, ErrUnknownOutcome.
func (c *Channel) Close(ctx context.Context, orderNo string) error {
	if !orderNoForm.MatchString(orderNo) {
		return refused("close", orderNo, "not an order number")
	}
	var closed closeAnswer
	wish := alipay.NewPayload("alipay.trade.close").AddBizField("out_trade_no", orderNo)
	err := c.ask(ctx, "close", orderNo, wish, &closed, closeCode)
	switch {
	case errors.Is(err, errNotOpen):
		return c.whyNotOpen(ctx, orderNo)
	case err != nil:
		return err
	case closed.OutTradeNo != orderNo:
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
