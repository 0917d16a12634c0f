package channels

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// The most that an Excerpt holds, in bytes: of a body that is authentic, of one
// that is not, before what is not printable is escaped, and of a header.
const (
	excerptBytes        = 4 << 10
	excerptRefusedBytes = 256
	excerptHeaderBytes  = 128
)

// Excerpter is a channel that says what of a callback people may read later.
type Excerpter interface {
	// Excerpt takes out of a callback what may be kept: no signature, no key, and
	// of a payer no more than a Hint. What is not authentic is cut short. It
	// never fails and keeps nothing of its arguments.
	Excerpt(header http.Header, body []byte, authentic bool) Excerpt
}

// Excerpt is what may be kept of a callback.
type Excerpt struct {
	Headers map[string]string
	Body    string // one printable line
}

// NewExcerpt is an Excerpt of the named headers, and of a body in which the
// values of the secret fields are no more than hints, whether it is a form, JSON
// or neither.
func NewExcerpt(header http.Header, headers []string, body []byte, secrets *regexp.Regexp, authentic bool) Excerpt {
	kept := Excerpt{Headers: map[string]string{}}
	for _, name := range headers {
		if value := header.Get(name); value != "" {
			kept.Headers[name] = printable(value, excerptHeaderBytes)
		}
	}
	most := excerptBytes
	if !authentic {
		most = excerptRefusedBytes
	}
	kept.Body = printable(masked(string(body), secrets), most)
	return kept
}

// fieldName is a name as no escaped one is.
var fieldName = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)

// SecretFields is the pattern of a field of one of the names and its value, the
// way forms and JSON write them.
func SecretFields(names ...string) string {
	return `(?i)((?:^|[^0-9a-z_])(?:` + strings.Join(names, "|") + `)["']?\s*[=:]\s*["']?)([^&"'<>,;{}\s]+)`
}

// masked leaves hints of the values of secret fields. A name in a form may be
// escaped.
func masked(body string, secrets *regexp.Regexp) string {
	pieces := strings.Split(body, "&")
	for i, piece := range pieces {
		name, value, found := strings.Cut(piece, "=")
		plain, err := url.QueryUnescape(name)
		if found && err == nil && plain != name && fieldName.MatchString(plain) {
			pieces[i] = plain + "=" + value
		}
	}
	return secrets.ReplaceAllStringFunc(strings.Join(pieces, "&"), func(field string) string {
		parts := secrets.FindStringSubmatch(field)
		return parts[1] + hint(parts[2])
	})
}

// hint is the last four characters of a text.
func hint(text string) string {
	if len(text) > 4 {
		return "…" + text[len(text)-4:]
	}
	return text
}

// printable cuts a text and escapes what a terminal would not show.
func printable(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
