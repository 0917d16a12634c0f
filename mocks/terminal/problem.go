package terminal

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// What the hub refuses, one sentinel for each problem type of docs/pos-v1.md.
// A *Problem matches its sentinel with errors.Is.
var (
	ErrMalformed    = errors.New("hub: malformed request")
	ErrSignature    = errors.New("hub: bad signature")
	ErrReplay       = errors.New("hub: replay")
	ErrUnknownCard  = errors.New("hub: unknown card")
	ErrUnknownLoad  = errors.New("hub: unknown load")
	ErrNotRunning   = errors.New("hub: terminal is not running")
	ErrRole         = errors.New("hub: only a desk may do this")
	ErrSeqConflict  = errors.New("hub: message number used for another message")
	ErrChallenge    = errors.New("hub: not the challenge that waits")
	ErrGone         = errors.New("hub: cursor is too old")
	ErrTapConflict  = errors.New("hub: tap id used for another reading")
	ErrCardMismatch = errors.New("hub: card mismatch")
	ErrLoadMismatch = errors.New("hub: load mismatch")
	ErrTooLarge     = errors.New("hub: request too large")
	ErrUnavailable  = errors.New("hub: unavailable")
	ErrInternal     = errors.New("hub: internal error")
	// ErrProblem is any other refusal.
	ErrProblem = errors.New("hub: unknown problem")
)

// Problem is an answer other than 200 (RFC 9457). Match it with errors.As, or
// its kind with errors.Is and a sentinel.
type Problem struct {
	Status   int    `json:"-"`
	Type     string `json:"type"`
	Title    string `json:"title"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`
	// RetryAfter is 0 if the hub did not say, or said it as a date.
	RetryAfter time.Duration `json:"-"`
	// Proved says that the hub's signature under the answer holds. The hub signs
	// only answers to requests that it could authenticate.
	Proved bool `json:"-"`
}

// Error is the problem in one line.
func (p *Problem) Error() string {
	return fmt.Sprintf("hub answers %d %s: %s %s", p.Status, p.Type, p.Title, p.Detail)
}

// Unwrap is the sentinel of the problem's type and status.
func (p *Problem) Unwrap() error {
	switch strconv.Itoa(p.Status) + " " + p.Type {
	case "400 urn:guodu:malformed":
		return ErrMalformed
	case "401 urn:guodu:signature":
		return ErrSignature
	case "401 urn:guodu:replay":
		return ErrReplay
	case "403 urn:guodu:not-running":
		return ErrNotRunning
	case "403 urn:guodu:role":
		return ErrRole
	case "409 urn:guodu:seq-conflict":
		return ErrSeqConflict
	case "409 urn:guodu:challenge":
		return ErrChallenge
	case "410 urn:guodu:gone":
		return ErrGone
	case "404 urn:guodu:unknown-card":
		return ErrUnknownCard
	case "404 urn:guodu:unknown-load":
		return ErrUnknownLoad
	case "409 urn:guodu:tap-conflict":
		return ErrTapConflict
	case "409 urn:guodu:card-mismatch":
		return ErrCardMismatch
	case "409 urn:guodu:load-mismatch":
		return ErrLoadMismatch
	case "413 urn:guodu:too-large":
		return ErrTooLarge
	case "503 urn:guodu:unavailable":
		return ErrUnavailable
	case "500 urn:guodu:internal":
		return ErrInternal
	}
	return ErrProblem
}

// parseProblem reads an answer other than 200; one that is no problem document
// becomes a Problem of type "about:blank", as RFC 9457 has it.
func parseProblem(status int, h http.Header, body []byte) *Problem {
	p := &Problem{}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" || json.Unmarshal(body, p) != nil || p.Type == "" {
		p = &Problem{Type: "about:blank", Title: http.StatusText(status), Detail: string(body[:min(len(body), 200)])}
	}
	p.Status = status
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}
