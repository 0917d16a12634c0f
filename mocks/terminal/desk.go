package terminal

import (
	"context"
	"errors"
	"fmt"
)

// DeskOutcome is what a desk's work on a card came to.
type DeskOutcome struct {
	// Answers are the hub's, one for each reading.
	Answers []RereadAnswer
	// Before is the card as it was read first, After as it was read last.
	Before, After CardData
	// Written says that the card was repaired.
	Written bool
}

// Desk shows the hub a card in conflict, as a terminal of role desk: until
// people have decided, the reading is filed for them; then the hub asks for a
// repair, which is written and shown. Whatever ends it half-way, the next Desk
// goes on: the repair is what the hub says the card has to hold.
// Errors: ErrRole from a pos, ErrCard, ErrCardGone, ErrCardSilent, ErrAmount,
// ErrNoAnswer, ErrGaveUp, ErrAnswer, *Problem, ErrCrashed, ErrClosed.
func (t *Terminal) Desk(ctx context.Context, c *Card) (DeskOutcome, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	err := t.running()
	if err != nil {
		return DeskOutcome{}, err
	}
	reading, err := c.Read()
	if err != nil {
		return DeskOutcome{}, fmt.Errorf("desk: %w", err)
	}
	out := DeskOutcome{Before: reading.CardData, After: reading.CardData}
	answer, err := t.show(ctx, reading.CardData, "")
	if err != nil {
		return out, err
	}
	out.Answers = append(out.Answers, *answer)
	if answer.Outcome != RereadRepair {
		return out, nil
	}
	err = t.repair(c, reading.Presence, *answer.L, *answer.B, &out)
	if err != nil {
		return out, err
	}
	answer, err = t.show(ctx, out.After, "")
	if err == nil {
		out.Answers = append(out.Answers, *answer)
	}
	return out, err
}

// repair writes what people decided on the card and reads it back.
func (t *Terminal) repair(c *Card, in Presence, l, b int64, out *DeskOutcome) error {
	err := t.step(StepRepair)
	if err != nil {
		return err
	}
	command := c.Repair(in, l, b)
	err = t.step(StepRepaired)
	if err != nil {
		return err
	}
	if command != nil && !errors.Is(command, ErrCardSilent) {
		return fmt.Errorf("desk: %w", command)
	}
	out.Written = command == nil
	now, err := c.ReadAgain(in)
	if err != nil {
		return errors.Join(fmt.Errorf("desk: %w", err), command)
	}
	out.After = now
	return nil
}
