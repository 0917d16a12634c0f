package alipay

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Endpoints that requests are counted by and that [Sim.Fail] takes.
const (
	EndpointCreate     = "create"          // alipay.trade.create
	EndpointWapPay     = "wap.pay"         // alipay.trade.wap.pay, the page
	EndpointQuery      = "query"           // alipay.trade.query
	EndpointClose      = "close"           // alipay.trade.close
	EndpointToken      = "oauth.token"     // alipay.system.oauth.token
	EndpointAuthorize  = "oauth.authorize" // GET /oauth2/publicAppAuthorize.htm
	EndpointCashier    = "cashier"         // POST /_sim/cashier
	EndpointWapCashier = "wap.cashier"     // the form of the page
)

// EndpointUnknown counts the requests to the gateway for a method that it does
// not know. It cannot be made to fail.
const EndpointUnknown = "unknown"

var faultyEndpoints = []string{
	EndpointCreate, EndpointWapPay, EndpointQuery, EndpointClose,
	EndpointToken, EndpointAuthorize, EndpointCashier, EndpointWapCashier,
}

// Errors of [Sim.Fail].
var (
	ErrUnknownEndpoint = errors.New("alipay simulator: unknown endpoint")
	ErrUnknownFault    = errors.New("alipay simulator: unknown fault")
)

// FaultKind is a way to misbehave. "Before" leaves the simulator's state as it
// was; "After" does the work first, so that the caller cannot know the outcome.
type FaultKind string

// The kinds of fault. Pages have no codes and no signature: an error is there a
// page that says so, and FaultUnsigned and FaultFlipped do nothing. At the
// JSON cashier an error is resultCode 6004, and a limit 6002.
const (
	// FaultErrorBefore answers 20000 isp.unknow-error and does nothing.
	FaultErrorBefore FaultKind = "error-before"
	// FaultErrorAfter does the work and answers 20000 isp.unknow-error.
	FaultErrorAfter FaultKind = "error-after"
	// FaultSystemErrorBefore answers 40004 ACQ.SYSTEM_ERROR and does nothing.
	FaultSystemErrorBefore FaultKind = "system-error-before"
	// FaultSystemErrorAfter does the work and answers 40004 ACQ.SYSTEM_ERROR.
	FaultSystemErrorAfter FaultKind = "system-error-after"
	// FaultCallLimited answers 40005 isv.app-call-limited and does nothing.
	FaultCallLimited FaultKind = "call-limited"
	// FaultHangBefore answers nothing until the caller gives up, or Close.
	FaultHangBefore FaultKind = "hang-before"
	// FaultHangAfter does the work and then hangs like FaultHangBefore.
	FaultHangAfter FaultKind = "hang-after"
	// FaultBadGateway answers a proxy's HTML 502 and does nothing.
	FaultBadGateway FaultKind = "bad-gateway"
	// FaultUnsigned does the work and leaves the sign out.
	FaultUnsigned FaultKind = "unsigned"
	// FaultFlipped does the work and changes one byte of what it has signed.
	FaultFlipped FaultKind = "flipped"
	// FaultTruncate does the work and cuts the connection within the body.
	FaultTruncate FaultKind = "truncate"
	// FaultResetBefore resets the connection and does nothing.
	FaultResetBefore FaultKind = "reset-before"
	// FaultResetAfter does the work and resets the connection.
	FaultResetAfter FaultKind = "reset-after"
)

var faultKinds = []FaultKind{
	FaultErrorBefore, FaultErrorAfter, FaultSystemErrorBefore, FaultSystemErrorAfter, FaultCallLimited,
	FaultHangBefore, FaultHangAfter, FaultBadGateway, FaultUnsigned, FaultFlipped, FaultTruncate,
	FaultResetBefore, FaultResetAfter,
}

// FaultKinds lists them all, for tables.
func FaultKinds() []FaultKind { return slices.Clone(faultKinds) }

// Fault is a misbehaviour of the next Times requests; 0 is 1.
type Fault struct {
	Kind  FaultKind
	Times int
}

// Fail makes the next requests to an endpoint misbehave. Faults of one
// endpoint queue up behind each other.
// Errors: ErrUnknownEndpoint, ErrUnknownFault.
func (s *Sim) Fail(endpoint string, f Fault) error {
	switch {
	case !slices.Contains(faultyEndpoints, endpoint):
		return fmt.Errorf("fail %q: %w", endpoint, ErrUnknownEndpoint)
	case !slices.Contains(faultKinds, f.Kind):
		return fmt.Errorf("fail %s with %q: %w", endpoint, f.Kind, ErrUnknownFault)
	}
	s.faults.add(endpoint, f)
	return nil
}

// ClearFaults forgets all faults that have not happened yet.
func (s *Sim) ClearFaults() { s.faults.clear() }

// faults is what waits to happen, by endpoint.
type faults struct {
	mu    sync.Mutex
	queue map[string][]FaultKind
}

func newFaults() *faults { return &faults{queue: map[string][]FaultKind{}} }

func (q *faults) add(endpoint string, f Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue[endpoint] = append(q.queue[endpoint], slices.Repeat([]FaultKind{f.Kind}, max(f.Times, 1))...)
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
	q.queue[endpoint] = waiting[1:]
	return waiting[0]
}
