package alipay

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
)

// clipRunes bounds what an error repeats of a text that came from outside.
const clipRunes = 160

// String is the public half of the configuration.
func (c Config) String() string {
	return fmt.Sprintf("alipay{app %s, seller %s, gateway %s, secrets hidden}", c.AppID, c.SellerID, c.Gateway)
}

// GoString is String, for %#v.
func (c Config) GoString() string { return c.String() }

// Format writes String whatever the verb: with %d fmt would otherwise skip
// String and print the bytes of every field.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is String, for a Config that is a log attribute itself.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String, for a Config inside a logged struct, where slog looks
// at the JSON and text forms and not at LogValue.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// clip makes a foreign text fit for an error: one line, printable, bounded.
func clip(text string) string {
	n := 0
	var b strings.Builder
	for _, r := range text {
		n++
		if n > clipRunes {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
