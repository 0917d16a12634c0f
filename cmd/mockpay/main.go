package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// program is the command line.
type program struct {
	Serve    serve    `cmd:"" default:"withargs" help:"Run both simulators (what happens without a command)."`
	Fidelity fidelity `cmd:"" help:"Print what of each documented behaviour is simulated, and the test that holds it, as Markdown."`
}

// serve is the running of both.
type serve struct {
	WeChat   string   `name:"wechat" help:"Where WeChat Pay listens, on loopback." default:"127.0.0.1:9001" placeholder:"ADDR"`
	Alipay   string   `help:"Where Alipay listens." default:"127.0.0.1:9002" placeholder:"ADDR"`
	Help     string   `name:"index" help:"Where the help page and merchant.json are." default:"127.0.0.1:9000" placeholder:"ADDR"`
	State    string   `help:"Keep keys, orders, refunds and callbacks under way in files that begin with this name, and go on with them." type:"path" placeholder:"FILE"`
	Seed     int64    `help:"Of ids and misfortunes, to repeat a run; 0 draws one." placeholder:"N"`
	Calm     bool     `help:"Nothing goes wrong by itself."`
	Scenario []string `help:"Play scenarios from the start; the help page lists them." placeholder:"NAME"`
	Person   string   `help:"Who authorizes and pays when nobody else is named." default:"xiaoming"`
	Verbose  bool     `help:"Show a line for each answer."`
}

// run is what every command gets.
type run struct {
	ctx      context.Context
	out      io.Writer
	problems io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// start runs one command and returns the exit status: 0, 1 if it failed, 2 if
// the command line is wrong.
func start(ctx context.Context, args []string, out, problems io.Writer) int {
	var p program
	status := -1
	parser, err := kong.New(&p, kong.Name("mockpay"), kong.Writers(out, problems), kong.Exit(func(code int) { status = code }),
		kong.Description("WeChat Pay and Alipay for tests: stateful, signed, rude. Nothing here moves money."), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	command, err := parser.Parse(args)
	if status >= 0 {
		return status // --help
	}
	if err != nil {
		fmt.Fprintln(problems, "mockpay:", err)
		return 2
	}
	err = command.Run(run{ctx, out, problems})
	if err != nil {
		fmt.Fprintln(problems, "mockpay:", err)
		return 1
	}
	return 0
}

// Run runs both simulators until the context ends.
func (s serve) Run(r run) error {
	log := slog.New(slog.DiscardHandler)
	if s.Verbose {
		log = slog.New(slog.NewTextHandler(r.problems, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	g, err := open(r.ctx, s, log)
	if err != nil {
		return err
	}
	defer g.close()
	g.announce(r.out)
	<-r.ctx.Done()
	return nil
}
