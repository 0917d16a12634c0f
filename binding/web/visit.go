package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"guodu/binding"
	"guodu/transition"
)

// visit is a request of a payer whom the channel's OAuth named.
type visit struct {
	echo.Context
	channel string
	payer   binding.Payer
	account transition.AccountNo // set once bound
}

func (v visit) ctx() context.Context { return v.Request().Context() }

// field is a field of the posted form.
func (v visit) field(name string) string { return v.Request().PostForm.Get(name) }

// outside says that the browser is not that of the channel's app, as far as it
// tells: then there is no app to open a pay sheet. (Sources: 微信内置浏览器
// User-Agent MicroMessenger, 支付宝 User-Agent AlipayClient.)
func (v visit) outside() bool {
	mark := map[string]string{"wechat": "MicroMessenger", "alipay": "AlipayClient"}[v.channel]
	return mark != "" && !strings.Contains(v.Request().UserAgent(), mark)
}

// path is a page of the same channel.
func (v visit) path(page string) string { return "/h5/" + v.channel + "/" + page }

// known lets a request through if its session knows the payer, and sends it to
// the channel's OAuth otherwise.
func (p *Pages) known(next func(visit) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := visit{Context: c, channel: c.Param("channel")}
		if _, ok := p.config.OAuth[v.channel]; !ok {
			return p.notFound(c)
		}
		kind, id, found := p.payer(c, v.channel)
		if !found {
			if c.Request().Method != http.MethodGet {
				p.refuse(c, doorPage, "session_ended")
				return p.sorry(c, http.StatusForbidden, phrase{"登录已过期，请重新打开页面。", "Your login has expired. Please open the page again."}, nil)
			}
			t, _ := p.trip(c, v.channel)
			return p.authorise(c, v.channel, t, c.Request().URL.EscapedPath(), 0)
		}
		v.payer = binding.Payer{Channel: v.channel, Kind: kind, ID: id}
		return next(v)
	}
}

// bound lets a request through if its payer has an account, and sends it to
// the bind page otherwise.
func (p *Pages) bound(next func(visit) error) func(visit) error {
	return func(v visit) error {
		account, err := p.config.Links.Account(v.ctx(), v.payer)
		if errors.Is(err, binding.ErrNotBound) {
			return p.send(v, http.StatusSeeOther, v.path("bind"))
		}
		if err != nil {
			return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
		}
		v.account = transition.AccountNo(account)
		return next(v)
	}
}
