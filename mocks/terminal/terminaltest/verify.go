package terminaltest

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"guodu/mocks/terminal"
)

// asked is an authenticated request.
type asked struct {
	terminal string
	device   *Device
	secret   []byte // for the answer; nil is the hub's key
	nonce    string
	body     []byte
}

// signed is what one entry of Signature-Input and Signature says.
type signed struct {
	label      string
	raw        string // the inner list with its parameters
	components []string
	names      []string
	params     map[string]string // serialised
	signature  []byte
}

func (e *signed) text(name string) string { return strings.Trim(e.params[name], `"`) }

func (e *signed) quoted(name string) bool {
	v := e.params[name]
	return len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"'
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"

var seqForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})$`)

// authenticate is the hub's own reading of RFC 9421 and docs/pos-v1.md; the
// caller holds the lock.
func (h *Hub) authenticate(r *http.Request) (asked, string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 2<<20))
	if err != nil {
		return asked{}, "read"
	}
	e, refusedBy := h.form(r, body)
	if refusedBy != "" {
		return asked{}, refusedBy
	}
	if e == nil {
		return asked{terminal: "T1", device: h.Devices["T1"], nonce: "none", body: body}, ""
	}
	if refusedBy := h.claims(e); refusedBy != "" {
		return asked{}, refusedBy
	}
	a := asked{terminal: e.text("keyid"), nonce: e.text("nonce"), body: body}
	a.device = h.Devices[a.terminal]
	if a.device == nil {
		if h.on("keyid") {
			return asked{}, "keyid"
		}
		a.terminal, a.device = "T1", h.Devices["T1"]
	}
	a.secret = a.device.Secret
	if refusedBy := h.proof(r, e, a); refusedBy != "" {
		return asked{}, refusedBy
	}
	if h.on("replay") && !h.fresh(e.text("keyid")+" "+a.nonce) {
		return asked{}, "replay"
	}
	if r.Method == http.MethodPost {
		return a, h.number(r, a)
	}
	return a, ""
}

// claims checks the signature's parameters.
func (h *Hub) claims(e *signed) string {
	sort.Strings(e.names)
	if h.on("params") && (strings.Join(e.names, " ") != "created keyid nonce" || !e.quoted("nonce") || !e.quoted("keyid")) {
		return "params"
	}
	created, err := strconv.ParseInt(e.params["created"], 10, 64)
	age := h.Now().Unix() - created
	if h.on("created") && (err != nil || age > 300 || age < -60) {
		return "created"
	}
	nonce := e.text("nonce")
	if h.on("nonce") && (len(nonce) < 16 || len(nonce) > 64 || strings.Trim(nonce, alphabet) != "") {
		return "nonce"
	}
	return ""
}

// proof checks what is covered and the signature.
func (h *Hub) proof(r *http.Request, e *signed, a asked) string {
	want := `"@authority" "@method" "@path" "@query" "content-digest"`
	if r.Method == http.MethodPost {
		want += ` "terminal-seq"`
	}
	cover := append([]string(nil), e.components...)
	sort.Strings(cover)
	if h.on("cover") && strings.Join(cover, " ") != want {
		return "cover"
	}
	sum := sha256.Sum256(a.body)
	right := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	if h.on("digest") && (r.Header.Get("Content-Digest") != right || len(r.Header["Content-Digest"]) > 1) {
		return "digest"
	}
	if !h.on("signature") {
		return ""
	}
	base := h.base(r, e)
	if a.device.Secret != nil && hmac.Equal(mac(a.device.Secret, base), e.signature) ||
		a.device.Key != nil && ed25519.Verify(a.device.Key, []byte(base), e.signature) {
		return ""
	}
	return "signature"
}

// number checks Terminal-Seq.
func (h *Hub) number(r *http.Request, a asked) string {
	lines := r.Header["Terminal-Seq"]
	if h.on("seq-lines") && len(lines) != 1 {
		return "seq-lines"
	}
	text := r.Header.Get("Terminal-Seq")
	form := seqForm.FindStringSubmatch(text)
	if form == nil {
		if h.on("seq") {
			return "seq"
		}
		return ""
	}
	epoch, _ := strconv.ParseInt(form[1], 10, 64) // its form is checked
	seq, _ := strconv.ParseInt(form[2], 10, 64)
	use := r.URL.Path + " " + string(a.body)
	old, used := a.device.seen[text]
	if h.on("reuse") && used && old != use {
		return "reuse"
	}
	if a.device.seen == nil {
		a.device.seen = map[string]string{}
	}
	a.device.seen[text] = use
	n := terminal.Number{Epoch: epoch, Seq: seq}
	if n.Epoch > a.device.newest.Epoch || n.Epoch == a.device.newest.Epoch && n.Seq > a.device.newest.Seq {
		a.device.newest = n
	}
	h.Messages = append(h.Messages, Message{a.terminal, r.URL.Path, text, string(a.body)})
	return ""
}

// form does the checks of the message's form; a nil entry with no refusal is a
// message that only a hub without those checks lets pass.
func (h *Hub) form(r *http.Request, body []byte) (*signed, string) {
	limit := 16 << 10
	if r.URL.Path == "/pos/v1/journal" {
		limit = 1 << 20
	}
	switch {
	case h.on("size") && len(body) > limit:
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
		for p := range strings.SplitSeq(strings.TrimPrefix(params, ";"), ";") {
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
func (h *Hub) base(r *http.Request, e *signed) string {
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
		case `"terminal-seq"`:
			value = strings.Join(r.Header["Terminal-Seq"], ", ")
		}
		lines = append(lines, c+": "+value)
	}
	return strings.Join(append(lines, `"@signature-params": `+e.raw), "\n")
}
