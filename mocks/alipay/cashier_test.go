package alipay_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/mocks/alipay"
)

// tradePay is the page without AlipayJSBridge; it returns the resultCode.
func (b *bench) tradePay(body string) string {
	b.t.Helper()
	r, err := b.exchange(b.t.Context(), http.MethodPost, b.base+"/_sim/cashier", body)
	if err != nil || r.status != http.StatusOK || r.header.Get("Content-Type") != "application/json;charset=utf-8" {
		b.t.Fatalf("cashier: %+v, %v", r, err)
	}
	var out struct {
		ResultCode string `json:"resultCode"`
	}
	err = json.Unmarshal([]byte(r.body), &out)
	if err != nil {
		b.t.Fatal(err)
	}
	return out.ResultCode
}

func TestCashierTakesTheBuyersMoneyOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	no := b.create(orderForm("PAY_1"))
	for _, step := range []struct{ body, want string }{
		{`{"tradeNO":"` + no + `","person":"lisi"}`, "4000"},
		{`{"tradeNO":"` + no + `","cancel":true}`, "6001"},
		{`{"tradeNO":"2026030222001000000000000000"}`, "4000"},
		{`["tradeNO"]`, "4000"},
		{`{"tradeNO":"` + no + `","person":"zhangsan"}`, "9000"},
		{`{"tradeNO":"` + no + `"}`, "5000"},
	} {
		if got := b.tradePay(step.body); got != step.want {
			t.Errorf("%s: %s, want %s", step.body, got, step.want)
		}
	}
	if got := b.order("PAY_1"); got.State != alipay.StateSuccess || b.sim.Count("paid") != 1 {
		t.Errorf("order is %+v", got)
	}
}

func TestPayRefusesWhatCannotBePaid(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	buyer := alipay.BuyerID(person)
	closed, expired := b.create(orderForm("PAY_2")), b.create(orderForm("PAY_3").with("timeout_express", "5m"))
	open := b.create(orderForm("PAY_4"))
	b.closeTrade("PAY_2")
	b.clock.Advance(5 * time.Minute)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		req  alipay.PayRequest
		want error
	}{
		"unknown":   {t.Context(), alipay.PayRequest{TradeNO: "1", BuyerID: buyer}, alipay.ErrUnknownOrder},
		"closed":    {t.Context(), alipay.PayRequest{TradeNO: closed, BuyerID: buyer}, alipay.ErrOrderClosed},
		"expired":   {t.Context(), alipay.PayRequest{TradeNO: expired, BuyerID: buyer}, alipay.ErrOrderExpired},
		"stranger":  {t.Context(), alipay.PayRequest{TradeNO: open, BuyerID: alipay.BuyerID("lisi")}, alipay.ErrBuyer},
		"other id":  {t.Context(), alipay.PayRequest{TradeNO: open, BuyerID: alipay.OpenID(appID, person)}, alipay.ErrBuyer},
		"cancelled": {cancelled, alipay.PayRequest{TradeNO: open, BuyerID: buyer}, context.Canceled},
	} {
		_, err := b.sim.Pay(c.ctx, c.req)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	receipt := b.pay(open)
	want := alipay.Receipt{OutTradeNo: "PAY_4", TradeNO: open, TotalFen: 5000, PaidAt: receipt.PaidAt}
	if receipt != want || !receipt.PaidAt.Equal(seconds(b.clock.Now())) {
		t.Errorf("receipt is %+v", receipt)
	}
	_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: open, BuyerID: buyer})
	if !errors.Is(err, alipay.ErrOrderPaid) {
		t.Errorf("paid twice: %v", err)
	}
}

func TestPayAgainstCloseHasOneWinner(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range 20 {
		no := "RACE_" + strings.Repeat("x", i+1)
		tradeNO := b.create(orderForm(no))
		closing := b.signed(common("alipay.trade.close", form{"out_trade_no": no}))
		var paid, closed atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: tradeNO, BuyerID: alipay.BuyerID(person)})
				if err == nil {
					paid.Add(1)
				}
			})
		}
		all.Go(func() {
			r, err := b.try(t.Context(), closing)
			if err == nil && strings.Contains(r.body, `"10000"`) {
				closed.Add(1)
			}
		})
		all.Wait()
		if paid.Load()+closed.Load() != 1 || (b.order(no).State == alipay.StateSuccess) != (paid.Load() == 1) {
			t.Fatalf("%s: paid %d times, closed %d times, %+v", no, paid.Load(), closed.Load(), b.order(no))
		}
	}
}

func TestOnlyPagesOfThisMachineMayUseTheCashier(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for origin, want := range map[string]string{
		"http://127.0.0.1:8080": "http://127.0.0.1:8080", "http://localhost:8080": "http://localhost:8080",
		"https://pay.example.edu": "", "null": "", "": "",
	} {
		for _, method := range []string{http.MethodOptions, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, b.base+"/_sim/cashier", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", origin)
			r, err := b.do(req)
			if err != nil || r.status >= 300 || r.header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("%s from %q: %+v, %v", method, origin, r, err)
			}
		}
	}
}
