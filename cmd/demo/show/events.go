package show

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// kept is how many lines of the log a page that comes late is told, and ahead
// how many events a slow page may lag behind before it has to come anew.
const (
	kept  = 200
	ahead = 256
)

// feed tells every open page what happens, by server-sent events (WHATWG HTML,
// 9.2). There are two kinds: "said", a line of the log, and "state", of which
// only the last matters.
type feed struct {
	mu      sync.Mutex
	said    []string
	state   string
	readers map[chan string]struct{}
}

func newFeed() *feed { return &feed{readers: map[chan string]struct{}{}} }

// send tells an event to all.
func (f *feed) send(kind string, what any) {
	text, err := json.Marshal(what)
	if err != nil {
		panic(fmt.Sprintf("event %s: %v", kind, err)) // made of texts and numbers
	}
	event := fmt.Sprintf("event: %s\ndata: %s\n\n", kind, text)
	f.mu.Lock()
	defer f.mu.Unlock()
	if kind == "state" {
		if event == f.state {
			return
		}
		f.state = event
	} else {
		f.said = append(f.said, event)
		f.said = f.said[max(0, len(f.said)-kept):]
	}
	for reader := range f.readers {
		select {
		case reader <- event:
		default: // it lags: closing makes the page come again
			delete(f.readers, reader)
			close(reader)
		}
	}
}

// open begins a reader with all that is kept.
func (f *feed) open() chan string {
	f.mu.Lock()
	defer f.mu.Unlock()
	reader := make(chan string, kept+ahead)
	for _, event := range f.said {
		reader <- event
	}
	if f.state != "" {
		reader <- f.state
	}
	f.readers[reader] = struct{}{}
	return reader
}

func (f *feed) close(reader chan string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, reader)
}

// ServeHTTP implements http.Handler.
func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	reader := f.open()
	defer f.close(reader)
	flusher := http.NewResponseController(w)
	fmt.Fprint(w, "retry: 500\n\n")
	for {
		_ = flusher.Flush() // a page that is gone ends the request
		select {
		case event, ok := <-reader:
			if !ok {
				return
			}
			fmt.Fprint(w, event)
		case <-r.Context().Done():
			return
		}
	}
}
