package pos_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/mocks/terminal"
	"guodu/transition"
	"guodu/transition/pos"
	"guodu/transition/transitiontest"
)

// counterTop is a hub's terminal edge over a real ledger, one account with a
// card, and one registered terminal.
type counterTop struct {
	t        *testing.T
	ctx      context.Context
	bench    transitiontest.Bench
	registry *pos.Registry
	url      string
	hubKey   ed25519.PrivateKey
	terminal *terminal.Terminal
	card     *terminal.Card
	dir      string
	log      *safeLog
	orders   int
	mu       sync.Mutex
	loaded   []pos.Loaded
}

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

const account transition.AccountNo = "A1"

func newCounterTop(t *testing.T) *counterTop {
	t.Helper()
	bench := transitiontest.New(t, nil)
	st := bench.Account(t, account, 0)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &counterTop{
		t: t, ctx: context.Background(), bench: bench, registry: pos.NewRegistry(bench.Runner, ""), hubKey: key,
		dir: t.TempDir(), log: &safeLog{},
	}
	server := httptest.NewUnstartedServer(nil)
	handler := pos.NewHandler(pos.Config{
		Ledger: bench.Store, Registry: c.registry, Nonces: pos.NewNonces(redistest.Start(t, redistest.Ephemeral).Client(), ""),
		Key: key, Log: slog.New(slog.NewTextHandler(c.log, nil)),
		Times:  transition.TapTimes{NotAfter: time.Minute, Deadline: 2 * time.Minute},
		Loaded: c.hear,
		Hosts:  []string{server.Listener.Addr().String()},
	})
	e := echo.New()
	handler.Mount(e.Group("/pos/v1"))
	server.Config.Handler = e
	server.Start()
	t.Cleanup(server.Close)
	c.url = server.URL
	c.terminal = c.newTerminal("T1", true)
	c.card, err = terminal.NewCard(filepath.Join(c.dir, "card.json"), terminal.CardData{
		UID: string(st.Card.UID), CardNo: st.Card.No, Version: "1", B: 1200, L: 3, P: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.recharge(5000)
	return c
}

func (c *counterTop) newTerminal(id string, registered bool) *terminal.Terminal {
	c.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if registered {
		err := c.registry.Add(c.ctx, pos.Terminal{ID: id, Key: public, Place: "食堂", Added: time.Now()})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	disk := c.t.TempDir()
	public, _ = c.hubKey.Public().(ed25519.PublicKey)
	terminal, err := terminal.New(terminal.Options{ID: id, Key: private, HubKey: public, BaseURL: c.url, Dir: disk})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = terminal.Close() })
	return terminal
}

// recharge makes money pending, as a paid order does.
func (c *counterTop) recharge(amount fen.Fen) {
	c.t.Helper()
	c.orders++
	no := transition.NewOrderNo(account, time.Now())
	_, _, err := c.bench.CreateOrder(c.ctx, transition.NewOrder{
		No: no, Account: account, Amount: amount, Channel: "wechat", PayerKind: "openid", Payer: "oPayer",
		Request: json.RawMessage(`{}`), Expires: time.Now().Add(time.Minute), FirstDue: time.Now(),
		Limits: transition.Limits{Order: fen.Max, Day: fen.Max, Balance: fen.Max},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.bench.Credit(c.ctx, transition.Credit{
		Order: no, Account: account, Channel: "wechat", Txn: fmt.Sprint("t", c.orders), Amount: amount, Source: "callback", Success: time.Now(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *counterTop) account() transition.Account {
	c.t.Helper()
	a, err := c.bench.Store.Account(c.ctx, account)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// tapBody is a reading of the card with a new tap id.
func (c *counterTop) tapBody(change func(map[string]any)) []byte {
	c.t.Helper()
	body := map[string]any{
		"tap_id": rand.Text(), "card_no": "7A1", "card_uid": "04A1", "version": "1", "L": 3, "B": 1200, "P": 7,
	}
	if change != nil {
		change(body)
	}
	out, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *counterTop) raw(r terminal.Request) terminal.Answer {
	c.t.Helper()
	a, err := c.terminal.Raw(c.ctx, r)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func TestATapLoadsTheCardAndTheNextOneHasNothing(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	first, err := c.terminal.Tap(c.ctx, c.card)
	if err != nil || first.AmountFen != 5000 || first.Receipt == nil || first.Receipt.State != "CONFIRMED" || !first.Receipt.First {
		t.Fatalf("tap %+v, %v", first, err)
	}
	c.card.Leave()
	data, err := c.card.Peek()
	if err != nil || data.B != 6200 || data.L != 4 {
		t.Fatalf("the card holds %+v, %v", data, err)
	}
	second, err := c.terminal.Tap(c.ctx, c.card)
	if err != nil || second.Outcome != terminal.OutcomeNone || second.Reason != "nothing_pending" {
		t.Errorf("the next tap: %+v, %v", second, err)
	}
	pending, err := c.terminal.Pending(c.ctx, "7A1")
	if err != nil || pending.PendingFen != 0 || pending.LoadHeldFen != 0 || pending.Frozen {
		t.Errorf("pending %+v, %v", pending, err)
	}
}

func TestSpoiltRequestsAreRefusedAndMoveNothing(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	for _, kind := range append(terminal.SpoilKinds(), terminal.SpoilForeignHost) {
		want, urn := http.StatusUnauthorized, "urn:guodu:signature"
		if kind == terminal.SpoilHuge || kind == terminal.SpoilHugeChunked {
			want, urn = http.StatusRequestEntityTooLarge, "urn:guodu:too-large"
		}
		if kind.Repeats() {
			urn = "urn:guodu:replay"
		}
		for _, r := range []terminal.Request{
			{Method: http.MethodPost, Path: "/pos/v1/taps", Body: c.tapBody(nil)},
			{Method: http.MethodGet, Path: "/pos/v1/cards/7A1/pending"},
		} {
			r.Spoil = kind
			before := c.account()
			if kind.Repeats() && r.Method == http.MethodPost {
				if before.LoadHeld == 0 {
					before.Seq++ // the sound one before the spoilt one holds the money
				}
				before.Pending, before.LoadHeld = 0, 5000
			}
			a, err := c.terminal.Raw(c.ctx, r)
			if errors.Is(err, terminal.ErrNoAnswer) && want == http.StatusRequestEntityTooLarge {
				continue // refused before it was read to the end
			}
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			p := a.Problem()
			// An escaped path meets no route, or a route and a refusal.
			if a.Status == http.StatusNotFound && strings.HasPrefix(string(kind), "path-escaped") {
				continue
			}
			if p == nil || a.Status != want || p.Type != urn {
				t.Errorf("%s %s: status %d, %s; want %d %s", kind, r.Path, a.Status, a.Body, want, urn)
			}
			after := c.account()
			if after.Pending != before.Pending || after.LoadHeld != before.LoadHeld || after.Seq != before.Seq {
				t.Errorf("%s %s moved money: %+v, before %+v", kind, r.Path, after, before)
			}
		}
	}
	t.Logf("result: %d kinds of spoilt request, none moved a fen", len(terminal.SpoilKinds())+1)
}

func TestAltogetherForeignReadingsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	set := func(name string, value any) func(map[string]any) {
		return func(b map[string]any) { b[name] = value }
	}
	for name, tc := range map[string]struct {
		body   []byte
		status int
		urn    string
	}{
		"unknown card":        {c.tapBody(set("card_uid", "04FFFF")), 404, "urn:guodu:unknown-card"},
		"other card number":   {c.tapBody(set("card_no", "79999")), 409, "urn:guodu:card-mismatch"},
		"other version":       {c.tapBody(set("version", "2")), 409, "urn:guodu:card-mismatch"},
		"no counter":          {c.tapBody(func(b map[string]any) { delete(b, "L") }), 400, "urn:guodu:malformed"},
		"no balance":          {c.tapBody(func(b map[string]any) { delete(b, "B") }), 400, "urn:guodu:malformed"},
		"counter below zero":  {c.tapBody(set("L", -1)), 400, "urn:guodu:malformed"},
		"counter as text":     {c.tapBody(set("L", "3")), 400, "urn:guodu:malformed"},
		"half a fen":          {c.tapBody(set("B", 0.5)), 400, "urn:guodu:malformed"},
		"beyond counting":     {c.tapBody(set("B", 1e15)), 400, "urn:guodu:malformed"},
		"short tap id":        {c.tapBody(set("tap_id", "x")), 400, "urn:guodu:malformed"},
		"key syntax in an id": {c.tapBody(set("tap_id", "x:{p01}:abcdef")), 400, "urn:guodu:malformed"},
		"key syntax in a uid": {c.tapBody(set("card_uid", "04}:{p01}")), 400, "urn:guodu:malformed"},
		"unknown field":       {c.tapBody(set("amount", 5)), 400, "urn:guodu:malformed"},
		"not JSON":            {[]byte("tap"), 400, "urn:guodu:malformed"},
		"two values":          {append(c.tapBody(nil), '1'), 400, "urn:guodu:malformed"},
		"nothing":             {nil, 400, "urn:guodu:malformed"},
	} {
		a := c.raw(terminal.Request{Method: http.MethodPost, Path: "/pos/v1/taps", Body: tc.body})
		p := a.Problem()
		if p == nil || a.Status != tc.status || p.Type != tc.urn {
			t.Errorf("%s: status %d, %s; want %d %s", name, a.Status, a.Body, tc.status, tc.urn)
			continue
		}
		if !p.Proved {
			t.Errorf("%s: the refusal is not signed: %v", name, a.Unproved)
		}
	}
	if got := c.account(); got.Pending != 5000 || got.LoadHeld != 0 {
		t.Errorf("money moved: %+v", got)
	}
}

// answerOf reads a tap's answer.
func (c *counterTop) answerOf(body []byte) terminal.TapAnswer {
	c.t.Helper()
	a := c.raw(terminal.Request{Method: http.MethodPost, Path: "/pos/v1/taps", Body: body})
	if a.Status != http.StatusOK || a.Unproved != nil {
		c.t.Fatalf("tap: status %d, %v, %s", a.Status, a.Unproved, a.Body)
	}
	var answer terminal.TapAnswer
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		c.t.Fatal(err)
	}
	return answer
}

func TestTheSameTapGetsTheSameAuthorisationInAFreshEnvelope(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	body := c.tapBody(nil)
	first, second := c.answerOf(body), c.answerOf(body)
	if first.Authorisation == "" || first.Authorisation != second.Authorisation {
		t.Errorf("two answers to one tap:\n%+v\n%+v", first, second)
	}
	a := c.raw(terminal.Request{Method: http.MethodPost, Path: "/pos/v1/taps", Body: []byte(strings.Replace(string(body), `"B":1200`, `"B":1300`, 1))})
	if p := a.Problem(); p == nil || p.Type != "urn:guodu:tap-conflict" {
		t.Errorf("the id for another reading: %d %s", a.Status, a.Body)
	}
	if got := c.account(); got.LoadHeld != 5000 || got.Pending != 0 {
		t.Errorf("%+v, want one hold of 50.00", got)
	}
}

func TestTapsThatGetNoMoneySayWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(c *counterTop)
		body   func(map[string]any)
		reason string
	}{
		"counter below the ledger": {func(c *counterTop) { c.answerOf(c.tapBody(nil)) },
			func(b map[string]any) { b["L"] = 2 }, "reread"},
		"counter ahead of the ledger": {func(c *counterTop) { c.answerOf(c.tapBody(nil)) },
			func(b map[string]any) { b["L"] = 5 }, "unknown_load"},
		"frozen": {func(c *counterTop) { c.state(true, "lost") }, nil, "frozen"},
		"closed": {func(c *counterTop) { c.state(false) }, nil, "account_closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounterTop(t)
			tc.before(c)
			held := c.account()
			answer := c.answerOf(c.tapBody(tc.body))
			if answer.Outcome != "none" || answer.Reason != tc.reason || answer.Authorisation != "" {
				t.Errorf("answer %+v, want none because of %s", answer, tc.reason)
			}
			if got := c.account(); got.Pending != held.Pending || got.LoadHeld != held.LoadHeld {
				t.Errorf("money moved: %+v", got)
			}
		})
	}
}

// state imports the account's next version.
func (c *counterTop) state(open bool, freeze ...string) {
	c.t.Helper()
	_, err := c.bench.Import(c.ctx, transition.Statement{
		Account: account, Version: 2, Open: open, Freeze: freeze,
		Card: transition.Card{UID: "04A1", No: "7A1", Version: "1", Profile: "stamp"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestResultsWithoutAnAuthorisationOfTheirOwnMoveNothing(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	offer := c.answerOf(c.tapBody(nil))
	other := c.newTerminal("T2", true)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	load, err := pos.OpenAuthorisation(c.hubKey.Public().(ed25519.PublicKey), offer.Authorisation)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := pos.Authorise(stranger, load)
	if err != nil {
		t.Fatal(err)
	}
	dearer := load
	dearer.Amount = 9000
	lost, err := pos.Authorise(c.hubKey, dearer) // the hub's own, of another hold
	if err != nil {
		t.Fatal(err)
	}
	unknown := load
	unknown.No = load.No[:27] + "Y"
	if unknown.No == load.No {
		unknown.No = load.No[:27] + "Z"
	}
	gone, err := pos.Authorise(c.hubKey, unknown)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		from   *terminal.Terminal
		path   string
		body   string
		status int
		urn    string
	}{
		"forged":            {c.terminal, offer.Load, result(forged), 409, "urn:guodu:load-mismatch"},
		"of another amount": {c.terminal, offer.Load, result(lost), 409, "urn:guodu:load-mismatch"},
		"another's":         {other, offer.Load, result(offer.Authorisation), 409, "urn:guodu:load-mismatch"},
		"of another load":   {c.terminal, string(unknown.No), result(offer.Authorisation), 409, "urn:guodu:load-mismatch"},
		"of no load":        {c.terminal, string(unknown.No), result(gone), 404, "urn:guodu:unknown-load"},
		"no number":         {c.terminal, "x", result(offer.Authorisation), 400, "urn:guodu:malformed"},
		"no outcome":        {c.terminal, offer.Load, `{"authorisation":"` + offer.Authorisation + `"}`, 400, "urn:guodu:malformed"},
		"empty":             {c.terminal, offer.Load, result(""), 409, "urn:guodu:load-mismatch"},
	} {
		a, err := tc.from.Raw(c.ctx, terminal.Request{Method: http.MethodPost, Path: "/pos/v1/loads/" + tc.path + "/result", Body: []byte(tc.body)})
		if err != nil {
			t.Fatal(err)
		}
		if p := a.Problem(); p == nil || a.Status != tc.status || p.Type != tc.urn {
			t.Errorf("%s: status %d, %s; want %d %s", name, a.Status, a.Body, tc.status, tc.urn)
		}
	}
	if got := c.account(); got.LoadHeld != 5000 {
		t.Errorf("money moved: %+v", got)
	}
}

func result(authorisation string) string {
	return `{"authorisation":"` + authorisation + `","outcome":"written","L":4,"B":6200,"P":7}`
}

func TestWithRedisDownTerminalsAreAskedToComeAgain(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	body := c.tapBody(nil)
	c.bench.Server.Kill()
	a := c.raw(terminal.Request{Method: http.MethodPost, Path: "/pos/v1/taps", Body: body})
	if p := a.Problem(); p == nil || a.Status != http.StatusServiceUnavailable || p.Type != "urn:guodu:unavailable" || a.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, %s, want 503 with Retry-After", a.Status, a.Body)
	}
	c.bench.Server.Restart()
	if got := c.answerOf(body); got.Outcome != "load" {
		t.Errorf("the same tap afterwards: %+v", got)
	}
}

func TestRegistryKeepsAKeyOnce(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	key := ed25519.PublicKey(strings.Repeat("k", 32))
	one := pos.Terminal{ID: "T7", Key: key, Place: "一食堂", Added: time.UnixMilli(1)}
	for range 2 {
		if err := c.registry.Add(c.ctx, one); err != nil {
			t.Fatal(err)
		}
	}
	one.Key = ed25519.PublicKey(strings.Repeat("j", 32))
	if err := c.registry.Add(c.ctx, one); !errors.Is(err, pos.ErrTerminalTaken) {
		t.Errorf("another key: %v, want ErrTerminalTaken", err)
	}
	for _, bad := range []pos.Terminal{{ID: "hub", Key: key}, {ID: "", Key: key}, {ID: "a b", Key: key}, {ID: "T8"}, {ID: "T8", Key: key, Place: strings.Repeat("x", 201)}} {
		if err := c.registry.Add(c.ctx, bad); !errors.Is(err, pos.ErrTerminal) {
			t.Errorf("%+v: %v, want ErrTerminal", bad, err)
		}
	}
	all, err := c.registry.List(c.ctx)
	if err != nil || len(all) != 2 || all[0].ID != "T1" || all[1].ID != "T7" || all[1].Place != "一食堂" {
		t.Errorf("list %+v, %v", all, err)
	}
}
