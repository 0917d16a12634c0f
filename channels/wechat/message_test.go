package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/wechat"
	"guodu/mocks/wechatpay"
)

// messages are templates as an operator configures them.
func messages() channels.Templates {
	fields := map[string]string{"character_string1": "order", "amount2": "amount", "time3": "time", "thing4": "=校园卡"}
	loaded := map[string]string{"character_string1": "order", "amount2": "amount", "time3": "time", "thing4": "place"}
	return channels.Templates{
		channels.EventPaid: {ID: "paid", Fields: fields}, channels.EventLoaded: {ID: "loaded", Fields: loaded},
		channels.EventRefunded: {ID: "refunded", Fields: fields},
	}
}

func paidEvent() channels.Event {
	return channels.Event{
		Kind: channels.EventPaid, Ref: orderNo, Order: orderNo, Amount: 5000, Time: noon(),
		URL: "https://card.example.edu/h5/wechat/orders/" + orderNo,
	}
}

func reader() channels.Payer {
	return channels.Payer{Kind: "openid", ID: wechatpay.OpenID(appID, person)}
}

func TestWhatWeChatSaysOfAMessageIsTold(t *testing.T) {
	j := newJourney(t)
	for code, want := range map[string]error{
		"40037": channels.ErrSetup, "47003": channels.ErrSetup, "48001": channels.ErrSetup,
		"43004": channels.ErrNotReached, "43101": channels.ErrNotReached, "45009": channels.ErrNotNow,
	} {
		j.fail(t, wechatpay.EndpointTemplate, "refuse-"+code, 1)
		mustBe(t, j.channel.Tell(t.Context(), reader(), paidEvent()), want)
	}
	stranger := channels.Payer{Kind: "openid", ID: wechatpay.OpenID("wx2", person)}
	mustBe(t, j.channel.Tell(t.Context(), stranger, paidEvent()), channels.ErrNotReached)
	if n := len(j.sim.Messages()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

func (j *journey) fail(t *testing.T, endpoint, kind string, times int) {
	t.Helper()
	err := j.sim.Fail(endpoint, wechatpay.Fault{Kind: wechatpay.FaultKind(kind), Times: times})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWithoutAnAccessTokenNothingIsSent(t *testing.T) {
	j := newJourney(t)
	for kind, want := range map[string]error{
		"error-before": channels.ErrNotNow, "bad-gateway": channels.ErrNotNow, "too-many": channels.ErrNotNow, "truncate": channels.ErrNotNow,
		"refuse-45009": channels.ErrNotNow, "refuse-40125": channels.ErrSetup, "refuse-40164": channels.ErrSetup,
	} {
		j.fail(t, wechatpay.EndpointAccessToken, kind, 1)
		mustBe(t, j.channel.Tell(t.Context(), reader(), paidEvent()), want)
	}
	if n := j.sim.Count(wechatpay.EndpointTemplate); n != 0 {
		t.Errorf("%d messages left without a token", n)
	}
}

func TestAnAccessTokenIsFetchedOnceForAll(t *testing.T) {
	j := newJourney(t)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			e := paidEvent()
			e.Ref = strconv.Itoa(i)
			if err := j.channel.Tell(t.Context(), reader(), e); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sent, fetched := len(j.sim.Messages()), j.sim.Count(wechatpay.EndpointAccessToken); sent != 50 || fetched != 1 {
		t.Errorf("%d messages with %d tokens, want 50 with 1", sent, fetched)
	}
}

func TestATokenThatIsNotGoodIsReplacedOnce(t *testing.T) {
	j := newJourney(t)
	if err := j.channel.Tell(t.Context(), reader(), paidEvent()); err != nil {
		t.Fatal(err)
	}
	again := paidEvent()
	again.Ref = "again"
	j.fail(t, wechatpay.EndpointTemplate, "refuse-40001", 1)
	if err := j.channel.Tell(t.Context(), reader(), again); err != nil {
		t.Errorf("after one refusal of the token: %v", err)
	}
	if fetched := j.sim.Count(wechatpay.EndpointAccessToken); fetched != 2 || len(j.sim.Messages()) != 2 {
		t.Errorf("%d tokens for %d messages, want 2 for 2", fetched, len(j.sim.Messages()))
	}
	j.fail(t, wechatpay.EndpointTemplate, "refuse-42001", 10)
	before := j.sim.Count(wechatpay.EndpointTemplate)
	mustBe(t, j.channel.Tell(t.Context(), reader(), again), channels.ErrNotNow)
	if n := j.sim.Count(wechatpay.EndpointTemplate) - before; n != 2 {
		t.Errorf("a token that is never good was tried %d times, want twice", n)
	}
}

// official is WeChat's account interfaces as a handler, with a clock of its own.
type official struct {
	now     atomic.Int64 // seconds
	fetched atomic.Int64
	token   string
	send    http.HandlerFunc
}

func (o *official) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/cgi-bin/stable_token" {
		o.fetched.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": o.token, "expires_in": 7200})
		return
	}
	o.send(w, r)
}

func (o *official) channel(t *testing.T) *wechat.Channel {
	t.Helper()
	base, transport := upstreamOf(t, o.ServeHTTP)
	cfg := config()
	cfg.OAuthBase, cfg.Transport, cfg.Timeout, cfg.Messages = base, transport, 10*time.Second, messages()
	cfg.Clock = func() time.Time { return noon().Add(time.Duration(o.now.Load()) * time.Second) }
	return mustNew(t, cfg)
}

func TestAnAccessTokenIsUsedUntilShortlyBeforeItsEnd(t *testing.T) {
	o := &official{token: "tok3n", send: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"errcode":0}`) }}
	channel := o.channel(t)
	for _, step := range []struct{ at, fetched int64 }{{0, 1}, {7000, 1}, {7021, 2}, {14000, 2}} {
		o.now.Store(step.at)
		if err := channel.Tell(t.Context(), reader(), paidEvent()); err != nil {
			t.Fatal(err)
		}
		if n := o.fetched.Load(); n != step.fetched {
			t.Errorf("after %d s %d tokens were fetched, want %d", step.at, n, step.fetched)
		}
	}
}

func TestNoErrorOfAMessageShowsTokenSecretOrReader(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"echo": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_ = json.NewEncoder(w).Encode(map[string]any{"errcode": 99999, "errmsg": r.URL.String() + strings.Repeat("x", 100) + string(body[:10])})
		},
		"cut":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"no code":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) },
		"5xx":      func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.String(), http.StatusBadGateway) },
	}
	for name, send := range answers {
		o := &official{token: "t0ken+/of=the&account", send: send}
		err := o.channel(t).Tell(t.Context(), reader(), paidEvent())
		want := channels.ErrUnknownOutcome
		if name == "echo" {
			want = channels.ErrRefused
		}
		mustBe(t, err, want)
		for _, hidden := range []string{"t0ken", "of%3Dthe", appSecret, reader().ID} {
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("%s: the error shows %q: %v", name, hidden, err)
			}
		}
	}
}

func TestAWaiterForATokenGoesWhenItsContextEnds(t *testing.T) {
	j := newJourney(t)
	j.fail(t, wechatpay.EndpointAccessToken, "hang-before", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := j.channel.Tell(ctx, reader(), paidEvent()); !errors.Is(err, channels.ErrNotNow) {
				t.Errorf("Tell: %v, want ErrNotNow", err)
			}
		})
	}
	all.Wait()
}

func TestWeChatTemplatesAreChecked(t *testing.T) {
	cfg := config()
	cfg.Messages = channels.Templates{channels.EventPaid: {ID: "T", Fields: map[string]string{"thing1": "balance"}}}
	_, err := wechat.New(cfg)
	if err == nil || !strings.Contains(err.Error(), "Messages") || !strings.Contains(err.Error(), "thing1") {
		t.Errorf("New: %v", err)
	}
}
