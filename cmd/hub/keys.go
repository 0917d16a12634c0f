package main

import (
	"fmt"

	"guodu/internal/keyfile"
)

type keys struct {
	New newKey `cmd:"" help:"Make the Ed25519 key with which the hub signs for terminals (terminals.key_file), and print its public part for them."`
}

type newKey struct {
	File string `arg:"" help:"Where to write it; an existing file is never replaced."`
}

// Run writes the key and prints its public part.
func (c newKey) Run(r run) error {
	public, err := keyfile.New(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, public)
	return nil
}
