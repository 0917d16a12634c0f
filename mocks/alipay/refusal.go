package alipay

import "errors"

// ErrRefused says that the gateway would have answered with an error; the text
// has its sub_code.
var ErrRefused = errors.New("alipay simulator: refused")

// messages are the msg of each code. (Source: 公共错误码.)
var messages = map[string]string{
	"10000": "Success",
	"20000": "Service Currently Unavailable",
	"20001": "Insufficient Token Permissions",
	"40001": "Missing Required Arguments",
	"40002": "Invalid Arguments",
	"40003": "Insufficient Conditions",
	"40004": "Business Failed",
	"40005": "Call Limited",
	"40006": "Insufficient Permissions",
	"10003": " order success pay inprocess", // the space is the gateway's
}

// refusal is an error node. It is an error, too, so that Go callers get to see
// what a page shows.
type refusal struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	SubCode string `json:"sub_code"`
	SubMsg  string `json:"sub_msg"`
	*nothingPaid
	// RefundFee and BackFee come with the refusal of a refund.
	RefundFee string `json:"refund_fee,omitempty"`
	BackFee   string `json:"send_back_fee,omitempty"`

	general bool  // goes into error_response
	cause   error // of the trade's own, or nil
}

// nothingPaid is what comes along with a TRADE_NOT_EXIST of a query.
type nothingPaid struct {
	BuyerPayAmount string `json:"buyer_pay_amount"`
	InvoiceAmount  string `json:"invoice_amount"`
	OutTradeNo     string `json:"out_trade_no,omitempty"`
	PointAmount    string `json:"point_amount"`
	ReceiptAmount  string `json:"receipt_amount"`
}

func (r *refusal) Error() string { return ErrRefused.Error() + ": " + r.SubCode }

func (r *refusal) Unwrap() error {
	if r.cause != nil {
		return r.cause
	}
	return ErrRefused
}

func refuse(code, subCode, subMsg string) *refusal {
	return &refusal{Code: code, Msg: messages[code], SubCode: subCode, SubMsg: subMsg}
}

// missing and invalid are the gateway's own complaints: never signed.
func missing(what string) *refusal {
	return refuse("40001", "isv.missing-"+what, "缺少参数："+what)
}
func invalid(what string) *refusal {
	return refuse("40002", "isv.invalid-"+what, "参数有误："+what)
}

// business is an error of the trade product behind the gateway.
func business(subCode, subMsg string) *refusal { return refuse("40004", "ACQ."+subCode, subMsg) }

func badParameter(name string) *refusal {
	return business("INVALID_PARAMETER", "参数无效："+name)
}

// systemError may come with the work done: the outcome is unknown.
func systemError() *refusal { return business("SYSTEM_ERROR", "系统错误") }

func unavailable() *refusal { return refuse("20000", "isp.unknow-error", "系统繁忙") }

func callLimited() *refusal {
	return refuse("40005", "isv.app-call-limited", "应用调用次数超限")
}

// tradeRefusal puts a trade's no into the words of create and wap.pay.
func tradeRefusal(err error) *refusal {
	r := callLimited() // errFull
	switch {
	case errors.Is(err, ErrOrderPaid):
		r = business("TRADE_HAS_SUCCESS", "交易已被支付")
	case errors.Is(err, ErrOrderClosed), errors.Is(err, ErrOrderExpired):
		r = business("TRADE_HAS_CLOSE", "交易已经关闭")
	case errors.Is(err, ErrBuyer):
		r = business("TRADE_BUYER_NOT_MATCH", "交易买家不匹配")
	case errors.Is(err, errTermsDiffer):
		r = business("CONTEXT_INCONSISTENT", "交易信息被篡改")
	case errors.Is(err, errBornExpired):
		r = business("NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间")
	}
	r.cause = err
	return r
}
