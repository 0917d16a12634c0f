package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"guodu/cmd/hub/app"
)

type rotateTerminal struct {
	ID      string        `arg:"" help:"The terminal's id."`
	Key     string        `help:"Its new Ed25519 public key, as with add; none with hmac-sha256."`
	Overlap time.Duration `help:"How long the old key is accepted; 0s ends it, and any before it, at once." default:"24h"`
}

// Run gives the terminal its new key.
func (c rotateTerminal) Run(r run) error {
	var public ed25519.PublicKey
	if c.Key != "" {
		key, err := publicKey(c.Key)
		if err != nil {
			return err
		}
		public = key
	}
	return r.money(func(hub *app.Hub) error {
		if c.Key == "" {
			// Before anything changes: a secret that cannot be printed is none.
			if _, err := hub.TerminalSecret(c.ID, 1); err != nil {
				return err
			}
		}
		key, err := hub.Registry().Rotate(r.ctx, c.ID, public, time.Now(), c.Overlap)
		if err != nil {
			return err
		}
		t, err := hub.Registry().Terminal(r.ctx, c.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "terminal %s has its new key\n", c.ID)
		if !t.OldUntil.IsZero() {
			fmt.Fprintf(r.out, "the old one is accepted until %s\n", when(t.OldUntil))
		}
		if key.Number == 0 {
			return nil
		}
		secret, err := hub.TerminalSecret(c.ID, key.Number)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "secret %d (base64): %s\n", key.Number, base64.StdEncoding.EncodeToString(secret))
		return nil
	})
}
