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
	"time"

	"github.com/labstack/echo/v4"

	"guodu/internal/fen"
	"guodu/transition"
)

// bodyMax bounds a request's body in bytes.
const bodyMax = 16 << 10

// ledger is what the edge needs of the transition balance.
type ledger interface {
	Tap(ctx context.Context, r transition.Reading, n transition.Nonce, t transition.TapTimes) (transition.TapResult, error)
	Result(ctx context.Context, w transition.WriteResult, n transition.Nonce) (transition.Receipt, error)
	CardOfNumber(ctx context.Context, cardNo string) (transition.CardUID, error)
	AccountOfCard(ctx context.Context, uid transition.CardUID) (transition.AccountNo, error)
	Account(ctx context.Context, no transition.AccountNo) (transition.Account, error)
}

// nonces remembers nonces of calls that move no money.
type nonces interface {
	Use(ctx context.Context, n transition.Nonce) error
}

// Config is what a Handler is made of; all fields but Clock, Hosts and Loaded are
// needed.
type Config struct {
	Ledger   ledger
	Registry *Registry
	Nonces   nonces
	Key      ed25519.PrivateKey // signs answers and authorisations
	Log      *slog.Logger
	Clock    func() time.Time // time.Now if nil
	Times    transition.TapTimes
	// Hosts are the hub's own names, host or host:port as terminals address it.
	// A signature for another hub is then refused; empty accepts any.
	Hosts []string
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
}

// NewHandler returns a Handler.
func NewHandler(c Config) *Handler {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Loaded == nil {
		c.Loaded = func(Loaded) {}
	}
	return &Handler{config: c, verifier: verifier{registry: c.Registry, clock: c.Clock, hosts: c.Hosts}}
}

// Mount adds the routes of /pos/v1 to a group that has this prefix.
func (h *Handler) Mount(g *echo.Group) {
	g.POST("/taps", h.signed(h.tap))
	g.POST("/loads/:load/result", h.signed(h.result))
	g.GET("/cards/:card/pending", h.signed(h.pending))
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

// signed authenticates the request, runs the endpoint and signs its answer.
func (h *Handler) signed(endpoint func(call) (any, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		log := h.config.Log.With("route", c.Path())
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, bodyMax))
		if err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return h.refuse(c, log, "", errTooLarge)
			}
			return h.refuse(c, log, "", fmt.Errorf("%w: %w", errMalformed, err))
		}
		signed, err := h.verifier.verify(c.Request(), body)
		if err != nil {
			return h.refuse(c, log, "", err)
		}
		log = log.With("terminal", signed.Terminal.ID)
		answer, err := endpoint(call{ctx: c.Request().Context(), echo: c, body: body, signed: signed})
		if err != nil {
			return h.refuse(c, log, signed.Nonce, err)
		}
		out, err := json.Marshal(answer)
		if err != nil {
			return h.refuse(c, log, signed.Nonce, err)
		}
		return h.write(c, http.StatusOK, "application/json", out, signed.Nonce)
	}
}

func (h *Handler) refuse(c echo.Context, log *slog.Logger, nonce string, err error) error {
	p := toProblem(log, err)
	if p.Status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "1")
	}
	return h.write(c, p.Status, "application/problem+json", p.body(), nonce)
}

// write sends an answer; it is signed if the request's nonce is known, since
// only then does the signature bind it to the request.
func (h *Handler) write(c echo.Context, status int, kind string, body []byte, nonce string) error {
	header := c.Response().Header()
	header.Set("Cache-Control", "no-store")
	if nonce != "" {
		err := signAnswer(h.config.Key, header, status, body, nonce)
		if err != nil {
			return err
		}
	}
	return c.Blob(status, kind, body)
}
