package pos_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// device signs as a terminal does, with nothing of the product's code: RFC 9421
// by hand, so that a hole of the hub's library is not on both sides.
type device struct {
	t      testing.TB
	id     string
	url    string // scheme and host
	sign   func(base []byte) []byte
	proves func(keyID string, base, signature []byte) bool // of answers
	clock  func() time.Time
	epoch  int64
	seq    int64
}

func ed25519Device(key ed25519.PrivateKey) func([]byte) []byte {
	return func(base []byte) []byte { return ed25519.Sign(key, base) }
}

func hmacDevice(secret []byte) func([]byte) []byte {
	return func(base []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(base)
		return mac.Sum(nil)
	}
}

// message is a request before it is signed; a test spoils it.
type message struct {
	method, target, host string // target is path and query as they go over the wire
	body                 []byte
	header               http.Header
	components           []string          // covered, as they are spelled
	values               map[string]string // of the components, by their spelling
	params               []string          // spelled, in order
	label                string
	sign                 func(base []byte) []byte
	after                func(http.Header) // changes headers when all is signed
}

func quoted(s string) string { return `"` + s + `"` }

func sha256Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// message makes a sound one, with the next number if it is a POST.
func (d *device) message(method, target string, body []byte) *message {
	path, query, _ := strings.Cut(target, "?")
	host := strings.TrimPrefix(d.url, "http://")
	m := &message{
		method: method, target: target, host: host, body: body, header: http.Header{}, label: "sig1", sign: d.sign,
		components: []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-digest"`},
		params: []string{
			fmt.Sprintf("created=%d", d.clock().Unix()), "nonce=" + quoted(rand.Text()), "keyid=" + quoted(d.id),
		},
	}
	m.header.Set("Content-Digest", sha256Digest(body))
	m.values = map[string]string{
		`"@method"`: method, `"@authority"`: host, `"@path"`: path, `"@query"`: "?" + query, `"content-digest"`: sha256Digest(body),
	}
	if method == http.MethodPost {
		d.seq++
		m.number(fmt.Sprintf("%d.%d", d.epoch, d.seq))
	}
	return m
}

// number gives the message a number of its own.
func (m *message) number(n string) {
	if !slices.Contains(m.components, `"terminal-seq"`) {
		m.components = append(m.components, `"terminal-seq"`)
	}
	m.values[`"terminal-seq"`] = n
	m.header.Set("Terminal-Seq", n)
}

// param replaces a signature parameter; an empty spelling takes it out.
func (m *message) param(name, spelling string) {
	i := slices.IndexFunc(m.params, func(p string) bool { return strings.HasPrefix(p, name+"=") })
	switch {
	case spelling == "":
		m.params = slices.Delete(m.params, i, i+1)
	case i < 0:
		m.params = append(m.params, spelling)
	default:
		m.params[i] = spelling
	}
}

// nonce is the message's, without quotation marks.
func (m *message) nonce() string {
	i := slices.IndexFunc(m.params, func(p string) bool { return strings.HasPrefix(p, "nonce=") })
	return strings.Trim(strings.TrimPrefix(m.params[i], "nonce="), `"`)
}

// seal signs the message as it stands.
func (m *message) seal() {
	input := "(" + strings.Join(m.components, " ") + ")"
	for _, p := range m.params {
		input += ";" + p
	}
	m.header.Set("Signature-Input", m.label+"="+input)
	m.header.Set("Signature", m.label+"=:"+base64.StdEncoding.EncodeToString(m.sign(signatureBase(m.components, m.values, input)))+":")
	if m.after != nil {
		m.after(m.header)
	}
}

func signatureBase(components []string, values map[string]string, input string) []byte {
	var base strings.Builder
	for _, c := range components {
		base.WriteString(c + ": " + values[c] + "\n")
	}
	base.WriteString(`"@signature-params": ` + input)
	return []byte(base.String())
}

// answer is what came back.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	unproved error // why it is not provably the hub's answer to this request
}

// urn is a problem's type, without its prefix.
func (a answer) urn() string {
	var p struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(a.body, &p) != nil {
		return ""
	}
	return strings.TrimPrefix(p.Type, "urn:guodu:")
}

// is says whether the answer is this refusal.
func (a answer) is(status int, urn string) bool { return a.status == status && a.urn() == urn }

func (a answer) String() string {
	return fmt.Sprintf("%d %s (signed: %v)", a.status, bytes.TrimSpace(a.body), a.unproved == nil)
}

// into decodes a proven 200.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if a.status != http.StatusOK || a.unproved != nil {
		t.Fatalf("answer %s, %v, want a signed 200", a, a.unproved)
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("answer %s: %v", a.body, err)
	}
}

// send signs and sends.
func (d *device) send(m *message) answer {
	d.t.Helper()
	m.seal()
	a, err := d.transmit(m)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

func (d *device) transmit(m *message) (answer, error) {
	r, err := http.NewRequestWithContext(context.Background(), m.method, d.url+m.target, bytes.NewReader(m.body))
	if err != nil {
		return answer{}, err
	}
	r.Host = m.host
	r.Header = m.header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	a.unproved = d.prove(a, m.nonce())
	return a, nil
}

// prove checks that an answer is the hub's answer to the request with the nonce.
func (d *device) prove(a answer, nonce string) error {
	get := func(name string) string {
		if len(a.header.Values(name)) != 1 {
			return ""
		}
		return a.header.Get(name)
	}
	input, ok := strings.CutPrefix(get("Signature-Input"), "sig1=")
	if !ok {
		return errors.New("no signature")
	}
	if get("Content-Digest") != sha256Digest(a.body) {
		return errors.New("the digest is not the body's")
	}
	if get("Request-Nonce") != nonce {
		return errors.New("it answers another request")
	}
	list, params, _ := strings.Cut(input, ";")
	components := strings.Split(strings.Trim(list, "()"), " ")
	if want := []string{`"@status"`, `"content-digest"`, `"request-nonce"`}; !slices.Equal(slices.Sorted(slices.Values(components)), want) {
		return fmt.Errorf("it covers %s", list)
	}
	var created int64
	var keyID string
	if _, err := fmt.Sscanf(strings.Replace(params, ";", " ", 1), "created=%d keyid=%q", &created, &keyID); err != nil {
		return fmt.Errorf("parameters %s: %w", params, err)
	}
	if age := time.Since(time.Unix(created, 0)); age > time.Minute || age < -time.Minute {
		return fmt.Errorf("made %s ago", age)
	}
	text, _ := strings.CutPrefix(get("Signature"), "sig1=:")
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":"))
	if err != nil {
		return err
	}
	base := signatureBase(components, map[string]string{
		`"@status"`: fmt.Sprint(a.status), `"content-digest"`: get("Content-Digest"), `"request-nonce"`: get("Request-Nonce"),
	}, input)
	if !d.proves(keyID, base, signature) {
		return errors.New("the signature does not hold")
	}
	return nil
}

// post sends a value as JSON.
func (d *device) post(path string, body any) answer {
	d.t.Helper()
	text, ok := body.([]byte)
	if !ok {
		var err error
		text, err = json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return d.send(d.message(http.MethodPost, "/pos/v1"+path, text))
}

func (d *device) get(target string) answer {
	d.t.Helper()
	return d.send(d.message(http.MethodGet, "/pos/v1"+target, nil))
}
