package redisx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Text is a script as its files have it, with what it shares before it.
type Text struct {
	name    string
	source  string // with names
	text    string // as it is sent, without a shebang line
	lines   []line
	head    head
	library *Library
	changed sync.Map // sources that a test rewrote, resolved
}

// Name is that of the script's file.
func (t *Text) Name() string { return t.name }

// Source is the text with names: what a RunnerOptions.Rewrite gets.
func (t *Text) Source() string { return t.source }

// Lua is the text as it is sent, without a shebang line.
func (t *Text) Lua() string { return t.text }

// Origin is the file, without .lua, and the line of a line of the text, from 1.
func (t *Text) Origin(n int) (file string, number int) {
	if n < 1 || n > len(t.lines) {
		return t.name, 0
	}
	return t.lines[n-1].file, t.lines[n-1].number
}

// Reply is a form of a script's reply, as its head has it.
type Reply struct {
	Form string // tags, then names of values
	Note string // what the head says of the tags, or empty
}

// Replies are the forms of the script's reply.
func (t *Text) Replies() []Reply { return t.head.forms }

func (r reply) String() string {
	words := append(append([]string{}, r.tag), r.values...)
	if r.list != "" {
		words = append(words, r.list+"...")
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// resolve is a source that a RunnerOptions.Rewrite made, as it is sent.
func (t *Text) resolve(source string) (string, error) {
	if source == t.Source() {
		return t.text, nil
	}
	if known, ok := t.changed.Load(source); ok {
		return known.(string), nil
	}
	r := resolver{library: t.library, head: t.head, lenient: true, where: func(n int) string { return fmt.Sprintf("%s:%d", t.name, n) }}
	text, err := r.resolve(source)
	if err == nil {
		t.changed.Store(source, text)
	}
	return text, err
}

var scriptLine = regexp.MustCompile(`user_script:(\d+)`)

// place is the file and the line that an error of the server speaks of; prefix is the
// text that was sent before the script.
func (t *Text) place(err error, prefix string) string {
	m := scriptLine.FindStringSubmatch(err.Error())
	if m == nil {
		return ""
	}
	n, _ := strconv.Atoi(m[1])
	file, number := t.Origin(n - strings.Count(prefix, "\n"))
	return fmt.Sprintf(" at %s.lua:%d", file, number)
}

// Script is a Lua script with the Go types of its call C and its reply R, two structs
// whose tags are the names in the script's head:
//
//	type creditCall struct {
//		Account string  `key:"account"`
//		Amount  fen.Fen `arg:"amount"`
//		Refunds []struct {
//			No string `arg:"refund"`
//		} `group:"arg"`
//	}
//	type creditReply struct {
//		Tag string
//		Seq string `reply:"seq"`
//	}
//
// Fields of a call are strings, integers or bools ('1' or nothing). Structs without a
// tag are taken for their fields. A slice of a tagged kind is a group with one name. It
// is immutable and safe for concurrent use.
type Script[C, R any] struct {
	*Text
	keys, argv plan
	forms      []form
}

// form is a reply as the Go type takes it.
type form struct {
	reply
	tagAt  []int
	fields [][]int
	list   []int
}

// Load reads the script NAME.lua of a library.
// Errors name file, line and name: a name that is used and not declared or declared and
// not used, a reply with another tag, a Go type with a missing or an extra field.
func Load[C, R any](l *Library, name string) (*Script[C, R], error) {
	t, err := l.Text(name)
	if err != nil {
		return nil, err
	}
	s := &Script[C, R]{Text: t}
	call, answer := reflect.TypeFor[C](), reflect.TypeFor[R]()
	s.keys, err = planned(call, "key", t.head.keys)
	errs := []error{err}
	s.argv, err = planned(call, "arg", t.head.argv)
	errs = append(errs, err)
	s.forms, err = formed(answer, t.head.replies)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("script %s and its caller differ: %w", name, err)
	}
	l.mu.Lock()
	l.scripts = append(l.scripts, t)
	l.mu.Unlock()
	return s, nil
}

// MustLoad is Load for package variables: it panics where that fails.
func MustLoad[C, R any](l *Library, name string) *Script[C, R] {
	s, err := Load[C, R](l, name)
	if err != nil {
		panic(err)
	}
	return s
}

// Text reads the script NAME.lua without a caller.
// Errors: as Load.
func (l *Library) Text(name string) (*Text, error) {
	file, err := fs.ReadFile(l.files, name+".lua")
	if err != nil {
		return nil, err
	}
	source := string(file)
	h, err := readHead(name, source)
	if err != nil {
		return nil, err
	}
	if len(h.replies) == 0 {
		return nil, fmt.Errorf("%s.lua: it has no line REPLY", name)
	}
	lines, err := l.assemble(name, source, h)
	if err != nil {
		return nil, err
	}
	t := &Text{name: name, source: joined(lines), lines: lines, head: h, library: l}
	order, err := l.order(h.includes, nil)
	if err != nil {
		return nil, err
	}
	r := resolver{library: l, script: name, head: h, includes: order, where: func(n int) string { return fmt.Sprintf("%s.lua:%d", lines[n-1].file, lines[n-1].number) }}
	if t.text, err = r.resolve(t.Source()); err != nil {
		return nil, err
	}
	var errs []error
	for list, n := range map[string]names{"KEYS": h.keys, "ARGV": h.argv} {
		for _, one := range slices.Concat(n.single, n.group) {
			if !r.used[list+"."+one] {
				errs = append(errs, fmt.Errorf("%s.lua: %s.%s is declared and not used", name, list, one))
			}
		}
	}
	return t, errors.Join(errs...)
}

// checkTags finds replies that are written out with a tag that the head does not have.
func (h head) checkTags(name string, code []token, where func(int) string) []error {
	if len(h.replies) == 0 || h.replies[0].tag == "" {
		return nil
	}
	var errs []error
	for i := range code {
		if i+2 >= len(code) || code[i].text != "return" || code[i+1].text != "{" || code[i+2].kind != literal {
			continue
		}
		tag := strings.Trim(code[i+2].text, `'"`)
		if tagForm.MatchString(tag) && !slices.ContainsFunc(h.replies, func(r reply) bool { return r.tag == tag }) {
			errs = append(errs, fmt.Errorf("%s: script %s declares no reply %s", where(code[i].line), name, tag))
		}
	}
	return errs
}

// Run runs the script once. All keys share one slot; values are sent as strings, so
// that no number passes through a float.
// Errors: ErrUnavailable, ErrUnknownOutcome (a reply of another form too: the script
// ran), or the script's own error reply.
func (s *Script[C, R]) Run(ctx context.Context, r *Runner, call C) (R, error) {
	var answer R
	from := reflect.ValueOf(&call).Elem()
	got, err := r.run(ctx, s.Text, s.keys.values(from), s.argv.values(from)...)
	if err != nil {
		return answer, err
	}
	into := reflect.ValueOf(&answer).Elem()
	for _, f := range s.forms {
		values := got
		if f.tag != "" {
			if len(got) == 0 || got[0] != f.tag {
				continue
			}
			values = got[1:]
		}
		if len(values) != len(f.fields) && (f.list == nil || len(values) < len(f.fields)) {
			continue
		}
		if f.tag != "" {
			into.FieldByIndex(f.tagAt).SetString(f.tag)
		}
		for i, at := range f.fields {
			into.FieldByIndex(at).SetString(values[i])
		}
		if f.list != nil {
			into.FieldByIndex(f.list).Set(reflect.ValueOf(values[len(f.fields):]))
		}
		return answer, nil
	}
	tag := "" // values may be a payer's
	if len(got) > 0 && tagForm.MatchString(got[0]) {
		tag = " " + got[0]
	}
	return answer, fmt.Errorf("script %s: a reply%s of %d parts is none of its head: %w", s.name, tag, len(got), ErrUnknownOutcome)
}
