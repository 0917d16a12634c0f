package pos_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/transition/pos"
)

// swap replaces a covered component by another spelling with its own value.
func (m *message) swap(from, to, value string) {
	m.components[slices.Index(m.components, from)] = to
	m.values[to] = value
}

func (m *message) uncover(name string) {
	if i := slices.Index(m.components, name); i >= 0 {
		m.components = slices.Delete(m.components, i, i+1)
	}
}

// escape writes a character of the path as an escape; the signature is over what
// signed gives.
func (m *message) escape(char string, signed func(raw, decoded string) string) {
	at := strings.LastIndex(m.target, char)
	raw := m.target[:at] + fmt.Sprintf("%%%02X", char[0]) + m.target[at+1:]
	m.values[`"@path"`] = signed(raw, m.target)
	m.target = raw
}

func add(name, line string) func(http.Header) { return func(h http.Header) { h.Add(name, line) } }

// holes are what the library alone would let pass, or end the process over, and
// what any verifier must refuse: each spoils one thing of a sound request.
func holes(hubHost string, public ed25519.PublicKey) map[string]func(*message) {
	target := func(m *message) string { return "http://" + hubHost + m.target }
	sha512Digest := func(body []byte) string {
		sum := sha512.Sum512(body)
		return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	}
	h := map[string]func(*message){
		// The library's @target-uri leaves the path out.
		"target-uri in place of the path": func(m *message) { m.swap(`"@path"`, `"@target-uri"`, target(m)) },
		"target-uri for all of the target": func(m *message) {
			m.swap(`"@path"`, `"@target-uri"`, target(m))
			m.uncover(`"@query"`)
			m.uncover(`"@authority"`)
		},
		"target-uri as the library spells it": func(m *message) { m.swap(`"@path"`, `"@target-uri"`, "http://"+hubHost) },
		"target-uri beside the path": func(m *message) {
			m.components = append(m.components, `"@target-uri"`)
			m.values[`"@target-uri"`] = "http://" + hubHost
		},
		// The library panics on these before it has looked at the signature.
		"created as text":           func(m *message) { m.param("created", `created="abc"`) },
		"created as a token":        func(m *message) { m.param("created", `created=abc`) },
		"created as a fraction":     func(m *message) { m.param("created", `created=1.5`) },
		"keyid as a number":         func(m *message) { m.param("keyid", `keyid=5`) },
		"keyid as a token":          func(m *message) { m.param("keyid", `keyid=T1`) },
		"nonce as a token":          func(m *message) { m.param("nonce", `nonce=tok0123456789abcdef`) },
		"nonce as a number":         func(m *message) { m.param("nonce", `nonce=1234567890123456`) },
		"nonce as bytes":            func(m *message) { m.param("nonce", `nonce=:AAAAAAAAAAAAAAAAAAAAAA==:`) },
		"keyid without a value":     func(m *message) { m.param("keyid", `keyid`) },
		"components as numbers":     func(m *message) { m.components = []string{"5"} },
		"a token for the list":      func(m *message) { m.after = func(h http.Header) { h.Set("Signature-Input", "sig1=5") } },
		"parameters of a component": func(m *message) { m.swap(`"@query"`, `"@query-param";name=5`, "x") },
		// The algorithm is the record's.
		"alg, the right one":       func(m *message) { m.param("alg", `alg="ed25519"`) },
		"alg hmac":                 func(m *message) { m.param("alg", `alg="hmac-sha256"`) },
		"hmac with the public key": func(m *message) { m.sign = hmacDevice(public) },
		"hmac with the public key, said so": func(m *message) {
			m.sign = hmacDevice(public)
			m.param("alg", `alg="hmac-sha256"`)
		},
		"hmac with the public key, as long as Ed25519": func(m *message) {
			m.sign = func(base []byte) []byte { return append(hmacDevice(public)(base), make([]byte, 32)...) }
		},
		"hmac with nothing": func(m *message) { m.sign = hmacDevice(nil) },
		"tag":               func(m *message) { m.param("tag", `tag="x"`) },
		"expires":           func(m *message) { m.param("expires", fmt.Sprintf("expires=%d", time.Now().Add(time.Hour).Unix())) },
		// @path is decoded.
		"an escaped slash, signed raw":      func(m *message) { m.escape("/", func(raw, _ string) string { return raw }) },
		"an escaped slash, signed decoded":  func(m *message) { m.escape("/", func(_, decoded string) string { return decoded }) },
		"an escaped letter, signed raw":     func(m *message) { m.escape("a", func(raw, _ string) string { return raw }) },
		"an escaped letter, signed decoded": func(m *message) { m.escape("a", func(_, decoded string) string { return decoded }) },
		// Components with parameters are signed as if there were nothing.
		"req component, empty":      func(m *message) { m.swap(`"@path"`, `"@path";req`, "") },
		"req component, with value": func(m *message) { m.swap(`"@path"`, `"@path";req`, m.values[`"@path"`]) },
		"req digest, empty":         func(m *message) { m.swap(`"content-digest"`, `"content-digest";req`, "") },
		"sf digest":                 func(m *message) { m.swap(`"content-digest"`, `"content-digest";sf`, m.values[`"content-digest"`]) },
		"bs digest":                 func(m *message) { m.swap(`"content-digest"`, `"content-digest";bs`, m.values[`"content-digest"`]) },
		"a component twice":         func(m *message) { m.components = append(m.components, `"@path"`) },
		"another header covered": func(m *message) {
			m.components = append(m.components, `"accept"`)
			m.values[`"accept"`] = "*/*"
			m.header.Set("Accept", "*/*")
		},
		// Nonces have no bounds there.
		"nonce of 15":        func(m *message) { m.param("nonce", "nonce="+quoted(rand.Text()[:15])) },
		"nonce of 65":        func(m *message) { m.param("nonce", "nonce="+quoted(strings.Repeat("n", 65))) },
		"nonce of 10,000":    func(m *message) { m.param("nonce", "nonce="+quoted(strings.Repeat("n", 10000))) },
		"nonce with a colon": func(m *message) { m.param("nonce", "nonce="+quoted("n:{p01}:0123456789")) },
		"no nonce": func(m *message) {
			m.params = []string{m.params[0], m.params[2], m.params[1]}
			m.after = func(h http.Header) { h.Set("Signature-Input", strings.Split(h.Get("Signature-Input"), ";nonce=")[0]) }
		},
		// One signature, one spelling.
		"another label": func(m *message) { m.label = "sig2" },
		"two labels": func(m *message) {
			m.after = func(h http.Header) {
				for _, name := range []string{"Signature", "Signature-Input"} {
					h.Set(name, h.Get(name)+", "+strings.Replace(h.Get(name), "sig1", "sig2", 1))
				}
			}
		},
		"the label twice": func(m *message) {
			m.after = func(h http.Header) {
				for _, name := range []string{"Signature", "Signature-Input"} {
					h.Set(name, h.Get(name)+", "+h.Get(name))
				}
			}
		},
		"two labels of one signature": func(m *message) {
			m.after = func(h http.Header) {
				h.Set("Signature-Input", h.Get("Signature-Input")+", "+strings.Replace(h.Get("Signature-Input"), "sig1", "sig2", 1))
			}
		},
		"the label twice for one signature": func(m *message) {
			m.after = func(h http.Header) { h.Set("Signature-Input", h.Get("Signature-Input")+", "+h.Get("Signature-Input")) }
		},
		"two lines of Signature":       func(m *message) { m.after = func(h http.Header) { h.Add("Signature", h.Get("Signature")) } },
		"two lines of Signature-Input": func(m *message) { m.after = func(h http.Header) { h.Add("Signature-Input", h.Get("Signature-Input")) } },
		"two lines of Content-Digest":  func(m *message) { m.after = func(h http.Header) { h.Add("Content-Digest", h.Get("Content-Digest")) } },
		"no signature":                 func(m *message) { m.after = func(h http.Header) { h.Del("Signature") } },
		"no Signature-Input":           func(m *message) { m.after = func(h http.Header) { h.Del("Signature-Input") } },
		"a cut signature":              func(m *message) { sign := m.sign; m.sign = func(b []byte) []byte { return sign(b)[:31] } },
		"a signature that is no bytes": func(m *message) { m.after = func(h http.Header) { h.Set("Signature", `sig1="abc"`) } },
		"a list that never ends":       func(m *message) { m.after = func(h http.Header) { h.Set("Signature-Input", `sig1=("@method`) } },
		// One digest.
		"a second digest algorithm": func(m *message) {
			both := sha256Digest(m.body) + ", " + sha512Digest([]byte("another body"))
			m.header.Set("Content-Digest", both)
			m.values[`"content-digest"`] = both
		},
		"a second sha-256": func(m *message) {
			both := sha256Digest([]byte("another body")) + ", " + sha256Digest(m.body)
			m.header.Set("Content-Digest", both)
			m.values[`"content-digest"`] = both
		},
		"sha-512 alone": func(m *message) {
			m.header.Set("Content-Digest", sha512Digest(m.body))
			m.values[`"content-digest"`] = sha512Digest(m.body)
		},
		"no digest": func(m *message) {
			m.header.Del("Content-Digest")
			m.values[`"content-digest"`] = ""
		},
		"another body":          func(m *message) { m.body = append(bytes.Clone(m.body), ' ') },
		"another body's digest": func(m *message) { m.header.Set("Content-Digest", sha256Digest([]byte("another body"))) },
		"another body, its digest": func(m *message) {
			m.body = append(bytes.Clone(m.body), ' ')
			m.header.Set("Content-Digest", sha256Digest(m.body))
		},
		"another method":          func(m *message) { m.values[`"@method"`] = http.MethodPut },
		"another path":            func(m *message) { m.values[`"@path"`] = "/pos/v1/heartbeat" },
		"another query":           func(m *message) { m.values[`"@query"`] = "?a=b" },
		"a query that came after": func(m *message) { m.target += "?a=b" },
		"another authority":       func(m *message) { m.values[`"@authority"`] = "other.example" },
		"another host":            func(m *message) { m.host, m.values[`"@authority"`] = "other.example", "other.example" },
		"an unknown keyid":        func(m *message) { m.param("keyid", `keyid="T404"`) },
		"keyid hub":               func(m *message) { m.param("keyid", `keyid="hub"`) },
		"keyid with key syntax":   func(m *message) { m.param("keyid", `keyid="T1:{p01}"`) },
		"302 seconds old": func(m *message) {
			m.param("created", fmt.Sprintf("created=%d", time.Now().Add(-302*time.Second).Unix()))
		},
		"70 seconds in the future":  func(m *message) { m.param("created", fmt.Sprintf("created=%d", time.Now().Add(70*time.Second).Unix())) },
		"no created":                func(m *message) { m.param("created", "") },
		"no keyid":                  func(m *message) { m.param("keyid", "") },
		"created in year one":       func(m *message) { m.param("created", "created=-62135596800") },
		"created beyond all clocks": func(m *message) { m.param("created", "created=999999999999999") },
		"another's key": func(m *message) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				panic(err)
			}
			m.sign = ed25519Device(key)
		},
	}
	for _, name := range []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-digest"`} {
		h[name+" not covered"] = func(m *message) { m.uncover(name) }
	}
	return h
}

func TestSpoiltRequestsAreRefusedAndMoveNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d, private := c.registered("T2", pos.RolePOS)
	c.signIn(d)
	all := holes(strings.TrimPrefix(c.url, "http://"), private.Public().(ed25519.PublicKey))
	for name, spoil := range all {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			t.Run(method+" "+name, func(t *testing.T) {
				m := d.message(http.MethodGet, "/pos/v1/cards/7A1/pending", nil)
				if method == http.MethodPost {
					body, err := json.Marshal(reading())
					if err != nil {
						t.Fatal(err)
					}
					m = d.message(http.MethodPost, "/pos/v1/taps", body)
				}
				spoil(m)
				a := d.send(m)
				// An escaped slash meets no route.
				if a.status == http.StatusNotFound && strings.Contains(name, "escaped") {
					return
				}
				if !a.is(http.StatusUnauthorized, "signature") {
					t.Errorf("%s, want 401 signature", a)
				}
			})
		}
	}
	c.mustHold(5000, 0)
	if a := d.get("/cards/7A1/pending"); a.status != http.StatusOK {
		t.Errorf("the sound request: %s", a)
	}
	t.Logf("result: %d kinds of spoilt request, none moved a fen", len(all))
}

// TestAnEscapeInAParameterIsRefused has the escape where a route takes it: there
// nothing but the verifier stands between two spellings of one path.
func TestAnEscapeInAParameterIsRefused(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, decoded := range []bool{false, true} {
		for _, m := range []*message{
			c.t1.message(http.MethodGet, "/pos/v1/cards/7A1/pending", nil),
			c.t1.message(http.MethodPost, "/pos/v1/taps/TAP00000A1/abort", []byte(`{"card_uid":"04A1"}`)),
		} {
			m.escape("A", func(raw, plain string) string {
				if decoded {
					return plain
				}
				return raw
			})
			if a := c.t1.send(m); !a.is(http.StatusUnauthorized, "signature") {
				t.Errorf("%s, signed decoded %v: %s, want 401 signature", m.target, decoded, a)
			}
		}
	}
	c.mustHold(5000, 0)
}

func TestAPostsNumberIsSigned(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for name, spoil := range map[string]func(*message){
		"no number":          func(m *message) { m.header.Del("Terminal-Seq"); m.uncover(`"terminal-seq"`) },
		"number not covered": func(m *message) { m.uncover(`"terminal-seq"`) },
		"covered, not there": func(m *message) { m.header.Del("Terminal-Seq"); m.values[`"terminal-seq"`] = "" },
		"another number":     func(m *message) { m.header.Set("Terminal-Seq", "1.99") },
		"two numbers":        func(m *message) { m.after = add("Terminal-Seq", "1.99") },
		"the number, empty":  func(m *message) { m.swap(`"terminal-seq"`, `"terminal-seq";req`, "") },
	} {
		body, err := json.Marshal(reading())
		if err != nil {
			t.Fatal(err)
		}
		m := c.t1.message(http.MethodPost, "/pos/v1/taps", body)
		spoil(m)
		if a := c.t1.send(m); !a.is(http.StatusUnauthorized, "signature") {
			t.Errorf("%s: %s, want 401 signature", name, a)
		}
	}
	m := c.t1.message(http.MethodGet, "/pos/v1/cards/7A1/pending", nil)
	m.number("1.99")
	if a := c.t1.send(m); !a.is(http.StatusUnauthorized, "signature") {
		t.Errorf("a GET with a number: %s", a)
	}
	c.mustHold(5000, 0)
}

func TestNoAlgorithmPassesForAnother(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d, private := c.registered("T2", pos.RolePOS)
	c.signIn(d)
	small := c.small("S1")
	secret := c.secret("S1", 1)
	public := private.Public().(ed25519.PublicKey)
	for name, tc := range map[string]struct {
		from *device
		sign func([]byte) []byte
	}{
		"an HMAC made with an Ed25519 public key":                   {d, hmacDevice(public)},
		"an HMAC made with that key as text":                        {d, hmacDevice([]byte(base64.StdEncoding.EncodeToString(public)))},
		"an HMAC made with the secret that the terminal would have": {d, hmacDevice(c.secret("T2", 1))},
		"Ed25519 with a small terminal's secret as the seed":        {small, ed25519Device(ed25519.NewKeyFromSeed(secret))},
		"Ed25519 by another terminal":                               {small, ed25519Device(private)},
		"an HMAC with another terminal's secret":                    {small, hmacDevice(c.secret("S2", 1))},
		"an HMAC with the terminal's next secret":                   {small, hmacDevice(c.secret("S1", 2))},
		"an HMAC with no secret":                                    {small, hmacDevice(nil)},
		"an HMAC with the secret's number":                          {small, hmacDevice([]byte("1"))},
		"an HMAC with the hub's public key":                         {small, hmacDevice(c.hubKey.Public().(ed25519.PublicKey))},
		"an HMAC that is cut":                                       {small, func(b []byte) []byte { return hmacDevice(secret)(b)[:16] }},
	} {
		for _, alg := range []string{"", `alg="hmac-sha256"`, `alg="ed25519"`} {
			m := tc.from.message(http.MethodGet, "/pos/v1/cards/7A1/pending", nil)
			m.sign = tc.sign
			if alg != "" {
				m.param("alg", alg)
			}
			if a := tc.from.send(m); !a.is(http.StatusUnauthorized, "signature") {
				t.Errorf("%s %s: %s, want 401 signature", name, alg, a)
			}
		}
	}
	for _, d := range []*device{d, small} {
		if a := d.get("/cards/7A1/pending"); a.status != http.StatusOK || a.unproved != nil {
			t.Errorf("%s itself: %s, %v", d.id, a, a.unproved)
		}
	}
}

func TestARequestWorksOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	offer := c.offer(c.t1, rand.Text())
	requests := map[string]*message{}
	for name, r := range map[string]struct {
		method, target string
		body           any
	}{
		"tap":       {http.MethodPost, "/taps", reading(with("L", 4), with("B", 6200))},
		"result":    {http.MethodPost, "/loads/" + offer.Load + "/result", written(offer.Authorisation)},
		"sign-in":   {http.MethodPost, "/sign-in", c.signInBody()},
		"heartbeat": {http.MethodPost, "/heartbeat", map[string]any{"clock": c.now().UTC().Format(time.RFC3339)}},
		"journal":   {http.MethodPost, "/journal", map[string]any{"epoch": 1, "records": []any{record(1, "ACKED")}}},
		"pending":   {http.MethodGet, "/cards/7A1/pending", nil},
		"params":    {http.MethodGet, "/params", nil},
		"bound":     {http.MethodGet, "/payers/bound?channel=wechat&kind=openid&payer=o1", nil},
		"status":    {http.MethodGet, "/loads/" + offer.Load + "/status", nil},
	} {
		var body []byte
		if r.body != nil {
			var err error
			body, err = json.Marshal(r.body)
			if err != nil {
				t.Fatal(err)
			}
		}
		requests[name] = c.t1.message(r.method, "/pos/v1"+r.target, body)
	}
	for name, m := range requests {
		if a := c.t1.send(m); a.status != http.StatusOK {
			t.Fatalf("%s: %s", name, a)
		}
		// Byte for byte, and then signed anew with the nonce of before.
		for _, again := range []string{"the same bytes", "the same nonce"} {
			if again == "the same nonce" {
				m.param("created", fmt.Sprintf("created=%d", c.now().Add(-time.Second).Unix()))
				m.seal()
			}
			a, err := c.t1.transmit(m)
			if err != nil {
				t.Fatal(err)
			}
			if !a.is(http.StatusUnauthorized, "replay") || a.unproved != nil {
				t.Errorf("%s, %s: %s, want a signed 401 replay", name, again, a)
			}
		}
	}
}

func TestAnswersAreSignedOverTheirBodyAndTheRequestsNonce(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, d := range []*device{c.t1, c.small("S1")} {
		for _, target := range []string{"/cards/7A1/pending", "/cards/none/pending", "/cards/x:y/pending"} {
			a := d.get(target)
			if a.unproved != nil {
				t.Errorf("%s: %s: %v", target, a, a.unproved)
			}
			spoilt := a
			spoilt.body = append(bytes.Clone(a.body), ' ')
			if d.prove(spoilt, a.header.Get("Request-Nonce")) == nil {
				t.Errorf("%s: another body passes for it", target)
			}
			spoilt = a
			spoilt.status = http.StatusAccepted
			if d.prove(spoilt, a.header.Get("Request-Nonce")) == nil {
				t.Errorf("%s: another status passes for it", target)
			}
		}
	}
}

func TestBodiesEndSomewhere(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for path, size := range map[string]int{"/taps": 16 << 10, "/journal": 1 << 20} {
		a := c.t1.post(path, bytes.Repeat([]byte(" "), size+1))
		if !a.is(http.StatusRequestEntityTooLarge, "too-large") {
			t.Errorf("%s, %d bytes: %s, want 413", path, size+1, a)
		}
		if a := c.t1.post(path, bytes.Repeat([]byte(" "), size)); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("%s, %d bytes: %s, want 400", path, size, a)
		}
	}
}
