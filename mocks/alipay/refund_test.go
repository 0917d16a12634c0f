package alipay_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/mocks/alipay"
)

func TestConcurrentRefundsOfOneNumberMoveMoneyOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid("ONCE_1", nowhere)
	f := b.signed(refundForm("ONCE_1", "R1", "20.00"))
	var moved, stood atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r, err := b.try(t.Context(), f)
			switch {
			case err == nil && strings.Contains(r.body, `"fund_change":"Y"`):
				moved.Add(1)
			case err == nil && strings.Contains(r.body, `"fund_change":"N"`):
				stood.Add(1)
			}
		})
	}
	all.Wait()
	if moved.Load() != 1 || stood.Load() != 7 || b.order("ONCE_1").RefundedFen != 2000 {
		t.Errorf("moved %d times, stood %d times, %+v", moved.Load(), stood.Load(), b.order("ONCE_1"))
	}
}

func TestCancelAgainstPasswordNeverKeepsTheMoney(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range 20 {
		no := "TUG_" + strings.Repeat("x", i+1)
		code := b.barCode(alipay.BarCodeRequest{Password: true})
		node := b.wantCode(b.post(chargeForm(counterForm(no, code))), "10003", "")
		cancel := b.signed(cancelForm(no))
		var action atomic.Value
		var both sync.WaitGroup
		both.Go(func() {
			_, _ = b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: node["trade_no"].(string), BuyerID: b.sim.Buyer(person)})
		})
		both.Go(func() {
			r, err := b.try(t.Context(), cancel)
			if err == nil {
				action.Store(strings.Contains(r.body, `"action":"refund"`))
			}
		})
		both.Wait()
		got := b.order(no)
		if got.State != alipay.StateClosed || action.Load() != !got.PaidAt.IsZero() || got.RefundedFen != 0 == got.PaidAt.IsZero() {
			t.Fatalf("%s: refunded is %v, %+v", no, action.Load(), got)
		}
	}
}

// The merchant's part of what is given back adds up to what it got.
func TestPartsOfADiscountedRefundAddUp(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.Profile.RefundSpacing = -1 })
	no := b.create(orderForm("PART_1").with("total_amount", "1.00"))
	_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: no, BuyerID: b.sim.Buyer(person), MerchantOffFen: 1})
	if err != nil {
		t.Fatal(err)
	}
	var back int64
	for _, part := range []string{"R1", "R2", "R3"} {
		f := refundForm("PART_1", part, map[string]string{"R1": "0.33", "R2": "0.33", "R3": "0.34"}[part])
		f["biz_content"] = strings.Replace(f["biz_content"], "{", `{"query_options":["refund_detail_item_list"],`, 1)
		node := b.wantCode(b.post(f), "10000", "")
		back += fen(t, node["send_back_fee"].(string))
	}
	if back != 99 {
		t.Errorf("%d fen went back of 99", back)
	}
}

func TestBookHasRefundsWithTheirTime(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid("SEEN_1", nowhere)
	b.clock.Advance(time.Hour)
	b.wantCode(b.post(refundForm("SEEN_1", "R1", "1.00")), "10000", "")
	made := b.sim.Book().Refunds
	if len(made) != 1 || !made[0].At.Equal(start.Add(time.Hour)) || made[0].Outside {
		t.Errorf("refunds are %+v", made)
	}
}
