package terminaltest

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// feed is what happened, as the feed tells it.
type feed struct {
	mu      sync.Mutex
	events  []string
	oldest  int // events before it are forgotten
	ended   int // how often all feeds were closed
	changed chan struct{}
}

// Happen puts an event into the feed.
func (h *Hub) Happen(kind, data string) {
	h.feed.change(func(f *feed) { f.events = append(f.events, "event: "+kind+"\ndata: "+data+"\n\n") })
}

// Forget makes all cursors so far too old.
func (h *Hub) Forget() { h.feed.change(func(f *feed) { f.oldest = len(f.events) }) }

// EndFeeds closes the feeds that are open; new ones may begin.
func (h *Hub) EndFeeds() { h.feed.change(func(f *feed) { f.ended++ }) }

func (f *feed) change(do func(*feed)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do(f)
	close(f.changed)
	f.changed = make(chan struct{})
}

// since are the events from a number on, and what to wait for after them.
func (f *feed) since(n int) (events []string, changed chan struct{}, ended int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < len(f.events) {
		events = f.events[n:]
	}
	return events, f.changed, f.ended
}

// stream answers GET /pos/v1/feed. It is called with the hub's lock and gives
// it back.
func (h *Hub) stream(w http.ResponseWriter, r *http.Request, from asked) {
	h.feed.mu.Lock()
	next, oldest, began := len(h.feed.events), h.feed.oldest, h.feed.ended
	h.feed.mu.Unlock()
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < oldest {
			h.answer(w, from, http.StatusGone, []byte(`{"type":"urn:guodu:gone","title":"gone"}`))
			h.mu.Unlock()
			return
		}
		next = n
	}
	var empty []byte
	h.sign(w.Header(), from, http.StatusOK, "text/event-stream; charset=utf-8", &empty)
	h.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	fmt.Fprint(w, ": hello\n")
	h.Streams <- struct{}{}
	for {
		events, changed, ended := h.feed.since(next)
		for _, e := range events {
			next++
			fmt.Fprintf(w, "id: %d\n%s", next, e)
		}
		if flush.Flush() != nil || ended != began {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
