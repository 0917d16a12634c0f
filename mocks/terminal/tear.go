package terminal

// TearKind is how far a torn write gets.
type TearKind string

// The kinds of tear. In each of them the writer hears ErrCardSilent.
const (
	// TearNothing leaves the card as it was.
	TearNothing TearKind = "nothing"
	// TearBalance changes the balance and not the load counter, as a card can
	// that keeps them in two blocks.
	TearBalance TearKind = "balance"
	// TearAnswer writes everything and loses the answer.
	TearAnswer TearKind = "answer"
)

type tear struct {
	kind  TearKind
	stays bool
}

// Tear makes the next write end in a tear. With stays the card remains in the
// field, so that it can be read back; without, the tear came from pulling it.
// Purchases are not torn.
func (c *Card) Tear(kind TearKind, stays bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tear = &tear{kind: kind, stays: stays}
}

// tearOff is a write from before to after that goes wrong; it holds the lock.
func (c *Card) tearOff(before, after CardData) error {
	t := *c.tear
	c.tear = nil
	if !t.stays {
		c.in = nil
	}
	var err error
	switch t.kind {
	case TearBalance:
		torn := before
		torn.B = after.B
		err = c.store(torn)
	case TearAnswer:
		err = c.store(after)
	}
	if err != nil {
		return err
	}
	return ErrCardSilent
}
