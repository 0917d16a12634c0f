package alipay

import "guodu/mocks/sim"

// The numbers of what a lazy simulator skips; see [Behaviours].
const (
	behaviourRequestSignature = 1 + iota
	behaviourOrderOfChecks
	behaviourGatewayErrors
	behaviourRawSignature
	behaviourCertificates
	behaviourParameters
	behaviourTimestamp
	behaviourAmounts
	behaviourRepeatedCreate
	behaviourWapBegins
	behaviourExpiry
	behaviourNoticeRaces
	behaviourSchedule
	behaviourNoticeID
	behaviourNoticeSignature
	behaviourFundBills
	behaviourPassback
	behaviourGBK
	behaviourRefundNotices
	behaviourForgeries
	behaviourDiscount
	behaviourAuthCode
	behaviourIdentity
	behaviourRedirect
	behaviourBarCode
	behaviourCancel
	behaviourRefund
	behaviourRefundQuery
	behaviourClose
	behaviourTrouble
	behaviourBill
	behaviourBillDiffers
	behaviourWapPage
	behaviourBridge
	behaviourClock
	behaviourMessage
	behaviourSpelling
	behaviourNoticeHeader
	behaviourVaried
)

// Behaviours is what the documents and live gateways are known to do and a lazy
// simulator skips, each with the test that fails without it.
func Behaviours() sim.Behaviours {
	rows := []struct{ name, text, limits, test string }{
		{"request signature", "A request signed without sign_type, or over url-encoded values, is 40002 isv.invalid-signature.", "", "RequestSignatureFollowsTheRequestRule"},
		{"order of checks", "The method and the app come before the signature: an unknown app without a sign is isv.invalid-app-id.", "", "MethodAndAppComeBeforeTheSignature"},
		{"gateway errors", "Errors of the gateway itself are HTTP 200, text/html, and unsigned; ACQ errors are signed, or not, by profile.", "", "GatewayErrorsAreUnsignedPages"},
		{"raw signature", "The signature of an answer is over the bytes of its node, with escaped slashes and fields in no order.", "", "AnswerIsSignedOverItsRawBytes"},
		{"certificates", "In certificate mode requests name the app's and the root's serial number and answers Alipay's; a new certificate is a new number.", "", "CertificateModeNamesSerialNumbers"},
		{"parameters", "Parameters come from the URL and the body together; empty values are absent; an unknown method is isv.invalid-method, a broken biz_content isv.illegal-json.", "", "ParametersComeFromEverywhere"},
		{"timestamp", "A timestamp that is not yyyy-MM-dd HH:mm:ss is isv.invalid-timestamp.", "", "TimestampHasOneForm"},
		{"amounts", "0, 0.001, 1e2, -1 are ACQ.INVALID_PARAMETER, more than 100000000 is ACQ.TOTAL_FEE_EXCEED; numbers of orders have 64 letters, digits and _.", "", "AmountsAndNumbersHaveOneForm"},
		{"repeated create", "The same order gives the same trade; another amount, another buyer, a paid and a closed trade have a sub code each.", "", "CreateRepeatsOnlyTheSameOrder"},
		{"wap begins late", "An order of wap.pay does not exist until somebody opens the cashier: ACQ.TRADE_NOT_EXIST with zero amounts.", "", "WapOrderIsUnknownUntilOpened"},
		{"expiry", "timeout_express and time_expire close a trade; whoever pays later is refused; of pay and close one wins.", "", "UnpaidTradeEndsAtItsTime"},
		{"notice races", "A notice can be there before the answer of the call, twice at once, or out of order.", "", "NoticeMayOvertakeTheAnswer"},
		{"schedule", "A notice is repeated after 4m, 10m, 10m, 1h, 2h, 6h and 15h until the answer is exactly success; at the counter three times at once before that.", "", "NoticeIsRepeatedBySchedule"},
		{"notice id", "A repeated notice has its old notify_id and a new notify_time and sign; another status has another id.", "", "RepeatedNoticeKeepsItsID"},
		{"notice signature", "A notice is signed without sign_type and alipay_cert_sn and has no empty fields.", "", "NoticeIsSignedByTheNoticeRule"},
		{"fund bills", "fund_bill_list is a text of JSON in camelCase in a notice, and a list in snake_case in a query.", "", "FundBillsHaveTwoSpellings"},
		{"passback", "passback_params come back in the notice only, as they were.", "", "PassbackComesWithTheNoticeOnly"},
		{"GBK", "An order in GBK is notified in GBK.", "", "GBKOrderIsNotifiedInGBK"},
		{"refund notices", "A part of a refund is told as TRADE_SUCCESS again, with refund fields; all of it as TRADE_CLOSED; the end of the refund window as TRADE_FINISHED.", "", "RefundsAreToldLikePayments"},
		{"forgeries", "Notices with a wrong key, app, seller or amount, of old sign types, replayed or empty must not credit.", "", "ForgeriesLookLikeNotices"},
		{"discount", "receipt_amount and buyer_pay_amount are less than total_amount when there was a discount.", "", "DiscountMakesTheReceiptSmaller"},
		{"authorization code", "An authorization code works once, for its app, for its time; else isv.code-invalid, in either envelope.", "", "AuthorizationCodeWorksOnce"},
		{"identity", "An app knows persons by user_id, by open_id, or in transition by both; a token has no code and its numbers are numbers.", "", "AppKnowsOneKindOfID"},
		{"redirect", "redirect_uri must be in the app's domain; state comes back; who refuses brings no code.", "The parameter that tells of a refusal is a guess; see Profile.DenyParameter.", "AuthorizationReturnsToItsDomainOnly"},
		{"bar code", "trade.pay pays at once, or waits for a password (10003), or fails; a code works once.", "", "BarCodePaysOnceOrWaits"},
		{"cancel", "A cancel closes or refunds; an unknown out_trade_no is 10000 without an action; retry_flag asks to repeat.", "", "CancelUndoesWhateverHappened"},
		{"refund", "A refund is idempotent by out_request_no, refund_fee is the sum so far, fund_change says whether money moved.", "", "RefundIsIdempotentByItsNumber"},
		{"refund query", "A wrong out_request_no is 10000 without any refund field.", "", "UnknownRefundIsSuccessWithoutFields"},
		{"close", "A close of a paid, of a closed and of an unknown trade have three sub codes.", "", "CloseRefusesInThreeWays"},
		{"trouble", "Limits (40005), storms of 20000, slow answers and HTML of a proxy happen.", "", "TroubleComesInItsOwnForms"},
		{"bill", "A bill is there the day after at nine, its address lives 30 seconds, its zip has names and rows in GBK, refunds are negative and totals true.", "", "BillIsReadyAtNineForHalfAMinute"},
		{"bill differs", "A bill can have a row too many, one too few, or another amount.", "", "BillMayDifferFromTheBooks"},
		{"wap page", "An error of wap.pay is a page in GBK; the cashier is reached by GET and POST.", "", "WapErrorsArePagesInGBK"},
		{"bridge", "tradePay may say 6001, 6004 or 8000 although it was paid, or nothing at all.", "", "BridgeMayLieAboutAPayment"},
		{"clock", "Every stamp is Beijing time, whatever zone anybody's machine is in.", "", "StampsAreBeijingTime"},
		{"message", "A template that is not the merchant's own, somebody who does not follow, and too many messages are refused.", "The sub code for somebody who does not follow is a guess; see Profile.NotFollowerCode.", "MessageNeedsATemplateAndAFollower"},
		{"spelling", "As seen in production: format=json, - in an out_trade_no, and limit_pay and other unknown fields are taken.", "", "RequestsAreTakenAsProductionTakesThem"},
		{"notice header", "As seen in production: a notice's Content-Type has text/html among its parameters.", "", "NoticeHeaderIsAsSeenInProduction"},
		{"varied fields", "As seen in production: fields that decide nothing come and go, change their type and their order, and have strangers among them.", "", "FieldsThatDecideNothingVary"},
	}
	table := make(sim.Behaviours, 0, len(rows))
	for i, r := range rows {
		b := sim.Behaviour{Number: i + 1, Name: r.name, Text: r.text, Status: sim.Implemented, Limits: r.limits, Test: "Test" + r.test}
		if r.limits != "" {
			b.Status = sim.Simplified
		}
		table = append(table, b)
	}
	return table
}

// does says whether a behaviour is on.
func (s *Sim) does(number int) bool { return s.off.Does(number) }
