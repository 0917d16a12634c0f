package terminal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ErrNoAnswer says that no whole answer came. The hub may have done what was
// asked; the same request, signed anew, is safe.
var ErrNoAnswer = errors.New("terminal simulator: no answer")

// answerMax bounds an answer in bytes, listMax one that holds a list.
const (
	answerMax = 64 << 10
	listMax   = 32 << 20
)

// Request is one request to the hub, for [Terminal.Raw] and [Terminal.Build].
type Request struct {
	Method string
	Path   string // as on the wire, escaped
	Query  string // without "?"
	Body   []byte
	// Nonce is made if it is empty.
	Nonce string
	// Created is the terminal's clock if it is zero.
	Created time.Time
	// Seq is the Terminal-Seq of a POST; the next number if it is empty.
	Seq string
	// Spoil is what to spoil; "" is a sound request.
	Spoil SpoilKind

	limit int64 // of the answer in bytes; 0 is answerMax
}

// Answer is what came back, whether it proves to be the hub's or not.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Nonce is that of the request.
	Nonce string
	// Unproved is nil if the hub's signature under this answer holds, else it
	// wraps ErrAnswer.
	Unproved error
}

// Problem is the answer as an error; nil for 200.
func (a Answer) Problem() *Problem {
	if a.Status == http.StatusOK {
		return nil
	}
	p := parseProblem(a.Status, a.Header, a.Body)
	p.Proved = a.Unproved == nil
	return p
}

// Build makes a signed request, spoilt as r.Spoil says, without sending it.
// Errors: ErrOptions, ErrUnknownSpoil, ErrJournal.
func (t *Terminal) Build(ctx context.Context, r Request) (*http.Request, error) {
	r, err := t.fill(r)
	if err != nil {
		return nil, err
	}
	m := newMessage(t.who, t.base, r, r.Created.Unix())
	if r.Spoil != "" {
		err = spoil(m, r.Spoil)
		if err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, m.method, t.base.Scheme+"://"+m.host+m.path+m.query, bytes.NewReader(m.body))
	if err != nil {
		return nil, fmt.Errorf("%w: build %s %s: %w", ErrOptions, m.method, m.path, err)
	}
	req.Host = m.foreign
	if m.chunked {
		req.ContentLength = -1
	}
	if len(m.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	// The digest is over the content as sent: the transport must not ask for
	// gzip on its own and unpack it behind our back.
	req.Header.Set("Accept-Encoding", "identity")
	m.seal(req.Header)
	return req, nil
}

// fill puts a fresh nonce, the time and the next number into a request that has
// none.
func (t *Terminal) fill(r Request) (Request, error) {
	if r.Created.IsZero() {
		r.Created = t.now()
	}
	if r.Nonce == "" {
		nonce, err := t.random()
		if err != nil {
			return r, err
		}
		r.Nonce = nonce
	}
	if r.Seq == "" && r.Method == http.MethodPost {
		number, err := t.numbers.take()
		if err != nil {
			return r, err
		}
		r.Seq = number.String()
	}
	return r, nil
}

// Raw sends one request and returns whatever comes. For kinds that repeat
// ([SpoilKind.Repeats]) it first sends the request soundly and returns the
// answer to the second. It uses neither card nor journal and is safe beside a
// running Tap.
// Errors: ErrNoAnswer, ErrOptions, ErrUnknownSpoil, ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) Raw(ctx context.Context, r Request) (Answer, error) {
	err := t.running()
	if err != nil {
		return Answer{}, err
	}
	if r.Spoil.Repeats() {
		r, err = t.fill(r)
		if err != nil {
			return Answer{}, err
		}
		kind := r.Spoil
		r.Spoil = ""
		_, err = t.send(ctx, r)
		if err != nil {
			return Answer{}, err
		}
		r.Spoil = kind
	}
	return t.send(ctx, r)
}

func (t *Terminal) send(ctx context.Context, r Request) (Answer, error) {
	r, err := t.fill(r)
	if err != nil {
		return Answer{}, err
	}
	resp, err := t.do(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	limit := r.limit
	if limit == 0 {
		limit = answerMax
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	closed := resp.Body.Close()
	if err == nil {
		err = closed
	}
	if err != nil {
		return Answer{}, noAnswer(ctx, err)
	}
	if int64(len(body)) > limit {
		return Answer{}, fmt.Errorf("%w: more than %d bytes", ErrNoAnswer, limit)
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, Nonce: r.Nonce}
	a.Unproved = verifyAnswer(t.hub(), r.Nonce, t.now(), a.Status, a.Header, a.Body)
	return a, nil
}

// do sends a filled request; the answer's body is the caller's to close.
func (t *Terminal) do(ctx context.Context, r Request) (*http.Response, error) {
	req, err := t.Build(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, noAnswer(ctx, err)
	}
	return resp, nil
}

// hub is who may sign an answer to this terminal.
func (t *Terminal) hub() signatory {
	if t.who.key == nil {
		return sharer(t.who)
	}
	return hubKeys(t.hubKeys())
}

// noAnswer adds why a context ended, which the transport's error does not say.
func noAnswer(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w: %w", ErrNoAnswer, context.Cause(ctx), err)
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// call sends a sound request and decodes an answer that proves to be the hub's.
// Errors: ErrNoAnswer, ErrAnswer, *Problem, ErrOptions, ErrJournal.
func (t *Terminal) call(ctx context.Context, r Request, in, out any) error {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrOptions, err)
		}
		r.Body = body
	}
	a, err := t.send(ctx, r)
	if err != nil {
		return err
	}
	if p := a.Problem(); p != nil {
		return p
	}
	if a.Unproved != nil {
		return a.Unproved
	}
	err = json.Unmarshal(a.Body, out)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return nil
}

// random is a nonce or a tap id: 22 of [0-9A-Za-z_-], 128 bits.
func (t *Terminal) random() (string, error) {
	t.randMu.Lock()
	defer t.randMu.Unlock()
	var b [16]byte
	_, err := io.ReadFull(t.rand, b[:])
	if err != nil {
		return "", fmt.Errorf("%w: Rand: %w", ErrOptions, err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
