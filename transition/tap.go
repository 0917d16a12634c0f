package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guodu/idempotency"
	"guodu/internal/fen"
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
func (p Proof) args() [4]string {
	var a [4]string
	if p.Genuine {
		a[0] = "1"
	}
	if p.TAC {
		a[1] = "1"
	}
	if p.Log != nil {
		a[2], a[3] = p.Log.Amount.String(), p.Log.Terminal
	}
	return a
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
		if reply[0] == "RETRY" {
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

// tap names the keys as the card's record stands, and runs the script.
func (s *Store) tap(ctx context.Context, account AccountNo, r Reading, nonce Nonce, times TapTimes) (open LoadNo, reply []string, err error) {
	p, now := partitionOf(account), s.clock()
	card, err := s.client().HMGet(ctx, s.keys.card(p, r.UID), "open", "open_l0").Result()
	if err := read("card", err); err != nil {
		return "", nil, err
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
	proof, quiet := r.Proof.args(), ""
	if r.NoOffer {
		quiet = "1"
	}
	keys := []string{
		s.keys.account(p, account), s.keys.entries(p, account), s.keys.tot(p), s.keys.card(p, r.UID), s.keys.doubt(p),
		s.keys.tap(p, r.Terminal, r.TapID), s.keys.nonce(p, nonce.KeyID, nonce.Value), s.keys.load(p, current),
		s.keys.load(p, fresh), s.keys.claim(p, r.UID, r.Version, counter), s.keys.cases(p),
		s.keys.reports(p, r.UID, r.Version), s.keys.epoch(p),
	}
	reply, err = s.enter(ctx, s.scripts.tap, keys,
		string(open), string(fresh), string(account), r.Terminal, r.TapID, r.CardNo, string(r.UID), r.Version,
		strconv.FormatInt(r.L, 10), r.B.String(), r.purchases(), r.fingerprint(), millis(now),
		millis(now.Add(times.NotAfter)), millis(now.Add(times.Deadline)), strconv.FormatInt(nonceLife.Milliseconds(), 10),
		proof[0], proof[1], proof[2], proof[3], s.token(), millis(now.Add(challengeLife)), quiet)
	return open, reply, err
}

func tapped(account AccountNo, r Reading, reply []string) (TapResult, error) {
	switch reply[0] {
	case "NO_CARD":
		return TapResult{}, fmt.Errorf("card %s: %w", r.UID, ErrNoCard)
	case "OTHER_CARD":
		return TapResult{}, fmt.Errorf("card %s: %w: %s", r.UID, ErrOtherCard, reply[1])
	case "REPLAY":
		return TapResult{}, ErrReplay
	case "TAP_CONFLICT":
		return TapResult{}, ErrTapConflict
	}
	if len(reply) != 12 {
		return TapResult{}, unexpected("tap", reply)
	}
	var n number
	t := TapResult{
		Outcome: Outcome(reply[0]), Account: account, Pending: n.fen(reply[1]), Confirmed: LoadNo(reply[2]), ConfirmedAmount: n.fen(reply[3]),
		Challenge: reply[11],
	}
	if t.Outcome == Offer {
		t.Load = Load{
			No: LoadNo(reply[4]), Account: account, UID: r.UID, CardNo: r.CardNo, Version: r.Version,
			Attempt: n.int(reply[5]), Terminal: r.Terminal, TapID: r.TapID, Amount: n.fen(reply[6]),
			L0: n.int(reply[7]), B0: n.fen(reply[8]), P0: reply[9], NotAfter: n.time(reply[10]),
		}
	}
	if n.err != nil {
		return TapResult{}, fmt.Errorf("%w: %w", unexpected("tap", reply), n.err)
	}
	return t, nil
}
