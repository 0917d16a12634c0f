package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
)

// program is the command line.
type program struct {
	Serve     serve     `cmd:"" default:"withargs" help:"Run the simulators. The word serve can be left out: mockpay --calm."`
	Scenarios scenarios `cmd:"" help:"List what can go wrong on request, and what a shop should do then, as Markdown."`
	Fidelity  fidelity  `cmd:"" help:"List what of each documented behaviour is simulated, the test that holds it, and where documents and production differ, as Markdown."`
}

// serve is the running of all.
type serve struct {
	WeChat      string   `name:"wechat" help:"Where WeChat Pay listens, on loopback; port 0 is a free one." default:"127.0.0.1:9001"`
	Alipay      string   `help:"Where Alipay listens." default:"127.0.0.1:9002"`
	Portal      string   `help:"Where the university's login listens." default:"127.0.0.1:9003"`
	Help        string   `name:"index" help:"Where the help page and merchant.json are." default:"127.0.0.1:9000"`
	State       string   `help:"Keep keys, orders, refunds and callbacks under way in files that begin with this name, and go on with them at the next start." type:"path" placeholder:"FILE"`
	Seed        int64    `help:"Of ids and misfortunes, to repeat a run; 0 draws one." placeholder:"N"`
	Calm        bool     `help:"Nothing goes wrong by itself."`
	Tidy        bool     `help:"Speak as the documents do. Without it what decides nothing varies, as in production."`
	Scenario    []string `help:"Play these from the start; mockpay scenarios lists them." placeholder:"NAME"`
	Person      string   `help:"Who authorizes and pays when nobody else is named." default:"xiaoming"`
	Hub         string   `help:"Write DIR/hub.yaml with every file that it names, and accounts.csv for the portal's people: with mockpay running, hub --config DIR/hub.yaml serve starts at once. The state is kept in DIR/mockpay.state unless --state says otherwise." type:"path" placeholder:"DIR"`
	MchID       string   `help:"The merchant's number at WeChat Pay; with another one, and other addresses, two mockpays are two merchants." placeholder:"ID"`
	AppID       string   `help:"The official account's appid." placeholder:"ID"`
	AlipayAppID string   `name:"alipay-app-id" help:"The app at Alipay." placeholder:"ID"`
	SellerID    string   `help:"The merchant's user id at Alipay: 2088 and twelve digits." placeholder:"ID"`
	Tail        bool     `help:"Show a line for each request (<-) and each callback (->): time, gateway, order and refund, what it was, the answer. No secret is in it."`
	Verbose     bool     `help:"Show a line for each answer."`
}

// stateFile is where the state is kept; "" is nowhere.
func (s serve) stateFile() string {
	if s.State == "" && s.Hub != "" {
		return filepath.Join(s.Hub, "mockpay.state")
	}
	return s.State
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
		kong.Description("WeChat Pay, Alipay and a login for tests: stateful, signed, rude. Nothing here moves money."), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	command, err := parser.Parse(args)
	if status >= 0 {
		if slices.Contains([]string{"-h", "--help"}, args[0]) {
			fmt.Fprintln(out)
			_, _ = parser.Parse([]string{"serve", "--help"}) // its flags are what most look for
		}
		return status // --help
	}
	if err != nil {
		fmt.Fprintf(problems, "mockpay: %v (mockpay --help shows what there is)\n", err)
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
	var t *tail
	if s.Tail {
		t = newTail(r.out)
	}
	defer t.close()
	g, err := open(r.ctx, s, log, t)
	if err != nil {
		return err
	}
	g.announce(r.out)
	<-r.ctx.Done()
	return g.close()
}
