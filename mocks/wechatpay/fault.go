package wechatpay

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"guodu/mocks/sim"
)

// Endpoints that requests are counted by and that [Sim.Fail] takes.
const (
	EndpointPrepay       = "prepay"            // POST /v3/pay/transactions/jsapi
	EndpointCodePay      = "codepay"           // POST /v3/pay/transactions/codepay
	EndpointQuery        = "query"             // GET  /v3/pay/transactions/out-trade-no/{no} and /id/{id}
	EndpointClose        = "close"             // POST /v3/pay/transactions/out-trade-no/{no}/close
	EndpointRefund       = "refund"            // POST /v3/refund/domestic/refunds
	EndpointRefundQuery  = "refund.query"      // GET  /v3/refund/domestic/refunds/{out_refund_no}
	EndpointTradeBill    = "bill.trade"        // GET  /v3/bill/tradebill
	EndpointFundFlowBill = "bill.fundflow"     // GET  /v3/bill/fundflowbill
	EndpointBillDownload = "bill.download"     // GET  /v3/billdownload/file
	EndpointCertificates = "certificates"      // GET  /v3/certificates
	EndpointAuthorize    = "oauth.authorize"   // GET  /connect/oauth2/authorize
	EndpointToken        = "oauth.token"       // GET  /sns/oauth2/access_token
	EndpointAccessToken  = "account.token"     // GET  /cgi-bin/token, POST /cgi-bin/stable_token
	EndpointTemplate     = "message.template"  // POST /cgi-bin/message/template/send
	EndpointSubscribe    = "message.subscribe" // POST /cgi-bin/message/subscribe/bizsend
	EndpointCashier      = "cashier"           // POST /_sim/cashier
	endpointUnknown      = "unknown"           // signed requests to paths that do not exist
	// EndpointRefundFailing is in [Profile.Rates] only: refunds that are refused.
	EndpointRefundFailing = "refund.failing"
)

// Places of faults that are no endpoints.
const (
	// PlaceCallback is the notice of a payment, PlaceRefundCallback of a refund,
	// as Options.AutoDeliver tells them; what is delivered on demand goes past
	// the faults.
	PlaceCallback       = "callback"
	PlaceRefundCallback = "callback.refund"
	// PlacePayment is the moment of paying, PlaceRefundEnd that in which a refund
	// is done.
	PlacePayment   = "payment"
	PlaceRefundEnd = "refund.end"
)

// Errors of [Sim.Fail].
var (
	ErrUnknownEndpoint = sim.ErrUnknownEndpoint
	ErrUnknownFault    = sim.ErrUnknownFault
)

// Fault is a misbehaviour of the next requests; see [sim.Fault].
type Fault = sim.Fault

// FaultKind is a way to misbehave; see [sim.FaultKind].
type FaultKind = sim.FaultKind

// The kinds of fault that every endpoint has. On the web authorization, which
// has no signature and no HTTP status of its own, an error is errcode -1 or
// 45011, and FaultSigntest and FaultFlipped do nothing.
const (
	FaultErrorBefore = sim.FaultErrorBefore
	FaultErrorAfter  = sim.FaultErrorAfter
	FaultHangBefore  = sim.FaultHangBefore
	FaultHangAfter   = sim.FaultHangAfter
	FaultBadGateway  = sim.FaultBadGateway
	FaultTooMany     = sim.FaultTooMany
	// FaultSigntest does the work and puts a probe's signature on a 2xx.
	FaultSigntest    FaultKind = "signtest"
	FaultTruncate              = sim.FaultTruncate
	FaultResetBefore           = sim.FaultResetBefore
	FaultResetAfter            = sim.FaultResetAfter
)

// More kinds of every endpoint, and kinds of some places only.
const (
	FaultGzipPage = sim.FaultGzipPage
	FaultSlow     = sim.FaultSlow
	// FaultFlipped does the work and changes one byte of a signed answer.
	FaultFlipped FaultKind = "flipped"

	// FaultCallbackFirst, of prepay: the payer pays and the merchant hears of it
	// before the answer to prepay goes out.
	FaultCallbackFirst FaultKind = "callback-first"
	// FaultPaidAtClose, of close: the payer pays just before.
	FaultPaidAtClose FaultKind = "paid-at-close"
	// FaultUserPaying, of codepay: the payer has to type a password, and does so
	// ten seconds later; with FaultUserCancels the payer gives up instead.
	FaultUserPaying  FaultKind = "user-paying"
	FaultUserCancels FaultKind = "user-cancels"

	// Of PlacePayment: Amount fen are paid by a coupon; the order is refunded in
	// full or for Amount fen by the console; the money is charged back.
	FaultCoupon        FaultKind = "coupon"
	FaultRefundOutside FaultKind = "refund-outside"
	FaultChargeback    FaultKind = "chargeback"

	// Of PlaceRefundEnd: how the refund ends, or DelayMS later.
	FaultAbnormal FaultKind = "abnormal"
	FaultClosed   FaultKind = "closed"

	// Of bills: one row is missing, one is there that never was, one has another
	// amount. The totals go with the rows.
	FaultRowMissing FaultKind = "row-missing"
	FaultRowExtra   FaultKind = "row-extra"
	FaultRowAmount  FaultKind = "row-amount"

	// Of callbacks: signed by the other kind of key, or by a new certificate.
	FaultOtherKeyKind FaultKind = "other-key-kind"
	FaultRotated      FaultKind = "rotated-certificate"
)

// genuineKinds are the odd callbacks that a merchant may believe.
var genuineKinds = []FaultKind{FaultOtherKeyKind, FaultRotated}

var endpointKinds = []FaultKind{
	FaultErrorBefore, FaultErrorAfter, FaultHangBefore, FaultHangAfter, FaultBadGateway,
	FaultTooMany, FaultSigntest, FaultTruncate, FaultResetBefore, FaultResetAfter,
}

// FaultKinds lists those that every endpoint has always had, for tables;
// [Sim.Faults] has all.
func FaultKinds() []FaultKind { return slices.Clone(endpointKinds) }

// documented are the refusals that no request can provoke here: each is a kind
// of fault, "refuse-" and the code in small letters.
var documented = map[string][]refusal{
	EndpointPrepay: {
		{status: 400, Code: "MCH_NOT_EXISTS", Message: "商户号不存在"}, {status: 403, Code: "NO_AUTH", Message: "商户无权限"},
		{status: 403, Code: "OUT_TRADE_NO_USED", Message: "商户订单号重复"}, {status: 403, Code: "RULE_LIMIT", Message: "业务规则限制"},
		{status: 403, Code: "TRADE_ERROR", Message: "交易错误"}, {status: 403, Code: "ACCOUNT_ERROR", Message: "账号异常"},
		{status: 500, Code: "BANK_ERROR", Message: "银行系统异常"},
	},
	EndpointCodePay: {
		{status: 403, Code: "NO_AUTH", Message: "商户无权限"}, {status: 403, Code: "RULE_LIMIT", Message: "业务规则限制"},
		{status: 403, Code: "TRADE_ERROR", Message: "交易错误"}, {status: 403, Code: "NOT_ENOUGH", Message: "用户余额不足"},
		{status: 500, Code: "BANK_ERROR", Message: "银行系统异常"},
	},
	EndpointQuery: {{status: 403, Code: "RULE_LIMIT", Message: "业务规则限制"}, {status: 403, Code: "TRADE_ERROR", Message: "交易错误"}},
	EndpointRefund: {
		{status: 403, Code: "NOT_ENOUGH", Message: "基本账户余额不足，请充值后重新发起"},
		{status: 403, Code: "USER_ACCOUNT_ABNORMAL", Message: "用户账户异常或已注销"},
		{status: 403, Code: "REQUEST_BLOCKED", Message: "退款请求被拦截"}, {status: 403, Code: "NO_AUTH", Message: "没有退款权限"},
		{status: 404, Code: "MCH_NOT_EXISTS", Message: "商户号不存在"},
		{status: 500, Code: "BIZ_ERR_NEED_RETRY", Message: "退款业务流程错误，需要商户触发重试来解决"},
	},
	EndpointRefundQuery: {{status: 404, Code: "MCH_NOT_EXISTS", Message: "商户号不存在"}},
	EndpointTradeBill:   {{status: 403, Code: "NO_AUTH", Message: "没有账单权限"}}, EndpointFundFlowBill: {{status: 403, Code: "NO_AUTH", Message: "没有账单权限"}},
}

// accountRefusals are the same of the base interfaces, by errcode. (Source:
// 全局返回码.)
var accountRefusals = map[string]map[FaultKind]accountError{
	EndpointAccessToken: {
		"refuse-40125": {40125, "invalid appsecret"}, "refuse-40164": {40164, "invalid ip, not in whitelist"},
		"refuse-45009": {45009, "reach max api daily quota limit"},
	},
	EndpointTemplate: {
		"refuse-40001": {40001, "invalid credential, access_token is invalid or not latest"}, "refuse-40037": {40037, "invalid template_id"},
		"refuse-42001": {42001, "access_token expired"}, "refuse-43004": {43004, "require subscribe"},
		"refuse-43101": {43101, "user refuse to accept the msg"}, "refuse-45009": {45009, "reach max api daily quota limit"},
		"refuse-47003": {47003, "argument invalid!"}, "refuse-48001": {48001, "api unauthorized"},
	},
	EndpointSubscribe: {"refuse-43101": {43101, "user refuse to accept the msg"}, "refuse-45009": {45009, "reach max api daily quota limit"}},
}

func refusalKind(code string) FaultKind {
	return FaultKind("refuse-" + strings.ToLower(strings.ReplaceAll(code, "_", "-")))
}

// requestKinds are acted out by [sim.Serve].
func requestKinds() map[FaultKind]sim.KindInfo {
	kinds := sim.RequestFaults()
	kinds[FaultSigntest] = sim.KindInfo{When: sim.After, Act: sim.ActBend}
	kinds[FaultFlipped] = sim.KindInfo{When: sim.After, Act: sim.ActBend}
	for _, list := range documented {
		for _, r := range list {
			kinds[refusalKind(r.Code)] = sim.KindInfo{When: sim.Before, Act: sim.ActSay}
		}
	}
	for _, list := range accountRefusals {
		for kind := range list {
			kinds[kind] = sim.KindInfo{When: sim.Before, Act: sim.ActSay}
		}
	}
	return kinds
}

// places has what each place can do wrong.
func places() map[string][]FaultKind {
	all := append(slices.Clone(endpointKinds), FaultGzipPage, FaultSlow, FaultFlipped)
	own := map[string][]FaultKind{
		EndpointPrepay: {FaultCallbackFirst}, EndpointClose: {FaultPaidAtClose}, EndpointCodePay: {FaultUserPaying, FaultUserCancels},
		EndpointTradeBill:    {FaultRowMissing, FaultRowExtra, FaultRowAmount},
		EndpointFundFlowBill: {FaultRowMissing, FaultRowExtra, FaultRowAmount},
	}
	out := map[string][]FaultKind{}
	for _, endpoint := range []string{
		EndpointPrepay, EndpointCodePay, EndpointQuery, EndpointClose, EndpointRefund, EndpointRefundQuery, EndpointTradeBill,
		EndpointFundFlowBill, EndpointBillDownload, EndpointCertificates, EndpointAuthorize, EndpointToken, EndpointAccessToken,
		EndpointTemplate, EndpointSubscribe, EndpointCashier,
	} {
		kinds := append(slices.Clone(all), own[endpoint]...)
		for _, r := range documented[endpoint] {
			kinds = append(kinds, refusalKind(r.Code))
		}
		kinds = append(kinds, slices.Sorted(maps.Keys(accountRefusals[endpoint]))...)
		out[endpoint] = kinds
	}
	told := append(sim.CallbackFaults(), genuineKinds...)
	refunds := slices.Clone(told)
	for _, t := range TamperKinds() {
		told = append(told, FaultKind(t))
		if tricks[t].content == nil && t != TamperEventRefund {
			refunds = append(refunds, FaultKind(t))
		}
	}
	out[PlaceCallback], out[PlaceRefundCallback] = told, refunds
	out[PlacePayment] = []FaultKind{FaultCoupon, FaultRefundOutside, FaultChargeback}
	out[PlaceRefundEnd] = []FaultKind{FaultAbnormal, FaultClosed, sim.FaultDelay}
	return out
}

// switchedOff are the faults of the behaviours that are off.
func (s *Sim) switchedOff() []FaultKind {
	var out []FaultKind
	off := func(number int, kinds ...FaultKind) {
		if !s.does(number) {
			out = append(out, kinds...)
		}
	}
	off(BCoupon, FaultCoupon)
	off(BDuplicates, sim.FaultLose, sim.FaultNever, sim.FaultDelay, sim.FaultRepeat, sim.FaultTwice)
	off(BDisorder, FaultCallbackFirst, sim.FaultReorder)
	off(BProbes, FaultSigntest)
	off(BCallbackKeys, genuineKinds...)
	off(BOutages, FaultErrorBefore, FaultErrorAfter, FaultHangBefore, FaultHangAfter, FaultBadGateway, FaultGzipPage,
		FaultTooMany, FaultTruncate, FaultResetBefore, FaultResetAfter)
	off(BRefunds, FaultAbnormal, FaultClosed)
	off(BWrongBills, FaultRowMissing, FaultRowExtra, FaultRowAmount)
	for _, t := range TamperKinds() {
		if t.Authentic() {
			off(BHostileBodies, FaultKind(t))
		} else if t != TamperSigntest {
			off(BCallbackKeys, FaultKind(t))
		}
	}
	return out
}

// Fail makes what happens next at a place go wrong. Faults of one place queue
// up behind each other.
// Errors: ErrUnknownEndpoint, ErrUnknownFault.
func (s *Sim) Fail(where string, f Fault) error { return s.stand.Faults.Add(where, f) }

// ClearFaults forgets all faults that have not happened yet.
func (s *Sim) ClearFaults() { s.stand.Faults.Clear() }

// Faults is what waits to happen, and what can.
func (s *Sim) Faults() *sim.Faults { return s.stand.Faults }

// refusalOf finds a documented refusal by its kind.
func refusalOf(endpoint string, kind FaultKind) *refusal {
	for _, r := range documented[endpoint] {
		if refusalKind(r.Code) == kind {
			return refuse(r.status, numberOther, r.Code, r.Message)
		}
	}
	return refuse(http.StatusInternalServerError, numberOther, "SYSTEM_ERROR", string(kind))
}
