package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// load takes an authorisation to the card and the result to the hub.
func (t *Terminal) load(ctx context.Context, p *presence, answer TapAnswer, out TapOutcome) (TapOutcome, error) {
	a, err := openAuthorisation(t.hubKeys(), answer.Authorisation)
	if err == nil {
		err = a.fits(t.who.id, p.tap, answer)
	}
	if err == nil {
		err = a.inTime(t.now())
	}
	if err == nil {
		err = p.takes(answer)
	}
	if err != nil {
		return t.abandon(ctx, p, out, err)
	}
	out.Load, out.AmountFen, out.Attempt = a.Load, a.AmountFen, a.Attempt
	err = t.step(StepAnswerReceived)
	if err != nil {
		return out, err
	}
	err = t.note(Record{Kind: HoldReceived, TapID: out.TapID, Load: a.Load, Authorisation: answer.Authorisation})
	if err != nil {
		return out, err
	}
	t.open = nil // the answer is here: a Retry would ask for a second one
	switch p.then {
	case thenAbort:
		return t.abandon(ctx, p, out, ErrDropped)
	case thenReread:
		return t.reread(ctx, p, a, answer.Authorisation, out)
	}
	err = t.step(StepIntent)
	if err != nil {
		return out, err
	}
	err = t.ready(ctx, p, a)
	if err != nil {
		return t.abandon(ctx, p, out, err)
	}
	err = t.note(Record{Kind: WriteIntent, TapID: out.TapID, Load: a.Load})
	if err != nil {
		return out, err
	}
	err = t.step(StepWrite)
	if err != nil {
		return out, err
	}
	return t.write(ctx, p, a, answer, out)
}

// ready looks a last time before the intent, from which there is no way back.
func (t *Terminal) ready(ctx context.Context, p *presence, a Authorisation) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now, err := p.card.ReadAgain(p.reading.Presence)
	if err != nil {
		return err
	}
	if now.L != a.L0 {
		return fmt.Errorf("%w: %d, authorised for %d", ErrCounter, now.L, a.L0)
	}
	return a.inTime(t.now())
}

// write gives the card command, reads back and reports. The meal's context no
// longer matters to the card, only to the report.
func (t *Terminal) write(ctx context.Context, p *presence, a Authorisation, answer TapAnswer, out TapOutcome) (TapOutcome, error) {
	// The intent was synced since ready looked; that can have taken its time.
	command := a.inTime(t.now())
	if command == nil {
		command = p.card.Credit(p.reading.Presence, Credit{
			L: a.L0, AmountFen: a.AmountFen, Terminal: t.who.id, MAC2: answer.MAC2, MAC2At: answer.MAC2At,
		})
	}
	err := t.step(StepWritten)
	if err != nil {
		return out, err
	}
	result := Result{Authorisation: answer.Authorisation}
	after, err := p.card.ReadAgain(p.reading.Presence)
	if err == nil {
		out.After = &after
		result.read(after)
	}
	out.Outcome, result.Outcome = judge(command, out.Before, out.After, a)
	number, err := t.numbers.take()
	if err != nil {
		return out, err
	}
	err = t.note(Record{Kind: WriteResult, TapID: out.TapID, Load: a.Load, Result: &result, Message: &number})
	if err != nil {
		return out, err
	}
	receipt, err := t.deliver(ctx, Open{TapID: out.TapID, Load: a.Load, Result: &result, Message: &number})
	if err != nil {
		return out, errors.Join(unwritten(command, out.Outcome), err)
	}
	out.Receipt = &receipt
	return out, unwritten(command, out.Outcome)
}

// judge says what a write came to: written only if the card said so and does
// not belie it, or if it was silent and shows exactly this load.
func judge(command error, before CardData, after *CardData, a Authorisation) (Outcome, string) {
	written := command == nil && (after == nil || after.L == a.L0+1)
	if errors.Is(command, ErrCardSilent) && after != nil {
		want := before
		want.L, want.B = a.L0+1, before.B+a.AmountFen
		want.TAC, want.TACAt = after.TAC, after.TACAt // the card's own word on it
		if before.Profile == ProfileShared {
			want.Log = CardLog{AmountFen: a.AmountFen, Terminal: a.Terminal}
		}
		written = *after == want
	}
	if written {
		return OutcomeWritten, ResultWritten
	}
	return OutcomeUnknown, ResultUnknown
}

// unwritten is why a card command is not known to have worked.
func unwritten(command error, o Outcome) error {
	if o == OutcomeWritten {
		return nil
	}
	if command == nil {
		return fmt.Errorf("%w: it took the command and does not show it", ErrCard)
	}
	return fmt.Errorf("card command: %w", command)
}

// deliver sends a journalled result and, on the hub's receipt, closes it.
func (t *Terminal) deliver(ctx context.Context, o Open) (Receipt, error) {
	err := t.step(StepResultSend)
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	seq, err := t.number(o.Message)
	if err != nil {
		return Receipt{}, err
	}
	path := "/pos/v1/loads/" + url.PathEscape(o.Load) + "/result"
	err = t.call(ctx, Request{Method: http.MethodPost, Path: path, Seq: seq}, o.Result, &receipt)
	if err == nil && receipt.State == "" {
		err = fmt.Errorf("%w: receipt without a state", ErrAnswer)
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("result of load %s: %w", o.Load, err)
	}
	err = t.step(StepAcked)
	if err != nil {
		return Receipt{}, err
	}
	return receipt, t.note(Record{Kind: ResultAcked, TapID: o.TapID, Load: o.Load, Receipt: &receipt})
}

// number is that of a message that may be a repeat: the number that it had, as
// long as the hub still knows whether it has seen it.
func (t *Terminal) number(old *Number) (string, error) {
	if old != nil && !t.numbers.stale(*old) {
		return old.String(), nil
	}
	fresh, err := t.numbers.take()
	return fresh.String(), err
}
