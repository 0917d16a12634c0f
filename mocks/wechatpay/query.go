package wechatpay

import (
	"encoding/json"
	"net/http"

	"guodu/mocks/sim"
)

// tradeTypes and bank codes of a payment from the balance.
const (
	tradeTypeJSAPI = "JSAPI"
	tradeTypeCode  = "MICROPAY"
	bankBalance    = "OTHERS"
	maxIDChars     = 32
)

var stateTexts = map[State]string{
	StateNotPay: "订单未支付", StateSuccess: "支付成功", StateRefund: "订单发生过退款，退款详情请查询退款单",
	StateClosed: "订单已关闭", StateUserPaying: "用户支付中", StatePayError: "支付失败",
}

// transaction is an order as queries and callbacks show it. Amounts are fen. The
// pointers are nil until it is paid: an unpaid order shows its state only.
type transaction struct {
	AppID           string      `json:"appid"`
	MchID           string      `json:"mchid"`
	OutTradeNo      string      `json:"out_trade_no"`
	TransactionID   string      `json:"transaction_id,omitempty"`
	TradeType       string      `json:"trade_type,omitempty"`
	TradeState      string      `json:"trade_state"`
	TradeStateDesc  string      `json:"trade_state_desc"`
	BankType        string      `json:"bank_type,omitempty"`
	Attach          string      `json:"attach,omitempty"`
	SuccessTime     string      `json:"success_time,omitempty"`
	Payer           *payer      `json:"payer,omitempty"`
	Amount          *amount     `json:"amount,omitempty"`
	PromotionDetail []promotion `json:"promotion_detail,omitempty"`
}

// promotion is one coupon; here WeChat Pay has paid for it.
type promotion struct {
	CouponID            string `json:"coupon_id"`
	Name                string `json:"name"`
	Scope               string `json:"scope"`
	Type                string `json:"type"`
	Amount              int64  `json:"amount"`
	StockID             string `json:"stock_id"`
	WechatpayContribute int64  `json:"wechatpay_contribute"`
	MerchantContribute  int64  `json:"merchant_contribute"`
	OtherContribute     int64  `json:"other_contribute"`
	Currency            string `json:"currency"`
}

type payer struct {
	Openid string `json:"openid"`
}

type amount struct {
	Total         int64  `json:"total"`
	PayerTotal    int64  `json:"payer_total"`
	Currency      string `json:"currency"`
	PayerCurrency string `json:"payer_currency"`
}

func (s *Sim) show(o order) transaction {
	t := transaction{
		AppID: s.opts.AppID, MchID: s.opts.MchID, OutTradeNo: o.OutTradeNo,
		TradeState: string(o.tradeState()), TradeStateDesc: stateTexts[o.tradeState()],
	}
	if !o.paid() && s.does(BQueryShape) {
		return t
	}
	t.TransactionID, t.TradeType, t.BankType = o.TransactionID, o.TradeType, bankBalance
	t.Attach, t.SuccessTime = o.Attach, stamped(o.PaidAt)
	t.Payer = &payer{o.Openid}
	t.Amount = &amount{Total: o.TotalFen, PayerTotal: o.TotalFen - o.CouponFen, Currency: currencyCNY, PayerCurrency: currencyCNY}
	if o.CouponFen > 0 {
		t.PromotionDetail = []promotion{{
			CouponID: "COUPON" + o.TransactionID[len(o.TransactionID)-10:], Name: "校园满减券", Scope: "GLOBAL", Type: "CASH",
			Amount: o.CouponFen, StockID: "1900000001", WechatpayContribute: o.CouponFen, Currency: currencyCNY,
		}}
	}
	return t
}

// queryByNo is 商户订单号查询订单.
func (s *Sim) queryByNo(c *sim.Call) answer {
	no := c.Request.PathValue("no")
	c.Order = no
	if !outTradeNoForm.MatchString(no) {
		return wrongURL("/out_trade_no", no, "商户订单号有误").answer()
	}
	return s.queried(c, func() (order, bool) { return s.orders.find(no) })
}

// queryByID is 微信支付订单号查询订单: it knows paid orders only.
func (s *Sim) queryByID(c *sim.Call) answer {
	id := c.Request.PathValue("id")
	if len(id) > maxIDChars {
		return wrongURL("/transaction_id", id, "微信支付订单号有误").answer()
	}
	return s.queried(c, func() (order, bool) { return s.orders.findByTransaction(id) })
}

func (s *Sim) queried(c *sim.Call, find func() (order, bool)) answer {
	mchid := c.Request.URL.Query().Get("mchid")
	switch mchid {
	case s.opts.MchID:
	case "":
		return wrongURL("/mchid", "", "缺少商户号").answer()
	default:
		return mchMismatch().answer()
	}
	o, ok := find()
	if !ok {
		return notExist().answer()
	}
	c.Order = o.OutTradeNo
	return signedOK(s.shapeOrder(o))
}

func wrongURL(name, value, issue string) *refusal {
	r := refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", issue)
	r.Detail = &fieldDetail{Field: name, Value: json.RawMessage(encode(value)), Issue: issue, Location: "url"}
	return r
}

func mchMismatch() *refusal {
	return refuse(http.StatusBadRequest, numberMchMismatch, "INVALID_REQUEST", "商户号与签名的商户号不一致")
}

func notExist() *refusal {
	return refuse(http.StatusNotFound, numberNotExist, "ORDER_NOT_EXIST", "订单不存在")
}
