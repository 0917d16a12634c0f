package main_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/internal/redisx"
	"guodu/mocks/terminal"
	"guodu/transition"
	"guodu/transition/pos"
)

// midnight is when the campus changes its day.
func midnight() time.Time { return time.Date(2026, 11, 24, 0, 0, 0, 0, transition.Beijing()) }

// night is a hub, a terminal and a card with one clock. A process has no clock that
// a test could turn, so that all of it is in this one, but for redis-server.
type night struct {
	t        *testing.T
	ctx      context.Context
	books    *transition.Store
	options  terminal.Options
	terminal *terminal.Terminal
	card     *terminal.Card
	before   func(terminal.Step) error

	mu sync.Mutex
	at time.Time
}

func (n *night) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}

func (n *night) set(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at = at
}

// newNight is a running terminal, and 50.00 yuan that wait for the card, a second
// before midnight.
func newNight(t *testing.T) *night {
	t.Helper()
	n := &night{t: t, ctx: t.Context(), at: midnight().Add(-time.Second)}
	client := redistest.Start(t).Client()
	runner := redisx.NewRunner(client, redisx.RunnerOptions{})
	var err error
	n.books, err = transition.Open(n.ctx, runner, transition.Options{Clock: n.now})
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hubPublic, hubPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	registry := pos.NewRegistry(runner, "")
	handler := pos.NewHandler(pos.Config{
		Ledger: n.books, Registry: registry, Nonces: pos.NewNonces(client, ""), Key: hubPrivate, Log: slog.New(slog.DiscardHandler), Clock: n.now,
		Times: transition.TapTimes{NotAfter: time.Minute, Deadline: 2 * time.Minute},
	})
	e := echo.New()
	handler.Mount(e.Group("/pos/v1"))
	server := httptest.NewServer(dated(e, hubPrivate, n.now))
	t.Cleanup(server.Close)
	_, err = registry.Add(n.ctx, pos.Terminal{ID: "T1", Key: pos.Key{Public: public}, Added: n.now()})
	if err != nil {
		t.Fatal(err)
	}
	n.fund()
	n.card, err = terminal.NewCard(filepath.Join(t.TempDir(), "card.json"), terminal.CardData{UID: "04A2000", CardNo: "7A2000", Version: "1", B: 1200, L: 3, P: 7})
	if err != nil {
		t.Fatal(err)
	}
	n.options = terminal.Options{
		ID: "T1", Key: private, HubKey: hubPublic, BaseURL: server.URL, Dir: t.TempDir(), Clock: n.now,
		Before: func(s terminal.Step) error { return n.before(s) },
	}
	n.before = func(terminal.Step) error { return nil }
	n.switchOn()
	return n
}

var signedAt = regexp.MustCompile(`created=[0-9]+`)

// dated dates and signs a hub's answers anew: its library dates them by the
// machine's clock, which a test cannot turn.
func dated(hub http.Handler, key ed25519.PrivateKey, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		hub.ServeHTTP(recorded, r)
		h := w.Header()
		maps.Copy(h, recorded.Header())
		if input, ok := strings.CutPrefix(h.Get("Signature-Input"), "sig1="); ok {
			input = signedAt.ReplaceAllString(input, fmt.Sprintf("created=%d", now().Unix()))
			values := strings.NewReplacer(`"@status"`, strconv.Itoa(recorded.Code), `"content-digest"`, h.Get("Content-Digest"),
				`"request-nonce"`, h.Get("Request-Nonce"))
			var base strings.Builder
			covered, _, _ := strings.Cut(strings.TrimPrefix(input, "("), ")")
			for _, name := range strings.Fields(covered) {
				base.WriteString(name + ": " + values.Replace(name) + "\n")
			}
			base.WriteString(`"@signature-params": ` + input)
			h.Set("Signature-Input", "sig1="+input)
			h.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(base.String())))+":")
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
	})
}

// fund pays 50.00 yuan on to the account, whose card is new.
func (n *night) fund() {
	n.t.Helper()
	const account = "A2000"
	_, err := n.books.Import(n.ctx, transition.Statement{
		Account: account, Version: 1, Open: true, Card: transition.Card{UID: "04A2000", No: "7A2000", Version: "1", Profile: "stamp"},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	no, _, err := n.books.CreateOrder(n.ctx, transition.NewOrder{
		No: transition.NewOrderNo(account, n.now()), Account: account, Amount: 5000, Channel: "wechat", PayerKind: "openid", Payer: "oA2000",
		Request: json.RawMessage(`{}`), Expires: n.now().Add(time.Hour), FirstDue: n.now().Add(time.Hour),
		Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000},
	})
	if err == nil {
		_, err = n.books.Credit(n.ctx, transition.Credit{
			Order: no, Account: account, Channel: "wechat", Txn: "42A2000", Amount: 5000, PayerKind: "openid", Payer: "oA2000", Source: "callback",
			Success: n.now(),
		})
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// switchOn begins a day at the terminal, or its life after a death.
func (n *night) switchOn() terminal.SignedIn {
	n.t.Helper()
	var err error
	n.terminal, err = terminal.New(n.options)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = n.terminal.Close() })
	in, err := n.terminal.SignIn(n.ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	return in
}

// ends lets the terminal come back on the new day and accounts for every fen.
func (n *night) ends(died bool) string {
	n.t.Helper()
	n.before = func(terminal.Step) error { return nil }
	if died {
		if in := n.switchOn(); in.BusinessDay != "20261124" {
			n.t.Errorf("the day is %s", in.BusinessDay)
		}
	}
	if _, err := n.terminal.Resume(n.ctx); err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.terminal.UploadJournal(n.ctx); err != nil {
		n.t.Fatal(err)
	}
	for range 8 {
		out, err := n.terminal.Tap(n.ctx, n.card)
		n.card.Leave()
		if err == nil && out.Reason == "nothing_pending" {
			return n.account()
		}
	}
	n.t.Fatal("the card is not done with")
	return ""
}

func (n *night) account() string {
	n.t.Helper()
	if _, err := n.books.Verify(n.ctx); err != nil {
		n.t.Error(err)
	}
	all, err := n.books.LoadsOf(n.ctx, "A2000", 20)
	if err != nil {
		n.t.Fatal(err)
	}
	data, err := n.card.Peek()
	if err != nil {
		n.t.Fatal(err)
	}
	var states []string
	loaded := fen.Fen(0)
	for _, l := range all {
		states = append([]string{string(l.State)}, states...)
		if l.State == transition.LoadConfirmed {
			loaded += l.Amount
		}
	}
	card := fen.Fen(data.B - 1200)
	if loaded != card || card != 5000 {
		n.t.Errorf("the books say that %s is on the card, the card got %s of 50.00", loaded.Yuan(), card.Yuan())
	}
	return strings.Join(states, ", ") + "; card " + card.Yuan()
}

// errPowerCut is the death of a terminal.
var errPowerCut = errors.New("power cut")

// dayChanges is point 20: midnight in Beijing passes in the middle.
func dayChanges() point {
	var all []strike
	for _, step := range terminal.LoadSteps() {
		died := map[terminal.Step]string{
			terminal.StepAnswerReceived: "CANCELLED, CONFIRMED; card 50.00", terminal.StepIntent: "CANCELLED, CONFIRMED; card 50.00",
		}[step]
		if died == "" {
			died = "CONFIRMED; card 50.00"
		}
		all = append(all,
			strike{step: "before " + string(step), dies: "nothing", ends: "CONFIRMED; card 50.00", inside: func(t *testing.T) string {
				n := newNight(t)
				n.before = func(s terminal.Step) error {
					if s == step {
						n.set(midnight().Add(time.Second))
					}
					return nil
				}
				if _, err := n.terminal.Tap(n.ctx, n.card); err != nil {
					t.Fatal(err)
				}
				n.card.Leave()
				return n.ends(false)
			}},
			strike{step: "before " + string(step), dies: "terminal", ends: died, inside: func(t *testing.T) string {
				n := newNight(t)
				n.before = func(s terminal.Step) error {
					if s == step {
						return errPowerCut
					}
					return nil
				}
				if _, err := n.terminal.Tap(n.ctx, n.card); !errors.Is(err, terminal.ErrCrashed) {
					t.Fatalf("it did not die: %v", err)
				}
				n.card.Leave()
				n.set(midnight().Add(time.Second))
				return n.ends(true)
			}},
		)
	}
	for _, at := range []struct {
		step terminal.Step
		ends string
	}{{terminal.StepIntent, "CANCELLED, CONFIRMED; card 50.00"}, {terminal.StepWrite, "CONFIRMED; card 50.00"}} {
		all = append(all, strike{step: "before " + string(at.step) + ", and the authorisation ends", dies: "nothing", ends: at.ends, inside: func(t *testing.T) string {
			n := newNight(t)
			n.before = func(s terminal.Step) error {
				if s == at.step {
					n.set(midnight().Add(3 * time.Minute))
				}
				return nil
			}
			if _, err := n.terminal.Tap(n.ctx, n.card); !errors.Is(err, terminal.ErrExpired) {
				t.Fatalf("the tap: %v", err)
			}
			n.card.Leave()
			return n.ends(false)
		}})
	}
	return point{"The day changes in the middle (one process with a clock of its own)", all}
}
