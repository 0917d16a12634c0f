package portal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrUnknownFault says that [Portal.Fail] was given a kind it does not know.
var ErrUnknownFault = errors.New("portal simulator: unknown fault")

// FaultKind is a way to misbehave.
type FaultKind string

// The kinds of fault.
const (
	// FaultHang answers nothing until the caller gives up, or Close, and does
	// nothing.
	FaultHang FaultKind = "hang"
	// FaultError answers 500 and does nothing.
	FaultError FaultKind = "error"
	// FaultTruncate does the work and cuts the connection within the body.
	FaultTruncate FaultKind = "truncate"
)

var faultKinds = []FaultKind{FaultHang, FaultError, FaultTruncate}

// Fault is a misbehaviour of the next Times requests; 0 is 1.
type Fault struct {
	Kind  FaultKind
	Times int
}

// Fail makes the next requests misbehave. Faults queue up behind each other.
// Errors: ErrUnknownFault.
func (p *Portal) Fail(f Fault) error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("fail with %q: %w", f.Kind, ErrUnknownFault)
	}
	f.Times = max(f.Times, 1)
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.queue = append(p.faults.queue, f)
	return nil
}

// ClearFaults forgets all faults that have not happened yet.
func (p *Portal) ClearFaults() {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.queue = nil
}

type faults struct {
	mu    sync.Mutex
	queue []Fault
}

// take uses up one misbehaviour; "" is none.
func (q *faults) take() FaultKind {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return ""
	}
	kind := q.queue[0].Kind
	q.queue[0].Times--
	if q.queue[0].Times == 0 {
		q.queue = q.queue[1:]
	}
	return kind
}

// counters counts by name; the names are of this package's making.
type counters struct {
	mu sync.Mutex
	n  map[string]int64
}

func (c *counters) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[name]++
}

// Count is how often something happened: "verify" for requests that came in,
// "verify.<status>" for answers that went out whole, "verify.hang" and
// "verify.truncated" for those that did not.
func (p *Portal) Count(name string) int64 {
	p.counts.mu.Lock()
	defer p.counts.mu.Unlock()
	return p.counts.n[name]
}
