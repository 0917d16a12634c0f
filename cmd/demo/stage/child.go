package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"

	"guodu/cmd/hub/app"
)

// What a hub process is told by its parent, in its environment.
const (
	envHub      = "DEMO_HUB"      // the configuration file; makes this process a hub
	envSabotage = "DEMO_SABOTAGE" // see Sabotages
	envMemory   = "DEMO_MEMORY"   // not empty: the money Redis is the embedded one
)

// Child runs the hub if this process was started to be one, and returns its
// exit status then.
func Child() (status int, child bool) {
	file := os.Getenv(envHub)
	if file == "" {
		return 0, false
	}
	err := serve(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hub:", err)
		return 1, true
	}
	return 0, true
}

// serve is a hub that logs JSON to its standard output and lives until its
// parent closes its standard input, or dies.
func serve(file string) error {
	// Ctrl-C reaches both processes; the parent ends this one in good order.
	signal.Ignore(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	redis.SetLogger(quiet{})
	config, err := app.Load(file)
	if err != nil {
		return err
	}
	rewrite, err := sabotage(os.Getenv(envSabotage))
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	hub, err := app.New(ctx, config, app.Options{Log: log, Rewrite: rewrite, Memory: os.Getenv(envMemory) != ""})
	if err != nil {
		return err
	}
	defer hub.Close()
	err = hub.Serve(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// quiet is a redis logger that says nothing: that connections end when a server
// is killed on purpose interests nobody.
type quiet struct{}

// Printf implements the client's logger.
func (quiet) Printf(context.Context, string, ...any) {}
