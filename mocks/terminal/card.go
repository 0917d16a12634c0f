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
	// ErrAmount says that an amount is not positive or more than the card takes
	// or has; the card is untouched.
	ErrAmount = errors.New("terminal simulator: bad amount")
)

// CardData is what a card holds.
type CardData struct {
	UID     string `json:"uid"`
	CardNo  string `json:"card_no"`
	Version string `json:"version"`
	B       int64  `json:"B"` // balance in fen
	L       int64  `json:"L"` // load counter, the stamp: moved by hub loads only
	P       int64  `json:"P"` // purchase counter
	// NoP is a card without a purchase counter: P stays 0 and is told to nobody.
	NoP bool `json:"no_P,omitempty"`
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
}

// Card is one card, a file. Every call reads the file anew, so that several
// handles may take turns; two at the same moment would be one card in two
// places. All methods are safe for concurrent use.
type Card struct {
	path string

	mu   sync.Mutex
	in   *field // nil while the card is in nobody's field
	tear *tear
}

// NewCard makes a card at path, which must not exist yet.
// Errors: ErrCard.
func NewCard(path string, d CardData) (*Card, error) {
	if d.UID == "" || d.CardNo == "" || d.B < 0 || d.L < 0 || d.P < 0 || d.NoP && d.P != 0 {
		return nil, fmt.Errorf("%w: %+v", ErrCard, d)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s exists", ErrCard, path)
	}
	c := &Card{path: path}
	return c, c.store(d)
}

// OpenCard opens a card that NewCard made, in this process or another.
// Errors: ErrCard.
func OpenCard(path string) (*Card, error) {
	c := &Card{path: path}
	_, err := c.load()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Read reads the card, putting it into the field if it is not there.
// Errors: ErrCard.
func (c *Card) Read() (Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.load()
	if err != nil {
		return Reading{}, err
	}
	if c.in == nil {
		c.in = &field{}
	}
	return Reading{CardData: d, Presence: Presence{c.in}}, nil
}

// ReadAgain reads the card within a presence.
// Errors: ErrCardGone, ErrCard.
func (c *Card) ReadAgain(p Presence) (CardData, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present(p) {
		return CardData{}, ErrCardGone
	}
	return c.load()
}

// Peek is the auditor's view: it reads the card without a field.
// Errors: ErrCard.
func (c *Card) Peek() (CardData, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load()
}

// Leave takes the card out of the field; the next Read begins a new presence.
func (c *Card) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = nil
}

// Write adds amount (fen) to the balance that the card holds and moves the load
// counter from expectedL one up, both in one block. ErrCardSilent says that it
// is unknown what happened; after any other error nothing did.
// Errors: ErrCardGone, ErrCounter, ErrAmount, ErrCardSilent, ErrCard.
func (c *Card) Write(p Presence, expectedL, amount int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present(p) {
		return ErrCardGone
	}
	d, err := c.load()
	if err != nil {
		return err
	}
	if d.L != expectedL {
		return fmt.Errorf("%w: %d, expected %d", ErrCounter, d.L, expectedL)
	}
	if amount <= 0 || amount > math.MaxInt64-d.B {
		return fmt.Errorf("%w: load of %d fen", ErrAmount, amount)
	}
	before := d
	d.B += amount
	d.L++
	if c.tear != nil {
		return c.tearOff(before, d)
	}
	return c.store(d)
}

// Purchase takes amount (fen) off the balance and moves the purchase counter,
// as the meal does.
// Errors: ErrAmount, ErrCard.
func (c *Card) Purchase(amount int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.load()
	if err != nil {
		return err
	}
	if amount <= 0 || amount > d.B {
		return fmt.Errorf("%w: purchase of %d fen with %d", ErrAmount, amount, d.B)
	}
	d.B -= amount
	if !d.NoP {
		d.P++
	}
	return c.store(d)
}

// Restore overwrites the card with a dump, as a forger does.
// Errors: ErrCard.
func (c *Card) Restore(d CardData) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store(d)
}

func (c *Card) present(p Presence) bool { return c.in != nil && c.in == p.in }

func (c *Card) load() (CardData, error) {
	text, err := os.ReadFile(c.path)
	if err != nil {
		return CardData{}, fmt.Errorf("%w: %w", ErrCard, err)
	}
	var d CardData
	err = json.Unmarshal(text, &d)
	if err != nil {
		return CardData{}, fmt.Errorf("%w: %s: %w", ErrCard, c.path, err)
	}
	return d, nil
}

func (c *Card) store(d CardData) error {
	text, err := json.Marshal(d)
	if err == nil {
		err = replaceFile(c.path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCard, err)
	}
	return nil
}
