package web

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/channels"
	"guodu/internal/limit"
)

const (
	// codesMax is how many codes in a row may be bad before the holder is told.
	// Without a bound, a channel that refuses every code would send the browser
	// round for ever.
	codesMax = 3
	// roundsMax is how often in a row a browser may come back without the state that
	// it left with.
	roundsMax = 3
)

// admissions is how many sessions one payer may begin.
func admissions() limit.Rate { return limit.Rate{Most: 60, Per: time.Hour} }

// payer is whom the session knows on a channel.
func (p *Pages) payer(c echo.Context, channel string) (kind, id string, found bool) {
	if c.Get(sessionLoaded) == nil {
		return "", "", false
	}
	ctx := c.Request().Context()
	id = p.sessions.GetString(ctx, "payer:"+channel)
	kind = p.sessions.GetString(ctx, "kind:"+channel)
	return kind, id, id != "" && kind != ""
}

// authorise sends the browser to the channel, with a state that only this browser
// carries: nobody can make another person's browser finish an authorization that
// they began. round counts the times that the browser came back without its state.
func (p *Pages) authorise(c echo.Context, channel string, t trip, back string, round int) error {
	t = t.towards(back, round)
	err := p.setTrip(c, channel, t)
	if err != nil {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	callback := p.config.PublicURL + "/h5/" + channel + "/oauth"
	return p.send(c, http.StatusFound, p.config.OAuth[channel].AuthorizeURL(t.State, callback))
}

// oauth is where the channel sends the browser back to.
func (p *Pages) oauth(c echo.Context) error {
	ctx, channel := c.Request().Context(), c.Param("channel")
	provider, ok := p.config.OAuth[channel]
	if !ok {
		return p.notFound(c)
	}
	t, carried := p.trip(c, channel)
	back, state := t.wayBack(channel), t.State
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(c.QueryParam("state"))) != 1 {
		return p.otherState(c, channel, t, carried)
	}
	t.State = "" // it works once, for a browser that takes cookies
	code := c.QueryParam("code")
	if code == "" {
		code = c.QueryParam("auth_code") // Alipay's name for it
	}
	payer, err := provider.Exchange(ctx, code)
	if errors.Is(err, channels.ErrCode) {
		// Counted, and not bounded by address: good codes of a whole campus come from one.
		p.refuse(c, doorPage, "code", "error", err)
		if t.Codes < codesMax {
			t.Codes++
			return p.authorise(c, channel, t, back, 0)
		}
	}
	t.Codes = 0
	if err := p.setTrip(c, channel, t); err != nil {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	switch {
	case errors.Is(err, channels.ErrVirtualPayer):
		return p.sorry(c, http.StatusForbidden,
			phrase{"当前为快照页模式，请点击“使用完整服务”后再试。", "This is a preview of the page. Please choose “使用完整服务” first."}, nil)
	case err != nil:
		if !errors.Is(err, channels.ErrCode) {
			p.refuse(c, doorPage, "exchange", "error", err)
		}
		return p.sorry(c, http.StatusBadGateway,
			phrase{"暂时无法确认您的身份，请稍后重新进入。", "Who you are cannot be confirmed just now. Please start again later."}, nil)
	}
	return p.admit(c, channel, payer, back)
}

// otherState answers a browser that comes back with a state that is not its own.
func (p *Pages) otherState(c echo.Context, channel string, t trip, carried bool) error {
	back := t.wayBack(channel)
	if _, _, found := p.payer(c, channel); found {
		return p.send(c, http.StatusSeeOther, back) // the app loaded the address twice
	}
	// Of two loads at once the first uses up the state that the second one brings. So a
	// browser with a cookie begins again, with a state of its own and without the code:
	// a forged link gets no further than a click on the menu. A state that is still out
	// stays.
	_, err := c.Cookie(p.sessions.Cookie.Name)
	if round := roundOf(c.QueryParam("state")); (err == nil || carried) && round < roundsMax {
		p.refuse(c, doorPage, "state_again")
		return p.authorise(c, channel, t, back, round+1)
	}
	p.refuse(c, doorPage, "state")
	return p.sorry(c, http.StatusForbidden, phrase{"授权已失效，请重新进入。", "The authorization is no longer valid. Please start again."}, nil)
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

// admit puts the payer into a session under a new cookie.
func (p *Pages) admit(c echo.Context, channel string, payer channels.Payer, back string) error {
	ctx := c.Request().Context()
	var exceeded *limit.ExceededError
	err := p.limiter.Take(ctx, rand.Text(), limit.Rule{Name: "admit", Of: []string{channel, payer.Kind, payer.ID}, Rate: admissions()})
	if errors.As(err, &exceeded) {
		p.refuse(c, doorPage, "limit_sessions", "payer", payer)
		return p.later(c, phrase{"打开次数过多", "Opened too often"}, exceeded.For)
	}
	if err != nil {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	err = p.renew(c)
	if errors.Is(err, errEnded) { // the channel has just named the payer: that session is not needed
		err = p.sessions.Destroy(ctx)
		if err == nil {
			err = p.renew(c)
		}
	}
	if err != nil {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	p.sessions.Put(ctx, "payer:"+channel, payer.ID)
	p.sessions.Put(ctx, "kind:"+channel, payer.Kind)
	return p.send(c, http.StatusSeeOther, back)
}
