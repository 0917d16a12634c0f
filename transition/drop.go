package transition

import (
	"context"
	"fmt"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Abort is a terminal's promise that no answer to a tap was used or will be.
type Abort struct {
	Terminal string
	TapID    string
	UID      CardUID // the card that was tapped
	Load     *Load   // from the authorisation, its signature verified; nil if none arrived
}

// Abort ends a tap's attempt, also one that the hub has not seen yet. When no
// attempt of the load is left, its money is pending again. It returns the load's
// state, "" if there is none. A write that was begun is not taken back: only the
// card knows. The zero Nonce is not checked: a record of a journal.
// Errors: ErrNoCard, ErrOtherLoad, ErrReplay.
func (s *Store) Abort(ctx context.Context, a Abort, nonce Nonce) (LoadState, error) {
	account, err := s.AccountOfCard(ctx, a.UID)
	if err != nil {
		return "", err
	}
	if a.Load != nil && (a.Load.UID != a.UID || a.Load.TapID != a.TapID || a.Load.Terminal != a.Terminal || a.Load.Account != account) {
		return "", fmt.Errorf("load %s: %w", a.Load.No, ErrOtherLoad)
	}
	return s.drop(ctx, account, a, false, nonce)
}

// Rereading is a re-reading in the presence of the card that an authorisation came
// for, which the terminal then dropped.
type Rereading struct {
	Load Load // from the authorisation, its signature verified
	L    int64
	B    fen.Fen
	P    *int64
}

// unchanged says whether the card is as the authorisation has it.
func (r Rereading) unchanged() bool {
	return r.L == r.Load.L0 && r.B == r.Load.B0 && optional(r.P) == r.Load.P0
}

// Reread ends the attempt and, if the card is unchanged, all before it: their
// presences were over when this one began.
// Errors and result: those of Abort.
func (s *Store) Reread(ctx context.Context, r Rereading, nonce Nonce) (LoadState, error) {
	account, err := s.AccountOfCard(ctx, r.Load.UID)
	if err != nil {
		return "", err
	}
	if account != r.Load.Account {
		return "", fmt.Errorf("load %s: %w: account", r.Load.No, ErrOtherLoad)
	}
	a := Abort{Terminal: r.Load.Terminal, TapID: r.Load.TapID, UID: r.Load.UID, Load: &r.Load}
	return s.drop(ctx, account, a, r.unchanged(), nonce)
}

type dropCall struct {
	accountKeys
	Card      string    `key:"card"`
	Load      string    `key:"load"`
	Tap       string    `key:"tap"`
	Nonce     string    `key:"nonce"`
	Doubt     string    `key:"doubt"`
	LoadNo    string    `arg:"load_no"`
	Terminal  string    `arg:"terminal"`
	TapID     string    `arg:"tap_id"`
	Now       string    `arg:"now"`
	NonceMS   int64     `arg:"nonce_ms"`
	Reread    bool      `arg:"reread"`
	AccountNo AccountNo `arg:"account_no"`
	UID       CardUID   `arg:"uid"`
}

type dropReply struct {
	Tag   string
	State string `reply:"state"`
}

var loadDrop = redisx.MustLoad[dropCall, dropReply](scripts, "load_drop")

func (s *Store) drop(ctx context.Context, account AccountNo, a Abort, before bool, nonce Nonce) (LoadState, error) {
	p := partitionOf(account)
	tap := s.keys.tap(p, a.Terminal, a.TapID)
	for range tries {
		// What the hub granted counts; a lost record leaves what the terminal holds.
		load, err := s.client().HGet(ctx, tap, "load").Result()
		if err := read("tap", err); err != nil {
			return "", err
		}
		if load == "" && a.Load != nil {
			load = string(a.Load.No)
		}
		key := tap
		if load != "" {
			key = s.keys.load(p, LoadNo(load))
		}
		reply, err := loadDrop.Run(ctx, s.run, dropCall{
			accountKeys: s.keys.money(p, account), Card: s.keys.card(p, a.UID), Load: key, Tap: tap, Nonce: s.once(p, nonce, tap),
			Doubt: s.keys.doubt(p), LoadNo: load, Terminal: a.Terminal, TapID: a.TapID, Now: s.now(), NonceMS: nonceLife.Milliseconds(),
			Reread: before, AccountNo: account, UID: a.UID,
		})
		if err != nil {
			return "", err
		}
		switch reply.Tag {
		case "RETRY":
			continue
		case "REPLAY":
			return "", ErrReplay
		case "OTHER_LOAD":
			return "", fmt.Errorf("tap %s: %w: it was of another card", a.TapID, ErrOtherLoad)
		}
		if LoadState(reply.State) == LoadCancelled {
			s.tell(ctx, account, hint{pending: true, blocks: true})
		}
		return LoadState(reply.State), nil
	}
	return "", ErrMoved
}
