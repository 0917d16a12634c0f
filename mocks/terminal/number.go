package terminal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Number is what Terminal-Seq says: which message of which life of the
// terminal's memory.
type Number struct {
	Epoch int64 `json:"epoch"`
	Seq   int64 `json:"seq"`
}

// String is the number as the header has it.
func (n Number) String() string { return fmt.Sprintf("%d.%d", n.Epoch, n.Seq) }

const (
	// numberFile holds the reservation, beside the journal.
	numberFile = "numbers.json"
	// numberBlock is how many numbers one write to the disk reserves. What a
	// crash leaves of a block is never used: a hole does no harm, a number used
	// twice would look like a second device.
	numberBlock = 64
	// numberWindow is how far behind the newest number the hub still takes one.
	numberWindow = 1000
)

// reservation is numberFile's content: all numbers up to Reserved may have been
// used.
type reservation struct {
	Epoch    int64 `json:"epoch"`
	Reserved int64 `json:"reserved"`
}

// numbers gives each message its number. After a crash it goes on above every
// number that was or may have been used.
type numbers struct {
	mu   sync.Mutex
	disk disk
	path string
	on   reservation
	used int64
}

// openNumbers goes on with dir's numbers, or begins them. Errors: ErrJournal.
func openNumbers(d disk, dir string) (*numbers, error) {
	n := &numbers{disk: d, path: filepath.Join(dir, numberFile), on: reservation{Epoch: 1}}
	err := d.readJSON(n.path, &n.on)
	if err == nil && (n.on.Epoch < 1 || n.on.Reserved < 0) {
		err = fmt.Errorf("%s holds %+v", n.path, n.on)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	n.used = n.on.Reserved
	return n, nil
}

// take is the next number. Errors: ErrJournal.
func (n *numbers) take() (Number, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.used == n.on.Reserved {
		err := n.reserve(n.used + numberBlock)
		if err != nil {
			return Number{}, err
		}
	}
	n.used++
	return Number{n.on.Epoch, n.used}, nil
}

func (n *numbers) reserve(to int64) error {
	on := n.on
	on.Reserved = to
	err := n.disk.replaceJSON(n.path, on)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	n.on = on
	return nil
}

// above goes on above a number that the hub has seen: a terminal whose disk was
// put back must not use again what it no longer knows it used.
// Errors: ErrJournal.
func (n *numbers) above(seen Number) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if seen.Epoch != n.on.Epoch || seen.Seq <= n.used {
		return nil
	}
	if seen.Seq > n.on.Reserved {
		err := n.reserve(seen.Seq + numberBlock)
		if err != nil {
			return err
		}
	}
	n.used = seen.Seq
	return nil
}

// stale says that a message with this number can no longer be repeated: the hub
// would not know whether it has seen it.
func (n *numbers) stale(old Number) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return old.Epoch != n.on.Epoch || n.used-old.Seq >= numberWindow
}

func (n *numbers) epoch() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.on.Epoch
}

// FactoryReset takes a terminal's memory away: journal, unsent results and all
// that the hub told it. What stays is the epoch, which real devices keep where a
// reset does not reach, and it rises by one. The terminal of dir must be off.
// Errors: ErrJournal.
func FactoryReset(dir string, hasty bool) error {
	n, err := openNumbers(disk{hasty: hasty}, dir)
	if err != nil {
		return err
	}
	// The epoch rises first: with the old epoch and an empty journal, numbers
	// would be used a second time.
	err = n.disk.replaceJSON(n.path, reservation{Epoch: n.on.Epoch + 1})
	for _, name := range []string{journalFile, toldFile, deliveredFile} {
		if err == nil {
			err = os.RemoveAll(filepath.Join(dir, name))
		}
	}
	if err == nil {
		err = n.disk.syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}
