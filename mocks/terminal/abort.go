package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ErrDropped says that an authorisation was dropped on purpose.
var ErrDropped = errors.New("terminal simulator: authorisation dropped")

// Aborted is what the hub says of a tap that was let go.
type Aborted struct {
	TapID string `json:"-"`
	// State is that of the load which the tap was for, empty if there was none.
	State string `json:"state"`
}

// Abort lets the tap go whose answer never came and tells the hub.
// Errors: ErrNothingToRetry if no tap waits, ErrNoAnswer, ErrGaveUp, ErrAnswer
// and *Problem if the hub still has to be told, which Resume will do; ErrJournal,
// ErrCrashed, ErrClosed.
func (t *Terminal) Abort(ctx context.Context) (Aborted, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.running()
	if err != nil {
		return Aborted{}, err
	}
	if t.open == nil {
		return Aborted{}, ErrNothingToRetry
	}
	p := t.open
	d, err := t.letGoTap(p.tap.TapID, p.tap.CardUID, ErrDropped.Error())
	if err != nil {
		return Aborted{}, err
	}
	return t.abortIn(ctx, d)
}

// letGo lets a tap go that still waits, in this life or the one before: its late
// answer must never be used beside that of a new one.
func (t *Terminal) letGo(ctx context.Context) error {
	err := t.running()
	if err != nil {
		return err
	}
	tap := t.journal.unanswered()
	if tap == nil {
		return nil
	}
	d, err := t.letGoTap(tap.TapID, tap.CardUID, "a new tap")
	if err != nil {
		return err
	}
	_, err = t.abort(ctx, d)
	return t.owed(err)
}

// reasonMax bounds an ABANDONED's reason in bytes: the hub takes a record with a
// longer one for malformed.
const reasonMax = 200

// bounded is a text that fits into a record as it is: JSON would make three bytes
// of each that is no rune.
func bounded(why string) string {
	why = strings.ToValidUTF8(why, "?")
	if len(why) <= reasonMax {
		return why
	}
	end := reasonMax
	for !utf8.RuneStart(why[end]) {
		end--
	}
	return why[:end]
}

// letGoTap writes down that no answer to a tap will be used. Only then may the
// hub hear of it.
func (t *Terminal) letGoTap(tapID, cardUID, why string) (Dropped, error) {
	err := t.step(StepAbandon)
	if err != nil {
		return Dropped{}, err
	}
	if t.open != nil && t.open.tap.TapID == tapID {
		t.open = nil
	}
	number, err := t.numbers.take()
	if err != nil {
		return Dropped{}, err
	}
	err = t.note(Record{Kind: TapAbandoned, TapID: tapID, CardUID: cardUID, Reason: bounded(why), Message: &number})
	if err != nil {
		return Dropped{}, err
	}
	all := t.journal.Abandoned()
	return all[len(all)-1], nil
}

// abandon lets a tap go for a reason, which it returns, and tells the hub.
func (t *Terminal) abandon(ctx context.Context, p *presence, out TapOutcome, why error) (TapOutcome, error) {
	out.Outcome = OutcomeAbandoned
	why = fmt.Errorf("tap %s abandoned: %w", out.TapID, why)
	d, err := t.letGoTap(p.tap.TapID, p.tap.CardUID, why.Error())
	if err != nil {
		return out, errors.Join(why, err)
	}
	a, err := t.abort(ctx, d)
	if err == nil {
		out.Dropped = &a
	}
	return out, errors.Join(why, t.owed(err))
}

// owed forgives that the hub could not be told: the journal remembers it.
func (t *Terminal) owed(err error) error {
	if err == nil || errors.Is(err, ErrCrashed) || errors.Is(err, ErrJournal) {
		return err
	}
	t.log.Info("abort is owed", "error", err)
	return nil
}

func (t *Terminal) abortIn(ctx context.Context, d Dropped) (Aborted, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	return t.abort(ctx, d)
}

// abort tells the hub that a tap was let go.
func (t *Terminal) abort(ctx context.Context, d Dropped) (Aborted, error) {
	err := t.step(StepAbortSend)
	if err != nil {
		return Aborted{}, err
	}
	seq, err := t.number(d.Message)
	if err != nil {
		return Aborted{}, err
	}
	path := "/pos/v1/taps/" + url.PathEscape(d.TapID) + "/abort"
	body := map[string]string{"card_uid": d.CardUID}
	if d.Load != "" {
		path = "/pos/v1/loads/" + url.PathEscape(d.Load) + "/abort"
		body = map[string]string{"authorisation": d.Authorisation}
	}
	a := Aborted{TapID: d.TapID}
	err = t.call(ctx, Request{Method: http.MethodPost, Path: path, Seq: seq}, body, &a)
	if err != nil && !hopeless(err) {
		return Aborted{}, fmt.Errorf("abort of tap %s: %w", d.TapID, err)
	}
	return a, errors.Join(err, t.aborted(d))
}

// hopeless says that the hub knows nothing which an abort could end: the record
// in the journal is all that is left to tell.
func hopeless(err error) bool {
	for _, known := range []error{ErrUnknownCard, ErrUnknownLoad, ErrCardMismatch, ErrLoadMismatch, ErrTapConflict} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// aborted remembers that the hub answered.
func (t *Terminal) aborted(d Dropped) error {
	err := t.step(StepAborted)
	if err != nil {
		return err
	}
	err = t.delivered.change(func(r *receipts) { r.Aborted = append(r.Aborted, d.Seq) })
	if err == nil {
		t.journal.settle(d.TapID)
	}
	return err
}
