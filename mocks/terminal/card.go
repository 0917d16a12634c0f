package terminal

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
)

// What a card refuses.
var (
	// ErrCard says that a card's file cannot be read, written or made.
	ErrCard = errors.New("terminal simulator: bad card")
	// ErrCardGone says that the card left the field since it was read.
	ErrCardGone = errors.New("terminal simulator: card left the field")
	// ErrCounter says that the load counter is not the one that the writer
	// expected; the card is untouched.
	ErrCounter = errors.New("terminal simulator: load counter moved on")
	// ErrCardSilent says that a write got no answer: the card may hold all of
	// it, none of it, or a torn part.
	ErrCardSilent = errors.New("terminal simulator: card did not answer")
	// ErrMAC says that a card does not believe a load's MAC2; it is untouched.
	ErrMAC = errors.New("terminal simulator: card refuses the load's MAC")
	// ErrAmount says that an amount is not positive or more than the card takes
	// or has; the card is untouched.
	ErrAmount = errors.New("terminal simulator: bad amount")
)

// CardData is what a card holds.
type CardData struct {
	UID     string `json:"uid"`
	CardNo  string `json:"card_no"`
	Version string `json:"version"`
	// Profile is what kind of card it is; empty is ProfileStamp.
	Profile Profile `json:"profile,omitempty"`
	B       int64   `json:"B"` // balance in fen
	L       int64   `json:"L"` // load counter
	P       int64   `json:"P"` // purchase counter
	// NoP is a card without a purchase counter: P stays 0 and is told to nobody.
	NoP bool `json:"no_P,omitempty"`

	TAC   string  `json:"tac,omitempty"`    // ProfileEPurse: of the newest load
	TACAt string  `json:"tac_at,omitempty"` // yyyyMMddHHmmss
	Log   CardLog `json:"log,omitzero"`     // ProfileShared: the newest load, whoever made it
}

// counter is P as the wire has it: nil for a card that has none.
func (d CardData) counter() *int64 {
	if d.NoP {
		return nil
	}
	return &d.P
}

// Presence is one stay of a card in a reader's field. A write names the
// presence of the reading that it rests on.
type Presence struct{ in *field }

// field has a size, so that two presences never share an address.
type field struct{ _ byte }

// Reading is what one presence of a card showed.
type Reading struct {
	CardData
	Presence Presence
	// MAC1 over Random is the word of a card of ProfileEPurse on L and B.
	MAC1, Random string
}

// tap is what the hub is told of a reading.
func (r Reading) tap(id string) Tap {
	t := Tap{
		TapID: id, CardNo: r.CardNo, CardUID: r.UID, Version: r.Version, L: r.L, B: r.B, P: r.counter(),
		MAC1: r.MAC1, Random: r.Random, TAC: r.TAC, TACAt: r.TACAt, Log: r.newest(),
	}
	return t
}

// newest is the newest load of the card's own log, nil for a card without one.
func (d CardData) newest() *CardLog {
	if d.Log == (CardLog{}) {
		return nil
	}
	return &d.Log
}

// read puts what the card shows after a write into a result.
func (r *Result) read(d CardData) {
	r.L, r.B, r.P = &d.L, &d.B, d.counter()
	r.TAC, r.TACAt, r.Log = d.TAC, d.TACAt, d.newest()
}

// Card is one card, a file. Every call reads the file anew, so that several
// handles may take turns; two at the same moment would be one card in two
// places. All methods are safe for concurrent use.
type Card struct {
	path   string
	module SecurityModule

	mu     sync.Mutex
	disk   disk
	in     *field // nil while the card is in nobody's field
	random string // of the newest reading
	tear   *tear
}

// NewCard makes a card at path, which must not exist yet.
// Errors: ErrCard.
func NewCard(path string, d CardData) (*Card, error) { return newCard(disk{}, path, d) }

// NewHastyCard is NewCard for one of very many: its file is never waited for.
// Errors: ErrCard.
func NewHastyCard(path string, d CardData) (*Card, error) { return newCard(disk{hasty: true}, path, d) }

func newCard(on disk, path string, d CardData) (*Card, error) {
	if d.UID == "" || d.CardNo == "" || d.B < 0 || d.L < 0 || d.P < 0 || d.NoP && d.P != 0 || !d.Profile.known() {
		return nil, fmt.Errorf("%w: %+v", ErrCard, d)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s exists", ErrCard, path)
	}
	c := &Card{path: path, disk: on, module: Placeholder{}}
	return c, c.store(chip{CardData: d})
}

// OpenCard opens a card that NewCard made, in this process or another.
// Errors: ErrCard.
func OpenCard(path string) (*Card, error) { return openCard(disk{}, path) }

// OpenHastyCard is OpenCard for one of very many: its file is never waited for.
// Errors: ErrCard.
func OpenHastyCard(path string) (*Card, error) { return openCard(disk{hasty: true}, path) }

func openCard(on disk, path string) (*Card, error) {
	c := &Card{path: path, disk: on, module: Placeholder{}}
	_, err := c.load()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Use gives the card another security module than Placeholder.
func (c *Card) Use(m SecurityModule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.module = m
}

// Read reads the card, putting it into the field if it is not there. A write
// that was torn is repaired first if the card's blocks allow it.
// Errors: ErrCard.
func (c *Card) Read() (Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.whole()
	if err != nil {
		return Reading{}, err
	}
	if c.in == nil {
		c.in = &field{}
	}
	r := Reading{CardData: d.CardData, Presence: Presence{c.in}}
	if d.Profile == ProfileEPurse {
		r.Random, r.MAC1, err = c.module.Initialize(d.CardData)
		if err != nil {
			return Reading{}, fmt.Errorf("%w: %w", ErrCard, err)
		}
		c.random = r.Random
	}
	return r, nil
}

// ReadAgain reads the card within a presence.
// Errors: ErrCardGone, ErrCard.
func (c *Card) ReadAgain(p Presence) (CardData, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present(p) {
		return CardData{}, ErrCardGone
	}
	d, err := c.whole()
	return d.CardData, err
}

// Peek is the auditor's view: it reads the card without a field and changes
// nothing; a torn write that the next reading would repair is shown repaired.
// Errors: ErrCard.
func (c *Card) Peek() (CardData, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.load()
	d.repair()
	return d.CardData, err
}

// Leave takes the card out of the field; the next Read begins a new presence.
func (c *Card) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = nil
}

// Credit is a load as it goes to the card.
type Credit struct {
	L         int64  // the load counter that the writer expects
	AmountFen int64  // added to the balance that the card holds
	Terminal  string // for the card's own log
	// MAC2 and MAC2At prove the load to a card of ProfileEPurse.
	MAC2, MAC2At string
}

// Write is Credit for a card that needs nothing but counter and amount (fen).
// Errors: those of Credit.
func (c *Card) Write(p Presence, expectedL, amount int64) error {
	return c.Credit(p, Credit{L: expectedL, AmountFen: amount})
}

// Credit adds an amount to the balance that the card holds and moves the load
// counter one up. ErrCardSilent says that it is unknown what happened; after any
// other error nothing did, except ErrCard on a card of ProfileBlocks, whose
// blocks may be torn.
// Errors: ErrCardGone, ErrCounter, ErrAmount, ErrMAC, ErrCardSilent, ErrCard.
func (c *Card) Credit(p Presence, w Credit) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present(p) {
		return ErrCardGone
	}
	before, err := c.whole()
	if err != nil {
		return err
	}
	if before.L != w.L {
		return fmt.Errorf("%w: %d, expected %d", ErrCounter, before.L, w.L)
	}
	if w.AmountFen <= 0 || w.AmountFen > math.MaxInt64-before.B {
		return fmt.Errorf("%w: load of %d fen", ErrAmount, w.AmountFen)
	}
	after := before.CardData
	after.B += w.AmountFen
	after.L++
	switch before.Profile {
	case ProfileEPurse:
		after.TACAt = w.MAC2At
		after.TAC, err = c.module.Credit(after, w, c.random)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMAC, err)
		}
	case ProfileShared:
		after.Log = CardLog{AmountFen: w.AmountFen, Terminal: w.Terminal}
	}
	return c.write(before, after)
}

// Repair puts a card right as people decided: load counter and balance (fen)
// become these. Errors: ErrCardGone, ErrAmount, ErrCardSilent, ErrCard.
func (c *Card) Repair(p Presence, l, b int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present(p) {
		return ErrCardGone
	}
	if l < 0 || b < 0 {
		return fmt.Errorf("%w: repair to L %d and %d fen", ErrAmount, l, b)
	}
	before, err := c.whole()
	if err != nil {
		return err
	}
	after := before.CardData
	after.L, after.B = l, b
	return c.write(before, after)
}

// Purchase takes amount (fen) off the balance and moves the purchase counter,
// as the meal does.
// Errors: ErrAmount, ErrCard.
func (c *Card) Purchase(amount int64) error {
	return c.change(func(d *CardData) error {
		if amount <= 0 || amount > d.B {
			return fmt.Errorf("%w: purchase of %d fen with %d", ErrAmount, amount, d.B)
		}
		d.B -= amount
		if !d.NoP {
			d.P++
		}
		return nil
	})
}

// CashTopUp adds cash (fen) at a machine of the campus: the balance moves and no
// counter does. Errors: ErrAmount, ErrCard.
func (c *Card) CashTopUp(amount int64) error {
	return c.change(func(d *CardData) error {
		if amount <= 0 || amount > math.MaxInt64-d.B {
			return fmt.Errorf("%w: cash of %d fen", ErrAmount, amount)
		}
		d.B += amount
		return nil
	})
}

// OutsideTerminal is the machine that makes outside loads, in the card's log.
const OutsideTerminal = "kiosk"

// OutsideLoad is a load (fen) by a machine that is none of the hub's: it moves
// the counter of a card of ProfileShared. Errors: ErrAmount, ErrCard.
func (c *Card) OutsideLoad(amount int64) error {
	return c.change(func(d *CardData) error {
		if d.Profile != ProfileShared {
			return fmt.Errorf("%w: a card of profile %s has loads by the hub only", ErrCard, d.Profile)
		}
		if amount <= 0 || amount > math.MaxInt64-d.B {
			return fmt.Errorf("%w: outside load of %d fen", ErrAmount, amount)
		}
		d.B += amount
		d.L++
		d.Log = CardLog{AmountFen: amount, Terminal: OutsideTerminal}
		return nil
	})
}

// change is what another machine does to the card, which repairs it first too.
func (c *Card) change(f func(*CardData) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.whole()
	if err != nil {
		return err
	}
	err = f(&d.CardData)
	if err != nil {
		return err
	}
	return c.store(d)
}

// Restore overwrites the card with a dump, as a forger does.
// Errors: ErrCard.
func (c *Card) Restore(d CardData) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store(chip{CardData: d})
}

func (c *Card) present(p Presence) bool { return c.in != nil && c.in == p.in }

func (c *Card) load() (chip, error) {
	text, err := os.ReadFile(c.path)
	if err != nil {
		return chip{}, fmt.Errorf("%w: %w", ErrCard, err)
	}
	var d chip
	err = json.Unmarshal(text, &d)
	if err != nil {
		return chip{}, fmt.Errorf("%w: %s: %w", ErrCard, c.path, err)
	}
	return d, nil
}

func (c *Card) store(d chip) error {
	err := c.disk.replaceJSON(c.path, d)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCard, err)
	}
	return nil
}
