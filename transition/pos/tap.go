package pos

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"guodu/internal/failpoint"
	"guodu/internal/fen"
	"guodu/transition"
)

var (
	tapForm  = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)
	wordForm = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
)

// tapRequest is the body of POST /taps.
type tapRequest struct {
	TapID string `json:"tap_id"`
	reading
	proofFields
}

// reading is what a terminal read from a card.
type reading struct {
	CardNo  string   `json:"card_no"`
	CardUID string   `json:"card_uid"`
	Version string   `json:"version"`
	L       *int64   `json:"L"`
	B       *fen.Fen `json:"B"`
	P       *int64   `json:"P"`
}

// counterMax bounds the counters that a card can have.
const counterMax = 1<<32 - 1

// check turns what came over the wire into a reading.
func (r reading) check(terminal string) (transition.Reading, error) {
	bad := func(what string) (transition.Reading, error) {
		return transition.Reading{}, fmt.Errorf("%w: %s", errMalformed, what)
	}
	uid, err := transition.ParseCardUID(r.CardUID)
	if err != nil {
		return transition.Reading{}, err
	}
	if err := readBack(r.L, r.B, r.P); err != nil {
		return transition.Reading{}, err
	}
	switch {
	case !wordForm.MatchString(r.CardNo):
		return bad("card_no must be 1 to 32 letters and digits")
	case !wordForm.MatchString(r.Version):
		return bad("version must be 1 to 32 letters and digits")
	case r.L == nil || r.B == nil:
		return bad("L and B must be read")
	}
	return transition.Reading{Terminal: terminal, UID: uid, CardNo: r.CardNo, Version: r.Version, L: *r.L, B: *r.B, P: r.P}, nil
}

// readBack bounds counters and balance of a card, as far as they were read.
func readBack(l *int64, b *fen.Fen, p *int64) error {
	for name, counter := range map[string]*int64{"L": l, "P": p} {
		if counter != nil && (*counter < 0 || *counter > counterMax) {
			return fmt.Errorf("%w: %s must be a counter", errMalformed, name)
		}
	}
	if b != nil && (*b < -fen.Max || *b > fen.Max) {
		return fmt.Errorf("%w: B must be an amount in fen", errMalformed)
	}
	return nil
}

func (r tapRequest) read(terminal string) (transition.Reading, error) {
	if !tapForm.MatchString(r.TapID) {
		return transition.Reading{}, fmt.Errorf("%w: tap_id must be 8 to 64 of 0-9 A-Z a-z _ -", errMalformed)
	}
	if err := r.proofFields.check(); err != nil {
		return transition.Reading{}, err
	}
	read, err := r.reading.check(terminal)
	read.TapID, read.Proof = r.TapID, r.proof()
	return read, err
}

// tapAnswer is the answer to POST /taps.
type tapAnswer struct {
	Outcome       string            `json:"outcome"`
	Reason        string            `json:"reason,omitempty"`
	Pending       fen.Fen           `json:"pending_fen"`
	Challenge     string            `json:"challenge,omitempty"`
	Confirmed     *confirmed        `json:"confirmed,omitempty"`
	Load          transition.LoadNo `json:"load,omitempty"`
	Amount        fen.Fen           `json:"amount_fen,omitempty"`
	Attempt       int64             `json:"attempt,omitempty"`
	L0            *int64            `json:"L0,omitempty"`
	B0            *fen.Fen          `json:"B0,omitempty"`
	NotAfter      *time.Time        `json:"not_after,omitempty"`
	Authorisation string            `json:"authorisation,omitempty"`
}

type confirmed struct {
	Load   transition.LoadNo `json:"load"`
	Amount fen.Fen           `json:"amount_fen"`
}

// reason is a tap's outcome in the words of the wire.
func reason(o transition.Outcome) string {
	switch o {
	case transition.Nothing:
		return "nothing_pending"
	case transition.Closed:
		return "account_closed"
	default:
		return strings.ToLower(string(o))
	}
}

func (h *Handler) tap(c call) (any, error) {
	var request tapRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	reading, err := request.read(c.signed.Terminal.ID)
	if err != nil {
		return nil, err
	}
	// A terminal that does not know the time cannot know when a load is over; what
	// it reads is evidence as any other's.
	reading.NoOffer = c.signed.Terminal.Seen.ClockOffset.Abs() > offerOffset
	failpoint.Hit("pos.tap.begin")
	t, err := h.config.Ledger.Tap(c.ctx, reading, c.nonce(), h.config.Times)
	if err != nil {
		return nil, err
	}
	failpoint.Hit("pos.tap.done")
	answer := tapAnswer{Outcome: "none", Pending: t.Pending}
	if t.Confirmed != "" {
		answer.Confirmed = &confirmed{t.Confirmed, t.ConfirmedAmount}
		h.config.Loaded(Loaded{
			No: t.Confirmed, Account: t.Account, Amount: t.ConfirmedAmount, At: h.config.Clock(), Place: c.signed.Terminal.Place,
		})
	}
	if t.Outcome != transition.Offer {
		answer.Reason, answer.Challenge = reason(t.Outcome), t.Challenge
		h.config.Log.Info("tap", "terminal", reading.Terminal, "card", reading.UID, "reason", answer.Reason, "confirmed", t.Confirmed)
		return answer, nil
	}
	answer.Authorisation, err = Authorise(h.config.Key, t.Load)
	if err != nil {
		return nil, err
	}
	l := t.Load
	notAfter := l.NotAfter.UTC()
	answer.Outcome, answer.Load, answer.Amount, answer.Attempt = "load", l.No, l.Amount, l.Attempt
	answer.L0, answer.B0, answer.NotAfter = &l.L0, &l.B0, &notAfter
	h.config.Log.Info("tap", "terminal", reading.Terminal, "card", reading.UID, "load", l.No, "attempt", l.Attempt,
		"amount_fen", int64(l.Amount), "confirmed", t.Confirmed)
	return answer, nil
}
