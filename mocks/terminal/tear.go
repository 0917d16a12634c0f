package terminal

// TearKind is how far a torn write gets.
type TearKind string

// The kinds of tear. In each of them the writer hears ErrCardSilent.
const (
	// TearNothing leaves the card as it was.
	TearNothing TearKind = "nothing"
	// TearBackup writes the backup block of a card of ProfileBlocks and nothing
	// else; other cards are left as they were.
	TearBackup TearKind = "backup"
	// TearBalance changes the balance and not the load counter. On a card of
	// ProfileBlocks the next reading repairs it; on one of ProfileStamp it stays,
	// as on a card whose makers promised one block too much. A card that moves
	// both together (ProfileEPurse, ProfileShared) is left as it was.
	TearBalance TearKind = "balance"
	// TearBeyondRepair is TearBalance with the backup block torn as well: the
	// card shows the new balance under the old stamp, and nobody can tell.
	TearBeyondRepair TearKind = "beyond-repair"
	// TearAnswer writes everything and loses the answer.
	TearAnswer TearKind = "answer"
)

// TearKinds lists them.
func TearKinds() []TearKind {
	return []TearKind{TearNothing, TearBackup, TearBalance, TearBeyondRepair, TearAnswer}
}

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
func (c *Card) tearOff(before chip, after CardData) error {
	t := *c.tear
	c.tear = nil
	if !t.stays {
		c.in = nil
	}
	state, changed := torn(t.kind, before, after)
	if changed {
		err := c.store(state)
		if err != nil {
			return err
		}
	}
	return ErrCardSilent
}

// torn is the card after a torn write, and whether the write changed it.
func torn(kind TearKind, before chip, after CardData) (chip, bool) {
	states := blocks(before, after)
	if before.Profile == ProfileBlocks {
		switch kind {
		case TearBackup:
			return states[0], true
		case TearBalance:
			return states[1], true
		case TearBeyondRepair:
			garbled := *states[1].Backup
			garbled.Sum = ""
			states[1].Backup = &garbled
			return states[1], true
		case TearAnswer:
			return states[2], true
		}
		return before, false
	}
	switch kind {
	case TearBalance, TearBeyondRepair:
		if before.Profile == ProfileEPurse || before.Profile == ProfileShared {
			return before, false
		}
		half := before
		half.B = after.B
		return half, true
	case TearAnswer:
		return chip{CardData: after}, true
	}
	return before, false
}
