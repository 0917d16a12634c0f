package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// program is the command line.
type program struct {
	Run       interactive `cmd:"" help:"A terminal to play with: type help. Reads its commands from standard input, a script too."`
	SignIn    signIn      `cmd:"" help:"Begin the day. A terminal that is registered runs from its first sign-in."`
	Tap       tap         `cmd:"" help:"Hold a card to the terminal: load what waits for it. Signs in first if it has not today."`
	Resume    resume      `cmd:"" help:"Send what the journal owes after a crash."`
	Upload    upload      `cmd:"" help:"Send the journal's records that the hub has no verdict on, and delete what is archived and old."`
	Heartbeat heartbeat   `cmd:"" help:"Tell the hub how the terminal is."`
	Status    status      `cmd:"" help:"Ask where a load stands that this terminal had an attempt on."`
	Pending   pending     `cmd:"" help:"Ask what waits for a card."`
	Payer     payer       `cmd:"" help:"Ask whether a payer of a channel is bound."`
	Desk      desk        `cmd:"" help:"Show the hub a card in conflict, and repair it if people have decided. For terminals of role desk."`
	Lists     lists       `cmd:"" help:"Fetch parameters and blocklist, and show them."`
	Feed      feed        `cmd:"" help:"Listen to the hub's hints until interrupted."`
	Journal   journal     `cmd:"" help:"Show the journal on the disk."`
	Reset     reset       `cmd:"" help:"Reset the terminal to factory state: its memory is gone, its epoch rises."`
	Card      cards       `cmd:"" help:"Cards: make one, show it, and do what other machines do to it."`
	Steps     steps       `cmd:"" help:"List the steps at which GUODU_CRASH kills and what GUODU_CARD can do, as tests and scripts set them."`
	Key       key         `cmd:"" help:"Make a terminal's key and print what hub terminals add wants of it."`
	Roster    roster      `cmd:"" help:"Make the terminals of a fleet: DIR/roster.csv with id, key and place for hub terminals import."`
	Fleet     fleetRun    `cmd:"" help:"Drive a fleet against a running hub and account for every card. Exit status 1 if anything does not add up."`
}

// run is what every command gets.
type run struct {
	ctx      context.Context
	in       io.Reader
	out      io.Writer
	problems io.Writer
	env      func(string) string
	kill     func() // ends the process as a power cut does
	// rest is a pause, or less if ctx ends.
	rest func(ctx context.Context, d time.Duration)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r := run{ctx: ctx, in: os.Stdin, out: os.Stdout, problems: os.Stderr, env: os.Getenv, kill: kill, rest: rest}
	status := r.start(os.Args[1:])
	stop()
	os.Exit(status)
}

// kill ends this process as a power cut ends a terminal: nothing runs after it.
func kill() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until the signal is there
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// start runs one command and returns the exit status: 0, 1 if it failed, 2 if
// the command line is wrong.
func (r run) start(args []string) int {
	var p program
	status := -1
	parser, err := kong.New(&p, kong.Name("terminal"), kong.Writers(r.out, r.problems), kong.Exit(func(code int) { status = code }),
		kong.Description("A simulated terminal and its cards. Nothing here moves money that is real."), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(r.problems, err)
		return 2
	}
	if len(args) > 0 && (args[0] == "--fleet" || strings.HasPrefix(args[0], "--fleet=")) {
		args = append([]string{"fleet"}, args...)
	}
	command, err := parser.Parse(args)
	if status >= 0 {
		return status // --help
	}
	if err != nil {
		fmt.Fprintf(r.problems, "terminal: %v (terminal --help shows what there is)\n", err)
		return 2
	}
	err = command.Run(r)
	if err != nil {
		fmt.Fprintln(r.problems, "terminal:", err)
		return 1
	}
	return 0
}
