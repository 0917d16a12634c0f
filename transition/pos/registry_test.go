package pos_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/transition/pos"
)

func TestRegistryKeepsAKeyOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	key := func(letter string) pos.Key { return pos.Key{Public: ed25519.PublicKey(strings.Repeat(letter, 32))} }
	one := pos.Terminal{ID: "T7", Key: key("k"), Place: "一食堂", Added: time.UnixMilli(1)}
	for i := range 2 {
		added, err := c.registry.Add(c.ctx, one)
		if err != nil || added != (i == 0) {
			t.Fatalf("add %d: %v, %v", i, added, err)
		}
	}
	for name, change := range map[string]func(*pos.Terminal){
		"key":       func(o *pos.Terminal) { o.Key = key("j") },
		"algorithm": func(o *pos.Terminal) { o.Algorithm = pos.HMAC },
		"role":      func(o *pos.Terminal) { o.Role = pos.RoleDesk },
	} {
		other := one
		change(&other)
		if _, err := c.registry.Add(c.ctx, other); !errors.Is(err, pos.ErrTerminalTaken) || !strings.Contains(err.Error(), name) {
			t.Errorf("another %s: %v, want ErrTerminalTaken that names it", name, err)
		}
	}
	for _, bad := range []pos.Terminal{
		{ID: "hub", Key: key("k")}, {ID: "", Key: key("k")}, {ID: "a b", Key: key("k")}, {ID: "T8"},
		{ID: "T8", Key: key("k"), Place: strings.Repeat("x", 201)}, {ID: "T8", Key: key("k"), Role: "boss"},
		{ID: "T8", Key: key("k"), Algorithm: "none"},
	} {
		if _, err := c.registry.Add(c.ctx, bad); !errors.Is(err, pos.ErrTerminal) {
			t.Errorf("%+v: %v, want ErrTerminal", bad, err)
		}
	}
	all, err := c.registry.List(c.ctx)
	if err != nil || len(all) != 2 || all[0].ID != "T1" || all[1].ID != "T7" || all[1].Place != "一食堂" || all[1].State != pos.Registered {
		t.Errorf("list %+v, %v", all, err)
	}
}

func TestATerminalAddedBeforeThereWereRolesRuns(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d, _ := c.registered("T2", pos.RolePOS)
	key := "h:{term}:t:T2"
	if err := c.bench.Runner.Client().HDel(c.ctx, key, "role").Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.bench.Runner.Client().HSet(c.ctx, key, "state", "running").Err(); err != nil {
		t.Fatal(err)
	}
	if a := c.tap(d, reading()); a.Outcome != "load" {
		t.Errorf("tap %+v", a)
	}
	if in := c.signIn(d); in.Role != "pos" || in.State != "running" {
		t.Errorf("sign-in %+v", in)
	}
}

func TestOnlyARunningTerminalIsServed(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d, _ := c.registered("T2", pos.RolePOS)
	set := func(to pos.State) {
		t.Helper()
		if err := c.registry.Set(c.ctx, "T2", to, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(when string, status int, urn string, calls ...func() answer) {
		t.Helper()
		for i, call := range calls {
			if a := call(); !a.is(status, urn) || (a.unproved == nil) != (status == http.StatusForbidden) {
				t.Errorf("%s, call %d: %s, want %d %s", when, i, a, status, urn)
			}
		}
	}
	tap := func() answer { return d.post("/taps", reading()) }
	pending := func() answer { return d.get("/cards/7A1/pending") }
	signIn := func() answer { return d.post("/sign-in", c.signInBody()) }
	journal := func() answer {
		return d.post("/journal", map[string]any{"epoch": 1, "records": []any{record(1, "ACKED")}})
	}

	refused("registered", http.StatusForbidden, "not-running", tap, pending, journal)
	if err := c.registry.Set(c.ctx, "T2", pos.Running, time.Now()); !errors.Is(err, pos.ErrTerminalState) {
		t.Errorf("a person makes it run: %v, want ErrTerminalState", err)
	}
	if in := c.signIn(d); in.State != "running" {
		t.Errorf("sign-in %+v", in)
	}
	pendingNow := pending()
	pendingNow.into(t, &map[string]any{})
	set(pos.Suspended)
	refused("suspended", http.StatusForbidden, "not-running", tap, pending, journal, signIn)
	set(pos.Running)
	if a := c.tap(d, reading()); a.Outcome != "load" {
		t.Errorf("resumed, tap %+v", a)
	}
	set(pos.Lost)
	refused("lost", http.StatusUnauthorized, "signature", tap, pending, signIn)
	set(pos.Retired)
	refused("retired", http.StatusUnauthorized, "signature", tap, pending, signIn)
	for _, to := range []pos.State{pos.Running, pos.Suspended, pos.Lost} {
		if err := c.registry.Set(c.ctx, "T2", to, time.Now()); !errors.Is(err, pos.ErrTerminalState) {
			t.Errorf("retired to %s: %v, want ErrTerminalState", to, err)
		}
	}
	if err := c.registry.Set(c.ctx, "T9", pos.Lost, time.Now()); !errors.Is(err, pos.ErrNoTerminal) {
		t.Errorf("a terminal that is not there: %v", err)
	}
	if err := c.registry.Set(c.ctx, "T2", pos.Registered, time.Now()); !errors.Is(err, pos.ErrTerminalState) {
		t.Errorf("back to registered: %v", err)
	}
}

func TestBothKeysHoldUntilTheOldOneEnds(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	old := c.t1
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	fresh := c.device("T1", ed25519Device(private))
	if a := fresh.get("/cards/7A1/pending"); !a.is(http.StatusUnauthorized, "signature") {
		t.Errorf("a key that nobody registered: %s", a)
	}
	for range 2 { // asking again changes nothing
		key, err := c.registry.Rotate(c.ctx, "T1", public, c.now(), time.Hour)
		if err != nil || string(key.Public) != string(public) {
			t.Fatalf("rotate: %+v, %v", key, err)
		}
	}
	third, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.registry.Rotate(c.ctx, "T1", third, c.now(), time.Hour); !errors.Is(err, pos.ErrOverlap) {
		t.Errorf("a third key: %v, want ErrOverlap", err)
	}
	served := func(d *device) bool {
		a := d.get("/cards/7A1/pending")
		return a.status == http.StatusOK && a.unproved == nil
	}
	if !served(old) || !served(fresh) {
		t.Error("within the overlap not both keys are served")
	}
	c.ahead.Store(int64(time.Hour + time.Second))
	if a := old.get("/cards/7A1/pending"); !a.is(http.StatusUnauthorized, "signature") {
		t.Errorf("the old key after its end: %s", a)
	}
	if !served(fresh) {
		t.Error("the new key is not served")
	}
	// Compromised: gone at once, without an overlap.
	if _, err := c.registry.Rotate(c.ctx, "T1", third, c.now(), 0); err != nil {
		t.Fatal(err)
	}
	if a := fresh.get("/cards/7A1/pending"); !a.is(http.StatusUnauthorized, "signature") {
		t.Errorf("a key that was replaced at once: %s", a)
	}
	if _, err := c.registry.Rotate(c.ctx, "T1", nil, c.now(), time.Hour); !errors.Is(err, pos.ErrTerminal) {
		t.Errorf("a secret for a terminal with a key: %v, want ErrTerminal", err)
	}
	if _, err := c.registry.Rotate(c.ctx, "T1", third[:31], c.now(), time.Hour); !errors.Is(err, pos.ErrTerminal) {
		t.Errorf("31 bytes: %v, want ErrTerminal", err)
	}
}

func TestASmallTerminalIsServedByItsSecretAndAnsweredWithIt(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d := c.small("S1")
	if a := c.tap(d, reading()); a.Outcome != "load" {
		t.Fatalf("tap %+v", a)
	}
	if a := d.post("/taps", []byte("no JSON")); !a.is(http.StatusBadRequest, "malformed") || a.unproved != nil {
		t.Errorf("a refusal is not signed with the secret: %s, %v", a, a.unproved)
	}
	key, err := c.registry.Rotate(c.ctx, "S1", nil, c.now(), time.Hour)
	if err != nil || key.Number != 2 {
		t.Fatalf("rotate %+v, %v", key, err)
	}
	if again, err := c.registry.Rotate(c.ctx, "S1", nil, c.now(), time.Hour); err != nil || again.Number != 2 {
		t.Errorf("asking again: %+v, %v, want the same secret", again, err)
	}
	var body map[string]any
	d.get("/cards/7A1/pending").into(t, &body) // by the old secret, and answered with it
	fresh := c.device("S1", nil)
	fresh.share(c.secret("S1", 2))
	fresh.get("/cards/7A1/pending").into(t, &body)
	c.ahead.Store(int64(time.Hour + time.Second))
	if a := d.get("/cards/7A1/pending"); !a.is(http.StatusUnauthorized, "signature") {
		t.Errorf("the old secret after its end: %s", a)
	}
	if again, err := c.registry.Rotate(c.ctx, "S1", nil, c.now(), 0); err != nil || again.Number != 3 {
		t.Errorf("at once: %+v, %v, want a number never given before", again, err)
	}
	if a := fresh.get("/cards/7A1/pending"); !a.is(http.StatusUnauthorized, "signature") {
		t.Errorf("a secret that was replaced at once: %s", a)
	}
}

func TestSecretsDifferByHubTerminalAndNumber(t *testing.T) {
	t.Parallel()
	_, hub, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, key := range []ed25519.PrivateKey{hub, other} {
		for _, id := range []string{"S1", "S11"} {
			for _, number := range []int64{1, 11} {
				for range 2 {
					secret, err := pos.Secret(key, id, number)
					if err != nil || len(secret) != 32 {
						t.Fatalf("%d bytes, %v", len(secret), err)
					}
					seen[string(secret)] = true
				}
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different secrets, want 8", len(seen))
	}
}
