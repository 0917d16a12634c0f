package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/mocks/sim"
)

// Options say how a stage is set.
type Options struct {
	Listen   string     // the front's address, on loopback; a free port of 127.0.0.1 if empty
	Memory   bool       // the embedded server although there is a redis-server
	Sabotage string     // of the hub's credit script: double, lost; empty: none
	Seed     int64      // of the simulators; 0 draws one
	Hear     func(Line) // gets each line of the hub's log, one at a time
	Log      *slog.Logger
}

// Stage is a campus with one hub. All methods are safe for concurrent use.
type Stage struct {
	World    *world.World
	Operator *app.Hub // the money side beside the hub process: books, accounts, terminals
	URL      string   // the front

	options Options
	dir     string
	front   *front
	server  *http.Server
	redis   *databases

	mu  sync.Mutex
	hub *process // nil while dead
}

// Open sets the stage and starts the hub. The caller calls Close.
func Open(ctx context.Context, o Options) (*Stage, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := sabotage(o.Sabotage); err != nil {
		return nil, err
	}
	s := &Stage{options: o, front: newFront(o.Log)}
	err := s.open(ctx)
	if err == nil {
		err = s.StartHub(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stage) open(ctx context.Context) error {
	var err error
	s.dir, err = os.MkdirTemp("", "guodu-demo-")
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.World, err = world.New(ctx, world.Options{Dir: s.dir, PublicURL: s.URL, Alipay: true, Seed: s.options.Seed, Log: s.options.Log})
	if err != nil {
		return err
	}
	s.redis, err = openDatabases(ctx, s.dir, s.options.Memory)
	if err != nil {
		return err
	}
	config, err := app.Load(s.World.ConfigFile)
	if err != nil {
		return err
	}
	config.Redis.Addrs, config.Ephemeral.Addrs = []string{s.redis.money}, []string{s.redis.ephemeral}
	s.Operator, err = app.Money(ctx, config, app.Options{Log: s.options.Log, Memory: s.Memory(), Begin: true})
	if err != nil {
		return err
	}
	return s.World.Furnish(ctx, s.Operator)
}

// ErrListen says that the front's address cannot be had.
var ErrListen = errors.New("stage: cannot listen")

func (s *Stage) listen(ctx context.Context) error {
	addr := s.options.Listen
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%w: %q is no loopback address with a port, such as 127.0.0.1:8080", ErrListen, addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrListen, err)
	}
	s.URL = "http://" + listener.Addr().String()
	s.server = &http.Server{
		Handler: sim.Loopback(s.front), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	go func() { _ = s.server.Serve(listener) }() // ends with Close
	return nil
}

// Memory says that the money lies in an embedded server's memory.
func (s *Stage) Memory() bool { return len(s.redis.embedded) > 0 }

// Show gives the front something to show: show gets every request, and hands
// those that are the hub's to the handler that it was made with.
func (s *Stage) Show(show func(hub http.Handler) http.Handler) {
	handler := show(http.HandlerFunc(s.front.toHub))
	s.front.other.Store(&handler)
}

// Close ends everything and removes the files.
func (s *Stage) Close() {
	s.stopHub()
	if s.server != nil {
		_ = s.server.Close()
	}
	if s.Operator != nil {
		s.Operator.Close()
	}
	if s.redis != nil {
		s.redis.close()
	}
	if s.World != nil {
		s.World.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
