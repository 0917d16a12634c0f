package transition

import (
	"context"
	"fmt"
	"strconv"

	"guodu/internal/fen"
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

func (s *Store) drop(ctx context.Context, account AccountNo, a Abort, before bool, nonce Nonce) (LoadState, error) {
	p := partitionOf(account)
	tap := s.keys.tap(p, a.Terminal, a.TapID)
	all := ""
	if before {
		all = "1"
	}
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
		reply, err := s.enter(ctx, s.scripts.loadDrop, []string{
			s.keys.account(p, account), s.keys.entries(p, account), s.keys.tot(p), s.keys.card(p, a.UID), key, tap,
			s.once(p, nonce, tap), s.keys.doubt(p),
		}, load, a.Terminal, a.TapID, s.now(), strconv.FormatInt(nonceLife.Milliseconds(), 10), all,
			string(account), string(a.UID))
		if err != nil {
			return "", err
		}
		switch reply[0] {
		case "RETRY":
			continue
		case "REPLAY":
			return "", ErrReplay
		case "OTHER_LOAD":
			return "", fmt.Errorf("tap %s: %w: it was of another card", a.TapID, ErrOtherLoad)
		case "DROPPED", "BEGUN":
			if LoadState(reply[1]) == LoadCancelled {
				s.tell(ctx, account, hint{pending: true, blocks: true})
			}
			return LoadState(reply[1]), nil
		}
		return "", unexpected("load_drop", reply)
	}
	return "", ErrMoved
}
