package terminal_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// bench is one hub, one card and one terminal's disk.
type bench struct {
	t     *testing.T
	id    string
	clock *terminaltest.Clock
	hub   *terminaltest.Hub
	dir   string
	key   ed25519.PrivateKey
	// secret is there if key is not.
	secret []byte
	card   *terminal.Card
	// client is what the next terminal dials with; before its hook.
	client *http.Client
	before func(terminal.Step) error
	giveUp time.Duration
	hasty  bool
}

// theCard is the card of every bench; 5000 fen wait for it.
func theCard() terminal.CardData {
	return terminal.CardData{UID: "04A1B2C3", CardNo: "70001", Version: "1", B: 1200, L: 3, P: 7}
}

const waiting = 5000

func setup(t *testing.T) *bench {
	t.Helper()
	c := terminaltest.NewClock(time.Date(2026, 11, 23, 4, 0, 3, 0, time.UTC))
	b := &bench{t: t, id: "T1", clock: c, hub: terminaltest.New(c.Now), dir: t.TempDir()}
	b.hub.Start()
	t.Cleanup(b.hub.Close)
	seed := sha256.Sum256([]byte("terminal T1"))
	b.key = ed25519.NewKeyFromSeed(seed[:])
	b.hub.Devices["T1"] = &terminaltest.Device{Key: b.key.Public().(ed25519.PublicKey)}
	b.hub.Cards["70001"] = &terminaltest.Account{UID: "04A1B2C3", Version: "1", Pending: waiting}
	card, err := terminal.NewCard(filepath.Join(b.dir, "card.json"), theCard())
	if err != nil {
		t.Fatal(err)
	}
	b.card = card
	return b
}

// setupSmall is setup with a terminal too small for Ed25519.
func setupSmall(t *testing.T) *bench {
	t.Helper()
	b := setup(t)
	secret := sha256.Sum256([]byte("the secret of T1"))
	b.key, b.secret = nil, secret[:]
	b.hub.Devices["T1"] = &terminaltest.Device{Secret: b.secret}
	return b
}

// elsewhere takes the card to another terminal.
func (b *bench) elsewhere() {
	b.t.Helper()
	b.card.Leave()
	b.id, b.dir, b.before = "T2", b.t.TempDir(), nil
	b.hub.Devices["T2"] = &terminaltest.Device{Key: b.key.Public().(ed25519.PublicKey)}
}

func (b *bench) options() terminal.Options {
	return terminal.Options{
		ID: b.id, Key: b.key, Secret: b.secret, HubKey: b.hub.Key.Public().(ed25519.PublicKey), BaseURL: b.hub.Server.URL, Dir: b.dir,
		HTTPClient: b.client, Clock: b.clock.Now, Before: b.before, GiveUp: b.giveUp, Hasty: b.hasty,
	}
}

// terminal starts the terminal, anew after a crash.
func (b *bench) terminal() *terminal.Terminal {
	b.t.Helper()
	term, err := terminal.New(b.options())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		err := term.Close()
		if err != nil {
			b.t.Error(err)
		}
	})
	return term
}

// signedIn is a terminal whose day has begun.
func (b *bench) signedIn() *terminal.Terminal {
	b.t.Helper()
	term := b.terminal()
	_, err := term.SignIn(b.t.Context())
	b.want(err, nil)
	return term
}

// holds fails the test unless the card holds this.
func (b *bench) holds(balance, l int64) {
	b.t.Helper()
	d, err := b.card.Peek()
	if err != nil {
		b.t.Fatal(err)
	}
	if d.B != balance || d.L != l {
		b.t.Errorf("card holds %d fen at L %d, want %d at %d", d.B, d.L, balance, l)
	}
}

// wrote fails the test unless the journal's records are of these kinds.
func (b *bench) wrote(term *terminal.Terminal, want ...terminal.RecordKind) {
	b.t.Helper()
	records, err := term.Journal().Records()
	if err != nil {
		b.t.Fatal(err)
	}
	var got []terminal.RecordKind
	for _, r := range records {
		got = append(got, r.Kind)
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("journal is %v, want %v", got, want)
	}
}

func (b *bench) want(got, want error) {
	b.t.Helper()
	if !errors.Is(got, want) {
		b.t.Errorf("error is %v, want %v", got, want)
	}
}

var errPower = errors.New("power cut")

// dieBefore is a hook that ends the terminal at one step.
func dieBefore(at terminal.Step) func(terminal.Step) error {
	return func(s terminal.Step) error {
		if s == at {
			return errPower
		}
		return nil
	}
}

// diesTapping is a terminal that dies before a step of its tap. The next one lives.
func (b *bench) diesTapping(step terminal.Step) terminal.TapOutcome {
	b.t.Helper()
	b.before = dieBefore(step)
	out, err := b.terminal().Tap(b.t.Context(), b.card)
	b.want(err, terminal.ErrCrashed)
	b.before = nil
	return out
}

// at is a hook that does something at one step, once.
func at(step terminal.Step, do func()) func(terminal.Step) error {
	return func(s terminal.Step) error {
		if s == step && do != nil {
			do()
			do = nil
		}
		return nil
	}
}

// whole is the journal of a load without incident.
func whole() []terminal.RecordKind {
	return []terminal.RecordKind{terminal.TapSent, terminal.HoldReceived, terminal.WriteIntent, terminal.WriteResult, terminal.ResultAcked}
}
