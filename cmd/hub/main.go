package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"guodu/cmd/hub/app"
)

// program is the command line.
type program struct {
	Config string `help:"Configuration file (YAML)." env:"GUODU_CONFIG" type:"existingfile" placeholder:"FILE"`
	Debug  bool   `help:"Log more."`

	Serve            serve            `cmd:"" help:"Run the hub."`
	Doctor           doctor           `cmd:"" help:"Examine configuration, keys, clocks, Redis, portal, channels and callback addresses; say what to do. Moves nothing."`
	Try              try              `cmd:"" help:"Make a first payment of 0.01 yuan, step by step: order, payment, callback, refund."`
	ExplainSignature explainSignature `cmd:"" help:"Say which part of a callback keeps its signature from holding."`
	Verify           verify           `cmd:"" help:"Derive every balance, order and load again from the entries; print the first difference."`
	Accounts         accounts         `cmd:"" help:"Accounts and cards."`
	Bindings         bindings         `cmd:"" help:"Payers who are bound to an account."`
	Terminals        terminals        `cmd:"" help:"Terminals."`
	Refunds          refunds          `cmd:"" help:"Money back to payers."`
	Trace            trace            `cmd:"" help:"Everything known of an order, in the order of time."`
	Notices          notices          `cmd:"" help:"The last callbacks of channels, and what they were answered."`
	Loads            loads            `cmd:"" help:"Loads that are open or in doubt, and what people decide about them."`
	Recovery         recovery         `cmd:"" help:"After a failover or a restore that may have lost writes."`
	Cases            cases            `cmd:"" help:"What a person must decide."`
	Keys             keys             `cmd:"" help:"The hub's own keys."`
	API              api              `cmd:"" name:"api" help:"Print the description of /pos/v1, what terminals speak (OpenAPI 3.1, YAML)."`
	Version          version          `cmd:"" help:"Say which hub this is: version, revision, Go."`
}

// run is what every command gets.
type run struct {
	ctx    context.Context
	config app.Config
	log    *slog.Logger
	out    io.Writer
	reload func() (app.Config, error) // reads the configuration again
}

// money opens the money side for a command and runs it.
func (r run) money(do func(*app.Hub) error) error {
	hub, err := app.Money(r.ctx, r.config, app.Options{Log: r.log})
	if err != nil {
		return err
	}
	defer hub.Close()
	return do(hub)
}

// beside puts a whole hub together beside a serving one, for a command that needs
// the channels, and runs it.
func (r run) beside(do func(*app.Hub) error) error {
	hub, err := app.New(r.ctx, r.config, app.Options{Log: r.log, Beside: true})
	if err != nil {
		return err
	}
	defer hub.Close()
	return do(hub)
}

// clientLog sends what the Redis client has to say into the hub's log.
type clientLog struct{ log *slog.Logger }

// Printf implements the client's logger.
func (c clientLog) Printf(ctx context.Context, format string, args ...any) {
	c.log.WarnContext(ctx, "redis client", "text", fmt.Sprintf(format, args...))
}

func main() {
	os.Exit(start(os.Args[1:], os.Stdout, os.Stderr))
}

// start runs one command and returns the exit status: 0, 1 if the command
// failed, 2 if it was not understood.
func start(args []string, out, problems io.Writer) int {
	var p program
	status := -1
	parser, err := kong.New(&p, kong.Name("hub"), kong.Writers(out, problems), kong.Exit(func(code int) { status = code }),
		kong.Description("guodu 过渡: from WeChat Pay to the campus card, each fen once."), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	command, err := parser.Parse(args)
	if status >= 0 {
		return status // --help
	}
	if err != nil {
		fmt.Fprintln(problems, "hub:", understood(err))
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	level := slog.LevelInfo
	if p.Debug {
		level = slog.LevelDebug
	}
	if p.Config == "" && !app.FromEnvironment(os.Environ()) && !needsNone(command.Command()) {
		fmt.Fprintln(problems, "hub: no configuration: name its file with --config FILE or GUODU_CONFIG (docs/configuration.md)")
		return 2
	}
	config, err := app.Load(p.Config)
	if err != nil && !needsNone(command.Command()) {
		fmt.Fprintln(problems, "hub:", err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(problems, &slog.HandlerOptions{Level: level}))
	redis.SetLogger(clientLog{log})
	err = command.Run(run{
		ctx: ctx, config: config, log: log, out: plain{out}, reload: func() (app.Config, error) { return app.Load(p.Config) },
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(problems, "hub:", withSetting(config, err))
		return 1
	}
	return 0
}

// needsNone says that a command works without a configuration, whatever is wrong
// with the one that the environment names.
func needsNone(command string) bool {
	return slices.Contains([]string{"api", "version", "keys new <file>", "keys show <file>"}, command)
}

// withSetting adds to an error about a file which setting names it.
func withSetting(c app.Config, err error) string {
	var file *fs.PathError
	if errors.As(err, &file) {
		if name := c.SettingOf(file.Path); name != "" {
			return fmt.Sprintf("%v (the file of %s)", err, name)
		}
	}
	return err.Error()
}
