package wechatpay

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Endpoints that requests are counted by and that [Sim.Fail] takes.
const (
	EndpointPrepay    = "prepay"          // POST /v3/pay/transactions/jsapi
	EndpointQuery     = "query"           // GET  /v3/pay/transactions/out-trade-no/{no} and /id/{id}
	EndpointClose     = "close"           // POST /v3/pay/transactions/out-trade-no/{no}/close
	EndpointAuthorize = "oauth.authorize" // GET  /connect/oauth2/authorize
	EndpointToken     = "oauth.token"     // GET  /sns/oauth2/access_token
	EndpointCashier   = "cashier"         // POST /_sim/cashier
)

// endpointUnknown counts the signed requests to paths that do not exist.
const endpointUnknown = "unknown"

var faultyEndpoints = []string{
	EndpointPrepay, EndpointQuery, EndpointClose, EndpointAuthorize, EndpointToken, EndpointCashier,
}

// Errors of [Sim.Fail].
var (
	ErrUnknownEndpoint = errors.New("wechatpay simulator: unknown endpoint")
	ErrUnknownFault    = errors.New("wechatpay simulator: unknown fault")
)

// FaultKind is a way to misbehave. "Before" leaves the simulator's state as it
// was; "After" does the work first, so that the caller cannot know the outcome.
type FaultKind string

// The kinds of fault. On the web authorization, which has no signature and no
// HTTP status of its own, an error is errcode -1 or 45011, and FaultSigntest
// does nothing.
const (
	// FaultErrorBefore answers 500 SYSTEM_ERROR and does nothing.
	FaultErrorBefore FaultKind = "error-before"
	// FaultErrorAfter does the work and answers 500 SYSTEM_ERROR.
	FaultErrorAfter FaultKind = "error-after"
	// FaultHangBefore answers nothing until the caller gives up, or Close.
	FaultHangBefore FaultKind = "hang-before"
	// FaultHangAfter does the work and then hangs like FaultHangBefore.
	FaultHangAfter FaultKind = "hang-after"
	// FaultBadGateway answers a proxy's HTML 502, unsigned, and does nothing.
	FaultBadGateway FaultKind = "bad-gateway"
	// FaultTooMany answers 429 FREQUENCY_LIMITED and does nothing.
	FaultTooMany FaultKind = "too-many"
	// FaultSigntest does the work and puts a probe's signature on a 2xx.
	FaultSigntest FaultKind = "signtest"
	// FaultTruncate does the work and cuts the connection within the body.
	FaultTruncate FaultKind = "truncate"
	// FaultResetBefore resets the connection and does nothing.
	FaultResetBefore FaultKind = "reset-before"
	// FaultResetAfter does the work and resets the connection.
	FaultResetAfter FaultKind = "reset-after"
)

// FaultKinds lists them all, for tables.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultErrorBefore, FaultErrorAfter, FaultHangBefore, FaultHangAfter, FaultBadGateway,
		FaultTooMany, FaultSigntest, FaultTruncate, FaultResetBefore, FaultResetAfter,
	}
}

// Fault is a misbehaviour of the next Times requests; 0 is 1.
type Fault struct {
	Kind  FaultKind
	Times int
}

// Fail makes the next requests to an endpoint misbehave. Faults of one
// endpoint queue up behind each other.
// Errors: ErrUnknownEndpoint, ErrUnknownFault.
func (s *Sim) Fail(endpoint string, f Fault) error {
	if !slices.Contains(faultyEndpoints, endpoint) {
		return fmt.Errorf("fail %q: %w", endpoint, ErrUnknownEndpoint)
	}
	if !slices.Contains(FaultKinds(), f.Kind) {
		return fmt.Errorf("fail %s with %q: %w", endpoint, f.Kind, ErrUnknownFault)
	}
	s.faults.add(endpoint, f)
	return nil
}

// ClearFaults forgets all faults that have not happened yet.
func (s *Sim) ClearFaults() { s.faults.clear() }

type faults struct {
	mu    sync.Mutex
	queue map[string][]Fault
}

func newFaults() *faults { return &faults{queue: map[string][]Fault{}} }

func (q *faults) add(endpoint string, f Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f.Times = max(f.Times, 1)
	q.queue[endpoint] = append(q.queue[endpoint], f)
}

func (q *faults) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.queue)
}

// take uses up one misbehaviour; "" is none.
func (q *faults) take(endpoint string) FaultKind {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.queue[endpoint]
	if len(waiting) == 0 {
		return ""
	}
	kind := waiting[0].Kind
	waiting[0].Times--
	if waiting[0].Times == 0 {
		q.queue[endpoint] = waiting[1:]
	}
	return kind
}
