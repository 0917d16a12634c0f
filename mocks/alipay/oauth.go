package alipay

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	// personCookie names who is looking at the page.
	personCookie = "sim_person"
	silentScope  = "auth_base"
)

// stateForm is base64 text of at most 100 characters, or none.
var stateForm = regexp.MustCompile(`^[0-9A-Za-z+/=_-]{0,100}$`)

// personOf is the person of the cookie, else the default one.
func (s *Sim) personOf(r *http.Request) string {
	cookie, err := r.Cookie(personCookie)
	if err == nil && cookie.Value != "" && len(cookie.Value) <= maxPersonBytes {
		return cookie.Value
	}
	return s.opts.DefaultPerson
}

// authorize is the silent authorization: it sends the browser back with a new
// code and the same state. Errors are pages, with HTTP 200.
// (Source: 用户授权, 拼接 URL.)
func (s *Sim) authorize(c *call) answer {
	q := c.request.URL.Query()
	issue := s.checkAuthorize(q)
	person := s.personOf(c.request)
	if issue == "" && person == "" {
		issue = "simulator: no sim_person cookie and no default person"
	}
	if issue != "" {
		return textPage(http.StatusOK, issue)
	}
	code := s.dice.draw(hexDigits, codeChars)
	if !s.desk.issue(code, person, s.now()) {
		return textPage(http.StatusOK, "simulator: too many codes")
	}
	back := []field{
		{"app_id", s.opts.AppID}, {"source", "alipay_wallet"}, {"scope", silentScope}, {"auth_code", code},
	}
	if state := q.Get("state"); state != "" {
		back = append(back, field{"state", state})
	}
	return redirect(withQuery(q.Get("redirect_uri"), back))
}

// checkAuthorize returns the error that the page would show, or "".
func (s *Sim) checkAuthorize(q url.Values) string {
	switch {
	case q.Get("app_id") != s.opts.AppID:
		return "app_id 有误"
	case q.Get("scope") != silentScope:
		return "scope 有误"
	case !stateForm.MatchString(q.Get("state")):
		return "state 有误"
	case !s.mayReturnTo(q.Get("redirect_uri")):
		return "redirect_uri 与授权回调地址不一致"
	}
	return ""
}

func (s *Sim) mayReturnTo(target string) bool {
	u := webAddress(target)
	switch {
	case u == nil:
		return false
	case s.opts.OAuthDomain == "":
		return loopbackHost(u.Hostname())
	}
	return u.Host == s.opts.OAuthDomain // exact: subdomains do not match
}

// withQuery adds fields to an address without touching the rest of it.
func withQuery(target string, fields []field) string {
	target, fragment, marked := strings.Cut(target, "#")
	glue := "?"
	if strings.Contains(target, "?") {
		glue = "&"
	}
	target += glue + encodeForm(charsetUTF8, fields)
	if marked {
		target += "#" + fragment
	}
	return target
}

func redirect(location string) answer {
	return answer{status: http.StatusFound, location: location, label: strconv.Itoa(http.StatusFound)}
}

// tokenAnswer is a successful exchange. It alone has neither code nor msg, and
// its numbers are numbers. (Source: alipay.system.oauth.token.)
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	AlipayUserID string `json:"alipay_user_id,omitempty"`
	AuthStart    string `json:"auth_start"`
	ExpiresIn    int    `json:"expires_in"`
	ReExpiresIn  int    `json:"re_expires_in"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"open_id,omitempty"`
	UserID       string `json:"user_id,omitempty"`
}

const (
	tokenSeconds   = 15 * 24 * 3600
	refreshSeconds = 30 * 24 * 3600
)

// token exchanges a code. Its parameters stand beside the common ones, not in
// biz_content.
func (s *Sim) token(c *call) answer {
	switch c.params["grant_type"] {
	case "authorization_code":
	case "refresh_token":
		return s.fail(c, refuse("40002", "isv.refresh-token-invalid", "刷新令牌 refresh_token 无效"))
	default:
		return s.fail(c, refuse("40002", "isv.invalid-parameter", "参数无效：grant_type"))
	}
	now := s.now()
	person, found := s.desk.redeem(c.params["code"], now)
	if !found {
		return s.fail(c, refuse("40002", "isv.code-invalid", "授权码 code 无效"))
	}
	out := tokenAnswer{
		AccessToken: "authbseB" + s.dice.draw(alphabet62, 32), AuthStart: now.Format(timeLayout),
		ExpiresIn: tokenSeconds, ReExpiresIn: refreshSeconds, RefreshToken: "authbseB" + s.dice.draw(alphabet62, 32),
	}
	if s.opts.UseOpenID {
		out.OpenID = s.Buyer(person)
	} else {
		out.UserID = s.Buyer(person)
		out.AlipayUserID = "2088" + mixed(28, "alipay_user_id", person)
	}
	return c.succeed(out)
}
