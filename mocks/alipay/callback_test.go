package alipay_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
)

func TestNotifyRepeatsItsIDAndItsFacts(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK, "success")
	passback := "a%3D1%26b%3D%2B%25%E4%B8%AD%F0%9F%98%80 raw+&=中😀"
	node := b.wantCode(b.post(createForm(orderForm("NOTE_1").with("passback_params", passback).with("body", "说明")).
		with("notify_url", in.URL+"/n")), "10000", "")
	no := node["trade_no"].(string)
	b.clock.Advance(time.Minute)
	b.pay(no)
	for range 2 {
		b.clock.Advance(time.Minute)
		out, err := b.sim.Deliver(t.Context(), "NOTE_1", 1)
		if err != nil || !out[0].Accepted || out[0].Status != http.StatusOK || string(out[0].Body) != "success" || out[0].Took <= 0 {
			t.Fatalf("deliveries are %+v, %v", out, err)
		}
	}
	got := in.all()
	first, second := got[0].fields(), got[1].fields()
	if !b.verified(first) || !b.verified(second) || first.Get("sign") == second.Get("sign") {
		t.Error("signatures do not hold, or are the same")
	}
	if first.Get("notify_id") != second.Get("notify_id") || len(first.Get("notify_id")) != 34 {
		t.Errorf("ids are %s and %s", first.Get("notify_id"), second.Get("notify_id"))
	}
	if got[0].contentType != "application/x-www-form-urlencoded; charset=utf-8" || got[0].query != "" {
		t.Errorf("parcel is %+v", got[0])
	}
	for name, want := range map[string]string{
		"passback_params": passback, "body": "说明", "subject": "校园卡充值", "gmt_create": stamp,
		"gmt_payment": "2026-03-02 18:01:00", "notify_time": "2026-03-02 18:02:00", "buyer_id": alipay.BuyerID(person),
		"trade_no": no, "version": "1.0", "sign_type": "RSA2", "trade_status": "TRADE_SUCCESS", "auth_app_id": appID,
		"seller_email": "campus-card@example.edu", "invoice_amount": "50.00",
	} {
		if first.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, first.Get(name), want)
		}
	}
	for name, list := range first {
		if len(list) != 1 || list[0] == "" {
			t.Errorf("%s is %q", name, list)
		}
	}
	if second.Get("notify_time") != "2026-03-02 18:03:00" {
		t.Errorf("second notify_time is %s", second.Get("notify_time"))
	}
	if got := b.order("NOTE_1"); got.CallbacksSent != 2 || got.CallbacksAccepted != 2 || b.sim.Count("callback.accepted") != 2 {
		t.Errorf("order is %+v", got)
	}
}

func TestOnlySuccessExactlyIsAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i, c := range []struct {
		status int
		words  string
	}{
		{200, "SUCCESS"}, {200, "success\n"}, {200, `"success"`}, {200, "success!"}, {200, ""}, {200, "fail"}, {200, "<html>success</html>"},
		{201, "success"}, {302, "success"}, {500, "success"},
	} {
		no := fmt.Sprintf("EXACT_%d", i)
		in := newInbox(t, c.status, c.words)
		b.pay(b.createTo(no, in.URL+"/n"))
		out, err := b.sim.Deliver(t.Context(), no, 1)
		if err != nil || out[0].Accepted || out[0].Status != c.status || len(in.all()) != 1 {
			t.Errorf("%d %q: %+v, %v", c.status, c.words, out, err)
		}
		if got := b.order(no); got.CallbacksSent != 1 || got.CallbacksAccepted != 0 {
			t.Errorf("%d %q: %+v", c.status, c.words, got)
		}
	}
}

func TestDeliverConcurrentlySendsAllAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const n = 8
	var together sync.WaitGroup
	together.Add(n)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait() // nobody is answered before all are here
		_, _ = w.Write([]byte("success"))
	}))
	t.Cleanup(server.Close)
	b.pay(b.createTo("MANY_1", server.URL))
	out, err := b.sim.DeliverConcurrently(t.Context(), "MANY_1", n)
	if err != nil || len(out) != n {
		t.Fatalf("deliveries are %+v, %v", out, err)
	}
	for _, d := range out {
		if !d.Accepted {
			t.Errorf("delivery is %+v", d)
		}
	}
}

func TestDeliverRefusesWhatCannotBeTold(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.create(orderForm("REFUSE_1"))
	b.pay(b.createTo("REFUSE_2", ""))
	b.pay(b.create(orderForm("REFUSE_3")))
	for _, c := range []struct {
		no   string
		n    int
		want error
	}{
		{"REFUSE_0", 1, alipay.ErrUnknownOrder}, {"REFUSE_1", 1, alipay.ErrNotPaid}, {"REFUSE_2", 1, alipay.ErrNoNotifyURL},
		{"REFUSE_3", 0, sim.ErrDeliveryCount}, {"REFUSE_3", 1001, sim.ErrDeliveryCount},
	} {
		_, one := b.sim.Deliver(t.Context(), c.no, c.n)
		_, all := b.sim.DeliverConcurrently(t.Context(), c.no, c.n)
		if !errors.Is(one, c.want) || !errors.Is(all, c.want) {
			t.Errorf("%s, %d: %v, %v, want %v", c.no, c.n, one, all, c.want)
		}
	}
	out, err := b.sim.Deliver(t.Context(), "REFUSE_3", 1)
	if err != nil || out[0].Err == nil || out[0].Accepted || out[0].Status != 0 {
		t.Errorf("to a closed port: %+v, %v", out, err)
	}
}

func TestDefaultClientStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.pay(b.createTo("AWAY_1", "http://192.0.2.1/n"))
	out, err := b.sim.Deliver(t.Context(), "AWAY_1", 1)
	if err != nil || !errors.Is(out[0].Err, sim.ErrNotLoopback) {
		t.Errorf("deliveries are %+v, %v", out, err)
	}
}

func TestAutoDeliverTellsOnceWhereThereIsAnAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.AutoDeliver = true })
	told := make(chan string, 4)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		told <- r.PostForm.Get("out_trade_no")
		_, _ = w.Write([]byte("success"))
	}))
	t.Cleanup(server.Close)
	b.pay(b.createTo("AUTO_1", ""))
	b.pay(b.createTo("AUTO_2", server.URL))
	if got := <-told; got != "AUTO_2" {
		t.Errorf("told of %s", got)
	}
	err := b.sim.Close() // waits for what is under way
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 0 || b.sim.Count("callback.sent") != 1 {
		t.Errorf("told %d more times, counts %v", len(told), b.sim.Book().Counts)
	}
}

func TestNoticeInGBKLeavesOutWhatIsAbsent(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK, "success")
	f := createForm(orderForm("NGBK_1").without("passback_params")).with("charset", "gbk").with("notify_url", in.URL)
	raw, err := simplifiedchinese.GBK.NewEncoder().String(f["biz_content"])
	if err != nil {
		t.Fatal(err)
	}
	node := b.wantCode(b.post(f.with("biz_content", raw)), "10000", "")
	b.pay(node["trade_no"].(string))
	_, err = b.sim.Deliver(t.Context(), "NGBK_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	p := in.all()[0]
	values := p.fields()
	subject, err := simplifiedchinese.GBK.NewDecoder().String(values.Get("subject"))
	if err != nil || subject != "校园卡充值" || values.Get("charset") != "GBK" || !b.verified(values) || !strings.HasSuffix(p.contentType, "charset=GBK") {
		t.Errorf("parcel is %+v", p)
	}
	if values.Has("passback_params") || values.Has("body") {
		t.Errorf("what the order did not have is told: %v", values)
	}
}

// On a clock that runs, what falls due comes by itself.
func TestCounterRepeatsAtOnceInRealTime(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.AutoDeliver, o.Clock = true, nil })
	came := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		came <- r.PostFormValue("notify_id")
	}))
	t.Cleanup(server.Close)
	f := chargeForm(counterForm("REAL_1", b.barCode(alipay.BarCodeRequest{}))).with("notify_url", server.URL)
	b.wantCode(b.post(f), "10000", "")
	ids := map[string]bool{}
	for range 4 {
		select {
		case id := <-came:
			ids[id] = true
		case <-time.After(10 * time.Second):
			t.Fatal("it never came")
		}
	}
	if len(ids) != 1 {
		t.Errorf("ids are %v", ids)
	}
}
