package alipay_test

import (
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/sim/simtest"
)

// checks are the tests of the behaviours by number, fit to be run against a
// simulator without one of them.
var checks = map[int]simtest.Check{
	1: checkRequestSignature, 2: checkOrderOfChecks, 3: checkGatewayErrors, 4: checkRawSignature,
	5: checkCertificates, 6: checkParameters, 7: checkTimestamp, 8: checkAmounts,
	9: checkRepeatedCreate, 10: checkWapBegins, 11: checkExpiry, 12: checkNoticeRaces,
	13: checkSchedule, 14: checkNoticeID, 15: checkNoticeSignature, 16: checkFundBills,
	17: checkPassback, 18: checkGBK, 19: checkRefundNotices, 20: checkForgeries,
	21: checkDiscount, 22: checkAuthCode, 23: checkIdentity, 24: checkRedirect,
	25: checkBarCode, 26: checkCancel, 27: checkRefund, 28: checkRefundQuery,
	29: checkClose, 30: checkTrouble, 31: checkBill, 32: checkBillDiffers,
	33: checkWapPage, 34: checkBridge, 35: checkClock, 36: checkMessage,
	37: checkSpelling, 38: checkNoticeHeader, 39: checkVaried,
}

func TestEveryBehaviourHasATestThatFailsWithoutIt(t *testing.T) {
	t.Parallel()
	table := alipay.Behaviours()
	if len(table) != 39 {
		t.Fatalf("%d behaviours", len(table))
	}
	simtest.Walk(t, table, checks)
}

// lacking is a bench whose simulator does not do what is switched off.
func lacking(t testing.TB, without []int, change func(*alipay.Options)) *bench {
	t.Helper()
	return setup(t, func(o *alipay.Options) {
		if change != nil {
			change(o)
		}
		o.Without = without
	})
}

func delivering(o *alipay.Options) { o.AutoDeliver = true }

// complaintsWithout runs a scenario's play where nothing is out of order.
func complaintsWithout(t testing.TB, scenario string, play func(*stage)) []string {
	return simtest.Complaints(t, func(tb testing.TB) {
		b := setup(tb, func(o *alipay.Options) { o.AutoDeliver = loud(scenario) })
		play(&stage{b, b.inbox(200, "success")})
	})
}
