package sim_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/sim"
)

// shop is a gateway with one order.
type shop struct {
	st    *sim.Stand
	bell  *sim.Bell
	mu    sync.Mutex
	state string
	asked []string
}

func (s *shop) ask(what string) { s.mu.Lock(); defer s.mu.Unlock(); s.asked = append(s.asked, what) }

func (s *shop) Name() string                 { return "shop" }
func (s *shop) Seed() int64                  { return 7 }
func (s *shop) Clock() *sim.Clock            { return s.st.Clock }
func (s *shop) Events(no string) []sim.Event { return s.st.Timeline.Of(no) }
func (s *shop) Changed() *sim.Bell           { return s.bell }
func (s *shop) Scenarios() sim.Scenarios     { return sim.Scenarios{{Name: "quiet", Title: "<quiet>"}} }
func (s *shop) Faults() *sim.Faults          { return s.st.Faults }
func (s *shop) Counts() map[string]int64     { return s.st.Counts.All() }
func (s *shop) Callbacks() []sim.Errand      { return []sim.Errand{} }
func (s *shop) Behaviours() sim.Behaviours   { return sim.Behaviours{} }

func (s *shop) Orders() []sim.OrderLine { l, _ := s.Line("NO1"); return []sim.OrderLine{l} }

func (s *shop) Line(no string) (sim.OrderLine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sim.OrderLine{No: no, State: s.state, TotalFen: 5001}, no == "NO1"
}

func (s *shop) Resend(_ context.Context, no string) (sim.Resent, error) {
	if no != "NO1" {
		return sim.Resent{}, fmt.Errorf("%s: %w", no, sim.ErrUnknownOrder)
	}
	s.ask("resend")
	return sim.Resent{Accepted: true}, nil
}

func (s *shop) RefundOutside(_ context.Context, no string, fen int64) (string, error) {
	s.ask(fmt.Sprintf("refund %s %d", no, fen))
	return "R1", nil
}

func (s *shop) Play(name string) error { s.ask("play " + name); return nil }

func (s *shop) Fail(where string, f sim.Fault) error { return s.st.Faults.Add(where, f) }

func (s *shop) Explain(r sim.ExplainRequest) (sim.Explanation, error) {
	return sim.Explanation{Differs: fmt.Sprintf("%s %d %s", r.Order, r.Event, r.Body)}, nil
}

func newShop(t *testing.T) (*shop, *httptest.Server) {
	t.Helper()
	s := &shop{st: stand(t), bell: sim.NewBell(), state: "NOTPAY"}
	s.st.Timeline.Add("NO1", sim.Event{Direction: "in", Name: "greet", URL: "/<b>", Verdicts: []sim.Verdict{{Check: "key"}}})
	server := httptest.NewServer(sim.Admin(s))
	t.Cleanup(server.Close)
	return s, server
}

// try sends a request with a header, or none, and returns status and body.
func try(t *testing.T, method, url, body, header, value string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header == "Host" {
		req.Host = value
	} else if header != "" {
		req.Header.Set(header, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(out)
}

func TestAdminAnswersWhatIsAsked(t *testing.T) {
	t.Parallel()
	s, server := newShop(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/_sim/", "", 200, "50.01"},
		{"GET", "/_sim/orders", "", 200, `"no": "NO1"`},
		{"GET", "/_sim/orders/NO1/timeline", "", 200, `"url": "/<b>"`},
		{"GET", "/_sim/orders/NO2/timeline", "", 404, "no such order"},
		{"POST", "/_sim/orders/NO1/resend", "", 200, `"accepted": true`},
		{"POST", "/_sim/orders/NO2/resend", "", 404, "no such order"},
		{"POST", "/_sim/orders/NO1/refund", `{"fen":100}`, 200, `"refund": "R1"`},
		{"POST", "/_sim/orders/NO1/refund", `{"yuan":1}`, 400, "unknown field"},
		{"GET", "/_sim/scenarios", "", 200, `"name": "quiet"`},
		{"POST", "/_sim/scenarios/quiet", "", 200, "[]"},
		{"POST", "/_sim/faults", `{"where":"greet","kind":"too-many","times":2}`, 200, `"times": 2`},
		{"POST", "/_sim/faults", `{"where":"nowhere","kind":"too-many"}`, 400, "unknown endpoint"},
		{"GET", "/_sim/faults", "", 200, `"hang-before"`},
		{"DELETE", "/_sim/faults", "", 200, "[]"},
		{"POST", "/_sim/clock/advance?by=15s", "", 200, "2026-03-02T18:00:15Z"},
		{"POST", "/_sim/clock/advance?by=soon", "", 400, "duration"},
		{"GET", "/_sim/clock", "", 200, "2026-03-02T18:00:15Z"},
		{"GET", "/_sim/counters", "", 200, "{}"},
		{"GET", "/_sim/callbacks", "", 200, "[]"},
		{"GET", "/_sim/behaviours", "", 200, "[]"},
		{"GET", "/_sim/explain?order=NO1&event=3", "", 200, "NO1 3"},
		{"POST", "/_sim/explain", `{"body":"hello"}`, 200, "hello"},
		{"GET", "/_sim/nothing", "", 404, ""},
	} {
		status, body := try(t, c.method, server.URL+c.path, c.body, "", "")
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: %d %s, want %d %q", c.method, c.path, status, body, c.status, c.says)
		}
	}
	if got := strings.Join(s.asked, ","); got != "resend,refund NO1 100,play quiet" {
		t.Errorf("the gateway was asked %s", got)
	}
}

func TestAdminHasPagesForPeople(t *testing.T) {
	t.Parallel()
	_, server := newShop(t)
	status, body := try(t, "GET", server.URL+"/_sim/orders/NO1/timeline", "", "Accept", "text/html")
	if status != 200 || !strings.Contains(body, "/&lt;b&gt;") || !strings.Contains(body, "key: wrong") {
		t.Errorf("timeline: %d %s", status, body)
	}
	status, _ = try(t, "POST", server.URL+"/_sim/orders/NO1/resend", "", "Accept", "text/html")
	if status != http.StatusSeeOther {
		t.Errorf("a button leads to %d", status)
	}
}

func TestAdminTakesNothingFromStrangers(t *testing.T) {
	t.Parallel()
	s, server := newShop(t)
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"Origin", "http://evil.example.edu", 403}, {"Origin", "null", 403}, {"Origin", server.URL, 200},
		{"Host", "evil.example.edu", 403}, {"Host", "localhost", 200},
	} {
		if status, body := try(t, "POST", server.URL+"/_sim/scenarios/quiet", "", c.header, c.value); status != c.want {
			t.Errorf("%s %s: %d %s, want %d", c.header, c.value, status, body, c.want)
		}
	}
	away := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/_sim/orders", nil)
	away.RemoteAddr = "192.0.2.1:5"
	w := httptest.NewRecorder()
	sim.Admin(s).ServeHTTP(w, away)
	if w.Code != http.StatusForbidden {
		t.Errorf("from another machine: %d", w.Code)
	}
}

func TestWaitAnswersWhenItIsSo(t *testing.T) {
	t.Parallel()
	s, server := newShop(t)
	got := make(chan string, 1)
	go func() {
		_, body := try(t, "GET", server.URL+"/_sim/wait?order=NO1&state=SUCCESS&timeout=1m", "", "", "")
		got <- body
	}()
	s.mu.Lock()
	s.state = "SUCCESS"
	s.mu.Unlock()
	s.bell.Ring()
	if body := <-got; !strings.Contains(body, `"state": "SUCCESS"`) {
		t.Errorf("wait: %s", body)
	}
	for query, want := range map[string]int{"timeout=1ms&state=CLOSED&order=NO1": 504, "timeout=soon": 400, "timeout=1h": 400} {
		if status, body := try(t, "GET", server.URL+"/_sim/wait?"+query, "", "", ""); status != want {
			t.Errorf("%s: %d %s, want %d", query, status, body, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	line, err := sim.WaitOrder(ctx, s, "NO1", "unpaid")
	if err != nil || line.No != "NO1" {
		t.Errorf("in process: %v %v", line, err)
	}
}

func TestAdminReadsJSONWhateverItsContentTypeSays(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", "application/json", "application/x-www-form-urlencoded"} {
		s, server := newShop(t)
		status, said := try(t, http.MethodPost, server.URL+"/_sim/orders/NO1/refund", `{"fen":100}`, "Content-Type", kind)
		if status != 200 || len(s.asked) != 1 || s.asked[0] != "refund NO1 100" {
			t.Errorf("as %q: %d %s, asked %v", kind, status, said, s.asked)
		}
		status, said = try(t, http.MethodPost, server.URL+"/_sim/orders/NO1/refund", `{"fen":`, "Content-Type", kind)
		if status != 400 || len(s.asked) != 1 {
			t.Errorf("half of it as %q: %d %s, asked %v", kind, status, said, s.asked)
		}
	}
}
