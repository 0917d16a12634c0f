package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed static
var assets embed.FS

// busy is what holders read when something of ours is down.
func busy() phrase {
	return phrase{"系统繁忙，请稍后再试。", "The system is busy. Please try again in a moment."}
}

// expired is what they read when a form is not this session's, or was used.
func expired() phrase {
	return phrase{"页面已过期，请重新打开后再试。", "This page has expired. Please open it again."}
}

// policy lets a page use this server's own style and script and post to it,
// and nothing else. Older WeChat apps hear the page through frames with
// addresses of their own scheme; without them the pay sheet would not open.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"frame-src weixin: wvjbscheme:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers keeps the pages out of frames and caches.
func headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		return next(c)
	}
}

// cached is for files that are the same for everybody.
func cached(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "public, max-age=600")
		return next(c)
	}
}

// show renders a page, whole or not at all. The session is saved on the way; a
// page stands without that, because nothing that a page relies on is decided
// while it is shown.
func (p *Pages) show(c echo.Context, status int, page string, data map[string]any) error {
	if data == nil {
		data = map[string]any{}
	}
	data["Channel"] = ""
	if _, known := p.config.OAuth[c.Param("channel")]; known {
		data["Channel"] = c.Param("channel")
	}
	data["CSRF"] = c.Get(csrfField)
	language := p.language(c)
	if c.Request().Method == http.MethodGet && data["Channel"] != "" {
		// A page that answers a form cannot be asked for again in another language.
		data["Switch"] = c.Request().URL.EscapedPath()
	}
	var out bytes.Buffer
	err := p.views[language].ExecuteTemplate(&out, page, data)
	if err != nil {
		return fmt.Errorf("page %s: %w", page, err)
	}
	err = p.save(c)
	if errors.Is(err, errEnded) {
		return p.ended(c)
	}
	if err != nil && c.Request().Context().Err() == nil { // somebody who hung up is no trouble
		p.config.Log.Error("session", "route", c.Path(), "error", err)
	}
	return c.HTMLBlob(status, out.Bytes())
}

// send sends the browser on, once its session is safe: the next page is lost
// without what this one put into it. A session that has ended is the next page's to
// answer.
func (p *Pages) send(c echo.Context, status int, to string) error {
	err := p.save(c)
	if err != nil && !errors.Is(err, errEnded) {
		return p.sorry(c, http.StatusServiceUnavailable, busy(), err)
	}
	return c.Redirect(status, to)
}

// sorry tells the holder what happened and what to do; the error is logged.
func (p *Pages) sorry(c echo.Context, status int, text phrase, err error) error {
	switch {
	case err != nil && status == http.StatusServiceUnavailable: // a store in trouble, for every visitor
		p.refuse(c, doorPage, "unavailable", "error", err)
	case err != nil:
		p.config.Log.Error("page", "route", c.Path(), "status", status, "error", err)
	}
	return p.show(c, status, "sorry.html", map[string]any{"Text": text.in(p.language(c))})
}

// later says that something was done too often, and when it will work again.
func (p *Pages) later(c echo.Context, problem phrase, wait time.Duration) error {
	return p.sorry(c, http.StatusTooManyRequests, retryAfter(c, problem, wait), nil)
}

// retryAfter adds to a problem when to try again; whoever reads headers is told too.
func retryAfter(c echo.Context, problem phrase, wait time.Duration) phrase {
	wait = max(wait, time.Second)
	seconds, minutes := (wait+time.Second-1)/time.Second, (wait+time.Minute-1)/time.Minute
	c.Response().Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	return phrase{
		fmt.Sprintf("%s，请在%d分钟后再试。", problem.zh, minutes),
		fmt.Sprintf("%s. Please try again in %d minutes.", problem.en, minutes),
	}
}

func (p *Pages) notFound(c echo.Context) error {
	return p.sorry(c, http.StatusNotFound, phrase{"没有这个页面。", "There is no such page."}, nil)
}
