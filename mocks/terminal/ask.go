package terminal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// get asks the hub for something that changes nothing.
func (t *Terminal) get(ctx context.Context, path, query string, out any) error {
	err := t.running()
	if err != nil {
		return err
	}
	return t.call(ctx, Request{Method: http.MethodGet, Path: path, Query: query, limit: listMax}, nil, out)
}

// Pending asks what waits for a card. It is safe beside a running Tap.
// Errors: ErrNoAnswer, ErrAnswer, *Problem, ErrCrashed, ErrClosed.
func (t *Terminal) Pending(ctx context.Context, cardNo string) (CardPending, error) {
	var p CardPending
	err := t.get(ctx, "/pos/v1/cards/"+url.PathEscape(cardNo)+"/pending", "", &p)
	if err == nil && p.CardNo != cardNo {
		err = fmt.Errorf("%w: about card %q, not %q", ErrAnswer, p.CardNo, cardNo)
	}
	if err != nil {
		return CardPending{}, fmt.Errorf("pending of card %s: %w", cardNo, err)
	}
	return p, nil
}

// Status asks where a load stands that this terminal had an attempt on.
// Errors: ErrUnknownLoad, and those of Pending.
func (t *Terminal) Status(ctx context.Context, load string) (LoadStatus, error) {
	var s LoadStatus
	err := t.get(ctx, "/pos/v1/loads/"+url.PathEscape(load)+"/status", "", &s)
	if err == nil && (s.Load != load || s.State == "") {
		err = fmt.Errorf("%w: about load %q in state %q", ErrAnswer, s.Load, s.State)
	}
	if err != nil {
		return LoadStatus{}, fmt.Errorf("status of load %s: %w", load, err)
	}
	return s, nil
}

// PayerBound asks whether a payer of a channel is bound to an account, never to
// whose. Errors: those of Pending.
func (t *Terminal) PayerBound(ctx context.Context, channel, kind, payer string) (bool, error) {
	var answer struct {
		Bound *bool `json:"bound"`
	}
	err := t.get(ctx, "/pos/v1/payers/bound", url.Values{"channel": {channel}, "kind": {kind}, "payer": {payer}}.Encode(), &answer)
	if err == nil && answer.Bound == nil {
		err = fmt.Errorf("%w: it does not say whether the payer is bound", ErrAnswer)
	}
	if err != nil {
		return false, fmt.Errorf("payer: %w", err)
	}
	return *answer.Bound, nil
}
