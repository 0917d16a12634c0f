package pos

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"guodu/internal/fen"
	"guodu/internal/refusal"
	"guodu/transition"
)

// bodyMax bounds a request's body in bytes.
const bodyMax = 16 << 10

// ledger is what the edge needs of the transition balance.
type ledger interface {
	Tap(ctx context.Context, r transition.Reading, n transition.Nonce, t transition.TapTimes) (transition.TapResult, error)
	Result(ctx context.Context, w transition.WriteResult, n transition.Nonce) (transition.Receipt, error)
	Abort(ctx context.Context, a transition.Abort, n transition.Nonce) (transition.LoadState, error)
	Reread(ctx context.Context, r transition.Rereading, n transition.Nonce) (transition.LoadState, error)
	Recheck(ctx context.Context, c transition.Recheck, n transition.Nonce) (transition.Rechecked, error)
	LoadRecord(ctx context.Context, no transition.LoadNo) (transition.LoadRecord, error)
	CardOfNumber(ctx context.Context, cardNo string) (transition.CardUID, error)
	AccountOfCard(ctx context.Context, uid transition.CardUID) (transition.AccountNo, error)
	Account(ctx context.Context, no transition.AccountNo) (transition.Account, error)
	BlockCursor(ctx context.Context) (transition.Cursor, error)
	Blocklist(ctx context.Context, since transition.Cursor) (transition.Blocklist, error)
	FeedSince(ctx context.Context, since transition.Cursor) ([]transition.FeedEvent, error)
}

// nonces remembers nonces of calls that move no money.
type nonces interface {
	Use(ctx context.Context, n transition.Nonce) error
}

// payers knows who has bound an account.
type payers interface {
	Bound(ctx context.Context, channel, kind, payer string) (bool, error)
}

// Config is what a Handler is made of; all fields but Clock, Hosts, Archive,
// Comment and Loaded are needed.
type Config struct {
	Ledger   ledger
	Registry *Registry
	Nonces   nonces
	Payers   payers
	Feed     *Feed              // the caller runs it
	Key      ed25519.PrivateKey // signs answers and authorisations, and secrets come from it
	Log      *slog.Logger
	Clock    func() time.Time // time.Now if nil
	Times    transition.TapTimes
	// Hosts are the hub's own names, host or host:port as terminals address it.
	// A signature for another hub is then refused; empty accepts any.
	Hosts []string
	// Archive keeps journals on another disk; nil if there is none.
	Archive *Archive
	// Comment is how often the feed says that it is still there; 15 s if zero.
	Comment time.Duration
	// Refusals takes note of requests that were refused; nil logs them only.
	Refusals *refusal.Log
	// Loaded hears of each load that is confirmed, perhaps more than once. It must
	// not wait; nil if nobody wants to know.
	Loaded func(Loaded)
}

// Loaded is a load that is on its card.
type Loaded struct {
	No      transition.LoadNo
	Account transition.AccountNo
	Amount  fen.Fen
	At      time.Time // when that was known
	Place   string    // where the terminal stands that proved it
}

// Handler serves /pos/v1. It is safe for concurrent use.
type Handler struct {
	config   Config
	verifier verifier
	intake   *intake
}

// NewHandler returns a Handler.
func NewHandler(c Config) *Handler {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Refusals == nil {
		c.Refusals = refusal.New(refusal.Config{Log: c.Log})
	}
	if c.Comment == 0 {
		c.Comment = commentEvery
	}
	if c.Loaded == nil {
		c.Loaded = func(Loaded) {}
	}
	return &Handler{config: c, verifier: verifier{registry: c.Registry, hub: c.Key, clock: c.Clock, hosts: c.Hosts}, intake: &intake{}}
}

// endpoint is one call of /pos/v1.
type endpoint struct {
	method, path string
	answer       func(call) (any, error)
	open         access
	bodyMax      int64 // bytes; bodyMax if 0
}

// access says whose call an endpoint is, beside running terminals'.
type access int

const (
	forRunning access = iota
	forSignIn         // registered ones as well
	forRevoked        // lost and retired ones as well
)

func (h *Handler) endpoints() []endpoint {
	return []endpoint{
		{method: http.MethodPost, path: "/sign-in", answer: h.signIn, open: forSignIn},
		{method: http.MethodPost, path: "/taps", answer: h.tap},
		{method: http.MethodPost, path: "/taps/:tap/abort", answer: h.abortTap},
		{method: http.MethodPost, path: "/loads/:load/result", answer: h.result},
		{method: http.MethodPost, path: "/loads/:load/abort", answer: h.abortLoad},
		{method: http.MethodPost, path: "/loads/:load/reread", answer: h.reread},
		{method: http.MethodGet, path: "/loads/:load/status", answer: h.status},
		{method: http.MethodPost, path: "/cards/:card/reread", answer: h.recheck},
		{method: http.MethodGet, path: "/cards/:card/pending", answer: h.pending},
		{method: http.MethodPost, path: "/journal", answer: h.journal, open: forRevoked, bodyMax: journalBodyMax},
		{method: http.MethodPost, path: "/heartbeat", answer: h.heartbeat},
		{method: http.MethodGet, path: "/params", answer: h.params},
		{method: http.MethodGet, path: "/blocklist", answer: h.blocklist},
		{method: http.MethodGet, path: "/feed", answer: h.feed},
		{method: http.MethodGet, path: "/payers/bound", answer: h.bound},
	}
}

// Mount adds the routes of /pos/v1 to a group that has this prefix.
func (h *Handler) Mount(g *echo.Group) {
	for _, e := range h.endpoints() {
		if e.bodyMax == 0 {
			e.bodyMax = bodyMax
		}
		g.Add(e.method, e.path, h.signed(e))
	}
}

// call is a request whose sender is proven.
type call struct {
	ctx    context.Context
	echo   echo.Context
	body   []byte
	signed Signed
}

func (c call) nonce() transition.Nonce {
	return transition.Nonce{KeyID: c.signed.Terminal.ID, Value: c.signed.Nonce}
}

// read decodes the body into v: one JSON value, no unknown fields.
func (c call) read(v any) error {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one JSON value", errMalformed)
	}
	return nil
}

// query is the request's query, each of the names at most once and no other.
func (c call) query(names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(c.echo.Request().URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: query", errMalformed)
	}
	found := map[string]string{}
	for name, all := range values {
		if !slices.Contains(names, name) || len(all) != 1 {
			return nil, fmt.Errorf("%w: query %.40q", errMalformed, name)
		}
		found[name] = all[0]
	}
	return found, nil
}

// signed authenticates the request, takes its number, runs the endpoint and
// signs its answer.
func (h *Handler) signed(e endpoint) echo.HandlerFunc {
	return func(c echo.Context) error {
		log := h.config.Log.With("route", c.Path())
		signed, err := h.proven(c.Request(), e)
		if err != nil {
			c.Response().Header().Set("Connection", "close") // the body is not worth reading
			return h.refuse(c, log, Signed{}, err)
		}
		log = log.With("terminal", signed.Terminal.ID)
		body, err := h.intake.body(c.Request(), signed, e.bodyMax)
		if errors.Is(err, ErrSignature) {
			return h.refuse(c, log, Signed{}, err)
		}
		if err != nil {
			c.Response().Header().Set("Connection", "close")
			return h.refuse(c, log, signed, err)
		}
		answer, err := h.answer(e, call{ctx: c.Request().Context(), echo: c, body: body, signed: signed})
		if err != nil {
			return h.refuse(c, log, signed, err)
		}
		if run, ok := answer.(stream); ok {
			return h.stream(c, signed, run)
		}
		out, err := json.Marshal(answer)
		if err != nil {
			return h.refuse(c, log, signed, err)
		}
		return h.write(c, http.StatusOK, "application/json", out, signed)
	}
}

// proven says whose request it is, by its headers alone.
func (h *Handler) proven(r *http.Request, e endpoint) (Signed, error) {
	if r.ContentLength > e.bodyMax {
		return Signed{}, errTooLarge
	}
	signed, err := h.verifier.verify(r)
	if err == nil && signed.Terminal.State.revoked() && e.open != forRevoked {
		err = fmt.Errorf("%w: terminal %s is %s", ErrSignature, signed.Terminal.ID, signed.Terminal.State)
	}
	return signed, err
}

// answer runs the endpoint for a sender that is proven and may ask.
func (h *Handler) answer(e endpoint, c call) (any, error) {
	t := c.signed.Terminal
	// The numbers of a lost terminal prove nothing any more, and whoever has it
	// could use up those that its journal needs.
	if e.method == http.MethodPost && !t.State.revoked() {
		if err := h.take(c); err != nil {
			return nil, err
		}
	}
	may := t.State == Running || t.State.revoked() || t.State == Registered && e.open == forSignIn
	if !may {
		return nil, fmt.Errorf("%w: %s", errNotRunning, t.State)
	}
	return e.answer(c)
}

// take notes the number of a POST.
func (h *Handler) take(c call) error {
	seq, err := parseSeq(c.signed.Seq)
	if err != nil {
		return err
	}
	r := c.echo.Request()
	return h.config.Registry.Take(c.ctx, c.signed.Terminal.ID, seq,
		digest(r.Method, r.URL.Path, r.URL.RawQuery, string(c.body)), h.config.Clock())
}

func (h *Handler) refuse(c echo.Context, log *slog.Logger, to Signed, err error) error {
	p := h.problem(c, log, to, err)
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", "1")
	}
	return h.write(c, p.Status, "application/problem+json", p.body(), to)
}

// write sends an answer; it is signed if the request was authenticated, since
// only then does the signature bind it to the request.
func (h *Handler) write(c echo.Context, status int, kind string, body []byte, to Signed) error {
	header := c.Response().Header()
	header.Set("Cache-Control", "no-store")
	if to.Nonce != "" {
		err := signAnswer(h.config.Key, to, header, status, body)
		if err != nil {
			return err
		}
	}
	return c.Blob(status, kind, body)
}
