package sim

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"yuan": func(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) },
	"when": func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000 -07:00") },
	"head": func(h http.Header) string {
		var out strings.Builder
		_ = h.Write(&out) // a Builder takes anything
		return out.String()
	},
}).Parse(pageText))

func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

func show(w http.ResponseWriter, name string, v any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err := pages.ExecuteTemplate(w, name, v)
	if err != nil {
		fmt.Fprintf(w, "<p>%s", template.HTMLEscapeString(err.Error()))
	}
}

// index is the list of orders, and of what can be asked.
func (a *admin) index(w http.ResponseWriter, _ *http.Request) {
	show(w, "index", struct {
		Name      string
		Seed      int64
		Now       time.Time
		Orders    []OrderLine
		Scenarios Scenarios
		Waiting   []Waiting
	}{a.g.Name(), a.g.Seed(), a.g.Clock().Now(), a.g.Orders(), a.g.Scenarios(), a.g.Faults().Waiting()})
}

func (a *admin) orders(w http.ResponseWriter, _ *http.Request) {
	out := a.g.Orders()
	if out == nil {
		out = []OrderLine{}
	}
	tell(w, out)
}

// timeline shows what went over the wire about one order; "-" is for what
// belongs to none.
func (a *admin) timeline(w http.ResponseWriter, r *http.Request) {
	no := r.PathValue("no")
	line, known := a.g.Line(no)
	events := a.g.Events(no)
	switch {
	case !known && len(events) == 0:
		refused(w, fmt.Errorf("order %s: %w", no, ErrUnknownOrder))
	case wantsPage(r):
		show(w, "timeline", struct {
			Name   string
			No     string
			Line   OrderLine
			Events []Event
		}{a.g.Name(), no, line, events})
	default:
		tell(w, events)
	}
}

func (a *admin) scenarios(w http.ResponseWriter, _ *http.Request) { tell(w, a.g.Scenarios()) }

func (a *admin) faults(w http.ResponseWriter, _ *http.Request) {
	tell(w, struct {
		Waiting []Waiting              `json:"waiting"`
		Places  map[string][]FaultKind `json:"places"`
	}{a.g.Faults().Waiting(), a.g.Faults().Places()})
}

func (a *admin) clock(w http.ResponseWriter, _ *http.Request) {
	out := struct {
		Now  time.Time  `json:"now"`
		Next *time.Time `json:"next_due,omitempty"`
	}{Now: a.g.Clock().Now()}
	if next, due := a.g.Clock().Next(); due {
		out.Next = &next
	}
	tell(w, out)
}

func (a *admin) counters(w http.ResponseWriter, _ *http.Request) { tell(w, a.g.Counts()) }

func (a *admin) callbacks(w http.ResponseWriter, _ *http.Request) { tell(w, a.g.Callbacks()) }

func (a *admin) behaviours(w http.ResponseWriter, _ *http.Request) { tell(w, a.g.Behaviours()) }

// explainOne explains a message of a timeline: ?order=…&event=N, counted from 0.
func (a *admin) explainOne(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("event"))
	if err != nil {
		refused(w, fmt.Errorf("event: %w", err))
		return
	}
	a.explained(w, ExplainRequest{Order: r.URL.Query().Get("order"), Event: n})
}

func (a *admin) explain(w http.ResponseWriter, r *http.Request) {
	var ask ExplainRequest
	err := read(r, &ask)
	if err != nil {
		refused(w, err)
		return
	}
	a.explained(w, ask)
}

func (a *admin) explained(w http.ResponseWriter, ask ExplainRequest) {
	out, err := a.g.Explain(ask)
	if err != nil {
		refused(w, err)
		return
	}
	tell(w, out)
}
