package web

import (
	"errors"
	"net/http"

	"guodu/binding"
	"guodu/transition"
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
	return p.show(v, status, "bind.html", map[string]any{
		"Error": problem.in(p.language(v)), "Username": user, "Ended": p.endedNotice(v),
	})
}

// bind checks the password with the portal and links payer and account.
func (p *Pages) bind(v visit) error {
	user, password := v.typed()
	if user == "" {
		return p.askPassword(v, http.StatusBadRequest, "", typeBoth())
	}
	person, err := p.login(v, user, password)
	if err != nil {
		d := p.denied(v, user, err)
		if !d.again {
			return p.sorry(v, d.status, d.text, nil)
		}
		return p.askPassword(v, d.status, user, d.text)
	}
	return p.link(v, user, person)
}

// link binds the payer to the person's account.
func (p *Pages) link(v visit, user string, person binding.Person) error {
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
	return p.show(v, http.StatusOK, "bound.html", map[string]any{"Name": person.Name, "Tries": p.tries(v, user)})
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
