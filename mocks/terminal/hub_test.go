package terminal_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"guodu/mocks/terminal"
)

// clock is the time of hub and terminal.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// account is what the fake hub knows of a card.
type account struct {
	uid, version string
	pending      int64
	open         *load
}

type load struct {
	no             string
	l0, b0, amount int64
	attempt        int64
	state          string
}

// seen is a tap that was answered.
type seen struct {
	body   string
	answer map[string]any
}

// hub is a fake hub: one terminal population, a few cards, rules just good
// enough that a load can be told done, not done and in doubt.
type hub struct {
	key       ed25519.PrivateKey
	terminals map[string]ed25519.PublicKey
	clock     *clock
	server    *httptest.Server

	mu        sync.Mutex
	off       map[string]bool // checks switched off
	refusedBy string
	nonces    map[string]bool
	cards     map[string]*account
	loads     map[string]*load
	taps      map[string]seen
	tapIDs    []string // of every authenticated tap
	results   []terminal.Result
	confirmed int64 // fen
	// fail answers instead of the hub; nil or false is none.
	fail func(w http.ResponseWriter, r *http.Request) bool
	// authorise spoils an authorisation's payload; sealing is what seals it.
	authorise func(a map[string]any)
	sealing   func(payload string) string
	// outer spoils a tap's answer around the authorisation.
	outer func(map[string]any)
	// envelope spoils a finished answer.
	envelope func(h http.Header, body *[]byte)
	// cover and claims replace the parts of the answer's signature if not empty.
	cover, claims string
	status        int
	nonce         string
}

func newHub(t *testing.T, c *clock) *hub {
	t.Helper()
	seed := sha256.Sum256([]byte("the fake hub"))
	h := &hub{
		key: ed25519.NewKeyFromSeed(seed[:]), terminals: map[string]ed25519.PublicKey{}, clock: c,
		off: map[string]bool{}, nonces: map[string]bool{}, cards: map[string]*account{}, loads: map[string]*load{}, taps: map[string]seen{},
	}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

// on says whether a check is in force; the caller holds the lock.
func (h *hub) on(check string) bool { return !h.off[check] }

func (h *hub) fresh(nonce string) bool {
	if h.nonces[nonce] {
		return false
	}
	h.nonces[nonce] = true
	return true
}

// set changes the hub between requests.
func (h *hub) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	fail := h.fail
	h.mu.Unlock()
	if fail != nil && fail(w, r) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	nonce, body, refusedBy := h.authenticate(r)
	h.refusedBy = refusedBy
	if refusedBy != "" {
		status, kind := 401, "signature"
		switch refusedBy {
		case "size":
			status, kind = 413, "too-large"
		case "replay":
			kind = "replay"
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type":"urn:guodu:%s","title":"refused","status":%d,"detail":"%s"}`, kind, status, refusedBy)
		return
	}
	status, answer := h.route(r.URL.Path, body)
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	h.answer(w, nonce, status, text)
}

// answer signs and sends.
func (h *hub) answer(w http.ResponseWriter, nonce string, status int, body []byte) {
	sum := sha256.Sum256(body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	cover, claims, signedStatus := `"@status" "content-digest" "request-nonce"`, fmt.Sprintf(`;created=%d;keyid="hub"`, h.clock.now().Unix()), status
	if h.cover != "" {
		cover = h.cover
	}
	if h.claims != "" {
		claims = h.claims
	}
	if h.status != 0 {
		signedStatus = h.status
	}
	if h.nonce != "" {
		nonce = h.nonce
	}
	values := map[string]string{`"@status"`: fmt.Sprint(signedStatus), `"content-digest"`: digest, `"request-nonce"`: nonce}
	var base string
	for _, c := range strings.Split(cover, " ") {
		base += c + ": " + values[c] + "\n"
	}
	base += `"@signature-params": (` + cover + ")" + claims
	out := w.Header()
	out.Set("Content-Type", "application/json")
	if status != 200 {
		out.Set("Content-Type", "application/problem+json")
	}
	out.Set("Content-Digest", digest)
	out.Set("Request-Nonce", nonce)
	out.Set("Signature-Input", "sig1=("+cover+")"+claims)
	out.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(h.key, []byte(base)))+":")
	if h.envelope != nil {
		h.envelope(out, &body)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
