package simtest_test

import (
	"slices"
	"testing"

	"guodu/mocks/sim"
	"guodu/mocks/sim/simtest"
)

func TestComplaintsAreKeptApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check func(testing.TB)
		want  []string
	}{
		"content": {func(testing.TB) {}, nil},
		"errors":  {func(tb testing.TB) { tb.Error("a"); tb.Errorf("%d", 1) }, []string{"a", "1"}},
		"fatal":   {func(tb testing.TB) { tb.Fatalf("%d", 1); tb.Error("b") }, []string{"1"}},
		"failed":  {func(tb testing.TB) { tb.Fail() }, []string{"failed"}},
	} {
		if got := simtest.Complaints(t, c.check); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWalkWantsEveryCheckToFail(t *testing.T) {
	simtest.Walk(t, sim.Behaviours{
		{Number: 1, Status: sim.Implemented, Test: "TestComplaintsAreKeptApart"}, {Number: 2, Status: sim.Not},
	}, map[int]simtest.Check{1: func(t testing.TB, without ...int) {
		if slices.Contains(without, 1) {
			t.Error("it is off")
		}
	}})
}
