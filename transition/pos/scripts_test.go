package pos

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

// history runs all that the registry can do, in a fixed order, and tells what
// came of each step and what Redis holds at the end.
func history(ctx context.Context, r *Registry) string {
	var told strings.Builder
	say := func(what string, values ...any) { fmt.Fprintln(&told, append([]any{what + ":"}, values...)...) }
	at := func(seconds int) time.Time { return time.UnixMilli(1_800_000_000_000 + int64(seconds)*1000) }
	public := func(letter string) ed25519.PublicKey { return ed25519.PublicKey(strings.Repeat(letter, 32)) }
	show := func(id string) {
		t, err := r.Terminal(ctx, id)
		holes, holesErr := r.Holes(ctx, id)
		say("terminal", fmt.Sprintf("%+v", t), err, holes, holesErr)
	}

	for _, t := range []Terminal{
		{ID: "T1", Key: Key{Public: public("k")}, Place: "一食堂"}, {ID: "T1", Key: Key{Public: public("k")}, Place: "二食堂"},
		{ID: "T1", Key: Key{Public: public("j")}}, {ID: "T1", Key: Key{Public: public("k")}, Role: RoleDesk},
		{ID: "S1", Algorithm: HMAC}, {ID: "S1", Algorithm: HMAC},
	} {
		t.Added = at(0)
		added, err := r.Add(ctx, t)
		say("add", added, err)
	}
	say("heartbeat before sign-in", r.Heartbeat(ctx, "T1", at(1), []string{"firmware", "1"}))
	say("sign-in", r.SignIn(ctx, "T1", at(2), []string{"firmware", "1"}))
	say("heartbeat", r.Heartbeat(ctx, "T1", at(3), []string{"depth", "4"}))
	show("T1")
	for _, s := range []struct {
		id   string
		to   State
		when int
	}{{"T1", Suspended, 4}, {"T1", Suspended, 5}, {"T1", Running, 6}, {"S1", Running, 7}, {"S1", Lost, 8}, {"S1", Running, 9}} {
		say("set", s.id, s.to, r.Set(ctx, s.id, s.to, at(s.when)))
	}
	say("sign-in of a lost one", r.SignIn(ctx, "S1", at(10), []string{"firmware", "1"}))
	rotate := func(id string, key []byte, when int, overlap time.Duration) {
		k, err := r.Rotate(ctx, id, key, at(when), overlap)
		say("rotate", k, err)
	}
	rotate("T1", public("l"), 11, time.Minute)
	rotate("T1", public("l"), 12, time.Minute)
	rotate("T1", public("m"), 13, time.Minute)
	show("T1")
	rotate("T1", public("m"), 14, 0)
	show("T1")
	say("add S2", fmt.Sprint(r.Add(ctx, Terminal{ID: "S2", Algorithm: HMAC, Added: at(15)})))
	rotate("S2", nil, 16, time.Minute)
	rotate("S2", nil, 17, time.Minute)
	rotate("S2", nil, 18, 0)
	show("S2")
	for i, s := range []struct {
		epoch, n int64
		what     string
	}{
		{1, 1, "a"}, {1, 1, "a"}, {1, 1, "b"}, {1, 4, "c"}, {1, 3, "d"}, {1, 3, "e"}, {1, 1003, "f"}, {1, 4, "c"}, {1, 3, "d"},
		{1, 2600, "g"}, {1, 2599, "h"}, {2, 1, "i"}, {1, 2601, "j"}, {2, 2, "k"}, {2, 1002, "l"}, {2, 999, "m"}, {2, 2000, "n"},
	} {
		say("take", s, r.Take(ctx, "T1", Seq{s.epoch, s.n}, digest(s.what), at(20+i)))
		show("T1")
	}
	for _, text := range []string{`{"a":1}`, `{"a":1}`, `{"a":2}`} {
		p, err := r.SetParams(ctx, []byte(text), at(40))
		say("params", p.Version, string(p.Values), err)
	}
	journal := func(epoch int64, archived []Hole, filings ...filing) {
		b := batch{terminal: "T1", epoch: epoch, filings: filings}
		err := r.had(ctx, &b)
		for _, f := range b.filings {
			say("had", f.had, err)
		}
		kept, err := r.keep(ctx, b, archived, time.Now())
		progress, markErr := r.Watermarks(ctx, "T1", epoch)
		say("kept", kept, err, fmt.Sprintf("%+v", progress), markErr)
	}
	rec := func(n int64, text string) filing { return filing{number: n, raw: json.RawMessage(`"` + text + `"`)} }
	aside := func(n int64, text string, reason why) filing {
		f := rec(n, text)
		f.setAside(reason)
		return f
	}
	bad := rec(4, "bad")
	bad.why = whyMalformed
	journal(1, nil, rec(1, "a"), rec(2, "b"), bad)
	journal(1, []Hole{{1, 2}}, rec(1, "a"), aside(2, "c", whyContent), aside(0, "d", whyMalformed))
	journal(1, []Hole{{4, 4}}, rec(1, "e"), aside(2, "c", whyContent), aside(0, "d", whyMalformed), rec(3, "f"), rec(2001, "g"), rec(1000, "h"))
	journal(1, []Hole{{3, 3}, {6, 7}}, rec(6, "i"), rec(5, "j"))
	journal(3, nil, rec(1, "a"))
	journal(2, nil, rec(1, "a"))
	show("T1")
	err := r.Quarantine(ctx, "", func(q Quarantined) error {
		say("quarantine", q.Terminal, q.Seq, q.Why, string(q.Record), time.Since(q.At) < time.Minute)
		return nil
	})
	say("quarantine", err)
	filed, err := r.run.Client().XRange(ctx, r.prefix+"j", "-", "+").Result()
	for _, m := range filed {
		say("filed", m.Values["terminal"], m.Values["epoch"], m.Values["seq"], m.Values["record"])
	}
	say("filed", len(filed), err)
	keys, err := r.run.Client().Keys(ctx, r.prefix+"*").Result()
	sort.Strings(keys)
	for _, key := range keys {
		life := r.run.Client().PTTL(ctx, key).Val()
		say("key", key, life > 0, life > journalLife-time.Hour)
	}
	say("keys", len(keys), err)
	for _, field := range []string{"repeats", "late", "state_at", "alarms", "alarm"} {
		for _, id := range []string{"T1", "S1"} {
			value := r.run.Client().HGet(ctx, r.terminalKey(id), field).Val()
			say("field", id, field, regexp.MustCompile(` [0-9]{13}$`).MatchString(value), strings.Fields(value + " -")[0])
		}
	}
	say("journal at", r.run.Client().HExists(ctx, r.terminalKey("T1"), "journal_at").Val(), r.run.Client().HGet(ctx, r.paramsKey(), "at").Val())
	return regexp.MustCompile(`record ([0-9.]+) [0-9]{13}`).ReplaceAllString(told.String(), "record $1 NOW")
}

// TestRemovingAnyWriteOfTheRegistryIsNoticed takes each write out of the
// registry's scripts, one at a time, and expects another history.
func TestRemovingAnyWriteOfTheRegistryIsNoticed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t, redistest.Cluster).Client()
	run := func(rewrite func(name, source string) string) string {
		if err := client.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		return history(ctx, NewRegistry(redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: rewrite}), ""))
	}
	want := run(redistest.Strict)
	if again := run(redistest.Strict); again != want {
		t.Fatalf("two runs differ:\n%s\n%s", want, again)
	}
	for _, must := range []string{
		"add: true <nil>", "set: S1 running terminal S1: terminal is not in a state for that: it is registered",
		"kept: [KEPT KEPT KEPT] <nil> {Watermarks:{Epoch:1 Accepted:2 Archived:0} Holes:[{From:3 To:3}]}",
		"kept: [SAME KEPT KEPT] <nil> {Watermarks:{Epoch:1 Accepted:2 Archived:2} Holes:[{From:3 To:3}]}",
		"kept: [OTHER SAME SAME KEPT KEPT KEPT] <nil> {Watermarks:{Epoch:1 Accepted:4 Archived:2} Holes:[{From:5 To:999} {From:1001 To:2000}]}",
		"kept: [KEPT KEPT] <nil> {Watermarks:{Epoch:1 Accepted:6 Archived:4}",
	} {
		if !strings.Contains(want, must) {
			t.Errorf("the history lacks %q:\n%s", must, want)
		}
	}
	mutants := redistest.Mutants(scripts)
	for _, m := range mutants {
		if got := run(m.Rewrite); got == want {
			t.Errorf("%s: nothing notices that this is missing: %.60s", m.Script, m.What)
		}
	}
	t.Logf("result: %d writes of the registry's scripts, each missed when it is missing", len(mutants))
}
