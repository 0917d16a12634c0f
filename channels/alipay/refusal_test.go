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

// refunded is a query's answer about a refund of 5.00 that was made.
func refunded() object {
	return success().with("out_trade_no", orderNo).with("out_request_no", "R2").with("refund_amount", "5.00").
		with("refund_status", "REFUND_SUCCESS").with("gmt_refund_pay", noonText)
}

func TestOnlyOneWordMeansThatARefundIsMade(t *testing.T) {
	for word, want := range map[string]channels.RefundState{"REFUND_SUCCESS": channels.RefundMade, "REFUND_PROCESSING": channels.RefundProcessing} {
		got, err := against(t, say(refunded().with("refund_status", word).String())).QueryRefund(t.Context(), orderNo, "R2")
		if err != nil || got.State != want {
			t.Errorf("%s: %+v, %v; want %s", word, got, err, want)
		}
	}
}

func TestASignedAnswerAboutAnotherRefundIsAnUnknownOutcome(t *testing.T) {
	for name, answer := range map[string]object{
		"another refund": refunded().with("out_request_no", "R3"),
		"another trade":  refunded().with("out_trade_no", "260901a7K3M9QX3"),
		"no amount":      refunded().with("refund_amount", nil),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := against(t, say(answer.String())).QueryRefund(t.Context(), orderNo, "R2")
			mustBe(t, err, channels.ErrUnknownOutcome)
		})
	}
}
