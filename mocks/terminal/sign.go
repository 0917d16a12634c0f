package terminal

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The components of a request's signature (RFC 9421 section 2.2), serialised.
const (
	onMethod    = `"@method"`
	onAuthority = `"@authority"`
	onPath      = `"@path"`
	onQuery     = `"@query"`
	onDigest    = `"content-digest"`
	onSeq       = `"terminal-seq"` // POST only
)

// identity is who signs: with Ed25519, or with a secret that the hub has too.
type identity struct {
	id     string
	key    ed25519.PrivateKey // nil for hmac-sha256
	secret []byte
}

func (i identity) sign(base string) []byte {
	if i.key != nil {
		return ed25519.Sign(i.key, []byte(base))
	}
	return seal256(i.secret, base)
}

// seal256 is HMAC-SHA256.
func seal256(secret []byte, base string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(base)) // a hash never fails
	return mac.Sum(nil)
}

// param is a signature parameter; value is its serialised form (RFC 8941).
type param struct{ name, value string }

// message is a request about to be signed: what goes over the wire and, beside
// it, what the signature is made over. Only a spoiler parts the two.
type message struct {
	method, host, path, query string // query with its ? or empty
	body                      []byte
	chunked                   bool
	digests                   []string // lines of Content-Digest
	seqs                      []string // lines of Terminal-Seq

	label   string
	covered []string          // component identifiers
	values  map[string]string // by component identifier
	params  []param
	who     identity
	foreign string // Host in place of the hub's; "" is the hub's
	sign    func(base string) []byte
	finish  func(http.Header) // after all else; nil is nothing
}

// newMessage is a sound message; created is Unix seconds.
func newMessage(who identity, to *url.URL, r Request, created int64) *message {
	m := &message{
		method: r.Method, host: to.Host, path: r.Path, query: r.Query,
		label:   "sig1",
		covered: []string{onMethod, onAuthority, onPath, onQuery, onDigest},
		params: []param{
			{"created", strconv.FormatInt(created, 10)}, {"nonce", strconv.Quote(r.Nonce)}, {"keyid", strconv.Quote(who.id)},
		},
		who:  who,
		sign: who.sign,
	}
	if m.query != "" {
		m.query = "?" + m.query
	}
	// A request without a query has the component "?" (RFC 9421 section 2.2.7).
	query := "?" + r.Query
	m.values = map[string]string{onMethod: m.method, onAuthority: authority(to), onPath: m.path, onQuery: query}
	if r.Seq != "" {
		m.covered = append(m.covered, onSeq)
		m.seqs = []string{r.Seq}
		m.values[onSeq] = r.Seq
	}
	m.setBody(r.Body)
	return m
}

func (m *message) setBody(body []byte) {
	m.body = body
	m.digests = []string{contentDigest(body)}
	m.values[onDigest] = contentDigest(body)
}

// seal signs the message and puts digest and signature into h.
func (m *message) seal(h http.Header) {
	if len(m.digests) > 0 {
		h["Content-Digest"] = m.digests
	}
	if len(m.seqs) > 0 {
		h["Terminal-Seq"] = m.seqs
	}
	params := signatureParams(m.covered, m.params)
	signature := m.sign(signatureBase(m.covered, m.values, params))
	h.Set("Signature-Input", m.label+"="+params)
	h.Set("Signature", m.label+"="+byteSequence(signature))
	if m.finish != nil {
		m.finish(h)
	}
}

// signatureParams serialises covered components and parameters (RFC 9421
// section 2.3).
func signatureParams(covered []string, params []param) string {
	var b strings.Builder
	b.WriteString("(" + strings.Join(covered, " ") + ")")
	for _, p := range params {
		b.WriteString(";" + p.name + "=" + p.value)
	}
	return b.String()
}

// signatureBase is the text that is signed (RFC 9421 section 2.5); the last
// line has no line feed.
func signatureBase(covered []string, values map[string]string, params string) string {
	var b strings.Builder
	for _, c := range covered {
		b.WriteString(c + ": " + values[c] + "\n")
	}
	b.WriteString(`"@signature-params": ` + params)
	return b.String()
}

// contentDigest is the value of Content-Digest (RFC 9530 section 2).
func contentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=" + byteSequence(sum[:])
}

// byteSequence serialises bytes for a structured field (RFC 8941 section 4.1.8).
func byteSequence(b []byte) string { return ":" + base64.StdEncoding.EncodeToString(b) + ":" }

// authority is the normal form of a host (RFC 9421 section 2.2.3): lower case,
// without the port that the scheme implies.
func authority(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "http" {
		return strings.TrimSuffix(host, ":80")
	}
	return strings.TrimSuffix(host, ":443")
}
