package wechatpay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

func TestB17AnUnpaidOrderShowsItsStateOnly(t *testing.T) { t.Parallel(); checkQueryShape(t) }

func checkQueryShape(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	b.prepay(orderForm("BEHAVE17"))
	r := b.call(http.MethodGet, queryURL("BEHAVE17"), "")
	b.want(r, http.StatusOK, "")
	want := []string{"appid", "mchid", "out_trade_no", "trade_state", "trade_state_desc"}
	if got := keys(t, r.body); !slices.Equal(got, want) {
		t.Errorf("fields are %v, want %v", got, want)
	}
	b.want(b.call(http.MethodGet, queryURL("BEHAVE17B"), ""), http.StatusNotFound, "ORDER_NOT_EXIST")
	b.want(b.call(http.MethodGet, strings.Replace(queryURL("BEHAVE17"), mchID, "1900000108", 1), ""), http.StatusBadRequest, "INVALID_REQUEST")
	b.paid(orderForm("BEHAVE17"))
	if r = b.call(http.MethodGet, queryURL("BEHAVE17"), ""); !strings.Contains(string(r.body), `"transaction_id":"42000`) {
		t.Errorf("paid order is %s", r.body)
	}
}

func TestB18ACouponLowersWhatThePayerPays(t *testing.T) { t.Parallel(); checkCoupon(t) }

func checkCoupon(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := newInbox(t, http.StatusOK)
	if err := b.sim.Fail(wechatpay.PlacePayment, wechatpay.Fault{Kind: wechatpay.FaultCoupon, Amount: 100}); err != nil {
		t.Fatal(err)
	}
	b.paid(orderForm("BEHAVE18").with("notify_url", in.URL+"/n"))
	r := b.call(http.MethodGet, queryURL("BEHAVE18"), "")
	for _, part := range []string{`"total":5000`, `"payer_total":4900`, `"promotion_detail":[{`, `"amount":100`} {
		if !strings.Contains(string(r.body), part) {
			t.Errorf("no %s in %s", part, r.body)
		}
	}
	if _, err := b.sim.Deliver(t.Context(), "BEHAVE18", 1); err != nil {
		t.Fatal(err)
	}
	content, err := in.all()[0].read(t).open()
	if err != nil || amountOf(content)["payer_total"] != 4900.0 || content["promotion_detail"] == nil {
		t.Errorf("the callback says %v, %v", content, err)
	}
}

func TestB19EachCallbackIsMadeAfresh(t *testing.T) { t.Parallel(); checkCallbackCrypto(t) }

func checkCallbackCrypto(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	in := newInbox(t, http.StatusNoContent)
	b.paid(orderForm("BEHAVE19").with("notify_url", in.URL+"/n"))
	if _, err := b.sim.Deliver(t.Context(), "BEHAVE19", 3); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range in.all() {
		if err := b.verify(p.header, p.body); err != nil {
			t.Error(err)
		}
		n := p.read(t)
		content, err := n.open()
		if err != nil || content["out_trade_no"] != "BEHAVE19" || n.Resource.AssociatedData != "transaction" || len(n.Resource.Nonce) != 12 {
			t.Errorf("%+v: %v, %v", n, content, err)
		}
		if at, _ := content["success_time"].(string); !strings.HasSuffix(at, "+08:00") {
			t.Errorf("success_time is %q", at)
		}
		seen["id "+n.ID], seen["nonce "+n.Resource.Nonce] = true, true
		seen["stamp "+p.header.Get("Wechatpay-Nonce")], seen["sign "+p.header.Get("Wechatpay-Signature")] = true, true
	}
	if len(seen) != 1+3*3 {
		t.Errorf("of three callbacks not all is fresh: %v", seen)
	}
}

// diary is a merchant that notes when callbacks come, by the simulator's clock.
type diary struct {
	*httptest.Server
	mu     sync.Mutex
	at     []time.Duration
	events []string
	got    []parcel
	answer func(n int) int // the status for the nth callback
}

func newDiary(b *bench, answer func(n int) int) *diary {
	b.t.Helper()
	d := &diary{answer: answer}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p := parcel{r.Header, body}
		n := p.read(b.t)
		d.mu.Lock()
		d.at = append(d.at, b.clock.Now().Sub(morning()))
		d.events = append(d.events, n.EventType)
		d.got = append(d.got, p)
		status := d.answer(len(d.at))
		d.mu.Unlock()
		if status == 0 {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.Close()
			return
		}
		w.WriteHeader(status)
	}))
	b.t.Cleanup(d.Close)
	return d
}

func (d *diary) times() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.at)
}

func telling(o *wechatpay.Options) { o.AutoDeliver = true }

// retryInstants are the documented ones, from the payment on.
func retryInstants() []time.Duration {
	const m, h = time.Minute, time.Hour
	out := []time.Duration{0}
	for _, pause := range []time.Duration{
		15 * time.Second, 15 * time.Second, 30 * time.Second, 3 * m, 10 * m, 20 * m, 30 * m, 30 * m, 30 * m, 60 * m, 3 * h, 3 * h, 3 * h, 6 * h, 6 * h,
	} {
		out = append(out, out[len(out)-1]+pause)
	}
	return out
}

func TestB20CallbacksAreRepeatedFifteenTimes(t *testing.T) { t.Parallel(); checkRetries(t) }

func checkRetries(t testing.TB, without ...int) {
	b := lacking(t, without, telling)
	statuses := []int{500, 302, 404, 201, 0}
	d := newDiary(b, func(n int) int { return statuses[n%len(statuses)] })
	b.paid(orderForm("BEHAVE20").with("notify_url", d.URL+"/n"))
	b.clock.Advance(72 * time.Hour)
	if got, want := d.times(), retryInstants(); !slices.Equal(got, want) {
		t.Errorf("callbacks came at %v, want %v", got, want)
	}
	if want := retryInstants(); want[15] != 24*time.Hour+4*time.Minute || len(want) != 16 {
		t.Errorf("the schedule of this test is %v", want)
	}
	for accepted, status := range []int{200, 204} {
		c := lacking(t, without, telling)
		d := newDiary(c, func(n int) int { return map[bool]int{true: status, false: 500}[n == 3+accepted] })
		c.paid(orderForm("BEHAVE20").with("notify_url", d.URL+"/n"))
		c.clock.Advance(72 * time.Hour)
		if len(d.times()) != 3+accepted {
			t.Errorf("after %d came %d callbacks", status, len(d.times()))
		}
	}
}

// TestThreeDaysOfRepeatsTakeLessThanASecond is not parallel: it looks at the
// real time.
func TestThreeDaysOfRepeatsTakeLessThanASecond(t *testing.T) {
	b := setup(t, telling)
	d := newDiary(b, func(int) int { return 500 })
	b.paid(orderForm("FAST0001").with("notify_url", d.URL+"/n"))
	began := time.Now()
	b.clock.Advance(72 * time.Hour)
	if took := time.Since(began); took > time.Second || len(d.times()) != 16 {
		t.Errorf("%d callbacks took %v", len(d.times()), took)
	}
}

func TestB21CallbacksComeTwiceLateOrNever(t *testing.T) { t.Parallel(); checkDuplicates(t) }

func checkDuplicates(t testing.TB, without ...int) {
	for kind, want := range map[wechatpay.FaultKind][]time.Duration{
		"repeat": {0, 0}, "twice": {0, 0}, "delay": {10 * time.Minute}, "never": nil, "lose": {15 * time.Second},
	} {
		b := lacking(t, without, telling)
		d := newDiary(b, func(int) int { return 200 })
		b.fail(wechatpay.PlaceCallback, kind, 1)
		b.paid(orderForm("BEHAVE21").with("notify_url", d.URL+"/n"))
		b.clock.Advance(72 * time.Hour)
		if got := d.times(); !slices.Equal(got, want) {
			t.Errorf("%s: callbacks came at %v, want %v", kind, got, want)
		}
	}
}

func TestB22CallbacksComeInAnyOrder(t *testing.T) { t.Parallel(); checkDisorder(t) }

func checkDisorder(t testing.TB, without ...int) {
	b := lacking(t, without, telling)
	d := newDiary(b, func(int) int { return 200 })
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultCallbackFirst, 1)
	b.prepay(orderForm("BEHAVE22").with("notify_url", d.URL+"/n"))
	if got := d.times(); len(got) != 1 { // it was there before the answer
		t.Errorf("%d callbacks before the answer to prepay", len(got))
	}
	b.clock.Settle()
	b.fail(wechatpay.PlaceCallback, "reorder", 1)
	b.paid(orderForm("BEHAVE22B").with("notify_url", d.URL+"/n"))
	b.clock.Settle()
	b.want(b.refund(refundForm("BEHAVE22B", "R22", 1).with("notify_url", d.URL+"/r")), http.StatusOK, "")
	b.clock.Advance(5 * time.Minute)
	b.clock.Settle()
	d.mu.Lock()
	defer d.mu.Unlock()
	if want := []string{"TRANSACTION.SUCCESS", "REFUND.SUCCESS", "TRANSACTION.SUCCESS"}; !slices.Equal(d.events, want) {
		t.Errorf("events came as %v, want %v", d.events, want)
	}
}

func TestB23ProbesCarryASignatureMadeToFail(t *testing.T) { t.Parallel(); checkProbes(t) }

func checkProbes(t testing.TB, without ...int) {
	b := lacking(t, without, telling)
	in := newInbox(t, http.StatusOK)
	b.fail(wechatpay.PlaceCallback, wechatpay.FaultSigntest, 1)
	b.paid(orderForm("BEHAVE23").with("notify_url", in.URL+"/n"))
	b.clock.Advance(15 * time.Second)
	got := in.all()
	if len(got) != 2 || !strings.HasPrefix(got[0].header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/") || b.verify(got[1].header, got[1].body) != nil {
		t.Errorf("%d callbacks came, want a probe and then the real one", len(got))
	}
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultSigntest, 1)
	r := b.call(http.MethodPost, prepayURL, orderForm("BEHAVE23B").json(t))
	_, made := b.sim.Book().Order("BEHAVE23B")
	if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/") || !made {
		t.Errorf("a probe as an answer: %d %v, made %v", r.status, r.header, made)
	}
}

func TestB24CallbacksUnderOtherKeys(t *testing.T) { t.Parallel(); checkCallbackKeys(t) }

func checkCallbackKeys(t testing.TB, without ...int) {
	b := lacking(t, without, telling)
	first := func(kind wechatpay.FaultKind, no string) parcel {
		t.Helper()
		in := newInbox(t, http.StatusOK)
		b.fail(wechatpay.PlaceCallback, kind, 1)
		b.paid(orderForm(no).with("notify_url", in.URL+"/n"))
		b.clock.Settle()
		return in.all()[0]
	}
	serials := map[string]bool{b.sim.PublicKeyID(): true}
	for i, kind := range []wechatpay.FaultKind{wechatpay.FaultOtherKeyKind, wechatpay.FaultRotated} {
		p := first(kind, fmt.Sprintf("BEHAVE24K%d", i))
		if b.verify(p.header, p.body) == nil {
			t.Fatalf("%s: it is signed with the usual key", kind)
		}
		key, serial := b.certificateKey()
		if !holds(key, p.header, p.body) || p.header.Get("Wechatpay-Serial") != serial || serials[serial] {
			t.Errorf("%s: signed by %s, want the certificate %s", kind, p.header.Get("Wechatpay-Serial"), serial)
		}
		serials[serial] = true
	}
	for i, kind := range []wechatpay.Tamper{
		wechatpay.TamperUnknownSerial, wechatpay.TamperOldTimestamp, wechatpay.TamperBody, wechatpay.TamperWrongSignature,
	} {
		p := first(wechatpay.FaultKind(kind), fmt.Sprintf("BEHAVE24T%d", i))
		unix, _ := strconv.ParseInt(p.header.Get("Wechatpay-Timestamp"), 10, 64)
		if b.verify(p.header, p.body) == nil && time.Since(time.Unix(unix, 0)) < 5*time.Minute {
			t.Errorf("%s: the callback is good", kind)
		}
	}
}

func TestB25SignedButHostileBodies(t *testing.T) { t.Parallel(); checkHostileBodies(t) }

func checkHostileBodies(t testing.TB, without ...int) {
	b := lacking(t, without, telling)
	for _, kind := range wechatpay.TamperKinds() {
		odd := oddities[kind]
		if !kind.Authentic() || odd == nil {
			continue // what is not JSON, or too large, has a test of its own
		}
		in := newInbox(t, http.StatusBadRequest)
		no := "BEHAVE25" + strings.ReplaceAll(string(kind), "-", "_")
		b.fail(wechatpay.PlaceCallback, wechatpay.FaultKind(kind), 1)
		b.paid(orderForm(no[:min(len(no), 32)]).with("notify_url", in.URL+"/n"))
		b.clock.Settle()
		p := in.all()[0]
		n := p.read(t)
		content, opened := n.open()
		unknown := kind == wechatpay.TamperUnknownOrder && strings.Trim(fmt.Sprint(content["out_trade_no"]), "0") == ""
		if b.verify(p.header, p.body) != nil || !unknown && !odd(n, content, opened) {
			t.Errorf("%s: nothing odd in %s, %v, %v", kind, p.body, content, opened)
		}
	}
}

func TestB26OutagesOfEveryKind(t *testing.T) { t.Parallel(); checkOutages(t) }

func checkOutages(t testing.TB, without ...int) {
	b := lacking(t, without, nil)
	for i := range 7 { // refunds that are refused have a rate of six a second
		r := b.refund(refundForm("NOSUCHORDER", fmt.Sprintf("R26%d", i), 1))
		if want := map[bool]int{true: 404, false: 429}[i < 6]; r.status != want {
			t.Errorf("refused refund %d: %d %s, want %d", i, r.status, r.body, want)
		}
	}
	b.clock.Advance(time.Second)
	b.want(b.refund(refundForm("NOSUCHORDER", "R26", 1)), http.StatusNotFound, "RESOURCE_NOT_EXISTS")
	for kind, c := range map[wechatpay.FaultKind]struct {
		status int
		broken error
		made   bool
	}{
		wechatpay.FaultErrorAfter: {500, nil, true}, wechatpay.FaultTooMany: {429, nil, false}, wechatpay.FaultGzipPage: {502, nil, false},
		wechatpay.FaultTruncate: {200, io.ErrUnexpectedEOF, true}, wechatpay.FaultResetAfter: {0, syscall.ECONNRESET, true},
	} {
		no := "BEHAVE26_" + string(kind)
		b.fail(wechatpay.EndpointPrepay, kind, 1)
		r, err := b.attempt(t.Context(), orderForm(no))
		_, made := b.sim.Book().Order(no)
		if !errors.Is(err, c.broken) || c.broken == nil && r.status != c.status || made != c.made {
			t.Errorf("%s: %d, %v, made %v; want %+v", kind, r.status, err, made, c)
		}
	}
	b.fail(wechatpay.EndpointPrepay, wechatpay.FaultHangAfter, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := b.attempt(ctx, orderForm("BEHAVE26H")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it hung up: %v", err)
	}
}

func TestRatesOfTheProfileHold(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *wechatpay.Options) { o.Profile.Rates = map[string]int{wechatpay.EndpointQuery: 2} })
	for i, want := range []int{404, 404, 429, 404, 429} {
		if i == 3 {
			b.clock.Advance(500 * time.Millisecond) // one more by now
		}
		if r := b.call(http.MethodGet, queryURL("RATE0001"), ""); r.status != want {
			t.Errorf("query %d: %d, want %d", i, r.status, want)
		}
	}
}
