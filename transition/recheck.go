package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"guodu/internal/fen"
)

// ErrChallenge says that a re-reading names no challenge that waits for it.
var ErrChallenge = errors.New("not the challenge that waits")

// Recheck is the reading that a tap's challenge asked for, or one at the card
// centre's desk.
type Recheck struct {
	Reading   Reading // without TapID
	Challenge string  // "" at a desk
	Desk      bool    // the terminal has the role desk
}

// Rechecked is what came of it.
type Rechecked struct {
	// Outcome is "agrees" (the first reading was late or wrong), "conflict" (the
	// account is frozen, people must look), "unknown_load" (the counter is ahead of the
	// books indeed), "filed" (a desk's reading, for those who
	// decide), "repair" (write L and B on the card, then read it again) or "repaired".
	Outcome string
	L       int64   // with "repair"
	B       fen.Fen // with "repair"
}

// Recheck takes a re-reading. Only one that answers a fresh challenge opens a
// conflict; only one at a desk, after people decided, ends it.
// Errors: ErrChallenge, ErrNoCard, ErrOtherCard, ErrReplay.
func (s *Store) Recheck(ctx context.Context, c Recheck, nonce Nonce) (Rechecked, error) {
	r := c.Reading
	account, err := s.AccountOfCard(ctx, r.UID)
	if err != nil {
		return Rechecked{}, err
	}
	p, desk := partitionOf(account), ""
	if c.Desk {
		desk = "1"
	}
	card := s.keys.card(p, r.UID)
	for range tries {
		open, err := s.cardField(ctx, account, r.UID, "open")
		if err != nil {
			return Rechecked{}, err
		}
		load := card
		if open != "" {
			load = s.keys.load(p, LoadNo(open))
		}
		reply, err := s.enter(ctx, s.scripts.cardRecheck, []string{
			s.keys.account(p, account), s.keys.entries(p, account), s.keys.tot(p), card, load,
			s.keys.nonce(p, nonce.KeyID, nonce.Value), s.keys.cases(p), s.keys.reports(p, r.UID, r.Version),
		}, open, string(account), r.Terminal, r.CardNo, string(r.UID), r.Version, strconv.FormatInt(r.L, 10), r.B.String(),
			r.purchases(), c.Challenge, desk, s.now(), strconv.FormatInt(nonceLife.Milliseconds(), 10))
		if err != nil {
			return Rechecked{}, err
		}
		switch reply[0] {
		case "CONFLICT", "REPAIRED", "AGREES": // it may freeze the account, or let its card have money again
			s.tell(ctx, account, hint{blocks: true})
		}
		if reply[0] != "RETRY" {
			return rechecked(r, reply)
		}
	}
	return Rechecked{}, ErrMoved
}

func rechecked(r Reading, reply []string) (Rechecked, error) {
	switch reply[0] {
	case "AGREES":
		return Rechecked{Outcome: "agrees"}, nil
	case "CONFLICT":
		return Rechecked{Outcome: "conflict"}, nil
	case "UNKNOWN_LOAD":
		return Rechecked{Outcome: "unknown_load"}, nil
	case "FILED":
		return Rechecked{Outcome: "filed"}, nil
	case "REPAIRED":
		return Rechecked{Outcome: "repaired"}, nil
	case "REPAIR":
		if len(reply) == 3 {
			var n number
			return Rechecked{Outcome: "repair", L: n.int(reply[1]), B: n.fen(reply[2])}, n.err
		}
	case "CHALLENGE":
		return Rechecked{}, ErrChallenge
	case "NO_CARD":
		return Rechecked{}, fmt.Errorf("card %s: %w", r.UID, ErrNoCard)
	case "OTHER_CARD":
		return Rechecked{}, fmt.Errorf("card %s: %w: %s", r.UID, ErrOtherCard, reply[1])
	case "REPLAY":
		return Rechecked{}, ErrReplay
	}
	return Rechecked{}, unexpected("card_recheck", reply)
}
