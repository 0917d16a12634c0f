package alipay

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"guodu/mocks/sim"
)

const (
	// personCookie names who is looking at the page.
	personCookie = "sim_person"
	silentScope  = "auth_base"
	consentScope = "auth_user"
	consentPath  = "/_sim/consent"

	codeKind  = "code"
	codeChars = 32
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

// authorize sends the browser back with a new code and the same state: at once
// for the silent scope, from a page with two buttons for the other. Errors are
// pages, with HTTP 200. (Source: 用户授权, 拼接 URL.)
func (s *Sim) authorize(c *call) answer {
	return s.authorized(c, c.Request.URL.Query(), "")
}

// consentTemplate asks the person.
var consentTemplate = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>授权（模拟）</title></head>
<body>
<h1>模拟授权</h1>
<p>{{.Person}}，该应用申请获取你的会员基础信息。</p>
<form method="post" action="` + consentPath + `">
<input type="hidden" name="request" value="{{.Request}}">
<button name="action" value="allow">同意</button>
<button name="action" value="deny">拒绝</button>
</form>
</body>
</html>
`))

// consent is the page's form.
func (s *Sim) consent(c *call) answer {
	form, _ := url.ParseQuery(string(c.Body))
	q, _ := url.ParseQuery(form.Get("request"))
	return s.authorized(c, q, form.Get("action"))
}

// authorized is what a request for an authorization comes to, once the person
// has said allow or deny; "" is not asked yet.
func (s *Sim) authorized(c *call, q url.Values, said string) answer {
	issue := s.checkAuthorize(q)
	person := s.personOf(c.Request)
	if issue == "" && person == "" {
		issue = "simulator: no sim_person cookie and no default person"
	}
	scope := q.Get("scope")
	switch {
	case issue != "":
		return textPage(http.StatusOK, issue)
	case scope == consentScope && said == "":
		return consentPage(person, q)
	}
	back := []field{{"app_id", s.opts.AppID}, {"source", "alipay_wallet"}, {"scope", scope}}
	if said == "deny" {
		back = append(back, field{s.opts.Profile.DenyParameter, scope})
	} else {
		code, fresh := s.authCode(s.opts.AppID, person)
		if !fresh {
			return textPage(http.StatusOK, "simulator: too many codes")
		}
		back = append(back, field{"auth_code", code})
	}
	if state := q.Get("state"); state != "" {
		back = append(back, field{"state", state})
	}
	return redirect(withQuery(q.Get("redirect_uri"), back))
}

func consentPage(person string, q url.Values) answer {
	var out strings.Builder
	err := consentTemplate.Execute(&out, struct{ Person, Request string }{person, q.Encode()})
	if err != nil {
		return textPage(http.StatusInternalServerError, err.Error())
	}
	return pageAnswer(http.StatusOK, charsetUTF8, out.String())
}

// authCode makes a code of a person for an app.
func (s *Sim) authCode(appID, person string) (string, bool) {
	code := s.dice.Draw(hexDigits, codeChars)
	return code, s.codes.Issue(code, appID+" "+person, s.now().Add(s.opts.Profile.CodeLife))
}

// ForeignCode is an authorization code that another app got for a person: one
// that this app has no use for.
func (s *Sim) ForeignCode(person string) string {
	code, _ := s.authCode("2021999999999999", person)
	return code
}

// redeem uses up a code of this app's. A used code, an old one, a foreign one
// and one that never was are all the same to the gateway.
func (s *Sim) redeem(code string) (person string, good bool) {
	granted, state := s.codes.Peek(code, s.now())
	appID, person, _ := strings.Cut(granted, " ")
	if state == sim.CodeUsed && !s.does(behaviourAuthCode) {
		return person, true
	}
	if state != sim.CodeGood || appID != s.opts.AppID {
		return "", false
	}
	_, state = s.codes.Redeem(code, s.now())
	return person, state == sim.CodeGood
}

// checkAuthorize returns the error that the page would show, or "".
func (s *Sim) checkAuthorize(q url.Values) string {
	switch {
	case q.Get("app_id") != s.opts.AppID:
		return "app_id 有误"
	case q.Get("scope") != silentScope && q.Get("scope") != consentScope:
		return "scope 有误"
	case !stateForm.MatchString(q.Get("state")):
		return "state 有误"
	case !s.mayReturnTo(q.Get("redirect_uri")):
		return "redirect_uri 与授权回调地址不一致"
	}
	return ""
}

func (s *Sim) mayReturnTo(target string) bool {
	u := sim.WebAddress(target)
	switch {
	case u == nil:
		return false
	case !s.does(behaviourRedirect):
		return true
	case s.opts.OAuthDomain == "":
		return sim.LoopbackHost(u.Hostname())
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
