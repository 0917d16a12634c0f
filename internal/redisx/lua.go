package redisx

import "strings"

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

// tokens splits Lua text (Lua 5.1 reference manual, section 2.1). What is no Lua becomes
// symbols, one character each; the server refuses it.
func tokens(text string) []token {
	all := make([]token, 0, len(text)/3)
	line := 1
	for text != "" {
		kind, n := lex(text)
		all = append(all, token{kind, text[:n], line})
		line += strings.Count(text[:n], "\n")
		text = text[n:]
	}
	return all
}

// lex is the kind and the length of the token that a text begins with.
func lex(text string) (tokenKind, int) {
	c := text[0]
	switch {
	case isBlank(c):
		return blank, span(text, isBlank)
	case strings.HasPrefix(text, "--[["):
		return blank, until(text, "]]")
	case strings.HasPrefix(text, "--"):
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return blank, end
		}
		return blank, len(text)
	case isLetter(c):
		return word, span(text, func(c byte) bool { return isLetter(c) || isDigit(c) })
	case isDigit(c):
		return literal, span(text, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' })
	case strings.HasPrefix(text, "[["):
		return literal, until(text, "]]")
	case c == '\'' || c == '"':
		for i := 1; i < len(text) && text[i] != '\n'; i++ {
			switch text[i] {
			case '\\':
				i++
			case c:
				return literal, i + 1
			}
		}
	case strings.HasPrefix(text, ".."): // the dots of a concatenation are no field's
		return symbol, span(text, func(c byte) bool { return c == '.' })
	}
	return symbol, 1
}

func isBlank(c byte) bool  { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// span is how long a text's beginning is of such bytes.
func span(text string, of func(byte) bool) int {
	n := 0
	for n < len(text) && of(text[n]) {
		n++
	}
	return n
}

// until is the length up to the end of a mark, or of the text.
func until(text, mark string) int {
	if end := strings.Index(text[2:], mark); end >= 0 {
		return 2 + end + len(mark)
	}
	return len(text)
}

// declared are the names that Lua text makes its own: locals, parameters and loop
// variables, wherever they are. code has no blanks.
func declared(code []token) map[string]bool {
	names := map[string]bool{}
	for i := 0; i < len(code); i++ {
		if code[i].kind != word {
			continue
		}
		switch code[i].text {
		case "local", "for":
			j := i + 1
			if j < len(code) && code[j].text == "function" {
				j++
			}
			for ; j < len(code) && (code[j].kind == word && code[j].text != "in" || code[j].text == ","); j++ {
				if code[j].kind == word {
					names[code[j].text] = true
					if j+1 < len(code) && code[j+1].text != "," {
						break
					}
				}
			}
		case "function":
			for j := i + 1; j < len(code) && code[j].text != ")"; j++ {
				if code[j].kind == word && (code[j-1].text == "(" || code[j-1].text == ",") {
					names[code[j].text] = true
				}
			}
		}
	}
	return names
}

// meaningful are the tokens without blanks.
func meaningful(all []token) []token {
	code := make([]token, 0, len(all)/2+1)
	for _, t := range all {
		if t.kind != blank {
			code = append(code, t)
		}
	}
	return code
}
