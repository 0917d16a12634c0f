package fleet

import (
	"context"
	"errors"
	"time"

	"guodu/mocks/terminal"
)

// tap is one card that comes.
func (r *run) tap(ctx context.Context, a arrival) {
	came := time.Now()
	h := r.cards[a.card]
	h.mu.Lock() // the holder may still be at another window
	defer h.mu.Unlock()
	i := r.free(a.seat)
	if i < 0 {
		r.tally.left("no terminal", time.Since(came))
		return
	}
	s := r.seats[i]
	defer s.mu.Unlock()
	if a.doom != "" && s.doom == "" {
		s.doom = a.doom // if this tap does not come by the step, a later one does
	}
	out, err := s.terminal.Tap(ctx, h.card)
	r.tally.file(a.card, i, out)
	if again(err) {
		out, err = s.terminal.Retry(ctx)
		r.tally.file(a.card, i, out)
	}
	h.card.Leave()
	r.tally.left(word(out, err), time.Since(came))
	if s.died(err) {
		r.tally.death()
		r.rests.Go(func() { r.restart(ctx, s, time.Since(r.began)+a.repose) })
	}
}

// again says that a terminal repeats a tap.
func again(err error) bool {
	return errors.Is(err, terminal.ErrNoAnswer) || errors.Is(err, terminal.ErrUnavailable)
}

// word is what a tap is counted as.
func word(out terminal.TapOutcome, err error) string {
	var refused *terminal.Problem
	switch {
	case errors.Is(err, terminal.ErrCrashed):
		return "died"
	case out.Outcome == terminal.OutcomeNone:
		return out.Reason
	case out.Outcome != terminal.OutcomeNoAnswer:
		return string(out.Outcome)
	case errors.As(err, &refused):
		return refused.Type
	}
	return "no answer"
}

// free takes the terminal that a card came to, or the next one that has power
// and nobody at it, and returns it locked; -1 if there is none with power.
func (r *run) free(first int) int {
	for k := range r.seats {
		i := (first + k) % len(r.seats)
		if !r.seats[i].mu.TryLock() {
			continue
		}
		if r.seats[i].terminal != nil {
			return i
		}
		r.seats[i].mu.Unlock()
	}
	r.seats[first].mu.Lock() // all are busy: the card waits where it is
	if r.seats[first].terminal != nil {
		return first
	}
	r.seats[first].mu.Unlock()
	return -1
}

// restart gives a terminal its power back and lets it send what it owes.
func (r *run) restart(ctx context.Context, s *seat, at time.Duration) {
	err := r.o.Wait(ctx, at)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	done, err := s.catchUp(ctx)
	r.tally.receipts(done.Delivered)
	r.tally.restarted()
	if s.died(err) { // it can die while it sends, too
		r.tally.death()
		r.rests.Go(func() { r.restart(ctx, s, at+time.Second) })
		return
	}
	if err == nil {
		_, _ = s.terminal.UploadJournal(ctx) // what it could not send it keeps for the end
	}
}
