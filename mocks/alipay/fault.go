package alipay

import (
	"maps"
	"slices"

	"guodu/mocks/sim"
)

// Endpoints that requests are counted by and that [Sim.Fail] takes.
const (
	EndpointCreate       = "create"          // alipay.trade.create
	EndpointWapPay       = "wap.pay"         // alipay.trade.wap.pay, the page
	EndpointPay          = "pay"             // alipay.trade.pay
	EndpointQuery        = "query"           // alipay.trade.query
	EndpointClose        = "close"           // alipay.trade.close
	EndpointCancel       = "cancel"          // alipay.trade.cancel
	EndpointRefund       = "refund"          // alipay.trade.refund
	EndpointRefundQuery  = "refund.query"    // alipay.trade.fastpay.refund.query
	EndpointBill         = "bill"            // alipay.data.dataservice.bill.downloadurl.query
	EndpointBillFile     = "bill.file"       // GET of what that answers
	EndpointMessage      = "message"         // alipay.open.public.message.single.send
	EndpointCertificate  = "certificate"     // alipay.open.app.alipaycert.download
	EndpointToken        = "oauth.token"     // alipay.system.oauth.token
	EndpointAuthorize    = "oauth.authorize" // GET /oauth2/publicAppAuthorize.htm
	EndpointConsent      = "oauth.consent"   // the form of its page
	EndpointCashier      = "cashier"         // POST /_sim/cashier
	EndpointWapCashier   = "wap.cashier"     // the form of the page
	EndpointBarCode      = "barcode"         // POST /_sim/barcode
	EndpointNotifyVerify = "notify.verify"   // GET gateway.do?service=notify_verify
)

// EndpointUnknown counts the requests to the gateway for a method that it does
// not know. It cannot be made to fail.
const EndpointUnknown = "unknown"

// Fault kinds that every endpoint can have beside those of [sim.RequestFaults].
// Pages have no codes and no signature: an error is there a page that says so,
// and FaultUnsigned and FaultFlipped do nothing. At the JSON cashier an error
// is resultCode 6004, and a limit 6002.
const (
	// FaultSystemErrorBefore answers 40004 ACQ.SYSTEM_ERROR and does nothing.
	FaultSystemErrorBefore sim.FaultKind = "system-error-before"
	// FaultSystemErrorAfter does the work and answers 40004 ACQ.SYSTEM_ERROR.
	FaultSystemErrorAfter sim.FaultKind = "system-error-after"
	// FaultUnsigned does the work and leaves the sign out.
	FaultUnsigned sim.FaultKind = "unsigned"
	// FaultFlipped does the work and changes one byte of what it has signed.
	FaultFlipped sim.FaultKind = "flipped"
)

// Fault kinds of one endpoint or two.
const (
	// FaultNoticeFirst pays what is created or, at the counter, charged, and
	// tells the merchant before the call is answered.
	FaultNoticeFirst sim.FaultKind = "notice-first"
	// FaultPaidAnyway has the buyer pay what a close or a cancel is about, just
	// before it comes.
	FaultPaidAnyway sim.FaultKind = "paid-anyway"
	// FaultQuietRefund refunds and answers fund_change N.
	FaultQuietRefund sim.FaultKind = "quiet-refund"
	// FaultUnseenRefund answers a refund query as if there were no such refund.
	FaultUnseenRefund sim.FaultKind = "unseen-refund"
	// FaultRetryFlag answers a cancel with retry_flag Y and does nothing.
	FaultRetryFlag sim.FaultKind = "retry-flag"
	// FaultStaleQuery answers a query with the state before the payment.
	FaultStaleQuery sim.FaultKind = "stale-query"
	// FaultRolledCertificate gives Alipay a new certificate first, in certificate
	// mode.
	FaultRolledCertificate sim.FaultKind = "rolled-certificate"
	// FaultMissingRow leaves a trade out of a bill, FaultExtraRow puts one in
	// that never was, and FaultOtherAmount makes one dearer by a fen. That bill
	// stays so.
	FaultMissingRow  sim.FaultKind = "missing-row"
	FaultExtraRow    sim.FaultKind = "extra-row"
	FaultOtherAmount sim.FaultKind = "other-amount"
	// FaultDeadURL makes the address of a bill dead at once.
	FaultDeadURL sim.FaultKind = "dead-url"
	// FaultResult… pays at the cashier and tells the page something else.
	FaultResultUnknown   sim.FaultKind = "result-6004"
	FaultResultCancelled sim.FaultKind = "result-6001"
	FaultResultWaiting   sim.FaultKind = "result-8000"
	// FaultDiscount has a payment at the cashier made with a coupon of the
	// merchant's, a tenth of the amount.
	FaultDiscount sim.FaultKind = "discount"
	// FaultRefundedOutside gives back what was paid at the cashier, from the
	// console, DelayMS later on the clock; an hour by default.
	FaultRefundedOutside sim.FaultKind = "refunded-outside"
)

// refusals are the documented errors of an endpoint that its own rules never
// come to: an account without money, a merchant who is blocked. A fault kind
// that is named by the sub code makes the endpoint answer so, and do nothing.
var refusals = map[string][]string{
	EndpointCreate: {
		"ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR", "ACQ.EXIST_FORBIDDEN_WORD", "ACQ.BUYER_ENABLE_STATUS_FORBID",
		"ACQ.SELLER_BEEN_BLOCKED", "ACQ.MERCHANT_STATUS_NOT_NORMAL", "ACQ.RISK_MERCHANT_IP_NOT_EXIST",
	},
	EndpointPay: append([]string{
		"ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR", "ACQ.EXIST_FORBIDDEN_WORD", "ACQ.SELLER_BEEN_BLOCKED", "ACQ.MERCHANT_STATUS_NOT_NORMAL",
	}, payRefusals...),
	EndpointClose:       {"ACQ.REASON_TRADE_STATUS_INVALID"},
	EndpointCancel:      {"AQC.SYSTEM_ERROR", "ACQ.CANCEL_NOT_ALLOWED", "ACQ.REASON_TRADE_BEEN_FREEZEN", "ACQ.SELLER_BALANCE_NOT_ENOUGH"},
	EndpointRefund:      {"ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.TRADE_NOT_ALLOW_REFUND", "ACQ.REASON_TRADE_BEEN_FREEZEN", "ACQ.BUYER_ENABLE_STATUS_FORBID"},
	EndpointRefundQuery: {"ACQ.ACCESS_FORBIDDEN"},
	EndpointBill:        {"SYSTEM_RATE_LIMIT", "USER_RATE_LIMIT", "UNKNOWN_ERROR", "isp.bill_not_exist", "NO_BILL_DATA"},
	EndpointMessage:     {"PUB.MSG_BATCH_SD_OVER"},
	EndpointQuery:       {"TRADE_NOT_EXIST"}, // without its prefix, as has been seen
}

// generalRefusals are the gateway's own errors that a simulator with one app in
// good standing never comes to, with their codes. Every method can have them, by
// name. (Source: 公共错误码.)
var generalRefusals = map[string]string{
	"aop.unknow-error": "20000", "aop.ACQ.SYSTEM_ERROR": "20000",
	"aop.invalid-auth-token": "20001", "aop.auth-token-time-out": "20001", "aop.invalid-app-auth-token-no-api": "20001",
	"isv.missing-signature-key": "40001",
	"isv.not-online-app":        "40002", "isv.app-cert-expired": "40002",
	"isv.missing-signature-config": "40003", "isv.invalid-auth-relations": "40003",
	"isv.method-call-limited":          "40005",
	"isv.insufficient-isv-permissions": "40006", "isv.insufficient-user-permissions": "40006",
}

// ownFaults are the kinds of one endpoint, apart from the refusals.
var ownFaults = map[string][]sim.FaultKind{
	EndpointCreate:      {FaultNoticeFirst},
	EndpointPay:         {FaultNoticeFirst},
	EndpointClose:       {FaultPaidAnyway},
	EndpointCancel:      {FaultRetryFlag, FaultPaidAnyway},
	EndpointRefund:      {FaultQuietRefund},
	EndpointRefundQuery: {FaultUnseenRefund},
	EndpointQuery:       {FaultStaleQuery, FaultRolledCertificate},
	EndpointBill:        {FaultMissingRow, FaultExtraRow, FaultOtherAmount, FaultDeadURL},
	EndpointCashier:     {FaultResultUnknown, FaultResultCancelled, FaultResultWaiting, FaultDiscount, FaultRefundedOutside},
	EndpointWapCashier:  {FaultDiscount, FaultRefundedOutside},
}

// endpoints are all that can fail, in a fixed order.
var endpoints = []string{
	EndpointCreate, EndpointWapPay, EndpointPay, EndpointQuery, EndpointClose, EndpointCancel, EndpointRefund, EndpointRefundQuery,
	EndpointBill, EndpointBillFile, EndpointMessage, EndpointCertificate, EndpointToken, EndpointAuthorize, EndpointConsent,
	EndpointCashier, EndpointWapCashier, EndpointBarCode, EndpointNotifyVerify,
}

// faultKinds are those of every endpoint after which the caller is none the
// wiser about the outcome.
var faultKinds = []sim.FaultKind{
	sim.FaultErrorBefore, sim.FaultErrorAfter, FaultSystemErrorBefore, FaultSystemErrorAfter, sim.FaultTooMany,
	sim.FaultHangBefore, sim.FaultHangAfter, sim.FaultBadGateway, sim.FaultGzipPage, FaultUnsigned, FaultFlipped,
	sim.FaultTruncate, sim.FaultResetBefore, sim.FaultResetAfter,
}

// FaultKinds lists the kinds that every endpoint can have and after which the
// caller cannot know the outcome, for tables.
func FaultKinds() []sim.FaultKind { return slices.Clone(faultKinds) }

// places has the kinds of fault that each place takes.
func places() map[string][]sim.FaultKind {
	out := map[string][]sim.FaultKind{}
	for _, name := range endpoints {
		kinds := append(FaultKinds(), sim.FaultSlow)
		kinds = append(kinds, ownFaults[name]...)
		for _, code := range refusals[name] {
			kinds = append(kinds, sim.FaultKind(code))
		}
		out[name] = kinds
	}
	for _, m := range methods {
		for _, code := range slices.Sorted(maps.Keys(generalRefusals)) {
			out[m.endpoint] = append(out[m.endpoint], sim.FaultKind(code))
		}
	}
	notices := sim.CallbackFaults()
	for _, kind := range TamperKinds() {
		notices = append(notices, sim.FaultKind(kind))
	}
	out[PlaceNotify], out[PlaceCounter] = notices, notices
	return out
}

// kinds says what sim.Serve does about each; the kinds that it does not know
// are for the work itself.
func kinds() map[sim.FaultKind]sim.KindInfo {
	out := sim.RequestFaults()
	out[FaultSystemErrorBefore] = sim.KindInfo{When: sim.Before, Act: sim.ActSay}
	out[FaultSystemErrorAfter] = sim.KindInfo{When: sim.After, Act: sim.ActSay}
	out[FaultUnsigned] = sim.KindInfo{When: sim.After, Act: sim.ActBend}
	out[FaultFlipped] = sim.KindInfo{When: sim.After, Act: sim.ActBend}
	for code := range generalRefusals {
		out[sim.FaultKind(code)] = sim.KindInfo{When: sim.Before, Act: sim.ActSay}
	}
	for _, codes := range refusals {
		for _, code := range codes {
			out[sim.FaultKind(code)] = sim.KindInfo{When: sim.Before, Act: sim.ActSay}
		}
	}
	return out
}

// Fail makes the next requests to an endpoint, or the next notifies, misbehave.
// Faults of one place queue up behind each other.
// Errors: sim.ErrUnknownEndpoint, sim.ErrUnknownFault.
func (s *Sim) Fail(where string, f sim.Fault) error { return s.stand.Faults.Add(where, f) }

// ClearFaults forgets all faults that have not happened yet.
func (s *Sim) ClearFaults() { s.stand.Faults.Clear() }
