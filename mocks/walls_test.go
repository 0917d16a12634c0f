package mocks_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A fault in the adapter must not hide behind the same fault in the simulator,
// so neither may be written by copying the other. Imports are walled off by the
// linter; a copied block would not be.

// longestCopy is how many telling lines in a row two trees may share: fewer are
// what any two programs about one protocol have in common.
const longestCopy = 5

// telling is a line of code with its place.
type telling struct {
	text  string
	place string
}

// commonplace are lines that say nothing about who wrote them.
var commonplace = regexp.MustCompile(`^(if err != nil \{|\}? ?else \{|return( nil| err| nil, err)?|default:|break|continue|[(){}\[\], ]*|//.*)$`)

// tellingLines are the lines of a file without imports and commonplaces.
func tellingLines(name, source string) []telling {
	var lines []telling
	importing := false
	number := 0
	for line := range strings.Lines(source) {
		number++
		text := strings.TrimSpace(line)
		switch {
		case text == "import (":
			importing = true
		case importing:
			importing = text != ")"
		case strings.HasPrefix(text, "import "), strings.HasPrefix(text, "package "), commonplace.MatchString(text):
		default:
			lines = append(lines, telling{text, fmt.Sprintf("%s:%d", name, number)})
		}
	}
	return lines
}

// tree is every telling run of longestCopy+1 lines under a folder, by text.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	runs := map[string]string{}
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		into(runs, tellingLines(path, string(source)))
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("read %s: %d files, %v", root, files, err)
	}
	return runs
}

func into(runs map[string]string, lines []telling) {
	for i := 0; i+longestCopy < len(lines); i++ {
		var text strings.Builder
		for _, line := range lines[i : i+longestCopy+1] {
			text.WriteString(line.text + "\n")
		}
		runs[text.String()] = lines[i].place
	}
}

// copies are the runs that two trees share.
func copies(one, other map[string]string) []string {
	var found []string
	for text, place := range one {
		if there, shared := other[text]; shared {
			found = append(found, fmt.Sprintf("%s and %s:\n%s", place, there, text))
		}
	}
	return found
}

func TestNothingWasCopiedBetweenSimulatorsAndAdapters(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{".", "../channels"}, {"wechatpay", "alipay"}} {
		for _, found := range copies(tree(t, pair[0]), tree(t, pair[1])) {
			t.Errorf("the same lines in %s", found)
		}
	}
}

func TestACopiedBlockIsFoundWhateverStandsBetweenItsLines(t *testing.T) {
	t.Parallel()
	const original = "package a\n\nimport (\n\t\"fmt\"\n)\n\nfunc a() error {\n\tb := c()\n\tif err != nil {\n\t\treturn err\n\t}\n" +
		"\td(b)\n\te(b)\n\tf(b)\n\n\tg(b)\n\th(b)\n}\n"
	const moved = "package z\n\nfunc z() {\n\t\tb := c()\n\t\t// explained\n\t\td(b)\n\t\te(b)\n\t\tf(b)\n\t\tg(b)\n\t\th(b)\n}\n"
	one, other := map[string]string{}, map[string]string{}
	into(one, tellingLines("original.go", original))
	into(other, tellingLines("moved.go", moved))
	if found := copies(one, other); len(found) != 1 {
		t.Errorf("%d copies found, want 1: %v", len(found), found)
	}
	clear(other)
	into(other, tellingLines("moved.go", strings.Replace(moved, "f(b)", "f(c)", 1)))
	if found := copies(one, other); len(found) != 0 {
		t.Errorf("five lines in a row count as a copy: %v", found)
	}
}
