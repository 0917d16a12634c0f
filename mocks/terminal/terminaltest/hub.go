package terminaltest

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"guodu/mocks/terminal"
)

// Clock is the time of hub and terminals, moved by hand.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock stands at t.
func NewClock(t time.Time) *Clock { return &Clock{t: t} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Add moves the time.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Account is what the hub knows of a card and its money.
type Account struct {
	UID, Version string
	Profile      terminal.Profile // empty is stamp
	Pending      int64            // fen
	Open         *Load
	L            *int64  // the ledger's counter; nil before the first tap
	Frozen       string  // the reason for no money
	Repair       *Repair // what people decided
	challenge    string
}

// Repair is what the card has to hold.
type Repair struct{ L, B int64 }

// Load is money bound to a card.
type Load struct {
	No             string
	Card           string // its number
	L0, B0, Amount int64
	P0             *int64
	State          string
	Attempts       []*Attempt
}

// Attempt is one authorisation.
type Attempt struct {
	TapID, Terminal, Authorisation string
	Dead                           bool
}

// Device is a terminal as the hub knows it.
type Device struct {
	Key    ed25519.PublicKey
	Secret []byte
	State  string // "running" if empty
	Role   string // "pos" if empty

	newest  terminal.Number
	seen    map[string]string // what each message number was used for
	journal map[int64]map[int64]string
	filed   map[int64]map[int64]bool // quarantined
}

// Seen is a tap that was answered.
type Seen struct {
	body   string
	answer map[string]any
}

// Message is one authenticated POST.
type Message struct{ Terminal, Path, Seq, Body string }

// Hub is a hub for tests: a few cards, some terminals, and rules just good
// enough that a load can be told done, not done and in doubt. Its fields may be
// changed within Set.
type Hub struct {
	Key     ed25519.PrivateKey
	Devices map[string]*Device
	Now     func() time.Time
	Server  *httptest.Server

	mu        sync.Mutex
	Off       map[string]bool // checks switched off
	RefusedBy string
	nonces    map[string]bool
	Cards     map[string]*Account
	Loads     map[string]*Load
	Taps      map[string]Seen
	dead      map[string]bool // taps that were aborted before they came
	TapIDs    []string        // of every authenticated tap
	Messages  []Message
	Results   []terminal.Result
	Confirmed int64 // fen

	// Params, Blocklist and Bound are what the calls of that name tell. Blocklist
	// holds all changes since the beginning, and Oldest how many are forgotten.
	Params    terminal.Parameters
	Blocklist []BlockChange
	Oldest    int
	Bound     map[string]bool // "channel kind payer"
	// Archived says how much of a journal is archived; nil is all that is accepted.
	Archived func(accepted int64) int64
	feed     feed
	// Streams gets a token whenever a feed is listened to.
	Streams chan struct{}

	// Fail answers instead of the hub; nil or false is none.
	Fail func(w http.ResponseWriter, r *http.Request) bool
	// Authorise spoils an authorisation's payload; Sealing is what seals it.
	Authorise func(a map[string]any)
	Sealing   func(payload string) string
	// Outer spoils a tap's answer around the authorisation.
	Outer func(map[string]any)
	// Rewrite changes any answer of status 200 before it is signed.
	Rewrite func(answer map[string]any)
	// Envelope spoils a finished answer.
	Envelope func(h http.Header, body *[]byte)
	// Cover and Claims replace the parts of the answer's signature if not empty.
	Cover, Claims string
	Status        int
	Nonce         string
}

// New is a hub by a clock; Start lets it listen.
func New(now func() time.Time) *Hub {
	seed := sha256.Sum256([]byte("the fake hub"))
	return &Hub{
		Key: ed25519.NewKeyFromSeed(seed[:]), Devices: map[string]*Device{}, Now: now, Off: map[string]bool{},
		nonces: map[string]bool{}, Cards: map[string]*Account{}, Loads: map[string]*Load{}, Taps: map[string]Seen{}, dead: map[string]bool{},
		Params: terminal.Parameters{Version: 1, Values: map[string]json.RawMessage{"load_timeout_ms": json.RawMessage("300")}},
		Bound:  map[string]bool{}, feed: feed{changed: make(chan struct{})}, Streams: make(chan struct{}, 64),
	}
}

// Start lets the hub listen until Close.
func (h *Hub) Start() { h.Server = httptest.NewServer(h) }

// Close ends the feeds and the server.
func (h *Hub) Close() {
	h.EndFeeds()
	h.Server.Close()
}

// PublicKey is what terminals verify with.
func (h *Hub) PublicKey() ed25519.PublicKey { return h.Key.Public().(ed25519.PublicKey) }

// Set changes the hub between requests.
func (h *Hub) Set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// on says whether a check is in force; the caller holds the lock.
func (h *Hub) on(check string) bool { return !h.Off[check] }

func (h *Hub) fresh(nonce string) bool {
	if h.nonces[nonce] {
		return false
	}
	h.nonces[nonce] = true
	return true
}

// ServeHTTP answers a terminal.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	fail := h.Fail
	h.mu.Unlock()
	if fail != nil && fail(w, r) {
		return
	}
	h.mu.Lock()
	asked, refusedBy := h.authenticate(r)
	h.RefusedBy = refusedBy
	if refusedBy != "" {
		h.mu.Unlock()
		refuse(w, refusedBy)
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == "/pos/v1/feed" {
		h.stream(w, r, asked) // which gives the lock back
		return
	}
	defer h.mu.Unlock()
	status, answer := h.route(r, asked)
	if h.Rewrite != nil && status == http.StatusOK {
		h.Rewrite(answer)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	h.answer(w, asked, status, text)
}

// refuse answers a request that could not be authenticated, unsigned.
func refuse(w http.ResponseWriter, by string) {
	status, kind := http.StatusUnauthorized, "signature"
	switch by {
	case "size":
		status, kind = http.StatusRequestEntityTooLarge, "too-large"
	case "replay":
		kind = "replay"
	case "reuse":
		status, kind = http.StatusConflict, "seq-conflict"
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"urn:guodu:%s","title":"refused","status":%d,"detail":"%s"}`, kind, status, by)
}

// answer signs and sends; the caller holds the lock.
func (h *Hub) answer(w http.ResponseWriter, to asked, status int, body []byte) {
	kind := "application/json"
	if status != http.StatusOK {
		kind = "application/problem+json"
	}
	h.sign(w.Header(), to, status, kind, &body)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (h *Hub) sign(out http.Header, to asked, status int, kind string, body *[]byte) {
	sum := sha256.Sum256(*body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	keyID := "hub"
	if to.secret != nil {
		keyID = to.terminal
	}
	nonce, cover, claims, signedStatus := to.nonce, `"@status" "content-digest" "request-nonce"`, fmt.Sprintf(`;created=%d;keyid="%s"`, h.Now().Unix(), keyID), status
	if h.Cover != "" {
		cover = h.Cover
	}
	if h.Claims != "" {
		claims = h.Claims
	}
	if h.Status != 0 {
		signedStatus = h.Status
	}
	if h.Nonce != "" {
		nonce = h.Nonce
	}
	values := map[string]string{`"@status"`: fmt.Sprint(signedStatus), `"content-digest"`: digest, `"request-nonce"`: nonce}
	var base strings.Builder
	for c := range strings.SplitSeq(cover, " ") {
		base.WriteString(c + ": " + values[c] + "\n")
	}
	base.WriteString(`"@signature-params": (` + cover + ")" + claims)
	signature := ed25519.Sign(h.Key, []byte(base.String()))
	if to.secret != nil {
		signature = mac(to.secret, base.String())
	}
	out.Set("Content-Type", kind)
	out.Set("Content-Digest", digest)
	out.Set("Request-Nonce", nonce)
	out.Set("Signature-Input", "sig1=("+cover+")"+claims)
	out.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")
	if h.Envelope != nil {
		h.Envelope(out, body)
	}
}

func mac(secret []byte, text string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(text)) // a hash never fails
	return m.Sum(nil)
}
