package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Errors of [Host.Start].
var (
	ErrStarted = errors.New("simulator: already started")
	ErrClosed  = errors.New("simulator: closed")
)

const (
	// HeaderSimulator is on every answer and every callback of a simulator, so
	// that a production system can refuse to go on.
	HeaderSimulator = "X-Payment-Simulator"
	// HeaderEnvironment is how a merchant's system says what it is. A simulator
	// refuses every request of one that says production.
	HeaderEnvironment = "X-Merchant-Environment"
	production        = "production"

	maxHeaderBytes    = 32 << 10
	readHeaderTimeout = 5 * time.Second
)

// Host is a simulator's life: its listener, its background work, its end.
type Host struct {
	name   string
	names  []string
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	closed    bool
	server    *http.Server
	stopWatch func() bool
	running   sync.WaitGroup
}

// Complete fills in what a simulator was not given: a running clock, a seed
// drawn now, a log that is silent.
func Complete(clock **Clock, seed *int64, log **slog.Logger) {
	if *clock == nil {
		*clock = NewWallClock()
	}
	if *seed == 0 {
		*seed = NewSeed()
	}
	if *log == nil {
		*log = slog.New(slog.DiscardHandler)
	}
}

// NewHost makes a host that does not listen yet. A nil log is silence.
//
// names are those of the real service, under which a shop may send its requests here:
// nobody else owns them. Any other name but this machine's is refused.
func NewHost(name string, log *slog.Logger, names ...string) *Host {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &Host{name: name, log: log, names: names}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Context ends at Close: it frees hung requests and background callbacks.
func (h *Host) Context() context.Context { return h.ctx }

// Spawn runs work in the background unless the host is closed; Close waits for
// it.
func (h *Host) Spawn(work func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.running.Go(work)
	return true
}

// Begin says that work starts in this goroutine, for Close to wait for. Unless
// it says no, the caller calls the function that it gets at the end.
func (h *Host) Begin() (end func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, false
	}
	h.running.Add(1)
	return h.running.Done, true
}

// Start listens at address, which must be loopback ("" is a free port), and
// returns "http://127.0.0.1:port". The end of ctx calls shut.
// Errors: ErrStarted, ErrClosed, ErrNotLoopback, or why there is no port.
func (h *Host) Start(ctx context.Context, address string, handler http.Handler, shut func() error) (string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	name, _, err := net.SplitHostPort(address)
	if err == nil && !LoopbackHost(name) {
		err = ErrNotLoopback
	}
	if err != nil {
		return "", fmt.Errorf("start %s at %s: %w", h.name, address, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("start %s: %w", h.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.server != nil {
		_ = listener.Close()
		if h.closed {
			return "", fmt.Errorf("start %s: %w", h.name, ErrClosed)
		}
		return "", fmt.Errorf("start %s: %w", h.name, ErrStarted)
	}
	h.server = &http.Server{
		Handler:           Loopback(handler, h.names...),
		ReadHeaderTimeout: readHeaderTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	server := h.server
	h.running.Go(func() { _ = server.Serve(listener) }) // its error is always ErrServerClosed
	h.stopWatch = context.AfterFunc(ctx, func() { _ = shut() })
	return "http://" + listener.Addr().String(), nil
}

// Close stops listening, frees hung requests, abandons background work and
// waits for it. A second Close does nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	server, stop := h.server, h.stopWatch
	h.mu.Unlock()
	h.cancel()
	if stop != nil {
		stop()
	}
	var err error
	if server != nil {
		err = server.Close()
	}
	h.running.Wait()
	if err != nil {
		return fmt.Errorf("close %s: %w", h.name, err)
	}
	return nil
}

// Marked puts the simulator's mark on every answer, and refuses a caller that
// says it is in production.
func (h *Host) Marked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(HeaderSimulator, h.name)
		if strings.EqualFold(r.Header.Get(HeaderEnvironment), production) {
			http.Error(w, h.name+": this is a simulator, and the caller says that it is in production", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
