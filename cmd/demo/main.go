package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"guodu/cmd/demo/show"
	"guodu/cmd/demo/stage"
	"guodu/internal/fen"
)

// options is the command line.
type options struct {
	Listen   string        `help:"Where the page listens, on loopback. Default: 127.0.0.1:8080, or a free port if that is taken." placeholder:"ADDR"`
	Pace     time.Duration `help:"How long each step of a tap and of a callback takes on the page, so that eyes can follow." default:"700ms"`
	Once     bool          `help:"No page: walk the journey once, print the account, end."`
	Amounts  string        `help:"Recharges of --once in yuan, separated by commas." default:"50.00,20.00" placeholder:"YUAN,…"`
	Sabotage string        `help:"Damage the credit script first, to see the account fail: double (each callback credits) or lost (a credit moves nothing)." enum:"none,double,lost" default:"none"`
	Memory   bool          `help:"Use the in-memory server although redis-server is installed."`
	Seed     int64         `help:"Of the simulators, to repeat a run; 0 draws one." placeholder:"N"`
	Verbose  bool          `help:"Show the hub's log."`
}

// quiet is a redis logger that says nothing: that connections end when a server
// is killed on purpose interests nobody.
type quiet struct{}

// Printf implements the client's logger.
func (quiet) Printf(context.Context, string, ...any) {}

// started is when this process did, as near as a program can tell.
var started = time.Now() //nolint:gochecknoglobals // there is one start

func main() {
	if status, child := stage.Child(); child {
		os.Exit(status)
	}
	redis.SetLogger(quiet{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// start runs the demo and returns the exit status: 0 if the account holds, 1
// if it does not or something failed, 2 if the command line is wrong.
func start(ctx context.Context, args []string, out, problems io.Writer) int {
	var o options
	status := -1
	parser, err := kong.New(&o, kong.Name("demo"), kong.Writers(out, problems), kong.Exit(func(code int) { status = code }),
		kong.Description("guodu among simulators, on loopback: a page with a phone and a POS to play with, or (--once) one journey told step by step."), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	_, err = parser.Parse(args)
	if status >= 0 {
		return status // --help
	}
	var amounts []fen.Fen
	if err == nil {
		amounts, err = parseAmounts(o.Amounts)
	}
	if err != nil {
		fmt.Fprintln(problems, "demo:", err)
		return 2
	}
	log := slog.New(slog.DiscardHandler)
	if o.Verbose {
		log = slog.New(slog.NewTextHandler(problems, nil))
	}
	if o.Once {
		err = once(ctx, o, amounts, out, log)
	} else {
		err = page(ctx, o, out, log)
	}
	if err != nil {
		fmt.Fprintln(problems, "demo:", err)
		return 1
	}
	return 0
}

func parseAmounts(text string) ([]fen.Fen, error) {
	var amounts []fen.Fen
	for yuan := range strings.SplitSeq(text, ",") {
		amount, err := fen.Parse(strings.TrimSpace(yuan))
		if err != nil {
			return nil, err
		}
		if amount == 0 {
			return nil, fmt.Errorf("an amount of 0.00 is no recharge")
		}
		amounts = append(amounts, amount)
	}
	return amounts, nil
}

// open sets a stage as the command line says; hear may be nil.
func open(ctx context.Context, o options, listen string, out io.Writer, log *slog.Logger, hear func(stage.Line)) (*stage.Stage, error) {
	s, err := stage.Open(ctx, stage.Options{
		Listen: listen, Memory: o.Memory, Sabotage: o.Sabotage, Seed: o.Seed, Log: log,
		Hear: func(l stage.Line) {
			if hear != nil {
				hear(l)
			}
			text, err := json.Marshal(l.Fields)
			if err == nil {
				log.Info("hub", "said", string(text))
			}
		},
	})
	if err == nil && s.Memory() {
		fmt.Fprint(out, banner)
	}
	return s, err
}

// banner says what an in-memory Redis is not.
const banner = `
  ┌──────────────────────────────────────────────────────────────────────┐
  │  IN MEMORY: redis-server is not installed (or --memory was asked     │
  │  for). Nothing survives the end of this program, and nothing of it   │
  │  says how guodu keeps money: for that, install redis-server.         │
  └──────────────────────────────────────────────────────────────────────┘

`

// usual is where the page is looked for first.
const usual = "127.0.0.1:8080"

// page shows the page until ctx ends.
func page(ctx context.Context, o options, out io.Writer, log *slog.Logger) error {
	p := show.New(show.Options{Pace: o.Pace, Log: log})
	listen := o.Listen
	if listen == "" {
		listen = usual
	}
	s, err := open(ctx, o, listen, out, log, p.Hear)
	if errors.Is(err, stage.ErrListen) && o.Listen == "" {
		s, err = open(ctx, o, "", out, log, p.Hear)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	err = p.Play(ctx, s)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := first(ctx, s.URL); err != nil {
		return err
	}
	addresses(out, s)
	_, err = s.World.Card()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "a terminal of your own, for the same card (type help there):\n  go run ./cmd/terminal run %s --card %s\n\n",
		strings.Join(s.World.Visitor(), " "), s.World.CardFile())
	fmt.Fprintf(out, "first 200 after %.2f s, counted from the start of the built program\n\n  open  %s/\n\nCtrl-C ends it\n", time.Since(started).Seconds(), s.URL)
	<-ctx.Done()
	return nil
}

// addresses says what runs where.
func addresses(out io.Writer, s *stage.Stage) {
	fmt.Fprintf(out, "%-12s %s  pages /h5, callbacks /notify, terminals /pos/v1\n", "hub", s.URL)
	fmt.Fprintf(out, "%-12s %s  simulator, seed %d\n", "WeChat Pay", s.World.WeChatURL, s.World.WeChat.Seed())
	fmt.Fprintf(out, "%-12s %s  simulator, seed %d\n", "Alipay", s.World.AlipayURL, s.World.Alipay.Seed())
	fmt.Fprintf(out, "%-12s %s  simulator of the university's login\n", "portal", s.World.PortalURL)
	fmt.Fprintf(out, "%-12s %s\n\n", "Redis", s.Databases())
}
