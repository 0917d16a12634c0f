package sim_test

import (
	"testing"

	"guodu/mocks/sim"
)

func TestAnObjectKeepsItsOrderAndItsLetters(t *testing.T) {
	t.Parallel()
	const text = `{"z":1,"a":"<&>","list":[{"n":1},{"n":2}],"deep":{"x":"5"}}`
	if got := string(sim.ObjectOf([]byte(text)).Text()); got != text {
		t.Errorf("it became %s", got)
	}
	for _, broken := range []string{"", "[]", `{"a"`, `{"a":}`, `"a"`} {
		if got := sim.ObjectOf([]byte(broken)); got != nil {
			t.Errorf("%s became %s", broken, got.Text())
		}
	}
}

func TestAFieldIsSentInEachOfItsWays(t *testing.T) {
	t.Parallel()
	const text = `{"n":1,"t":"2","list":[{"id":"7","x":1}],"deep":{"n":3}}`
	for name, c := range map[string]struct {
		path string
		how  sim.Seen
		want string
	}{
		"as usual":           {"n", sim.Usual, text},
		"absent":             {"n", sim.Absent, `{"t":"2","list":[{"id":"7","x":1}],"deep":{"n":3}}`},
		"absent twice":       {"none", sim.Absent, text},
		"number as text":     {"n", sim.AsText, `{"n":"1","t":"2","list":[{"id":"7","x":1}],"deep":{"n":3}}`},
		"text as text":       {"t", sim.AsText, text},
		"list as text":       {"list", sim.AsText, `{"n":1,"t":"2","list":"[{\"id\":\"7\",\"x\":1}]","deep":{"n":3}}`},
		"text as number":     {"t", sim.AsNumber, `{"n":1,"t":2,"list":[{"id":"7","x":1}],"deep":{"n":3}}`},
		"number inside list": {"list.id", sim.AsNumber, `{"n":1,"t":"2","list":[{"id":7,"x":1}],"deep":{"n":3}}`},
		"list as object":     {"list", sim.First, `{"n":1,"t":"2","list":{"id":"7","x":1},"deep":{"n":3}}`},
		"inside an object":   {"deep.n", sim.AsText, `{"n":1,"t":"2","list":[{"id":"7","x":1}],"deep":{"n":"3"}}`},
		"inside nothing":     {"none.n", sim.Value(1), text},
		"inside a number":    {"n.n", sim.Value(1), text},
		"one more":           {"more", sim.Value("<"), text[:len(text)-1] + `,"more":"<"}`},
		"another value":      {"n", sim.Value(nil), `{"n":null,"t":"2","list":[{"id":"7","x":1}],"deep":{"n":3}}`},
	} {
		odd := []sim.Oddity{{Path: c.path, Seen: []sim.Seen{c.how}}}
		if got := string(sim.ObjectOf([]byte(text)).Vary(sim.NewWhims(1, name), odd).Text()); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAMessageHasOneShapePerSeedAndName(t *testing.T) {
	t.Parallel()
	odd := []sim.Oddity{{Path: "n", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsText}}, {Path: "m", Seen: []sim.Seen{sim.Usual, sim.Absent}}}
	shape := func(seed int64, name string) string {
		dice := sim.NewWhims(seed, name)
		return string(sim.ObjectOf([]byte(`{"n":1,"m":2,"k":3}`)).Vary(dice, odd).Shuffle(dice).Text())
	}
	names, seeds := map[string]bool{}, map[string]bool{}
	for i := range 50 {
		name := string(rune('A' + i))
		once, again := shape(7, name), shape(7, name)
		if once != again {
			t.Fatalf("%s has two shapes", name)
		}
		names[once], seeds[shape(int64(i), "one")] = true, true
	}
	if len(names) < 6 || len(seeds) < 6 {
		t.Errorf("50 names have %d shapes, 50 seeds %d", len(names), len(seeds))
	}
}
