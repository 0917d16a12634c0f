package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"guodu/binding"
	"guodu/transition"
)

// What a portal's user name and password can be at most, in bytes.
const (
	userMax     = 64
	passwordMax = 128
)

func (p *Pages) bindForm(v visit) error {
	_, err := p.config.Links.Account(v.ctx(), v.payer)
	if err == nil {
		return p.send(v, http.StatusSeeOther, v.path("card"))
	}
	if !errors.Is(err, binding.ErrNotBound) {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	return p.askPassword(v, http.StatusOK, "", phrase{})
}

// askPassword shows the form, never with the password that was typed.
func (p *Pages) askPassword(v visit, status int, user string, problem phrase) error {
	return p.show(v, status, "bind.html", map[string]any{"Error": problem.in(p.language(v)), "Username": user})
}

// bind checks the password with the portal and links payer and account.
func (p *Pages) bind(v visit) error {
	user, password := strings.TrimSpace(v.field("username")), v.field("password")
	if user == "" || password == "" || len(user) > userMax || len(password) > passwordMax {
		return p.askPassword(v, http.StatusBadRequest, "", phrase{"请输入用户名和密码。", "Please enter user name and password."})
	}
	try := p.guess(v, user)
	wait, err := try.take()
	if err != nil {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	if wait > 0 {
		return p.askLater(v, http.StatusTooManyRequests, user, phrase{"尝试次数过多", "Too many tries"}, wait)
	}
	person, err := p.config.Identity.Login(v.ctx(), user, password)
	var locked *binding.LockedError
	switch {
	case err == nil:
		try.right()
		return p.link(v, person)
	case errors.Is(err, binding.ErrCredentials):
		return p.askPassword(v, http.StatusUnprocessableEntity, user, phrase{"用户名或密码不正确。", "User name or password is wrong."})
	}
	try.unheard()
	if errors.As(err, &locked) {
		return p.askLater(v, http.StatusLocked, user, phrase{"账号已被锁定", "The account is locked"}, locked.For)
	}
	return p.sorry(v, http.StatusBadGateway,
		phrase{"统一身份认证暂时无法访问，请稍后再试。", "The university's login does not answer. Please try again later."}, err)
}

// askLater shows the form and says when it will work again.
func (p *Pages) askLater(v visit, status int, user string, problem phrase, wait time.Duration) error {
	return p.askPassword(v, status, user, retryAfter(v, problem, wait))
}

func (p *Pages) link(v visit, person binding.Person) error {
	account, err := transition.ParseAccountNo(person.AccountNo)
	if err == nil {
		_, err = p.config.Accounts.Account(v.ctx(), account)
	}
	if err == nil {
		err = p.config.Links.Bind(v.ctx(), v.payer, string(account))
	}
	switch {
	case errors.Is(err, binding.ErrBoundElsewhere):
		return p.sorry(v, http.StatusConflict,
			phrase{"您已绑定另一个一卡通账户，请先解除绑定。", "You are bound to another card account. Please unbind that one first."}, nil)
	case err != nil:
		return p.noAccount(v, err)
	}
	p.config.Log.Info("bound", "channel", v.channel, "account", account)
	err = p.renew(v)
	if err != nil {
		return p.notRenewed(v, err)
	}
	return p.show(v, http.StatusOK, "bound.html", map[string]any{"Name": person.Name})
}

// notRenewed answers whoever did something in a session that could not be renewed.
func (p *Pages) notRenewed(v visit, err error) error {
	if errors.Is(err, errEnded) {
		return p.ended(v)
	}
	return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
}

// noAccount says why there is no account to show.
func (p *Pages) noAccount(v visit, err error) error {
	if errors.Is(err, transition.ErrNoAccount) || errors.Is(err, transition.ErrNumber) {
		return p.sorry(v, http.StatusNotFound,
			phrase{"没有找到您的一卡通账户，请联系卡务中心。", "Your card account was not found. Please ask the card centre."}, err)
	}
	return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
}

func (p *Pages) unbind(v visit) error {
	err := p.config.Links.Unbind(v.ctx(), v.payer, string(v.account))
	if err != nil && !errors.Is(err, binding.ErrNotBound) {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	p.config.Log.Info("unbound", "channel", v.channel, "account", v.account)
	err = p.renew(v)
	if err != nil {
		return p.notRenewed(v, err)
	}
	return p.show(v, http.StatusOK, "unbound.html", nil)
}
