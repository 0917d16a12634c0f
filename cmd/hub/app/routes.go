package app

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"guodu/binding/web"
	"guodu/internal/redisx"
	"guodu/transition/pos"
)

// routes is the table of what the public listener serves. Callbacks and
// terminals prove themselves by signatures and stand outside sessions and CSRF.
func routes(log *slog.Logger, client echo.IPExtractor, https bool, money echo.MiddlewareFunc, pages *web.Pages, terminals *pos.Handler, callbacks map[string]http.Handler) http.Handler {
	e := newEcho(log, client)
	if https {
		e.Use(strictTransport)
	}
	pages.Mount(e.Group("/h5"))
	terminals.Mount(e.Group("/pos/v1", money))
	for channel, handler := range callbacks {
		e.POST("/notify/"+channel, fromAddress(handler), money)
		e.GET("/notify/"+channel, callbackAddress)
	}
	return e
}

// strictTransport tells browsers to come by https alone for a year.
// (Source: RFC 6797.)
func strictTransport(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Strict-Transport-Security", "max-age=31536000")
		return next(c)
	}
}

// fromAddress gives a plain handler the address of whoever asks, behind proxies as
// well.
func fromAddress(next http.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request().WithContext(c.Request().Context())
		r.RemoteAddr = c.RealIP()
		next.ServeHTTP(c.Response(), r)
		return nil
	}
}

// callbackAddress answers whoever looks at the address of a callback, as doctor
// does: channels use POST.
func callbackAddress(c echo.Context) error {
	c.Response().Header().Set(markHeader, markHub)
	c.Response().Header().Set("Allow", http.MethodPost)
	return c.String(http.StatusMethodNotAllowed, "this address takes callbacks (POST)\n")
}

// whileDurable answers "come again" as long as the money Redis is known not to
// keep what it acknowledges, or not to hold the books of this hub: nothing said then could be relied on.
func (h *Hub) whileDurable(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !h.ready() {
			c.Response().Header().Set("Retry-After", "10")
			return c.NoContent(http.StatusServiceUnavailable)
		}
		return next(c)
	}
}

func (h *Hub) healthRoutes() http.Handler {
	e := newEcho(h.log, echo.ExtractIPDirect())
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{})))
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", func(c echo.Context) error {
		if !h.durable.Load() {
			return c.String(http.StatusServiceUnavailable, "money Redis is not durable, see the log\n")
		}
		if !h.ours.Load() {
			return c.String(http.StatusServiceUnavailable, "money Redis does not hold the books of this hub, see the log\n")
		}
		err := h.stores.money.Ping(c.Request().Context()).Err()
		if err != nil {
			h.log.Error("not ready", "error", redisx.Classify(err))
			return c.String(http.StatusServiceUnavailable, "money Redis does not answer\n")
		}
		return c.String(http.StatusOK, "ready\n")
	})
	return e
}

// newEcho is an Echo that hears from client where a request comes from, logs a panic once, and
// tells outsiders nothing of an internal error.
func newEcho(log *slog.Logger, client echo.IPExtractor) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = client
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set("X-Content-Type-Options", "nosniff")
			return next(c)
		}
	})
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{
		LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			log.Error("panic", "route", c.Path(), "error", err, "stack", string(stack))
			return err
		},
	}))
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		status := http.StatusInternalServerError
		var known *echo.HTTPError
		if errors.As(err, &known) {
			status = known.Code
		} else {
			log.Error("request failed", "route", c.Path(), "error", err)
		}
		_ = c.String(status, http.StatusText(status)+"\n")
	}
	return e
}
