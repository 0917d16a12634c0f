package web

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"
)

const (
	// formMax bounds a form in bytes.
	formMax = 16 << 10
	// csrfField is the token's name in forms, sessions and the request.
	csrfField = "csrf"
	// sessionLoaded marks a request that has its session.
	sessionLoaded = "session"
)

func newSessions(c Config) *scs.SessionManager {
	s := scs.New()
	s.Store = sessionStore{c.Ephemeral, c.Prefix + ":session:"}
	s.HashTokenInStore = true // who reads that Redis finds no cookie to use
	s.Lifetime = 2 * time.Hour
	s.IdleTimeout = 30 * time.Minute
	s.Cookie.Name = "guodu"
	s.Cookie.Path = "/h5"
	s.Cookie.HttpOnly = true
	s.Cookie.SameSite = http.SameSiteLaxMode
	s.Cookie.Secure = c.Secure
	if c.Secure {
		// Browsers let nobody but this very host set such a cookie. Otherwise a
		// neighbour in the university's domain could put its own session, with
		// its own payer in it, under a holder who is about to bind.
		s.Cookie.Name, s.Cookie.Path = "__Host-guodu", "/"
	}
	return s
}

// withSession loads the browser's session. It is saved by save, before the
// answer starts, so that a failure can still be told.
func (p *Pages) withSession(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		token := ""
		cookie, err := c.Cookie(p.sessions.Cookie.Name)
		if err == nil {
			token = cookie.Value
		}
		ctx, err := p.sessions.Load(withBrought(c.Request().Context()), token)
		if err != nil {
			return p.sorry(c, http.StatusServiceUnavailable, busy(), fmt.Errorf("load session: %w", err))
		}
		c.SetRequest(c.Request().WithContext(ctx))
		c.Set(sessionLoaded, true)
		c.Set(csrfField, p.sessions.GetString(ctx, csrfField))
		return next(c)
	}
}

// save writes the session, if the request has one to write, and its cookie.
func (p *Pages) save(c echo.Context) error {
	ctx := c.Request().Context()
	if c.Get(sessionLoaded) == nil || p.sessions.Status(ctx) != scs.Modified {
		return nil
	}
	token, expiry, err := p.sessions.Commit(ctx)
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	p.sessions.WriteSessionCookie(ctx, c.Response(), token, expiry)
	return nil
}

// renew puts the session under a new cookie and a new CSRF token, whenever more or
// less is allowed in it than before: whoever knew the old ones has nothing.
// Errors: errEnded; those of redisx.
func (p *Pages) renew(c echo.Context) error {
	ctx := c.Request().Context()
	err := p.sessions.RenewToken(ctx)
	if err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	csrf := rand.Text()
	p.sessions.Put(ctx, csrfField, csrf)
	c.Set(csrfField, csrf)
	return nil
}

// ended answers a request whose session was ended or renewed while it ran. What it
// would have shown is not shown; a page is asked for again, with the cookie of now.
func (p *Pages) ended(c echo.Context) error {
	if r := c.Request(); r.Method == http.MethodGet {
		return c.Redirect(http.StatusSeeOther, r.URL.RequestURI())
	}
	p.refuse(c, doorPage, "session_ended")
	c.Set(sessionLoaded, nil)
	c.Set(csrfField, nil)
	return p.sorry(c, http.StatusForbidden, expired(), nil)
}

// logout ends the session.
func (p *Pages) logout(c echo.Context) error {
	if _, ok := p.config.OAuth[c.Param("channel")]; !ok {
		return p.notFound(c)
	}
	ctx := c.Request().Context()
	err := p.sessions.Destroy(ctx)
	if err != nil && !errors.Is(err, errEnded) {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	c.Set(sessionLoaded, nil)
	c.Set(csrfField, nil)
	p.sessions.WriteSessionCookie(ctx, c.Response(), "", time.Time{})
	return p.show(c, http.StatusOK, "loggedout.html", nil)
}

// withForm reads a posted form, within bounds, and wants its CSRF token to be
// the session's. Only the body counts as the form: what stands in an address
// (a password, say) ends up in the logs of proxies.
func (p *Pages) withForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodGet {
			return next(c)
		}
		if p.config.Ready != nil && !p.config.Ready() {
			return p.sorry(c, http.StatusServiceUnavailable, busy(), nil)
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, formMax)
		err := r.ParseForm()
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			p.refuse(c, doorPage, "too_large")
			return p.sorry(c, http.StatusRequestEntityTooLarge, phrase{"提交的内容过长。", "What you sent is too long."}, nil)
		case err != nil:
			p.refuse(c, doorPage, "unreadable")
			return p.sorry(c, http.StatusBadRequest, phrase{"提交的内容无法读取，请返回后重试。", "What you sent cannot be read. Please go back and try again."}, nil)
		}
		want, _ := c.Get(csrfField).(string)
		if want == "" {
			p.refuse(c, doorPage, "session_ended")
			return p.sorry(c, http.StatusForbidden, expired(), nil)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(r.PostForm.Get(csrfField))) != 1 {
			p.refuse(c, doorPage, "csrf")
			return p.sorry(c, http.StatusForbidden, expired(), nil)
		}
		return next(c)
	}
}
