package pos_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"guodu/transition/pos"
)

// event is one event of a feed.
type event struct{ id, kind, data string }

// heard is a feed that a test listens to.
type heard struct {
	t      testing.TB
	answer answer
	events chan event    // closed at the end of the stream
	alive  chan struct{} // one for each comment
	leave  func()
}

// patience bounds what a test waits for.
const patience = 20 * time.Second

// feeding runs the feed until the test ends.
func (c *counter) feeding() (stop func()) {
	ctx, cancel := context.WithCancel(c.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.config.Feed.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	c.t.Cleanup(stop)
	return stop
}

// ask opens a feed. A feed that is not read yet is asked for again.
func (d *device) ask(cursor string) *heard {
	d.t.Helper()
	target := "/pos/v1/feed"
	if cursor != "" {
		target += "?cursor=" + url.QueryEscape(cursor)
	}
	for began := time.Now(); ; {
		h := d.open(d.message(http.MethodGet, target, nil))
		if h.answer.status != http.StatusServiceUnavailable || time.Since(began) > patience {
			return h
		}
	}
}

func (d *device) open(m *message) *heard {
	d.t.Helper()
	m.seal()
	ctx, cancel := context.WithCancel(context.Background())
	d.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, m.method, d.url+m.target, bytes.NewReader(nil))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Host, r.Header = m.host, m.header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	h := &heard{t: d.t, answer: answer{status: resp.StatusCode, header: resp.Header}, events: make(chan event, 1000), alive: make(chan struct{}, 1000), leave: cancel}
	if resp.StatusCode != http.StatusOK {
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		h.answer.body = body.Bytes()
		_ = resp.Body.Close()
		close(h.events)
	} else {
		go func() {
			defer close(h.events)
			defer func() { _ = resp.Body.Close() }()
			var e event
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				field, value, _ := strings.Cut(lines.Text(), ": ")
				switch {
				case field == "id":
					e.id = value
				case field == "event":
					e.kind = value
				case field == "data":
					e.data = value
				case lines.Text() == "" && e.kind != "":
					h.events <- e
					e = event{}
				case value == "still here":
					h.alive <- struct{}{}
				}
			}
		}()
	}
	h.answer.unproved = d.prove(h.answer, m.nonce())
	return h
}

// next is the next event.
func (h *heard) next() event {
	h.t.Helper()
	select {
	case e, ok := <-h.events:
		if !ok {
			h.t.Fatalf("the feed ended: %s", h.answer)
		}
		return e
	case <-time.After(patience):
		h.t.Fatal("no event came")
	}
	return event{}
}

// ends waits for the end of the stream.
func (h *heard) ends() {
	h.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case _, ok := <-h.events:
			if !ok {
				return
			}
		case <-limit:
			h.t.Fatal("the feed goes on")
		}
	}
}

func (h *heard) wants(want ...event) {
	h.t.Helper()
	for _, w := range want {
		if e := h.next(); e != w {
			h.t.Errorf("event %+v, want %+v", e, w)
		}
	}
}

func TestTheFeedTellsOfMoneyBlocksAndParametersWithinASecond(t *testing.T) {
	t.Parallel()
	c := newCounter(t) // one pending event has been told: 7:1
	c.feeding()
	h := c.t1.ask("")
	if h.answer.status != http.StatusOK || h.answer.unproved != nil || h.answer.header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("head %s, %v, %v", h.answer, h.answer.unproved, h.answer.header)
	}
	h.wants(event{"7:1", "block", `{"cursor":""}`})
	c.recharge(2000)
	h.wants(event{"7:2", "pending", `{"card_no":"7A1"}`})
	began := time.Now()
	c.becomes(2, true, "lost")
	h.wants(event{"7:3", "block", `{"cursor":"7:1"}`})
	if took := time.Since(began); took > time.Second {
		t.Errorf("a freeze was told after %s", took)
	}
	if _, err := c.registry.SetParams(c.ctx, []byte(`{"heartbeat_s": 20}`), c.now()); err != nil {
		t.Fatal(err)
	}
	h.wants(event{"7:3", "params", `{"version":1}`})
	c.mustHold(7000, 0)
}

func TestAFeedThatIsTakenUpAgainLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.feeding()
	h := c.t1.ask("")
	cursor := h.next().id
	h.leave()
	h.ends()
	c.recharge(2000)
	c.becomes(2, true, "lost")
	c.recharge(1000)
	h = c.t1.ask(cursor)
	c.recharge(500)
	// A block comes before the pending events that its place is between, with a cursor
	// that does not cover them.
	h.wants(event{"7:1", "block", `{"cursor":"7:1"}`}, event{"7:2", "pending", `{"card_no":"7A1"}`}, event{"7:4", "pending", `{"card_no":"7A1"}`},
		event{"7:5", "pending", `{"card_no":"7A1"}`})
	c.mustHold(8500, 0)
}

func TestACursorThatIsTooOldIsGone(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.feeding()
	for range 3 {
		c.recharge(1000)
	}
	c.t1.ask("7:1").wants(event{"7:2", "pending", `{"card_no":"7A1"}`})
	if err := c.bench.Runner.Client().XTrimMaxLen(c.ctx, "h:{p07}:feed", 1).Err(); err != nil {
		t.Fatal(err)
	}
	c.t1.ask("7:3").wants(event{"7:4", "pending", `{"card_no":"7A1"}`})
	for cursor, why := range map[string]string{"7:2": "forgotten", "7:5": "never told", "7:4,8:1": "of a partition that told nothing", "8:1": "without another"} {
		if h := c.t1.ask(cursor); !h.answer.is(http.StatusGone, "gone") || h.answer.unproved != nil {
			t.Errorf("cursor %s, %s: %s", cursor, why, h.answer)
		}
	}
	if h := c.t1.ask("7"); !h.answer.is(http.StatusBadRequest, "malformed") {
		t.Errorf("no cursor: %s", h.answer)
	}
	c.mustHold(8000, 0)
}

func TestTwoHundredTerminalsHearTheSameInOrder(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.feeding()
	var all []*heard
	for i := range 200 {
		id := fmt.Sprintf("F%d", i)
		d, _ := c.registered(id, pos.RolePOS)
		for _, to := range []pos.State{pos.Suspended, pos.Running} {
			if err := c.registry.Set(c.ctx, id, to, c.now()); err != nil {
				t.Fatal(err)
			}
		}
		h := d.ask("")
		h.wants(event{"7:1", "block", `{"cursor":""}`})
		all = append(all, h)
	}
	began := time.Now()
	for range 20 {
		c.recharge(100)
	}
	for _, h := range all {
		for n := range 20 {
			h.wants(event{fmt.Sprintf("7:%d", n+2), "pending", `{"card_no":"7A1"}`})
		}
	}
	t.Logf("result: 20 events at 200 terminals in %s", time.Since(began).Round(time.Millisecond))
	c.mustHold(7000, 0)
}

func TestAFeedEndsWithTheTerminalTheNextOneAndTheHub(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	stop := c.feeding()
	other := c.terminal("T2", pos.RolePOS)
	first := c.t1.ask("")
	second := c.t1.ask("")
	first.ends()
	stays := other.ask("")
	if err := c.registry.Set(c.ctx, "T1", pos.Suspended, c.now()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	second.ends()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a suspended terminal listened for %s", took)
	}
	if h := c.t1.open(c.t1.message(http.MethodGet, "/pos/v1/feed", nil)); !h.answer.is(http.StatusForbidden, "not-running") {
		t.Errorf("a suspended terminal: %s", h.answer)
	}
	c.recharge(1000)
	stays.wants(event{"7:1", "block", `{"cursor":""}`}, event{"7:2", "pending", `{"card_no":"7A1"}`})
	stop()
	stays.ends()
	if h := other.open(other.message(http.MethodGet, "/pos/v1/feed", nil)); !h.answer.is(http.StatusServiceUnavailable, "unavailable") {
		t.Errorf("a hub that ends: %s", h.answer)
	}
	c.mustHold(6000, 0)
}

func TestAFeedOutlivesTheServersLimits(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	c := newCounter(t, func(config *pos.Config) { config.Hosts, config.Comment = nil, limit/3 })
	c.feeding()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.edge.Load().ServeHTTP(w, r) }))
	server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
	server.Start()
	t.Cleanup(server.Close)
	c.t1.url = server.URL
	h := c.t1.ask("")
	for range 12 { // four times the limit
		select {
		case <-h.alive:
		case <-time.After(patience):
			t.Fatal("no comment came")
		}
	}
	c.recharge(1000)
	h.wants(event{"7:1", "block", `{"cursor":""}`}, event{"7:2", "pending", `{"card_no":"7A1"}`})
	h.leave()
	c.mustHold(6000, 0)
}
