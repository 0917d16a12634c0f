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
	// OutcomeBlocked: the card is on the blocklist; the hub was not asked.
	// Reason is the list's.
	OutcomeBlocked Outcome = "blocked"
)

// TapOutcome is what one tap came to.
type TapOutcome struct {
	TapID   string
	Outcome Outcome
	// Reason is the hub's, with OutcomeNone, or the blocklist's.
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
	// Dropped is the hub's answer to the abort or the re-read of an abandoned
	// tap; nil as long as the terminal owes it.
	Dropped *Aborted
	// Reread is the hub's answer to the reading that it challenged for.
	Reread *RereadAnswer

	// Before is the card as it was read, After as it was read back after a write.
	Before CardData
	After  *CardData
}

// presence is one card in the field with its tap, in memory only.
type presence struct {
	card    *Card
	reading Reading
	tap     Tap
	number  Number
	then    then
}

// then is what to do with an authorisation.
type then int

const (
	thenWrite  then = iota
	thenAbort       // drop it and say so
	thenReread      // drop it, read the card again and say what it shows
)

// Tap serves one presence of a card, from reading it to the hub's receipt. The
// outcome is good whatever the error is; a meal goes on in any case. If the hub
// wants the card read again, that is done in the same presence.
//
// A tap that another one or a restart lets go is abandoned, and the hub is told;
// if it cannot be told now, Resume does it.
//
// Errors: ErrCard, ErrCardGone, ErrCounter (the card changed before the write),
// ErrNoAnswer, ErrGaveUp, ErrAnswer, ErrAuthorisation, ErrExpired, *Problem,
// ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Tap(ctx context.Context, c *Card) (TapOutcome, error) {
	return t.tap(ctx, c, thenWrite)
}

// TapAndAbort is a tap whose authorisation, if one comes, is dropped, as a
// cashier does who cancels. Errors: ErrDropped with an authorisation, and those
// of Tap.
func (t *Terminal) TapAndAbort(ctx context.Context, c *Card) (TapOutcome, error) {
	return t.tap(ctx, c, thenAbort)
}

// TapAndReread is TapAndAbort, and the card is read once more in this presence:
// unchanged, it proves that no attempt so far was written.
// Errors: ErrDropped with an authorisation, and those of Tap.
func (t *Terminal) TapAndReread(ctx context.Context, c *Card) (TapOutcome, error) {
	return t.tap(ctx, c, thenReread)
}

func (t *Terminal) tap(ctx context.Context, c *Card, next then) (TapOutcome, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	err := t.letGo(ctx)
	if err != nil {
		return TapOutcome{}, err
	}
	reading, err := c.Read()
	if err != nil {
		return TapOutcome{}, fmt.Errorf("tap: %w", err)
	}
	if b, blocked := t.told.blocked(reading.UID); blocked {
		return TapOutcome{Outcome: OutcomeBlocked, Reason: b.Reason, Before: reading.CardData}, nil
	}
	id, err := t.random()
	if err != nil {
		return TapOutcome{}, err
	}
	p := &presence{card: c, reading: reading, tap: reading.tap(id), then: next}
	out := TapOutcome{TapID: id, Before: reading.CardData}
	err = t.step(StepTap)
	if err != nil {
		return out, err
	}
	p.number, err = t.numbers.take()
	if err != nil {
		return out, err
	}
	err = t.note(Record{Kind: TapSent, TapID: id, Tap: &p.tap, Message: &p.number})
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

// Retry repeats the tap whose answer never came: the same tap id and message
// number, signed anew. It works only as long as the card stayed where it was.
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
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	now, err := p.card.ReadAgain(p.reading.Presence)
	if err == nil && now != p.reading.CardData {
		err = ErrCounter
	}
	if err != nil {
		out := TapOutcome{TapID: p.tap.TapID, Before: p.reading.CardData}
		return t.counted(t.abandon(ctx, p, out, err))
	}
	return t.counted(t.serve(ctx, p))
}

// serve sends the tap and does what the answer says.
func (t *Terminal) serve(ctx context.Context, p *presence) (TapOutcome, error) {
	out := TapOutcome{TapID: p.tap.TapID, Before: p.reading.CardData}
	err := t.step(StepTapSend)
	if err != nil {
		return out, err
	}
	var answer TapAnswer
	err = t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/taps", Seq: p.number.String()}, p.tap, &answer)
	if err != nil {
		if final(err) {
			t.open = nil
			t.journal.answered(out.TapID)
		}
		return out, fmt.Errorf("tap %s: %w", out.TapID, err)
	}
	out.PendingFen, out.Confirmed = answer.PendingFen, answer.Confirmed
	switch answer.Outcome {
	case "load":
		return t.load(ctx, p, answer, out)
	case "none":
		out.Outcome, out.Reason = OutcomeNone, answer.Reason
		t.open = nil
		t.journal.answered(out.TapID)
		t.log.Info("tap", "tap", out.TapID, "outcome", "none", "reason", answer.Reason)
		if answer.Challenge == "" {
			return out, nil
		}
		out.Reread, err = t.takeUp(ctx, p, answer.Challenge)
		return out, err
	}
	return out, fmt.Errorf("tap %s: %w: outcome %q", out.TapID, ErrAnswer, answer.Outcome)
}

// final says that the hub provably refused a tap and would refuse it again: no
// attempt came of it.
func final(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Proved && (hopeless(p) || errors.Is(p, ErrMalformed) || errors.Is(p, ErrSeqConflict))
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
