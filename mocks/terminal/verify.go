package terminal

import (
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrAnswer says that an answer is not provably the hub's answer to this very
// request, or not what docs/pos-v1.md says. It has been ignored.
var ErrAnswer = errors.New("terminal simulator: answer is not the hub's")

// The window of created, as on the hub's side.
const (
	createdPast   = 300 * time.Second
	createdFuture = 60 * time.Second
)

// answerInput is the one form of Signature-Input that an answer may have; the
// groups are what is signed, the components and the parameters.
var answerInput = regexp.MustCompile(`^sig1=(\(("[^"]*"(?: "[^"]*")*)\)((?:;[a-z]+=(?:[0-9]{1,10}|"[^"]*"))*))$`)

var answerSignature = regexp.MustCompile(`^sig1=:([A-Za-z0-9+/]+={0,2}):$`)

// signatory is who may sign an answer: keyid, and the check of a signature.
type signatory struct {
	id     string
	proves func(base string, signature []byte) bool
}

// hubKeys is the hub, by any of its keys.
func hubKeys(keys []ed25519.PublicKey) signatory {
	return signatory{"hub", func(base string, signature []byte) bool {
		return slices.ContainsFunc(keys, func(key ed25519.PublicKey) bool { return ed25519.Verify(key, []byte(base), signature) })
	}}
}

// sharer is the hub by the secret that it shares with a terminal, under that
// terminal's id: a key id names one key.
func sharer(who identity) signatory {
	return signatory{who.id, func(base string, signature []byte) bool { return hmac.Equal(seal256(who.secret, base), signature) }}
}

// verifyAnswer proves that status, headers and body are the hub's answer to the
// request with that nonce. Errors: ErrAnswer.
func verifyAnswer(by signatory, nonce string, now time.Time, status int, h http.Header, body []byte) error {
	fields := map[string]string{}
	for _, name := range []string{"Signature-Input", "Signature", "Content-Digest", "Request-Nonce"} {
		if len(h.Values(name)) != 1 {
			return fmt.Errorf("%w: %d lines of %s", ErrAnswer, len(h.Values(name)), name)
		}
		fields[name] = strings.TrimSpace(h.Get(name))
	}
	if fields["Request-Nonce"] != nonce {
		return fmt.Errorf("%w: it answers nonce %q, not %q", ErrAnswer, fields["Request-Nonce"], nonce)
	}
	if fields["Content-Digest"] != contentDigest(body) {
		return fmt.Errorf("%w: content digest", ErrAnswer)
	}
	input := answerInput.FindStringSubmatch(fields["Signature-Input"])
	if input == nil {
		return fmt.Errorf("%w: Signature-Input %q", ErrAnswer, fields["Signature-Input"])
	}
	err := verifyParams(by.id, input[3], now)
	if err != nil {
		return err
	}
	covered := strings.Split(input[2], " ")
	sorted := slices.Sorted(slices.Values(covered))
	if !slices.Equal(sorted, []string{`"@status"`, `"content-digest"`, `"request-nonce"`}) {
		return fmt.Errorf("%w: signature covers %s", ErrAnswer, input[2])
	}
	base := signatureBase(covered, map[string]string{
		`"@status"`: strconv.Itoa(status), `"content-digest"`: fields["Content-Digest"], `"request-nonce"`: fields["Request-Nonce"],
	}, input[1])
	text := answerSignature.FindStringSubmatch(fields["Signature"])
	if text == nil {
		return fmt.Errorf("%w: Signature %q", ErrAnswer, fields["Signature"])
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(text[1])
	if err != nil || !by.proves(base, signature) {
		return fmt.Errorf("%w: signature", ErrAnswer)
	}
	return nil
}

// verifyParams wants created within the window, this keyid and nothing else.
func verifyParams(id, text string, now time.Time) error {
	params := strings.Split(strings.TrimPrefix(text, ";"), ";")
	slices.Sort(params)
	if len(params) != 2 || params[1] != "keyid="+strconv.Quote(id) {
		return fmt.Errorf("%w: parameters %q", ErrAnswer, text)
	}
	seconds, ok := strings.CutPrefix(params[0], "created=")
	if !ok {
		return fmt.Errorf("%w: parameters %q", ErrAnswer, text)
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: created: %w", ErrAnswer, err)
	}
	age := now.Sub(time.Unix(unix, 0))
	if age > createdPast || age < -createdFuture {
		return fmt.Errorf("%w: made %s ago", ErrAnswer, age)
	}
	return nil
}
