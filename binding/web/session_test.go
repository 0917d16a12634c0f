package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/binding/web"
)

// writes are how often each command that changes something was run.
func (w *world) writes() map[string]int {
	w.t.Helper()
	stats, err := w.client.Info(w.t.Context(), "commandstats").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]int{}
	for _, m := range regexp.MustCompile(`cmdstat_([a-z|]+):calls=(\d+)`).FindAllStringSubmatch(stats, -1) {
		if !slices.Contains([]string{"get", "info", "hello", "ping", "client|setinfo", "client|maint_notifications", "dbsize"}, m[1]) {
			found[m[1]], _ = strconv.Atoi(m[2])
		}
	}
	return found
}

// TestNothingIsStoredForSomebodyWhomNoChannelNamed opens every page with every kind
// of cookie that is no session's.
func TestNothingIsStoredForSomebodyWhomNoChannelNamed(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	w := start(t, func(c *web.Config) { c.CookieKey = key })
	b := w.browser("zhang")
	callback := b.callback("/h5/wechat/card") // a trip that is signed, and none used up
	signed := b.cookie("guodu-wechat")
	if err := w.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	expired := signedTrip(key, "guodu-wechat", "x", 16*time.Minute)
	back := signedTrip(key, "guodu-wechat", "x", time.Minute) // its code is refused
	cookies := map[string][2]string{
		"none": {}, "junk": {"junk", "junk"}, "ended": {"GPm8F0n9p0Wl3Vz7v8ZzQ1qk3J7dI0w2bHq4yqkYw2E", expired},
		"long": {strings.Repeat("x", 3000), strings.Repeat("y", 3000)}, "on the way": {"", signed}, "back": {"", back},
	}
	before := w.writes()
	routes := 0
	for _, route := range w.echo.Routes() {
		if route.Method != http.MethodGet && route.Method != http.MethodPost {
			continue
		}
		routes++
		path := strings.NewReplacer(":channel", "wechat", ":order", "x", "*", "x").Replace(route.Path)
		for name, cookie := range cookies {
			for _, address := range []string{path, path + "?lang=en&state=x&code=y"} {
				b := w.browser("nobody")
				for i, of := range []string{"guodu", "guodu-wechat"} {
					if cookie[i] != "" {
						b.plant(of, cookie[i])
					}
				}
				body := "csrf=x&username=zhangsan&password=x"
				if got := b.send(b.request(route.Method, address, strings.NewReader(body))); got.status == http.StatusInternalServerError || got.status == http.StatusServiceUnavailable {
					t.Errorf("%s %s with cookie %s is %d", route.Method, address, name, got.status)
				}
			}
		}
	}
	if n := w.client.DBSize(t.Context()).Val(); n != 0 || !maps.Equal(w.writes(), before) || routes < 15 {
		t.Errorf("%d routes left %d keys, and the writes %v, before them %v", routes, n, w.writes(), before)
	}
	b.open(callback).want(http.StatusOK, "统一身份认证用户名")
	if maps.Equal(w.writes(), before) {
		t.Error("a session is no write: the test sees nothing")
	}
}

// TestATripIsTheHubsOwnAndOfItsChannel: what another key, another name or another
// channel signed is no trip.
func TestATripIsTheHubsOwnAndOfItsChannel(t *testing.T) {
	t.Parallel()
	key := []byte(strings.Repeat("k", 32))
	w := start(t, func(c *web.Config) {
		c.OAuth["alipay"], c.CookieKey = c.OAuth["wechat"], key
	})
	callback := w.browser("attacker").callback("/h5/wechat/card")
	state := stateOf(t, callback)
	for name, value := range map[string]string{
		"of another key":     signedTrip([]byte(strings.Repeat("x", 32)), "guodu-wechat", state, 0),
		"of another channel": signedTrip(key, "guodu-alipay", state, 0),
		"of another name":    signedTrip(key, "guodu", state, 0),
		"over":               signedTrip(key, "guodu-wechat", state, 15*time.Minute+time.Second),
		"unsigned":           base64.URLEncoding.EncodeToString([]byte(`{"state":"` + state + `"}`)),
	} {
		b := w.browser("victim")
		b.plant("guodu-wechat", value)
		if got := b.step(callback); got.status != http.StatusFound || w.oauth.exchanged.Load() != 0 {
			t.Errorf("%s: %d, %d codes were exchanged", name, got.status, w.oauth.exchanged.Load())
		}
	}
	b := w.browser("attacker") // and the one that a hub with the same key signed is
	b.plant("guodu-wechat", signedTrip(key, "guodu-wechat", state, 14*time.Minute))
	b.step(callback)
	if w.oauth.exchanged.Load() != 1 {
		t.Error("the hub's own trip was not taken")
	}
}

// signedTrip is a trip that was signed some time ago.
// (Source: securecookie: base64 of date|value|MAC, the MAC over name|date|value.)
func signedTrip(key []byte, name, state string, ago time.Duration) string {
	value := base64.URLEncoding.EncodeToString([]byte(`{"state":"` + state + `"}` + "\n"))
	signed := fmt.Sprintf("%d|%s", time.Now().Add(-ago).Unix(), value)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s|%s", name, signed)
	return base64.URLEncoding.EncodeToString(append([]byte(signed+"|"), mac.Sum(nil)...))
}

func TestALogOutEndsTheSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	card := b.open("/h5/wechat/card")
	values, found := card.button("/h5/wechat/logout")
	if !found {
		t.Fatalf("no button:\n%s", card.body)
	}
	old := b.cookie("guodu")
	b.post("/h5/wechat/logout", map[string][]string{"csrf": {"x"}}).want(http.StatusForbidden, "页面已过期")
	b.open("/h5/wechat/card").want(http.StatusOK, "12.34")
	b.post("/h5/wechat/logout", map[string][]string{"csrf": {values["csrf"]}}).want(http.StatusOK, "已退出")
	if now := b.cookie("guodu"); now != "" {
		t.Errorf("the cookie is %q", now)
	}
	w.wantDead(old)
	w.wantBound("zhang", account)
	b.open("/h5/wechat/card").want(http.StatusOK, "12.34") // through the channel again
}

// TestAnEndedSessionStaysDead sends many requests with a session while another one
// renews or ends it: none of them brings it back.
func TestAnEndedSessionStaysDead(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	for round := range 12 {
		b.open("/h5/wechat/card")
		old := b.cookie("guodu")
		card := b.open("/h5/wechat/card")
		action := []string{"/h5/wechat/unbind", "/h5/wechat/logout"}[round%2]
		values, _ := card.button(action)
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				reader := w.browser("zhang")
				reader.plant("guodu", old)
				got := reader.step("/h5/wechat/" + []string{"card", "recharge", "bind"}[i%3])
				if got.status != http.StatusOK && got.status/100 != 3 {
					t.Errorf("a page that was open meanwhile is %d", got.status)
				}
			})
		}
		b.post(action, map[string][]string{"csrf": {values["csrf"]}}).want(http.StatusOK)
		group.Wait()
		w.wantDead(old)
		if round%2 == 0 {
			w.bind("zhang", account)
		}
	}
}

// TestTwoRequestsCannotBothRenewASession: a second one would give whoever has the old
// cookie a session of their own.
func TestTwoRequestsCannotBothRenewASession(t *testing.T) {
	t.Parallel()
	w := start(t, withClerk(&clerk{}))
	for range 8 {
		b := w.browser("zhang")
		action, values := b.open("/h5/wechat/bind").form()
		values.Set("username", "zhangsan")
		values.Set("password", password)
		old := b.cookie("guodu")
		statuses := make(chan int, 4)
		for range cap(statuses) {
			go func() {
				one := w.browser("zhang")
				one.plant("guodu", old)
				statuses <- one.send(one.request(http.MethodPost, action, strings.NewReader(values.Encode()))).status
			}()
		}
		bound := 0
		for range cap(statuses) {
			switch status := <-statuses; status {
			case http.StatusOK:
				bound++
			case http.StatusForbidden:
			default:
				t.Errorf("a press is %d", status)
			}
		}
		if bound != 1 {
			t.Errorf("%d of %d presses went on with a session, want 1", bound, cap(statuses))
		}
		w.wantDead(old)
		if err := w.links.Unbind(t.Context(), payer("zhang"), string(account)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBindingAndUnbindingRenewTheSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.browser("zhang")
	form := b.open("/h5/wechat/bind")
	_, values := form.form()
	tokens, cookies := []string{values.Get("csrf")}, []string{b.cookie("guodu")}
	note := func() page {
		card := b.open("/h5/wechat/card")
		_, values := card.form()
		tokens, cookies = append(tokens, values.Get("csrf")), append(cookies, b.cookie("guodu"))
		return card
	}
	b.submit(form, "username", "zhangsan", "password", password).want(http.StatusOK, "绑定成功")
	b.submit(note()).want(http.StatusOK, "已解除绑定")
	note()
	for _, all := range [][]string{tokens, slices.Clone(cookies)} {
		slices.Sort(all)
		if len(slices.Compact(all)) != 3 {
			t.Errorf("binding or unbinding kept one of %v", all)
		}
	}
	w.wantDead(cookies[0])
}

func TestOnePayerBeginsSixtySessionsAnHour(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	for range 60 {
		w.browser("zhang").open("/h5/wechat/card").want(http.StatusOK, "12.34")
	}
	got := w.browser("zhang").open("/h5/wechat/card")
	got.want(http.StatusTooManyRequests, "请在60分钟后再试")
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.browser("li").open("/h5/wechat/card").want(http.StatusOK, "统一身份认证用户名")
}

func TestASessionThatIsOverIsNotKeptForEver(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.holder().open("/h5/wechat/card")
	keys, err := w.client.Keys(t.Context(), "h:session:*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if ttl := w.client.PTTL(t.Context(), keys[0]).Val(); ttl <= 0 || ttl > 30*time.Minute {
		t.Errorf("a session lives for %v", ttl)
	}
}
