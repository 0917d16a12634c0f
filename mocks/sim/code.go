package sim

import (
	"sync"
	"time"
)

const maxCodes = 100_000

// CodeState is what a redeemed code turned out to be.
type CodeState int

// What a code can be.
const (
	CodeGood CodeState = iota
	CodeUnknown
	CodeUsed
	CodeExpired
)

// Codes hands out single-use codes that stand for a person: authorization
// codes and payment codes.
type Codes struct {
	mu     sync.Mutex
	grants map[string]*grant
	save   func(code string, g any)
}

// grant is what a code stands for. Used ones are kept, so that a second use can
// be told from a wrong code.
type grant struct {
	Person string    `json:"person"`
	Until  time.Time `json:"until"`
	Used   bool      `json:"used,omitempty"`
}

// NewCodes keeps codes in a store under a kind, and finds there those of an
// earlier run. A nil store keeps nothing.
// Errors: ErrStore.
func NewCodes(store *Store, kind string) (*Codes, error) {
	c := &Codes{grants: map[string]*grant{}, save: func(code string, g any) { store.Put(kind, code, g) }}
	err := Each(store, kind, func(code string, g grant) error {
		c.grants[code] = &g
		return nil
	})
	return c, err
}

// Issue keeps a code until an instant, or says that there are too many.
func (c *Codes) Issue(code, person string, until time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.grants) >= maxCodes {
		return false
	}
	c.grants[code] = &grant{Person: person, Until: until}
	c.save(code, c.grants[code])
	return true
}

// Redeem uses a code up and says whose it was.
func (c *Codes) Redeem(code string, now time.Time) (string, CodeState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grants[code]
	switch {
	case g == nil:
		return "", CodeUnknown
	case g.Used:
		return g.Person, CodeUsed
	case !now.Before(g.Until):
		return g.Person, CodeExpired
	}
	g.Used = true
	c.save(code, g)
	return g.Person, CodeGood
}

// Peek says what a code is without using it up.
func (c *Codes) Peek(code string, now time.Time) (string, CodeState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grants[code]
	switch {
	case g == nil:
		return "", CodeUnknown
	case g.Used:
		return g.Person, CodeUsed
	case !now.Before(g.Until):
		return g.Person, CodeExpired
	}
	return g.Person, CodeGood
}
