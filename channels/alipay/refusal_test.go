package alipay_test

import (
	"errors"
	"testing"

	"guodu/channels"
)

// The answer names the trade only, and refund_fee is the sum of all its refunds.
func TestAnAnswerAboutAnotherRefundOfTheTradeIsNotBelieved(t *testing.T) {
	answer := created().with("fund_change", "Y").with("refund_fee", "3.00").with("gmt_refund_pay", noonText)
	c := against(t, say(answer.String()))
	got, err := c.Refund(t.Context(), channels.RefundRequest{OrderNo: orderNo, RefundNo: "R2", Amount: 500, Total: 5000})
	if err == nil && got.State == channels.RefundMade {
		t.Errorf("made: %+v, although Alipay says that all refunds of the trade come to 3.00", got)
	}
}

// What says something of the merchant, its rights or a limit says nothing of this
// refund.
func TestOnlyDocumentedRefusalsOfARefundAreFinal(t *testing.T) {
	for _, code := range []string{"ACQ.REFUND_TOO_OFTEN", "ACQ.REFUND_FREQUENCY_LIMIT", "ACQ.SELLER_BEEN_BLOCKED", "isv.insufficient-isv-permissions", "isv.invalid-signature"} {
		c := against(t, say(failure("40004", code).String()))
		_, err := c.Refund(t.Context(), channels.RefundRequest{OrderNo: orderNo, RefundNo: "R2", Amount: 500, Total: 5000})
		if errors.Is(err, channels.ErrRefused) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// Alipay's own word for it is a signed success without a refund in it.
func TestAnUnsignedAnswerDoesNotSayThatThereIsNoRefund(t *testing.T) {
	c := against(t, mutter(failure("40004", "ACQ.TRADE_NOT_EXIST").String()))
	_, err := c.QueryRefund(t.Context(), orderNo, "R2")
	if errors.Is(err, channels.ErrRefundNotFound) {
		t.Errorf("unsigned, and taken as a word of Alipay's: %v", err)
	}
}
