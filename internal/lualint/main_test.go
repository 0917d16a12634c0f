package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of replies in docs/keys.md anew")

// TestKeysPageShowsTheRepliesOfEveryScript makes the table of docs/keys.md from the heads
// of the scripts.
func TestKeysPageShowsTheRepliesOfEveryScript(t *testing.T) {
	t.Parallel()
	all, err := texts("../..")
	if err != nil {
		t.Fatal(err)
	}
	folders := make([]string, 0, len(all))
	for folder := range all {
		folders = append(folders, folder)
	}
	sort.Strings(folders)
	var table strings.Builder
	table.WriteString("| script | replies |\n|---|---|\n")
	for _, folder := range folders {
		for _, text := range all[folder] {
			var forms []string
			for _, r := range text.Replies() {
				form := "`" + r.Form + "`"
				if r.Note != "" {
					form += " (" + r.Note + ")"
				}
				forms = append(forms, form)
			}
			fmt.Fprintf(&table, "| `%s` | %s |\n", text.Name(), strings.Join(forms, " · "))
		}
	}
	const page = "../../docs/keys.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- replies: written by go test ./internal/lualint -update -->\n", "<!-- end of replies -->"
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("%s does not show what the scripts say; go test ./internal/lualint -update", page)
	}
}

func TestWhatLuacheckFindsIsNamedByFileAndLine(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for file, text := range map[string]string{
		"books/include/sums.lua": "-- sums: adds.\n\n-- add adds.\nfunction sums.add(a, b)\n  local unused = 1\n  return a + b + other\nend\n",
		"books/total.lua":        "-- total: one sum.\n-- include sums\n-- KEYS total\n-- REPLY OK\nredis.call('SET', KEYS.total, sums.add(1, 2))\nleft = 1\nreturn { 'OK' }\n",
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	warnings, err := lint(root)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(warnings, "\n")
	for _, want := range []string{
		"sums.lua:5 (in total): (W211) unused variable 'unused'", "sums.lua:6 (in total): (W113) accessing undefined variable 'other'",
		"total.lua:6 (in total): (W111) setting non-standard global variable 'left'",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no warning %q in:\n%s", want, got)
		}
	}
}
