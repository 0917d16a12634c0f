package main

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"time"

	"guodu/mocks/terminal"
)

// connection says which terminal it is and where its hub is.
type connection struct {
	Hub         string        `required:"" help:"The hub's address, as http://host:port." placeholder:"URL"`
	ID          string        `required:"" help:"What the terminal is registered as." placeholder:"ID"`
	Key         string        `required:"" help:"The terminal's key: PEM of an Ed25519 key (terminal key makes one), or the 32-byte secret of an hmac-sha256 terminal, base64 or hex." type:"path" placeholder:"FILE"`
	HubKey      string        `required:"" help:"The hub's public key: base64, or a file with it or with PEM." placeholder:"FILE"`
	Dir         string        `required:"" help:"The terminal's disk; made if it is not there." type:"path" placeholder:"DIR"`
	JournalSync bool          `help:"Wait for the disk at each record. With --journal-sync=false a killed terminal loses nothing, but a machine without power may." default:"true"`
	GiveUp      time.Duration `help:"How long the load step of a tap may take, and each other call." default:"5s"`
	Verbose     bool          `help:"Show each step on standard error."`
}

// open switches the terminal on.
func (c connection) open(r run, before func(terminal.Step) error) (*terminal.Terminal, error) {
	private, secret, err := readKey(c.Key)
	if err != nil {
		return nil, err
	}
	var hubKey ed25519.PublicKey
	hubKey, err = readHubKey(c.HubKey)
	if err != nil {
		return nil, err
	}
	err = os.MkdirAll(c.Dir, 0o700)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if c.Verbose {
		log = slog.New(slog.NewTextHandler(r.problems, nil))
	}
	return terminal.New(terminal.Options{
		ID: c.ID, Key: private, Secret: secret, HubKey: hubKey, BaseURL: c.Hub, Dir: c.Dir, Hasty: !c.JournalSync,
		GiveUp: c.GiveUp, Before: before, Logger: log,
	})
}

// with runs one step on the terminal, with what the environment has in store.
func (c connection) with(r run, do func(*terminal.Terminal, *trouble) error) error {
	trouble, err := newTrouble(r)
	if err != nil {
		return err
	}
	t, err := c.open(r, trouble.before)
	if err != nil {
		return err
	}
	err = do(t, trouble)
	closed := t.Close()
	if err == nil && closed != nil {
		return closed
	}
	return err
}

// signedIn is with for a step that only a terminal with today may take.
func (c connection) signedIn(r run, do func(*terminal.Terminal, *trouble) error) error {
	return c.with(r, func(t *terminal.Terminal, trouble *trouble) error {
		err := today(r, t)
		if err != nil {
			return err
		}
		return do(t, trouble)
	})
}

// today signs in unless the terminal has today: a terminal that is registered
// may do nothing else.
func today(r run, t *terminal.Terminal) error {
	day := time.Now().In(time.FixedZone("UTC+8", 8*60*60)).Format("20060102")
	if m := t.Memory(); m.BusinessDay == day && m.State == "running" {
		return nil
	}
	in, err := t.SignIn(r.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.problems, "signed in, day %s\n", in.BusinessDay)
	return nil
}
