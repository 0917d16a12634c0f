package main_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/internal/fen"
	"guodu/mocks/terminal"
	"guodu/transition"
)

// The fleet of TestFleet; `make fleet` asks for a big one.
var (
	fleetTerminals = flag.Int("fleet-terminals", 40, "terminals of TestFleet")
	fleetAccounts  = flag.Int("fleet-accounts", 200, "accounts of TestFleet, each with a card")
	fleetTaps      = flag.Float64("fleet-taps", 20, "cards that come to the fleet a second")
	fleetFor       = flag.Duration("fleet-for", 5*time.Second, "how long cards come to the fleet")
	fleetCrash     = flag.String("fleet-crash", "5%", "part of the taps at which a terminal dies at a random step")
	fleetSeed      = flag.Int64("fleet-seed", 1, "of the fleet's plan and the payments; 0 draws one")
	fleetSync      = flag.Bool("fleet-sync", true, "each terminal waits for its disk at each record")
)

// garrison is a campus with a fleet of terminals and a card for each account.
type garrison struct {
	*campus
	ctx  context.Context // a big fleet takes longer than a campus lasts
	dir  string
	seed int64

	mu       sync.Mutex
	credited map[transition.AccountNo]fen.Fen
	orders   int
}

func fleetAccount(i int) transition.AccountNo { return transition.AccountNo(fmt.Sprintf("F%05d", i)) }

// newGarrison has its accounts imported and its terminals registered, as operators
// do both.
func newGarrison(t *testing.T) *garrison {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	t.Cleanup(cancel)
	g := &garrison{campus: newCampus(t), ctx: ctx, dir: t.TempDir(), credited: map[transition.AccountNo]fen.Fen{}, seed: *fleetSeed}
	for g.seed == 0 {
		g.seed = rand.Int64()
	}
	accounts := "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n"
	cards := "card_no,card_uid,account\n"
	for i := range *fleetAccounts {
		no := fleetAccount(i)
		accounts += fmt.Sprintf("%s,1,open,,,7%s,04%s,1,stamp\n", no, no, no)
		cards += fmt.Sprintf("7%s,04%s,%s\n", no, no, no)
	}
	g.write("accounts.csv", accounts)
	g.write("cards.csv", cards)
	all := *fleetAccounts
	g.must(fmt.Sprintf("%d accounts: %d changed, 0 unchanged, 0 refused", all, all), "accounts", "import", g.path("accounts.csv"))
	g.terminal(nil, "roster", "--dir", g.path("fleet"), "--terminals", fmt.Sprint(*fleetTerminals))
	g.must(fmt.Sprintf("%d terminals: %d registered, 0 known before, 0 refused", *fleetTerminals, *fleetTerminals),
		"terminals", "import", filepath.Join(g.path("fleet"), "roster.csv"))
	return g
}

func (g *garrison) path(name string) string { return filepath.Join(g.dir, name) }

func (g *garrison) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(g.path(name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// terminal runs the terminal program to its end and returns what it printed.
func (g *garrison) terminal(begun func(), args ...string) string {
	g.t.Helper()
	binary, err := terminalBinary()
	if err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.CommandContext(g.ctx, binary, args...)
	var out safeBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	if begun != nil {
		begun()
	}
	if err := cmd.Wait(); err != nil {
		g.t.Fatalf("terminal %s: %v\n%s", args[0], err, out.String())
	}
	return out.String()
}

// pays lets a payment reach the account's books.
func (g *garrison) pays(no transition.AccountNo, amount fen.Fen) error {
	g.mu.Lock()
	g.orders++
	txn := fmt.Sprintf("42%08d", g.orders)
	g.mu.Unlock()
	now, books := time.Now(), g.inside().Books()
	order, _, err := books.CreateOrder(g.ctx, transition.NewOrder{
		No: transition.NewOrderNo(no, now), Account: no, Amount: amount, Channel: "wechat", PayerKind: "openid", Payer: "o" + string(no),
		Request: json.RawMessage(`{}`), Expires: now.Add(time.Hour), FirstDue: now.Add(time.Hour),
		Limits: transition.Limits{Order: 50_000, Day: 10_000_000, Balance: 10_000_000},
	})
	if err == nil {
		_, err = books.Credit(g.ctx, transition.Credit{
			Order: order, Account: no, Channel: "wechat", Txn: txn, Amount: amount, PayerKind: "openid", Payer: "o" + string(no),
			Source: "callback", Success: now,
		})
	}
	if err != nil {
		return fmt.Errorf("account %s: %w", no, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.credited[no] += amount
	return nil
}

// fund pays something into every account.
func (g *garrison) fund() {
	g.t.Helper()
	const workers = 16
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(g.seed), uint64(w)))
			for i := w; i < *fleetAccounts; i += workers {
				if err := g.pays(fleetAccount(i), fen.Fen(1+dice.IntN(5000))); err != nil {
					g.t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// keepPaying pays, as often a second as cards come, so that most taps are loads.
func (g *garrison) keepPaying(end <-chan struct{}) {
	dice := rand.New(rand.NewPCG(uint64(g.seed), 1<<32))
	tick := time.NewTicker(time.Duration(float64(time.Second) / *fleetTaps))
	defer tick.Stop()
	over := time.NewTimer(*fleetFor)
	defer over.Stop()
	for {
		select {
		case <-end:
			return
		case <-over.C:
			return
		case <-tick.C:
			if err := g.pays(fleetAccount(dice.IntN(*fleetAccounts)), fen.Fen(1+dice.IntN(5000))); err != nil {
				g.t.Error(err)
				return
			}
		}
	}
}

// account compares books and cards, account by account.
func (g *garrison) account() (loaded, pending fen.Fen, loads int) {
	g.t.Helper()
	books := g.inside().Books()
	for i := range *fleetAccounts {
		no := fleetAccount(i)
		a, err := books.Account(g.ctx, no)
		if err != nil {
			g.t.Fatal(err)
		}
		all, err := books.LoadsOf(g.ctx, no, 100)
		if err != nil {
			g.t.Fatal(err)
		}
		sum := fen.Fen(0)
		for _, l := range all {
			if l.State == transition.LoadConfirmed || l.State == transition.LoadForced {
				sum += l.Amount
				loads++
			}
		}
		card, err := terminal.OpenCard(filepath.Join(g.path("fleet"), "cards", "04"+string(no)+".json"))
		if err != nil {
			g.t.Fatal(err)
		}
		data, err := card.Peek()
		if err != nil {
			g.t.Fatal(err)
		}
		if fen.Fen(data.B) != sum {
			g.t.Errorf("account %s: the books say that %s is on the card, the card holds %s", no, sum.Yuan(), fen.Fen(data.B).Yuan())
		}
		if credited := g.credited[no]; a.Pending+a.LoadHeld+sum != credited || a.Clawback != 0 {
			g.t.Errorf("account %s: credited %s, but pending %s + held %s + loaded %s; clawback %s", no, credited.Yuan(), a.Pending.Yuan(),
				a.LoadHeld.Yuan(), sum.Yuan(), a.Clawback.Yuan())
		}
		loaded, pending = loaded+sum, pending+a.Pending+a.LoadHeld
	}
	return loaded, pending, loads
}

var fleetFigures = regexp.MustCompile(`([0-9]+) taps in [^,]+, [0-9.]+ a second; p50 [^,]+, p99 [^;]+; ([0-9]+) deaths, 0 terminals still without power; seed [0-9]+`)

// TestFleet lets a fleet of terminals that die at random steps load the cards of
// many holders who keep paying, and then compares the hub's books with every card.
func TestFleet(t *testing.T) {
	t.Parallel()
	g := newGarrison(t)
	g.fund()
	hub := g.run("", "GUODU_REDIS__ADDRS="+g.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+g.ephemeral.Addr())
	g.front.add(hub.addr)
	var paying sync.WaitGroup
	end := make(chan struct{})
	out := g.terminal(func() { paying.Go(func() { g.keepPaying(end) }) }, "fleet", "--hub", g.front.url,
		"--hub-key", base64.StdEncoding.EncodeToString(g.HubKey), "--dir", g.path("fleet"), "--cards", g.path("cards.csv"), "--terminals", "0",
		"--taps", fmt.Sprint(*fleetTaps), "--for", fleetFor.String(), "--crash", *fleetCrash, "--seed", fmt.Sprint(g.seed),
		fmt.Sprintf("--journal-sync=%t", *fleetSync))
	close(end)
	paying.Wait()
	found := fleetFigures.FindStringSubmatch(out)
	if found == nil || !strings.Contains(out, "every fen adds up") {
		t.Fatalf("the fleet says\n%s", out)
	}
	if found[2] == "0" && *fleetCrash != "0" {
		t.Errorf("nothing died:\n%s", out)
	}
	if hub.dead() {
		t.Errorf("the hub ended:\n%s", hub.log)
	}
	books, err := g.inside().Books().Verify(g.ctx)
	if err != nil {
		t.Fatal(err)
	}
	loaded, pending, loads := g.account()
	if -books.Tot["loaded"] != loaded || books.Tot["paid"] != loaded+pending {
		t.Errorf("paid %s, loaded %s by the trial balance; %s loaded, %s pending by the accounts", books.Tot["paid"].Yuan(),
			(-books.Tot["loaded"]).Yuan(), loaded.Yuan(), pending.Yuan())
	}
	t.Logf("%d terminals, %d accounts, %s of the taps die", *fleetTerminals, *fleetAccounts, *fleetCrash)
	t.Logf("%s", found[0])
	t.Logf("result: %d loads, %s yuan on %d cards as in the books, %s pending, of %s paid in %d orders", loads, loaded.Yuan(), *fleetAccounts,
		pending.Yuan(), books.Tot["paid"].Yuan(), books.Orders)
}
