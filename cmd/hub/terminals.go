package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"guodu/cmd/hub/app"
	"guodu/transition/pos"
)

type terminals struct {
	Add  addTerminal   `cmd:"" help:"Register a terminal. The same one again changes nothing; another key under its id is refused."`
	List listTerminals `cmd:"" help:"List the running terminals."`
}

type addTerminal struct {
	ID    string `arg:"" help:"The terminal's id, 1 to 32 of 0-9 A-Z a-z _ -."`
	Key   string `arg:"" help:"Its Ed25519 public key: a PEM file (PUBLIC KEY), or base64 of the 32 bytes."`
	Place string `help:"Where it stands, for people." default:""`
}

// Run registers the terminal.
func (c addTerminal) Run(r run) error {
	key, err := publicKey(c.Key)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		err := hub.Registry().Add(r.ctx, pos.Terminal{ID: c.ID, Key: key, Place: c.Place, Added: time.Now()})
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "terminal %s is registered\n", c.ID)
		return nil
	})
}

// publicKey reads a key from its text or from the file that the text names.
func publicKey(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(raw) == ed25519.PublicKeySize {
		return raw, nil
	}
	file, err := os.ReadFile(text) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("key is neither base64 of 32 bytes nor a readable file: %w", err)
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("key file holds no PEM block")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("key file holds a %T, not Ed25519", parsed)
	}
	return key, nil
}

type listTerminals struct{}

// Run prints the terminals.
func (listTerminals) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		all, err := hub.Registry().List(r.ctx)
		if err != nil {
			return err
		}
		for _, t := range all {
			fmt.Fprintf(r.out, "%-32s %-10s %s  %s\n", t.ID, t.State, t.Added.Format(time.DateTime), t.Place)
		}
		return nil
	})
}
