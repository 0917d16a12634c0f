package pos

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"guodu/internal/fen"
	"guodu/transition"
)

// ErrAuthorisation says that an authorisation is not one of this hub.
var ErrAuthorisation = errors.New("authorisation is not this hub's")

// authorisationDomain keeps these signatures apart from any other that the
// hub's key makes.
const authorisationDomain = "guodu-load-v1."

// authorisationMax bounds an authorisation in bytes.
const authorisationMax = 2048

// payload is the wire form of an authorisation; docs/pos-v1.md shows it.
type payload struct {
	Load     transition.LoadNo    `json:"load"`
	Account  transition.AccountNo `json:"account"`
	CardUID  transition.CardUID   `json:"card_uid"`
	CardNo   string               `json:"card_no"`
	Version  string               `json:"version"`
	L0       int64                `json:"L0"`
	B0       fen.Fen              `json:"B0"`
	P0       string               `json:"P0"`
	Amount   fen.Fen              `json:"amount_fen"`
	Attempt  int64                `json:"attempt"`
	Terminal string               `json:"terminal"`
	TapID    string               `json:"tap_id"`
	NotAfter int64                `json:"not_after"`
}

// Authorise signs a load. Ed25519 is deterministic, so the same load gives the
// same text for ever.
func Authorise(key ed25519.PrivateKey, l transition.Load) (string, error) {
	body, err := json.Marshal(payload{
		Load: l.No, Account: l.Account, CardUID: l.UID, CardNo: l.CardNo, Version: l.Version, L0: l.L0, B0: l.B0, P0: l.P0,
		Amount: l.Amount, Attempt: l.Attempt, Terminal: l.Terminal, TapID: l.TapID, NotAfter: l.NotAfter.UnixMilli(),
	})
	if err != nil {
		return "", fmt.Errorf("authorise load %s: %w", l.No, err)
	}
	first := base64.RawURLEncoding.EncodeToString(body)
	signature := ed25519.Sign(key, []byte(authorisationDomain+first))
	return first + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// OpenAuthorisation verifies an authorisation and returns its load. It accepts
// one whose NotAfter is past: that limits the write, never the evidence.
// Errors: ErrAuthorisation.
func OpenAuthorisation(key ed25519.PublicKey, text string) (transition.Load, error) {
	if len(text) > authorisationMax {
		return transition.Load{}, fmt.Errorf("%w: %d bytes", ErrAuthorisation, len(text))
	}
	first, second, _ := strings.Cut(text, ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(second)
	if err != nil || !ed25519.Verify(key, []byte(authorisationDomain+first), signature) {
		return transition.Load{}, fmt.Errorf("%w: signature", ErrAuthorisation)
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return transition.Load{}, fmt.Errorf("%w: payload", ErrAuthorisation)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return transition.Load{}, fmt.Errorf("%w: payload", ErrAuthorisation)
	}
	return transition.Load{
		No: p.Load, Account: p.Account, UID: p.CardUID, CardNo: p.CardNo, Version: p.Version, Attempt: p.Attempt,
		Terminal: p.Terminal, TapID: p.TapID, Amount: p.Amount, L0: p.L0, B0: p.B0, P0: p.P0, NotAfter: time.UnixMilli(p.NotAfter),
	}, nil
}

func millis(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
