package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"guodu/binding"
	"guodu/binding/identity/guard"
	"guodu/transition"
)

// What a portal's user name and password can be at most, in bytes.
const (
	userMax     = 64
	passwordMax = 128
)

func typeBoth() phrase {
	return phrase{"请输入用户名和密码。", "Please enter user name and password."}
}

// typed are user name and password of the posted form; both empty if they cannot be
// any.
func (v visit) typed() (user, password string) {
	user, password = strings.TrimSpace(v.field("username")), v.field("password")
	if user == "" || password == "" || len(user) > userMax || len(password) > passwordMax {
		return "", ""
	}
	return user, password
}

// login asks the portal, within limits.
func (p *Pages) login(v visit, user, password string) (binding.Person, error) {
	return p.config.Identity.Login(v.ctx(), guard.Attempt{User: user, Password: password, Payer: v.payer, Address: v.RealIP()})
}

// denial is what somebody reads who is not logged in.
type denial struct {
	status int
	text   phrase
	again  bool // typing again may help
}

// userHash is a user name as a log may have it.
func (p *Pages) userHash(user string) string { return p.config.Refusals.Hash(strings.ToLower(user)) }

// denied takes note of a login that failed, and says why to the holder.
func (p *Pages) denied(v visit, user string, err error) denial {
	var limited *guard.LimitedError
	var locked *binding.LockedError
	note := func(reason string, attrs ...any) {
		p.refuse(v, doorLogin, reason, append([]any{"user", p.userHash(user)}, attrs...)...)
	}
	switch {
	case errors.Is(err, binding.ErrCredentials):
		note("wrong_password")
		return denial{status: http.StatusUnprocessableEntity, again: true, text: phrase{"用户名或密码不正确。", "User name or password is wrong."}}
	case errors.As(err, &limited):
		note("limit_" + limited.By)
		return denial{status: http.StatusTooManyRequests, text: retryAfter(v, tooManyTries(limited.By), limited.For)}
	case errors.As(err, &locked):
		note("locked")
		return denial{status: http.StatusLocked, text: retryAfter(v, phrase{"账号已被锁定", "The account is locked"}, locked.For)}
	case errors.Is(err, binding.ErrIdentityDown):
		note("no_verdict", "error", err)
		return denial{status: http.StatusBadGateway,
			text: phrase{"统一身份认证暂时无法访问，请稍后再试。", "The university's login does not answer. Please try again later."}}
	}
	note("not_counted", "error", err)
	return denial{status: http.StatusServiceUnavailable, text: busy()}
}

// tooManyTries says whose limit is used up. Of a user name it says nothing else: not
// whether it exists.
func tooManyTries(of string) phrase {
	switch of {
	case "user":
		return phrase{"这个用户名的尝试次数过多（也可能是别人在尝试）", "Too many tries for this user name (others may have tried it)"}
	case "payer":
		return phrase{"您的尝试次数过多", "You have tried too often"}
	case "address":
		return phrase{"您所在网络的尝试次数过多", "Too many tries from your network"}
	}
	return phrase{"目前尝试登录的次数过多", "Too many tries at the moment"}
}

// tries tells whoever has just proven to own a user name that others tried it; empty
// if nobody did. A page stands without it.
func (p *Pages) tries(v visit, user string) string {
	others, err := p.config.Identity.Others(v.ctx(), user, v.payer)
	if err != nil {
		p.config.Log.Error("tries of others", "error", err)
	}
	if others.Count == 0 {
		return ""
	}
	last := others.Last.In(transition.Beijing()).Format("01-02 15:04")
	return phrase{
		fmt.Sprintf("24小时内，有其他人用错误的密码尝试登录您的账号%d次，最近一次在%s。如果不是您本人，请修改统一身份认证密码。", others.Count, last),
		fmt.Sprintf("Others tried wrong passwords for your account %d times in the last 24 hours, last at %s. If that was not you, please change your university password.", others.Count, last),
	}.in(p.language(v))
}
