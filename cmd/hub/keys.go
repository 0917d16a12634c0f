package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
)

type keys struct {
	New newKey `cmd:"" help:"Make the Ed25519 key with which the hub signs for terminals (terminals.key_file), and print its public part for them."`
}

type newKey struct {
	File string `arg:"" help:"Where to write it; an existing file is never replaced."`
}

// Run writes the key, readable by its owner only.
func (c newKey) Run(r run) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	body, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: body})
	if err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s\n", base64.StdEncoding.EncodeToString(public))
	return nil
}
