package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// again is the body of a re-read: with an authorisation that was dropped, with
// a challenge, or, from a desk, with neither.
type again struct {
	Authorisation string `json:"authorisation,omitempty"`
	Challenge     string `json:"challenge,omitempty"`
	CardUID       string `json:"card_uid,omitempty"`
	Version       string `json:"version,omitempty"`
	L             int64  `json:"L"`
	B             int64  `json:"B"` // fen
	P             *int64 `json:"P,omitempty"`
}

// reread drops an authorisation and tells the hub what the card, read once more
// in the same presence, shows. The reading counts only because no write can
// follow it: the ABANDONED record comes first.
func (t *Terminal) reread(ctx context.Context, p *presence, a Authorisation, text string, out TapOutcome) (TapOutcome, error) {
	out.Outcome = OutcomeAbandoned
	why := fmt.Errorf("tap %s abandoned: %w", out.TapID, ErrDropped)
	d, err := t.letGoTap(out.TapID, p.tap.CardUID, why.Error())
	if err == nil {
		err = t.step(StepReread)
	}
	if err != nil {
		return out, errors.Join(why, err)
	}
	dropped, err := t.rereadOf(ctx, p, a, text, d)
	if errors.Is(err, ErrCardGone) {
		// Nothing to show: what is left is to say that it was dropped.
		dropped, err = t.abort(ctx, d)
	}
	if err == nil {
		out.Dropped = &dropped
	}
	return out, errors.Join(why, t.owed(err))
}

func (t *Terminal) rereadOf(ctx context.Context, p *presence, a Authorisation, text string, d Dropped) (Aborted, error) {
	now, err := p.card.ReadAgain(p.reading.Presence)
	if err == nil {
		err = t.step(StepRereadSend)
	}
	if err != nil {
		return Aborted{}, err
	}
	body := again{Authorisation: text, L: now.L, B: now.B, P: now.counter()}
	answer := Aborted{TapID: d.TapID}
	err = t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/loads/" + url.PathEscape(a.Load) + "/reread"}, body, &answer)
	if err != nil {
		return Aborted{}, fmt.Errorf("re-read of load %s: %w", a.Load, err)
	}
	return answer, t.aborted(d)
}

// takeUp reads the card again because the hub doubts the first reading.
// ErrCardGone is an error like any: the next tap gets a challenge of its own.
func (t *Terminal) takeUp(ctx context.Context, p *presence, challenge string) (*RereadAnswer, error) {
	err := t.step(StepChallenge)
	if err != nil {
		return nil, err
	}
	now, err := p.card.ReadAgain(p.reading.Presence)
	if err != nil {
		return nil, fmt.Errorf("challenge: %w", err)
	}
	err = t.step(StepChallengeSend)
	if err != nil {
		return nil, err
	}
	return t.show(ctx, now, challenge)
}

// show sends a reading of a card.
func (t *Terminal) show(ctx context.Context, d CardData, challenge string) (*RereadAnswer, error) {
	body := again{Challenge: challenge, CardUID: d.UID, Version: d.Version, L: d.L, B: d.B, P: d.counter()}
	var answer RereadAnswer
	err := t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/cards/" + url.PathEscape(d.CardNo) + "/reread"}, body, &answer)
	if err == nil && (answer.Outcome == "" || answer.Outcome == RereadRepair && (answer.L == nil || answer.B == nil)) {
		err = fmt.Errorf("%w: re-read answered with %+v", ErrAnswer, answer)
	}
	if err != nil {
		return nil, fmt.Errorf("re-read of card %s: %w", d.CardNo, err)
	}
	return &answer, nil
}
