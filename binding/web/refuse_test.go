package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"guodu/binding"
	"guodu/binding/identity/guard"
	"guodu/binding/web"
	"guodu/channels"
	"guodu/internal/limit"
	"guodu/internal/redistest"
	"guodu/internal/refusal"
)

// badCode comes back from the channel with a code that it does not know.
func (b *browser) badCode() page {
	b.t.Helper()
	back, err := url.Parse(b.callback("/h5/wechat/card"))
	if err != nil {
		b.t.Fatal(err)
	}
	query := back.Query()
	query.Set("code", "garbage")
	back.RawQuery = query.Encode()
	return b.step(back.String())
}

// TestEachRefusalIsCountedAndLoggedOnce makes every kind of refusal, each in a world
// of its own. The log of each is looked through for passwords and payers by start.
func TestEachRefusalIsCountedAndLoggedOnce(t *testing.T) {
	t.Parallel()
	tight := guard.DefaultRates()
	one := limit.Rate{Most: 1, Per: 15 * time.Minute}
	wrongOnce := func(b *browser) { b.login("wangwu", wrong) }
	guess := func(b *browser) { b.login("zhangsan", wrong) }
	for _, tc := range []struct {
		door, reason string
		rates        func(*guard.Rates)
		say          error // of the portal
		before, do   func(b *browser)
		hides        bool // no payer is known
		uncounted    bool // the counts' Redis is gone
	}{
		{door: "login", reason: "wrong_password", do: guess},
		{door: "login", reason: "locked", say: &binding.LockedError{For: time.Minute}, do: guess},
		{door: "login", reason: "no_verdict", say: binding.ErrIdentityDown, do: guess},
		{door: "login", reason: "not_counted", uncounted: true, do: guess},
		{door: "login", reason: "limit_payer", rates: func(r *guard.Rates) { r.Payer = one }, before: wrongOnce, do: guess},
		{door: "login", reason: "limit_address", rates: func(r *guard.Rates) { r.Address = one }, before: wrongOnce, do: guess},
		{door: "login", reason: "limit_all", rates: func(r *guard.Rates) { r.All = one }, before: wrongOnce, do: guess},
		{door: "login", reason: "limit_user", rates: func(r *guard.Rates) { r.Lock.Most = 2 }, before: guess, do: func(b *browser) { b.login("ZhangSan", password) }},
		{door: "login", reason: "not_holder", before: func(b *browser) {
			b.w.bind("zhang", other)
			b.w.bind("mother", other)
		}, do: func(b *browser) { b.submit(b.ending(), "username", "zhangsan", "password", password) }},
		{door: "page", reason: "csrf", do: func(b *browser) { b.post("/h5/wechat/bind", url.Values{"csrf": {"x"}}) }},
		{door: "page", reason: "session_ended", hides: true, do: func(b *browser) {
			b.w.browser("nobody").post("/h5/wechat/bind", url.Values{"csrf": {"x"}})
		}},
		{door: "page", reason: "state", hides: true, do: func(b *browser) { b.w.browser("nobody").open("/h5/wechat/oauth?state=x&code=y") }},
		{door: "page", reason: "state_again", hides: true, do: func(b *browser) {
			victim := b.w.browser("victim")
			victim.callback("/h5/wechat/card")
			victim.step("/h5/wechat/oauth?state=x&code=y")
		}},
		{door: "page", reason: "too_large", do: func(b *browser) {
			b.post("/h5/wechat/bind", url.Values{"password": {wrong}, "fill": {strings.Repeat("x", 17<<10)}})
		}},
		{door: "page", reason: "unreadable", do: func(b *browser) {
			b.send(b.request(http.MethodPost, "/h5/wechat/bind", strings.NewReader("password="+url.QueryEscape(wrong)+"&csrf=%zz")))
		}},
		{door: "page", reason: "code", hides: true, do: func(b *browser) { b.w.browser("nobody").badCode() }},
		{door: "page", reason: "exchange", hides: true, do: func(b *browser) {
			b.w.oauth.fail = channels.ErrUnknownOutcome
			b.w.browser("nobody").badCode()
		}},
		{door: "page", reason: "limit_orders", before: func(b *browser) {
			b.w.bind("zhang", account)
			b.submit(b.open("/h5/wechat/recharge"), "amount", "5")
		}, do: func(b *browser) { b.submit(b.open("/h5/wechat/recharge"), "amount", "5") }},
		{door: "page", reason: "limit_sessions", before: func(b *browser) {
			for range 59 {
				b.w.browser("zhang").open("/h5/wechat/card")
			}
		}, do: func(b *browser) { b.w.browser("zhang").open("/h5/wechat/card") }},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			rates := tight
			if tc.rates != nil {
				tc.rates(&rates)
			}
			c := &clerk{}
			registry := prometheus.NewRegistry()
			w := start(t, func(config *web.Config) {
				counts := redis.UniversalClient(config.Ephemeral)
				if tc.uncounted {
					gone := redistest.Start(t, redistest.Ephemeral)
					counts = gone.Client()
					gone.Kill()
				}
				config.Identity = guard.New(c, limit.New(counts, "", nil), rates, nil)
				config.Prepays = 1
				config.Refusals = refusal.New(refusal.Config{Log: config.Log, Registry: registry, Key: []byte("key")})
			})
			// Nobody comes from this host.
			w.echo.IPExtractor = func(*http.Request) string { return "192.0.2.7" }
			b := w.browser("zhang")
			b.open("/h5/wechat/bind")
			if tc.before != nil {
				tc.before(b)
			}
			counted := func() float64 {
				t.Helper()
				families, err := registry.Gather()
				if err != nil {
					t.Fatal(err)
				}
				all := 0.0
				for _, f := range families {
					for _, m := range f.GetMetric() {
						all += m.GetCounter().GetValue()
					}
				}
				return all
			}
			refusedLines := func() []string {
				var lines []string
				for line := range strings.Lines(w.log.String()) {
					if strings.Contains(line, "msg=refused") {
						lines = append(lines, line)
					}
				}
				return lines
			}
			already, lines := counted(), len(refusedLines())
			c.say = nil
			if tc.say != nil {
				c.say = func(string, string) error { return tc.say }
			}
			tc.do(b)
			if asked := c.asked.Load(); tc.uncounted && asked != 0 {
				t.Errorf("the portal was asked %d times", asked)
			}
			if n := counted() - already; n != 1 {
				t.Errorf("it was counted %v times, want once", n)
			}
			told := refusedLines()[lines:]
			if len(told) != 1 {
				t.Fatalf("%d lines, want one:\n%s", len(told), strings.Join(told, ""))
			}
			wants := []string{"door=" + tc.door, "reason=" + tc.reason + " ", "channel=wechat", "address=192.0.2.7", "route=/h5/:channel/"}
			if !tc.hides {
				id := payer("zhang").ID
				wants = append(wants, "payer=openid:…"+id[len(id)-4:])
			}
			if tc.door == "login" {
				wants = append(wants, "user="+refusal.New(refusal.Config{Key: []byte("key")}).Hash("zhangsan"))
			}
			for _, want := range wants {
				if !strings.Contains(told[0], want) {
					t.Errorf("the line lacks %s: %s", want, told[0])
				}
			}
			for _, name := range []string{"zhangsan", "ZhangSan", "wangwu"} {
				if strings.Contains(w.log.String(), name) {
					t.Errorf("a user name is in the log:\n%s", w.log.String())
				}
			}
		})
	}
}
