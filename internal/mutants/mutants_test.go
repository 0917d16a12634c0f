package mutants_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/internal/mutants"
)

// root is the module's, from here.
const root = "../.."

var (
	update = flag.Bool("update", false, "write docs/money-path.md and docs/security.md")
	which  = flag.String("mutants", "2", "how many to draw, all, or the beginning of their ids, as in wechat-25")
	seed   = flag.Uint64("mutants-seed", uint64(time.Now().UnixNano()), "draws the same ones again")
)

func read(t *testing.T) []mutants.Channel {
	t.Helper()
	all, err := mutants.Read()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// defences are those of all groups, in their order.
func defences(t *testing.T) []mutants.Defence {
	t.Helper()
	var all []mutants.Defence
	for _, c := range read(t) {
		for _, group := range c.Groups {
			all = append(all, group.Defences...)
		}
	}
	return all
}

func TestEveryEntryNamesATestAndCodeThatIsThere(t *testing.T) {
	all := defences(t)
	gone := map[string]string{}
	for _, d := range all {
		if _, err := d.Mutant.Spoilt(root); err != nil {
			t.Errorf("%s: %v", d.ID, err)
		}
		if !declared(t, d) {
			t.Errorf("%s: %s has no %s/%s", d.ID, d.Package(), d.Function(), d.Subtest())
		}
		same := d.Mutant.File + d.Mutant.Old + d.Mutant.New + d.Test
		if gone[same] != "" {
			t.Errorf("%s and %s are the same test of the same mutant", gone[same], d.ID)
		}
		gone[same] = d.ID
	}
	if len(all) < 60 {
		t.Errorf("%d entries, want at least 60", len(all))
	}
}

// declared says whether the package's tests have the function, and the words of
// the subtest.
func declared(t *testing.T, d mutants.Defence) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, d.Package(), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	return strings.Contains(tests.String(), "\nfunc "+d.Function()+"(t *testing.T) {\n") &&
		(d.Subtest() == "" || strings.Contains(tests.String(), strconv.Quote(d.Subtest())))
}

func TestTheMoneyPathIsWhatTheTableSays(t *testing.T) {
	all := read(t)
	page, err := mutants.Page(all[:len(all)-1])
	if err != nil {
		t.Fatal(err)
	}
	written(t, "money-path.md", page)
}

func TestTheSecurityPageIsWhatTheTableSays(t *testing.T) {
	all := read(t)
	page, err := mutants.Doors(all[len(all)-1])
	if err != nil {
		t.Fatal(err)
	}
	written(t, "security.md", page)
}

// written fails the test unless a document is up to date; -update writes it.
func written(t *testing.T, name, page string) {
	t.Helper()
	file := filepath.Join(root, "docs", name)
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), page); diff != "" {
		t.Errorf("%s is not up to date, -update writes it (-written +table):\n%s", file, diff)
	}
}

// TestMutantsAreKilled takes defences out, one at a time, and wants the test of
// each to fail; as the code stands, it must pass.
func TestMutantsAreKilled(t *testing.T) {
	drawn := draw(t)
	began := time.Now()
	passing := control(t, drawn)
	counts := map[verdict]int{}
	for i, d := range drawn {
		v, why := broken, "its test does not pass as the code stands"
		if passing[d.Test] {
			v, why = attack(t, d)
		}
		counts[v]++
		fmt.Printf("%3d/%d %-11s %-8s %s\n", i+1, len(drawn), d.ID, v, d.Mutant.Gone)
		if v != killed {
			t.Errorf("%s %s: %s: %s\n%s", d.ID, v, d.Test, d.Mutant.Gone, why)
		}
	}
	fmt.Printf("\n| mutants | killed | survived | broken | time |\n|---|---|---|---|---|\n| %d | %d | %d | %d | %s |\n",
		len(drawn), counts[killed], counts[survived], counts[broken], time.Since(began).Round(time.Second))
	t.Logf("result: %d of %d defences taken out, %d missed by their tests", len(drawn), len(defences(t)), len(drawn)-counts[killed])
}

// draw is what -mutants asks for.
func draw(t *testing.T) []mutants.Defence {
	t.Helper()
	all := defences(t)
	if *which == "all" {
		return all
	}
	n, err := strconv.Atoi(*which)
	if err == nil && n >= 0 && n <= len(all) {
		fmt.Printf("-mutants-seed %d\n", *seed)
		rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all[:n]
	}
	var named []mutants.Defence
	for _, d := range all {
		if strings.HasPrefix(d.ID, *which) {
			named = append(named, d)
		}
	}
	if len(named) == 0 {
		t.Fatalf("-mutants %s: want at most %d, all, or the beginning of an id", *which, len(all))
	}
	return named
}
