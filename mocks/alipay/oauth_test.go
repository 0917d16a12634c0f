package alipay_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/mocks/alipay"
)

func authorizeForm() form {
	return form{"app_id": appID, "scope": "auth_base", "redirect_uri": "http://127.0.0.1:1/back?a=1#top", "state": "YWJj+/9="}
}

func (b *bench) authorize(f form, who string) reply {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet,
		b.base+"/oauth2/publicAppAuthorize.htm?"+f.encode(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if who != "" {
		req.AddCookie(&http.Cookie{Name: "sim_person", Value: who})
	}
	r, err := b.do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// code has a person (the default one for "") authorize.
func (b *bench) code(who string) string {
	b.t.Helper()
	back, err := url.Parse(b.authorize(authorizeForm(), who).header.Get("Location"))
	if err != nil || back.Query().Get("auth_code") == "" {
		b.t.Fatalf("sent back to %v, %v", back, err)
	}
	return back.Query().Get("auth_code")
}

func tokenForm(code string) form {
	return common("alipay.system.oauth.token", nil).without("biz_content").
		with("grant_type", "authorization_code").with("code", code)
}

func TestAuthorizationComesBackWithCodeAndState(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	r := b.authorize(authorizeForm(), "")
	back, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != http.StatusFound || back.Fragment != "top" {
		t.Fatalf("answer is %+v, %v", r, err)
	}
	q := back.Query()
	if q.Get("a") != "1" || q.Get("app_id") != appID || q.Get("scope") != "auth_base" || q.Get("state") != "YWJj+/9=" ||
		q.Get("source") != "alipay_wallet" || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(q.Get("auth_code")) {
		t.Errorf("query is %v", q)
	}
	r = b.authorize(authorizeForm().without("state"), "")
	if r.status != http.StatusFound || strings.Contains(r.header.Get("Location"), "state") {
		t.Errorf("without a state: %+v", r)
	}
}

func TestAuthorizationShowsAPageForWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *alipay.Options) { o.OAuthDomain = "127.0.0.1:1" })
	for name, f := range map[string]form{
		"other app":      authorizeForm().with("app_id", "2021000000000000"),
		"unknown scope":  authorizeForm().with("scope", "auth_all"),
		"long state":     authorizeForm().with("state", strings.Repeat("s", 101)),
		"odd state":      authorizeForm().with("state", "a b"),
		"other port":     authorizeForm().with("redirect_uri", "http://127.0.0.1:2/back"),
		"subdomain":      authorizeForm().with("redirect_uri", "http://x.127.0.0.1:1/back"),
		"script":         authorizeForm().with("redirect_uri", "javascript://127.0.0.1:1/"),
		"user in target": authorizeForm().with("redirect_uri", "http://u@127.0.0.1:1/"),
	} {
		r := b.authorize(f, "")
		if r.status != http.StatusOK || r.header.Get("Location") != "" || !strings.Contains(r.body, "有误") && !strings.Contains(r.body, "不一致") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if b.authorize(authorizeForm(), "").status != http.StatusFound {
		t.Error("the configured domain is refused")
	}
	cookie := setup(t, func(o *alipay.Options) { o.DefaultPerson = "" })
	if cookie.authorize(authorizeForm(), "").status != http.StatusOK || cookie.authorize(authorizeForm(), "lisi").status != http.StatusFound {
		t.Error("the cookie is not what decides")
	}
	if cookie.authorize(authorizeForm().with("redirect_uri", "https://pay.example.edu/back"), "lisi").status != http.StatusOK {
		t.Error("sent to a host that nobody configured")
	}
}

func TestTokenNodeHasNoCodeAndOneKindOfID(t *testing.T) {
	t.Parallel()
	for kind, change := range map[string]func(*alipay.Options){"user_id": nil, "open_id": openID} {
		b := setup(t, change)
		e := b.post(tokenForm(b.code("lisi"))).open(t)
		node := e.fields(t)
		if e.head != "alipay_system_oauth_token_response" || !b.signedBy(string(e.node), e.sign) {
			t.Errorf("%s: envelope is %+v", kind, e)
		}
		if node[kind] != b.sim.Buyer("lisi") || node["expires_in"] != 1296000.0 || node["re_expires_in"] != 2592000.0 || node["auth_start"] != stamp {
			t.Errorf("%s: node is %v", kind, node)
		}
		for _, absent := range []string{"code", "msg", map[string]string{"user_id": "open_id", "open_id": "user_id"}[kind]} {
			if _, present := node[absent]; present {
				t.Errorf("%s: node has %s: %v", kind, absent, node)
			}
		}
		if b.sim.Count("oauth.token.10000") != 1 {
			t.Errorf("counts are %v", b.sim.Book().Counts)
		}
	}
}

func TestCodeWorksOnceAndForThreeMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	code := b.code("")
	b.post(tokenForm(code))
	b.wantCode(b.post(tokenForm(code)), "40002", "isv.code-invalid")
	b.wantCode(b.post(tokenForm("0123")), "40002", "isv.code-invalid")
	old, late := b.code(""), b.code("")
	b.clock.Advance(3*time.Minute - time.Second)
	if b.post(tokenForm(old)).open(t).fields(t)["user_id"] == nil {
		t.Error("refused in time")
	}
	b.clock.Advance(time.Second)
	b.wantCode(b.post(tokenForm(late)), "40002", "isv.code-invalid")
	b.wantCode(b.post(tokenForm("x").with("grant_type", "refresh_token")), "40002", "isv.refresh-token-invalid")
	b.wantCode(b.post(tokenForm("x").without("grant_type")), "40002", "isv.grant-type-invalid")
}

func TestRefusedTokenRequestLeavesTheCodeUsable(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	f := tokenForm(b.code(""))
	b.wantCode(b.send(b.signed(f).with("version", "1.1")), "40002", "isv.invalid-parameter")
	b.wantCode(b.send(b.signed(f).with("sign", "AA==")), "40002", "isv.invalid-signature")
	if b.post(f).open(t).fields(t)["user_id"] != alipay.BuyerID(person) {
		t.Error("the code is used up")
	}
}
