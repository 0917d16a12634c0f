package terminal

import (
	"context"
	"errors"
)

// Delivery is a result that the hub has acknowledged.
type Delivery struct {
	TapID   string
	Load    string
	Outcome string // ResultWritten or ResultUnknown
	Receipt Receipt
}

// Resumed is what a Resume did.
type Resumed struct {
	// Abandoned are the taps whose authorisation was never begun. The hub is not
	// told: the wire has no message for it.
	Abandoned []string
	Delivered []Delivery
	// Kept is how many results the journal still owes.
	Kept int
}

// Resume sends what the journal holds without a receipt, the oldest first: a
// result as it was written, an intent without one as unknown. An authorisation
// without an intent is abandoned. A result that the hub refuses stays, and the
// next one is tried; without an answer Resume ends. The returned Resumed is good
// whatever the error is.
// Errors: those of every result, joined: *Problem, ErrNoAnswer, ErrGaveUp,
// ErrAnswer; ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Resume(ctx context.Context) (Resumed, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var done Resumed
	err := t.running()
	if err != nil {
		return done, err
	}
	for _, o := range t.journal.Held() {
		err := t.note(Record{Kind: TapAbandoned, TapID: o.TapID, Reason: "restart before the write"})
		if err != nil {
			return done, err
		}
		done.Abandoned = append(done.Abandoned, o.TapID)
	}
	var failed []error
	for _, o := range t.journal.Pending() {
		d, err := t.resend(ctx, o)
		if err == nil {
			done.Delivered = append(done.Delivered, d)
			continue
		}
		failed = append(failed, err)
		var refused *Problem
		if !errors.As(err, &refused) {
			break
		}
	}
	done.Kept = len(t.journal.Pending())
	return done, errors.Join(failed...)
}

// resend delivers one owed result. What became of an intent without a result is
// never guessed, however the card may look by now.
func (t *Terminal) resend(ctx context.Context, o Open) (Delivery, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	if o.Result == nil {
		o.Result = &Result{Authorisation: o.Authorisation, Outcome: ResultUnknown}
		err := t.note(Record{Kind: WriteResult, TapID: o.TapID, Load: o.Load, Result: o.Result})
		if err != nil {
			return Delivery{}, err
		}
	}
	receipt, err := t.deliver(ctx, o)
	if err != nil {
		return Delivery{}, err
	}
	return Delivery{TapID: o.TapID, Load: o.Load, Outcome: o.Result.Outcome, Receipt: receipt}, nil
}
