package redisx

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Library holds scripts and the Lua that they share. An include is a file of functions and
// constants, each named with the file's name before it:
//
//	-- ledger: what every money script shares.
//	-- include text
//	function ledger.post(tot, changes)
//
// A script gets the items that it uses, and the items that those use. A Library is safe
// for concurrent use.
type Library struct {
	files    fs.FS
	includes map[string]*include

	mu      sync.Mutex
	scripts []*Text
}

// Scripts are those loaded so far, by their names.
func (l *Library) Scripts() []*Text {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.scripts)
	slices.SortFunc(all, func(a, b *Text) int { return strings.Compare(a.name, b.name) })
	return all
}

type include struct {
	head  head
	items []*item
}

// item is a function or a constant of an include, with the comment before it.
type item struct {
	file, name string
	lines      []line
	begins     int // which of the lines names it
	code       []token
	own        map[string]bool
}

// line is a line of Lua with its origin.
type line struct {
	text, file string
	number     int
}

var itemForm = regexp.MustCompile(`^(?:function )?([a-z0-9_]+)\.([A-Za-z0-9_]+)(?:\(| = )`)

// NewLibrary is a library of the scripts in files, and of the includes that they may
// use: all files *.lua of each further file system.
// Errors name file and line: an include that is unknown or in a circle, a line that
// belongs to no item.
func NewLibrary(files fs.FS, includes ...fs.FS) (*Library, error) {
	l := &Library{files: files, includes: map[string]*include{}}
	for _, folder := range includes {
		var found []string
		err := fs.WalkDir(folder, ".", func(file string, _ fs.DirEntry, err error) error {
			if path.Ext(file) == ".lua" {
				found = append(found, file)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			name := strings.TrimSuffix(path.Base(file), ".lua")
			if l.includes[name] != nil {
				return nil, fmt.Errorf("two includes have the name %s", name)
			}
			text, err := fs.ReadFile(folder, file)
			if err != nil {
				return nil, err
			}
			if l.includes[name], err = readInclude(name, string(text)); err != nil {
				return nil, err
			}
		}
	}
	for name := range l.includes {
		if _, err := l.order([]string{name}, nil); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// MustLibrary is NewLibrary for package variables: it panics where that fails.
func MustLibrary(files fs.FS, includes ...fs.FS) *Library {
	l, err := NewLibrary(files, includes...)
	if err != nil {
		panic(err)
	}
	return l
}

func readInclude(name, text string) (*include, error) {
	h, err := readHead(name, text)
	if err != nil {
		return nil, err
	}
	if len(h.keys.single)+len(h.keys.group)+len(h.argv.single)+len(h.argv.group) > 0 {
		return nil, fmt.Errorf("%s.lua: KEYS and ARGV are declared by the scripts that include it", name)
	}
	in, begun := &include{head: h}, false
	var comment []line
	for i, text := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		here := line{text, name, i + 1}
		switch m := itemForm.FindStringSubmatch(text); {
		case m != nil && m[1] != name:
			return nil, fmt.Errorf("%s.lua:%d: %s.%s is of another include", name, i+1, m[1], m[2])
		case m != nil && !begun && len(comment) > 0 && comment[0].number == 1:
			return nil, fmt.Errorf("%s.lua:%d: an empty line ends the head", name, i+1)
		case m != nil:
			in.items = append(in.items, &item{file: name, name: m[2], lines: append(comment, here), begins: len(comment)})
			comment, begun = nil, true
		case strings.HasPrefix(text, "--") || text == "":
			if text == "" && !begun {
				comment = nil // the head
				continue
			}
			comment = append(comment, here)
		case !begun || text[0] != ' ' && text[0] != '}' && text != "end":
			return nil, fmt.Errorf("%s.lua:%d: it belongs to no item: %s", name, i+1, text)
		default:
			last := in.items[len(in.items)-1]
			last.lines, comment = append(append(last.lines, comment...), here), nil
		}
	}
	for _, it := range in.items {
		it.code = meaningful(tokens(joined(it.lines)))
		it.own = declared(it.code)
	}
	return in, nil
}

// order lists includes and what they include, each once, those that others use first.
func (l *Library) order(wanted, above []string) ([]string, error) {
	var all []string
	for _, name := range wanted {
		in := l.includes[name]
		switch {
		case in == nil:
			return nil, fmt.Errorf("include %s: there is none of that name", name)
		case slices.Contains(above, name):
			return nil, fmt.Errorf("include %s is in a circle: %s", name, strings.Join(append(above, name), " → "))
		}
		below, err := l.order(in.head.includes, append(slices.Clone(above), name))
		if err != nil {
			return nil, err
		}
		for _, one := range append(below, name) {
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all, nil
}

// assemble is a script with the items of its includes that it uses before it.
func (l *Library) assemble(script, text string, h head) ([]line, error) {
	order, err := l.order(h.includes, nil)
	if err != nil {
		return nil, fmt.Errorf("%s.lua: %w", script, err)
	}
	var own []line
	for i, text := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		own = append(own, line{text, script, i + 1})
	}
	var errs []error
	needed, touched := map[*item]bool{}, map[string]bool{}
	var need func(file string, allowed []string, code []token, own map[string]bool, first int)
	need = func(file string, allowed []string, code []token, own map[string]bool, first int) {
		for i, t := range code {
			in := l.includes[t.text]
			switch {
			case t.kind != word || in == nil || i > 0 && (code[i-1].text == "." || code[i-1].text == ":"):
				continue
			case own[t.text] || i+1 < len(code) && code[i+1].text == "=" || i+2 >= len(code) || code[i+1].text != ".":
				continue // a name of its own, or a field of a table
			case !slices.Contains(allowed, t.text):
				errs = append(errs, fmt.Errorf("%s.lua:%d: %s is not included", file, first+t.line-1, t.text))
				continue
			}
			touched[file+" "+t.text] = true
			at := slices.IndexFunc(in.items, func(it *item) bool { return it.name == code[i+2].text })
			if at < 0 {
				errs = append(errs, fmt.Errorf("%s.lua:%d: include %s has no %s", file, first+t.line-1, t.text, code[i+2].text))
				continue
			}
			if it := in.items[at]; !needed[it] {
				needed[it] = true
				need(t.text, append(slices.Clone(in.head.includes), t.text), it.code, it.own, it.lines[0].number)
			}
		}
	}
	code := meaningful(tokens(text))
	need(script, h.includes, code, declared(code), 1)
	for _, one := range h.includes {
		if !touched[script+" "+one] {
			errs = append(errs, fmt.Errorf("%s.lua: include %s is not used", script, one))
		}
	}
	var all []line
	for _, one := range order {
		for _, it := range l.includes[one].items {
			if needed[it] {
				all = append(all, it.local()...)
			}
		}
	}
	all = append(all, own...)
	return all, errors.Join(errs...)
}

// local are the item's lines with a local of the script in place of the item.
func (it *item) local() []line {
	lines := slices.Clone(it.lines)
	first := &lines[it.begins].text
	*first = "local " + strings.Replace(*first, it.file+"."+it.name, it.file+"_"+it.name, 1)
	return lines
}

func joined(lines []line) string {
	var all strings.Builder
	for _, l := range lines {
		all.WriteString(l.text + "\n")
	}
	return all.String()
}
