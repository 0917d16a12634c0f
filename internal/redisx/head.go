package redisx

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// head is what a script says of itself in the comment that it begins with:
//
//	-- name: a sentence
//	-- include ledger mark
//	-- KEYS account entries records...
//	-- ARGV order amount {refund fen at}...
//	-- REPLY CREDITED seq net | DUP seq net | RETRY
//
// A line that is indented by four or more goes on with the line before. Other lines
// are for people.
type head struct {
	includes   []string
	keys, argv names
	replies    []reply
}

// names are the parts of KEYS or of ARGV: single ones, then at most one group, which
// stands as often as the caller has it.
type names struct {
	single, group []string
}

// reply is one form of a reply: a tag, single values, then at most one list.
type reply struct {
	tag    string
	values []string
	list   string
}

var (
	headTitle   = regexp.MustCompile(`\A-- ([a-z0-9_]+)(?:\.lua)?: `)
	headLine    = regexp.MustCompile(`^-- (include|KEYS|ARGV|REPLY)((?: .*)?)$`)
	headFurther = regexp.MustCompile(`^-- {4,}(\S.*)$`)
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	tagForm     = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	groupForm   = regexp.MustCompile(`(?:\{([^}]*)\}|(\S+))\.\.\.$`)
)

// readHead reads the head of the script or include with this name.
func readHead(name, text string) (head, error) {
	var h head
	title := headTitle.FindStringSubmatch(text)
	if title == nil || title[1] != name {
		return h, fmt.Errorf("%s.lua:1: it does not begin with %q", name, "-- "+name+": ")
	}
	said, last := map[string]string{}, ""
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "--") {
			break
		}
		if further := headFurther.FindStringSubmatch(line); further != nil && last != "" {
			said[last] += " " + further[1]
			continue
		}
		last = ""
		if m := headLine.FindStringSubmatch(line); m != nil {
			last = m[1]
			if _, twice := said[last]; twice {
				return h, fmt.Errorf("%s.lua:%d: a second line %s", name, i+1, last)
			}
			said[last] = m[2]
		}
	}
	h.includes = strings.Fields(said["include"])
	var err error
	if h.keys, err = readNames(said["KEYS"]); err != nil {
		return h, fmt.Errorf("%s.lua: KEYS: %w", name, err)
	}
	if h.argv, err = readNames(said["ARGV"]); err != nil {
		return h, fmt.Errorf("%s.lua: ARGV: %w", name, err)
	}
	if text, ok := said["REPLY"]; ok {
		h.replies, err = readReplies(text)
	}
	if err != nil {
		return h, fmt.Errorf("%s.lua: REPLY: %w", name, err)
	}
	return h, nil
}

func readNames(text string) (names, error) {
	var n names
	text = strings.TrimSpace(text)
	if m := groupForm.FindStringSubmatchIndex(text); m != nil {
		group := groupForm.FindStringSubmatch(text)
		n.group = strings.Fields(group[1] + " " + group[2])
		text = text[:m[0]]
	}
	n.single = strings.Fields(text)
	seen := map[string]bool{}
	for _, name := range slices.Concat(n.single, n.group) {
		if !nameForm.MatchString(name) {
			return n, fmt.Errorf("%q is no name", name)
		}
		if seen[name] {
			return n, fmt.Errorf("%s stands twice", name)
		}
		seen[name] = true
	}
	return n, nil
}

func readReplies(text string) ([]reply, error) {
	var all []reply
	for _, form := range strings.Split(text, "|") {
		var r reply
		words := strings.Fields(form)
		if len(words) > 0 && tagForm.MatchString(words[0]) {
			r.tag, words = words[0], words[1:]
		}
		if len(words) > 0 && strings.HasSuffix(words[len(words)-1], "...") {
			r.list, words = strings.TrimSuffix(words[len(words)-1], "..."), words[:len(words)-1]
		}
		r.values = words
		for _, name := range append(slices.Clone(words), r.list) {
			if name != "" && !nameForm.MatchString(name) {
				return nil, fmt.Errorf("%q is no name", name)
			}
		}
		if r.tag == "" && (r.list == "" || len(r.values) > 0) {
			return nil, fmt.Errorf("%q has no tag", strings.TrimSpace(form))
		}
		all = append(all, r)
	}
	return all, nil
}

// place is where a name of KEYS or ARGV stands, from 1, and in steps of how many if
// it is of a group.
func (n names) place(name string) (at, step int, known bool) {
	if i := slices.Index(n.single, name); i >= 0 {
		return i + 1, 0, true
	}
	if i := slices.Index(n.group, name); i >= 0 {
		return len(n.single) + i + 1, len(n.group), true
	}
	return 0, 0, false
}
