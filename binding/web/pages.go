package web

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"html/template"
	"log/slog"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/securecookie"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"guodu/binding"
	"guodu/binding/identity/guard"
	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/limit"
	"guodu/internal/refusal"
	"guodu/transition"
	"guodu/transition/recharge"
)

//go:embed templates/*.html
var templates embed.FS

// links is what the pages need of the bindings.
type links interface {
	Bind(ctx context.Context, p binding.Payer, account string) error
	Unbind(ctx context.Context, p binding.Payer, account string) error
	Account(ctx context.Context, p binding.Payer) (string, error)
	Bindings(ctx context.Context, account string) ([]binding.Binding, error)
	End(ctx context.Context, account string, p binding.Payer, by, why string) error
	Ended(ctx context.Context, account string) ([]binding.Ended, error)
	Notice(ctx context.Context, p binding.Payer) (*binding.Notice, error)
}

// identity is what the pages need of the guarded portal.
type identity interface {
	Login(ctx context.Context, a guard.Attempt) (binding.Person, error)
	Others(ctx context.Context, user string, payer binding.Payer) (guard.Tries, error)
}

// orders is what the pages need of the order life.
type orders interface {
	Create(ctx context.Context, w recharge.Wish) (recharge.Ready, error)
	Order(ctx context.Context, no transition.OrderNo) (transition.Order, error)
	Room(a transition.Account) recharge.Room
	Refundable(ctx context.Context, account transition.AccountNo) ([]transition.Order, error)
	Refund(ctx context.Context, w recharge.RefundWish) (transition.RefundOrder, error)
	DoublePaid(ctx context.Context, account transition.AccountNo) ([]recharge.Pair, error)
	RefundDouble(ctx context.Context, account transition.AccountNo, order transition.OrderNo, key idempotency.Key) (transition.RefundOrder, error)
}

// accounts is what the pages need of the transition balance.
type accounts interface {
	Account(ctx context.Context, no transition.AccountNo) (transition.Account, error)
	LoadsOf(ctx context.Context, no transition.AccountNo, most int) ([]transition.LoadRecord, error)
}

// Config is what the pages are made of.
type Config struct {
	Links     links
	Orders    orders
	Accounts  accounts
	Identity  identity
	OAuth     map[string]channels.OAuth // by channel
	Ephemeral *redis.Client             // sessions and limits
	CookieKey []byte                    // signs what browsers keep; the same in all hubs of a campus; random if nil
	RefKey    []byte                    // of the names of bindings; likewise
	Refusals  *refusal.Log              // nil notes none
	Prefix    string                    // first part of the ephemeral keys; "h" if empty
	PublicURL string                    // without a slash at the end
	Prepays   int                       // orders of one payer in an hour; 20 if zero
	Secure    bool                      // cookies over https only
	Log       *slog.Logger
	// Place says where a terminal stands, "" if that is not known; nil is never known.
	Place func(ctx context.Context, terminal string) string
	// Ready says whether what a form asks for would be kept; nil is always.
	Ready func() bool
}

// Pages serves /h5. It is safe for concurrent use.
type Pages struct {
	config   Config
	sessions *scs.SessionManager
	trips    *securecookie.SecureCookie
	limiter  *limit.Limiter
	views    map[string]*template.Template // by language
}

// New returns the pages.
func New(c Config) (*Pages, error) {
	if c.Prefix == "" {
		c.Prefix = "h"
	}
	if c.Prepays == 0 {
		c.Prepays = 20
	}
	if c.RefKey == nil {
		c.RefKey = []byte(rand.Text())
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	views := map[string]*template.Template{}
	for _, language := range []string{chinese, english} {
		say := template.FuncMap{
			"say":      func(zh, en string) string { return phrase{zh, en}.in(language) },
			"language": func() string { return language },
		}
		var err error
		views[language], err = template.New("").Funcs(say).ParseFS(templates, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
	}
	return &Pages{
		config: c, sessions: newSessions(c), trips: newTrips(c.CookieKey), limiter: limit.New(c.Ephemeral, c.Prefix, nil), views: views,
	}, nil
}

// Mount adds the routes to a group with the prefix /h5.
func (p *Pages) Mount(g *echo.Group) {
	g.Use(headers)
	g.FileFS("/static/style.css", "static/style.css", assets, cached)
	g.FileFS("/static/pay.js", "static/pay.js", assets, cached)
	g.FileFS("/static/weui/weui.min.css", "static/weui/weui.min.css", assets, cached)
	pages := g.Group("/:channel", p.withLanguage, p.withSession, p.withForm)
	pages.GET("/oauth", p.oauth)
	pages.POST("/logout", p.logout)
	pages.GET("/bind", p.known(p.bindForm))
	pages.POST("/bind", p.known(p.bind))
	pages.POST("/unbind", p.known(p.bound(p.unbind)))
	pages.GET("/bindings", p.known(p.bound(p.bindings)))
	pages.POST("/bindings", p.known(p.bound(p.endBinding)))
	pages.GET("/card", p.known(p.bound(p.card)))
	pages.GET("/recharge", p.known(p.bound(p.rechargeForm)))
	pages.POST("/recharge", p.known(p.bound(p.recharge)))
	pages.GET("/orders/:order", p.known(p.bound(p.order)))
	pages.GET("/refunds", p.known(p.bound(p.refundForm)))
	pages.POST("/refunds", p.known(p.bound(p.refund)))
	pages.POST("/doubles", p.known(p.bound(p.refundDouble)))
	g.RouteNotFound("", p.notFound)
	g.RouteNotFound("/*", p.notFound)
	pages.RouteNotFound("", p.notFound)
	pages.RouteNotFound("/*", p.notFound)
}
