package terminal

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What stands between an authorisation and the card.
var (
	// ErrAuthorisation says that an authorisation is not the hub's, or not for
	// this card, tap and terminal.
	ErrAuthorisation = errors.New("terminal simulator: bad authorisation")
	// ErrExpired says that the time to write is over.
	ErrExpired = errors.New("terminal simulator: authorisation expired")
)

// authorisationDomain keeps these signatures apart from the hub's answers.
const authorisationDomain = "guodu-load-v1."

// OpenAuthorisation verifies the hub's signature under an authorisation and
// returns its payload; whether it fits a card is not asked.
// Errors: ErrAuthorisation.
func OpenAuthorisation(key ed25519.PublicKey, text string) (Authorisation, error) {
	return openAuthorisation([]ed25519.PublicKey{key}, text)
}

func openAuthorisation(keys []ed25519.PublicKey, text string) (Authorisation, error) {
	payload, mark, _ := strings.Cut(text, ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(mark)
	made := func(key ed25519.PublicKey) bool {
		return ed25519.Verify(key, []byte(authorisationDomain+payload), signature)
	}
	if err != nil || !slices.ContainsFunc(keys, made) {
		return Authorisation{}, fmt.Errorf("%w: signature", ErrAuthorisation)
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(payload)
	if err != nil {
		return Authorisation{}, fmt.Errorf("%w: payload: %w", ErrAuthorisation, err)
	}
	var a Authorisation
	err = json.Unmarshal(body, &a)
	if err != nil {
		return Authorisation{}, fmt.Errorf("%w: payload: %w", ErrAuthorisation, err)
	}
	return a, nil
}

// fits says whether a is for this tap of this terminal and repeats what the
// answer said in the open. Errors: ErrAuthorisation.
func (a Authorisation) fits(terminal string, tap Tap, answer TapAnswer) error {
	switch {
	case a.CardUID != tap.CardUID || a.CardNo != tap.CardNo || a.Version != tap.Version:
		return fmt.Errorf("%w: for card %s %s version %s", ErrAuthorisation, a.CardUID, a.CardNo, a.Version)
	case a.L0 != tap.L:
		return fmt.Errorf("%w: for load counter %d", ErrAuthorisation, a.L0)
	case a.Terminal != terminal || a.TapID != tap.TapID:
		return fmt.Errorf("%w: for tap %s of terminal %s", ErrAuthorisation, a.TapID, a.Terminal)
	case a.Load == "" || a.AmountFen <= 0:
		return fmt.Errorf("%w: load %q of %d fen", ErrAuthorisation, a.Load, a.AmountFen)
	case a.Load != answer.Load || a.AmountFen != answer.AmountFen || a.Attempt != answer.Attempt ||
		a.L0 != answer.L0 || a.B0 != answer.B0:
		return fmt.Errorf("%w: the answer around it says something else", ErrAuthorisation)
	}
	return nil
}

// inTime says whether a write may still begin. Errors: ErrExpired.
func (a Authorisation) inTime(now time.Time) error {
	if now.UnixMilli() > a.NotAfter {
		return fmt.Errorf("%w: not after %s", ErrExpired, time.UnixMilli(a.NotAfter).UTC().Format(time.RFC3339Nano))
	}
	return nil
}
