package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"

	"guodu/binding"
	"guodu/binding/identity"
	"guodu/binding/identity/guard"
	"guodu/binding/web"
	"guodu/channels"
	"guodu/internal/limit"
	"guodu/internal/refusal"
	"guodu/notify"
	"guodu/notify/message"
	"guodu/transition"
	"guodu/transition/pos"
	"guodu/transition/recharge"
)

// refundPath is where a channel that tells of refunds by themselves does so,
// below its callbacks.
const refundPath = "/refund"

// wiring is what the edges are made of, beside what the hub keeps.
type wiring struct {
	*Hub
	parts     secrets
	inUse     channels.Set
	links     *binding.Store
	ephemeral *redis.Client
}

// wire makes the edges and gives each what it needs.
func (h *Hub) wire(parts secrets) error {
	inUse, err := openChannels(parts)
	if err != nil {
		return err
	}
	h.keys.open(h.config, inUse)
	h.inUse = inUse
	ephemeral, ok := h.stores.ephemeral.(*redis.Client)
	if !ok {
		return fmt.Errorf("%w: the ephemeral Redis cannot be a Cluster", ErrConfig)
	}
	h.metrics = prometheus.NewRegistry()
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h.refusals = refusal.New(refusal.Config{Log: h.log, Registry: h.metrics, Key: derived(parts.hubKey, "refusal")})
	w := wiring{h, parts, inUse, binding.NewStore(h.runner(nil), h.config.Redis.Prefix, nil), ephemeral}
	h.teller = message.NewTeller(message.Config{
		Messengers: messengers(inUse), Audience: audience{h.books, w.links, h.config.PublicURL, inUse},
		Marks: message.NewRedisMarks(ephemeral, h.config.Ephemeral.Prefix), Log: h.log,
	})
	h.orders, err = w.newOrders()
	if err != nil {
		return err
	}
	callbacks := w.settling()
	pages, err := w.newPages()
	if err != nil {
		return err
	}
	terminals, err := w.newTerminals()
	if err != nil {
		return err
	}
	h.public = routes(h.log, h.config.clientAddress(), strings.HasPrefix(h.config.PublicURL, "https://"), h.whileDurable, pages, terminals, callbacks)
	h.health = h.healthRoutes()
	return nil
}

// newOrders makes the life of orders and refunds.
func (w wiring) newOrders() (*recharge.Service, error) {
	limits, err := w.config.limits()
	if err != nil {
		return nil, fmt.Errorf("%w: limits: %w", ErrConfig, err)
	}
	public := w.config.PublicURL
	return recharge.New(recharge.Config{
		Ledger: w.books, Channels: w.inUse, Log: w.log, Tell: w.tell, Description: w.config.Order.Description, Expiry: w.config.Order.Expiry,
		NotifyURL:       func(channel string) string { return public + "/notify/" + channel },
		RefundNotifyURL: func(channel string) string { return public + "/notify/" + channel + refundPath },
		RefundReason:    w.config.Order.RefundReason,
		ReturnURL: func(channel string, no transition.OrderNo) string {
			return public + "/h5/" + channel + "/orders/" + string(no)
		},
		Limits: transition.Limits{Order: limits[0], Day: limits[1], Balance: limits[2], Unpaid: w.config.Limits.Unpaid},
	}), nil
}

// settling makes what hears how orders and refunds end: the pollers, which the hub
// keeps, and the handlers of the channels' callbacks, by path.
func (w wiring) settling() map[string]http.Handler {
	due := dueOrders{w.orders, w.books}
	rates := notify.NewRates(w.config.Poll.PerSecond)
	w.poller = notify.NewPoller(notify.PollerConfig{Orders: due, Channels: w.inUse, Log: w.log, Rates: rates})
	w.refunds = notify.NewRefundPoller(due, rates, w.log, 0)
	w.notices = &Notices{w.ephemeral, w.config.Ephemeral.Prefix}
	w.journal = notify.NewRecorder(w.notices, w.log)
	callbacks := map[string]http.Handler{}
	for name := range w.inUse {
		handler := notify.HandlerConfig{Channel: name, Log: w.log, Journal: w.journal, Refusals: w.refusals}
		if n, ok := w.inUse.Notifier(name); ok {
			callbacks[name] = notify.NewHandler(handler, n, due)
		}
		if n, ok := w.inUse.RefundNotifier(name); ok {
			callbacks[name+refundPath] = notify.NewRefundHandler(handler, n, due)
		}
	}
	return callbacks
}

// newPages makes what people see.
func (w wiring) newPages() (*web.Pages, error) {
	portal, err := identity.NewPortal(w.config.Portal.Base, string(w.parts.portalSecret), 0)
	if err != nil {
		return nil, err
	}
	rates, err := w.config.Portal.rates()
	if err != nil {
		return nil, err
	}
	guesses := guard.New(portal, limit.New(w.ephemeral, w.config.Ephemeral.Prefix, nil), rates, w.log)
	authorize := map[string]channels.OAuth{}
	for name, merchants := range w.inUse {
		if o, ok := merchants.Current.(channels.OAuth); ok {
			authorize[name] = o
		}
	}
	return web.New(web.Config{
		Links: w.links, Orders: w.orders, Accounts: w.books, Identity: guesses,
		OAuth: authorize, Ephemeral: w.ephemeral, Prefix: w.config.Ephemeral.Prefix,
		PublicURL: w.config.PublicURL, Secure: w.config.Environment == production, Log: w.log, Ready: w.ready,
		Place: w.place, CookieKey: derived(w.parts.hubKey, "cookie"), RefKey: derived(w.parts.hubKey, bindingRefs), Refusals: w.refusals, Prepays: w.config.Limits.Prepays,
	})
}

// newTerminals makes what terminals call, and the feed and the archive behind it,
// which the hub keeps.
func (w wiring) newTerminals() (*pos.Handler, error) {
	hosts := w.config.Terminals.Hosts
	if len(hosts) == 0 {
		public, err := url.Parse(w.config.PublicURL)
		if err != nil {
			return nil, fmt.Errorf("%w: public_url: %w", ErrConfig, err)
		}
		hosts = []string{public.Host}
	}
	if dir := w.config.Terminals.Archive; dir != "" {
		archive, err := pos.OpenArchive(dir)
		if err != nil {
			return nil, fmt.Errorf("%w: terminals.archive: %w", ErrConfig, err)
		}
		w.archive = archive
	}
	w.feed = pos.NewFeed(w.books, w.registry, w.log)
	return pos.NewHandler(pos.Config{
		Ledger: w.books, Registry: w.registry, Nonces: pos.NewNonces(w.ephemeral, w.config.Ephemeral.Prefix),
		Payers: payers{w.links}, Archive: w.archive, Feed: w.feed,
		Key: w.parts.hubKey, Log: w.log, Refusals: w.refusals, Hosts: hosts, Loaded: w.tellLoaded,
		Times: transition.TapTimes{NotAfter: w.config.Terminals.NotAfter, Deadline: w.config.Terminals.Deadline},
	}), nil
}

// payers says of a payer whether they have bound an account, never which.
type payers struct{ links *binding.Store }

// Bound implements what terminals ask.
func (p payers) Bound(ctx context.Context, channel, kind, payer string) (bool, error) {
	_, err := p.links.Account(ctx, binding.Payer{Channel: channel, Kind: kind, ID: payer})
	if errors.Is(err, binding.ErrNotBound) {
		return false, nil
	}
	return err == nil, err
}
