package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"guodu/mocks/terminal"
)

// Report is what a run came to.
type Report struct {
	Live
	Seed  int64
	Busy  time.Duration // that cards came, and their taps ended
	Rate  float64       // taps a second
	Cards int
	Loads int // that the hub says are done
	// BeganFen is what all cards held, EndedFen what they hold, LoadedFen what
	// the hub says it loaded.
	BeganFen, EndedFen, LoadedFen int64
	Quarantined                   int
	// Problems are what does not add up; none is a good run.
	Problems []string
}

// ClosingTaps bounds how often a card is tapped in the end.
const ClosingTaps = 8

// account lets everybody come back, and adds up.
func (r *run) account(ctx context.Context, busy time.Duration) (Report, error) {
	report := Report{Seed: r.o.Seed, Busy: busy, Cards: len(r.cards)}
	problems := []error{r.settleAll(ctx)}
	problems = append(problems, each(len(r.cards), 32, func(i int) error { return r.lastTaps(ctx, i) }))
	problems = append(problems, r.settleAll(ctx), r.ask(ctx))
	if err := ctx.Err(); err != nil {
		return report, fmt.Errorf("closing: %w", err)
	}
	for _, s := range r.seats {
		report.Quarantined += len(s.terminal.Quarantined())
		unsent, err := s.terminal.Unsent()
		if len(unsent) > 0 {
			err = fmt.Errorf("terminal %s has %d records unsent", s.options.ID, len(unsent))
		}
		problems = append(problems, err)
	}
	if report.Quarantined > 0 {
		problems = append(problems, fmt.Errorf("%d records are in quarantine", report.Quarantined))
	}
	sums := r.sums()
	for i := range r.cards {
		problems = append(problems, r.addUp(i, sums[i], &report))
	}
	report.Live = r.tally.live()
	report.Elapsed = time.Since(r.began)
	report.Rate = float64(report.Came) / busy.Seconds()
	report.Problems = lines(problems)
	return report, nil
}

// lines are the single errors in words.
func lines(all []error) []string {
	var text []string
	for _, err := range all {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			text = append(text, lines(joined.Unwrap())...)
		} else if err != nil {
			text = append(text, err.Error())
		}
	}
	slices.Sort(text)
	return text
}

// settleAll brings every terminal back, until it owes nothing and its journal
// is with the hub.
func (r *run) settleAll(ctx context.Context) error {
	return each(len(r.seats), 16, func(i int) error {
		s := r.seats[i]
		s.mu.Lock()
		defer s.mu.Unlock()
		s.doom = ""
		wasOff := s.terminal == nil
		var err error
		for range 5 {
			var done terminal.Resumed
			done, err = s.catchUp(ctx)
			r.tally.receipts(done.Delivered)
			if err == nil {
				_, err = s.terminal.UploadJournal(ctx)
			}
			if err == nil && done.Kept+done.Unaborted == 0 {
				break
			}
		}
		if wasOff {
			r.tally.restarted()
		}
		if err != nil {
			return fmt.Errorf("terminal %s: %w", s.options.ID, err)
		}
		if left := len(s.terminal.Journal().Pending()); left > 0 {
			return fmt.Errorf("terminal %s owes %d results", s.options.ID, left)
		}
		return nil
	})
}

// lastTaps taps a card until nothing waits for it.
func (r *run) lastTaps(ctx context.Context, card int) error {
	h := r.cards[card]
	seat := card % len(r.seats)
	s := r.seats[seat]
	s.mu.Lock()
	defer s.mu.Unlock()
	var out terminal.TapOutcome
	var err error
	for range ClosingTaps {
		out, err = s.terminal.Tap(ctx, h.card)
		r.tally.file(card, seat, out)
		h.card.Leave()
		if out.Outcome == terminal.OutcomeNone && !stuck(out.Reason) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("card %s: %w", h.began.CardNo, err)
	}
	return fmt.Errorf("card %s: the last tap ends %s %s with %d fen pending", h.began.CardNo, out.Outcome, out.Reason, out.PendingFen)
}

// stuck says that money of the card is neither on it nor free.
func stuck(reason string) bool {
	return slices.Contains([]string{"reread", "in_doubt", "written", "unknown_load", "conflict", "recovery", "dead"}, reason)
}

// ask asks the hub for the loads of which no terminal heard the end.
func (r *run) ask(ctx context.Context) error {
	type open struct {
		no   string
		seat int
	}
	var all []open
	r.tally.mu.Lock()
	for no, l := range r.tally.loads {
		if !l.done() {
			all = append(all, open{no, l.seat})
		}
	}
	r.tally.mu.Unlock()
	return each(len(all), 16, func(i int) error {
		status, err := r.seats[all[i].seat].terminal.Status(ctx, all[i].no)
		if err != nil {
			return err
		}
		r.tally.receipts([]terminal.Delivery{{Load: all[i].no, Receipt: terminal.Receipt{State: status.State}}})
		if !slices.Contains([]string{"CONFIRMED", "FORCED", "CANCELLED"}, status.State) {
			return fmt.Errorf("load %s ends as %s", all[i].no, status.State)
		}
		return nil
	})
}

// sum is what the hub says came on to a card.
type sum struct{ fen, times int64 }

func (r *run) sums() map[int]sum {
	sums := map[int]sum{}
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	for _, l := range r.tally.loads {
		if l.done() {
			s := sums[l.card]
			sums[l.card] = sum{s.fen + l.amount, s.times + 1}
		}
	}
	return sums
}

// addUp compares a card with its receipts.
func (r *run) addUp(i int, loaded sum, report *Report) error {
	h := r.cards[i]
	ended, err := h.card.Peek()
	if err != nil {
		return err
	}
	report.BeganFen += h.began.B
	report.EndedFen += ended.B
	report.LoadedFen += loaded.fen
	report.Loads += int(loaded.times)
	var problems []error
	if h.began.B+loaded.fen != ended.B {
		problems = append(problems, fmt.Errorf("card %s held %d fen, was loaded with %d, and holds %d", ended.CardNo, h.began.B, loaded.fen, ended.B))
	}
	if h.began.L+loaded.times != ended.L {
		problems = append(problems, fmt.Errorf("card %s counted %d, was loaded %d times, and counts %d", ended.CardNo, h.began.L, loaded.times, ended.L))
	}
	if want := r.o.Cards[i].ExpectFen; want != nil && *want != loaded.fen {
		problems = append(problems, fmt.Errorf("card %s was loaded with %d fen, and %d were expected", ended.CardNo, loaded.fen, *want))
	}
	return errors.Join(problems...)
}
