package wechatpay_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"guodu/mocks/wechatpay"
)

// fail sets a fault for what comes from now on: a callback that is still under
// way must not use it up.
func (b *bench) fail(endpoint string, kind wechatpay.FaultKind, times int) {
	b.t.Helper()
	b.clock.Settle()
	err := b.sim.Fail(endpoint, wechatpay.Fault{Kind: kind, Times: times})
	if err != nil {
		b.t.Fatal(err)
	}
}

// attempt is a call that may break; got says how far it came.
func (b *bench) attempt(ctx context.Context, f form) (reply, error) {
	b.t.Helper()
	res, err := b.http.Do(b.request(http.MethodPost, prepayURL, f.json(b.t)).WithContext(ctx))
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, header: res.Header, body: body}, err
}

func TestFaultsThatAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for kind, c := range map[wechatpay.FaultKind]struct {
		status       int
		code         string
		signed, made bool
	}{
		wechatpay.FaultErrorBefore: {500, "SYSTEM_ERROR", true, false},
		wechatpay.FaultErrorAfter:  {500, "SYSTEM_ERROR", true, true},
		wechatpay.FaultTooMany:     {429, "FREQUENCY_LIMITED", true, false},
		wechatpay.FaultBadGateway:  {502, "", false, false},
		wechatpay.FaultSigntest:    {200, "", false, true},
	} {
		no := "FAULT-" + strings.ReplaceAll(string(kind), "-", "_")
		b.fail(wechatpay.EndpointPrepay, kind, 0)
		r, err := b.attempt(t.Context(), orderForm(no))
		if err != nil || r.status != c.status || r.code() != c.code {
			t.Errorf("%s: %d %s %v", kind, r.status, r.body, err)
		}
		if signed := b.verify(r.header, r.body) == nil; signed != c.signed {
			t.Errorf("%s: signed is %v", kind, signed)
		}
		_, made := b.sim.Book().Order(no)
		if made != c.made {
			t.Errorf("%s: order made is %v", kind, made)
		}
		b.prepay(orderForm(no)) // the fault is used up
	}
}

func TestSigntestAnswerLooksLikeAProbe(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultSigntest, 1)
	r, err := b.attempt(t.Context(), orderForm("PROBE001"))
	if err != nil || !strings.HasPrefix(r.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/") {
		t.Fatalf("probe: %v %v", r.header, err)
	}
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultSigntest, 1)
	b.want(b.call(http.MethodPost, prepayURL, "{}"), http.StatusBadRequest, "PARAM_ERROR") // not on a 4xx
}

func TestFaultsThatBreakTheConnection(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for kind, c := range map[wechatpay.FaultKind]struct {
		want    error
		counter string
		made    bool
	}{
		wechatpay.FaultResetBefore: {syscall.ECONNRESET, "prepay.reset", false},
		wechatpay.FaultResetAfter:  {syscall.ECONNRESET, "prepay.reset", true},
		wechatpay.FaultTruncate:    {io.ErrUnexpectedEOF, "prepay.truncated", true},
	} {
		no := "BREAK-" + strings.ReplaceAll(string(kind), "-", "_")
		before := b.sim.Count(c.counter)
		b.fail(wechatpay.EndpointPrepay, kind, 1)
		_, err := b.attempt(t.Context(), orderForm(no))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", kind, err, c.want)
		}
		_, made := b.sim.Book().Order(no)
		if made != c.made || b.sim.Count(c.counter) != before+1 {
			t.Errorf("%s: order made is %v, counts %v", kind, made, b.sim.Book().Counts)
		}
	}
}

func TestTruncatedCloseHasNoBodyToCutAndResets(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("BREAK204"))
	b.fail(wechatpay.EndpointClose, wechatpay.FaultTruncate, 1)
	res, err := b.http.Do(b.request(http.MethodPost, closeURL("BREAK204"), closeBody))
	if err == nil {
		_ = res.Body.Close()
		t.Fatalf("answer is %d", res.StatusCode)
	}
	o, _ := b.sim.Book().Order("BREAK204")
	if o.State != wechatpay.StateClosed {
		t.Fatalf("order is %s, want CLOSED", o.State)
	}
}

// hung starts a call and returns, once the simulator hangs on it, how to learn
// its end.
func (b *bench) hung(ctx context.Context, log watch, no string) <-chan error {
	b.t.Helper()
	ended := make(chan error, 1)
	f := orderForm(no)
	go func() {
		_, err := b.attempt(ctx, f)
		ended <- err
	}()
	log.wait(b.t, "hangs")
	return ended
}

func TestHangEndsWithTheCallerOrTheSimulator(t *testing.T) {
	t.Parallel()
	log := newWatch()
	b := setup(t, func(o *wechatpay.Options) { o.Logger = slog.New(log) })
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultHangBefore, 1)
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultHangAfter, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := b.hung(ctx, log, "HANG0001")
	cancel()
	err := <-ended
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("caller gave up: %v", err)
	}
	log.wait(t, "lets go")
	ended = b.hung(t.Context(), log, "HANG0002")
	err = b.sim.Close()
	if err != nil {
		t.Fatal(err)
	}
	err = <-ended
	if err == nil {
		t.Fatal("a hung request was answered")
	}
	_, before := b.sim.Book().Order("HANG0001")
	_, after := b.sim.Book().Order("HANG0002")
	if before || !after {
		t.Fatalf("orders made: %v by the hang before, %v by the hang after", before, after)
	}
}

// TestHangOnAHandlerIsFreedByClose covers a handler that another server runs:
// closing the simulator breaks none of its connections.
func TestHangOnAHandlerIsFreedByClose(t *testing.T) {
	t.Parallel()
	log := newWatch()
	b := setup(t, func(o *wechatpay.Options) { o.Logger = slog.New(log) })
	server := httptest.NewServer(b.sim.Handler())
	t.Cleanup(server.Close)
	b.base = server.URL
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultHangBefore, 1)
	ended := b.hung(t.Context(), log, "HANG0003")
	err := b.sim.Close()
	if err != nil {
		t.Fatal(err)
	}
	err = <-ended
	if err == nil {
		t.Fatal("a hung request was answered")
	}
}

func TestFaultsQueueUpAndCanBeCleared(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fail(wechatpay.EndpointQuery, wechatpay.FaultErrorBefore, 2)
	b.fail(wechatpay.EndpointQuery, wechatpay.FaultTooMany, 1)
	for _, want := range []int{500, 500, 429, 404} {
		r := b.call(http.MethodGet, queryURL("QUEUE001"), "")
		if r.status != want {
			t.Fatalf("status is %d, want %d", r.status, want)
		}
	}
	b.fail(wechatpay.EndpointQuery, wechatpay.FaultErrorBefore, 1)
	b.sim.ClearFaults()
	b.want(b.call(http.MethodGet, queryURL("QUEUE001"), ""), http.StatusNotFound, "ORDER_NOT_EXIST")
	for name, want := range map[string]int64{"query": 5, "query.500": 2, "query.429": 1, "query.404": 2} {
		if got := b.sim.Count(name); got != want {
			t.Errorf("%s counts %d, want %d", name, got, want)
		}
	}
}

func TestTokenFaultsAreErrcodes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	code := b.code("")
	b.fail(wechatpay.EndpointToken, wechatpay.FaultTooMany, 1)
	if got := b.exchange(exchangeOf(code)); got.Errcode != 45011 {
		t.Errorf("too many: %+v", got)
	}
	b.fail(wechatpay.EndpointToken, wechatpay.FaultErrorAfter, 1)
	if got := b.exchange(exchangeOf(code)); got.Errcode != -1 {
		t.Errorf("busy: %+v", got)
	}
	if got := b.exchange(exchangeOf(code)); got.Errcode != 40163 {
		t.Errorf("the lost answer did not use the code up: %+v", got)
	}
}

func TestPageFaultsArePages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for kind, want := range map[wechatpay.FaultKind]int{
		wechatpay.FaultErrorBefore: 500, wechatpay.FaultTooMany: 429, wechatpay.FaultBadGateway: 502,
	} {
		b.fail(wechatpay.EndpointAuthorize, kind, 1)
		r := b.visit(authorizeURL(back, "s"), "")
		if r.status != want || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", kind, r.status, r.body)
		}
	}
}

func TestFailNeedsAKnownEndpointAndKind(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	err := b.sim.Fail("nowhere", wechatpay.Fault{Kind: wechatpay.FaultTruncate})
	if !errors.Is(err, wechatpay.ErrUnknownEndpoint) {
		t.Errorf("unknown endpoint: %v", err)
	}
	err = b.sim.Fail(wechatpay.EndpointQuery, wechatpay.Fault{Kind: "sulk"})
	if !errors.Is(err, wechatpay.ErrUnknownFault) {
		t.Errorf("unknown fault: %v", err)
	}
}
