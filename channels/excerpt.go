package channels

import (
	"net/http"
	"net/url"
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
func NewExcerpt(header http.Header, headers []string, body []byte, secrets []string, authentic bool) Excerpt {
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
	kept.Body = printable(unnamed(masked(string(body), secrets, most)), most)
	return kept
}

// unnamed leaves hints of what has the form of a payer's id, wherever it stands: an
// Alipay user_id (2088 and twelve digits) and a WeChat openid (28 characters, the
// first an o). Lists within forms and JSON within JSON escape their names too often
// to go by them.
func unnamed(body string) string {
	var out strings.Builder
	written := 0
	for at := 0; at < len(body); at++ {
		n := 0
		switch {
		case body[at] == '2' && strings.HasPrefix(body[at:], "2088") && begins(body, at):
			n = run(body, at, digit)
			if n != 16 {
				n = 0
			}
		case body[at] == 'o' && begins(body, at):
			n = run(body, at, func(c byte) bool { return letter(c) || c == '-' })
			if n != 28 {
				n = 0
			}
		}
		if n > 0 {
			out.WriteString(body[written:at])
			out.WriteString(hint(body[at : at+n]))
			at += n - 1
			written = at + 1
		}
	}
	if written == 0 {
		return body
	}
	out.WriteString(body[written:])
	return out.String()
}

// begins says whether something new begins at a place: after a character that is
// no part of an id, or after one that is escaped.
func begins(body string, at int) bool {
	if at == 0 {
		return true
	}
	before := body[at-1]
	return !letter(before) && before != '-' || at >= 3 && body[at-3] == '%' && hexes(body, at-2, 2) ||
		at >= 6 && body[at-6] == '\\' && body[at-5] == 'u' && hexes(body, at-4, 4)
}

// run is how many characters of a kind follow each other from a place.
func run(body string, at int, of func(byte) bool) int {
	n := 0
	for at+n < len(body) && of(body[at+n]) {
		n++
	}
	return n
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// masked leaves hints of the values of secret fields, and at least so many bytes
// if there are more. It goes from name to name, in one pass: every callback has
// it done.
func masked(body string, secrets []string, most int) string {
	var out strings.Builder
	written := 0 // of body
	write := func(until int, instead string) {
		out.WriteString(body[written:until])
		out.WriteString(instead)
	}
	for at := 0; at < len(body) && out.Len()+at-written < most; {
		end := nameEnd(body, at)
		if end == at {
			at++
			continue
		}
		name, value := plainName(body[at:end])
		switch {
		case !secret(name, secrets):
			at = end
		case value != "": // name and value are escaped as one
			write(at, name+"="+hint(value))
			at, written = end, end
		default:
			from, to := valueOf(body, end)
			if from == to {
				at = end
				continue
			}
			write(at, name+body[end:from]+hint(body[from:to]))
			at, written = to, to
		}
	}
	if written == 0 {
		return body
	}
	out.WriteString(body[written:])
	return out.String()
}

// nameEnd is where a name ends that begins at a place: letters, digits and
// underscores, also as forms (%5F) and JSON (\u005f) escape them.
func nameEnd(body string, at int) int {
	for at < len(body) {
		switch c := body[at]; {
		case letter(c):
			at++
		case c == '%' && hexes(body, at+1, 2):
			at += 3
		case c == '\\' && at+1 < len(body) && body[at+1] == 'u' && hexes(body, at+2, 4):
			at += 6
		default:
			return at
		}
	}
	return at
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func hexes(body string, at, n int) bool {
	if at+n > len(body) {
		return false
	}
	_, err := strconv.ParseUint(body[at:at+n], 16, 32)
	return err == nil
}

// plainName is a name without its escapes, and the value where a form's = was
// escaped along with it.
func plainName(name string) (plain, value string) {
	if strings.IndexByte(name, '%') < 0 && strings.IndexByte(name, '\\') < 0 {
		return name, ""
	}
	plain = name
	if text, err := strconv.Unquote(`"` + plain + `"`); err == nil {
		plain = text
	}
	if text, err := url.QueryUnescape(plain); err == nil {
		plain = text
	}
	plain, value, _ = strings.Cut(plain, "=")
	return plain, value
}

// secretMost is longer than any secret field's name.
const secretMost = 32

func secret(name string, secrets []string) bool {
	if len(name) > secretMost {
		return false
	}
	for _, s := range secrets {
		if strings.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// valueOf is where the value of a name is that ends at a place; empty if it has
// none.
func valueOf(body string, at int) (from, to int) {
	end := func(at int, skipped string) int {
		for at < len(body) && strings.IndexByte(skipped, body[at]) >= 0 {
			at++
		}
		return at
	}
	const blank = " \t\r\n\"'"
	at = end(at, blank)
	if at == len(body) || strings.IndexByte("=:>", body[at]) < 0 {
		return at, at
	}
	from = end(at+1, blank+"[")
	to = from
	for to < len(body) && strings.IndexByte("&\"'<>,;{}] \t\r\n", body[to]) < 0 {
		to++
	}
	return from, to
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
	plain := true
	for i := 0; i < len(text) && plain; i++ {
		plain = ' ' <= text[i] && text[i] <= '~' && text[i] != '\\'
	}
	if plain {
		return text
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
