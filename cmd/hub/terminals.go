package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"guodu/cmd/hub/app"
	"guodu/internal/keyfile"
	"guodu/transition/pos"
)

type terminals struct {
	Add        addTerminal        `cmd:"" help:"Register a terminal; it runs from its first sign-in. The same one again changes its place at most; another key under its id is refused."`
	Import     importTerminals    `cmd:"" help:"Register the terminals of a CSV file with the columns id,key,place: canteens' terminals that sign with Ed25519, the key in base64 or PEM. The same file again changes places at most."`
	List       listTerminals      `cmd:"" help:"List the terminals."`
	Show       showTerminal       `cmd:"" help:"Everything known of a terminal: keys, message numbers, alarms, journal."`
	Suspend    suspendTerminal    `cmd:"" help:"Stop a terminal for a while: it may not even sign in."`
	Resume     resumeTerminal     `cmd:"" help:"Let a suspended terminal go on."`
	Lost       lostTerminal       `cmd:"" help:"A terminal is out of hand: nothing of it counts any more, its journal is kept for people. For good."`
	Retire     retireTerminal     `cmd:"" help:"Take a terminal out of use, likewise."`
	Rotate     rotateTerminal     `cmd:"" help:"Give a terminal another key; the old one is accepted until its end. With hmac-sha256: print the next secret."`
	Params     terminalParams     `cmd:"" help:"Parameters that terminals fetch."`
	Blocklist  terminalBlocklist  `cmd:"" help:"Cards that terminals are told to give nothing."`
	Quarantine terminalQuarantine `cmd:"" help:"Journal records that moved nothing and wait for people."`
}

type addTerminal struct {
	ID    string `arg:"" help:"The terminal's id, 1 to 32 of 0-9 A-Z a-z _ -."`
	Key   string `arg:"" optional:"" help:"Its Ed25519 public key: a file with PEM (PUBLIC KEY) or base64, or the base64 itself."`
	Alg   string `help:"How it signs. With hmac-sha256 it has no key; its secret is printed, this once." enum:"ed25519,hmac-sha256" default:"ed25519"`
	Role  string `help:"A canteen's, or one at the card centre, whose re-reading can end a conflict." enum:"pos,desk" default:"pos"`
	Place line   `help:"Where it stands, for people."`
}

// Run registers the terminal.
func (c addTerminal) Run(r run) error {
	t := pos.Terminal{ID: c.ID, Algorithm: pos.Algorithm(c.Alg), Role: pos.Role(c.Role), Place: string(c.Place), Added: time.Now()}
	if t.Algorithm == pos.HMAC && c.Key != "" {
		return errors.New("a terminal with hmac-sha256 has no key of its own: its secret comes from the hub")
	}
	if t.Algorithm == pos.Ed25519 {
		key, err := publicKey(c.Key)
		if err != nil {
			return err
		}
		t.Key = pos.Key{Public: key}
	}
	return r.money(func(hub *app.Hub) error {
		secret := ""
		if t.Algorithm == pos.HMAC {
			raw, err := hub.TerminalSecret(t.ID, 1)
			if err != nil {
				return err // before it is registered: the secret is printed once
			}
			secret = base64.StdEncoding.EncodeToString(raw)
		}
		added, err := hub.Registry().Add(r.ctx, t)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "terminal %s is registered\n", t.ID)
		switch {
		case secret != "" && added:
			fmt.Fprintf(r.out, "secret (base64), printed this once: %s\n", secret)
		case secret != "":
			fmt.Fprintf(r.out, "it was before; its secret is not printed again (another one: hub terminals rotate %s)\n", t.ID)
		}
		return nil
	})
}

// publicKey reads a terminal's key from its text or from the file that the text
// names, in any form that makers hand out.
func publicKey(text string) (ed25519.PublicKey, error) {
	if text == "" {
		return nil, errors.New("a terminal that signs with ed25519 has a public key of its own: name its file, or its base64")
	}
	key, err := keyfile.ParsePublic([]byte(text))
	if err == nil {
		return key, nil
	}
	file, unread := os.ReadFile(text) // #nosec G304 -- the operator names the file
	switch {
	case unread == nil:
		key, err = keyfile.ParsePublic(file)
		if err != nil {
			return nil, fmt.Errorf("key file %s: %w", text, err)
		}
		return key, nil
	case len(text) >= shortestKey && !strings.Contains(text, "."):
		return nil, fmt.Errorf("key: %w", err) // it may be the private one: it is not shown
	}
	return nil, fmt.Errorf("key %q is neither base64 of a key nor a readable file: %w", text, unread)
}

// shortestKey is the length of the shortest key in base64. A text that is as long and
// has no point in it is taken for a key rather than for a file's name.
const shortestKey = 43

type listTerminals struct{}

// Run prints the terminals.
func (listTerminals) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		all, err := hub.Registry().List(r.ctx)
		if err != nil {
			return err
		}
		for _, t := range all {
			alarms := ""
			if t.Alarms > 0 {
				alarms = fmt.Sprintf("  ALARMS %d", t.Alarms)
			}
			fmt.Fprintf(r.out, "%-32s %-10s %-4s %-11s %s  %s%s\n", t.ID, t.State, t.Role, t.Algorithm, app.Moment(t.Added), shown(t.Place), alarms)
		}
		return nil
	})
}
