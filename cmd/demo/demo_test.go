package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"guodu/cmd/demo/stage"
)

// update makes docs/img and the README's transcript anew.
var update = flag.Bool("update", false, "write docs/img and the README's transcript anew")

// TestMain lets this program be the hub too, as the demo's own program is.
func TestMain(m *testing.M) {
	if status, child := stage.Child(); child {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

func TestOnceEndsWithAnAccountThatHolds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args   []string
		status int
		last   string
	}{
		"as it comes":        {[]string{"--once"}, 0, `^paid 70\.00 = card 70\.00 \+ pending 0\.00 \+ held 0\.00$`},
		"in memory":          {[]string{"--once", "--memory"}, 0, `^paid 70\.00 = card 70\.00 \+ pending 0\.00 \+ held 0\.00$`},
		"other amounts":      {[]string{"--once", "--amounts", "33.33,0.01"}, 0, `^paid 33\.34 = card 33\.34 \+ pending 0\.00 \+ held 0\.00$`},
		"each callback pays": {[]string{"--once", "--sabotage", "double"}, 1, `^paid 70\.00 ≠ card 140\.00 \+ pending 0\.00 \+ held 0\.00$`},
		"credits are lost":   {[]string{"--once", "--sabotage", "lost"}, 1, `^paid 70\.00 ≠ card 0\.00 \+ pending 0\.00 \+ held 0\.00$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // twice in a row, each with a fresh store
				var out, problems bytes.Buffer
				status := start(t.Context(), tc.args, &out, &problems)
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				if last := lines[len(lines)-1]; status != tc.status || !regexp.MustCompile(tc.last).MatchString(last) {
					t.Errorf("status %d, last line %q; want %d, %s\n%s%s", status, last, tc.status, tc.last, out.String(), problems.String())
				}
			}
		})
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--amounts", "1e2"}, {"--amounts", "0"}, {"--amounts", "5,"}, {"--sabotage", "x"}, {"now"}} {
		var out, problems bytes.Buffer
		status := start(t.Context(), args, &out, &problems)
		if status != 2 || problems.Len() == 0 {
			t.Errorf("%v: status %d, %q", args, status, problems.String())
		}
	}
}
