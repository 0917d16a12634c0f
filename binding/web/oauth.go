package web

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"guodu/channels"
)

const (
	// codesMax is how many codes in a row may be bad before the holder is told.
	// Without a bound, a channel that refuses every code would send the browser
	// round for ever.
	codesMax = 3
	// backMax bounds the address that a session remembers, in bytes.
	backMax = 256
	// roundsMax is how often in a row a browser may come back to a session that is
	// gone.
	roundsMax = 3
)

// payer is whom the session knows on a channel.
func (p *Pages) payer(c echo.Context, channel string) (kind, id string, found bool) {
	ctx := c.Request().Context()
	id = p.sessions.GetString(ctx, "payer:"+channel)
	kind = p.sessions.GetString(ctx, "kind:"+channel)
	return kind, id, id != "" && kind != ""
}

// authorise sends the browser to the channel, with a state that works once and
// only in this session: nobody can make another person's browser finish an
// authorization that they began. A state that is still out is used again, so
// that two pages opened at once both come back to a state that stands. round
// counts the times that the browser came back to a session that was gone.
func (p *Pages) authorise(c echo.Context, channel, back string, round int) error {
	ctx := c.Request().Context()
	state := p.sessions.GetString(ctx, "state:"+channel)
	if state == "" {
		state = rand.Text() + strconv.Itoa(round)
		p.sessions.Put(ctx, "state:"+channel, state)
	}
	if len(back) <= backMax {
		p.sessions.Put(ctx, "back:"+channel, back)
	}
	callback := p.config.PublicURL + "/h5/" + channel + "/oauth"
	return p.send(c, http.StatusFound, p.config.OAuth[channel].AuthorizeURL(state, callback))
}

// oauth is where the channel sends the browser back to.
func (p *Pages) oauth(c echo.Context) error {
	ctx, channel := c.Request().Context(), c.Param("channel")
	provider, ok := p.config.OAuth[channel]
	if !ok {
		return p.notFound(c)
	}
	back := p.sessions.GetString(ctx, "back:"+channel)
	if !strings.HasPrefix(back, "/h5/"+channel+"/") {
		back = "/h5/" + channel + "/card"
	}
	state := p.sessions.GetString(ctx, "state:"+channel)
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(c.QueryParam("state"))) != 1 {
		if _, _, found := p.payer(c, channel); found {
			return p.send(c, http.StatusSeeOther, back) // the app loaded the address twice
		}
		// Of two loads at once the first has ended the session that the second one
		// brings. So a browser with a cookie begins again, with a state of its own and
		// without the code: a forged link gets no further than a click on the menu. The
		// state in the session stays.
		_, err := c.Cookie(p.sessions.Cookie.Name)
		if round := roundOf(c.QueryParam("state")); err == nil && round < roundsMax {
			return p.authorise(c, channel, back, round+1)
		}
		return p.sorry(c, http.StatusForbidden, phrase{"授权已失效，请重新进入。", "The authorization is no longer valid. Please start again."}, nil)
	}
	p.sessions.Remove(ctx, "state:"+channel)
	code := c.QueryParam("code")
	if code == "" {
		code = c.QueryParam("auth_code") // Alipay's name for it
	}
	payer, err := provider.Exchange(ctx, code)
	switch {
	case errors.Is(err, channels.ErrVirtualPayer):
		return p.sorry(c, http.StatusForbidden,
			phrase{"当前为快照页模式，请点击“使用完整服务”后再试。", "This is a preview of the page. Please choose “使用完整服务” first."}, nil)
	case errors.Is(err, channels.ErrCode) && p.sessions.GetInt(ctx, "codes:"+channel) < codesMax:
		p.sessions.Put(ctx, "codes:"+channel, p.sessions.GetInt(ctx, "codes:"+channel)+1)
		return p.authorise(c, channel, back, 0)
	case err != nil:
		p.sessions.Remove(ctx, "codes:"+channel)
		return p.sorry(c, http.StatusBadGateway,
			phrase{"暂时无法确认您的身份，请稍后重新进入。", "Who you are cannot be confirmed just now. Please start again later."}, err)
	}
	return p.admit(c, channel, payer, back)
}

// roundOf is the round of a state that came back. Somebody may have made it up: it
// only ends a browser that takes no new cookie, and would go round for ever.
func roundOf(state string) int {
	round, err := strconv.Atoi(state[max(0, len(state)-1):])
	if err != nil {
		return 0
	}
	return round
}

// admit puts the payer into the session, under a new cookie and with a new
// CSRF token: whoever knew the old ones does not know the payer's.
func (p *Pages) admit(c echo.Context, channel string, payer channels.Payer, back string) error {
	ctx := c.Request().Context()
	err := p.sessions.RenewToken(ctx)
	if err != nil {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	p.sessions.Remove(ctx, "codes:"+channel)
	p.sessions.Put(ctx, csrfField, rand.Text())
	p.sessions.Put(ctx, "payer:"+channel, payer.ID)
	p.sessions.Put(ctx, "kind:"+channel, payer.Kind)
	return p.send(c, http.StatusSeeOther, back)
}
