package redisx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// resolver gives numbers to the names of KEYS and ARGV, and one word to each item of
// an include, so that names cost nothing when the script runs:
//
//	KEYS.account        KEYS[1]
//	ARGV.refund[i]      ARGV[8+3*(i)]     of a group {refund fen at}... after ten others
//	#ARGV.refund        ((#ARGV-10)/3)    how often the group stands
//	unpack(ARGV.field)  unpack(ARGV,3)    of a group with one name
//	ledger.post         ledger_post
//
// Lines keep their numbers.
type resolver struct {
	library *Library
	script  string
	head    head
	// includes are those of the script, and theirs.
	includes []string
	where    func(line int) string
	lenient  bool            // numbers are let through: a test put a text of its own before
	used     map[string]bool // names of KEYS and ARGV that occur
	errs     []error
}

func (r *resolver) fail(t token, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", r.where(t.line), fmt.Sprintf(format, args...)))
}

// resolve resolves a script's whole text.
func (r *resolver) resolve(text string) (string, error) {
	r.used = map[string]bool{}
	all := tokens(text)
	code := meaningful(all)
	own := declared(code)
	for name := range own {
		if r.library.includes[name] != nil && slices.Contains(r.includes, name) {
			r.errs = append(r.errs, fmt.Errorf("%s.lua: a local has the name of the include %s", r.script, name))
		}
	}
	out := r.each(all, own)
	if !r.lenient {
		r.errs = append(r.errs, r.head.checkTags(r.script, code, r.where)...)
	}
	return out, errors.Join(r.errs...)
}

func (r *resolver) each(all []token, own map[string]bool) string {
	var out strings.Builder
	is := func(i int, text string) bool { return i >= 0 && i < len(all) && all[i].text == text }
	for i := 0; i < len(all); {
		t := all[i]
		field := is(i-1, ".") || is(i-1, ":")
		dotted := is(i+1, ".") && i+2 < len(all) && all[i+2].kind == word
		switch {
		case is(i, "#") && (is(i+1, "KEYS") || is(i+1, "ARGV")):
			taken, text := r.slot(all[i:], own)
			out.WriteString(text)
			i += taken
		case t.kind == word && !field && (t.text == "KEYS" || t.text == "ARGV"):
			taken, text := r.slot(all[i:], own)
			out.WriteString(text)
			i += taken
		case t.kind == word && !field && dotted && r.library.includes[t.text] != nil && !own[t.text]:
			out.WriteString(t.text + "_" + all[i+2].text)
			i += 3
		default:
			out.WriteString(t.text)
			i++
		}
	}
	return out.String()
}

// slot resolves what begins with KEYS or ARGV, or with # before it: the number of
// tokens and the text in their place.
func (r *resolver) slot(all []token, own map[string]bool) (taken int, text string) {
	count := all[0].text == "#"
	if count {
		taken = 1
	}
	t := all[taken]
	list := r.head.keys
	if t.text == "ARGV" {
		list = r.head.argv
	}
	if len(all) < taken+3 || all[taken+1].text != "." || all[taken+2].kind != word {
		if !r.lenient {
			r.fail(t, "%s without a name", t.text)
		}
		return taken + 1, joinTokens(all[:taken+1])
	}
	name := all[taken+2].text
	place, step, known := list.place(name)
	taken += 3
	r.used[t.text+"."+name] = true
	switch {
	case !known:
		r.fail(t, "%s.%s is not declared", t.text, name)
	case step == 0 && !count:
		return taken, fmt.Sprintf("%s[%d]", t.text, place)
	case step == 0: // the length of a value
		return taken, fmt.Sprintf("#%s[%d]", t.text, place)
	case count && (len(all) == taken || all[taken].text != "["):
		return taken, fmt.Sprintf("((#%s-%d)/%d)", t.text, len(list.single), step)
	case len(all) > taken && all[taken].text == "[":
		end, depth := taken+1, 1
		for ; end < len(all) && depth > 0; end++ {
			switch all[end].text {
			case "[":
				depth++
			case "]":
				depth--
			}
		}
		inner := r.each(all[taken+1:end-1], own)
		text = fmt.Sprintf("%s[%d+%d*(%s)]", t.text, place-step, step, inner)
		if count {
			text = "#" + text
		}
		return end, text
	case step == 1 && len(all) > taken && all[taken].text == ")":
		return taken, fmt.Sprintf("%s,%d", t.text, place) // unpack(ARGV.name)
	default:
		r.fail(t, "%s.%s is of a group: it wants [i], # or unpack", t.text, name)
	}
	return taken, joinTokens(all[:taken])
}

func joinTokens(all []token) string {
	var text strings.Builder
	for _, t := range all {
		text.WriteString(t.text)
	}
	return text.String()
}
