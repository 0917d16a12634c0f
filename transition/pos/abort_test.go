package pos_test

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"guodu/transition"
	"guodu/transition/pos"
)

func TestAnAbortedTapIsDeadAndItsMoneyPending(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	c.offer(c.t1, tap)
	var s state
	c.t1.post("/taps/"+tap+"/abort", map[string]any{"card_uid": "04A1"}).into(t, &s)
	if s.State != "CANCELLED" {
		t.Errorf("state %q", s.State)
	}
	c.mustHold(5000, 0)
	if a := c.tap(c.t1, reading(with("tap_id", tap))); a.Reason != "dead" {
		t.Errorf("the tap again: %+v, want dead", a)
	}
}

func TestATapThatWasAbortedBeforeItCameIsDead(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	a := c.t1.post("/taps/"+tap+"/abort", map[string]any{"card_uid": "04A1"})
	if raw := a.raw(t); a.status != http.StatusOK || len(raw) != 1 || raw["state"] != "" {
		t.Errorf("answer %s, want the empty state", a)
	}
	if a := c.tap(c.t1, reading(with("tap_id", tap))); a.Reason != "dead" {
		t.Errorf("the tap: %+v, want dead", a)
	}
	c.mustHold(5000, 0)
}

func TestAnAbortedAuthorisationEndsItsOwnAttemptAlone(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	other := c.terminal("T2", pos.RolePOS)
	first, second := c.offer(c.t1, rand.Text()), c.offer(other, rand.Text())
	if a := other.post("/loads/"+first.Load+"/abort", map[string]any{"authorisation": first.Authorisation}); !a.is(http.StatusConflict, "load-mismatch") {
		t.Errorf("another's authorisation: %s", a)
	}
	var s state
	c.t1.post("/loads/"+first.Load+"/abort", map[string]any{"authorisation": first.Authorisation}).into(t, &s)
	if s.State != "HELD" {
		t.Errorf("with one attempt left: %q", s.State)
	}
	c.mustHold(0, 5000)
	other.post("/loads/"+second.Load+"/abort", map[string]any{"authorisation": second.Authorisation}).into(t, &s)
	if s.State != "CANCELLED" {
		t.Errorf("with none left: %q", s.State)
	}
	c.mustHold(5000, 0)
}

func TestAnAbortedAuthorisationNamesItsLoadToAHubThatLostTheTap(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	lost, err := c.bench.Runner.Client().Del(c.ctx, "h:{p07}:tap:T1:"+tap).Result() // A1's partition
	if err != nil || lost != 1 {
		t.Fatalf("%d taps lost, %v", lost, err)
	}
	var s state
	c.t1.post("/loads/"+offer.Load+"/abort", map[string]any{"authorisation": offer.Authorisation}).into(t, &s)
	if s.State != "HELD" {
		t.Errorf("state %q, want that of the load that the authorisation names", s.State)
	}
	if a := c.tap(c.t1, reading(with("tap_id", tap))); a.Reason != "dead" {
		t.Errorf("the tap again: %+v, want dead", a)
	}
}

func TestAnUnchangedRereadingEndsAllAttemptsBeforeIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		read  map[string]any
		state string
	}{
		"unchanged":       {map[string]any{"L": 3, "B": 1200, "P": 7}, "CANCELLED"},
		"another balance": {map[string]any{"L": 3, "B": 1100, "P": 7}, "HELD"},
		"another counter": {map[string]any{"L": 4, "B": 6200, "P": 7}, "HELD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounter(t)
			other := c.terminal("T2", pos.RolePOS)
			c.offer(c.t1, rand.Text())
			second := c.offer(other, rand.Text())
			tc.read["authorisation"] = second.Authorisation
			var s state
			other.post("/loads/"+second.Load+"/reread", tc.read).into(t, &s)
			if s.State != tc.state {
				t.Errorf("state %q, want %s", s.State, tc.state)
			}
		})
	}
}

func TestDropsAreReadStrictly(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	offer := c.offer(c.t1, rand.Text())
	auth := map[string]any{"authorisation": offer.Authorisation}
	for name, tc := range map[string]struct {
		path   string
		body   map[string]any
		status int
		urn    string
	}{
		"abort of no tap":          {"/taps/x/abort", map[string]any{"card_uid": "04A1"}, 400, "malformed"},
		"abort of no card":         {"/taps/tap00000001/abort", map[string]any{}, 400, "malformed"},
		"abort of an unknown card": {"/taps/tap00000001/abort", map[string]any{"card_uid": "04FFFF"}, 404, "unknown-card"},
		"abort, unknown field":     {"/taps/tap00000001/abort", map[string]any{"card_uid": "04A1", "x": 1}, 400, "malformed"},
		"abort of no load":         {"/loads/x/abort", auth, 400, "malformed"},
		"abort of another load":    {"/loads/" + aLoad + "/abort", auth, 409, "load-mismatch"},
		"abort, forged":            {"/loads/" + offer.Load + "/abort", map[string]any{"authorisation": "e30.AAAA"}, 409, "load-mismatch"},
		"reread without L":         {"/loads/" + offer.Load + "/reread", map[string]any{"authorisation": offer.Authorisation, "B": 1200}, 400, "malformed"},
		"reread without B":         {"/loads/" + offer.Load + "/reread", map[string]any{"authorisation": offer.Authorisation, "L": 3}, 400, "malformed"},
		"reread, L beyond":         {"/loads/" + offer.Load + "/reread", map[string]any{"authorisation": offer.Authorisation, "L": 1 << 33, "B": 1}, 400, "malformed"},
	} {
		if a := c.t1.post(tc.path, tc.body); !a.is(tc.status, tc.urn) || a.unproved != nil {
			t.Errorf("%s: %s, want %d %s", name, a, tc.status, tc.urn)
		}
	}
	c.mustHold(0, 5000)
}

func TestALoadsStatusIsForItsTerminalsAndDesks(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	other, desk := c.terminal("T2", pos.RolePOS), c.terminal("D1", pos.RoleDesk)
	offer := c.offer(c.t1, rand.Text())
	type status struct {
		Load     string `json:"load"`
		State    string `json:"state"`
		Amount   int64  `json:"amount_fen"`
		Attempts int64  `json:"attempts"`
		Live     int    `json:"live"`
	}
	want := status{offer.Load, "HELD", 5000, 1, 1}
	for _, d := range []*device{c.t1, desk} {
		var s status
		d.get("/loads/"+offer.Load+"/status").into(t, &s)
		if s != want {
			t.Errorf("%s is told %+v, want %+v", d.id, s, want)
		}
	}
	if a := other.get("/loads/" + offer.Load + "/status"); !a.is(http.StatusNotFound, "unknown-load") {
		t.Errorf("a terminal that had no attempt: %s", a)
	}
	if a := desk.get("/loads/" + aLoad + "/status"); a.is(http.StatusOK, "") {
		t.Errorf("no load: %s", a)
	}
	third := c.terminal("T3", pos.RolePOS)
	again := c.offer(third, rand.Text())
	third.post("/loads/"+offer.Load+"/result", written(again.Authorisation)).into(t, &receipt{})
	var s status
	c.t1.get("/loads/"+offer.Load+"/status").into(t, &s)
	if s.State != "CONFIRMED" || s.Live != 0 {
		t.Errorf("after another terminal's result: %+v", s)
	}
}

// recheckBody is what a terminal reads once more.
func recheckBody(challenge string, l, b int) map[string]any {
	return map[string]any{"challenge": challenge, "card_uid": "04A1", "version": "1", "L": l, "B": b, "P": 7}
}

type rechecked struct {
	Outcome string `json:"outcome"`
	L       *int64 `json:"L"`
	B       *int64 `json:"B"`
}

// doubted is a tap below the ledger's counter, which asks for a re-reading.
func (c *counter) doubted(d *device) string {
	c.t.Helper()
	a := c.tap(d, reading(with("L", 2)))
	if a.Reason != "reread" || a.Challenge == "" {
		c.t.Fatalf("tap %+v, want a challenge", a)
	}
	return a.Challenge
}

func TestARereadingThatAgreesClearsTheTap(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.offer(c.t1, rand.Text())
	challenge := c.doubted(c.t1)
	other := c.terminal("T2", pos.RolePOS)
	for name, tc := range map[string]struct {
		d    *device
		body map[string]any
	}{
		"another challenge": {c.t1, recheckBody("x"+challenge[1:], 3, 1200)},
		"another terminal":  {other, recheckBody(challenge, 3, 1200)},
	} {
		if a := tc.d.post("/cards/7A1/reread", tc.body); !a.is(http.StatusConflict, "challenge") {
			t.Errorf("%s: %s, want 409 challenge", name, a)
		}
	}
	var r rechecked
	c.t1.post("/cards/7A1/reread", recheckBody(challenge, 3, 1200)).into(t, &r)
	if r.Outcome != "agrees" || r.L != nil || r.B != nil {
		t.Errorf("re-reading %+v", r)
	}
	if a := c.t1.post("/cards/7A1/reread", recheckBody(challenge, 3, 1200)); !a.is(http.StatusConflict, "challenge") {
		t.Errorf("the challenge again: %s", a)
	}
}

func TestAChallengeEndsAfterTwoMinutes(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.offer(c.t1, rand.Text())
	challenge := c.doubted(c.t1)
	c.ahead.Store(int64(2*time.Minute + time.Second))
	if a := c.t1.post("/cards/7A1/reread", recheckBody(challenge, 2, 1200)); !a.is(http.StatusConflict, "challenge") {
		t.Errorf("%s, want 409 challenge", a)
	}
	if a := c.account(); len(a.Freeze) != 0 {
		t.Errorf("frozen: %v", a.Freeze)
	}
}

func TestAConflictEndsAtADeskAfterPeopleDecided(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	desk := c.terminal("D1", pos.RoleDesk)
	offer := c.offer(c.t1, rand.Text())
	var r rechecked
	c.t1.post("/cards/7A1/reread", recheckBody(c.doubted(c.t1), 2, 1200)).into(t, &r)
	if r.Outcome != "conflict" {
		t.Fatalf("re-reading %+v, want a conflict", r)
	}
	if a := c.account(); !a.Frozen() {
		t.Error("the account is not frozen")
	}
	if a := c.tap(c.t1, reading()); a.Reason != "conflict" {
		t.Errorf("a tap meanwhile: %+v", a)
	}
	if a := c.t1.post("/cards/7A1/reread", recheckBody("", 3, 1200)); !a.is(http.StatusForbidden, "role") {
		t.Errorf("a canteen's terminal without a challenge: %s, want 403 role", a)
	}
	desk.post("/cards/7A1/reread", recheckBody("", 2, 1200)).into(t, &r)
	if r.Outcome != "filed" {
		t.Errorf("a desk's re-reading: %+v, want it filed", r)
	}
	c.ahead.Store(int64(24 * time.Hour)) // people wait first
	_, err := c.bench.DecideLoad(c.ctx, transition.LoadDecision{
		Load: transition.LoadNo(offer.Load), Verdict: transition.VerdictCancel, By: "op1", Second: "op2", Why: "seen at the desk",
	})
	if err != nil {
		t.Fatal(err)
	}
	desk.post("/cards/7A1/reread", recheckBody("", 2, 1200)).into(t, &r)
	if r.Outcome != "repair" || r.L == nil || r.B == nil {
		t.Fatalf("after the decision: %+v, want a repair", r)
	}
	desk.post("/cards/7A1/reread", recheckBody("", int(*r.L), int(*r.B))).into(t, &r)
	if r.Outcome != "repaired" {
		t.Errorf("the card as it should be: %+v", r)
	}
	if a := c.account(); a.Frozen() {
		t.Errorf("still frozen: %v", a.Freeze)
	}
}

func TestRereadingsAreReadStrictly(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	change := func(f func(map[string]any)) map[string]any {
		body := recheckBody("abc", 3, 1200)
		f(body)
		return body
	}
	for name, tc := range map[string]struct {
		path   string
		body   map[string]any
		status int
		urn    string
	}{
		"no L":            {"/cards/7A1/reread", change(without("L")), 400, "malformed"},
		"no version":      {"/cards/7A1/reread", change(without("version")), 400, "malformed"},
		"challenge, long": {"/cards/7A1/reread", change(with("challenge", string(make([]byte, 65)))), 400, "malformed"},
		"unknown field":   {"/cards/7A1/reread", change(with("tap_id", "tap00000001")), 400, "malformed"},
		"no card number":  {"/cards/7:1/reread", change(with("L", 3)), 400, "malformed"},
		"another number":  {"/cards/79999/reread", change(with("L", 3)), 409, "card-mismatch"},
		"unknown card":    {"/cards/7A1/reread", change(with("card_uid", "04FFFF")), 404, "unknown-card"},
		"never asked":     {"/cards/7A1/reread", change(with("L", 3)), 409, "challenge"},
	} {
		if a := c.t1.post(tc.path, tc.body); !a.is(tc.status, tc.urn) {
			t.Errorf("%s: %s, want %d %s", name, a, tc.status, tc.urn)
		}
	}
	c.mustHold(5000, 0)
}
