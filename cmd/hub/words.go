package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lineMax is how long a text can be, in characters.
const lineMax = 200

// errLine says that a text says nothing, or would be printed as something else.
var errLine = errors.New("want text: 1 to 200 characters on one line, with a letter or a digit, and no control characters")

// line is a text that somebody types, such as a reason. It is kept and printed for years.
type line string

// UnmarshalText implements encoding.TextUnmarshaler, for the command line.
func (l *line) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	says := strings.ContainsFunc(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) })
	if !utf8.ValidString(s) || !says || utf8.RuneCountInString(s) > lineMax || strings.ContainsFunc(s, unprinted) {
		return errLine
	}
	*l = line(s)
	return nil
}

// unprinted says that a character is none that people see: controls, marks that turn
// the writing around, line ends.
func unprinted(c rune) bool { return !unicode.IsPrint(c) }

// nameMax is how long a name can be, in bytes.
const nameMax = 32

// checkName takes names that can be told apart on paper: Chinese and Latin letters,
// digits, and . _ - ·
func checkName(name string) error {
	if name == "" || len(name) > nameMax || skeleton(name) == "" {
		return fmt.Errorf("name %.40q: want Chinese or Latin letters, digits and . _ - ·, at most %d bytes", name, nameMax)
	}
	return nil
}

// skeleton is what two names have in common that look the same: width, case, accents
// and punctuation are gone, and i, l and 1 are one letter, o and 0 as well. It is empty
// for a name with letters of another script, which look like these: a Cyrillic а.
// (Source: Unicode UTS 39, whose skeletons these are for the two scripts.)
func skeleton(name string) string {
	var out strings.Builder
	for _, c := range norm.NFKD.String(strings.ToLower(norm.NFKC.String(name))) {
		switch {
		case unicode.Is(unicode.Mn, c), strings.ContainsRune("._-·", c):
		case c == 'l', c == '1', c == 'i':
			out.WriteRune('i')
		case c == '0':
			out.WriteRune('o')
		case c >= 'a' && c <= 'z', c >= '2' && c <= '9', unicode.Is(unicode.Han, c):
			out.WriteRune(c)
		default:
			return ""
		}
	}
	return out.String()
}

// plain writes text for people: what a terminal would act on is written out. Commands
// print what channels, terminals and files have said.
type plain struct{ to io.Writer }

// Write implements io.Writer.
func (p plain) Write(text []byte) (int, error) {
	odd := func(c rune) bool { return c != '\n' && c != '\t' && !unicode.IsPrint(c) }
	if !strings.ContainsFunc(string(text), odd) {
		return p.to.Write(text)
	}
	var out strings.Builder
	for _, c := range string(text) {
		if odd(c) {
			fmt.Fprintf(&out, "\\u%04x", c)
		} else {
			out.WriteRune(c)
		}
	}
	_, err := io.WriteString(p.to, out.String())
	return len(text), err
}
