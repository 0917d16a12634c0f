package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guodu/internal/fen"
)

// Sentinels of results. None of them moved anything: the terminal keeps its
// record and sends it again.
var (
	// ErrNoLoad says that the hub has no such load although its authorisation
	// is the hub's own.
	ErrNoLoad = errors.New("no such load")
	// ErrOtherLoad says that an authorisation differs from the stored load.
	ErrOtherLoad = errors.New("authorisation does not match the load")
)

// WriteResult is what a terminal says of its write.
type WriteResult struct {
	Load    Load // from the authorisation, its signature verified
	Written bool // false: the terminal does not know
	// L, B and P are read back after the write, in the same presence of the
	// card; nil if they were not.
	L *int64
	B *fen.Fen
	P *int64
}

// LoadState is where a load stands.
type LoadState string

// The states of a load (docs/load-protocol.md).
const (
	LoadHeld      LoadState = "HELD"
	LoadWritten   LoadState = "WRITTEN"
	LoadInDoubt   LoadState = "IN_DOUBT"
	LoadConfirmed LoadState = "CONFIRMED"
	LoadCancelled LoadState = "CANCELLED"
	LoadConflict  LoadState = "CONFLICT"
)

// Receipt is the hub's answer to a result.
type Receipt struct {
	State  LoadState
	First  bool      // with LoadConfirmed: this result did it
	Amount fen.Fen   // with LoadConfirmed
	At     time.Time // with LoadConfirmed: when it was confirmed first
}

// Result takes a terminal's word on a write. With proof (counter and balance
// read back) the load is confirmed; without, it waits for the next tap.
// Errors: ErrReplay, ErrNoLoad, ErrOtherLoad; after ErrUnknownOutcome the
// terminal sends the result again.
func (s *Store) Result(ctx context.Context, w WriteResult, nonce Nonce) (Receipt, error) {
	l := w.Load
	p, err := l.No.partition()
	if err != nil {
		return Receipt{}, err
	}
	if partitionOf(l.Account) != p {
		return Receipt{}, fmt.Errorf("load %s: %w: account", l.No, ErrOtherLoad)
	}
	outcome := "unknown"
	if w.Written {
		outcome = "written"
	}
	counter := strconv.FormatInt(l.L0, 10)
	keys := []string{
		s.keys.account(p, l.Account), s.keys.entries(p, l.Account), s.keys.tot(p), s.keys.card(p, l.UID),
		s.keys.load(p, l.No), s.keys.claim(p, l.UID, l.Version, counter), s.keys.doubt(p), s.keys.nonce(p, nonce.KeyID, nonce.Value),
	}
	reply, err := s.run.Run(ctx, s.scripts.loadResult, keys,
		string(l.No), l.Terminal, l.TapID, strconv.FormatInt(l.Attempt, 10), string(l.UID), l.Version, l.Amount.String(),
		counter, outcome, optional(w.L), optionalFen(w.B), optional(w.P), s.now(), strconv.FormatInt(nonceLife.Milliseconds(), 10))
	if err != nil {
		return Receipt{}, err
	}
	return receipt(l, reply)
}

func receipt(l Load, reply []string) (Receipt, error) {
	switch reply[0] {
	case "CONFIRMED", "DUP":
		if len(reply) != 3 {
			return Receipt{}, unexpected("load_result", reply)
		}
		var n number
		r := Receipt{State: LoadConfirmed, First: reply[0] == "CONFIRMED", Amount: n.fen(reply[1]), At: n.time(reply[2])}
		return r, n.err
	case "WRITTEN", "IN_DOUBT", "CANCELLED", "CONFLICT":
		return Receipt{State: LoadState(reply[0])}, nil
	case "NO_LOAD":
		return Receipt{}, fmt.Errorf("load %s: %w", l.No, ErrNoLoad)
	case "OTHER_LOAD":
		return Receipt{}, fmt.Errorf("load %s: %w: %s", l.No, ErrOtherLoad, reply[1])
	case "REPLAY":
		return Receipt{}, ErrReplay
	}
	return Receipt{}, unexpected("load_result", reply)
}

func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func optionalFen(f *fen.Fen) string {
	if f == nil {
		return ""
	}
	return f.String()
}
