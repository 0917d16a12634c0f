package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"time"
)

// Errors of [Sim.Start].
var (
	ErrStarted = errors.New("alipay simulator: already started")
	ErrClosed  = errors.New("alipay simulator: closed")
)

const (
	maxRequestBytes   = 64 << 10
	maxHeaderBytes    = 32 << 10
	readHeaderTimeout = 5 * time.Second
)

// call is one request with its body already read.
type call struct {
	endpoint string
	w        http.ResponseWriter
	request  *http.Request
	body     string

	// The rest is for the gateway: the parameters in the bytes of the charset,
	// and whether a person waits for a page.
	params  map[string]string
	charset string
	browser bool
}

// work is an endpoint: it looks at the request, changes the state and says what
// to answer.
type work func(*Sim, *call) answer

// Handler serves the paths of openapi.alipay.com and openauth.alipay.com on one
// host. Paths under /_sim/ are the simulator's own.
func (s *Sim) Handler() http.Handler { return s.handler }

func (s *Sim) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway.do", s.serve(route))
	mux.Handle("GET /oauth2/publicAppAuthorize.htm", s.serve(fixed(EndpointAuthorize, inPage, (*Sim).authorize)))
	mux.Handle("POST "+wapCashierPath, s.serve(fixed(EndpointWapCashier, inPage, (*Sim).wapCashier)))
	mux.Handle("POST /_sim/cashier", fromPages(s.serve(fixed(EndpointCashier, inBridge, (*Sim).cashier))))
	mux.Handle("OPTIONS /_sim/cashier", fromPages(http.HandlerFunc(preflight)))
	return mux
}

// plan is how to treat a request.
type plan struct {
	endpoint string
	dialect  dialect
	do       work
}

func fixed(endpoint string, d dialect, do work) func(*call) plan {
	return func(*call) plan { return plan{endpoint, d, do} }
}

// serve reads the request, lets a fault come first, works, lets a fault come
// between, and answers. The body is read before anything else: only then does
// net/http notice that a caller has gone.
func (s *Sim) serve(choose func(*call) plan) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
		if err != nil {
			http.Error(w, "request body is too large or broken", http.StatusRequestEntityTooLarge)
			return
		}
		c := &call{w: w, request: r, body: string(body), charset: charsetUTF8}
		p := choose(c)
		c.endpoint = p.endpoint
		s.tally.add(c.endpoint)
		kind := s.faults.take(c.endpoint)
		if s.before(c, p.dialect, kind) {
			return
		}
		s.after(c, p.dialect, kind, p.do(s, c))
	})
}

// send counts and writes an answer.
func (s *Sim) send(c *call, a answer) {
	a, err := s.finished(a)
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.tally.add(c.endpoint + "." + a.label)
	s.opts.Logger.Debug("alipay simulator: answered",
		slog.String("endpoint", c.endpoint), slog.String("code", a.label), slog.Bool("signed", a.signed))
	maps.Copy(c.w.Header(), a.header())
	c.w.WriteHeader(a.status)
	_, err = io.WriteString(c.w, a.body)
	if err != nil {
		s.opts.Logger.Debug("alipay simulator: answer not delivered", slog.Any("error", err))
	}
}

// Start listens on 127.0.0.1 at a free port and returns "http://127.0.0.1:port";
// the gateway is at /gateway.do below it. The end of ctx closes the simulator.
// Errors: ErrStarted, ErrClosed, or why there is no port.
func (s *Sim) Start(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "", ErrClosed
	case s.server != nil:
		return "", ErrStarted
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start alipay simulator: %w", err)
	}
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: readHeaderTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug),
	}
	s.server = server
	s.running.Go(func() { _ = server.Serve(listener) }) // its error is always ErrServerClosed
	s.stopWatch = context.AfterFunc(ctx, func() { _ = s.Close() })
	return "http://" + listener.Addr().String(), nil
}

// Close stops listening, frees hung requests, abandons background notifies and
// waits for them. A second Close does nothing. The book stays readable.
func (s *Sim) Close() error {
	s.mu.Lock()
	s.closed = true
	server, unwatch := s.server, s.stopWatch
	s.mu.Unlock()
	s.cancel()
	defer s.client.CloseIdleConnections()
	if server == nil {
		s.running.Wait()
		return nil
	}
	unwatch()
	err := server.Close()
	s.running.Wait()
	if err != nil {
		return fmt.Errorf("close alipay simulator: %w", err)
	}
	return nil
}
