package sim_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guodu/mocks/sim"
)

func open(t *testing.T, path string) *sim.Store {
	t.Helper()
	s, err := sim.OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func contents(t *testing.T, s *sim.Store, kind string) []string {
	t.Helper()
	var out []string
	err := sim.Each(s, kind, func(key string, value string) error {
		out = append(out, key+"="+value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStoreGivesBackTheLastOfEachKeyInTheFirstOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	for _, p := range [][2]string{{"b", "1"}, {"a", "2"}, {"b", "3"}, {"gone", "4"}} {
		s.Put("order", p[0], p[1])
	}
	s.Put("other", "b", "x")
	s.Forget("order", "gone")
	// Not closed: a killed simulator does not close either.
	for range 2 {
		again := open(t, path)
		if got := contents(t, again, "order"); !slices.Equal(got, []string{"b=3", "a=2"}) {
			t.Fatalf("orders are %v", got)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil || strings.Count(string(raw), "\n") != 3 {
		t.Fatalf("the compacted file is %s, %v", raw, err)
	}
}

func TestStoreDropsATornLastLineOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	good := `{"kind":"order","key":"a","value":"1"}` + "\n"
	err := os.WriteFile(path, []byte(good+`{"kind":"order","key":"a","va`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	s.Put("order", "b", "2")
	if got := contents(t, open(t, path), "order"); !slices.Equal(got, []string{"a=1", "b=2"}) {
		t.Fatalf("orders are %v", got)
	}
	err = os.WriteFile(path, []byte("torn\n"+good), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sim.OpenStore(path)
	if !errors.Is(err, sim.ErrStore) {
		t.Fatalf("a broken line in the middle: %v", err)
	}
}

func TestStoreTellsOfAFailedWrite(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "state"))
	s.Put("order", "a", make(chan int))
	if !errors.Is(s.Err(), sim.ErrStore) || s.Close() == nil {
		t.Fatalf("it says %v", s.Err())
	}
	_, err := sim.OpenStore(filepath.Join(t.TempDir(), "no", "such", "folder"))
	if !errors.Is(err, sim.ErrStore) {
		t.Fatalf("no folder: %v", err)
	}
}

func TestNoStoreKeepsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	s.Put("order", "a", "1")
	if got := contents(t, s, "order"); got != nil || s.Err() != nil {
		t.Fatalf("it has %v, %v", got, s.Err())
	}
}

func TestRunsAreCounted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	for want := 1; want < 4; want++ {
		if got, err := open(t, path).Runs(); got != want || err != nil {
			t.Errorf("run %d is %d, %v", want, got, err)
		}
	}
	for range 2 {
		if got, err := open(t, "").Runs(); got != 1 || err != nil {
			t.Errorf("without a file it is %d, %v", got, err)
		}
	}
}
