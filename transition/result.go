package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redisx"
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
		switch reply.Tag {
		case "FORCED", "CONFLICT": // booked against the holder, or another load released for it
			s.tell(ctx, l.Account, hint{pending: true, blocks: true})
		}
		if reply.Tag != "RETRY" {
			return receipt(l, reply)
		}
	}
	return Receipt{}, ErrMoved
}

type resultCall struct {
	accountKeys
	Card      string    `key:"card"`
	Load      string    `key:"load"`
	Claim     string    `key:"claim"`
	Doubt     string    `key:"doubt"`
	Nonce     string    `key:"nonce"`
	Case      string    `key:"case"`
	Open      string    `key:"open"`
	Tap       string    `key:"tap"`
	Core      string    `key:"core"`
	Claimed   string    `key:"claimed"`
	LoadNo    LoadNo    `arg:"load_no"`
	Terminal  string    `arg:"terminal"`
	TapID     string    `arg:"tap_id"`
	N         int64     `arg:"n"`
	UID       CardUID   `arg:"uid"`
	Version   string    `arg:"version"`
	Amount    fen.Fen   `arg:"amount"`
	L0        int64     `arg:"L0"`
	B0        fen.Fen   `arg:"B0"`
	P0        string    `arg:"P0"`
	Outcome   string    `arg:"outcome"`
	L         string    `arg:"L"`
	B         string    `arg:"B"`
	P         string    `arg:"P"`
	Now       string    `arg:"now"`
	NonceMS   int64     `arg:"nonce_ms"`
	NotAfter  string    `arg:"not_after"`
	AccountNo AccountNo `arg:"account_no"`
	CardNo    string    `arg:"card_no"`
	OpenNo    string    `arg:"open_no"`
	ClaimedNo string    `arg:"claimed_no"`
	proofArgs
}

type resultReply struct {
	Tag    string
	Amount string `reply:"amount"`
	At     string `reply:"at"`
	State  string `reply:"state"`
	Field  string `reply:"field"`
}

var loadResult = redisx.MustLoad[resultCall, resultReply](scripts, "load_result")

// result names the keys as the card's record stands, and runs the script.
func (s *Store) result(ctx context.Context, p partition, w WriteResult, nonce Nonce) (resultReply, error) {
	l := w.Load
	step := s.keys.claim(p, l.UID, l.Version, counterText(l.L0))
	pipe := s.client().Pipeline()
	opens, claims := pipe.HGet(ctx, s.keys.card(p, l.UID), "open"), pipe.Get(ctx, step)
	if err := exec(ctx, "card", pipe); err != nil {
		return resultReply{}, err
	}
	open, claim := opens.Val(), claims.Val()
	outcome := "unknown"
	if w.Written {
		outcome = "written"
	}
	load := s.keys.load(p, l.No)
	current := load
	if open != "" {
		current = s.keys.load(p, LoadNo(open))
	}
	claimant := load
	if claim != "" && claim != claimOutside {
		claimant = s.keys.load(p, LoadNo(claim))
	}
	return loadResult.Run(ctx, s.run, resultCall{
		accountKeys: s.keys.money(p, l.Account), Card: s.keys.card(p, l.UID), Load: load, Claim: step, Doubt: s.keys.doubt(p),
		Nonce: s.once(p, nonce, load), Case: s.keys.cases(p), Open: current, Tap: s.keys.tap(p, l.Terminal, l.TapID),
		Core: s.keys.reports(p, l.UID, l.Version), Claimed: claimant,
		LoadNo: l.No, Terminal: l.Terminal, TapID: l.TapID, N: l.Attempt, UID: l.UID, Version: l.Version, Amount: l.Amount,
		L0: l.L0, B0: l.B0, P0: l.P0, Outcome: outcome, L: optional(w.L), B: optionalFen(w.B), P: optional(w.P),
		Now: s.now(), NonceMS: nonceLife.Milliseconds(), NotAfter: millis(l.NotAfter), AccountNo: l.Account, CardNo: l.CardNo,
		OpenNo: open, ClaimedNo: claim, proofArgs: w.Proof.args(),
	})
}

// once is the key that uses a nonce up, or none of its own if there is no nonce.
func (s *Store) once(p partition, n Nonce, none string) string {
	if n == (Nonce{}) {
		return none
	}
	return s.keys.nonce(p, n.KeyID, n.Value)
}

func receipt(l Load, reply resultReply) (Receipt, error) {
	var n number
	switch reply.Tag {
	case "CONFIRMED", "FORCED":
		return Receipt{State: LoadState(reply.Tag), First: true, Amount: n.fen(reply.Amount), At: n.time(reply.At)}, n.err
	case "DUP":
		return Receipt{State: LoadState(reply.State), Amount: n.fen(reply.Amount), At: n.time(reply.At)}, n.err
	case "NO_LOAD":
		return Receipt{}, fmt.Errorf("load %s: %w", l.No, ErrNoLoad)
	case "OTHER_LOAD":
		return Receipt{}, fmt.Errorf("load %s: %w: %s", l.No, ErrOtherLoad, reply.Field)
	case "REPLAY":
		return Receipt{}, ErrReplay
	}
	return Receipt{State: LoadState(reply.Tag)}, nil // WRITTEN, IN_DOUBT, CANCELLED, CONFLICT, SUSPENDED
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
