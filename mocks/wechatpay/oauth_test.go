package wechatpay_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

const back = "http://127.0.0.1:8080/wechat/back?from=menu"

func authorizeURL(redirect, state string) string {
	return "/connect/oauth2/authorize?appid=" + appID + "&redirect_uri=" + url.QueryEscape(redirect) +
		"&response_type=code&scope=snsapi_base&state=" + state
}

// visit is a browser without WeChat Pay's headers.
func (b *bench) visit(path, cookie string) reply {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "sim_person", Value: cookie})
	}
	return b.do(req)
}

// code authorizes and takes the code out of the redirect.
func (b *bench) code(cookie string) string {
	b.t.Helper()
	r := b.visit(authorizeURL(back, "st4te"), cookie)
	target, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != http.StatusFound {
		b.t.Fatalf("authorize: %d %s %v", r.status, r.body, err)
	}
	q := target.Query()
	if q.Get("state") != "st4te" || q.Get("from") != "menu" || target.Host != "127.0.0.1:8080" {
		b.t.Fatalf("redirect goes to %s", target)
	}
	return q.Get("code")
}

type token struct {
	Errcode        int    `json:"errcode"`
	Errmsg         string `json:"errmsg"`
	Openid         string `json:"openid"`
	Scope          string `json:"scope"`
	AccessToken    string `json:"access_token"`
	IsSnapshotuser int    `json:"is_snapshotuser"`
}

func (b *bench) exchange(q url.Values) token {
	b.t.Helper()
	r := b.visit("/sns/oauth2/access_token?"+q.Encode(), "")
	var out token
	err := json.Unmarshal(r.body, &out)
	if err != nil || r.status != http.StatusOK || r.header.Get("Content-Type") != "text/plain" {
		b.t.Fatalf("token: %d %s %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	if out.Errcode != 0 && !regexp.MustCompile(`, rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`).MatchString(out.Errmsg) {
		b.t.Fatalf("errmsg %q has no rid", out.Errmsg)
	}
	return out
}

func exchangeOf(code string) url.Values {
	return url.Values{"appid": {appID}, "secret": {appSecret}, "code": {code}, "grant_type": {"authorization_code"}}
}

func TestAuthorizationTellsWhoLooks(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for cookie, who := range map[string]string{"": person, "lisi": "lisi"} {
		got := b.exchange(exchangeOf(b.code(cookie)))
		if got.Openid != wechatpay.OpenID(appID, who) || got.AccessToken == "" || got.Scope != "snsapi_base" || got.IsSnapshotuser != 0 {
			t.Errorf("cookie %q gives %+v", cookie, got)
		}
	}
}

func TestCodeWorksOnceAndForFiveMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	code := b.code("")
	b.clock.Advance(5*time.Minute - time.Second)
	if got := b.exchange(exchangeOf(code)); got.Errcode != 0 {
		t.Fatalf("first use: %+v", got)
	}
	if got := b.exchange(exchangeOf(code)); got.Errcode != 40163 || got.Openid != "" {
		t.Fatalf("second use: %+v", got)
	}
	code = b.code("")
	b.clock.Advance(5 * time.Minute)
	if got := b.exchange(exchangeOf(code)); got.Errcode != 40029 {
		t.Fatalf("after five minutes: %+v", got)
	}
}

func TestMistakesInTheExchangeDoNotUseTheCodeUp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	code := b.code("")
	for name, c := range map[string]struct {
		field, value string
		want         int
	}{
		"unknown code": {"code", "x", 40029}, "no code": {"code", "", 41008},
		"wrong secret": {"secret", "x", 40125}, "no secret": {"secret", "", 41004},
		"wrong appid": {"appid", "x", 40013}, "no appid": {"appid", "", 41002},
		"wrong grant": {"grant_type", "refresh_token", 40002},
	} {
		q := exchangeOf(code)
		q.Set(c.field, c.value)
		if got := b.exchange(q); got.Errcode != c.want {
			t.Errorf("%s: %+v, want %d", name, got, c.want)
		}
	}
	if got := b.exchange(exchangeOf(code)); got.Errcode != 0 {
		t.Errorf("the right exchange after all: %+v", got)
	}
}

func TestExchangeByPostIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/sns/oauth2/access_token", strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	if r := b.do(req); r.status != http.StatusOK || !strings.Contains(string(r.body), "43001") {
		t.Fatalf("post: %d %s", r.status, r.body)
	}
}

func TestSnapshotUserHasAnotherOpenID(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *wechatpay.Options) { o.SnapshotPersons = []string{"wangwu"} })
	got := b.exchange(exchangeOf(b.code("wangwu")))
	if got.IsSnapshotuser != 1 || got.Openid == wechatpay.OpenID(appID, "wangwu") || len(got.Openid) != 28 {
		t.Fatalf("in snapshot mode: %+v", got)
	}
	b.sim.SetSnapshot("wangwu", false)
	got = b.exchange(exchangeOf(b.code("wangwu")))
	if got.IsSnapshotuser != 0 || got.Openid != wechatpay.OpenID(appID, "wangwu") {
		t.Fatalf("out of snapshot mode: %+v", got)
	}
}

func TestBadAuthorizationLinksShowAPage(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *wechatpay.Options) { o.OAuthDomain = "pay.example.edu:8443" })
	good := authorizeURL("https://pay.example.edu:8443/back", "s")
	if r := b.visit(good, ""); r.status != http.StatusFound {
		t.Fatalf("good link: %d %s", r.status, r.body)
	}
	swap := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, c := range map[string]struct{ link, says string }{
		"order":          {swap("response_type=code&scope=snsapi_base", "scope=snsapi_base&response_type=code"), "顺序"},
		"state first":    {strings.Replace(good, "appid=", "state=s&appid=", 1), "顺序"},
		"state twice":    {good + "&state=t", "顺序"},
		"no state":       {strings.TrimSuffix(good, "&state=s"), "顺序"},
		"other account":  {swap(appID, "wx2"), "AppID"},
		"other scope":    {swap("snsapi_base", "snsapi_userinfo"), "10005"},
		"other type":     {swap("=code", "=token"), "response_type"},
		"state with -":   {swap("state=s", "state=a-b"), "state"},
		"state of 129":   {swap("state=s", "state="+strings.Repeat("a", 129)), "state"},
		"other host":     {authorizeURL("https://evil.example.edu/back", "s"), "10003"},
		"other port":     {authorizeURL("https://pay.example.edu/back", "s"), "10003"},
		"sub domain":     {authorizeURL("https://a.pay.example.edu:8443/back", "s"), "10003"},
		"named user":     {authorizeURL("https://a@pay.example.edu:8443/back", "s"), "10003"},
		"user info":      {authorizeURL("https://pay.example.edu:8443@evil.example.edu/", "s"), "10003"},
		"another scheme": {authorizeURL("javascript://pay.example.edu:8443/", "s"), "10003"},
	} {
		r := b.visit(c.link, "")
		if r.status != http.StatusOK || r.header.Get("Location") != "" || !strings.Contains(string(r.body), c.says) {
			t.Errorf("%s: %d %q %s", name, r.status, r.header.Get("Location"), r.body)
		}
	}
}

func TestWithoutADomainOnlyLoopbackIsReturnedTo(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for target, want := range map[string]int{
		"http://localhost:1/b": 302, "http://[::1]:1/b": 302, "http://127.0.0.1/b#here": 302, "https://pay.example.edu/b": 200,
	} {
		r := b.visit(authorizeURL(target, "s")+"&forcePopup=true", "")
		if r.status != want {
			t.Errorf("%s: %d, want %d", target, r.status, want)
		}
		if strings.HasSuffix(target, "#here") && !strings.HasSuffix(r.header.Get("Location"), "&state=s#here") {
			t.Errorf("fragment: %s", r.header.Get("Location"))
		}
	}
}

func TestNobodyIsAPageToo(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *wechatpay.Options) { o.DefaultPerson = "" })
	if r := b.visit(authorizeURL(back, "s"), ""); r.status != http.StatusOK || !strings.Contains(string(r.body), "sim_person") {
		t.Fatalf("nobody: %d %s", r.status, r.body)
	}
}

func TestOpenIDsAreStableAndOfOneAccount(t *testing.T) {
	t.Parallel()
	a, again := wechatpay.OpenID(appID, "a"), wechatpay.OpenID(appID, "a")
	other, foreign := wechatpay.OpenID(appID, "b"), wechatpay.OpenID("wx2", "a")
	if a != again || a == other || a == foreign || a[:6] != other[:6] || a[:6] == foreign[:6] {
		t.Fatalf("openids are %s %s %s %s", a, again, other, foreign)
	}
	for _, id := range []string{a, other, foreign, wechatpay.OpenID("", ""), wechatpay.OpenID(appID, "张三")} {
		if !regexp.MustCompile(`^o[0-9A-Za-z_-]{27}$`).MatchString(id) {
			t.Errorf("%q has not the form of an openid", id)
		}
	}
}
