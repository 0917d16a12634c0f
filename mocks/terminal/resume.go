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
	// Abandoned are the taps that were let go because nothing of theirs was begun.
	Abandoned []string
	Delivered []Delivery
	// Aborted are the taps of which the hub now knows that they were let go.
	Aborted []Aborted
	// Kept is how many results the journal still owes, Unaborted how many aborts.
	Kept, Unaborted int
}

// Resume sends what the journal holds without a receipt, the oldest first: a
// result as it was written, an intent without one as unknown. An authorisation
// without an intent is abandoned, and so is a tap from before the restart whose
// answer never came; the hub is told. A message that the hub refuses stays, and
// the next one is tried; without an answer Resume ends. The returned Resumed is
// good whatever the error is.
// Errors: those of every message, joined: *Problem, ErrNoAnswer, ErrGaveUp,
// ErrAnswer; ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Resume(ctx context.Context) (Resumed, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var done Resumed
	err := t.running()
	if err != nil {
		return done, err
	}
	err = t.letGoOld(&done)
	if err == nil {
		err = t.settle(ctx, &done)
	}
	done.Kept, done.Unaborted = len(t.journal.Pending()), len(t.journal.Abandoned())
	return done, err
}

// letGoOld writes down that what was not begun before a restart never will be.
func (t *Terminal) letGoOld(done *Resumed) error {
	const why = "restart before the write"
	old := t.journal.Held()
	if tap := t.journal.unanswered(); tap != nil && t.open == nil {
		old = append(old, Open{TapID: tap.TapID, CardUID: tap.CardUID})
	}
	for _, o := range old {
		_, err := t.letGoTap(o.TapID, o.CardUID, why)
		if err != nil {
			return err
		}
		done.Abandoned = append(done.Abandoned, o.TapID)
	}
	return nil
}

// settle sends results, which say where money is, and then aborts.
func (t *Terminal) settle(ctx context.Context, done *Resumed) error {
	var failed []error
	for _, o := range t.journal.Pending() {
		d, err := t.resend(ctx, o)
		if err == nil {
			done.Delivered = append(done.Delivered, d)
			continue
		}
		failed = append(failed, err)
		if !refused(err) {
			return errors.Join(failed...)
		}
	}
	for _, d := range t.journal.Abandoned() {
		a, err := t.abortIn(ctx, d)
		if err == nil {
			done.Aborted = append(done.Aborted, a)
			continue
		}
		failed = append(failed, err)
		if !refused(err) {
			break
		}
	}
	return errors.Join(failed...)
}

// refused says that the hub answered and would not: the next message may fare
// better.
func refused(err error) bool {
	var p *Problem
	return errors.As(err, &p)
}

// resend delivers one owed result. What became of an intent without a result is
// never guessed, however the card may look by now.
func (t *Terminal) resend(ctx context.Context, o Open) (Delivery, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	if o.Result == nil {
		number, err := t.numbers.take()
		if err != nil {
			return Delivery{}, err
		}
		o.Result, o.Message = &Result{Authorisation: o.Authorisation, Outcome: ResultUnknown}, &number
		err = t.note(Record{Kind: WriteResult, TapID: o.TapID, Load: o.Load, Result: o.Result, Message: o.Message})
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
