package pos

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/oklog/ulid/v2"

	"guodu/transition"
)

// problem is an error on the wire (RFC 9457).
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"` // with 500 and 503: the line in the hub's log
}

var (
	errMalformed  = errors.New("request cannot be read")
	errTooLarge   = errors.New("body is too large")
	errNotRunning = errors.New("terminal does not run")
	errRole       = errors.New("terminal is not a desk")
	errFull       = errors.New("quarantine of a revoked terminal is full")
)

// passing are errors after which the same again may go well.
func passing() []error {
	return []error{transition.ErrUnavailable, transition.ErrUnknownOutcome, transition.ErrMoved}
}

// problem is the one place where errors become answers. What it does not
// know is internal: the text stays in the log.
func (h *Handler) problem(c echo.Context, log *slog.Logger, to Signed, err error) problem {
	known := []struct {
		err    error
		status int
		urn    string
		title  string
	}{
		{errTooLarge, http.StatusRequestEntityTooLarge, "too-large", "Body is too large"},
		{errBusy, http.StatusTooManyRequests, "busy", "Too many bodies are being read"},
		{ErrSignature, http.StatusUnauthorized, "signature", "Signature is not accepted"},
		{transition.ErrReplay, http.StatusUnauthorized, "replay", "Nonce was used before"},
		{ErrTerminalState, http.StatusForbidden, "not-running", "Terminal does not run"},
		{errNotRunning, http.StatusForbidden, "not-running", "Terminal does not run"},
		{errRole, http.StatusForbidden, "role", "Only a desk may do this"},
		{transition.ErrChallenge, http.StatusConflict, "challenge", "Not the challenge that waits"},
		{ErrSeq, http.StatusConflict, "seq-conflict", "Message number is not this message's"},
		{errMalformed, http.StatusBadRequest, "malformed", "Request cannot be read"},
		{transition.ErrNumber, http.StatusBadRequest, "malformed", "Request cannot be read"},
		{transition.ErrNoCard, http.StatusNotFound, "unknown-card", "Card is not known"},
		{transition.ErrNoLoad, http.StatusNotFound, "unknown-load", "Load is not known"},
		{transition.ErrTapConflict, http.StatusConflict, "tap-conflict", "Tap id was used for another reading"},
		{transition.ErrOtherCard, http.StatusConflict, "card-mismatch", "Card is not as the hub knows it"},
		{ErrAuthorisation, http.StatusConflict, "load-mismatch", "Authorisation is not this hub's"},
		{transition.ErrFeedGone, http.StatusGone, "gone", "Cursor is too old"},
		{transition.ErrOtherLoad, http.StatusConflict, "load-mismatch", "Authorisation does not match the load"},
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			if errors.Is(err, ErrAlarm) {
				log.Error("request refused", "alarm", k.urn, "type", k.urn, "error", err)
			} else {
				h.config.Refusals.Note(c.Request().Context(), "terminal", refusedFor(k.urn, err), "route", c.Path(), "terminal", to.Terminal.ID,
					"address", c.RealIP(), "error", err)
			}
			return problem{Type: "urn:guodu:" + k.urn, Title: k.title, Status: k.status, Detail: err.Error()}
		}
	}
	id := ulid.Make().String()
	for _, down := range append(passing(), errArchive, errFull, errListeners) {
		if errors.Is(err, down) {
			log.Error("request not carried out", "instance", id, "error", err)
			return problem{Type: "urn:guodu:unavailable", Title: "Try again", Status: http.StatusServiceUnavailable, Instance: id}
		}
	}
	log.Error("request failed", "instance", id, "error", err)
	return problem{Type: "urn:guodu:internal", Title: "Internal error", Status: http.StatusInternalServerError, Instance: id}
}

// refusedFor is the word for a refusal that is counted.
func refusedFor(urn string, err error) string {
	for _, one := range []struct {
		err  error
		word string
	}{{errDigest, "digest"}, {errClock, "clock"}, {errHost, "host"}, {ErrNoTerminal, "unknown_terminal"}, {errHeaders, "headers"}} {
		if errors.Is(err, one.err) {
			return one.word
		}
	}
	return strings.ReplaceAll(urn, "-", "_")
}

func (p problem) body() []byte {
	out, err := json.Marshal(p)
	if err != nil {
		return []byte(`{"type":"urn:guodu:internal","status":500}`)
	}
	return out
}
