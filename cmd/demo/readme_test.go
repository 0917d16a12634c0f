package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("..", "..", path), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// varying are the parts of a transcript that differ from run to run.
var varying = regexp.MustCompile(`\d+\.\d\ds|\b\d{8}[0-9A-Z]{17}\b|\b\d\d[0-9A-HJKMNP-TV-Z]{26}\b|http://[0-9.:]+|seed -?\d+`)

func TestReadmeShowsWhatTheDemoPrints(t *testing.T) {
	const begin, end = "<!-- transcript: cmd/demo --once -->\n```\n", "\n```"
	text := read(t, "README.md")
	before, rest, _ := strings.Cut(text, begin)
	shown, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("README.md has no transcript")
	}
	var out, problems bytes.Buffer
	if status := start(t.Context(), []string{"--once"}, &out, &problems); status != 0 {
		t.Fatalf("status %d: %s", status, problems.String())
	}
	_, printed, _ := strings.Cut(out.String(), "\n\n") // past the addresses
	printed = strings.TrimRight(printed, "\n")
	if !strings.Contains(printed, "kill -9") {
		t.Error("the transcript has no kill -9")
	}
	if *update {
		write(t, "README.md", before+begin+printed+end+after)
		return
	}
	plain := func(s string) string { return varying.ReplaceAllString(s, "…") }
	if diff := cmp.Diff(plain(shown), plain(printed)); diff != "" {
		t.Errorf("README.md shows another transcript (-shown +printed):\n%s", diff)
	}
}

func TestBothReadmesHaveTheSameShape(t *testing.T) {
	t.Parallel()
	shape := func(text string) (levels []string) {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#") {
				level, _, _ := strings.Cut(line, " ")
				levels = append(levels, level)
			}
		}
		return levels
	}
	english, chinese := read(t, "README.md"), read(t, "docs/zh/README.md")
	if diff := cmp.Diff(shape(english), shape(chinese)); diff != "" {
		t.Errorf("headings (-English +Chinese):\n%s", diff)
	}
	tests := regexp.MustCompile(`\bTest[A-Z]\w+`)
	if diff := cmp.Diff(tests.FindAllString(english, -1), tests.FindAllString(chinese, -1)); diff != "" {
		t.Errorf("tests named (-English +Chinese):\n%s", diff)
	}
	for _, name := range tests.FindAllString(english, -1) {
		grep := exec.Command("grep", "-rq", "func "+name+"(", "--include=*_test.go", "../..")
		if err := grep.Run(); err != nil {
			t.Errorf("README.md names %s, which does not exist", name)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)`)

func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(append(pages, more...), "../../README.md", "../../CHANGELOG.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(to[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), to[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, to[1])
			}
		}
	}
}
