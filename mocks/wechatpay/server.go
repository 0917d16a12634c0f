package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Errors of [Sim.Start].
var (
	ErrStarted = errors.New("wechatpay simulator: already started")
	ErrClosed  = errors.New("wechatpay simulator: closed")
)

const (
	maxRequestBytes   = 64 << 10
	readHeaderTimeout = 5 * time.Second
	maxHeaderBytes    = 32 << 10
)

// call is one request with its body already read.
type call struct {
	endpoint string
	w        http.ResponseWriter
	request  *http.Request
	body     []byte
}

// work is an endpoint: it looks at the request, changes the state and says what
// to answer.
type work func(*call) answer

// Handler serves the paths of api.mch.weixin.qq.com, api.weixin.qq.com and
// open.weixin.qq.com on one host; the Host header is not looked at, because it
// is not part of what is signed. Paths under /_sim/ are the simulator's own.
func (s *Sim) Handler() http.Handler { return s.handler }

func (s *Sim) routes() http.Handler {
	mux := http.NewServeMux()
	api := func(name string, do work) http.Handler { return s.serve(name, apiDialect, s.authenticated(do)) }
	mux.Handle("POST /v3/pay/transactions/jsapi", api(EndpointPrepay, s.prepay))
	mux.Handle("GET /v3/pay/transactions/out-trade-no/{no}", api(EndpointQuery, s.queryByNo))
	mux.Handle("GET /v3/pay/transactions/id/{id}", api(EndpointQuery, s.queryByID))
	mux.Handle("POST /v3/pay/transactions/out-trade-no/{no}/close", api(EndpointClose, s.closeOrder))
	mux.Handle("/v3/", api(endpointUnknown, noSuchPath))
	mux.Handle("GET /connect/oauth2/authorize", s.serve(EndpointAuthorize, pageDialect, s.authorize))
	mux.Handle("/sns/oauth2/access_token", s.serve(EndpointToken, tokenDialect, s.token))
	mux.Handle("POST /_sim/cashier", fromPages(s.serve(EndpointCashier, pageDialect, s.cashier)))
	mux.Handle("OPTIONS /_sim/cashier", fromPages(http.HandlerFunc(preflight)))
	return mux
}

func noSuchPath(*call) answer {
	return refuse(http.StatusNotFound, numberOther, "RESOURCE_NOT_EXISTS", "请求的接口不存在").answer()
}

// serve reads the request, lets a fault come first, works, lets a fault come
// between, and answers. The body is read before anything else: only then does
// net/http notice that a caller has gone.
func (s *Sim) serve(name string, d dialect, do work) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.counts.add(name)
		c := &call{endpoint: name, w: w, request: r}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
		if err != nil {
			s.finish(c, unreadable(err))
			return
		}
		c.body = body
		kind := s.faults.take(name)
		if s.before(c, d, kind) {
			return
		}
		s.after(c, d, kind, do(c))
	})
}

func unreadable(err error) answer {
	status := http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	a := refuse(status, numberParam, "PARAM_ERROR", "请求报文过大或不完整").answer()
	a.signed = false
	return a
}

// finish counts and sends an answer.
func (s *Sim) finish(c *call, a answer) {
	s.counts.add(c.endpoint + "." + strconv.Itoa(a.status))
	s.opts.Logger.Debug("wechatpay simulator: answered",
		slog.String("endpoint", c.endpoint), slog.Int("status", a.status), slog.Bool("signed", a.signed))
	s.write(c.w, a)
}

// Start listens on 127.0.0.1 at a free port, and returns "http://127.0.0.1:port".
// The end of ctx closes the simulator.
// Errors: ErrStarted, ErrClosed, or why there is no port.
func (s *Sim) Start(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start wechatpay simulator: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.server != nil {
		_ = listener.Close()
		if s.closed {
			return "", ErrClosed
		}
		return "", ErrStarted
	}
	s.server = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug),
	}
	server := s.server
	s.running.Go(func() { _ = server.Serve(listener) }) // its error is always ErrServerClosed
	s.stopWatch = context.AfterFunc(ctx, func() { _ = s.Close() })
	return "http://" + listener.Addr().String(), nil
}

// Close stops listening, frees hung requests, abandons background callbacks
// and waits for them. A second Close does nothing. The book stays readable.
func (s *Sim) Close() error {
	s.mu.Lock()
	s.closed = true
	server, stop := s.server, s.stopWatch
	s.mu.Unlock()
	s.cancel()
	if stop != nil {
		stop()
	}
	var err error
	if server != nil {
		err = server.Close()
	}
	s.running.Wait()
	s.client.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("close wechatpay simulator: %w", err)
	}
	return nil
}
