package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// promise is a row of the README's table: what is promised, which test of which
// package holds guodu to it, and what that test last came to.
type promise struct{ row, pkg, test, result string }

var promiseRow = regexp.MustCompile("(?m)^\\| (?:[^|]*) \\| `([a-z/]+)` (Test\\w+)[^|]*\\| ([^|\n]*) \\|$")

func promises(readme string) []promise {
	var all []promise
	for _, m := range promiseRow.FindAllStringSubmatch(readme, -1) {
		all = append(all, promise{m[0], m[1], m[2], m[3]})
	}
	return all
}

var (
	resultForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d: passed, \S.*$`)
	resultLine = regexp.MustCompile(`(?m)result: (.*)$`)
)

// TestEachPromiseInTheReadmeHasAResult also makes the results anew, with
// -update: it runs each test and writes what it logged.
func TestEachPromiseInTheReadmeHasAResult(t *testing.T) {
	results := map[string]string{}
	for _, name := range []string{"README.md", "docs/zh/README.md"} {
		text := read(t, name)
		rows := promises(text)
		if len(rows) < 8 {
			t.Fatalf("%s has %d promises", name, len(rows))
		}
		for _, p := range rows {
			if *update {
				if results[p.test] == "" {
					results[p.test] = run(t, p)
				}
				text = strings.Replace(text, p.row, strings.TrimSuffix(p.row, p.result+" |")+results[p.test]+" |", 1)
			} else if !resultForm.MatchString(p.result) {
				t.Errorf("%s: %s has the result %q", name, p.test, p.result)
			}
		}
		if *update {
			write(t, name, text)
		}
	}
}

// run runs a promise's test and returns what it came to.
func run(t *testing.T, p promise) string {
	t.Helper()
	said, err := exec.Command("go", "test", "-count=1", "-v", "-run", "^"+p.test+"$", "../../"+p.pkg).CombinedOutput()
	found := resultLine.FindSubmatch(said)
	if err != nil || found == nil {
		t.Fatalf("%s: %v, or it has no result\n%s", p.test, err, said)
	}
	return fmt.Sprintf("%s: passed, %s", time.Now().Format(time.DateOnly), found[1])
}
