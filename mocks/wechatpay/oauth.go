package wechatpay

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"guodu/mocks/sim"
)

const (
	codeLife  = 5 * time.Minute
	codeChars = 32
)

// personCookie names who is looking at the page.
const personCookie = "sim_person"

// authorizeOrder is the order that the link's parameters must have.
// (Source: 网页授权, 第一步.)
var authorizeOrder = []string{"appid", "redirect_uri", "response_type", "scope", "state"}

var stateForm = regexp.MustCompile(`^[0-9A-Za-z]{1,128}$`)

// personOf is the person of the cookie, else the default one.
func (s *Sim) personOf(r *http.Request) string {
	cookie, err := r.Cookie(personCookie)
	if err == nil && cookie.Value != "" && len(cookie.Value) <= maxPersonBytes {
		name, err := url.QueryUnescape(cookie.Value)
		if err == nil {
			return name
		}
	}
	return s.opts.DefaultPerson
}

// authorize is the silent authorization (snsapi_base): it sends the browser
// back with a new code and the same state. Errors are pages, with HTTP 200.
func (s *Sim) authorize(c *sim.Call) answer {
	issue := s.checkAuthorize(c.Request.URL)
	if issue != "" {
		return page(http.StatusOK, "<h3>"+html.EscapeString(issue)+"</h3>")
	}
	person := s.personOf(c.Request)
	if person == "" {
		return page(http.StatusOK, `<h3>simulator: no sim_person cookie and no default person</h3><p><a href="/_sim/person?name=zhangsan">be zhangsan</a>`)
	}
	code := s.dice.Draw(sim.Alphabet62, codeChars)
	if !s.codes.Issue(code, person, s.now().Add(codeLife)) {
		return page(http.StatusOK, "<h3>10009 操作太频繁</h3>")
	}
	q := c.Request.URL.Query()
	return answer{status: http.StatusFound, location: addQuery(q.Get("redirect_uri"), code, q.Get("state"))}
}

// addQuery puts code and state into target without touching the rest of it.
func addQuery(target, code, state string) string {
	target, fragment, hasFragment := strings.Cut(target, "#")
	glue := "?"
	if strings.Contains(target, "?") {
		glue = "&"
	}
	target += glue + "code=" + code + "&state=" + state
	if hasFragment {
		target += "#" + fragment
	}
	return target
}

// checkAuthorize returns the error that the page would show, or "".
func (s *Sim) checkAuthorize(u *url.URL) string {
	if !inOrder(u.RawQuery) {
		return "参数缺失或顺序有误: " + strings.Join(authorizeOrder, ", ")
	}
	q := u.Query()
	switch {
	case q.Get("appid") != s.opts.AppID:
		return "AppID 参数错误"
	case q.Get("response_type") != "code":
		return "response_type 参数错误"
	case q.Get("scope") != "snsapi_base":
		return "10005 没有该 scope 的权限"
	case !stateForm.MatchString(q.Get("state")):
		return "state 参数错误: 须为 1 至 128 个字母或数字"
	case !s.mayReturnTo(q.Get("redirect_uri")):
		return "10003 redirect_uri 域名与后台配置不一致"
	}
	return ""
}

// inOrder wants the five parameters first, each once and in order; others may
// follow.
func inOrder(rawQuery string) bool {
	pairs := strings.Split(rawQuery, "&")
	if len(pairs) < len(authorizeOrder) {
		return false
	}
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if i < len(authorizeOrder) {
			if name != authorizeOrder[i] {
				return false
			}
			continue
		}
		for _, fixed := range authorizeOrder {
			if name == fixed {
				return false
			}
		}
	}
	return true
}

func (s *Sim) mayReturnTo(target string) bool {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return false
	}
	if s.opts.OAuthDomain == "" {
		return sim.LoopbackHost(u.Hostname())
	}
	return u.Host == s.opts.OAuthDomain // exact: subdomains do not match
}

// tokenAnswer is a successful exchange.
type tokenAnswer struct {
	AccessToken    string `json:"access_token"`
	ExpiresIn      int    `json:"expires_in"`
	RefreshToken   string `json:"refresh_token"`
	Openid         string `json:"openid"`
	Scope          string `json:"scope"`
	IsSnapshotUser int    `json:"is_snapshotuser,omitempty"`
}

// token exchanges a code: HTTP 200 and text/plain always, as the real one.
// (Source: 网页授权, 第二步; 全局返回码.)
func (s *Sim) token(c *sim.Call) answer {
	if c.Request.Method != http.MethodGet {
		return s.tokenError(43001, "require GET method")
	}
	q := c.Request.URL.Query()
	code, message := s.checkToken(q)
	if code != 0 {
		return s.tokenError(code, message)
	}
	person, state := s.codes.Redeem(q.Get("code"), s.now())
	switch {
	case state == sim.CodeUsed && s.does(BOAuth):
		return s.tokenError(40163, "code been used")
	case state != sim.CodeGood && state != sim.CodeUsed:
		return s.tokenError(40029, "invalid code")
	}
	out := tokenAnswer{
		AccessToken: s.dice.Draw(sim.Alphabet62, 64), ExpiresIn: 7200, RefreshToken: s.dice.Draw(sim.Alphabet62, 64),
		Openid: OpenID(s.opts.AppID, person), Scope: "snsapi_base",
	}
	if s.persons.isSnapshot(person) {
		out.Openid, out.IsSnapshotUser = snapshotOpenID(s.opts.AppID, person), 1
	}
	return answer{status: http.StatusOK, kind: typeText, body: encode(out)}
}

// checkToken checks all but the code, so that a mistake does not use it up.
func (s *Sim) checkToken(q url.Values) (int, string) {
	switch {
	case q.Get("appid") == "":
		return 41002, "appid missing"
	case q.Get("secret") == "":
		return 41004, "appsecret missing"
	case q.Get("code") == "":
		return 41008, "missing code"
	case q.Get("appid") != s.opts.AppID:
		return 40013, "invalid appid"
	case q.Get("secret") != s.opts.AppSecret:
		return 40125, "invalid appsecret"
	case q.Get("grant_type") != "authorization_code":
		return 40002, "invalid grant_type"
	}
	return 0, ""
}

func (s *Sim) tokenError(code int, message string) answer {
	return answer{status: http.StatusOK, kind: typeText, body: encode(accountError{code, message + s.errorTail()})}
}

// accountError is how the official account's interfaces refuse.
type accountError struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
}

// errorTail is what support asks for.
func (s *Sim) errorTail() string {
	if s.opts.Profile.OldTokenHints {
		return fmt.Sprintf(", hints: [ req_id: %s ]", s.dice.Draw(sim.Alphabet62, 14))
	}
	return fmt.Sprintf(", rid: %s-%s-%s", s.dice.Draw(sim.HexDigits, 8), s.dice.Draw(sim.HexDigits, 8), s.dice.Draw(sim.HexDigits, 8))
}
