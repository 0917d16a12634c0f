package transition

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"guodu/internal/fen"
)

// ErrEntry says that an entry cannot be what a script wrote.
var ErrEntry = errors.New("ledger entry is damaged")

// Balances are the five balances of an account after an entry.
type Balances struct{ Pending, LoadHeld, RefundHeld, Arrears, Clawback fen.Fen }

// Entry is one line of an account's ledger (docs/keys.md, Entries).
type Entry struct {
	Seq    int64
	Kind   string
	Ref    string
	Amount fen.Fen
	After  Balances
	At     time.Time
	Prev   string // SHA-1 of the line before, "-" for the first
	Hash   string // SHA-1 of this line
}

// ParseEntry reads a packed entry.
// Errors: ErrEntry.
func ParseEntry(line string) (Entry, error) {
	f := strings.Split(line, " ")
	if len(f) != 12 || f[0] != format {
		return Entry{}, fmt.Errorf("%w: %.120q", ErrEntry, line)
	}
	sum := sha1.Sum([]byte(line))
	var n number
	e := Entry{
		Seq: n.int(f[1]), Kind: f[2], Ref: f[3], Amount: n.fen(f[4]),
		After: Balances{n.fen(f[5]), n.fen(f[6]), n.fen(f[7]), n.fen(f[8]), n.fen(f[9])},
		At:    n.time(f[10]), Prev: f[11], Hash: hex.EncodeToString(sum[:]),
	}
	if n.err != nil {
		return Entry{}, fmt.Errorf("%w: %.120q: %w", ErrEntry, line, n.err)
	}
	return e, nil
}

// Postings are changes of ledger accounts, each with its sign; they sum to zero.
type Postings map[string]fen.Fen

// Postings derives what the entry did to the trial balance, given the balances
// before it, and checks that the entry's kind allows what the balances did.
// Errors: ErrEntry.
func (e Entry) Postings(before Balances) (Postings, error) {
	d := Balances{
		e.After.Pending - before.Pending, e.After.LoadHeld - before.LoadHeld, e.After.RefundHeld - before.RefundHeld,
		e.After.Arrears - before.Arrears, e.After.Clawback - before.Clawback,
	}
	a := e.Amount
	if a < 0 && e.Kind != "arrears" {
		return nil, fmt.Errorf("%w: entry %d (%s %s) has the amount %d", ErrEntry, e.Seq, e.Kind, e.Ref, a)
	}
	kind, known := kindOf(e.Kind)
	if !known {
		return nil, fmt.Errorf("%w: entry %d has the kind %.20q", ErrEntry, e.Seq, e.Kind)
	}
	if want := kind.changes(a, d); d != want {
		return nil, fmt.Errorf("%w: entry %d (%s %s %d) changed %+v, which its kind does not do", ErrEntry, e.Seq, e.Kind, e.Ref, a, d)
	}
	p := kind.posts(a, d)
	if sum := p.sum(); sum != 0 {
		return nil, fmt.Errorf("%w: postings of entry %d sum to %d", ErrEntry, e.Seq, sum)
	}
	return p, nil
}

func (p Postings) sum() fen.Fen {
	var sum fen.Fen
	for _, f := range p {
		sum += f
	}
	return sum
}
