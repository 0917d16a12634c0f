package transition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"guodu/internal/fen"
	"guodu/internal/redisx"
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

type recheckCall struct {
	accountKeys
	Card      string    `key:"card"`
	Open      string    `key:"open"`
	Nonce     string    `key:"nonce"`
	Case      string    `key:"case"`
	Core      string    `key:"core"`
	OpenNo    string    `arg:"open_no"`
	AccountNo AccountNo `arg:"account_no"`
	Terminal  string    `arg:"terminal"`
	CardNo    string    `arg:"card_no"`
	UID       CardUID   `arg:"uid"`
	Version   string    `arg:"version"`
	L         int64     `arg:"L"`
	B         fen.Fen   `arg:"B"`
	P         string    `arg:"P"`
	Challenge string    `arg:"challenge"`
	Desk      bool      `arg:"desk"`
	Now       string    `arg:"now"`
	NonceMS   int64     `arg:"nonce_ms"`
}

type recheckReply struct {
	Tag   string
	L     string `reply:"L"`
	B     string `reply:"B"`
	Field string `reply:"field"`
}

var cardRecheck = redisx.MustLoad[recheckCall, recheckReply](scripts, "card_recheck")

// Recheck takes a re-reading. Only one that answers a fresh challenge opens a
// conflict; only one at a desk, after people decided, ends it.
// Errors: ErrChallenge, ErrNoCard, ErrOtherCard, ErrReplay.
func (s *Store) Recheck(ctx context.Context, c Recheck, nonce Nonce) (Rechecked, error) {
	r := c.Reading
	account, err := s.AccountOfCard(ctx, r.UID)
	if err != nil {
		return Rechecked{}, err
	}
	p := partitionOf(account)
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
		reply, err := cardRecheck.Run(ctx, s.run, recheckCall{
			accountKeys: s.keys.money(p, account), Card: card, Open: load, Nonce: s.keys.nonce(p, nonce.KeyID, nonce.Value),
			Case: s.keys.cases(p), Core: s.keys.reports(p, r.UID, r.Version),
			OpenNo: open, AccountNo: account, Terminal: r.Terminal, CardNo: r.CardNo, UID: r.UID, Version: r.Version, L: r.L, B: r.B,
			P: r.purchases(), Challenge: c.Challenge, Desk: c.Desk, Now: s.now(), NonceMS: nonceLife.Milliseconds(),
		})
		if err != nil {
			return Rechecked{}, err
		}
		switch reply.Tag {
		case "CONFLICT", "REPAIRED", "AGREES": // it may freeze the account, or let its card have money again
			s.tell(ctx, account, hint{blocks: true})
		}
		if reply.Tag != "RETRY" {
			return rechecked(r, reply)
		}
	}
	return Rechecked{}, ErrMoved
}

func rechecked(r Reading, reply recheckReply) (Rechecked, error) {
	switch reply.Tag {
	case "CHALLENGE":
		return Rechecked{}, ErrChallenge
	case "NO_CARD":
		return Rechecked{}, fmt.Errorf("card %s: %w", r.UID, ErrNoCard)
	case "OTHER_CARD":
		return Rechecked{}, fmt.Errorf("card %s: %w: %s", r.UID, ErrOtherCard, reply.Field)
	case "REPLAY":
		return Rechecked{}, ErrReplay
	case "REPAIR":
		var n number
		return Rechecked{Outcome: "repair", L: n.int(reply.L), B: n.fen(reply.B)}, n.err
	}
	return Rechecked{Outcome: strings.ToLower(reply.Tag)}, nil
}
