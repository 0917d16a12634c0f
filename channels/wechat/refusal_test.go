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
