package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

var readmeFile = filepath.Join("..", "..", "mocks", "README.md")

// languages are what code blocks of the examples are marked with.
var languages = map[string]string{".sh": "sh", ".java": "java", ".php": "php", ".mjs": "js", ".py": "python"}

// shown are the parts of mocks/README.md that are made, by the name in their
// markers.
func shown(t *testing.T) map[string]string {
	t.Helper()
	parts := map[string]string{}
	for _, name := range []string{"fidelity", "scenarios"} {
		status, out, problems := once(t, name)
		if status != 0 {
			t.Fatalf("%s: %s", name, problems)
		}
		parts["mockpay "+name] = "\n" + strings.TrimSpace(out) + "\n\n"
	}
	for _, one := range samples() {
		text := contents(t, filepath.Join("..", "..", "mocks", "examples", one.file))
		parts["examples/"+one.file] = fmt.Sprintf("```%s\n%s```\n", languages[filepath.Ext(one.file)], text)
	}
	for _, one := range receivers() {
		text := contents(t, filepath.Join("..", "..", "mocks", "examples", one.file))
		parts["examples/"+one.file] = fmt.Sprintf("```%s\n%s```\n", languages[filepath.Ext(one.file)], text)
	}
	return parts
}

// between cuts a text at the markers of a part.
func between(t *testing.T, text, name string) (before, inside, after string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
	before, rest, found := strings.Cut(text, begin)
	inside, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("mocks/README.md has no part %q", name)
	}
	return before + begin, inside, end + after
}

func TestReadmeShowsTheTablesAndTheExamplesAsTheyAre(t *testing.T) {
	t.Parallel()
	text := string(contents(t, readmeFile))
	for name, want := range shown(t) {
		before, inside, after := between(t, text, name)
		if *update {
			text = before + want + after
		} else if inside != want {
			t.Errorf("mocks/README.md shows another %q (make it anew: go test ./cmd/mockpay -run Readme -update)", name)
		}
	}
	if *update {
		if err := os.WriteFile(readmeFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(filepath.Join("..", "..", "mocks", "examples"))
	if run := len(samples()) + len(receivers()); err != nil || len(files) != run {
		t.Errorf("%d files are examples, %d are run (%v)", len(files), run, err)
	}
}

var route = regexp.MustCompile(`HandleFunc\("(GET|POST|DELETE) (/_sim/[^"{$]*)`)

func TestReadmeNamesEveryPathOfTheAdminAndEveryPointOfTheProfiles(t *testing.T) {
	t.Parallel()
	text := string(contents(t, readmeFile))
	paths := route.FindAllStringSubmatch(string(contents(t, filepath.Join("..", "..", "mocks", "sim", "admin.go"))), -1)
	if len(paths) < 15 {
		t.Fatalf("%d paths found", len(paths))
	}
	for _, path := range paths {
		if !strings.Contains(text, path[2]) {
			t.Errorf("no word about %s %s", path[1], path[2])
		}
	}
	for _, profile := range []any{wechatpay.Profile{}, alipay.Profile{}} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(profile)) {
			if !strings.Contains(text, "`"+field.Name+"`") {
				t.Errorf("no word about %T.%s", profile, field.Name)
			}
		}
	}
}

func TestEachDifferenceNamesASwitchThatExists(t *testing.T) {
	t.Parallel()
	for _, gateway := range []struct {
		profile     any
		behaviours  sim.Behaviours
		differences []sim.Difference
	}{
		{wechatpay.Profile{}, wechatpay.Behaviours(), wechatpay.Differences()},
		{alipay.Profile{}, alipay.Behaviours(), alipay.Differences()},
	} {
		live := 0
		for _, d := range gateway.differences {
			number, isBehaviour := strings.CutPrefix(d.Switch, "Options.Without ")
			_, isField := reflect.TypeOf(gateway.profile).FieldByName(d.Switch)
			if isBehaviour {
				n, err := strconv.Atoi(number)
				_, unknown := gateway.behaviours.Without([]int{n})
				isField = err == nil && unknown == nil
			}
			if !isField || d.Point == "" || d.Documents == "" || d.Production == "" {
				t.Errorf("%T: %+v", gateway.profile, d)
			}
			if d.Live {
				live++
			}
		}
		if live < 5 {
			t.Errorf("%T: %d differences follow production", gateway.profile, live)
		}
	}
}

func TestReadmeStatesTheLimitsFirst(t *testing.T) {
	t.Parallel()
	headings := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(contents(t, readmeFile)), -1)
	if len(headings) < 5 || headings[0][1] != "What it is not" {
		t.Errorf("the headings are %q", headings)
	}
}

var testName = regexp.MustCompile(`func (Test\w+)\(`)

func TestTheFidelityTableNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	exist := map[string]bool{}
	for _, name := range []string{"wechatpay", "alipay"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "mocks", name, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, found := range testName.FindAllStringSubmatch(string(contents(t, file)), -1) {
				exist[found[1]] = true
			}
		}
	}
	_, out, _ := once(t, "fidelity")
	rows := regexp.MustCompile(`(?m)^\| \d+ \| .* \| (implemented|simplified: .*|not: .*|not) \| (\w*) \|$`).FindAllStringSubmatch(out, -1)
	if len(rows) != len(wechatpay.Behaviours())+len(alipay.Behaviours()) {
		t.Errorf("%d rows:\n%s", len(rows), out)
	}
	for _, row := range rows {
		if !strings.HasPrefix(row[1], "not") && !exist[row[2]] {
			t.Errorf("no test %q", row[2])
		}
	}
}
