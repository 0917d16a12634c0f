package terminal

import "fmt"

// chip is a card as its file has it. On a card of ProfileBlocks B is the block
// of the balance and L that of the stamp.
type chip struct {
	CardData
	// Backup is the block that a write of ProfileBlocks begins with: what the
	// card held.
	Backup *backup `json:"backup,omitempty"`
}

type backup struct {
	B   int64  `json:"B"` // fen
	L   int64  `json:"L"`
	Sum string `json:"sum"` // the block's checksum; a wrong one is a torn block
}

func (b backup) sum() string { return fmt.Sprintf("%d/%d", b.B, b.L) }

// repair undoes a write that was torn before its stamp, and says whether it did
// anything. The stamp is the commit: a backup of another stamp is of a write
// that came through. Without a sound backup nothing can be known, and the card
// stays as it is.
func (d *chip) repair() bool {
	if d.Profile != ProfileBlocks || d.Backup == nil || d.Backup.Sum != d.Backup.sum() || d.Backup.L != d.L {
		return false
	}
	d.B = d.Backup.B
	// A purchase after this one moves the balance: an old backup would undo it.
	d.Backup = nil
	return true
}

// whole reads the card and makes a repair last.
func (c *Card) whole() (chip, error) {
	d, err := c.load()
	if err == nil && d.repair() {
		err = c.store(d)
	}
	return d, err
}

// write takes the card from before to after, in one go or block by block, and
// tears it if it is to be torn; it holds the lock.
func (c *Card) write(before chip, after CardData) error {
	if c.tear != nil {
		return c.tearOff(before, after)
	}
	if before.Profile != ProfileBlocks {
		return c.store(chip{CardData: after})
	}
	for _, state := range blocks(before, after) {
		err := c.store(state)
		if err != nil {
			return err
		}
	}
	return nil
}

// blocks are the states of a card of ProfileBlocks after each block of a write:
// backup, balance, stamp.
func blocks(before chip, after CardData) [3]chip {
	backedUp := before
	b := backup{B: before.B, L: before.L}
	b.Sum = b.sum()
	backedUp.Backup = &b
	balanced := backedUp
	balanced.B = after.B
	stamped := chip{CardData: after, Backup: &b}
	if after.L == before.L { // a repair that leaves the stamp: nothing else says that it is over
		stamped.Backup = nil
	}
	return [3]chip{backedUp, balanced, stamped}
}
