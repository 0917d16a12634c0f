package pos

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/transition"
)

// How long a line is kept open, and how long a terminal may leave it unread.
const (
	commentEvery = 15 * time.Second
	writeLimit   = 10 * time.Second
)

// stream is an answer that goes on; its head is signed.
type stream func(w io.Writer, flush func() error) error

// feed joins before it reads what was missed, so nothing falls in between; what comes
// twice by that is told once, by the listener's own cursor.
func (h *Handler) feed(c call) (any, error) {
	query, err := c.query("cursor")
	if err != nil {
		return nil, err
	}
	cursor, err := parseCursor(query["cursor"])
	if err != nil {
		return nil, err
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	t := c.signed.Terminal
	l, params, err := h.config.Feed.join(t.ID)
	if err != nil {
		return nil, err
	}
	missed, err := h.missed(c, cursor, l)
	if err != nil {
		h.config.Feed.leave(l)
		return nil, err
	}
	if t.Seen.Params != params {
		missed.params = params
	}
	return stream(func(w io.Writer, flush func() error) error {
		defer h.config.Feed.leave(l)
		return h.listen(c, l, missed, w, flush)
	}), nil
}

// missed is what a terminal is told first: what came since its cursor, and without one
// where the blocklist stands, so that it has a cursor to come back with.
func (h *Handler) missed(c call, cursor transition.Cursor, l *listener) (news, error) {
	b := news{greets: true}
	if cursor != (transition.Cursor{}) {
		events, err := h.config.Ledger.FeedSince(c.ctx, cursor)
		if err != nil || !blocks(events) {
			l.at = cursor
			return news{events: events}, err
		}
		b, l.at = news{events: events}, cursor
	}
	list, err := h.config.Ledger.BlockCursor(c.ctx)
	b.blocklist = list.String()
	return b, err
}

// listen writes until the terminal goes, or is not served any more.
func (h *Handler) listen(c call, l *listener, missed news, w io.Writer, flush func() error) error {
	comment := time.NewTicker(h.config.Comment)
	defer comment.Stop()
	greeting := ": here\n\n" + l.text(missed)
	_, err := io.WriteString(w, greeting)
	for err == nil {
		err = flush()
		if err != nil {
			break
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-l.ended:
			return nil
		case <-comment.C:
			_, err = io.WriteString(w, ": still here\n\n")
		case b := <-l.batches:
			_, err = io.WriteString(w, l.text(b))
		}
	}
	return err
}

// text is a batch as events, without what the listener has. The cursor of an event
// covers what was told before it and nothing else: block comes first, and moves the
// cursor only if no pending follows.
func (l *listener) text(b news) string {
	var pending []transition.FeedEvent
	block, next := b.greets, l.at
	for _, e := range b.events {
		if e.N <= l.at[e.Partition] {
			continue
		}
		next[e.Partition] = e.N
		switch {
		case e.Kind == transition.FeedBlock:
			block = true
		case e.CardNo != "":
			pending = append(pending, e)
		}
	}
	if len(pending) == 0 {
		l.at = next
	}
	var text strings.Builder
	write := func(kind, data string) {
		fmt.Fprintf(&text, "id: %s\nevent: %s\ndata: %s\n\n", l.at, kind, data)
	}
	if block {
		write("block", fmt.Sprintf(`{"cursor":%q}`, b.blocklist))
	}
	if b.params > 0 {
		write("params", fmt.Sprintf(`{"version":%d}`, b.params))
	}
	for i, e := range pending {
		l.at[e.Partition] = max(l.at[e.Partition], e.N)
		if i == len(pending)-1 {
			l.at = next
		}
		write("pending", fmt.Sprintf(`{"card_no":%q}`, e.CardNo))
	}
	return text.String()
}

// stream signs the head of an answer that goes on, and lets it: the server's limits are
// for answers that end. A terminal that does not read is still let go.
func (h *Handler) stream(c echo.Context, to Signed, run stream) error {
	header := c.Response().Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/event-stream")
	header.Set("Connection", "close") // its write deadline is none for a next answer
	header.Set("X-Accel-Buffering", "no")
	err := signAnswer(h.config.Key, to, header, http.StatusOK, nil)
	if err != nil {
		return err
	}
	control := http.NewResponseController(c.Response())
	renew := func() error { return control.SetWriteDeadline(time.Now().Add(writeLimit)) }
	c.Response().WriteHeader(http.StatusOK)
	err = run(patient{c.Response(), renew}, func() error {
		err := renew()
		if err == nil {
			err = control.Flush()
		}
		return err
	})
	if err != nil {
		h.config.Log.Info("feed ends", "terminal", to.Terminal.ID, "error", err)
	}
	return nil
}

// patient gives each write its whole time. What does not fit into the buffer goes out
// at once, and the time of the write before has run while there was nothing to tell.
type patient struct {
	to    io.Writer
	renew func() error
}

// Write implements io.Writer.
func (p patient) Write(text []byte) (int, error) {
	if err := p.renew(); err != nil {
		return 0, err
	}
	return p.to.Write(text)
}
