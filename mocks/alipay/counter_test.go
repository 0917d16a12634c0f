package alipay_test

import "guodu/mocks/alipay"

// counterForm is the biz_content of a charge by bar code.
func counterForm(no, code string) form {
	return form{
		"out_trade_no": no, "total_amount": "50.00", "subject": "校园卡充值", "scene": "bar_code", "auth_code": code,
		"store_id": "S1", "terminal_id": "T1",
	}
}

func chargeForm(biz form) form { return common("alipay.trade.pay", biz).with("notify_url", nowhere) }

// barCode is a person showing a code.
func (b *bench) barCode(req alipay.BarCodeRequest) string {
	b.t.Helper()
	code, err := b.sim.ShowBarCode(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return code
}

// refundForm is a request for a refund.
func refundForm(no, requestNo, amount string) form {
	return common("alipay.trade.refund", form{"out_trade_no": no, "out_request_no": requestNo, "refund_amount": amount})
}

// paid makes a paid trade of 50.00 yuan, told to an address.
func (b *bench) paid(no, notifyURL string) {
	b.t.Helper()
	b.pay(b.createTo(no, notifyURL))
}
