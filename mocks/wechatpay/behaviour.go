package wechatpay

import (
	"slices"

	"guodu/mocks/sim"
)

// The documented behaviours, by number. [Options.Without] switches one off.
const (
	BAuthorization = iota + 1
	BRequestTime
	BMerchantMatch
	BAnswerKey
	BSigned204
	BErrorShape
	BFieldTypes
	BFieldLimits
	BNotifyURL
	BRepeatedPrepay
	BPrepayLife
	BExpiryLimits
	BPaySign
	BPayer
	BDoubleTap
	BPayOrClose
	BQueryShape
	BCoupon
	BCallbackCrypto
	BRetries
	BDuplicates
	BDisorder
	BProbes
	BCallbackKeys
	BHostileBodies
	BOutages
	BRefunds
	BBills
	BWrongBills
	BCertificates
	BOAuth
	BAccounts
	BPersistence
	BLiveRequests
	BVariedFields
	BLiveBills
)

var behaviours = sim.Behaviours{
	{Number: BAuthorization, Name: "authorization", Test: "TestB01AuthorizationIsVerifiedOverTheRawBytes",
		Text: "The Authorization header is verified over the raw bytes and the query string; anything wrong is an unsigned 401 SIGN_ERROR."},
	{Number: BRequestTime, Name: "request time", Test: "TestB02RequestsOfAnotherTimeAreRefused",
		Text: "A request stamp five minutes or more off is a 401."},
	{Number: BMerchantMatch, Name: "merchant match", Test: "TestB03TheBodysMerchantIsTheHeaders",
		Text: "Another mchid in the body than in the header is 400 PARAM_ERROR; an unknown certificate serial is a 401."},
	{Number: BAnswerKey, Name: "answer key", Test: "TestB04AnswersAreSignedWithTheKeyThatWasNamed",
		Text: "The answer is signed with the key that Wechatpay-Serial names, public key or certificate; Request-ID is always there."},
	{Number: BSigned204, Name: "signed 204", Test: "TestB05CloseAnswersASigned204",
		Text: "Closing answers 204, signed over an empty body."},
	{Number: BErrorShape, Name: "error shape", Test: "TestB06ErrorsHaveTheirStatusAndCode",
		Text: "Errors are {code, message[, detail]} under the documented HTTP status."},
	{Number: BFieldTypes, Name: "field types", Test: "TestB07UnknownFieldsNullAndWrongTypesAreRefused",
		Text: "An unknown field, null, or a value of another JSON type is 400 PARAM_ERROR that names the field."},
	{Number: BFieldLimits, Name: "field limits", Test: "TestB08LengthsAlphabetsAndAmountsAreChecked",
		Text: "Lengths count characters; out_trade_no has its alphabet; total is above 0; the currency is CNY."},
	{Number: BNotifyURL, Name: "notify_url", Test: "TestB09NotifyURLIsCompletePublicAndWithoutQuery",
		Text: "notify_url is a complete public http(s) address without a query string."},
	{Number: BRepeatedPrepay, Name: "repeated prepay", Test: "TestB10ARepeatedPrepayIsTheSameOrNothing",
		Text: "The same order with the same parameters gets a new prepay_id; with others INVALID_REQUEST, paid ORDER_PAID, closed ORDER_CLOSED."},
	{Number: BPrepayLife, Name: "prepay life", Test: "TestB11APrepayIDDiesAfterTwoHours",
		Text: "A prepay_id lives two hours, and only the last one counts; past time_expire the order cannot be paid but stays NOTPAY."},
	{Number: BExpiryLimits, Name: "expiry limits", Test: "TestB12TimeExpireIsRaisedAndCut",
		Text: "A time_expire within a minute is raised to a minute, one too far off is cut; none is seven days."},
	{Number: BPaySign, Name: "pay sign", Test: "TestB13ThePagesSignatureIsVerified",
		Text: "The cashier opens only for a right paySign of the merchant's key and the order's appId."},
	{Number: BPayer, Name: "payer", Test: "TestB14OnlyTheOrdersPayerPays",
		Text: "Only the order's openid can pay; an openid of another appid is OPENID_MISMATCH."},
	{Number: BDoubleTap, Name: "double tap", Test: "TestB15OfTwoPaymentsOneSucceeds",
		Text: "Of several payments of one order exactly one succeeds."},
	{Number: BPayOrClose, Name: "pay or close", Test: "TestB16OfPayAndCloseOneWins",
		Text: "Of paying and closing exactly one wins; closing a paid order is ORDER_PAID; closing is re-entrant."},
	{Number: BQueryShape, Name: "query shape", Test: "TestB17AnUnpaidOrderShowsItsStateOnly",
		Text: "A query of an unpaid order has its state only; an unknown order is 404 ORDER_NOT_EXIST."},
	{Number: BCoupon, Name: "coupon", Test: "TestB18ACouponLowersWhatThePayerPays",
		Text: "With a coupon payer_total is below total, and promotion_detail says why."},
	{Number: BCallbackCrypto, Name: "callback crypto", Test: "TestB19EachCallbackIsMadeAfresh",
		Text: "Each callback has a fresh stamp, nonce, signature and encryption, the same id, and times of +08:00."},
	{Number: BRetries, Name: "retries", Test: "TestB20CallbacksAreRepeatedFifteenTimes",
		Text: "A callback that is not answered by 200 or 204 within 5 s is repeated 15 times over 24 h 4 min."},
	{Number: BDuplicates, Name: "duplicates", Test: "TestB21CallbacksComeTwiceLateOrNever",
		Text: "A callback may come again after it was accepted, twice at once, late, or never."},
	{Number: BDisorder, Name: "disorder", Test: "TestB22CallbacksComeInAnyOrder",
		Text: "A callback may come before the answer to prepay; a refund's may come before the payment's."},
	{Number: BProbes, Name: "probes", Test: "TestB23ProbesCarryASignatureMadeToFail",
		Text: "Now and then a callback or an answer carries a WECHATPAY/SIGNTEST/ signature; the real callback follows on schedule."},
	{Number: BCallbackKeys, Name: "callback keys", Test: "TestB24CallbacksUnderOtherKeys",
		Text: "A callback may be signed by the other kind of key or a rotated certificate; a wrong serial, stamp, body or key must be refused."},
	{Number: BHostileBodies, Name: "hostile bodies", Test: "TestB25SignedButHostileBodies",
		Text: "A well-signed callback may have no resource, a bad nonce, another algorithm, broken content, or another's order in it."},
	{Number: BOutages, Name: "outages", Test: "TestB26OutagesOfEveryKind",
		Text: "Rate limits per interface, 500 after the state has changed, hanging, truncated, reset and compressed proxy answers."},
	{Number: BRefunds, Name: "refunds", Test: "TestB27RefundsAreAcceptedFirstAndDoneLater",
		Text: "A refund is PROCESSING first; it is idempotent by its number, bounded in sum, count, age and pace; it may end ABNORMAL or CLOSED."},
	{Number: BBills, Name: "bills", Test: "TestB28BillsComeTheNextMorning",
		Text: "A day's bill is there from 10:00 of the next day, by a link that lives 30 s, unsigned, with a SHA-1 over the uncompressed bytes."},
	{Number: BWrongBills, Name: "wrong bills", Test: "TestB29BillsCanDisagree",
		Text: "Not documented, and needed: a bill that lacks a row, has one too many, or another amount."},
	{Number: BCertificates, Name: "certificates", Test: "TestB30CertificatesComeEncryptedAndOverlap",
		Text: "Platform certificates come encrypted, two while they rotate; a merchant with a public key only has none."},
	{Number: BOAuth, Name: "web authorization", Test: "TestB31WebAuthorizationKeepsItsRules",
		Text: "A code works once and for five minutes, for its account and secret; the link's order and host are checked; errors are HTTP 200."},
	{Number: BAccounts, Name: "official account", Test: "TestB32AccountsMessagesAndTokens",
		Text:   "Every account knows a person by another openid; a template message needs a follower, a subscription has a quota; one client_msg_id is one message for ten minutes; a new access token ends the old one.",
		Status: sim.Simplified, Limits: "No subscription events: a test grants a subscription by Subscribe."},
	{Number: BPersistence, Name: "persistence", Test: "TestB33TheWorldSurvivesARestart",
		Text: "Orders, refunds, repeats under way, bills and keys are the same after a restart."},
	{Number: BLiveRequests, Name: "live requests", Test: "TestB34RequestsAreTakenAsProductionTakesThem",
		Text: "As seen in production: prepay takes limit_pay, and a time_expire that ends in Z."},
	{Number: BVariedFields, Name: "varied fields", Test: "TestB35FieldsThatDecideNothingVary",
		Text: "As seen in production: fields that decide nothing come and go, change their type and their order, and have strangers among them; times end in +08:00, +0800 or Z."},
	{Number: BLiveBills, Name: "live bills", Test: "TestB36BillsAreAsSeenInProduction",
		Text: "As seen in production: rows of bills are in no order, and a SUCCESS bill has the seven sums of the others."},
}

// Behaviours is the table of what WeChat Pay is documented to do, and how far
// this package does it.
func Behaviours() sim.Behaviours {
	out := slices.Clone(behaviours)
	for i := range out {
		if out[i].Status == "" {
			out[i].Status = sim.Implemented
		}
	}
	return out
}

// does says whether a behaviour is on.
func (s *Sim) does(number int) bool { return s.switches.Does(number) }
