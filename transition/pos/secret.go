package pos

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// secretSize is the length of a terminal's secret in bytes.
const secretSize = sha256.Size

// Secret derives the secret of a terminal that signs with hmac-sha256: from the
// hub's key, the terminal's id and the secret's number. Nothing stores it, so a
// copy of Redis lets nobody speak for a terminal; a hub with another key has
// other secrets.
func Secret(hub ed25519.PrivateKey, id string, number int64) ([]byte, error) {
	secret, err := hkdf.Key(sha256.New, hub.Seed(), nil, fmt.Sprintf("guodu-terminal-hmac-v1 %s %d", id, number), secretSize)
	if err != nil {
		return nil, fmt.Errorf("secret of terminal %s: %w", id, err)
	}
	return secret, nil
}
