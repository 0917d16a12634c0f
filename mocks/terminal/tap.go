package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// ErrNothingToRetry says that no tap of this terminal still waits for its answer.
var ErrNothingToRetry = errors.New("terminal simulator: no tap to repeat")

// Outcome is what became of a tap.
type Outcome string

// The outcomes.
const (
	// OutcomeNoAnswer: no usable answer came; the card is untouched. Retry may
	// repeat the tap.
	OutcomeNoAnswer Outcome = ""
	// OutcomeNone: the hub has nothing for this card; Reason says why.
	OutcomeNone Outcome = "none"
	// OutcomeAbandoned: the terminal let the tap go for good before any write,
	// with or without an authorisation; the error says why.
	OutcomeAbandoned Outcome = "abandoned"
	// OutcomeWritten: the card holds the load.
	OutcomeWritten Outcome = "written"
	// OutcomeUnknown: only the card knows; the next tap will tell.
	OutcomeUnknown Outcome = "unknown"
)

// TapOutcome is what one tap came to.
type TapOutcome struct {
	TapID   string
	Outcome Outcome
	// Reason is the hub's, with OutcomeNone.
	Reason     string
	PendingFen int64
	// Confirmed is an earlier load that this tap proved.
	Confirmed *Confirmed

	// Load, AmountFen and Attempt are those of the authorisation, if there was one.
	Load      string
	AmountFen int64
	Attempt   int64
	// Receipt is the hub's for the result; nil as long as the journal owes it.
	Receipt *Receipt

	// Before is the card as it was read, After as it was read back after a write.
	Before CardData
	After  *CardData
}

// presence is one card in the field with its tap, in memory only.
type presence struct {
	card    *Card
	reading Reading
	tap     Tap
}

// Tap serves one presence of a card, from reading it to the hub's receipt. The
// outcome is good whatever the error is; a meal goes on in any case.
//
// Errors: ErrCard, ErrCardGone, ErrCounter (the card changed before the write),
// ErrNoAnswer, ErrGaveUp, ErrAnswer, ErrAuthorisation, ErrExpired, *Problem,
// ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Tap(ctx context.Context, c *Card) (TapOutcome, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.begin()
	if err != nil {
		return TapOutcome{}, err
	}
	reading, err := c.Read()
	if err != nil {
		return TapOutcome{}, fmt.Errorf("tap: %w", err)
	}
	id, err := t.random()
	if err != nil {
		return TapOutcome{}, err
	}
	p := &presence{card: c, reading: reading, tap: Tap{
		TapID: id, CardNo: reading.CardNo, CardUID: reading.UID, Version: reading.Version,
		L: reading.L, B: reading.B, P: reading.counter(),
	}}
	out := TapOutcome{TapID: id, Before: reading.CardData}
	err = t.step(StepTap)
	if err != nil {
		return out, err
	}
	err = t.note(Record{Kind: TapSent, TapID: id, Tap: &p.tap})
	if err != nil {
		return out, err
	}
	t.open = p
	return t.counted(t.serve(ctx, p))
}

// counted tells Options.Count of a card that was away.
func (t *Terminal) counted(out TapOutcome, err error) (TapOutcome, error) {
	if errors.Is(err, ErrCardGone) {
		t.count(EventCardGone)
	}
	return out, err
}

// Retry repeats the tap whose answer never came: the same tap id, signed anew.
// It works only as long as the card stayed where it was.
// Errors: ErrNothingToRetry, and those of Tap.
func (t *Terminal) Retry(ctx context.Context) (TapOutcome, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.running()
	if err != nil {
		return TapOutcome{}, err
	}
	p := t.open
	if p == nil {
		return TapOutcome{}, ErrNothingToRetry
	}
	now, err := p.card.ReadAgain(p.reading.Presence)
	if err == nil && now != p.reading.CardData {
		err = ErrCounter
	}
	if err != nil {
		out := TapOutcome{TapID: p.tap.TapID, Outcome: OutcomeAbandoned, Before: p.reading.CardData}
		return t.counted(out, t.abandon(p, err))
	}
	return t.counted(t.serve(ctx, p))
}

// begin lets a tap go that still waits: its late answer must never be used
// beside that of a new one.
func (t *Terminal) begin() error {
	err := t.running()
	if err != nil || t.open == nil {
		return err
	}
	id := t.open.tap.TapID
	t.open = nil
	return t.note(Record{Kind: TapAbandoned, TapID: id, Reason: "a new tap"})
}

// serve sends the tap and does what the answer says.
func (t *Terminal) serve(ctx context.Context, p *presence) (TapOutcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	out := TapOutcome{TapID: p.tap.TapID, Before: p.reading.CardData}
	err := t.step(StepTapSend)
	if err != nil {
		return out, err
	}
	var answer TapAnswer
	err = t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/taps"}, p.tap, &answer)
	if err != nil {
		return out, fmt.Errorf("tap %s: %w", out.TapID, err)
	}
	out.PendingFen, out.Confirmed = answer.PendingFen, answer.Confirmed
	switch answer.Outcome {
	case "load":
		return t.load(ctx, p, answer, out)
	case "none":
		out.Outcome, out.Reason = OutcomeNone, answer.Reason
		t.open = nil
		t.log.Info("tap", "tap", out.TapID, "outcome", "none", "reason", answer.Reason)
		return out, nil
	}
	return out, fmt.Errorf("tap %s: %w: outcome %q", out.TapID, ErrAnswer, answer.Outcome)
}

// abandon writes down that nothing of this tap will be used, and returns why.
func (t *Terminal) abandon(p *presence, why error) error {
	t.open = nil
	err := t.note(Record{Kind: TapAbandoned, TapID: p.tap.TapID, Reason: why.Error()})
	return errors.Join(fmt.Errorf("tap %s abandoned: %w", p.tap.TapID, why), err)
}

// note makes a record durable.
func (t *Terminal) note(r Record) error {
	r.At = t.now().UTC()
	err := t.journal.Append(r)
	if err != nil {
		return fmt.Errorf("tap %s: %w", r.TapID, err)
	}
	t.log.Info("journal", "kind", string(r.Kind), "tap", r.TapID, "load", r.Load)
	return nil
}
