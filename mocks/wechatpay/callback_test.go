package wechatpay_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

func TestEachCallbackIsFreshButForItsID(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusNoContent)
	b.paid(orderForm("CALL0001").with("notify_url", in.URL+"/n"))
	_, err := b.sim.Deliver(t.Context(), "CALL0001", 3)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range in.all() {
		err := b.verify(p.header, p.body)
		if err != nil {
			t.Fatal(err)
		}
		n := p.read(t)
		content, err := n.open()
		if err != nil || content["trade_state"] != "SUCCESS" || content["out_trade_no"] != "CALL0001" {
			t.Fatalf("content is %v, %v", content, err)
		}
		if n.EventType != "TRANSACTION.SUCCESS" || n.ID == "" || len(n.ID) > 36 {
			t.Fatalf("notice is %+v", n)
		}
		seen["id "+n.ID] = true
		seen["header "+p.header.Get("Wechatpay-Nonce")] = true
		seen["resource "+n.Resource.Nonce] = true
		unix, err := strconv.ParseInt(p.header.Get("Wechatpay-Timestamp"), 10, 64)
		if err != nil || time.Since(time.Unix(unix, 0)).Abs() > time.Minute {
			t.Fatalf("timestamp %q is not of the real clock", p.header.Get("Wechatpay-Timestamp"))
		}
	}
	if len(in.all()) != 3 || len(seen) != 1+3+3 {
		t.Fatalf("%d callbacks with %v, want 3 with one id and fresh nonces", len(in.all()), seen)
	}
}

func TestOnly200And204Accept(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for status, want := range map[int]bool{200: true, 204: true, 201: false, 302: false, 401: false, 500: false} {
		in := newInbox(t, status)
		no := fmt.Sprintf("CODE%04d", status)
		b.paid(orderForm(no).with("notify_url", in.URL+"/n"))
		out, err := b.sim.Deliver(t.Context(), no, 1)
		if err != nil || out[0].Status != status || out[0].Accepted != want || out[0].Err != nil || out[0].Took <= 0 {
			t.Errorf("%d: %+v, %v", status, out, err)
		}
		if status != 204 && string(out[0].Body) != "heard" {
			t.Errorf("%d: body is %q", status, out[0].Body)
		}
		o, _ := b.sim.Book().Order(no)
		if o.CallbacksSent != 1 || o.CallbacksAccepted != map[bool]int{true: 1}[want] {
			t.Errorf("%d: book has %+v", status, o)
		}
	}
	if b.sim.Count("callback.sent") != 6 || b.sim.Count("callback.accepted") != 2 {
		t.Errorf("counts are %v", b.sim.Book().Counts)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusTemporaryRedirect)
	b.paid(orderForm("REDIR001").with("notify_url", in.URL+"/n"))
	_, err := b.sim.Deliver(t.Context(), "REDIR001", 1)
	if err != nil || len(in.all()) != 1 {
		t.Fatalf("%d requests arrived, %v, want 1", len(in.all()), err)
	}
}

// TestConcurrentCallbacksOverlap would hang if they came one after the other:
// the first is held until all are there.
func TestConcurrentCallbacksOverlap(t *testing.T) {
	t.Parallel()
	const n = 8
	b := setup(t, nil)
	var all sync.WaitGroup
	all.Add(n)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		all.Wait()
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	b.paid(orderForm("PARA0001").with("notify_url", server.URL+"/n"))
	out, err := b.sim.DeliverConcurrently(t.Context(), "PARA0001", n)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range out {
		if !d.Accepted {
			t.Errorf("callback %d: %+v", i, d)
		}
	}
	o, _ := b.sim.Book().Order("PARA0001")
	if o.CallbacksSent != n || o.CallbacksAccepted != n {
		t.Errorf("book has %+v", o)
	}
}

func TestCallbackThatNobodyAnswersFails(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK)
	in.Close()
	b.paid(orderForm("GONE0001").with("notify_url", in.URL+"/n"))
	out, err := b.sim.Deliver(t.Context(), "GONE0001", 1)
	if err != nil || out[0].Err == nil || out[0].Accepted || out[0].Status != 0 {
		t.Fatalf("delivery is %+v, %v", out, err)
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCallbackHasFiveSeconds(t *testing.T) {
	t.Parallel()
	var left time.Duration
	b := setup(t, func(o *wechatpay.Options) {
		o.HTTPClient = &http.Client{Timeout: time.Hour, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline)
			return nil, errors.New("unplugged")
		})}
	})
	b.paid(orderForm("FIVE0001"))
	out, err := b.sim.Deliver(t.Context(), "FIVE0001", 1)
	if err != nil || out[0].Err == nil {
		t.Fatalf("delivery is %+v, %v", out, err)
	}
	if left > 5*time.Second || left < 4*time.Second {
		t.Fatalf("%v were left, want 5 s", left)
	}
}

func TestCallbacksNeverLeaveTheMachine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.paid(orderForm("AWAY0001").with("notify_url", "http://192.0.2.1/n"))
	out, err := b.sim.Deliver(t.Context(), "AWAY0001", 1)
	if err != nil || !errors.Is(out[0].Err, wechatpay.ErrNotLoopback) {
		t.Fatalf("delivery is %+v, %v", out, err)
	}
}

func TestCallbacksThatCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("ASK00001"))
	b.paid(orderForm("ASK00002"))
	for _, c := range []struct {
		no   string
		n    int
		want error
	}{
		{"ASK00009", 1, wechatpay.ErrUnknownOrder},
		{"ASK00001", 1, wechatpay.ErrNotPaid},
		{"ASK00002", 0, wechatpay.ErrDeliveryCount},
		{"ASK00002", 1001, wechatpay.ErrDeliveryCount},
	} {
		_, one := b.sim.Deliver(t.Context(), c.no, c.n)
		_, many := b.sim.DeliverConcurrently(t.Context(), c.no, c.n)
		if !errors.Is(one, c.want) || !errors.Is(many, c.want) {
			t.Errorf("%s %d times: %v, %v, want %v", c.no, c.n, one, many, c.want)
		}
	}
	if b.sim.Count("callback.sent") != 0 {
		t.Error("something was sent")
	}
}

func TestPayTellsNobodyUnlessAsked(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{false, true} {
		log := newWatch()
		b := setup(t, func(o *wechatpay.Options) { o.AutoDeliver, o.Logger = auto, slog.New(log) })
		in := newInbox(t, http.StatusOK)
		b.paid(orderForm("AUTO0001").with("notify_url", in.URL+"/n"))
		if auto {
			log.wait(t, "callback sent")
		}
		err := b.sim.Close() // waits for what runs in the background
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: 1}[auto]
		if len(in.all()) != want || b.sim.Count("callback.accepted") != int64(want) {
			t.Errorf("auto %v: %d callbacks came", auto, len(in.all()))
		}
	}
}

func TestCloseAbandonsABackgroundCallback(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *wechatpay.Options) { o.AutoDeliver = true })
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	b.paid(orderForm("AUTO0002").with("notify_url", server.URL+"/n"))
	<-arrived
	began := time.Now()
	err := b.sim.Close()
	if err != nil || time.Since(began) > 4*time.Second {
		t.Fatalf("close took %v, %v", time.Since(began), err)
	}
	if b.sim.Count("callback.accepted") != 0 {
		t.Fatal("an abandoned callback counts as accepted")
	}
}
