package sim

import (
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	maxTimelines    = 1000
	maxEvents       = 100
	maxEventBytes   = 8 << 10
	strangeRequests = "-" // the timeline of what belongs to no order
)

// Verdict is one thing that was checked, and the result.
type Verdict struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text,omitempty"`
}

// Event is one exchange: a request that came in and its answer, or a callback
// that went out and what the merchant said to it.
type Event struct {
	// At is on the simulator's clock, Stamp in real time.
	At    time.Time `json:"at"`
	Stamp time.Time `json:"stamp"`
	// Direction is "in" or "out", as the gateway sees it.
	Direction string `json:"direction"`
	// Name is the endpoint's, or the callback's topic.
	Name string `json:"name"`

	Method        string      `json:"method"`
	URL           string      `json:"url"`
	RequestHeader http.Header `json:"request_header,omitempty"`
	RequestBody   string      `json:"request_body,omitempty"`
	Status        int         `json:"status,omitempty"`
	// Code is what the answer is counted by: of Alipay the gateway's code.
	Code           string      `json:"code,omitempty"`
	ResponseHeader http.Header `json:"response_header,omitempty"`
	ResponseBody   string      `json:"response_body,omitempty"`

	// Fault is what was done to it on purpose, Error why there was no answer.
	Fault    FaultKind `json:"fault,omitempty"`
	Error    string    `json:"error,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
}

// Timeline keeps the last events of the last orders.
type Timeline struct {
	mu     sync.Mutex
	events map[string][]Event
	order  []string
	watch  func(order string, e Event)
}

// NewTimeline makes an empty one. watch, if not nil, hears every event when it
// is noted; it must not keep the gateway waiting.
func NewTimeline(watch func(order string, e Event)) *Timeline {
	return &Timeline{events: map[string][]Event{}, watch: watch}
}

// Add notes an event of an order; an empty order is for what belongs to none.
func (t *Timeline) Add(order string, e Event) {
	if t.watch != nil {
		t.watch(order, e)
	}
	if order == "" {
		order = strangeRequests
	}
	e.RequestBody, e.ResponseBody = excerpt(e.RequestBody), excerpt(e.ResponseBody)
	t.mu.Lock()
	defer t.mu.Unlock()
	list, known := t.events[order]
	if !known {
		t.order = append(t.order, order)
		if len(t.order) > maxTimelines {
			delete(t.events, t.order[0])
			t.order = t.order[1:]
		}
	}
	list = append(list, e)
	if len(list) > maxEvents {
		list = slices.Clone(list[len(list)-maxEvents:])
	}
	t.events[order] = list
}

// Of returns the events of an order, the oldest first.
func (t *Timeline) Of(order string) []Event {
	if order == "" {
		order = strangeRequests
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.events[order])
}

// excerpt cuts at a character's edge.
func excerpt(text string) string {
	if len(text) <= maxEventBytes {
		return text
	}
	cut := maxEventBytes
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
