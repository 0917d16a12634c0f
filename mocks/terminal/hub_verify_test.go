package terminal_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// signed is what one entry of Signature-Input and Signature says.
type signed struct {
	label      string
	raw        string // the inner list with its parameters
	components []string
	names      []string
	params     map[string]string // serialised
	signature  []byte
}

// authenticate is the fake hub's own reading of RFC 9421 and docs/pos-v1.md. Each
// check has a name and can be switched off, so that a test sees which checks,
// and only which, a spoilt request fails.
func (h *hub) authenticate(r *http.Request) (nonce string, body []byte, refusedBy string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 2<<20))
	if err != nil {
		return "", nil, "read"
	}
	e, refusedBy := h.form(r, body)
	if refusedBy != "" {
		return "", nil, refusedBy
	}
	if e == nil {
		return "none", body, ""
	}
	text := func(name string) string { return strings.Trim(e.params[name], `"`) }
	quoted := func(name string) bool {
		v := e.params[name]
		return len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"'
	}
	sort.Strings(e.names)
	if h.on("params") && (strings.Join(e.names, " ") != "created keyid nonce" || !quoted("nonce") || !quoted("keyid")) {
		return "", nil, "params"
	}
	created, err := strconv.ParseInt(e.params["created"], 10, 64)
	age := h.clock.now().Unix() - created
	if h.on("created") && (err != nil || age > 300 || age < -60) {
		return "", nil, "created"
	}
	nonce = text("nonce")
	if h.on("nonce") && (len(nonce) < 16 || len(nonce) > 64 || strings.Trim(nonce, alphabet) != "") {
		return "", nil, "nonce"
	}
	key, known := h.terminals[text("keyid")]
	if !known {
		if h.on("keyid") {
			return "", nil, "keyid"
		}
		key = h.terminals["T1"]
	}
	cover := append([]string(nil), e.components...)
	sort.Strings(cover)
	if h.on("cover") && strings.Join(cover, " ") != `"@authority" "@method" "@path" "@query" "content-digest"` {
		return "", nil, "cover"
	}
	sum := sha256.Sum256(body)
	if h.on("digest") && r.Header.Get("Content-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" ||
		h.on("digest") && len(r.Header["Content-Digest"]) > 1 {
		return "", nil, "digest"
	}
	if h.on("signature") && !ed25519.Verify(key, []byte(h.base(r, e)), e.signature) {
		return "", nil, "signature"
	}
	if h.on("replay") && !h.fresh(text("keyid")+" "+nonce) {
		return "", nil, "replay"
	}
	return nonce, body, ""
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

// form does the checks of the message's form; a nil entry with no refusal is a
// message that only a hub without those checks lets pass.
func (h *hub) form(r *http.Request, body []byte) (*signed, string) {
	switch {
	case h.on("size") && len(body) > 16<<10:
		return nil, "size"
	case h.on("path") && strings.Contains(strings.ToLower(r.URL.EscapedPath()), "%2f"):
		return nil, "path"
	case h.on("lines") && (len(r.Header["Signature"]) != 1 || len(r.Header["Signature-Input"]) != 1):
		return nil, "lines"
	case h.on("digest-lines") && len(r.Header["Content-Digest"]) != 1:
		return nil, "digest-lines"
	}
	entries, ok := dictionaries(r.Header.Get("Signature-Input"), r.Header.Get("Signature"))
	if !ok {
		if h.on("form") {
			return nil, "form"
		}
		return nil, ""
	}
	if h.on("one") && len(entries) != 1 {
		return nil, "one"
	}
	if h.on("label") && entries[0].label != "sig1" {
		return nil, "label"
	}
	return &entries[0], ""
}

// dictionaries reads both fields; their entries have to come in one order.
func dictionaries(input, signature string) ([]signed, bool) {
	var entries []signed
	for input != "" {
		label, rest, ok := strings.Cut(input, "=(")
		list, rest, ok2 := strings.Cut(rest, ")")
		if !ok || !ok2 {
			return nil, false
		}
		e := signed{label: label, components: strings.Split(list, " "), params: map[string]string{}}
		params, rest, _ := strings.Cut(rest, ", ")
		e.raw = "(" + list + ")" + params
		for _, p := range strings.Split(strings.TrimPrefix(params, ";"), ";") {
			name, value, _ := strings.Cut(p, "=")
			e.names = append(e.names, name)
			e.params[name] = value
		}
		one, after, _ := strings.Cut(signature, ", ")
		value, ok := strings.CutPrefix(one, label+"=:")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(value, ":"))
		if !ok || err != nil || !strings.HasSuffix(value, ":") {
			return nil, false
		}
		e.signature = raw
		entries = append(entries, e)
		input, signature = rest, after
	}
	return entries, len(entries) > 0
}

// base is section 2.5 once more, from the message as it came.
func (h *hub) base(r *http.Request, e *signed) string {
	var lines []string
	for _, c := range e.components {
		var value string
		switch strings.TrimSuffix(c, ";req") {
		case `"@method"`:
			value = r.Method
		case `"@authority"`:
			value = strings.ToLower(r.Host)
		case `"@path"`:
			value = r.URL.EscapedPath()
		case `"@query"`:
			value = "?" + r.URL.RawQuery
		case `"content-digest"`:
			value = strings.Join(r.Header["Content-Digest"], ", ")
		}
		lines = append(lines, c+": "+value)
	}
	return strings.Join(append(lines, `"@signature-params": `+e.raw), "\n")
}
