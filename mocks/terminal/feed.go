package terminal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// ErrFeedEnded says that the hub closed the feed, or that the line broke.
// Another Feed goes on where it was.
var ErrFeedEnded = errors.New("terminal simulator: feed ended")

// The events of the feed. They carry hints, never money.
const (
	EventPending = "pending" // money waits for CardNo
	EventBlock   = "block"   // the blocklist changed
	EventParams  = "params"  // the parameters changed
)

// Event is one event of the feed.
type Event struct {
	Cursor string `json:"-"` // where to come back, from the event on
	Kind   string `json:"-"`
	CardNo string `json:"card_no"`
}

// Feed listens to the hub until ctx ends or the feed does, from where the last
// one ended. On EventBlock and EventParams it fetches what changed before it
// calls hear; an error from hear ends it. If the hub no longer has what was
// missed, everything is fetched whole and the feed begins anew.
// Errors: ErrFeedEnded, hear's, those of Blocklist.
func (t *Terminal) Feed(ctx context.Context, hear func(Event) error) error {
	err := t.listen(ctx, t.told.read().Feed, hear)
	if !errors.Is(err, ErrGone) {
		return err
	}
	_, err = t.blocklist(ctx, "")
	if err == nil {
		_, err = t.params(ctx, 0)
	}
	if err == nil {
		err = t.told.change(func(m *memory) { m.Feed = "" })
	}
	if err != nil {
		return err
	}
	return t.listen(ctx, "", hear)
}

// listen reads one answer of GET /pos/v1/feed.
func (t *Terminal) listen(ctx context.Context, cursor string, hear func(Event) error) error {
	err := t.running()
	if err != nil {
		return err
	}
	r, err := t.fill(Request{Method: http.MethodGet, Path: "/pos/v1/feed"})
	if err != nil {
		return err
	}
	if cursor != "" {
		r.Query = "cursor=" + url.QueryEscape(cursor)
	}
	resp, err := t.do(ctx, r)
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	err = t.head(r, resp)
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	return t.events(ctx, &events{from: bufio.NewReader(io.LimitReader(resp.Body, 1<<30))}, hear)
}

// head proves the head of the feed: only it is signed, with the digest of the
// empty body.
func (t *Terminal) head(r Request, resp *http.Response) error {
	var body []byte
	if resp.StatusCode != http.StatusOK {
		body, _ = io.ReadAll(io.LimitReader(resp.Body, answerMax)) // half a problem is one too
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Nonce: r.Nonce}
	a.Unproved = verifyAnswer(t.hub(), r.Nonce, t.now(), a.Status, a.Header, a.Body)
	if p := a.Problem(); p != nil {
		return p
	}
	if a.Unproved != nil {
		return a.Unproved
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "text/event-stream" {
		return fmt.Errorf("%w: Content-Type %q", ErrAnswer, resp.Header.Get("Content-Type"))
	}
	return nil
}

// events tells of one event after the other.
func (t *Terminal) events(ctx context.Context, from *events, hear func(Event) error) error {
	for {
		id, kind, data, err := from.next()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: %w", ErrFeedEnded, err)
		}
		err = t.happened(ctx, Event{Cursor: id, Kind: kind}, data, hear)
		if err != nil {
			return err
		}
	}
}

// happened acts on one event and then moves the cursor: what was missed by a
// crash in between comes again.
func (t *Terminal) happened(ctx context.Context, e Event, data string, hear func(Event) error) error {
	err := json.Unmarshal([]byte(data), &e)
	if err != nil {
		return fmt.Errorf("%w: event %s: %w", ErrAnswer, e.Kind, err)
	}
	switch e.Kind {
	case EventBlock:
		_, err = t.Blocklist(ctx)
	case EventParams:
		_, err = t.Params(ctx)
	}
	if err == nil {
		err = hear(e)
	}
	if err != nil {
		return err
	}
	if e.Cursor == "" {
		return nil
	}
	return t.told.change(func(m *memory) { m.Feed = e.Cursor })
}
