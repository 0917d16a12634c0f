package alipay_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

// fail sets a fault for what comes from now on: a callback that is still under
// way must not use it up.
func (b *bench) fail(endpoint string, kind sim.FaultKind, times int) {
	b.t.Helper()
	b.clock.Settle()
	err := b.sim.Fail(endpoint, sim.Fault{Kind: kind, Times: times})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) made(no string) bool {
	_, made := b.sim.Book().Order(no)
	return made
}

func TestFaultsThatAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for kind, c := range map[sim.FaultKind]struct {
		code, subCode string
		made          bool
	}{
		sim.FaultErrorBefore:          {"20000", "isp.unknow-error", false},
		sim.FaultErrorAfter:           {"20000", "isp.unknow-error", true},
		alipay.FaultSystemErrorBefore: {"40004", "ACQ.SYSTEM_ERROR", false},
		alipay.FaultSystemErrorAfter:  {"40004", "ACQ.SYSTEM_ERROR", true},
		sim.FaultTooMany:              {"40005", "isv.app-call-limited", false},
	} {
		no := "FAULT_" + strings.ReplaceAll(string(kind), "-", "_")
		b.fail(alipay.EndpointCreate, kind, 0)
		b.wantCode(b.post(createForm(orderForm(no))), c.code, c.subCode)
		if b.made(no) != c.made {
			t.Errorf("%s: order made is %v", kind, b.made(no))
		}
		b.create(orderForm(no)) // the fault is used up
	}
}

func TestFaultsOfTheSignature(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(alipay.EndpointCreate, alipay.FaultUnsigned, 1)
	e := b.post(createForm(orderForm("SIGN_1"))).open(t)
	if e.sign != "" || e.fields(t)["code"] != "10000" || !b.made("SIGN_1") {
		t.Errorf("unsigned: %+v", e)
	}
	b.fail(alipay.EndpointQuery, alipay.FaultFlipped, 1)
	e = b.query("SIGN_1").open(t)
	if e.sign == "" || b.signedBy(string(e.node), e.sign) || e.fields(t)["code"] != "10000" {
		t.Errorf("flipped: %+v", e)
	}
}

func TestBadGatewayIsHTMLAndDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(alipay.EndpointCreate, sim.FaultBadGateway, 2)
	for range 2 {
		r := b.post(createForm(orderForm("BAD_1")))
		if r.status != http.StatusBadGateway || !strings.HasPrefix(r.body, "<html>") || b.made("BAD_1") {
			t.Errorf("answer is %+v", r)
		}
	}
	b.create(orderForm("BAD_1"))
	if b.sim.Count("create.502") != 2 || b.sim.Count("create") != 3 || b.sim.Count("create.10000") != 1 {
		t.Errorf("counts are %v", b.sim.Book().Counts)
	}
}

func TestFaultsThatBreakTheConnection(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for kind, c := range map[sim.FaultKind]struct {
		want    error
		counter string
		made    bool
	}{
		sim.FaultResetBefore: {syscall.ECONNRESET, "create.reset", false},
		sim.FaultResetAfter:  {syscall.ECONNRESET, "create.reset", true},
		sim.FaultTruncate:    {io.ErrUnexpectedEOF, "create.truncated", true},
	} {
		no := "BREAK_" + strings.ReplaceAll(string(kind), "-", "_")
		before := b.sim.Count(c.counter)
		b.fail(alipay.EndpointCreate, kind, 1)
		r, err := b.try(t.Context(), b.signed(createForm(orderForm(no))))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", kind, err, c.want)
		}
		if kind == sim.FaultTruncate && !strings.HasPrefix(r.body, `{"alipay_trade_create_response":`) {
			t.Errorf("%s: body is %q", kind, r.body)
		}
		if b.made(no) != c.made || b.sim.Count(c.counter) != before+1 || b.sim.Count("create.10000") != 0 {
			t.Errorf("%s: order made is %v, counts %v", kind, b.made(no), b.sim.Book().Counts)
		}
	}
}

// hung starts a create and returns, once the simulator hangs on it, how to
// learn its end.
func (b *bench) hung(ctx context.Context, log watch, no string) <-chan error {
	b.t.Helper()
	ended := make(chan error, 1)
	f := b.signed(createForm(orderForm(no)))
	go func() {
		_, err := b.try(ctx, f)
		ended <- err
	}()
	log.wait(b.t, "hang")
	return ended
}

func TestHangEndsWithTheCallerOrTheSimulator(t *testing.T) {
	t.Parallel()
	log := newWatch()
	b := setup(t, func(o *alipay.Options) { o.Logger = slog.New(log) })
	b.fail(alipay.EndpointCreate, sim.FaultHangBefore, 1)
	b.fail(alipay.EndpointCreate, sim.FaultHangAfter, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := b.hung(ctx, log, "HANG_1")
	cancel()
	err := <-ended
	if !errors.Is(err, context.Canceled) || b.made("HANG_1") {
		t.Fatalf("caller gave up: %v, made %v", err, b.made("HANG_1"))
	}
	log.wait(t, "lets go")
	ended = b.hung(t.Context(), log, "HANG_2")
	err = b.sim.Close()
	if err != nil {
		t.Fatal(err)
	}
	err = <-ended
	if err == nil || !b.made("HANG_2") || b.sim.Count("create.hang") != 2 {
		t.Fatalf("simulator closed: %v, made %v", err, b.made("HANG_2"))
	}
}

func TestPagesAndCashierFailInTheirOwnWords(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(alipay.EndpointWapPay, sim.FaultErrorBefore, 1)
	if got := errorCode(t, b.post(wapForm("PAGE_1"))); got != "isp.unknow-error" {
		t.Errorf("wap page says %s", got)
	}
	b.fail(alipay.EndpointAuthorize, sim.FaultErrorAfter, 1)
	b.fail(alipay.EndpointAuthorize, sim.FaultTooMany, 1)
	for _, want := range []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusFound} {
		if r := b.authorize(authorizeForm(), ""); r.status != want {
			t.Errorf("authorize answers %d, want %d", r.status, want)
		}
	}
	no := b.create(orderForm("PAGE_2"))
	b.fail(alipay.EndpointCashier, sim.FaultTooMany, 1)
	b.fail(alipay.EndpointCashier, alipay.FaultSystemErrorAfter, 1)
	for _, want := range []string{"6002", "6004", "5000"} { // paid behind the second
		if got := b.tradePay(`{"tradeNO":"` + no + `"}`); got != want {
			t.Errorf("tradePay says %s, want %s", got, want)
		}
	}
	b.fail(alipay.EndpointWapCashier, sim.FaultTruncate, 1) // a redirect has no body to cut
	back := wapForm("PAGE_3").with("return_url", "http://127.0.0.1:1/back")
	body := form{"request": b.signed(back).encode(), "action": "pay"}.encode()
	r, err := b.exchange(t.Context(), http.MethodPost, b.base+"/_sim/wap", body)
	if err == nil || b.order("PAGE_3").State != alipay.StateSuccess {
		t.Errorf("a truncated redirect arrived: %+v", r)
	}
}

func TestFailRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	err := b.sim.Fail("precreate", sim.Fault{Kind: sim.FaultErrorAfter})
	if !errors.Is(err, sim.ErrUnknownEndpoint) {
		t.Errorf("endpoint: %v", err)
	}
	err = b.sim.Fail(alipay.EndpointQuery, sim.Fault{Kind: "sulk"})
	if !errors.Is(err, sim.ErrUnknownFault) {
		t.Errorf("kind: %v", err)
	}
	for _, kind := range alipay.FaultKinds() {
		b.fail(alipay.EndpointQuery, kind, 3)
	}
	b.sim.ClearFaults()
	b.wantCode(b.query("NONE"), "40004", "ACQ.TRADE_NOT_EXIST")
}
