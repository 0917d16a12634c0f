package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/channels/wechat"
	"guodu/internal/redisx"
	"guodu/internal/refusal"
	"guodu/notify"
	"guodu/notify/message"
	"guodu/transition"
	"guodu/transition/pos"
	"guodu/transition/recharge"
)

// Options are what a program adds to the configuration.
type Options struct {
	Log *slog.Logger
	// Rewrite changes scripts, for the demo's sabotage switch and for tests.
	Rewrite func(name, source string) string
	// Memory says that the configured Redis is the demo's embedded one: it keeps
	// nothing and has no settings to look at. The hub then serves environment
	// test only.
	Memory bool
	// Begin says that books are made where there are none.
	Begin bool
	// GiveUp is the id of books that people give up for others or new ones.
	GiveUp string
	// Beside is for a command beside a serving hub: it uses the Redis that the
	// other runs as its children.
	Beside bool
	// Reload reads the configuration again, for the settings that name channels'
	// public keys and certificates; all others stay as they are. Without it these
	// stay too, and only the files that they name are read again.
	Reload func() (Config, error)
	// Hangup makes a serving hub read the channels' keys again at once.
	Hangup <-chan os.Signal
}

func (o Options) intent() intent { return intent{begin: o.Begin || o.GiveUp != "", giveUp: o.GiveUp} }

// ready says whether what the hub acknowledges now is kept in the right books.
func (h *Hub) ready() bool { return h.durable.Load() && h.ours.Load() }

// Hub is a hub that was put together. Serve runs it, Close ends what it holds.
type Hub struct {
	config   Config
	log      *slog.Logger
	stores   *stores
	memory   bool
	books    *transition.Store
	registry *pos.Registry
	feed     *pos.Feed         // nil for a hub that has money only
	archive  *pos.Archive      // nil without terminals.archive
	orders   *recharge.Service // nil for a hub that has money only
	poller   *notify.Poller
	refunds  *notify.RefundPoller
	journal  *notify.Recorder
	notices  *Notices
	teller   *message.Teller // nil for a hub that has money only
	keys     *keyWatch
	keeper   *bookkeeper // nil with Memory
	inUse    channels.Set
	hangup   <-chan os.Signal
	metrics  *prometheus.Registry
	refusals *refusal.Log
	public   http.Handler
	health   http.Handler
	durable  atomic.Bool // as far as the last look went: what Redis acknowledges stays
	ours     atomic.Bool // likewise: it holds the books of this hub
}

// Money opens the money side alone, for commands that serve nothing. The
// caller calls Close.
func Money(ctx context.Context, c Config, o Options) (*Hub, error) {
	s, err := openStores(ctx, c, stored{moneyOnly: true, beside: true, memory: o.Memory, books: o.intent(), log: o.Log})
	if err != nil {
		return nil, err
	}
	h := &Hub{config: c, log: o.Log, stores: s}
	if err := h.openMoney(ctx, o); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// New checks the configuration and puts a hub together. It refuses a money
// Redis that could lose money (redisx.ErrWeak). The caller calls Close.
func New(ctx context.Context, c Config, o Options) (*Hub, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	// What the files hold is checked before anything is started.
	parts, err := readSecrets(c)
	if err != nil {
		return nil, err
	}
	s, err := openStores(ctx, c, stored{beside: o.Beside, memory: o.Memory, books: o.intent(), log: o.Log})
	if err != nil {
		return nil, err
	}
	h := &Hub{config: c, log: o.Log, stores: s, hangup: o.Hangup, keys: &keyWatch{log: o.Log, reload: o.Reload}}
	if o.Reload == nil {
		h.keys.reload = func() (Config, error) { return c, nil }
	}
	err = h.openMoney(ctx, o)
	if err == nil && !o.Memory {
		if err = redisx.CheckUnevicted(ctx, s.ephemeral, c.Ephemeral.Accept); err != nil {
			err = fmt.Errorf("ephemeral Redis: %w", err)
		}
	}
	if err == nil {
		err = h.wire(parts)
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// openMoney passes the gate and opens the store behind it.
func (h *Hub) openMoney(ctx context.Context, o Options) error {
	if o.Memory && h.config.Environment != "test" {
		return fmt.Errorf("%w: an in-memory Redis is for environment test", ErrConfig)
	}
	h.memory = o.Memory
	var err error
	if !o.Memory {
		err = redisx.CheckDurable(ctx, h.stores.money, h.config.Redis.Replicas, h.config.Redis.Accept)
	}
	if err != nil {
		return fmt.Errorf("money Redis: %w", err)
	}
	h.durable.Store(true)
	h.ours.Store(true)
	h.keeper = h.stores.books
	runner := h.runner(o.Rewrite)
	h.books, err = transition.Open(ctx, runner, transition.Options{Prefix: h.config.Redis.Prefix, Log: h.log, Existing: !o.Memory && !o.intent().begin})
	if err != nil {
		return err
	}
	if h.keeper != nil {
		if err := h.keeper.begin(ctx); err != nil {
			return err
		}
	}
	h.registry = pos.NewRegistry(runner, h.config.Redis.Prefix)
	return nil
}

// runner runs scripts on the money Redis.
func (h *Hub) runner(rewrite func(name, source string) string) *redisx.Runner {
	return redisx.NewRunner(h.stores.money, redisx.RunnerOptions{
		Replicas: h.config.Redis.Replicas, NoShebang: h.memory, Rewrite: rewrite,
	})
}

// Channels makes the channels of a configuration, for commands that need nothing
// else of a hub.
func Channels(c Config) (channels.Set, error) {
	parts, err := readSecrets(c)
	if err != nil {
		return nil, err
	}
	return openChannels(parts)
}

// openChannels makes the channels that are configured, of every merchant. Every
// channel there is stands here, and nowhere else.
func openChannels(parts secrets) (channels.Set, error) {
	inUse := channels.Set{}
	add := func(c channels.Channel, former bool) {
		m := inUse[c.Name()]
		if former {
			m.Former = append(m.Former, c)
		} else {
			m.Current = c
		}
		inUse[c.Name()] = m
	}
	for _, each := range parts.wechat {
		wx, err := wechat.New(each)
		if err != nil {
			return nil, fmt.Errorf("%w: wechat of merchant %s/%s: %w", ErrConfig, each.MchID, each.AppID, err)
		}
		add(wx, each.Former)
	}
	for _, each := range parts.alipay {
		ali, err := alipay.New(each)
		if err != nil {
			return nil, fmt.Errorf("%w: alipay of merchant %s/%s: %w", ErrConfig, each.SellerID, each.AppID, err)
		}
		add(ali, each.Former)
	}
	return inUse, inUse.Check()
}

// Books are the hub's accounts, orders and loads.
func (h *Hub) Books() *transition.Store { return h.books }

// Orders is the life of orders and refunds; nil after Money.
func (h *Hub) Orders() *recharge.Service { return h.orders }

// Registry is the hub's list of terminals.
func (h *Hub) Registry() *pos.Registry { return h.registry }

// Handler is what the public listener serves.
func (h *Hub) Handler() http.Handler { return h.public }

// Close ends the connections and the Redis children, after it has told what people
// are to be told.
func (h *Hub) Close() {
	h.tellRest()
	h.noteRest()
	if h.archive != nil {
		_ = h.archive.Close() // what it said was kept is synced
	}
	h.stores.close()
}

// drain bounds how long running requests may go on when a hub ends.
const drain = 10 * time.Second

// self names this hub among those that share an ephemeral Redis.
func (h *Hub) self() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return host + " " + h.config.Listen
}

func (h *Hub) noteBegin(ctx context.Context) {
	if err := h.notices.Begin(ctx, h.self(), time.Now()); err != nil {
		h.log.Warn("callbacks kept for people", "error", err)
	}
}

func (h *Hub) noteEnd() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := h.notices.End(ctx, h.self()); err != nil {
		h.log.Warn("callbacks kept for people", "error", err)
	}
}

// Serve listens until ctx ends, then lets running requests finish. It also
// ends, with an error, when a Redis child dies: nothing could be answered.
func (h *Hub) Serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	health := net.Listener(nil)
	if h.config.Health != "" {
		health, err = (&net.ListenConfig{}).Listen(ctx, "tcp", h.config.Health)
		if err != nil {
			_ = listener.Close()
			return fmt.Errorf("listen for health checks: %w", err)
		}
	}
	return h.serve(ctx, listener, health)
}

// ServeOn is Serve on a listener that the caller opened, without health checks.
func (h *Hub) ServeOn(ctx context.Context, listener net.Listener) error {
	return h.serve(ctx, listener, nil)
}

func (h *Hub) serve(ctx context.Context, listener, health net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 2)
	var servers []*http.Server
	start := func(l net.Listener, handler http.Handler) {
		server := &http.Server{
			Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
			IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
			ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn),
		}
		servers = append(servers, server)
		go func() { failed <- server.Serve(l) }()
	}
	start(limitConnections(listener, h.config.MaxConnections, h.config.trusts, h.refusals), h.public)
	if health != nil {
		start(health, h.health)
	}
	var background sync.WaitGroup
	// These two outlive the callbacks that they hear of.
	noting, stopNoting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNoting()
	h.noteBegin(ctx)
	background.Go(func() { h.journal.Run(noting) })
	background.Go(func() { nameOrphans(ctx, h.Books(), h.inUse, h.log) })
	background.Go(func() { h.teller.Run(noting) })
	background.Go(func() { h.poller.Run(ctx) })
	background.Go(func() { h.refunds.Run(ctx) })
	background.Go(func() { h.keys.run(ctx, h.hangup) })
	background.Go(func() { h.feed.Run(ctx) })
	background.Go(func() { markDoubt(ctx, h.Books(), h.log) })
	background.Go(func() { sweepBlocks(ctx, h.Books(), h.log) })
	background.Go(func() {
		if h.memory {
			return
		}
		watchDurability(ctx, h.stores.money, h.config.Redis, h.log, h.durable.Store)
	})
	background.Go(func() {
		if h.keeper != nil {
			h.keeper.watch(ctx, h.ours.Store)
		}
	})
	background.Go(func() {
		if !h.memory {
			watchPrimary(ctx, h.Books(), h.config.Redis, h.log)
		}
	})
	for _, one := range h.config.exposure() {
		h.log.Warn(one[0], "do", one[1])
	}
	h.log.Info("hub serves", "listen", listener.Addr().String(), "public_url", h.config.PublicURL, "environment", h.config.Environment)
	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	case cause = <-h.stores.died(ctx):
		cause = fmt.Errorf("a Redis of this hub has ended: %w", cause)
	}
	stop()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, server := range servers {
		_ = server.Shutdown(end)
	}
	stopNoting()
	background.Wait()
	h.noteEnd()
	h.log.Info("hub ends", "error", cause)
	return cause
}
