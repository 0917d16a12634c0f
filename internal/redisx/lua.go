package redisx

import (
	"regexp"
	"strings"
)

// token is a piece of Lua text. Comments and blanks are tokens too, so that all
// tokens of a text are the text.
type token struct {
	kind tokenKind
	text string
	line int // from 1, where the token begins
}

type tokenKind int

const (
	blank   tokenKind = iota // spaces, line ends, comments
	word                     // names and keywords
	literal                  // strings and numbers
	symbol
)

// Lua 5.1 reference manual, section 2.1. Strings may hold no line end but escaped.
var (
	luaBlank   = regexp.MustCompile(`\A(?:\s+|--\[\[(?s:.*?)\]\]|--[^\n]*)`)
	luaWord    = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*`)
	luaSymbol  = regexp.MustCompile(`\A(?:\.\.\.?|(?s:.))`) // the dots of a concatenation are no field's
	luaLiteral = regexp.MustCompile(`\A(?:'(?:[^'\\\n]|\\(?s:.))*'|"(?:[^"\\\n]|\\(?s:.))*"|\[\[(?s:.*?)\]\]|[0-9][0-9A-Za-z.]*)`)
)

// tokens splits Lua text. What is no Lua becomes symbols, one character each; the
// server refuses it.
func tokens(text string) []token {
	var all []token
	for line := 1; text != ""; {
		next := token{symbol, luaSymbol.FindString(text), line}
		if found := luaBlank.FindString(text); found != "" {
			next.kind, next.text = blank, found
		} else if found := luaWord.FindString(text); found != "" {
			next.kind, next.text = word, found
		} else if found := luaLiteral.FindString(text); found != "" {
			next.kind, next.text = literal, found
		}
		all = append(all, next)
		line += strings.Count(next.text, "\n")
		text = text[len(next.text):]
	}
	return all
}

// declared are the names that Lua text makes its own: locals, parameters and loop
// variables, wherever they are.
func declared(all []token) map[string]bool {
	names := map[string]bool{}
	code := meaningful(all)
	for i := 0; i < len(code); i++ {
		switch code[i].text {
		case "local", "for":
			j := i + 1
			if j < len(code) && code[j].text == "function" {
				j++
			}
			for ; j < len(code) && (code[j].kind == word && code[j].text != "in" || code[j].text == ","); j++ {
				if code[j].kind == word {
					names[code[j].text] = true
				}
				if j+1 < len(code) && code[j].kind == word && code[j+1].text != "," {
					break
				}
			}
		case "function":
			for j := i + 1; j < len(code) && code[j].text != ")"; j++ {
				if code[j].kind == word && j > 0 && (code[j-1].text == "(" || code[j-1].text == ",") {
					names[code[j].text] = true
				}
			}
		}
	}
	return names
}

func meaningful(all []token) []token {
	var code []token
	for _, t := range all {
		if t.kind != blank {
			code = append(code, t)
		}
	}
	return code
}
