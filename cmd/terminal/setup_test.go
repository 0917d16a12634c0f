package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

// beProgram makes the test's binary be the program itself, so that a process
// can be killed.
const beProgram = "GUODU_TEST_BE_TERMINAL"

func TestMain(m *testing.M) {
	if os.Getenv(beProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// bench is a hub, a terminal's disk and a card.
type bench struct {
	t    *testing.T
	hub  *terminaltest.Hub
	dir  string
	key  string // file
	card string // file
	env  map[string]string
	// rested are the pauses that the program made; none of them took any time.
	rested []time.Duration
}

const waiting = 5000 // fen for the card

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, hub: terminaltest.New(time.Now), dir: t.TempDir(), env: map[string]string{}}
	b.hub.Start()
	t.Cleanup(b.hub.Close)
	b.key, b.card = filepath.Join(b.dir, "t1.pem"), filepath.Join(b.dir, "card.json")
	out := b.ok("key", b.key)
	public, err := base64.StdEncoding.DecodeString(strings.TrimSpace(out))
	if err != nil || len(public) != ed25519.PublicKeySize {
		t.Fatalf("key printed %q, %v", out, err)
	}
	b.hub.Devices["T1"] = &terminaltest.Device{Key: public, State: "registered"}
	b.hub.Cards["70001"] = &terminaltest.Account{UID: "04A1B2C3", Version: "1", Pending: waiting}
	b.ok("card", "new", b.card, "--uid", "04A1B2C3", "--no", "70001", "--balance", "12", "--load-counter", "3")
	return b
}

// at are the flags that say which terminal it is.
func (b *bench) at() []string {
	return []string{
		"--hub", b.hub.Server.URL, "--id", "T1", "--key", b.key, "--dir", filepath.Join(b.dir, "T1"),
		"--hub-key", base64.StdEncoding.EncodeToString(b.hub.PublicKey()),
	}
}

// start runs the program here, and returns its exit status and what it printed.
func (b *bench) start(stdin string, args ...string) (status int, out, problems string) {
	b.t.Helper()
	return b.startUntil(b.t.Context(), strings.NewReader(stdin), args...)
}

// startUntil is start for a program that is interrupted when ctx ends.
func (b *bench) startUntil(ctx context.Context, stdin io.Reader, args ...string) (status int, out, problems string) {
	b.t.Helper()
	var o, p bytes.Buffer
	r := run{
		ctx: ctx, in: stdin, out: &o, problems: &p,
		env: func(name string) string { return b.env[name] }, kill: func() { b.t.Error("killed") },
		rest: func(_ context.Context, d time.Duration) { b.rested = append(b.rested, d) },
	}
	status = r.start(args)
	return status, o.String(), p.String()
}

// ok is start for what must work.
func (b *bench) ok(args ...string) string {
	b.t.Helper()
	status, out, problems := b.start("", args...)
	if status != 0 {
		b.t.Fatalf("%v: status %d\n%s%s", args, status, out, problems)
	}
	return out
}

// step is ok for a step of the terminal.
func (b *bench) step(args ...string) string {
	b.t.Helper()
	return b.ok(append(args, b.at()...)...)
}

// process runs a step of the terminal as a process of its own.
func (b *bench) process(args ...string) (killed bool, out string, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], append(args, b.at()...)...) // #nosec G204 -- this very test
	c.Env = append(os.Environ(), beProgram+"=1")
	for name, value := range b.env {
		c.Env = append(c.Env, name+"="+value)
	}
	text, err := c.CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		wait, _ := ended.Sys().(syscall.WaitStatus)
		killed = wait.Signaled() && wait.Signal() == syscall.SIGKILL
	}
	return killed, string(text), err
}

// holds fails the test unless the card holds this.
func (b *bench) holds(fen, l int64) {
	b.t.Helper()
	c, err := terminal.OpenCard(b.card)
	if err != nil {
		b.t.Fatal(err)
	}
	d, err := c.Peek()
	if err != nil || d.B != fen || d.L != l {
		b.t.Errorf("card holds %+v, %v; want %d at %d", d, err, fen, l)
	}
}

// says fails the test unless text holds all of these.
func (b *bench) says(text string, want ...string) {
	b.t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			b.t.Errorf("it says\n%s\nand not %q", text, w)
		}
	}
}
