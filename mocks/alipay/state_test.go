package alipay_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// again is a bench whose simulator goes on from a state file at a given time.
func again(t testing.TB, path string, at time.Time, change func(*alipay.Options)) *bench {
	t.Helper()
	clock := sim.NewClock(at)
	b := setup(t, func(o *alipay.Options) {
		o.PlatformKey, o.StateFile = nil, path
		if change != nil {
			change(o)
		}
		o.Clock = clock
	})
	b.clock = clock
	return b
}

// The first simulator is never closed: it is killed, as far as the file knows.
func TestStateSurvivesAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	for _, change := range []func(*alipay.Options){nil, certified} {
		first := again(t, path+"x", start, change)
		order := first.sdkOrder("KEPT_1", nowhere)
		first.pay(order)
		client := first.sdk()
		if change != nil {
			err := first.sim.RollCertificate()
			if err != nil {
				t.Fatal(err)
			}
			client = first.sdkCertified()
		}
		second := again(t, path+"x", start.Add(time.Hour), change)
		if !bytes.Equal(first.sim.PublicKeyPEM(), second.sim.PublicKeyPEM()) || !bytes.Equal(first.sim.AlipayCertPEM(), second.sim.AlipayCertPEM()) ||
			!bytes.Equal(first.sim.AppCertPEM(), second.sim.AppCertPEM()) || !bytes.Equal(first.sim.RootCertPEM(), second.sim.RootCertPEM()) {
			t.Error("the keys are others")
		}
		if client == nil || second.order("KEPT_1") != first.order("KEPT_1") {
			t.Errorf("order is %+v, was %+v", second.order("KEPT_1"), first.order("KEPT_1"))
		}
		path += "y"
	}
}

func TestRefundsCodesTokensAndBillsSurviveAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	first := again(t, path, start, nil)
	first.paid("KEPT_1", nowhere)
	first.wantCode(first.post(refundForm("KEPT_1", "R1", "20.00")), "10000", "")
	first.create(orderForm("KEPT_2").with("timeout_express", "30m"))
	code, used := first.code(""), first.code("")
	token := first.post(tokenForm(used)).open(t).fields(t)["refresh_token"].(string)
	bar := first.barCode(alipay.BarCodeRequest{Password: true})
	first.sim.Unfollow(person)
	second := again(t, path, start.Add(20*time.Second), nil)
	node := second.wantCode(second.post(refundForm("KEPT_1", "R1", "20.00")), "10000", "")
	if node["fund_change"] != "N" || node["refund_fee"] != "20.00" {
		t.Errorf("repeated refund: %v", node)
	}
	if got := second.post(tokenForm(code)).open(t).fields(t); got["user_id"] != alipay.BuyerID(person) {
		t.Errorf("code: %v", got)
	}
	second.wantCode(second.post(tokenForm(used)), "40002", "isv.code-invalid")
	refresh := tokenForm("").without("code").with("grant_type", "refresh_token").with("refresh_token", token)
	if got := second.post(refresh).open(t).fields(t); got["user_id"] != alipay.BuyerID(person) {
		t.Errorf("refresh token: %v", got)
	}
	second.wantCode(second.post(chargeForm(counterForm("KEPT_3", bar))), "10003", "")
	second.wantCode(second.post(messageForm(alipay.BuyerID(person), alipay.DefaultTemplate)), "40004", "PUB.USER_NOT_FOLLOW")
	second.clock.Advance(24 * time.Hour)
	if second.order("KEPT_2").State != alipay.StateClosed {
		t.Error("a trade of before the kill does not end")
	}
	second.fail(alipay.EndpointBill, alipay.FaultExtraRow, 1)
	target := second.billURL("trade", "2026-03-02")
	before := second.get(target).body
	third := again(t, path, second.clock.Now(), nil)
	_, query, _ := strings.Cut(target, "?")
	if after := third.get(third.base + "/downloadBillFile.resource?" + query).body; after != before {
		t.Error("the bill, or its address, is another after a kill")
	}
}

func TestNoticesGoOnAfterAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	first := again(t, path, start, delivering)
	in := newInbox(t, http.StatusOK, "fail")
	first.paid("KEPT_1", in.URL)
	first.clock.Settle()
	second := again(t, path, start.Add(time.Minute), delivering)
	in.clock = second.clock
	second.clock.Advance(15 * time.Minute)
	if got, want := in.times(), []time.Duration{0, 4 * time.Minute, 14 * time.Minute}; !slices.Equal(got, want) {
		t.Errorf("told at %v, want %v", got, want)
	}
	if a, b := in.all()[0].fields().Get("notify_id"), in.all()[2].fields().Get("notify_id"); a != b {
		t.Errorf("the id was %s and is %s", a, b)
	}
	if got := second.order("KEPT_1"); got.CallbacksSent != 3 {
		t.Errorf("order is %+v", got)
	}
}

// The same seed must not draw the numbers of the run before once more.
func TestRunsOfOneSeedDrawOtherNumbers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	seen := map[string]bool{}
	for i := range 3 {
		b := again(t, path, start, nil)
		seen[b.create(orderForm("RUN_"+string(rune('1'+i))))] = true
	}
	if len(seen) != 3 {
		t.Errorf("three runs made the trades %v", seen)
	}
}
