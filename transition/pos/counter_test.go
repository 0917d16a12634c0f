package pos_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/transition"
	"guodu/transition/pos"
	"guodu/transition/transitiontest"
)

// counter is a hub's terminal edge over a real ledger, one account with a card
// and 50.00 pending, and the terminal T1, which has signed in.
type counter struct {
	t        testing.TB
	ctx      context.Context
	bench    transitiontest.Bench
	registry *pos.Registry
	config   pos.Config
	url      string
	hubKey   ed25519.PrivateKey
	t1       *device
	log      *safeLog
	ahead    atomic.Int64 // what the hub's clock is ahead of the real one
	orders   int
	payers   map[string]bool
	edge     atomic.Pointer[echo.Echo]

	mu     sync.Mutex
	loaded []pos.Loaded
}

const account transition.AccountNo = "A1"

type safeLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// alarms counts the log's lines of a kind of alarm.
func (l *safeLog) alarms(kind string) int { return strings.Count(l.String(), " alarm="+kind) }

// Bound implements what the hub asks of bindings.
func (c *counter) Bound(_ context.Context, channel, kind, payer string) (bool, error) {
	return c.payers[channel+":"+kind+":"+payer], nil
}

func (c *counter) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func newCounter(t testing.TB, change ...func(*pos.Config)) *counter {
	t.Helper()
	c := &counter{t: t, ctx: context.Background(), log: &safeLog{}, payers: map[string]bool{}}
	c.bench = transitiontest.New(t, c.now)
	c.bench.Account(t, account, 0)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.hubKey, c.registry = key, pos.NewRegistry(c.bench.Runner, "")
	server := httptest.NewUnstartedServer(nil)
	c.config = pos.Config{
		Ledger: c.bench.Store, Registry: c.registry, Nonces: pos.NewNonces(redistest.Start(t, redistest.Ephemeral).Client(), ""),
		Payers: c, Key: key, Log: slog.New(slog.NewTextHandler(c.log, nil)), Clock: c.now,
		Times:  transition.TapTimes{NotAfter: time.Minute, Deadline: 2 * time.Minute},
		Loaded: c.hear,
		Hosts:  []string{server.Listener.Addr().String()},
	}
	c.config.Feed = pos.NewFeed(c.bench.Store, c.registry, c.config.Log)
	for _, f := range change {
		f(&c.config)
	}
	server.Config.Handler = checked(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.edge.Load().ServeHTTP(w, r) }))
	c.serveBy(c.registry)
	server.Start()
	t.Cleanup(server.Close)
	c.url = server.URL
	c.t1 = c.terminal("T1", pos.RolePOS)
	c.recharge(5000)
	return c
}

// serveBy makes the edge anew, over this registry.
func (c *counter) serveBy(r *pos.Registry) {
	c.config.Registry = r
	e := echo.New()
	pos.NewHandler(c.config).Mount(e.Group("/pos/v1"))
	c.edge.Store(e)
}

// device makes one that the hub does not know.
func (c *counter) device(id string, sign func([]byte) []byte) *device {
	public, _ := c.hubKey.Public().(ed25519.PublicKey)
	return &device{
		t: c.t, id: id, url: c.url, sign: sign, clock: c.now, epoch: 1,
		proves: func(keyID string, base, signature []byte) bool {
			return keyID == "hub" && ed25519.Verify(public, base, signature)
		},
	}
}

// registered adds a terminal to the registry, which has not signed in yet.
func (c *counter) registered(id string, role pos.Role) (*device, ed25519.PrivateKey) {
	c.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.registry.Add(c.ctx, pos.Terminal{ID: id, Key: pos.Key{Public: public}, Role: role, Place: "食堂", Added: c.now()})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.device(id, ed25519Device(private)), private
}

// terminal is one that runs.
func (c *counter) terminal(id string, role pos.Role) *device {
	c.t.Helper()
	d, _ := c.registered(id, role)
	c.signIn(d)
	return d
}

// small registers a terminal that signs with hmac-sha256, and signs it in.
func (c *counter) small(id string) *device {
	c.t.Helper()
	_, err := c.registry.Add(c.ctx, pos.Terminal{ID: id, Algorithm: pos.HMAC, Place: "食堂", Added: c.now()})
	if err != nil {
		c.t.Fatal(err)
	}
	d := c.device(id, nil)
	d.share(c.secret(id, 1))
	c.signIn(d)
	return d
}

func (c *counter) secret(id string, number int64) []byte {
	c.t.Helper()
	secret, err := pos.Secret(c.hubKey, id, number)
	if err != nil {
		c.t.Fatal(err)
	}
	return secret
}

// share makes the device sign, and believe answers, by a secret.
func (d *device) share(secret []byte) {
	d.sign = hmacDevice(secret)
	d.proves = func(keyID string, base, signature []byte) bool {
		return keyID == d.id && string(hmacDevice(secret)(base)) == string(signature)
	}
}

// signInBody is what a terminal says when it signs in.
func (c *counter) signInBody() map[string]any {
	return map[string]any{"firmware": "1.4.2", "params": 0, "blocklist": "", "clock": c.now().UTC().Format(time.RFC3339)}
}

// signedIn is the answer to a sign-in.
type signedIn struct {
	Now         time.Time     `json:"now"`
	BusinessDay string        `json:"business_day"`
	State       string        `json:"state"`
	Role        string        `json:"role"`
	ClockOffset int64         `json:"clock_offset_ms"`
	Heartbeat   int64         `json:"heartbeat_s"`
	Seq         sequence      `json:"seq"`
	Journal     journalMarks  `json:"journal"`
	Params      paramsVersion `json:"params"`
	Blocklist   string        `json:"blocklist"`
	HubKeys     []string      `json:"hub_keys"`
}

type sequence struct {
	Epoch int64 `json:"epoch"`
	Seq   int64 `json:"seq"`
}

type journalMarks struct {
	Epoch    int64 `json:"epoch"`
	Accepted int64 `json:"accepted"`
	Archived int64 `json:"archived"`
}

type paramsVersion struct {
	Version int64           `json:"version"`
	Values  json.RawMessage `json:"values"`
}

func (c *counter) signIn(d *device) signedIn {
	c.t.Helper()
	var in signedIn
	d.post("/sign-in", c.signInBody()).into(c.t, &in)
	return in
}

// recharge makes money pending, as a paid order does.
func (c *counter) recharge(amount fen.Fen) {
	c.t.Helper()
	c.orders++
	no := transition.NewOrderNo(account, c.now())
	_, _, err := c.bench.CreateOrder(c.ctx, transition.NewOrder{
		No: no, Account: account, Amount: amount, Channel: "wechat", PayerKind: "openid", Payer: "oPayer",
		Request: json.RawMessage(`{}`), Expires: c.now().Add(time.Minute), FirstDue: c.now(),
		Limits: transition.Limits{Order: fen.Max, Day: fen.Max, Balance: fen.Max},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.bench.Credit(c.ctx, transition.Credit{
		Order: no, Account: account, Channel: "wechat", Txn: fmt.Sprint("t", c.orders), Amount: amount, Source: "callback", Success: c.now(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) account() transition.Account {
	c.t.Helper()
	a, err := c.bench.Store.Account(c.ctx, account)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// mustHold wants this much pending and held.
func (c *counter) mustHold(pending, held fen.Fen) {
	c.t.Helper()
	if a := c.account(); a.Pending != pending || a.LoadHeld != held {
		c.t.Errorf("pending %s, held %s, want %s and %s", a.Pending, a.LoadHeld, pending, held)
	}
}

// reading is one of the card as it is before any load, with a new tap id.
func reading(change ...func(map[string]any)) map[string]any {
	body := map[string]any{
		"tap_id": rand.Text(), "card_no": "7A1", "card_uid": "04A1", "version": "1", "L": 3, "B": 1200, "P": 7,
	}
	for _, f := range change {
		f(body)
	}
	return body
}

func with(name string, value any) func(map[string]any) {
	return func(b map[string]any) { b[name] = value }
}

func without(name string) func(map[string]any) {
	return func(b map[string]any) { delete(b, name) }
}

// tapped is the answer to a tap.
type tapped struct {
	Outcome       string     `json:"outcome"`
	Reason        string     `json:"reason"`
	Pending       int64      `json:"pending_fen"`
	Challenge     string     `json:"challenge"`
	Confirmed     *confirmed `json:"confirmed"`
	Load          string     `json:"load"`
	Amount        int64      `json:"amount_fen"`
	Attempt       int64      `json:"attempt"`
	L0            int64      `json:"L0"`
	B0            int64      `json:"B0"`
	NotAfter      time.Time  `json:"not_after"`
	Authorisation string     `json:"authorisation"`
}

type confirmed struct {
	Load   string `json:"load"`
	Amount int64  `json:"amount_fen"`
}

func (c *counter) tap(d *device, body map[string]any) tapped {
	c.t.Helper()
	var a tapped
	d.post("/taps", body).into(c.t, &a)
	return a
}

// offer is a tap of the fresh card that gets a load.
func (c *counter) offer(d *device, tapID string) tapped {
	c.t.Helper()
	a := c.tap(d, reading(with("tap_id", tapID)))
	if a.Outcome != "load" || a.Authorisation == "" {
		c.t.Fatalf("tap %+v, want a load", a)
	}
	return a
}

// written is a result that proves the write of the fresh card's load.
func written(authorisation string, change ...func(map[string]any)) map[string]any {
	body := map[string]any{"authorisation": authorisation, "outcome": "written", "L": 4, "B": 6200, "P": 7}
	for _, f := range change {
		f(body)
	}
	return body
}

// receipt is the answer to a result.
type receipt struct {
	State  string    `json:"state"`
	First  bool      `json:"first"`
	Amount int64     `json:"amount_fen"`
	At     time.Time `json:"at"`
}

// state is what a tap or load that was dropped leaves.
type state struct {
	State string `json:"state"`
}

func (c *counter) hear(l pos.Loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = append(c.loaded, l)
}
