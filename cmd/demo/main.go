package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"guodu/internal/fen"
)

// options is the command line.
type options struct {
	Once     bool   `help:"Walk the journey once, print the account, end."`
	Amounts  string `help:"Recharges in yuan, separated by commas." default:"50.00,20.00" placeholder:"YUAN,…"`
	Sabotage string `help:"Damage the credit script first, to see the account fail: double (each callback credits) or lost (a credit moves nothing)." enum:"none,double,lost" default:"none"`
	Memory   bool   `help:"Use the in-memory server although redis-server is installed."`
	Verbose  bool   `help:"Show the hub's log."`
}

// quiet is a redis logger that says nothing: what the connections of a demo
// that ends have to say interests nobody.
type quiet struct{}

// Printf implements the client's logger.
func (quiet) Printf(context.Context, string, ...any) {}

func main() {
	redis.SetLogger(quiet{})
	os.Exit(start(os.Args[1:], os.Stdout, os.Stderr))
}

// start runs the demo and returns the exit status: 0 if the account holds, 1
// if it does not or something failed, 2 if the command line is wrong.
func start(args []string, out, problems io.Writer) int {
	var o options
	status := -1
	parser, err := kong.New(&o, kong.Name("demo"), kong.Writers(out, problems), kong.Exit(func(code int) { status = code }),
		kong.Description("guodu among simulators: recharges by WeChat and Alipay to the card."), kong.UsageOnError())
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.DiscardHandler)
	if o.Verbose {
		log = slog.New(slog.NewTextHandler(problems, nil))
	}
	err = walk(ctx, o, amounts, out, log)
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
