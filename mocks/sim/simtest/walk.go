package simtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"

	"guodu/mocks/sim"
)

// Check is the test of one behaviour. It makes every simulator without the
// behaviours that it is told; none, when it is to pass.
type Check func(t testing.TB, without ...int)

// Walk runs the check of every behaviour that the table calls implemented or
// simplified with that one switched off, and demands that it fails. The check
// with it on is the behaviour's own test, which the table names and the package
// has to have.
func Walk(t *testing.T, table sim.Behaviours, checks map[int]Check) {
	t.Helper()
	tests := testNames(t)
	for _, b := range table {
		check := checks[b.Number]
		switch {
		case b.Status == sim.Not && check == nil && b.Test == "":
		case b.Status == sim.Not:
			t.Errorf("behaviour %d is not simulated, and has a test", b.Number)
		case check == nil:
			t.Errorf("behaviour %d (%s) has no check", b.Number, b.Name)
		case !slices.Contains(tests, b.Test):
			t.Errorf("behaviour %d: there is no test %q", b.Number, b.Test)
		default:
			t.Run(fmt.Sprintf("without %02d", b.Number), func(t *testing.T) {
				t.Parallel()
				said := Complaints(t, func(tb testing.TB) { check(tb, b.Number) })
				if len(said) == 0 {
					t.Errorf("%s passes without the behaviour %q", b.Test, b.Name)
				}
			})
		}
	}
}

var testForm = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testNames are the tests of the package in the working directory.
func testNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testForm.FindAllSubmatch(text, -1) {
			out = append(out, string(m[1]))
		}
	}
	return out
}

// Complaints runs a check and returns what it has to complain of, instead of
// failing. What the check has to clean up is cleaned up at the end of t.
func Complaints(t testing.TB, check func(testing.TB)) []string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said
}

// recorder is a test that keeps its complaints to itself.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (r *recorder) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, text)
}

// Failed says whether there was a complaint.
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.said) > 0
}

// Fail notes a complaint without words.
func (r *recorder) Fail() { r.say("failed") }

// FailNow is Fail and the end of the check.
func (r *recorder) FailNow() { r.Fail(); runtime.Goexit() }

// Error notes a complaint.
func (r *recorder) Error(args ...any) { r.say(fmt.Sprint(args...)) }

// Errorf notes a complaint.
func (r *recorder) Errorf(format string, args ...any) { r.say(fmt.Sprintf(format, args...)) }

// Fatal notes a complaint and ends the check.
func (r *recorder) Fatal(args ...any) { r.Error(args...); runtime.Goexit() }

// Fatalf notes a complaint and ends the check.
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
