package idempotency

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
)

// Includes is the Lua with which a script checks and stores a key in the slot of its
// effect: idem.answer and idem.store.
//
//go:embed idem.lua
var Includes embed.FS

var (
	// ErrConflict says that a key was used before for another wish.
	ErrConflict = errors.New("idempotency: key was used for another request")
	// ErrKey says that a text cannot be a key.
	ErrKey = errors.New("idempotency: not a key")
)

// keyMax is the longest key, in characters.
const keyMax = 64

// Key names one wish of one caller: 8 to 64 characters of [0-9A-Za-z_-].
type Key string

// ParseKey checks a key from outside.
// Errors: ErrKey.
func ParseKey(text string) (Key, error) {
	if len(text) < 8 || len(text) > keyMax {
		return "", fmt.Errorf("%w: it has %d characters, 8 to %d are allowed", ErrKey, len(text), keyMax)
	}
	for _, r := range text {
		letter := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_' || r == '-'
		if !letter {
			return "", fmt.Errorf("%w: only letters, digits, _ and - are allowed", ErrKey)
		}
	}
	return Key(text), nil
}

// NewKey makes a key for a form that is about to be shown.
func NewKey() Key { return Key(rand.Text()) }

// Fingerprint condenses what a wish consists of. Parts are kept apart, so that
// ("ab", "c") and ("a", "bc") differ.
func Fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
