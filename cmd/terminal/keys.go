package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"guodu/internal/keyfile"
)

type key struct {
	File string `arg:"" help:"Where to write it; an existing file is never replaced."`
}

// Run writes an Ed25519 key and prints its public part. The secret of an
// hmac-sha256 terminal is made by the hub.
func (c key) Run(r run) error {
	public, err := keyfile.New(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, public)
	return nil
}

// readKey reads an Ed25519 key (PEM), or the 32-byte secret of an hmac-sha256
// terminal (base64 or hex).
func readKey(path string) (private ed25519.PrivateKey, secret []byte, err error) {
	text, err := os.ReadFile(path) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		secret, ok := bytes32(string(text))
		if !ok {
			return nil, nil, fmt.Errorf("key: %s holds neither a PEM key nor a secret of 32 bytes in base64 or hex", path)
		}
		return nil, secret, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %s: %w", path, err)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("key: %s holds a %T, not Ed25519", path, parsed)
	}
	return private, nil, nil
}

// readHubKey reads the hub's public key from its text or from the file that the
// text names.
func readHubKey(text string) (ed25519.PublicKey, error) {
	raw, ok := bytes32(text)
	if ok {
		return raw, nil
	}
	file, err := os.ReadFile(text) // #nosec G304 -- the user names the file
	if err != nil {
		return nil, fmt.Errorf("hub key is neither base64 of 32 bytes nor a readable file: %w", err)
	}
	raw, ok = bytes32(string(file))
	if ok {
		return raw, nil
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, fmt.Errorf("hub key: %s holds no key", text)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("hub key: %s: %w", text, err)
	}
	public, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("hub key: %s holds a %T, not Ed25519", text, parsed)
	}
	return public, nil
}

// bytes32 reads 32 bytes in base64 or hex.
func bytes32(text string) ([]byte, bool) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){base64.StdEncoding.DecodeString, hex.DecodeString} {
		raw, err := decode(text)
		if err == nil && len(raw) == 32 {
			return raw, true
		}
	}
	return nil, false
}
