package redistest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// startLimit bounds the wait for a redis-server.
const startLimit = 20 * time.Second

// Server is a redis-server that belongs to one test.
type Server struct {
	tb      testing.TB
	options redisx.ServerOptions

	mu    sync.Mutex
	child *redisx.Server
}

// Option changes how Start runs the server.
type Option func(*redisx.ServerOptions)

// Cluster makes the server a single-node Cluster that owns every slot.
func Cluster(o *redisx.ServerOptions) { o.Cluster = true }

// Ephemeral makes it a server without persistence.
func Ephemeral(o *redisx.ServerOptions) { o.Ephemeral, o.Unkept = true, true }

// Start runs a redis-server until the test ends.
func Start(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	dir, err := os.MkdirTemp("", "guodu-redis-") // short, whatever the test is called
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{tb: tb, options: redisx.ServerOptions{Dir: dir, Lifeline: true}}
	for _, o := range options {
		o(&s.options)
	}
	s.launch()
	tb.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	if s.options.Cluster {
		s.ownAllSlots()
	}
	return s
}

// launch starts the child; a port that somebody took in between is replaced.
func (s *Server) launch() {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var err error
	for range 5 {
		if s.options.Port == 0 {
			s.options.Port = freePort(s.tb)
		}
		var child *redisx.Server
		child, err = redisx.StartServer(ctx, s.options)
		if err == nil {
			s.mu.Lock()
			s.child = child
			s.mu.Unlock()
			return
		}
		s.options.Port = 0
	}
	log, _ := os.ReadFile(filepath.Join(s.options.Dir, "redis.log"))
	s.tb.Fatalf("start redis-server: %v\n%s", err, log)
}

// Addr is the server's host:port; it stays the same over a Restart.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.options.Port)) }

// Client connects to the server until the test ends.
func (s *Server) Client() redis.UniversalClient {
	s.tb.Helper()
	c, err := redisx.Connect(redisx.Options{Addrs: []string{s.Addr()}, Cluster: s.options.Cluster, PoolSize: 16})
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := redisx.Ping(ctx, c); err != nil {
		s.tb.Fatal(err)
	}
	return c
}

// PID is the running server's process id.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child.PID()
}

// Kill ends the server with SIGKILL. What it acknowledged is on disk.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.child.Kill()
}

// Restart starts the server again on the same port and folder.
func (s *Server) Restart() {
	s.tb.Helper()
	s.launch()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := redisx.Ping(ctx, s.Client()); err != nil {
		s.tb.Fatal(err)
	}
	if s.options.Cluster {
		s.clusterReady()
	}
}

// Swap puts an empty server of the same kind in the place of this one, on the same
// port, as long as during runs.
func (s *Server) Swap(during func()) {
	s.tb.Helper()
	dir, err := os.MkdirTemp("", "guodu-redis-")
	if err != nil {
		s.tb.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s.Kill()
	own := s.options.Dir
	s.options.Dir = dir
	s.Restart()
	during()
	s.Kill()
	s.options.Dir = own
	s.Restart()
}

func (s *Server) ownAllSlots() {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	node := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer func() { _ = node.Close() }()
	if err := node.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		s.tb.Fatalf("own all slots: %v", err)
	}
	s.clusterReady()
}

// clusterReady waits until the node takes commands; a Cluster node waits two
// seconds after its start before it does.
func (s *Server) clusterReady() {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	node := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer func() { _ = node.Close() }()
	for {
		info, err := node.ClusterInfo(ctx).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			return
		}
		select {
		case <-ctx.Done():
			s.tb.Fatalf("cluster does not become ok: %v\n%s", err, info)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freePort finds a port whose successor is free too (the Cluster bus).
func freePort(tb testing.TB) int {
	tb.Helper()
	for range 50 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)))
		_ = first.Close()
		if err == nil {
			_ = second.Close()
			return port
		}
	}
	tb.Fatal("no free port found")
	return 0
}
