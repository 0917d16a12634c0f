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
//	-- REPLY CREDITED, DUP seq net | RETRY
//
// A line that is indented by four or more goes on with the line before. One that is
// indented by two or more says what a name or a tag is: `name: text`. Others are for
// people.
type head struct {
	includes   []string
	keys, argv names
	replies    []reply
	forms      []Reply // the same, for people
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
	headNote    = regexp.MustCompile(`^-- {2,}(?:([A-Za-z][A-Za-z0-9_, ]*): )?(.*)$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
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
	said, notes, last, of := map[string]string{}, map[string]string{}, "", ""
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "--") {
			break
		}
		if further := headFurther.FindStringSubmatch(line); further != nil && last != "" {
			said[last] += " " + further[1]
			continue
		}
		last = ""
		if note := headNote.FindStringSubmatch(line); note != nil {
			if note[1] != "" {
				of = note[1]
			}
			notes[of] = strings.TrimSpace(notes[of] + " " + note[2])
			continue
		}
		of = ""
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
		for _, form := range strings.Split(text, "|") {
			h.forms = append(h.forms, Reply{strings.Join(strings.Fields(form), " "), noted(form, notes)})
		}
	}
	if err != nil {
		return h, fmt.Errorf("%s.lua: REPLY: %w", name, err)
	}
	return h, nil
}

// noted is what the notes say of the tags of a form.
func noted(form string, notes map[string]string) string {
	var all []string
	tagged := false
	for _, word := range strings.Fields(form) {
		word = strings.Trim(word, ",.")
		tagged = tagged || tagForm.MatchString(word)
		if note := notes[word]; note != "" && tagged == tagForm.MatchString(word) {
			all = append(all, note)
		}
	}
	return strings.Join(all, "; ")
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
		words, tags := strings.Fields(form), []string{""}
		for i, more := 0, true; more && len(words) > 0 && tagForm.MatchString(strings.TrimSuffix(words[0], ",")); i++ {
			tags = append(tags[:i], strings.TrimSuffix(words[0], ","))
			more, words = strings.HasSuffix(words[0], ","), words[1:]
		}
		var r reply
		if len(words) > 0 && strings.HasSuffix(words[len(words)-1], "...") {
			r.list, words = strings.TrimSuffix(words[len(words)-1], "..."), words[:len(words)-1]
		}
		r.values = words
		for _, name := range append(slices.Clone(words), r.list) {
			if name != "" && !nameForm.MatchString(name) {
				return nil, fmt.Errorf("%q is no name", name)
			}
		}
		if tags[0] == "" && (r.list == "" || len(r.values) > 0) {
			return nil, fmt.Errorf("%q has no tag", strings.TrimSpace(form))
		}
		for _, tag := range tags {
			r.tag = tag
			all = append(all, r)
		}
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
