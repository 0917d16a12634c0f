package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"guodu/mocks/sim"
)

// Errors of [Portal.Start].
var (
	ErrStarted = errors.New("portal simulator: already started")
	ErrClosed  = errors.New("portal simulator: closed")
)

const (
	readHeaderTimeout = 5 * time.Second
	maxHeaderBytes    = 32 << 10
	endpoint          = "verify"
)

// Handler serves POST /api/v1/verify.
func (p *Portal) Handler() http.Handler { return p.handler }

func (p *Portal) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/verify", p.serve)
	return mux
}

// serve reads the request, lets a fault come first, decides, and answers. The
// body is read before anything else: only then does net/http notice that a
// caller has gone.
func (p *Portal) serve(w http.ResponseWriter, r *http.Request) {
	p.counts.add(endpoint)
	body, readErr := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	switch p.faults.take() {
	case FaultHang:
		p.hang(r)
	case FaultError:
		p.write(w, fail(http.StatusInternalServerError, "internal"))
	case FaultTruncate:
		p.truncate(w, p.verify(r, body, readErr))
	default:
		p.write(w, p.verify(r, body, readErr))
	}
}

func (p *Portal) write(w http.ResponseWriter, a answer) {
	p.counts.add(endpoint + "." + strconv.Itoa(a.status))
	p.opts.Logger.Debug("portal simulator: answered", "status", a.status)
	if p.opts.Watch != nil {
		p.opts.Watch(a.status)
	}
	body := head(w, a)
	_, err := w.Write(body)
	if err != nil {
		p.opts.Logger.Debug("portal simulator: answer not delivered", "error", err)
	}
}

// head writes the status and headers of the whole answer, and returns its body.
func head(w http.ResponseWriter, a answer) []byte {
	body, err := json.Marshal(a.body)
	if err != nil {
		panic(http.ErrAbortHandler) // only this package's own types come here
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	return body
}

// hang keeps the caller waiting until it gives up or the portal closes, and then
// breaks the connection, for anything written would be an answer.
func (p *Portal) hang(r *http.Request) {
	p.counts.add(endpoint + ".hang")
	p.opts.Logger.Debug("portal simulator: hangs")
	select {
	case <-r.Context().Done():
	case <-p.ctx.Done():
	}
	p.opts.Logger.Debug("portal simulator: lets go")
	panic(http.ErrAbortHandler)
}

// truncate promises the whole body and sends half of it.
func (p *Portal) truncate(w http.ResponseWriter, a answer) {
	p.counts.add(endpoint + ".truncated")
	p.opts.Logger.Debug("portal simulator: cuts the answer")
	body := head(w, a)
	_, err := w.Write(body[:len(body)/2])
	if err == nil {
		_ = http.NewResponseController(w).Flush() // unflushed, the half would not arrive
	}
	panic(http.ErrAbortHandler)
}

// Start listens on loopback ([Options.Listen]), and returns
// "http://127.0.0.1:port". The end of ctx closes the portal.
// Errors: ErrStarted, ErrClosed, sim.ErrNotLoopback, or why there is no port.
func (p *Portal) Start(ctx context.Context) (string, error) {
	host, _, err := net.SplitHostPort(p.opts.Listen)
	if err == nil && !sim.LoopbackHost(host) {
		err = sim.ErrNotLoopback
	}
	if err != nil {
		return "", fmt.Errorf("start portal simulator at %q: %w", p.opts.Listen, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.opts.Listen)
	if err != nil {
		return "", fmt.Errorf("start portal simulator: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.server != nil {
		_ = listener.Close()
		if p.closed {
			return "", ErrClosed
		}
		return "", ErrStarted
	}
	server := &http.Server{
		Handler:           sim.Loopback(p.handler),
		ReadHeaderTimeout: readHeaderTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(p.opts.Logger.Handler(), slog.LevelDebug),
	}
	p.server = server
	p.running.Go(func() { _ = server.Serve(listener) }) // its error is always ErrServerClosed
	p.stopWatch = context.AfterFunc(ctx, func() { _ = p.Close() })
	return "http://" + listener.Addr().String(), nil
}

// Close stops listening and frees hung requests. A second Close does nothing.
func (p *Portal) Close() error {
	p.mu.Lock()
	p.closed = true
	server, stop := p.server, p.stopWatch
	p.mu.Unlock()
	p.cancel()
	if stop != nil {
		stop()
	}
	if server == nil {
		return nil
	}
	err := server.Close()
	p.running.Wait()
	if err != nil {
		return fmt.Errorf("close portal simulator: %w", err)
	}
	return nil
}
