package pos_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/pos"
)

func TestATapLoadsTheCardAndTheNextOneHasNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	offer := c.offer(c.t1, rand.Text())
	if offer.Amount != 5000 || offer.Attempt != 1 || offer.L0 != 3 || offer.B0 != 1200 {
		t.Fatalf("tap %+v", offer)
	}
	var done receipt
	c.t1.post("/loads/"+offer.Load+"/result", written(offer.Authorisation)).into(t, &done)
	if done.State != "CONFIRMED" || !done.First || done.Amount != 5000 {
		t.Errorf("receipt %+v", done)
	}
	var again receipt
	c.t1.post("/loads/"+offer.Load+"/result", written(offer.Authorisation)).into(t, &again)
	if again.First || again.State != "CONFIRMED" || !again.At.Equal(done.At) {
		t.Errorf("the same result again: %+v, first %+v", again, done)
	}
	next := c.tap(c.t1, reading(with("L", 4), with("B", 6200)))
	if next.Outcome != "none" || next.Reason != "nothing_pending" {
		t.Errorf("the next tap: %+v", next)
	}
	var pending struct {
		CardNo  string   `json:"card_no"`
		Pending int64    `json:"pending_fen"`
		Held    int64    `json:"load_held_fen"`
		Frozen  bool     `json:"frozen"`
		Reasons []string `json:"reasons"`
	}
	c.t1.get("/cards/7A1/pending").into(t, &pending)
	if pending.CardNo != "7A1" || pending.Pending != 0 || pending.Held != 0 || pending.Frozen || pending.Reasons == nil {
		t.Errorf("pending %+v", pending)
	}
}

func TestAltogetherForeignReadingsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for name, tc := range map[string]struct {
		body   any
		status int
		urn    string
	}{
		"unknown card":        {reading(with("card_uid", "04FFFF")), 404, "unknown-card"},
		"other card number":   {reading(with("card_no", "79999")), 409, "card-mismatch"},
		"other version":       {reading(with("version", "2")), 409, "card-mismatch"},
		"no counter":          {reading(without("L")), 400, "malformed"},
		"no balance":          {reading(without("B")), 400, "malformed"},
		"counter below zero":  {reading(with("L", -1)), 400, "malformed"},
		"counter as text":     {reading(with("L", "3")), 400, "malformed"},
		"half a fen":          {reading(with("B", 0.5)), 400, "malformed"},
		"beyond counting":     {reading(with("B", 1e15)), 400, "malformed"},
		"short tap id":        {reading(with("tap_id", "x")), 400, "malformed"},
		"key syntax in an id": {reading(with("tap_id", "x:{p01}:abcdef")), 400, "malformed"},
		"key syntax in a uid": {reading(with("card_uid", "04}:{p01}")), 400, "malformed"},
		"unknown field":       {reading(with("amount", 5)), 400, "malformed"},
		"mac1 not in hex":     {reading(with("mac1", "xyz")), 400, "malformed"},
		"long random":         {reading(with("random", string(make([]byte, 66)))), 400, "malformed"},
		"tac without its day": {reading(with("tac", "00112233"), with("tac_at", "noon")), 400, "malformed"},
		"log of no terminal":  {reading(with("log", map[string]any{"amount_fen": 1, "terminal": ""})), 400, "malformed"},
		"not JSON":            {[]byte("tap"), 400, "malformed"},
		"two values":          {[]byte(`{}1`), 400, "malformed"},
		"nothing":             {[]byte{}, 400, "malformed"},
	} {
		a := c.t1.post("/taps", tc.body)
		if !a.is(tc.status, tc.urn) {
			t.Errorf("%s: %s; want %d %s", name, a, tc.status, tc.urn)
		} else if a.unproved != nil {
			t.Errorf("%s: the refusal is not signed: %v", name, a.unproved)
		}
	}
	c.mustHold(5000, 0)
}

func TestTheSameTapGetsTheSameAuthorisationInAFreshEnvelope(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	body := reading()
	first, second := c.tap(c.t1, body), c.tap(c.t1, body)
	if first.Authorisation == "" || first.Authorisation != second.Authorisation {
		t.Errorf("two answers to one tap:\n%+v\n%+v", first, second)
	}
	other := maps.Clone(body)
	other["B"] = 1300
	if a := c.t1.post("/taps", other); !a.is(http.StatusConflict, "tap-conflict") {
		t.Errorf("the id for another reading: %s", a)
	}
	c.mustHold(0, 5000)
}

func TestTapsThatGetNoMoneySayWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(c *counter)
		tap    map[string]any
		reason string
	}{
		"counter below the ledger": {func(c *counter) { c.offer(c.t1, rand.Text()) }, reading(with("L", 2)), "reread"},
		"counter ahead":            {func(c *counter) { c.offer(c.t1, rand.Text()) }, reading(with("L", 5)), "unknown_load"},
		"frozen":                   {func(c *counter) { c.state(true, "lost") }, reading(), "frozen"},
		"closed":                   {func(c *counter) { c.state(false) }, reading(), "account_closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounter(t)
			tc.before(c)
			held := c.account()
			a := c.tap(c.t1, tc.tap)
			if a.Outcome != "none" || a.Reason != tc.reason || a.Authorisation != "" {
				t.Errorf("answer %+v, want none because of %s", a, tc.reason)
			}
			if (a.Challenge != "") != (tc.reason == "reread" || tc.reason == "unknown_load") {
				t.Errorf("challenge %q with %s", a.Challenge, tc.reason)
			}
			c.mustHold(held.Pending, held.LoadHeld)
		})
	}
}

// state imports the account's next version.
func (c *counter) state(open bool, freeze ...string) {
	c.t.Helper()
	_, err := c.bench.Import(c.ctx, transition.Statement{
		Account: account, Version: 2, Open: open, Freeze: freeze,
		Card: transition.Card{UID: "04A1", No: "7A1", Version: "1", Profile: "stamp"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestResultsWithoutAnAuthorisationOfTheirOwnMoveNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	offer := c.offer(c.t1, rand.Text())
	other := c.terminal("T2", pos.RolePOS)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	load, err := pos.OpenAuthorisation(c.hubKey.Public().(ed25519.PublicKey), offer.Authorisation)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key ed25519.PrivateKey, change func(*transition.Load)) string {
		l := load
		change(&l)
		text, err := pos.Authorise(key, l)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	unknown := load.No[:27] + "Y"
	if unknown == load.No {
		unknown = load.No[:27] + "Z"
	}
	forged := sign(stranger, func(*transition.Load) {})
	dearer := sign(c.hubKey, func(l *transition.Load) { l.Amount = 9000 }) // the hub's own, of another hold
	gone := sign(c.hubKey, func(l *transition.Load) { l.No, l.UID = unknown, "04FFFF" })
	for name, tc := range map[string]struct {
		from   *device
		path   string
		body   map[string]any
		status int
		urn    string
	}{
		"forged":                 {c.t1, offer.Load, written(forged), 409, "load-mismatch"},
		"of another amount":      {c.t1, offer.Load, written(dearer), 409, "load-mismatch"},
		"another's":              {other, offer.Load, written(offer.Authorisation), 409, "load-mismatch"},
		"of another load":        {c.t1, string(unknown), written(offer.Authorisation), 409, "load-mismatch"},
		"of no load and no card": {c.t1, string(unknown), written(gone), 404, "unknown-load"},
		"no number":              {c.t1, "x", written(offer.Authorisation), 400, "malformed"},
		"no outcome":             {c.t1, offer.Load, written(offer.Authorisation, without("outcome")), 400, "malformed"},
		"counter beyond":         {c.t1, offer.Load, written(offer.Authorisation, with("L", 1<<40)), 400, "malformed"},
		"empty authorisation":    {c.t1, offer.Load, written(""), 409, "load-mismatch"},
	} {
		if a := tc.from.post("/loads/"+tc.path+"/result", tc.body); !a.is(tc.status, tc.urn) {
			t.Errorf("%s: %s; want %d %s", name, a, tc.status, tc.urn)
		}
	}
	c.mustHold(0, 5000)
}

func TestWithRedisDownTerminalsAreAskedToComeAgain(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	body := reading()
	c.bench.Server.Kill()
	if a := c.t1.post("/taps", body); !a.is(http.StatusServiceUnavailable, "unavailable") || a.header.Get("Retry-After") == "" {
		t.Errorf("%s, want 503 with Retry-After", a)
	}
	c.bench.Server.Restart()
	if a := c.tap(c.t1, body); a.Outcome != "load" {
		t.Errorf("the same tap afterwards: %+v", a)
	}
}

// mustHaveLoaded wants exactly these loads to be told of, each once.
func (c *counter) mustHaveLoaded(amounts ...fen.Fen) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []fen.Fen
	for _, l := range c.loaded {
		got = append(got, l.Amount)
		if l.No == "" || l.Account != account || l.Place != "食堂" || time.Since(l.At) > time.Minute {
			c.t.Errorf("told of %+v", l)
		}
	}
	if !slices.Equal(got, amounts) {
		c.t.Errorf("loads of %v are told of, want %v", got, amounts)
	}
}

func TestALoadThatItsResultConfirmsIsToldOf(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	offer := c.offer(c.t1, rand.Text())
	c.t1.post("/loads/"+offer.Load+"/result", written(offer.Authorisation)).into(t, &receipt{})
	c.mustHaveLoaded(5000)
}

func TestALoadThatTheNextTapConfirmsIsToldOf(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.offer(c.t1, rand.Text())
	c.mustHaveLoaded()
	next := c.tap(c.t1, reading(with("L", 4), with("B", 6200)))
	if next.Confirmed == nil || next.Confirmed.Amount != 5000 {
		t.Errorf("tap %+v, want it to confirm", next)
	}
	c.mustHaveLoaded(5000)
}

func TestALoadThatNeverReachedItsCardIsNotToldOf(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.offer(c.t1, rand.Text())
	if a := c.tap(c.t1, reading()); a.Attempt != 2 || a.Confirmed != nil {
		t.Errorf("tap %+v, want the second attempt", a)
	}
	c.mustHaveLoaded()
}

func TestALoadThatTheHubHadLostIsBookedByItsResult(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	offer := c.offer(c.t1, rand.Text())
	load, err := pos.OpenAuthorisation(c.hubKey.Public().(ed25519.PublicKey), offer.Authorisation)
	if err != nil {
		t.Fatal(err)
	}
	load.No = load.No[:27] + map[bool]transition.LoadNo{true: "Y", false: "Z"}[load.No[27] == 'Z']
	lost, err := pos.Authorise(c.hubKey, load)
	if err != nil {
		t.Fatal(err)
	}
	var done receipt
	c.t1.post("/loads/"+string(load.No)+"/result", written(lost)).into(t, &done)
	if done.State != "FORCED" || !done.First || done.Amount != 5000 {
		t.Errorf("receipt %+v, want FORCED", done)
	}
	c.mustHold(0, 0)
	c.mustHaveLoaded(5000)
}

// TestASharedCardsOwnLogIsItsProof has a card whose counter other machines move
// too: the counter alone proves nothing.
func TestASharedCardsOwnLogIsItsProof(t *testing.T) {
	t.Parallel()
	ours := map[string]any{"amount_fen": 5000, "terminal": "T1"}
	theirs := map[string]any{"amount_fen": 5000, "terminal": "T9"}
	for name, tc := range map[string]struct {
		log   any
		proof bool
	}{"its log": {ours, true}, "another's log": {theirs, false}, "no log": {nil, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounter(t)
			_, err := c.bench.Import(c.ctx, transition.Statement{
				Account: account, Version: 2, Open: true, Card: transition.Card{UID: "04A1", No: "7A1", Version: "2", Profile: "shared"},
			})
			if err != nil {
				t.Fatal(err)
			}
			logged := func(b map[string]any) {
				if tc.log != nil {
					b["log"] = tc.log
				}
			}
			version := with("version", "2")
			tap := rand.Text()
			offer := c.tap(c.t1, reading(version, with("tap_id", tap)))
			next := c.tap(c.t1, reading(version, with("L", 4), with("B", 6200), logged))
			if (next.Confirmed != nil) != tc.proof || next.Outcome != "none" {
				t.Errorf("the next tap: %+v", next)
			}
			c.recharge(2000)
			offer = c.tap(c.t1, reading(version, with("L", 4), with("B", 6200), logged))
			if !tc.proof {
				return // nothing is offered meanwhile
			}
			var done receipt
			c.t1.post("/loads/"+offer.Load+"/result", written(offer.Authorisation, with("L", 5), with("B", 8200))).into(t, &done)
			if done.State == "CONFIRMED" {
				t.Errorf("a result without the log: %+v", done)
			}
			more := with("log", map[string]any{"amount_fen": 2000, "terminal": "T1"})
			c.t1.post("/loads/"+offer.Load+"/result", written(offer.Authorisation, with("L", 5), with("B", 8200), more)).into(t, &done)
			if done.State != "CONFIRMED" {
				t.Errorf("a result with it: %+v", done)
			}
		})
	}
}
