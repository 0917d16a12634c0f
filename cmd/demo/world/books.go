package world

import (
	"guodu/mocks/alipay"
	"guodu/mocks/wechatpay"
)

// PaidFen is what the holder has paid by the channels' own books.
func (w *World) PaidFen() int64 {
	paid := w.WeChat.Book().PaidFen
	if w.Alipay != nil {
		paid += w.Alipay.Book().PaidFen
	}
	return paid
}

// RefundedFen is what the channels gave back, by their own books.
func (w *World) RefundedFen() int64 {
	refunded := w.WeChat.Book().RefundedFen
	if w.Alipay != nil {
		refunded += w.Alipay.Book().RefundedFen
	}
	return refunded
}

// PaidOrders are the orders that the channels' own books call paid.
func (w *World) PaidOrders() []string {
	var paid []string
	for _, o := range w.WeChat.Book().Orders {
		if o.State == wechatpay.StateSuccess {
			paid = append(paid, o.OutTradeNo)
		}
	}
	if w.Alipay == nil {
		return paid
	}
	for _, t := range w.Alipay.Book().Orders {
		if t.State == alipay.StateSuccess {
			paid = append(paid, t.OutTradeNo)
		}
	}
	return paid
}

// Repeated is how many accepted callbacks came after another one for the same
// order, by the channels' own counts.
func (w *World) Repeated() int {
	repeated := 0
	for _, o := range w.WeChat.Book().Orders {
		repeated += max(0, o.CallbacksAccepted-1)
	}
	if w.Alipay != nil {
		for _, t := range w.Alipay.Book().Orders {
			repeated += max(0, t.CallbacksAccepted-1)
		}
	}
	return repeated
}

// Asked is what a channel was asked to collect for an order, in fen.
func (w *World) Asked(channel, order string) (fen int64, found bool) {
	switch {
	case channel == "wechat":
		o, found := w.WeChat.Book().Order(order)
		return o.TotalFen, found
	case channel == "alipay" && w.Alipay != nil:
		t, found := w.Alipay.Book().Order(order)
		return t.TotalFen, found
	}
	return 0, false
}

// WeChatAppID is the official account's, under which payers have their openids.
func (w *World) WeChatAppID() string { return appID }
