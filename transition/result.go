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
	// ErrNoLoad says that the hub has no such load, or neither the account nor the
	// card that its authorisation names.
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
	L     *int64
	B     *fen.Fen
	P     *int64
	Proof Proof
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
	// LoadForced is a load that the hub had lost or released and that is on the card:
	// its books followed the card.
	LoadForced LoadState = "FORCED"
	// LoadSuspended is a load whose money two people took into suspense.
	LoadSuspended LoadState = "SUSPENDED"
)

// Open says whether the load still binds money.
func (s LoadState) Open() bool {
	return s == LoadHeld || s == LoadInDoubt || s == LoadWritten || s == LoadConflict
}

// Receipt is the hub's answer to a result.
type Receipt struct {
	State  LoadState
	First  bool      // with LoadConfirmed and LoadForced: this result did it
	Amount fen.Fen   // with these two
	At     time.Time // with these two: when that was known first
}

// Result takes a terminal's word on a write. With the proof that the card's profile
// asks for the load is confirmed; without, it waits for the next tap. A load that the
// hub has lost or released is booked all the same: the authorisation is the hub's own.
// The zero Nonce is not checked: a record of a journal.
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
	for range tries {
		reply, err := s.result(ctx, p, w, nonce)
		if err != nil {
			return Receipt{}, err
		}
		switch reply[0] {
		case "FORCED", "CONFLICT": // booked against the holder, or another load released for it
			s.tell(ctx, l.Account, hint{pending: true, blocks: true})
		}
		if reply[0] != "RETRY" {
			return receipt(l, reply)
		}
	}
	return Receipt{}, ErrMoved
}

// result names the keys as the card's record stands, and runs the script.
func (s *Store) result(ctx context.Context, p partition, w WriteResult, nonce Nonce) ([]string, error) {
	l := w.Load
	step := s.keys.claim(p, l.UID, l.Version, counterText(l.L0))
	pipe := s.client().Pipeline()
	opens, claims := pipe.HGet(ctx, s.keys.card(p, l.UID), "open"), pipe.Get(ctx, step)
	if err := exec(ctx, "card", pipe); err != nil {
		return nil, err
	}
	open, claim := opens.Val(), claims.Val()
	outcome := "unknown"
	if w.Written {
		outcome = "written"
	}
	load, counter, proof := s.keys.load(p, l.No), strconv.FormatInt(l.L0, 10), w.Proof.args()
	current := load
	if open != "" {
		current = s.keys.load(p, LoadNo(open))
	}
	claimant := load
	if claim != "" && claim != claimOutside {
		claimant = s.keys.load(p, LoadNo(claim))
	}
	keys := []string{
		s.keys.account(p, l.Account), s.keys.entries(p, l.Account), s.keys.tot(p), s.keys.card(p, l.UID),
		load, step, s.keys.doubt(p), s.once(p, nonce, load), s.keys.cases(p), current,
		s.keys.tap(p, l.Terminal, l.TapID), s.keys.reports(p, l.UID, l.Version), claimant,
	}
	return s.enter(ctx, s.scripts.loadResult, keys,
		string(l.No), l.Terminal, l.TapID, strconv.FormatInt(l.Attempt, 10), string(l.UID), l.Version, l.Amount.String(),
		counter, outcome, optional(w.L), optionalFen(w.B), optional(w.P), s.now(), strconv.FormatInt(nonceLife.Milliseconds(), 10),
		l.B0.String(), l.P0, string(l.Account), l.CardNo, open, proof[0], proof[1], proof[2], proof[3],
		millis(l.NotAfter), claim)
}

// once is the key that uses a nonce up, or none of its own if there is no nonce.
func (s *Store) once(p partition, n Nonce, none string) string {
	if n == (Nonce{}) {
		return none
	}
	return s.keys.nonce(p, n.KeyID, n.Value)
}

func receipt(l Load, reply []string) (Receipt, error) {
	switch reply[0] {
	case "CONFIRMED", "FORCED":
		if len(reply) != 3 {
			return Receipt{}, unexpected("load_result", reply)
		}
		var n number
		return Receipt{State: LoadState(reply[0]), First: true, Amount: n.fen(reply[1]), At: n.time(reply[2])}, n.err
	case "DUP":
		if len(reply) != 4 {
			return Receipt{}, unexpected("load_result", reply)
		}
		var n number
		return Receipt{State: LoadState(reply[3]), Amount: n.fen(reply[1]), At: n.time(reply[2])}, n.err
	case "WRITTEN", "IN_DOUBT", "CANCELLED", "CONFLICT", "SUSPENDED":
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
