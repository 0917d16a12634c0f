package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"guodu/binding/web"
	"guodu/channels"
)

func TestAStateOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	attacker := w.browser("attacker").callback("/h5/wechat/card")
	parsed, err := url.Parse(attacker)
	if err != nil {
		t.Fatal(err)
	}
	code := parsed.Query().Get("code")
	for name, address := range map[string]string{
		"of another session": attacker,
		"missing":            "/h5/wechat/oauth?code=" + code,
		"empty":              "/h5/wechat/oauth?state=&code=" + code,
		"foreign":            "/h5/wechat/oauth?state=AAAAAAAAAAAAAAAAAAAAAAAAAA&code=" + code,
		"nothing at all":     "/h5/wechat/oauth",
	} {
		t.Run(name, func(t *testing.T) {
			w.browser("nobody").open(address).want(http.StatusForbidden, "授权已失效")
			// A victim who is about to come back from the channel is not
			// logged in as the attacker, nor disturbed.
			victim := w.browser("victim")
			own := victim.callback("/h5/wechat/card")
			before := w.oauth.exchanged.Load()
			again := victim.step(address)
			if again.status != http.StatusFound || !strings.HasPrefix(again.target(), app.base+"/connect/oauth2/authorize?") ||
				!strings.Contains(own, stateOf(t, again.target())) {
				t.Errorf("leads to %d %s, want the victim's own authorization", again.status, again.target())
			}
			if w.oauth.exchanged.Load() != before {
				t.Error("the code was exchanged")
			}
			victim.open(own).want(http.StatusOK, "统一身份认证用户名")
			victim.submit(victim.open("/h5/wechat/bind"), "username", "zhangsan", "password", password).want(http.StatusOK, "绑定成功")
			w.wantBound("victim", account)
			w.wantBound("attacker", "")
			if err := w.links.Unbind(t.Context(), payer("victim"), string(account)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTheCallbackLoadedAgainChangesNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	b := w.browser("zhang")
	callback := b.callback("/h5/wechat/recharge")
	for range 3 {
		got := b.open(callback)
		got.want(http.StatusOK, "充值金额")
		got.wantAt("/h5/wechat/recharge")
	}
	if n := w.oauth.exchanged.Load(); n != 1 {
		t.Errorf("%d codes were exchanged, want 1", n)
	}
	w.browser("stranger").open(callback).want(http.StatusForbidden, "授权已失效")
}

func stateOf(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Query().Get("state")
}

// TestAReturnLoadedTwiceAtOnceEndsOnAPageBothTimes: apps do that, and whichever
// load comes second brings a session that the first one has just replaced.
func TestAReturnLoadedTwiceAtOnceEndsOnAPageBothTimes(t *testing.T) {
	t.Parallel()
	w := start(t)
	for i := range 40 {
		person := fmt.Sprint("zhang", i)
		w.bind(person, account)
		b := w.browser(person)
		callback := b.callback("/h5/wechat/card")
		var loads sync.WaitGroup
		for range 2 {
			loads.Go(func() {
				if got := b.open(callback); got.status != http.StatusOK || !strings.Contains(got.body, "12.34") {
					t.Errorf("round %d ends on %d %s", i, got.status, got.at)
				}
			})
		}
		loads.Wait()
	}
}

// TestABrowserThatTakesNoNewCookieIsNotSentRoundForEver: its old one is of a
// session that is gone.
func TestABrowserThatTakesNoNewCookieIsNotSentRoundForEver(t *testing.T) {
	t.Parallel()
	w := start(t)
	address := "/h5/wechat/oauth?code=x&state=AAAAAAAAAAAAAAAAAAAAAAAAAA"
	for round := range 4 {
		b := w.browser("zhang")
		b.plant("guodu", "gone")
		got := b.step(address)
		if round == 3 {
			got.want(http.StatusForbidden, "授权已失效")
			break
		}
		if got.status != http.StatusFound {
			t.Fatalf("round %d: %d", round, got.status)
		}
		address = "/h5/wechat/oauth?code=x&state=" + stateOf(t, got.target())
	}
	if n := w.oauth.exchanged.Load(); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
}

func TestTwoPagesOpenedAtOnceBothArrive(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	b := w.browser("zhang")
	first := b.callback("/h5/wechat/card")
	second := b.callback("/h5/wechat/recharge")
	b.open(first).want(http.StatusOK)
	b.open(second).want(http.StatusOK)
	b.open("/h5/wechat/card").want(http.StatusOK, "12.34")
}

func TestAUsedCodeStartsTheAuthorisationAgain(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	b := w.browser("zhang")
	callback := b.callback("/h5/wechat/recharge")
	parsed, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.oauth.OAuth.Exchange(t.Context(), parsed.Query().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	again := b.step(callback)
	if again.status != http.StatusFound || !strings.HasPrefix(again.target(), app.base+"/connect/oauth2/authorize?") {
		t.Fatalf("a used code leads to %d %s", again.status, again.target())
	}
	if strings.Contains(again.target(), parsed.Query().Get("state")) {
		t.Error("the state was used twice")
	}
	got := b.follow(again)
	got.want(http.StatusOK, "充值金额")
	got.wantAt("/h5/wechat/recharge")
}

func TestAChannelThatRefusesEveryCodeIsAskedFourTimes(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.oauth.fail = channels.ErrCode
	b := w.browser("zhang")
	for range 2 {
		w.oauth.exchanged.Store(0)
		b.open("/h5/wechat/card").want(http.StatusBadGateway, "暂时无法确认您的身份")
		if n := w.oauth.exchanged.Load(); n != 4 {
			t.Errorf("%d codes were tried, want 4", n)
		}
	}
	w.oauth.fail = nil
	b.open("/h5/wechat/card").want(http.StatusOK, "统一身份认证用户名")
}

func TestASnapshotUserIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	app.sim.SetSnapshot("snapshot", true)
	b := w.browser("snapshot")
	b.open("/h5/wechat/card").want(http.StatusForbidden, "使用完整服务")
	callback := b.callback("/h5/wechat/card") // still nobody
	app.sim.SetSnapshot("snapshot", false)
	b.open(callback).want(http.StatusOK, "统一身份认证用户名")
}

func TestAChannelInTroubleIsToldAndNotLooped(t *testing.T) {
	t.Parallel()
	for _, fail := range []error{channels.ErrUnknownOutcome, channels.ErrRefused, errors.New("other")} {
		w := start(t)
		w.oauth.fail = fail
		w.browser("zhang").open("/h5/wechat/card").want(http.StatusBadGateway, "暂时无法确认您的身份", `href="/h5/wechat/card"`)
		if n := w.oauth.exchanged.Load(); n != 1 {
			t.Errorf("after %v, %d codes were tried", fail, n)
		}
	}
}

// TestALoginGetsANewCookie is session fixation: who planted or saw the cookie
// of before the login has nothing.
func TestALoginGetsANewCookie(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *web.Config) { c.OAuth["alipay"] = c.OAuth["wechat"] })
	w.bind("zhang", account)
	b := w.browser("zhang")
	b.plant("guodu", "planted")
	callback := b.callback("/h5/wechat/card")
	if now := b.cookie("guodu"); now != "planted" {
		t.Fatalf("before the login the cookie is %q", now)
	}
	b.open(callback).want(http.StatusOK, "12.34")
	before := b.cookie("guodu")
	if before == "planted" || before == "" {
		t.Fatalf("the cookie is %q", before)
	}
	b.step(b.callback("/h5/alipay/card")) // a second login in the same session
	if after := b.cookie("guodu"); after == before {
		t.Error("the login kept its cookie")
	}
	b.open("/h5/wechat/card").want(http.StatusOK, "12.34")
	for _, old := range []string{"planted", before} {
		w.wantDead(old)
	}
	keys, err := w.client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if strings.Contains(key, b.cookie("guodu")) {
			t.Errorf("the cookie can be read in Redis: %s", key)
		}
	}
}

// wantDead wants a session's cookie to open nothing.
func (w *world) wantDead(cookie string) {
	w.t.Helper()
	thief := w.browser("thief")
	thief.plant("guodu", cookie)
	if got := thief.step("/h5/wechat/card"); got.status != http.StatusFound || !strings.HasPrefix(got.target(), app.base) {
		w.t.Errorf("the old cookie opens %d %s", got.status, got.target())
	}
}

func (b *browser) cookie(name string) string {
	b.t.Helper()
	for _, c := range b.client.Jar.Cookies(b.request(http.MethodGet, "/h5/wechat/card", nil).URL) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) plant(name, value string) {
	b.client.Jar.SetCookies(b.request(http.MethodGet, "/", nil).URL, []*http.Cookie{{Name: name, Value: value, Path: "/h5"}})
}

func TestTheWayBackStaysOnThisHost(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	for _, tc := range []struct{ asked, back string }{
		{"orders/%0d%0aSet-Cookie:%20x=1", "orders/%0d%0aSet-Cookie:%20x=1"},
		{"orders/..%2f..%2f..%2f%2fevil.example", "orders/..%2f..%2f..%2f%2fevil.example"},
		{"orders/%5cevil.example", "orders/%5cevil.example"},
		{"card?to=https://evil.example", "card"},
		{"orders/" + strings.Repeat("x", 5000), "card"},
	} {
		b := w.browser("zhang")
		got := b.step(b.callback("/h5/wechat/" + tc.asked))
		if got.status != http.StatusSeeOther || got.header.Get("Location") != "/h5/wechat/"+tc.back {
			t.Errorf("%.60s leads back to %d %.90q", tc.asked, got.status, got.header.Get("Location"))
		}
		for _, cookie := range got.header.Values("Set-Cookie") {
			if !strings.HasPrefix(cookie, "guodu=") && !strings.HasPrefix(cookie, "guodu-wechat=") {
				t.Errorf("%.60s sets a cookie: %s", tc.asked, cookie)
			}
		}
	}
}

func TestCookiesAreForThisHostAndNoScript(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		secure bool
		cookie string
		has    []string
		hasNot []string
	}{
		{"plain http", false, "guodu", []string{"; Path=/h5;", "; HttpOnly", "; SameSite=Lax"}, []string{"Secure", "Domain"}},
		{"https", true, "__Host-guodu", []string{"; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Secure"}, []string{"Domain"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t, func(c *web.Config) { c.Secure = tc.secure })
			w.bind("zhang", account)
			b := w.browser("zhang")
			before := b.step("/h5/wechat/card?lang=en").header.Values("Set-Cookie")
			after := b.step(b.callback("/h5/wechat/card")).header.Values("Set-Cookie")
			cookies := slices.Concat(before, after)
			for i, name := range []string{"-lang", "-wechat", "-wechat", ""} {
				if len(cookies) != 4 || !strings.HasPrefix(cookies[i], tc.cookie+name+"=") {
					t.Fatalf("cookies are %q", cookies)
				}
				for _, has := range tc.has {
					if !strings.Contains(cookies[i]+";", has) {
						t.Errorf("%q lacks %q", cookies[i], has)
					}
				}
				for _, not := range tc.hasNot {
					if strings.Contains(cookies[i], not) {
						t.Errorf("%q has %q", cookies[i], not)
					}
				}
			}
			b.open("/h5/wechat/card").want(http.StatusOK, "12.34")
		})
	}
}
