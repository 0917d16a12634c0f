package wechat_test

import (
	"errors"
	"net/http"
	"testing"

	"guodu/channels"
)

// What says something of the merchant, its rights or a limit says nothing of this
// refund.
func TestOnlyDocumentedRefusalsOfARefundAreFinal(t *testing.T) {
	for code, httpStatus := range map[string]int{
		"SIGN_ERROR": http.StatusUnauthorized, "NO_AUTH": http.StatusForbidden, "RULE_LIMIT": http.StatusForbidden,
		"ACCOUNT_ERROR": http.StatusForbidden, "SOMETHING_NEW": http.StatusConflict,
	} {
		c := against(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, httpStatus, code) })
		_, err := c.Refund(t.Context(), channels.RefundRequest{OrderNo: orderNo, RefundNo: "R1", Amount: 100, Total: 5000})
		if errors.Is(err, channels.ErrRefused) {
			t.Errorf("%d %s: %v", httpStatus, code, err)
		}
	}
}

// refunded is a refund's answer as it is signed.
func refunded(status string) object {
	return object{
		"refund_id": "50300001", "out_refund_no": "R1", "out_trade_no": orderNo, "transaction_id": "4200001234202609011234567890",
		"channel": "ORIGINAL", "status": status, "create_time": "2026-09-01T12:00:00+08:00",
		"amount": object{"total": 5000, "refund": 100, "payer_total": 5000, "payer_refund": 100, "currency": "CNY"},
	}
}

func TestASignedAnswerThatIsNotAboutTheRefundIsAnUnknownOutcome(t *testing.T) {
	for name, answer := range map[string]object{
		"another refund":   refunded("SUCCESS").with("out_refund_no", "R2"),
		"another order":    refunded("SUCCESS").with("out_trade_no", "260901a7K3M9QX3"),
		"word of tomorrow": refunded("SETTLED"),
		"no word":          refunded("SUCCESS").with("status", nil),
		"no amount":        refunded("SUCCESS").with("amount", nil),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := against(t, signedAnswer(http.StatusOK, string(answer.bytes()))).QueryRefund(t.Context(), orderNo, "R1")
			mustBe(t, err, channels.ErrUnknownOutcome)
		})
	}
	got, err := against(t, signedAnswer(http.StatusOK, string(refunded("SUCCESS").bytes()))).QueryRefund(t.Context(), orderNo, "R1")
	if err != nil || got.State != channels.RefundMade {
		t.Errorf("the right answer: %+v, %v", got, err)
	}
}

// A refund's callback has no appid; the merchant is all that says whose it is.
func TestARefundToldToAnotherMerchantIsMisdirected(t *testing.T) {
	ch := mustNew(t, config())
	for who, want := range map[string]string{mchID: "", "1900000110": "mchid"} {
		told := refunded("").with("mchid", who).with("refund_status", "SUCCESS").with("success_time", "2026-09-01T12:00:00+08:00")
		body := notice(told.bytes()).with("event_type", "REFUND.SUCCESS").bytes()
		got, err := ch.ParseRefund(t.Context(), headers(body, noon()), body)
		if err != nil || got.Misdirected != want || got.Amount != 100 {
			t.Errorf("merchant %s: %+v, %v; want misdirected %q", who, got, err, want)
		}
	}
}

// A payment's callback at the address for refunds is none of a refund.
func TestAPaymentToldWhereRefundsAreToldIsOfAnotherKind(t *testing.T) {
	ch := mustNew(t, config())
	body := notice(paid().bytes()).bytes()
	_, err := ch.ParseRefund(t.Context(), headers(body, noon()), body)
	mustBe(t, err, channels.ErrNotOurs)
}
