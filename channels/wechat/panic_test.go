package wechat_test

import (
	"context"
	"net/http"
	"testing"

	"guodu/channels"
)

// trap is an upstream whose answer makes the module panic.
type trap struct{}

func (trap) RoundTrip(*http.Request) (*http.Response, error) { panic("trap") }

func TestAPanicOfTheModuleIsAnUnknownOutcome(t *testing.T) {
	cfg := config()
	cfg.Transport = trap{}
	ch := mustNew(t, cfg)
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"prepay":       func() error { _, err := ch.Prepay(ctx, prepayRequest()); return err },
		"query":        func() error { _, err := ch.Query(ctx, orderNo); return err },
		"close":        func() error { return ch.Close(ctx, orderNo) },
		"query refund": func() error { _, err := ch.QueryRefund(ctx, orderNo, "R"+orderNo); return err },
		"refund": func() error {
			_, err := ch.Refund(ctx, channels.RefundRequest{OrderNo: orderNo, RefundNo: "R" + orderNo, Amount: 1, Total: 1})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { mustBe(t, call(), channels.ErrUnknownOutcome) })
	}
}
