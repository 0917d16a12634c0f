package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"guodu/binding"
	"guodu/binding/identity"
	"guodu/binding/identity/guard"
	"guodu/binding/web"
	"guodu/channels"
	"guodu/channels/wechat"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/limit"
	"guodu/internal/redistest"
	"guodu/internal/redisx"
	"guodu/mocks/portal"
	"guodu/mocks/wechatpay"
	"guodu/transition"
	"guodu/transition/recharge"
)

const (
	password = "correct horse battery"
	wrong    = "incorrect zebra"
	account  = transition.AccountNo("2026000001")
	other    = transition.AccountNo("2026000002")
	appID    = "wx8888888888888888"
)

// app is the one WeChat of all tests; persons keep them apart.
var app struct {
	sim    *wechatpay.Sim
	base   string
	config wechat.Config
}

func TestMain(m *testing.M) {
	key, err := wechatpay.GenerateMerchantKey()
	if err != nil {
		panic(err)
	}
	app.config = wechat.Config{
		AppID: appID, AppSecret: "b1946ac92492d2347c6235b4d2611184", MchID: "1900000109",
		MerchantSerial: key.Serial, MerchantKeyPEM: key.PrivateKeyPEM, APIv3Key: []byte("0123456789abcdefghijklmnopqrstuv"),
	}
	app.sim, err = wechatpay.New(wechatpay.Options{
		MchID: app.config.MchID, AppID: appID, AppSecret: app.config.AppSecret, APIv3Key: string(app.config.APIv3Key),
		MerchantSerial: key.Serial, MerchantPublicKey: key.PublicKey,
	})
	if err != nil {
		panic(err)
	}
	app.base, err = app.sim.Start(context.Background())
	if err != nil {
		panic(err)
	}
	app.config.PublicKeyID, app.config.PublicKeyPEM = app.sim.PublicKeyID(), app.sim.PublicKeyPEM()
	app.config.APIBase, app.config.OAuthBase, app.config.AuthorizeBase = app.base, app.base, app.base
	app.config.Timeout = 20 * time.Second // a slow machine changes no outcome
	code := m.Run()
	_ = app.sim.Close()
	os.Exit(code)
}

// world is the pages with everything around them.
type world struct {
	t        testing.TB
	base     string
	server   *httptest.Server
	echo     *echo.Echo
	redis    *redistest.Server
	client   *redis.Client
	links    *binding.Store
	portal   *portal.Portal
	oauth    *oauth
	orders   *orders
	accounts accounts
	loads    map[transition.AccountNo][]transition.LoadRecord
	log      *buffer
}

// start makes a world. Whatever a test does, no log line may hold a password
// or a payer's id.
func start(t testing.TB, options ...func(*web.Config)) *world {
	t.Helper()
	w := &world{t: t, redis: redistest.Start(t), log: &buffer{}, orders: newOrders(), accounts: accounts{
		account: {No: account, Open: true, Pending: 1234},
		other:   {No: other, Open: true, Pending: 777},
	}}
	w.client = w.redis.Client().(*redis.Client)
	w.links = binding.NewStore(redisx.NewRunner(w.client, redisx.RunnerOptions{Rewrite: redistest.Strict}), "", nil)
	channel, err := wechat.New(app.config)
	if err != nil {
		t.Fatal(err)
	}
	w.oauth = &oauth{OAuth: channel}
	config := web.Config{
		Links: w.links, Orders: w.orders, Accounts: books{w.accounts, w}, Place: func(_ context.Context, id string) string {
			return map[string]string{"T1": "第二食堂 3 号窗口"}[id]
		}, Identity: w.guard(w.identity()),
		OAuth: map[string]channels.OAuth{"wechat": w.oauth}, Ephemeral: w.client,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, o := range options {
		o(&config)
	}
	e := echo.New()
	w.server, w.echo = httptest.NewUnstartedServer(e), e
	scheme := "http://"
	if config.Secure {
		scheme = "https://"
	}
	w.base = scheme + w.server.Listener.Addr().String()
	config.PublicURL = w.base
	pages, err := web.New(config)
	if err != nil {
		t.Fatal(err)
	}
	pages.Mount(e.Group("/h5"))
	if config.Secure {
		w.server.StartTLS()
	} else {
		w.server.Start()
	}
	t.Cleanup(func() {
		w.server.Close()
		log := w.log.String()
		// All ids that the app gives share a beginning.
		for _, secret := range []string{password, wrong, payer("anybody").ID[:6]} {
			if strings.Contains(log, secret) {
				t.Errorf("%q is in the log:\n%s", secret, log)
			}
		}
	})
	return w
}

// guard stands before an identity provider as it does in a hub.
func (w *world) guard(i binding.Identity) *guard.Guard {
	return guard.New(i, limit.New(w.client, "", nil), guard.DefaultRates(), nil)
}

func (w *world) identity() *identity.Portal {
	w.t.Helper()
	var err error
	w.portal, err = portal.New(portal.Options{ClientSecret: "client-secret", People: []portal.Person{
		{Username: "zhangsan", Password: password, AccountNo: string(account), Name: "张三"},
		{Username: "lisi", Password: password, AccountNo: string(other), Name: "李四"},
		{Username: "guest", Password: password, AccountNo: "2026999999", Name: "客人"},
		{Username: "odd", Password: password, AccountNo: "not an account", Name: "<b>odd</b>"},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.portal.Close() })
	base, err := w.portal.Start(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := identity.NewPortal(base, "client-secret", 20*time.Second)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

// payer is how the channel knows a person.
func payer(person string) binding.Payer {
	return binding.Payer{Channel: "wechat", Kind: "openid", ID: wechatpay.OpenID(appID, person)}
}

func (w *world) bind(person string, to transition.AccountNo) {
	w.t.Helper()
	err := w.links.Bind(w.t.Context(), payer(person), string(to))
	if err != nil {
		w.t.Fatal(err)
	}
}

// wantBound checks what a person is bound to; "" is nothing.
func (w *world) wantBound(person string, want transition.AccountNo) {
	w.t.Helper()
	got, err := w.links.Account(w.t.Context(), payer(person))
	if got != string(want) || (want == "") != errors.Is(err, binding.ErrNotBound) {
		w.t.Errorf("%s is bound to %q, %v, want %q", person, got, err, want)
	}
}

// oauth is the real adapter, counted; fail, if set, is what every code gives.
type oauth struct {
	channels.OAuth
	exchanged atomic.Int64
	fail      error
}

func (o *oauth) Exchange(ctx context.Context, code string) (channels.Payer, error) {
	o.exchanged.Add(1)
	if o.fail != nil {
		return channels.Payer{}, o.fail
	}
	return o.OAuth.Exchange(ctx, code)
}

type accounts map[transition.AccountNo]transition.Account

// books adds loads to the accounts.
type books struct {
	accounts
	w *world
}

func (b books) LoadsOf(_ context.Context, no transition.AccountNo, most int) ([]transition.LoadRecord, error) {
	all := b.w.loads[no]
	return all[:min(most, len(all))], nil
}

func (a accounts) Account(_ context.Context, no transition.AccountNo) (transition.Account, error) {
	found, ok := a[no]
	if !ok {
		return transition.Account{}, transition.ErrNoAccount
	}
	return found, nil
}

// orders notes each wish and answers with create.
type orders struct {
	create func(recharge.Wish) (recharge.Ready, error)
	known  map[transition.OrderNo]transition.Order
	refund func(recharge.RefundWish) (transition.RefundOrder, error)
	limits transition.Limits
	pairs  []recharge.Pair
	double func(transition.AccountNo, transition.OrderNo, idempotency.Key) (transition.RefundOrder, error)

	mu     sync.Mutex
	wishes []recharge.Wish
}

func newOrders() *orders {
	return &orders{
		known:  map[transition.OrderNo]transition.Order{},
		pairs:  []recharge.Pair{},
		limits: transition.Limits{Order: 50_000, Day: 100_000, Balance: 200_000},
		create: func(w recharge.Wish) (recharge.Ready, error) {
			return ready(transition.NewOrderNo(w.Account, time.Now()), w.Amount, nil), nil
		},
	}
}

func ready(no transition.OrderNo, amount fen.Fen, params map[string]string) recharge.Ready {
	if params == nil {
		params = map[string]string{"appId": appID, "package": "prepay_id=x"}
	}
	return recharge.Ready{Order: no, Amount: amount, Prepay: channels.Prepay{Params: params}}
}

func (o *orders) Create(_ context.Context, w recharge.Wish) (recharge.Ready, error) {
	o.mu.Lock()
	o.wishes = append(o.wishes, w)
	create := o.create
	o.mu.Unlock() // another wish may come while this one is made
	return create(w)
}

func (o *orders) Order(_ context.Context, no transition.OrderNo) (transition.Order, error) {
	found, ok := o.known[no]
	if !ok {
		return transition.Order{}, transition.ErrNoOrder
	}
	return found, nil
}

func (o *orders) Refundable(_ context.Context, account transition.AccountNo) ([]transition.Order, error) {
	var all []transition.Order
	for _, order := range o.known {
		if order.Account == account && order.Left() > 0 {
			all = append(all, order)
		}
	}
	return all, nil
}

func (o *orders) Refund(_ context.Context, w recharge.RefundWish) (transition.RefundOrder, error) {
	return o.refund(w)
}

func (o *orders) DoublePaid(context.Context, transition.AccountNo) ([]recharge.Pair, error) {
	if o.pairs == nil {
		return nil, transition.ErrUnavailable
	}
	return o.pairs, nil
}

func (o *orders) RefundDouble(_ context.Context, account transition.AccountNo, no transition.OrderNo, key idempotency.Key) (transition.RefundOrder, error) {
	return o.double(account, no, key)
}

// Room is the real one.
func (o *orders) Room(a transition.Account) recharge.Room {
	return recharge.New(recharge.Config{Limits: o.limits}).Room(a)
}

// buffer is a log that may be written and read at once.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(text)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
