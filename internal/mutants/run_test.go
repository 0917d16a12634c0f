package mutants_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"guodu/internal/mutants"
)

// verdict is what became of a mutant.
type verdict string

const (
	killed   verdict = "killed"
	survived verdict = "survived"
	broken   verdict = "broken" // it says nothing: does not build, or its test did not run
)

// patience bounds one run of go test. A mutant that hangs is not killed: a test
// that ends by its timeout has seen nothing.
const patience = "120s"

// event is a line of go test -json.
type event struct {
	Action, Test, Output string
}

// run is what go test says of a package's tests: the last action of each, and all
// that was printed.
type run struct {
	actions map[string]string
	output  string
}

// goTest runs the tests that a pattern names, through an overlay if there is one.
func goTest(t *testing.T, folder, pattern, overlay string) run {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "-vet=off", "-timeout", patience, "-run", pattern, "./"+folder)
	cmd.Dir = root
	if overlay != "" {
		cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	}
	said, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("go test: %v", err)
	}
	r := run{actions: map[string]string{}}
	for line := range bytes.Lines(said) {
		var e event
		if json.Unmarshal(line, &e) != nil {
			r.output += string(line)
			continue
		}
		r.output += e.Output
		if e.Test != "" && e.Action != "output" {
			r.actions[e.Test] = e.Action
		}
	}
	return r
}

// blanks is what the testing package does to the name of a subtest.
func blanks(name string) string { return strings.ReplaceAll(name, " ", "_") }

// full is a test's name as go test prints it.
func full(d mutants.Defence) string {
	if d.Subtest() == "" {
		return d.Function()
	}
	return d.Function() + "/" + blanks(d.Subtest())
}

// attack runs a defence's test against its mutant.
func attack(t *testing.T, d mutants.Defence) (verdict, string) {
	t.Helper()
	overlay, err := d.Mutant.Overlay(root, t.TempDir())
	if err != nil {
		return broken, err.Error()
	}
	pattern := "^" + d.Function() + "$"
	if d.Subtest() != "" {
		pattern += "/^" + regexp.QuoteMeta(blanks(d.Subtest())) + "$"
	}
	r := goTest(t, d.Package(), pattern, overlay)
	switch {
	case strings.Contains(r.output, "panic: test timed out"):
		return survived, "it hangs"
	case r.actions[full(d)] == "fail":
		return killed, ""
	case r.actions[full(d)] == "pass":
		return survived, "the test passes"
	}
	return broken, r.output
}

// control runs all tests once as the code stands and says which pass.
func control(t *testing.T, drawn []mutants.Defence) map[string]bool {
	t.Helper()
	functions := map[string][]string{}
	for _, d := range drawn {
		if !slices.Contains(functions[d.Package()], d.Function()) {
			functions[d.Package()] = append(functions[d.Package()], d.Function())
		}
	}
	passing := map[string]bool{}
	for _, folder := range slices.Sorted(maps.Keys(functions)) {
		r := goTest(t, folder, "^("+strings.Join(functions[folder], "|")+")$", "")
		fmt.Printf("control %s: %d tests\n", folder, len(functions[folder]))
		for _, d := range drawn {
			if d.Package() != folder {
				continue
			}
			passing[d.Test] = r.actions[full(d)] == "pass"
			if !passing[d.Test] {
				t.Errorf("%s does not pass as the code stands:\n%s", d.Test, r.output)
			}
		}
	}
	return passing
}

// A proof that cannot fail is none: a change that changes nothing survives, and
// what does not build or does not run kills nothing.
func TestAMutantIsJudgedByItsTestAlone(t *testing.T) {
	const old = "if yuan == \"\" || len(yuan) > maxText {"
	for name, tc := range map[string]struct {
		test, spoilt string
		want         verdict
	}{
		"a lost defence":         {"internal/fen TestParse", "if len(yuan) > 2*maxText {", killed},
		"another way to say it":  {"internal/fen TestParse", "if len(yuan) > maxText || len(yuan) == 0 {", survived},
		"a test of other things": {"internal/fen TestParseIntTakesOnlyTheCanonicalForm", "if len(yuan) > 2*maxText {", survived},
		"code that cannot build": {"internal/fen TestParse", "if yuan == nil {", broken},
		"a test that is gone":    {"internal/fen TestNothing", "if len(yuan) > 2*maxText {", broken},
		"code that is gone":      {"internal/fen TestParse", "", broken},
	} {
		m := mutants.Mutant{File: "internal/fen/fen.go", Old: old, New: tc.spoilt}
		if tc.spoilt == "" {
			m.Old = "no such code"
		}
		got, why := attack(t, mutants.Defence{Test: tc.test, Mutant: m})
		if got != tc.want {
			t.Errorf("%s: %s, want %s: %s", name, got, tc.want, why)
		}
	}
}
