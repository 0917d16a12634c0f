package wechatpay_test

import (
	"testing"

	"guodu/mocks/sim/simtest"
	"guodu/mocks/wechatpay"
)

// checks are the tests of the behaviours, by number. Each makes every simulator
// without the behaviours that it is told to leave out.
var checks = map[int]simtest.Check{
	wechatpay.BAuthorization: checkAuthorization, wechatpay.BRequestTime: checkRequestTime,
	wechatpay.BMerchantMatch: checkMerchantMatch, wechatpay.BAnswerKey: checkAnswerKey,
	wechatpay.BSigned204: checkSigned204, wechatpay.BErrorShape: checkErrorShape,
	wechatpay.BFieldTypes: checkFieldTypes, wechatpay.BFieldLimits: checkFieldLimits,
	wechatpay.BNotifyURL: checkNotifyURL, wechatpay.BRepeatedPrepay: checkRepeatedPrepay,
	wechatpay.BPrepayLife: checkPrepayLife, wechatpay.BExpiryLimits: checkExpiryLimits,
	wechatpay.BPaySign: checkPaySign, wechatpay.BPayer: checkPayer,
	wechatpay.BDoubleTap: checkDoubleTap, wechatpay.BPayOrClose: checkPayOrClose,
	wechatpay.BQueryShape: checkQueryShape, wechatpay.BCoupon: checkCoupon,
	wechatpay.BCallbackCrypto: checkCallbackCrypto, wechatpay.BRetries: checkRetries,
	wechatpay.BDuplicates: checkDuplicates, wechatpay.BDisorder: checkDisorder,
	wechatpay.BProbes: checkProbes, wechatpay.BCallbackKeys: checkCallbackKeys,
	wechatpay.BHostileBodies: checkHostileBodies, wechatpay.BOutages: checkOutages,
	wechatpay.BRefunds: checkRefunds, wechatpay.BBills: checkBills,
	wechatpay.BWrongBills: checkWrongBills, wechatpay.BCertificates: checkCertificates,
	wechatpay.BOAuth: checkOAuth, wechatpay.BAccounts: checkAccounts,
	wechatpay.BPersistence: checkPersistence, wechatpay.BLiveRequests: checkLiveRequests,
	wechatpay.BVariedFields: checkVariedFields, wechatpay.BLiveBills: checkLiveBills,
}

// TestEveryBehavioursTestFailsWithoutIt is the proof that the tests of the table
// test something.
func TestEveryBehavioursTestFailsWithoutIt(t *testing.T) {
	t.Parallel()
	if len(wechatpay.Behaviours()) != len(checks) {
		t.Fatalf("%d behaviours, %d checks", len(wechatpay.Behaviours()), len(checks))
	}
	simtest.Walk(t, wechatpay.Behaviours(), checks)
}

// lacking is setup of a simulator without some behaviours.
func lacking(t testing.TB, without []int, change func(*wechatpay.Options)) *bench {
	t.Helper()
	return setup(t, func(o *wechatpay.Options) {
		o.Without = without
		if change != nil {
			change(o)
		}
	})
}
