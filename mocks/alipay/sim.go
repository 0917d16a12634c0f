package alipay

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// timeLayout is every time on Alipay's wire, in beijing time.
const timeLayout = "2006-01-02 15:04:05"

var beijing = time.FixedZone("GMT+8", 8*60*60)

// Sim is one simulated Alipay with one merchant and one app. All methods are
// safe for concurrent use.
type Sim struct {
	opts     Options
	platform platform
	handler  http.Handler
	client   *http.Client

	dice   *dice
	ledger *ledger
	desk   *desk
	faults *faults
	tally  *tally

	// ctx ends at Close: it frees hung requests and background notifies.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	closed    bool
	server    *http.Server
	stopWatch func() bool
	running   sync.WaitGroup
}

// Seed is what the ids were drawn from: give it to [Options.Seed] to repeat a
// run.
func (s *Sim) Seed() int64 { return s.opts.Seed }

func (s *Sim) now() time.Time { return s.opts.Now().In(beijing) }

// spawn runs work in the background unless the simulator is closed; Close
// waits for it.
func (s *Sim) spawn(work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Go(work)
	}
}
