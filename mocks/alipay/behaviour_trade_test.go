package alipay_test

import (
	"errors"
	"testing"
	"time"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestBarCodePaysOnceOrWaits(t *testing.T) {
	t.Parallel()
	checkBarCode(t)
}

func checkBarCode(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	code := b.barCode(alipay.BarCodeRequest{})
	node := b.wantCode(b.post(chargeForm(counterForm("CODE_1", code))), "10000", "")
	if node["gmt_payment"] != stamp || node["receipt_amount"] != "50.00" || node["buyer_user_id"] != alipay.BuyerID(person) {
		t.Errorf("node is %v", node)
	}
	b.wantCode(b.post(chargeForm(counterForm("CODE_1", code))), "40004", "ACQ.TRADE_HAS_SUCCESS")
	b.wantCode(b.post(chargeForm(counterForm("CODE_2", code))), "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID")
	old := b.barCode(alipay.BarCodeRequest{})
	b.clock.Advance(time.Minute)
	b.wantCode(b.post(chargeForm(counterForm("CODE_2", old))), "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID")
	for name, req := range map[string]struct {
		trait  alipay.BarCodeRequest
		amount string
	}{"WAITS_1": {alipay.BarCodeRequest{Password: true}, "50.00"}, "WAITS_2": {alipay.BarCodeRequest{}, "1000.01"}} {
		biz := counterForm(name, b.barCode(req.trait)).with("total_amount", req.amount)
		node = b.wantCode(b.post(chargeForm(biz)), "10003", "")
		if node["gmt_payment"] != nil || node["trade_no"] == nil || node["receipt_amount"] != "0.00" || node["total_amount"] != req.amount {
			t.Errorf("waiting node is %v", node)
		}
		b.wantCode(b.post(chargeForm(biz)), "10003", "") // the same once more goes on
		b.wantCode(b.post(chargeForm(biz.with("total_amount", "1.00"))), "40004", "ACQ.CONTEXT_INCONSISTENT")
		b.pay(node["trade_no"].(string))
		if shown := b.wantCode(b.query(name), "10000", ""); shown["trade_status"] != "TRADE_SUCCESS" {
			t.Errorf("after the password: %v", shown)
		}
	}
	for _, refusal := range alipay.PayRefusals() {
		code = b.barCode(alipay.BarCodeRequest{Refusal: refusal})
		b.wantCode(b.post(chargeForm(counterForm("POOR_1", code))), "40004", refusal)
	}
	b.wantCode(b.post(chargeForm(counterForm("WAITS_3", b.barCode(alipay.BarCodeRequest{Password: true})))), "10003", "")
	b.clock.Advance(3 * time.Hour)
	if got := b.order("WAITS_3").State; got != alipay.StateClosed {
		t.Errorf("a password that never came left %s", got)
	}
	b.fail(alipay.EndpointPay, sim.FaultErrorAfter, 1)
	b.wantCode(b.post(chargeForm(counterForm("CODE_3", b.barCode(alipay.BarCodeRequest{})))), "20000", "isp.unknow-error")
	b.fail(alipay.EndpointPay, sim.FaultResetAfter, 1)
	_, err := b.try(t.Context(), b.signed(chargeForm(counterForm("CODE_4", b.barCode(alipay.BarCodeRequest{})))))
	if err == nil || b.order("CODE_3").State != alipay.StateSuccess || b.order("CODE_4").State != alipay.StateSuccess {
		t.Errorf("unknown outcomes: %v, %s, %s", err, b.order("CODE_3").State, b.order("CODE_4").State)
	}
}

func cancelForm(no string) form { return common("alipay.trade.cancel", form{"out_trade_no": no}) }

func TestCancelUndoesWhateverHappened(t *testing.T) {
	t.Parallel()
	checkCancel(t)
}

func checkCancel(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	node := b.wantCode(b.post(cancelForm("UNDO_0")), "10000", "")
	if node["action"] != nil || node["retry_flag"] != "N" {
		t.Errorf("of an unknown order: %v", node)
	}
	b.wantCode(b.post(common("alipay.trade.cancel", form{"trade_no": "2026030222001000000000000000"})), "40004", "ACQ.TRADE_NOT_EXIST")
	no := b.create(orderForm("UNDO_1"))
	b.paid("UNDO_2", nowhere)
	for order, action := range map[string]string{"UNDO_1": "close", "UNDO_2": "refund"} {
		for range 2 { // the second one says the same
			if node = b.wantCode(b.post(cancelForm(order)), "10000", ""); node["action"] != action || node["retry_flag"] != "N" {
				t.Errorf("%s: %v, want %s", order, node, action)
			}
		}
		if got := b.order(order); got.State != alipay.StateClosed {
			t.Errorf("%s is %s", order, got.State)
		}
	}
	_, err := b.sim.Pay(t.Context(), alipay.PayRequest{TradeNO: no, BuyerID: b.sim.Buyer(person)})
	if !errors.Is(err, alipay.ErrOrderClosed) {
		t.Errorf("a late password: %v", err)
	}
	b.paid("UNDO_3", nowhere)
	b.fail(alipay.EndpointCancel, alipay.FaultRetryFlag, 1)
	if node = b.wantCode(b.post(cancelForm("UNDO_3")), "10000", ""); node["retry_flag"] != "Y" || b.order("UNDO_3").State != alipay.StateSuccess {
		t.Errorf("retry: %v", node)
	}
	b.wantCode(b.post(refundForm("UNDO_3", "R1", "1.00")), "10000", "")
	b.wantCode(b.post(cancelForm("UNDO_3")), "40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR")
	b.paid("UNDO_4", nowhere)
	b.clock.Advance(24*time.Hour + time.Second)
	b.wantCode(b.post(cancelForm("UNDO_4")), "40004", "ACQ.TRADE_CANCEL_TIME_OUT")
	b.clock.Advance(365 * 24 * time.Hour)
	b.wantCode(b.post(cancelForm("UNDO_4")), "40004", "ACQ.TRADE_HAS_FINISHED")
	if book := b.sim.Book(); book.RefundedFen != 5100 || book.PaidFen != 15000 {
		t.Errorf("book has %d paid, %d refunded", book.PaidFen, book.RefundedFen)
	}
}

func TestRefundIsIdempotentByItsNumber(t *testing.T) {
	t.Parallel()
	checkRefund(t)
}

func checkRefund(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.paid("GIVE_1", nowhere)
	wants := func(f form, change, sum string) {
		t.Helper()
		if node := b.wantCode(b.post(f), "10000", ""); node["fund_change"] != change || node["refund_fee"] != sum {
			t.Errorf("refund: %v, want %s and %s", node, change, sum)
		}
	}
	wants(refundForm("GIVE_1", "R1", "20.00"), "Y", "20.00")
	if node := b.wantCode(b.post(refundForm("GIVE_1", "R1", "1.00")), "40004", "ACQ.DISCORDANT_REPEAT_REQUEST"); node["refund_fee"] != "0.00" || node["send_back_fee"] != "0.00" {
		t.Errorf("refusal: %v", node)
	}
	wants(refundForm("GIVE_1", "R1", "20.00"), "N", "20.00")
	b.wantCode(b.post(refundForm("GIVE_1", "R1", "20.01")), "40004", "ACQ.DISCORDANT_REPEAT_REQUEST")
	b.wantCode(b.post(refundForm("GIVE_1", "R2", "10.00")), "40004", "ACQ.SYSTEM_ERROR") // within 3 s
	b.clock.Advance(3 * time.Second)
	wants(refundForm("GIVE_1", "R2", "10.00"), "Y", "30.00")
	b.clock.Advance(3 * time.Second)
	for amount, code := range map[string]string{"20.01": "ACQ.REASON_TRADE_REFUND_FEE_ERR", "50.01": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"} {
		if node := b.wantCode(b.post(refundForm("GIVE_1", "R3", amount)), "40004", code); node["refund_fee"] != "0.00" {
			t.Errorf("%s: %v", amount, node)
		}
	}
	b.wantCode(b.post(refundForm("GIVE_1", "", "5.00")), "40004", "ACQ.INVALID_PARAMETER") // a part needs a number
	b.wantCode(b.post(refundForm("GIVE_1", "R3", "0.00")), "40004", "ACQ.INVALID_PARAMETER")
	b.fail(alipay.EndpointRefund, alipay.FaultSystemErrorAfter, 1)
	b.wantCode(b.post(refundForm("GIVE_1", "R3", "20.00")), "40004", "ACQ.SYSTEM_ERROR")
	wants(refundForm("GIVE_1", "R3", "20.00"), "N", "50.00") // it did refund
	b.wantCode(b.post(refundForm("GIVE_1", "R4", "0.01")), "40004", "ACQ.TRADE_HAS_CLOSE")
	b.create(orderForm("GIVE_2"))
	b.wantCode(b.post(refundForm("GIVE_2", "R1", "1.00")), "40004", "ACQ.TRADE_STATUS_ERROR")
	b.wantCode(b.post(refundForm("GIVE_0", "R1", "1.00")), "40004", "ACQ.TRADE_NOT_EXIST")
	b.paid("GIVE_3", nowhere)
	wants(refundForm("GIVE_3", "", "50.00"), "Y", "50.00") // all of it needs none
	b.paid("GIVE_4", nowhere)
	b.fail(alipay.EndpointRefund, "ACQ.SELLER_BALANCE_NOT_ENOUGH", 1)
	b.wantCode(b.post(refundForm("GIVE_4", "R1", "1.00")), "40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH")
	b.clock.Advance(365 * 24 * time.Hour)
	b.wantCode(b.post(refundForm("GIVE_4", "R1", "1.00")), "40004", "ACQ.TRADE_HAS_FINISHED")
	if book := b.sim.Book(); book.RefundedFen != 10_000 || b.order("GIVE_1").State != alipay.StateClosed || len(book.Refunds) != 4 {
		t.Errorf("book has %+v", book)
	}
}

func refundQuery(no, requestNo string) form {
	return common("alipay.trade.fastpay.refund.query", form{"out_trade_no": no, "out_request_no": requestNo})
}

func TestUnknownRefundIsSuccessWithoutFields(t *testing.T) {
	t.Parallel()
	checkRefundQuery(t)
}

func checkRefundQuery(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.paid("ASK_1", nowhere)
	if node := b.wantCode(b.post(refundQuery("ASK_1", "R1")), "10000", ""); len(node) != 2 {
		t.Errorf("unknown refund: %v", node)
	}
	b.wantCode(b.post(refundForm("ASK_1", "R1", "20.00")), "10000", "")
	node := b.wantCode(b.post(refundQuery("ASK_1", "R1")), "10000", "")
	if node["refund_status"] != "REFUND_SUCCESS" || node["refund_amount"] != "20.00" || node["total_amount"] != "50.00" || node["gmt_refund_pay"] != nil {
		t.Errorf("known refund: %v", node)
	}
	f := refundQuery("ASK_1", "R1").with("biz_content", `{"out_trade_no":"ASK_1","out_request_no":"R1","query_options":["gmt_refund_pay"]}`)
	if node = b.wantCode(b.post(f), "10000", ""); node["gmt_refund_pay"] != stamp {
		t.Errorf("with its time: %v", node)
	}
	b.wantCode(b.post(refundQuery("ASK_0", "R1")), "40004", "ACQ.TRADE_NOT_EXIST")
	b.wantCode(b.post(refundQuery("ASK_1", "")), "40004", "ACQ.INVALID_PARAMETER")
	b.fail(alipay.EndpointRefundQuery, alipay.FaultUnseenRefund, 1)
	if node = b.wantCode(b.post(refundQuery("ASK_1", "R1")), "10000", ""); len(node) != 2 {
		t.Errorf("too early: %v", node)
	}
}

func TestCloseRefusesInThreeWays(t *testing.T) {
	t.Parallel()
	checkClose(t)
}

func checkClose(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.wantCode(b.closeTrade("SHUT_0"), "40004", "ACQ.TRADE_NOT_EXIST")
	b.paid("SHUT_1", nowhere)
	b.wantCode(b.closeTrade("SHUT_1"), "40004", "ACQ.TRADE_STATUS_ERROR")
	b.create(orderForm("SHUT_2"))
	b.wantCode(b.closeTrade("SHUT_2"), "10000", "")
	b.wantCode(b.closeTrade("SHUT_2"), "40004", "ACQ.REASON_ILLEGAL_STATUS")
	b.create(orderForm("SHUT_3"))
	b.fail(alipay.EndpointClose, alipay.FaultPaidAnyway, 1)
	b.wantCode(b.closeTrade("SHUT_3"), "40004", "ACQ.TRADE_STATUS_ERROR")
	if b.order("SHUT_3").State != alipay.StateSuccess {
		t.Error("the late payment was not made")
	}
}
