package sim_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"guodu/mocks/sim"
)

// stand is a gateway of one endpoint that greets.
func stand(t *testing.T) *sim.Stand {
	t.Helper()
	places := map[string][]sim.FaultKind{"greet": {"shout"}, "pay": append(sim.CallbackFaults(), "forge", "odd")}
	kinds := sim.RequestFaults()
	kinds["shout"] = sim.KindInfo{When: sim.After, Act: sim.ActBend}
	for kind := range sim.RequestFaults() {
		places["greet"] = append(places["greet"], kind)
	}
	host := sim.NewHost("greeter", nil)
	t.Cleanup(func() { _ = host.Close() })
	return &sim.Stand{
		Name: "greeter", Host: host, Clock: sim.NewClock(start), Faults: sim.NewFaults(sim.NewDice(7, 1), places),
		Kinds: kinds, Counts: sim.NewCounters(), Timeline: sim.NewTimeline(nil), Log: slog.New(slog.DiscardHandler),
	}
}

// greeter answers "hello world"; worked says how often.
func greeter(st *sim.Stand, worked *atomic.Int64) http.Handler {
	return sim.Serve(st, sim.Endpoint[string]{
		Name: "greet",
		Do: func(c *sim.Call) string {
			worked.Add(1)
			c.Order = "NO1"
			c.Note("name", true, "")
			return "hello world"
		},
		Unreadable: func(*sim.Call, error) string { return "unreadable" },
		Say:        func(_ *sim.Call, kind sim.FaultKind) string { return string(kind) },
		Bend:       func(_ *sim.Call, a string, _ sim.FaultKind) string { return strings.ToUpper(a) },
		Wire: func(_ *sim.Call, a string) (sim.Answer, error) {
			return sim.Answer{Status: 200, Header: http.Header{"X-Greeter": {"1"}}, Body: []byte(a), Code: "OK"}, nil
		},
	})
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("hi"))
	if err != nil {
		return "", err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func TestServeActsFaultsOut(t *testing.T) {
	t.Parallel()
	st, worked := stand(t), &atomic.Int64{}
	server := httptest.NewServer(greeter(st, worked))
	t.Cleanup(server.Close)
	for kind, c := range map[sim.FaultKind]struct {
		body   string
		broken error
		works  int64
	}{
		"":                   {"hello world", nil, 1},
		"shout":              {"HELLO WORLD", nil, 1},
		sim.FaultErrorBefore: {"error-before", nil, 0},
		sim.FaultErrorAfter:  {"error-after", nil, 1},
		sim.FaultBadGateway:  {"bad-gateway", nil, 0},
		sim.FaultTooMany:     {"too-many", nil, 0},
		sim.FaultSlow:        {"hello world", nil, 1},
		sim.FaultTruncate:    {"hello", io.ErrUnexpectedEOF, 1},
		sim.FaultResetBefore: {"", syscall.ECONNRESET, 0},
		sim.FaultResetAfter:  {"", syscall.ECONNRESET, 1},
	} {
		worked.Store(0)
		if kind != "" {
			mustAdd(t, st.Faults, "greet", sim.Fault{Kind: kind, DelayMS: 1})
		}
		body, err := get(t.Context(), server.URL)
		if !errors.Is(err, c.broken) || body != c.body || worked.Load() != c.works {
			t.Errorf("%q: %q, %v, worked %d times; want %+v", kind, body, err, worked.Load(), c)
		}
	}
	if st.Counts.Get("greet") != 10 || st.Counts.Get("greet.OK") != 7 || st.Counts.Get("greet.reset") != 2 || st.Counts.Get("greet.truncated") != 1 {
		t.Errorf("counts are %v", st.Counts.All())
	}
	events := st.Timeline.Of("NO1")
	if len(events) != 6 || events[0].RequestBody != "hi" || len(events[0].Verdicts) != 1 {
		t.Errorf("the timeline has %+v", events)
	}
}

func TestTheTimelineKeepsNoSecret(t *testing.T) {
	t.Parallel()
	st, worked := stand(t), &atomic.Int64{}
	server := httptest.NewServer(greeter(st, worked))
	t.Cleanup(server.Close)
	for _, query := range []string{"/a?appid=wx&secret=hush&code=1", "/a?b=%20c"} {
		if _, err := get(t.Context(), server.URL+query); err != nil {
			t.Fatal(err)
		}
	}
	got := st.Timeline.Of("NO1")
	if strings.Contains(got[0].URL, "hush") || !strings.Contains(got[0].URL, "code=1") || got[1].URL != "/a?b=%20c" {
		t.Errorf("it keeps %s and %s", got[0].URL, got[1].URL)
	}
}

func TestHangEndsWithTheHost(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.FaultKind{sim.FaultHangBefore, sim.FaultHangAfter} {
		st, worked := stand(t), &atomic.Int64{}
		hung := make(chan struct{})
		handler := greeter(st, worked)
		st.Log = slog.New(hears{"hangs", hung})
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		mustAdd(t, st.Faults, "greet", sim.Fault{Kind: kind})
		ended := make(chan error, 1)
		go func() {
			_, err := get(context.Background(), server.URL)
			ended <- err
		}()
		<-hung
		_ = st.Host.Close()
		if err := <-ended; err == nil {
			t.Errorf("%s: a hung request was answered", kind)
		}
	}
}

// hears closes a channel at the first line that has a word.
type hears struct {
	word  string
	heard chan struct{}
}

func (h hears) Enabled(context.Context, slog.Level) bool { return true }
func (h hears) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h hears) WithGroup(string) slog.Handler            { return h }

func (h hears) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.word) {
		close(h.heard)
	}
	return nil
}

func TestHostStartsOnceOnLoopbackAndMarksItsAnswers(t *testing.T) {
	t.Parallel()
	st, worked := stand(t), &atomic.Int64{}
	host, handler := st.Host, st.Host.Marked(greeter(st, worked))
	_, err := host.Start(t.Context(), "0.0.0.0:0", handler, host.Close)
	if !errors.Is(err, sim.ErrNotLoopback) {
		t.Fatalf("on every interface: %v", err)
	}
	base, err := host.Start(t.Context(), "", handler, host.Close)
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Start(t.Context(), "", handler, host.Close)
	if !errors.Is(err, sim.ErrStarted) {
		t.Errorf("started twice: %v", err)
	}
	for environment, want := range map[string]int{"": 200, "test": 200, "Production": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(sim.HeaderEnvironment, environment)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want || res.Header.Get(sim.HeaderSimulator) != "greeter" {
			t.Errorf("environment %q: %d, marked %q", environment, res.StatusCode, res.Header.Get(sim.HeaderSimulator))
		}
	}
	for range 2 {
		if err = host.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err = host.Start(t.Context(), "", handler, host.Close); !errors.Is(err, sim.ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
	if host.Spawn(func() { t.Error("work after the end") }) {
		t.Error("a closed host takes work")
	}
}
