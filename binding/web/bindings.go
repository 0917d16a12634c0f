package web

import (
	"errors"
	"net/http"
	"time"

	"guodu/binding"
	"guodu/transition"
)

// endedShown is how many ended bindings a page tells of.
const endedShown = 10

// bindingRow is a binding as the page tells of it.
type bindingRow struct {
	Channel string // its name for people
	At      string // Beijing time
	Own     bool
	Ref     string
}

// endedRow is likewise one that was ended.
type endedRow struct{ Channel, At, By string }

// bindings shows who is bound to the account, and the form that ends the binding which
// the address names.
func (p *Pages) bindings(v visit) error {
	return p.showBindings(v, http.StatusOK, v.QueryParam("end"), "", phrase{})
}

func (p *Pages) showBindings(v visit, status int, end, user string, problem phrase) error {
	all, err := p.config.Links.Bindings(v.ctx(), string(v.account))
	if err != nil {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	ended, err := p.config.Links.Ended(v.ctx(), string(v.account))
	if err != nil {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	var rows []bindingRow
	var chosen *bindingRow
	for _, b := range all {
		row := bindingRow{channelName(b.Payer.Channel).in(p.language(v)), minute(b.At), b.Payer == v.payer, b.Ref(p.config.RefKey, string(v.account))}
		if row.Ref == end && !row.Own {
			chosen = &row
		}
		rows = append(rows, row)
	}
	var past []endedRow
	for _, e := range ended[:min(len(ended), endedShown)] {
		past = append(past, endedRow{channelName(e.Channel).in(p.language(v)), minute(e.At), endedBy(e.By).in(p.language(v))})
	}
	return p.show(v, status, "bindings.html", map[string]any{
		"Account": v.account, "Bindings": rows, "Ended": past, "End": chosen, "Username": user, "Error": problem.in(p.language(v)),
	})
}

func minute(at time.Time) string { return at.In(transition.Beijing()).Format("2006-01-02 15:04") }

// endedBy says who ended a binding; operators have no names here.
func endedBy(by string) phrase {
	switch by {
	case binding.ByPayer:
		return phrase{"本人解除", "by themselves"}
	case binding.ByHolder:
		return phrase{"由账户持有人解除", "by the account's holder"}
	}
	return phrase{"由卡务中心解除", "by the card centre"}
}

// endBinding ends another payer's binding, for whoever proves to be the account's
// holder: anybody who is bound may be somebody whom the holder once let in.
func (p *Pages) endBinding(v visit) error {
	ref := v.field("ref")
	all, err := p.config.Links.Bindings(v.ctx(), string(v.account))
	if err != nil {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	var found *binding.Binding
	for _, b := range all {
		if b.Payer != v.payer && b.Ref(p.config.RefKey, string(v.account)) == ref {
			found = &b
		}
	}
	if found == nil {
		return p.showBindings(v, http.StatusNotFound, "", "", phrase{"这个绑定已经不存在。", "There is no such binding any more."})
	}
	user, password := v.typed()
	if user == "" {
		return p.showBindings(v, http.StatusBadRequest, ref, "", typeBoth())
	}
	person, err := p.login(v, user, password)
	if err != nil {
		d := p.denied(v, user, err)
		if !d.again {
			return p.sorry(v, d.status, d.text, nil)
		}
		return p.showBindings(v, d.status, ref, user, d.text)
	}
	if person.AccountNo != string(v.account) {
		p.refuse(v, doorLogin, "not_holder", "user", p.userHash(user))
		return p.showBindings(v, http.StatusForbidden, ref, "", phrase{"这不是本账户持有人的用户名。", "This is not the user name of the account's holder."})
	}
	err = p.config.Links.End(v.ctx(), string(v.account), found.Payer, binding.ByHolder, "")
	if err != nil && !errors.Is(err, binding.ErrNotBound) {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	p.config.Log.Info("binding ended", "channel", found.Payer.Channel, "account", v.account, "by", binding.ByHolder)
	return p.send(v, http.StatusSeeOther, v.path("bindings"))
}

// endedNotice tells a payer who is not bound that somebody else ended their binding.
func (p *Pages) endedNotice(v visit) string {
	notice, err := p.config.Links.Notice(v.ctx(), v.payer)
	if err != nil {
		p.config.Log.Error("notice of an ended binding", "error", err)
	}
	if notice == nil {
		return ""
	}
	at := minute(notice.At)
	if notice.By == binding.NoticeHolder {
		return phrase{"您的绑定已于" + at + "由账户持有人解除。", "Your binding was ended by the account's holder at " + at + "."}.in(p.language(v))
	}
	return phrase{"您的绑定已于" + at + "由卡务中心解除，如有疑问请联系卡务中心。", "Your binding was ended by the card centre at " + at + ". Ask there if you have questions."}.in(p.language(v))
}
