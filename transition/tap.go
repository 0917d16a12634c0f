package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of taps and results.
var (
	// ErrNoCard says that no account has such a card.
	ErrNoCard = errors.New("no such card")
	// ErrOtherCard says that number or version are not those of the card that
	// the hub knows under the UID.
	ErrOtherCard = errors.New("card does not match the hub's record")
	// ErrReplay says that the request's nonce was used before.
	ErrReplay = errors.New("nonce was used before")
	// ErrTapConflict says that the tap's id was used for another reading.
	ErrTapConflict = errors.New("tap id was used for another reading")
)

// challengeLife is how long a re-reading may take.
const challengeLife = 2 * time.Minute

// Nonce is the one-time mark of a signed request; it is used up in the step
// that the request causes.
type Nonce struct{ KeyID, Value string }

// nonceLife is longer than the window in which a signature is accepted.
const nonceLife = 10 * time.Minute

// Reading is what a terminal read from a card.
type Reading struct {
	Terminal string // the terminal's id, proven by its signature
	TapID    string // made and stored by the terminal first
	UID      CardUID
	CardNo   string
	Version  string  // of the card's personalisation
	L        int64   // load counter
	B        fen.Fen // card balance
	P        *int64  // purchase counter, if the card has one
	Proof    Proof
	// NoOffer takes the reading as evidence only: this terminal gets nothing to write.
	NoOffer bool
}

// Proof is what stands behind a reading beyond a terminal's word. The caller has
// verified it.
type Proof struct {
	Genuine bool     // the card itself vouches for L and B (MAC1)
	TAC     bool     // the card's certificate of exactly the open load
	Log     *CardLog // the newest load in the card's own log
}

// CardLog is an entry of a card's own log of loads.
type CardLog struct {
	Amount   fen.Fen
	Terminal string
}

// args are the proof as scripts take it: genuine, TAC, amount, terminal.
func (p Proof) args() proofArgs {
	a := proofArgs{Vouched: p.Genuine, TAC: p.TAC}
	if p.Log != nil {
		a.NewestAmount, a.NewestTerminal = p.Log.Amount.String(), p.Log.Terminal
	}
	return a
}

// proofArgs are a proof as scripts take it.
type proofArgs struct {
	Vouched        bool   `arg:"vouched"`
	TAC            bool   `arg:"tac"`
	NewestAmount   string `arg:"newest_amount"`
	NewestTerminal string `arg:"newest_terminal"`
}

func (r Reading) purchases() string {
	if r.P == nil {
		return ""
	}
	return strconv.FormatInt(*r.P, 10)
}

func (r Reading) fingerprint() string {
	return idempotency.Fingerprint(string(r.UID), r.CardNo, r.Version, strconv.FormatInt(r.L, 10), r.B.String(), r.purchases())
}

// Outcome is how a tap ended. Only Offer asks for a write.
type Outcome string

// The outcomes of a tap. None but Offer lets the terminal touch the card.
const (
	Offer       Outcome = "OFFER"        // write this load now
	Nothing     Outcome = "NOTHING"      // no money is pending
	Frozen      Outcome = "FROZEN"       // the account has a freeze reason
	Closed      Outcome = "CLOSED"       // the account is closed
	NotInForce  Outcome = "NOT_IN_FORCE" // another card replaced this one
	Reread      Outcome = "REREAD"       // the reading contradicts the ledger: read again
	InDoubt     Outcome = "IN_DOUBT"     // purchases hide whether the load was written
	Written     Outcome = "WRITTEN"      // counter says written, balance does not
	UnknownLoad Outcome = "UNKNOWN_LOAD" // the counter is ahead of the ledger
	Conflict    Outcome = "CONFLICT"     // evidence contradicts itself
	Dead        Outcome = "DEAD"         // this tap's attempt is over
	Recovery    Outcome = "RECOVERY"     // the hub looks for what it may have lost
	Clock       Outcome = "CLOCK"        // the caller asked for no offer
)

// Load is one write to a card, as far as its authorisation states it.
type Load struct {
	No       LoadNo
	Account  AccountNo
	UID      CardUID
	CardNo   string
	Version  string
	Attempt  int64
	Terminal string
	TapID    string
	Amount   fen.Fen
	L0       int64
	B0       fen.Fen
	P0       string // empty if the card has no purchase counter
	NotAfter time.Time
}

// TapResult is what a tap showed and brought.
type TapResult struct {
	Outcome         Outcome
	Account         AccountNo // whose card it is
	Pending         fen.Fen   // left pending after this tap
	Confirmed       LoadNo    // the load that this reading proved, or empty
	ConfirmedAmount fen.Fen
	Load            Load   // with Offer
	Challenge       string // with Reread: what Recheck has to name
}

// TapTimes bound what a tap grants.
type TapTimes struct {
	NotAfter time.Duration // how long the authorisation may be used
	Deadline time.Duration // when the load counts as in doubt
}

// Tap resolves the card's open load by what was read, then offers pending
// money. The hold is durable before Tap returns.
// Errors: ErrNoCard, ErrOtherCard, ErrReplay, ErrTapConflict; after
// ErrUnknownOutcome the terminal taps again with the same tap id.
func (s *Store) Tap(ctx context.Context, r Reading, nonce Nonce, times TapTimes) (TapResult, error) {
	account, err := s.AccountOfCard(ctx, r.UID)
	if err != nil {
		return TapResult{}, err
	}
	for range tries {
		open, reply, err := s.tap(ctx, account, r, nonce, times)
		if err != nil {
			return TapResult{}, err
		}
		if reply.Tag == "RETRY" {
			continue
		}
		done, err := tapped(account, r, reply)
		if err == nil && open != "" && done.Confirmed != open && done.Load.No != open {
			// The open load was neither proved nor given out again: the reading may have
			// released it, and what was owed is paid from it.
			s.tell(ctx, account, hint{blocks: true})
		}
		return done, err
	}
	return TapResult{}, ErrMoved
}

type tapCall struct {
	accountKeys
	Card           string    `key:"card"`
	Doubt          string    `key:"doubt"`
	Tap            string    `key:"tap"`
	Nonce          string    `key:"nonce"`
	Open           string    `key:"open"`
	New            string    `key:"new"`
	Claim          string    `key:"claim"`
	Case           string    `key:"case"`
	Core           string    `key:"core"`
	Epoch          string    `key:"epoch"`
	OpenNo         LoadNo    `arg:"open_no"`
	NewNo          LoadNo    `arg:"new_no"`
	AccountNo      AccountNo `arg:"account_no"`
	Terminal       string    `arg:"terminal"`
	TapID          string    `arg:"tap_id"`
	CardNo         string    `arg:"card_no"`
	UID            CardUID   `arg:"uid"`
	Version        string    `arg:"version"`
	L              int64     `arg:"L"`
	B              fen.Fen   `arg:"B"`
	P              string    `arg:"P"`
	Fingerprint    string    `arg:"fingerprint"`
	Now            string    `arg:"now"`
	NotAfter       string    `arg:"not_after"`
	Deadline       string    `arg:"deadline"`
	NonceMS        int64     `arg:"nonce_ms"`
	Challenge      string    `arg:"challenge"`
	ChallengeUntil string    `arg:"challenge_until"`
	OfferNothing   bool      `arg:"offer_nothing"`
	proofArgs
}

type tapReply struct {
	Tag             string
	Pending         string `reply:"pending"`
	Confirmed       string `reply:"confirmed"`
	ConfirmedAmount string `reply:"confirmed_amount"`
	Load            string `reply:"load"`
	N               string `reply:"n"`
	Amount          string `reply:"amount"`
	L0              string `reply:"L0"`
	B0              string `reply:"B0"`
	P0              string `reply:"P0"`
	NotAfter        string `reply:"not_after"`
	Challenge       string `reply:"challenge"`
	Field           string `reply:"field"`
}

var tapScript = redisx.MustLoad[tapCall, tapReply](scripts, "tap")

// tap names the keys as the card's record stands, and runs the script.
func (s *Store) tap(ctx context.Context, account AccountNo, r Reading, nonce Nonce, times TapTimes) (open LoadNo, reply tapReply, err error) {
	p, now := partitionOf(account), s.clock()
	card, err := s.client().HMGet(ctx, s.keys.card(p, r.UID), "open", "open_l0").Result()
	if err := read("card", err); err != nil {
		return "", tapReply{}, err
	}
	counter, _ := card[1].(string)
	no, _ := card[0].(string)
	open = LoadNo(no)
	if open == "" {
		counter = strconv.FormatInt(r.L, 10)
	}
	fresh := s.loadNo(p, now)
	current := open
	if current == "" {
		current = fresh
	}
	reply, err = tapScript.Run(ctx, s.run, tapCall{
		accountKeys: s.keys.money(p, account), Card: s.keys.card(p, r.UID), Doubt: s.keys.doubt(p),
		Tap: s.keys.tap(p, r.Terminal, r.TapID), Nonce: s.keys.nonce(p, nonce.KeyID, nonce.Value), Open: s.keys.load(p, current),
		New: s.keys.load(p, fresh), Claim: s.keys.claim(p, r.UID, r.Version, counter), Case: s.keys.cases(p),
		Core: s.keys.reports(p, r.UID, r.Version), Epoch: s.keys.epoch(p),
		OpenNo: open, NewNo: fresh, AccountNo: account, Terminal: r.Terminal, TapID: r.TapID, CardNo: r.CardNo, UID: r.UID, Version: r.Version,
		L: r.L, B: r.B, P: r.purchases(), Fingerprint: r.fingerprint(), proofArgs: r.Proof.args(),
		Now: millis(now), NotAfter: millis(now.Add(times.NotAfter)), Deadline: millis(now.Add(times.Deadline)), NonceMS: nonceLife.Milliseconds(),
		Challenge: s.token(), ChallengeUntil: millis(now.Add(challengeLife)), OfferNothing: r.NoOffer,
	})
	return open, reply, err
}

func tapped(account AccountNo, r Reading, reply tapReply) (TapResult, error) {
	switch reply.Tag {
	case "NO_CARD":
		return TapResult{}, fmt.Errorf("card %s: %w", r.UID, ErrNoCard)
	case "OTHER_CARD":
		return TapResult{}, fmt.Errorf("card %s: %w: %s", r.UID, ErrOtherCard, reply.Field)
	case "REPLAY":
		return TapResult{}, ErrReplay
	case "TAP_CONFLICT":
		return TapResult{}, ErrTapConflict
	}
	var n number
	t := TapResult{
		Outcome: Outcome(reply.Tag), Account: account, Pending: n.fen(reply.Pending), Confirmed: LoadNo(reply.Confirmed),
		ConfirmedAmount: n.fen(reply.ConfirmedAmount), Challenge: reply.Challenge,
	}
	if t.Outcome == Offer {
		t.Load = Load{
			No: LoadNo(reply.Load), Account: account, UID: r.UID, CardNo: r.CardNo, Version: r.Version,
			Attempt: n.int(reply.N), Terminal: r.Terminal, TapID: r.TapID, Amount: n.fen(reply.Amount),
			L0: n.int(reply.L0), B0: n.fen(reply.B0), P0: reply.P0, NotAfter: n.time(reply.NotAfter),
		}
	}
	if n.err != nil {
		return TapResult{}, fmt.Errorf("reply of tap: %w", n.err)
	}
	return t, nil
}
