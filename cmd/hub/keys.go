package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"guodu/internal/keyfile"
)

type keys struct {
	New  newKey  `cmd:"" help:"Make the Ed25519 key with which the hub signs for terminals (terminals.key_file), and print its public half for them."`
	Show showKey `cmd:"" help:"Print the public half of a key again, for terminals' makers."`
}

type newKey struct {
	File string `arg:"" help:"Where to write it; an existing file is never replaced."`
}

// Run writes the key and prints its public half.
func (c newKey) Run(r run) error {
	_, err := keyfile.New(c.File)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists, and a key is never replaced: terminals believe only the key that they have (hub keys show %s prints its public half)", c.File, c.File)
	}
	if err != nil {
		return err
	}
	key, err := readKey(c.File)
	if err != nil {
		return err
	}
	return printKey(r.out, c.File, key)
}

type showKey struct {
	File string `arg:"" optional:"" help:"The private key's file; default: terminals.key_file of the configuration."`
}

// errNoKeyFile says that no file was named.
var errNoKeyFile = errors.New("name the key's file, or a configuration with terminals.key_file: hub --config FILE keys show")

// Run prints the public half of a key.
func (c showKey) Run(r run) error {
	file := c.File
	if file == "" {
		file = r.config.Terminals.KeyFile
	}
	if file == "" {
		return errNoKeyFile
	}
	key, err := readKey(file)
	if err != nil {
		return err
	}
	return printKey(r.out, file, key)
}

func readKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	key, err := keyfile.ParsePrivate(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// printKey says of each half of a key where it goes.
func printKey(out io.Writer, file string, key ed25519.PrivateKey) error {
	public := key.Public().(ed25519.PublicKey)
	block, err := keyfile.PEM(public)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `private key             %s
                        stays with the hub: terminals.key_file. Back it up, show it to nobody
public key, base64      %s
                        for terminals' makers: the 32 bytes of the Ed25519 key
public key, PEM (SPKI)  %s
                        the same key, for makers who ask for PEM
`, file, keyfile.Base64(public), strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n                        "))
	return nil
}
