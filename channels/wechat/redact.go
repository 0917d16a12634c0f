package wechat

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"unicode"
)

// clipRunes bounds what an error repeats of a text that came from outside.
const clipRunes = 160

// String is the public half of the configuration.
func (c Config) String() string {
	return fmt.Sprintf("wechat{app %s, merchant %s, serial %s, key %s, secrets hidden}",
		c.AppID, c.MchID, c.MerchantSerial, c.PublicKeyID)
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

// secret is a text that no printing reaches: a function prints as an address,
// under every verb and inside unexported fields too.
type secret func() string

func newSecret(text string) secret { return func() string { return text } }

// scrub takes the secret out of a text, plain and as a URL holds it. Scrub
// before clip: half a secret would not be found.
func (s secret) scrub(text string) string {
	return strings.NewReplacer(s(), "[secret]", url.QueryEscape(s()), "[secret]").Replace(text)
}

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
