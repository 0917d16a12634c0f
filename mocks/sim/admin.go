package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// OrderLine is an order as the admin shows it.
type OrderLine struct {
	No        string    `json:"no"`
	State     string    `json:"state"`
	TotalFen  int64     `json:"total_fen"`
	PaidFen   int64     `json:"paid_fen"`
	Refunded  int64     `json:"refunded_fen"`
	CreatedAt time.Time `json:"created_at"`
	Title     string    `json:"title,omitempty"`
}

// Resent is what became of a callback that was sent on demand.
type Resent struct {
	Accepted bool   `json:"accepted"`
	Status   int    `json:"status,omitempty"`
	Answer   string `json:"answer,omitempty"`
	// Why says why it did not arrive, or was not accepted.
	Why string `json:"why,omitempty"`
}

// Gateway is what a simulator offers to the person and the test in front of it.
type Gateway interface {
	// Name is one word, for headings.
	Name() string
	Seed() int64
	Clock() *Clock
	Orders() []OrderLine
	// Line returns one order; ok is false when there is none.
	Line(order string) (line OrderLine, ok bool)
	Events(order string) []Event
	// Changed rings whenever an order has changed.
	Changed() *Bell
	// Resend tells the merchant once more, past all faults.
	Resend(ctx context.Context, order string) (Resent, error)
	// RefundOutside refunds by the console, fen 0 for all that is left.
	RefundOutside(ctx context.Context, order string, fen int64) (string, error)
	Scenarios() Scenarios
	Play(name string) error
	Fail(where string, f Fault) error
	Faults() *Faults
	Counts() map[string]int64
	Callbacks() []Errand
	Behaviours() Behaviours
	Explain(r ExplainRequest) (Explanation, error)
}

// ErrUnknownOrder says that the gateway has no order of that number.
var ErrUnknownOrder = errors.New("simulator: no such order")

const (
	maxWait     = 5 * time.Minute
	usualWait   = 5 * time.Second
	maxAdvance  = 366 * 24 * time.Hour
	maxAdminLen = 1 << 20
)

// Admin serves /_sim/: JSON for programs, pages for people. It answers to this
// machine only, and takes a change from no page but its own.
func Admin(g Gateway) http.Handler {
	a := &admin{g}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", a.index)
	mux.HandleFunc("GET /_sim/orders", a.orders)
	mux.HandleFunc("GET /_sim/orders/{no}/timeline", a.timeline)
	mux.HandleFunc("POST /_sim/orders/{no}/resend", a.resend)
	mux.HandleFunc("POST /_sim/orders/{no}/refund", a.refund)
	mux.HandleFunc("GET /_sim/wait", a.wait)
	mux.HandleFunc("GET /_sim/scenarios", a.scenarios)
	mux.HandleFunc("POST /_sim/scenarios/{name}", a.play)
	mux.HandleFunc("GET /_sim/faults", a.faults)
	mux.HandleFunc("POST /_sim/faults", a.fail)
	mux.HandleFunc("DELETE /_sim/faults", a.calm)
	mux.HandleFunc("POST /_sim/calm", a.calm)
	mux.HandleFunc("GET /_sim/clock", a.clock)
	mux.HandleFunc("POST /_sim/clock/advance", a.advance)
	mux.HandleFunc("GET /_sim/counters", a.counters)
	mux.HandleFunc("GET /_sim/callbacks", a.callbacks)
	mux.HandleFunc("GET /_sim/behaviours", a.behaviours)
	mux.HandleFunc("GET /_sim/explain", a.explainOne)
	mux.HandleFunc("POST /_sim/explain", a.explain)
	return Guarded(mux)
}

type admin struct{ g Gateway }

// Guarded lets in this machine only, under a loopback name (so that no foreign
// name can be made to point here), and a change only from its own pages.
func Guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _, err := net.SplitHostPort(r.RemoteAddr)
		name, _, portless := net.SplitHostPort(r.Host)
		if portless != nil {
			name = r.Host
		}
		origin := r.Header.Get("Origin")
		changes := r.Method != http.MethodGet && r.Method != http.MethodHead
		switch {
		case err == nil && !LoopbackHost(from), !LoopbackHost(name):
			complain(w, http.StatusForbidden, ErrNotLoopback)
		case changes && origin != "" && origin != "http://"+r.Host:
			complain(w, http.StatusForbidden, fmt.Errorf("origin %q may not change anything", origin))
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxAdminLen)
			next.ServeHTTP(w, r)
		}
	})
}

func tell(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	_ = out.Encode(v) // the caller has gone, if at all
}

func complain(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
	}{err.Error()})
}

// refused picks the status for what a gateway says.
func refused(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, ErrUnknownOrder), errors.Is(err, ErrUnknownScenario):
		status = http.StatusNotFound
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		status = http.StatusGatewayTimeout
	}
	complain(w, status, err)
}

// done answers a change: back to the page that a person came from.
func (a *admin) done(w http.ResponseWriter, r *http.Request, v any) {
	if wantsPage(r) {
		back := "/_sim/"
		if no := r.PathValue("no"); no != "" {
			back = "/_sim/orders/" + no + "/timeline"
		}
		http.Redirect(w, r, back, http.StatusSeeOther)
		return
	}
	tell(w, v)
}

func (a *admin) resend(w http.ResponseWriter, r *http.Request) {
	out, err := a.g.Resend(r.Context(), r.PathValue("no"))
	if err != nil {
		refused(w, err)
		return
	}
	a.done(w, r, out)
}

func (a *admin) refund(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Fen int64 `json:"fen"`
	}
	err := read(r, &ask)
	if err != nil {
		refused(w, err)
		return
	}
	no, err := a.g.RefundOutside(r.Context(), r.PathValue("no"), ask.Fen)
	if err != nil {
		refused(w, err)
		return
	}
	a.done(w, r, struct {
		Refund string `json:"refund"`
	}{no})
}

// read takes a JSON body; an empty one, or a page's form, leaves the value as it
// is. The content type is not asked: curl -d says that JSON is a form.
func read(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	body = bytes.TrimSpace(body)
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && !bytes.HasPrefix(body, []byte("{"))
	if len(body) == 0 || form {
		return nil
	}
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	err = strict.Decode(into)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// wait is a long poll: it answers when the order has the state.
func (a *admin) wait(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := usualWait
	if text := q.Get("timeout"); text != "" {
		var err error
		limit, err = time.ParseDuration(text)
		if err != nil || limit <= 0 || limit > maxWait {
			refused(w, fmt.Errorf("timeout must be a duration up to %v", maxWait))
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	line, err := WaitOrder(ctx, a.g, q.Get("order"), q.Get("state"))
	if err != nil {
		refused(w, err)
		return
	}
	tell(w, line)
}

// WaitOrder returns when an order has a state, in the gateway's own word or as
// "paid", "unpaid", "closed" or "refunded".
// Errors: that of ctx.
func WaitOrder(ctx context.Context, g Gateway, order, state string) (OrderLine, error) {
	var line OrderLine
	err := g.Changed().Wait(ctx, func() bool {
		var known bool
		line, known = g.Line(order)
		return known && line.is(state)
	})
	if err != nil {
		return line, fmt.Errorf("wait for order %s to be %s, it is %q: %w", order, state, line.State, err)
	}
	return line, nil
}

func (l OrderLine) is(state string) bool {
	switch state {
	case "":
		return true
	case "paid":
		return l.PaidFen > 0
	case "unpaid":
		return l.PaidFen == 0
	case "refunded":
		return l.Refunded > 0
	case "closed":
		return l.State == "CLOSED" || l.State == "TRADE_CLOSED"
	}
	return l.State == state
}

func (a *admin) play(w http.ResponseWriter, r *http.Request) {
	err := a.g.Play(r.PathValue("name"))
	if err != nil {
		refused(w, err)
		return
	}
	a.done(w, r, a.g.Faults().Waiting())
}

func (a *admin) fail(w http.ResponseWriter, r *http.Request) {
	var ask Waiting
	err := read(r, &ask)
	if err == nil {
		err = a.g.Fail(ask.Where, ask.Fault)
	}
	if err != nil {
		refused(w, err)
		return
	}
	tell(w, a.g.Faults().Waiting())
}

func (a *admin) calm(w http.ResponseWriter, r *http.Request) {
	a.g.Faults().Clear()
	a.done(w, r, a.g.Faults().Waiting())
}

func (a *admin) advance(w http.ResponseWriter, r *http.Request) {
	by, err := time.ParseDuration(r.URL.Query().Get("by"))
	if err != nil || by < 0 || by > maxAdvance {
		refused(w, fmt.Errorf("by must be a duration up to %v", maxAdvance))
		return
	}
	a.g.Clock().Advance(by)
	if wantsPage(r) {
		a.done(w, r, nil)
		return
	}
	a.clock(w, r)
}
