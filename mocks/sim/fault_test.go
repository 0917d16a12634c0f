package sim_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"guodu/mocks/sim"
)

func newFaults() *sim.Faults {
	return sim.NewFaults(sim.NewDice(7, 1), map[string][]sim.FaultKind{
		"query": {sim.FaultHangBefore, sim.FaultTooMany, sim.FaultTruncate}, "callback": sim.CallbackFaults(),
	})
}

func mustAdd(t *testing.T, q *sim.Faults, where string, f sim.Fault) {
	t.Helper()
	err := q.Add(where, f)
	if err != nil {
		t.Fatal(err)
	}
}

func TestFaultsQueueUp(t *testing.T) {
	t.Parallel()
	q := newFaults()
	mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultHangBefore, Times: 2, Skip: 1})
	mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultTooMany})
	for i, want := range []sim.FaultKind{"", sim.FaultHangBefore, sim.FaultHangBefore, sim.FaultTooMany, ""} {
		if got := q.Take("query"); got.Kind != want {
			t.Errorf("request %d gets %q, want %q", i, got.Kind, want)
		}
	}
	mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultTooMany})
	if w := q.Waiting(); len(w) != 1 || w[0].Where != "query" || w[0].Times != 1 {
		t.Errorf("waiting are %v", w)
	}
	q.Clear()
	if got := q.Take("query"); got.Kind != "" {
		t.Errorf("a cleared fault happened: %v", got)
	}
}

func TestFaultsByTheDiceAreTheSameForOneSeed(t *testing.T) {
	t.Parallel()
	draw := func() (out [200]bool) {
		q := newFaults()
		mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultTruncate, Probability: 0.3})
		for i := range out {
			out[i] = q.Take("query").Kind != ""
		}
		return out
	}
	first, n := draw(), 0
	for _, hit := range first {
		if hit {
			n++
		}
	}
	if first != draw() || n < 40 || n > 80 {
		t.Fatalf("%d of 200 happened, the same twice: %v", n, first == draw())
	}
	q := newFaults()
	mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultTruncate, Probability: 1, Times: 2})
	q.Take("query")
	q.Take("query")
	if q.Take("query").Kind != "" {
		t.Error("it happened a third time")
	}
}

func TestIgnoredFaultsNeverHappen(t *testing.T) {
	t.Parallel()
	q := newFaults()
	q.Ignore(sim.FaultHangBefore)
	mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultHangBefore})
	mustAdd(t, q, "query", sim.Fault{Kind: sim.FaultTooMany})
	if got := q.Take("query"); got.Kind != sim.FaultTooMany {
		t.Fatalf("it is %q", got.Kind)
	}
}

func TestFaultsNeedAKnownPlaceAndKind(t *testing.T) {
	t.Parallel()
	q := newFaults()
	for _, c := range []struct {
		where string
		fault sim.Fault
		want  error
	}{
		{"refund", sim.Fault{Kind: sim.FaultTooMany}, sim.ErrUnknownEndpoint},
		{"query", sim.Fault{Kind: sim.FaultLose}, sim.ErrUnknownFault},
		{"query", sim.Fault{Kind: sim.FaultTooMany, Times: -1}, sim.ErrUnknownFault},
		{"query", sim.Fault{Kind: sim.FaultTooMany, Probability: 1.1}, sim.ErrUnknownFault},
	} {
		if err := q.Add(c.where, c.fault); !errors.Is(err, c.want) {
			t.Errorf("%v: %v, want %v", c, err, c.want)
		}
	}
}

const scenario = `{"name":"slow-query","title":"t","merchant":"m","faults":[{"where":"query","kind":"hang-before","times":2}]}`

func TestScenariosAreReadAndPlayed(t *testing.T) {
	t.Parallel()
	q := newFaults()
	all, err := sim.LoadScenarios(fstest.MapFS{"slow-query.json": {Data: []byte(scenario)}}, q)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	err = all.Play("slow-query", q)
	if err != nil || q.Take("query").Kind != sim.FaultHangBefore || len(q.Waiting()) != 1 {
		t.Fatalf("played: %v, waiting %v", err, q.Waiting())
	}
	if err = all.Play("none", q); !errors.Is(err, sim.ErrUnknownScenario) {
		t.Errorf("unknown scenario: %v", err)
	}
}

func TestMalformedScenariosAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"other-name.json": scenario,
		"field.json":      `{"name":"field","title":"t","merchant":"m","faults":[{"where":"query","kind":"too-many","tims":2}]}`,
		"kind.json":       `{"name":"kind","title":"t","merchant":"m","faults":[{"where":"query","kind":"sulk"}]}`,
		"place.json":      `{"name":"place","title":"t","merchant":"m","faults":[{"where":"nowhere","kind":"too-many"}]}`,
		"empty.json":      `{"name":"empty","title":"t","merchant":"m","faults":[]}`,
		"advice.json":     `{"name":"advice","title":"t","faults":[{"where":"query","kind":"too-many"}]}`,
		"json.json":       `{`,
	} {
		_, err := sim.LoadScenarios(fstest.MapFS{name: {Data: []byte(text)}}, newFaults())
		if !errors.Is(err, sim.ErrScenario) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
