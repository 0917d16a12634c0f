package alipay

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const maxRequestBytes = 64 << 10

// call is one request with its body already read.
type call struct {
	*sim.Call
	sim *Sim

	// The rest is for the gateway: the parameters in the bytes of the charset,
	// and whether a person waits for a page.
	params  map[string]string
	charset string
	browser bool
}

// orderNo is the out_trade_no that a request is about, for the timeline only.
func (c *call) orderNo() string {
	var named struct {
		OutTradeNo string `json:"out_trade_no"`
		TradeNo    string `json:"trade_no"`
	}
	err := json.Unmarshal([]byte(c.params["biz_content"]), &named)
	if err != nil || named.TradeNo == "" {
		return named.OutTradeNo
	}
	t, _ := c.sim.ledger.find(named.TradeNo, "", c.sim.now())
	return t.OutTradeNo
}

// work is an endpoint: it looks at the request, changes the state and says what
// to answer.
type work func(*Sim, *call) answer

// plan is how to treat a request.
type plan struct {
	endpoint string
	dialect  dialect
	do       work
}

// Handler serves the paths of openapi.alipay.com and openauth.alipay.com on one
// host. Paths under /_sim/ are the simulator's own.
func (s *Sim) Handler() http.Handler { return s.handler }

func (s *Sim) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway.do", s.gateway())
	mux.Handle("GET /oauth2/publicAppAuthorize.htm", s.serve(plan{EndpointAuthorize, inPage, (*Sim).authorize}))
	mux.Handle("POST "+consentPath, s.serve(plan{EndpointConsent, inPage, (*Sim).consent}))
	mux.Handle("GET "+billPath, s.serve(plan{EndpointBillFile, inPage, (*Sim).billFile}))
	mux.Handle("POST "+wapCashierPath, s.serve(plan{EndpointWapCashier, inPage, (*Sim).wapCashier}))
	for path, p := range map[string]plan{
		"/_sim/cashier": {EndpointCashier, inBridge, (*Sim).cashier},
		"/_sim/barcode": {EndpointBarCode, inBridge, (*Sim).barCode},
	} {
		mux.Handle("POST "+path, sim.FromPages(s.serve(p)))
		mux.Handle("OPTIONS "+path, sim.FromPages(http.HandlerFunc(sim.Preflight)))
	}
	mux.HandleFunc("GET /_sim/cashier", s.appCashier)
	mux.HandleFunc("GET /_sim/barcode", s.barCodePage)
	mux.HandleFunc("GET /_sim/bridge.js", s.bridgeScript)
	mux.Handle("/_sim/", sim.Admin(s))
	return s.host.Marked(mux)
}

// serve is an endpoint of its own path.
func (s *Sim) serve(p plan) http.Handler {
	return sim.Serve(s.stand, s.endpoint(p, &call{sim: s, charset: charsetUTF8}))
}

// gateway is the one path of all methods: which one is asked for has to be read
// before anything else.
func (s *Sim) gateway() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil {
			r.Body = io.NopCloser(failing{err})
		}
		blank := &call{sim: s, charset: charsetUTF8}
		p := s.route(blank, r.URL.RawQuery, string(body))
		sim.Serve(s.stand, s.endpoint(p, blank)).ServeHTTP(w, r)
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// endpoint puts a plan into the kit's words. blank is copied for each request.
func (s *Sim) endpoint(p plan, blank *call) sim.Endpoint[answer] {
	fill := func(k *sim.Call) *call {
		c := *blank
		c.Call = k
		return &c
	}
	return sim.Endpoint[answer]{
		Name: p.endpoint,
		Do:   func(k *sim.Call) answer { return p.do(s, fill(k)) },
		Unreadable: func(*sim.Call, error) answer {
			return textPage(http.StatusRequestEntityTooLarge, "request body is too large or broken")
		},
		Say:  func(k *sim.Call, kind sim.FaultKind) answer { return p.dialect(s, fill(k), kind) },
		Bend: bend,
		Wire: s.wire,
	}
}

// Start listens on loopback ([Options.Listen], or a free port) and returns
// "http://127.0.0.1:port"; the gateway is at /gateway.do below it. The end of
// ctx closes the simulator.
// Errors: sim.ErrStarted, sim.ErrClosed, sim.ErrNotLoopback, or why there is no
// port.
func (s *Sim) Start(ctx context.Context) (string, error) {
	return s.host.Start(ctx, s.opts.Listen, s.handler, s.Close)
}

// Close stops listening, frees hung requests, abandons background notifies and
// waits for them. A second Close does nothing. The book stays readable.
func (s *Sim) Close() error {
	if s.ownClock {
		s.clock.Stop()
	}
	err := s.host.Close()
	s.mailer.Client.CloseIdleConnections()
	if err != nil {
		return err
	}
	return s.store.Close()
}

// limiter counts the calls of the running second.
type limiter struct {
	mu    sync.Mutex
	since time.Time
	calls int
}

func (l *limiter) admit(now time.Time, perSecond int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= time.Second {
		l.since, l.calls = now, 0
	}
	l.calls++
	return perSecond == 0 || l.calls <= perSecond
}
