package alipay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// A shop's whole way with the simulator: an order, a payment, its notice by
// schedule after the first one was lost, and a part of a refund.
func Example() {
	err := walk(context.Background())
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// WAIT_BUYER_PAY
	// told at 4m0s: TRADE_SUCCESS
	// refunded 20.00 so far
}

func walk(ctx context.Context) error {
	clock := sim.NewClock(start)
	opts := options()
	opts.AutoDeliver, opts.Clock, opts.Scenarios, opts.PlatformKey = true, clock, []string{"lost-first-notice"}, platformKey()
	pay, err := alipay.New(opts)
	if err != nil {
		return err
	}
	defer func() { _ = pay.Close() }()
	base, err := pay.Start(ctx)
	if err != nil {
		return err
	}
	client, err := sdk.New(appID, merchantKey().PrivateKeyBase64, true, sdk.WithProductionGateway(base+"/gateway.do"))
	if err == nil {
		err = client.LoadAliPayPublicKey(pay.PublicKeyBase64())
	}
	if err != nil {
		return err
	}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		n, err := client.DecodeNotification(r.Context(), r.PostForm)
		if err != nil {
			http.Error(w, "fail", http.StatusBadRequest)
			return
		}
		fmt.Printf("told at %v: %s\n", clock.Now().Sub(start), n.TradeStatus)
		sdk.ACKNotification(w)
	}))
	defer shop.Close()

	order, err := client.TradeCreate(ctx, sdkCreate("SHOP_1", shop.URL))
	if err != nil {
		return err
	}
	seen, err := client.TradeQuery(ctx, sdk.TradeQuery{OutTradeNo: "SHOP_1"})
	if err != nil {
		return err
	}
	fmt.Println(seen.TradeStatus)
	_, err = pay.Pay(ctx, alipay.PayRequest{TradeNO: order.TradeNo, BuyerID: pay.Buyer(person)})
	if err != nil {
		return err
	}
	clock.Advance(24 * time.Hour) // the four minutes, in no time
	back, err := client.TradeRefund(ctx, sdk.TradeRefund{OutTradeNo: "SHOP_1", OutRequestNo: "R1", RefundAmount: "20.00"})
	if err != nil {
		return err
	}
	fmt.Println("refunded", back.RefundFee, "so far")
	return nil
}
