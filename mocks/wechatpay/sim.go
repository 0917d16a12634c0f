package wechatpay

import (
	"context"
	"crypto/rsa"
	"net/http"
	"sync"
	"time"
)

// beijing is the zone of every time on WeChat Pay's wire.
var beijing = time.FixedZone("", 8*60*60)

// Sim is one simulated WeChat Pay with one merchant. All methods are safe for
// concurrent use.
type Sim struct {
	opts      Options
	key       *rsa.PrivateKey
	keyID     string
	publicPEM []byte
	handler   http.Handler
	client    *http.Client

	dice   *dice
	orders *orders
	desk   *desk
	faults *faults
	counts *counters

	// ctx ends at Close: it frees hung requests and background callbacks.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	closed    bool
	server    *http.Server
	stopWatch func() bool
	running   sync.WaitGroup
}

// PublicKeyPEM is the platform's public key as the merchant platform hands it
// out: an SPKI block of type PUBLIC KEY.
func (s *Sim) PublicKeyPEM() []byte { return append([]byte(nil), s.publicPEM...) }

// PublicKeyID is the id of the platform's key, as in Wechatpay-Serial. It
// starts with [SimulatorKeyIDPrefix].
func (s *Sim) PublicKeyID() string { return s.keyID }

// Seed is what the ids were drawn from: give it to [Options.Seed] to repeat a
// run.
func (s *Sim) Seed() int64 { return s.opts.Seed }

// Count is how often something happened. Names are "<endpoint>" for requests
// that came in, "<endpoint>.<status>" for answers that went out whole,
// "<endpoint>.hang", ".reset" and ".truncated" for those that did not, and
// callback.sent, callback.accepted, tamper.sent, tamper.accepted, paid, closed.
func (s *Sim) Count(name string) int64 { return s.counts.get(name) }

func (s *Sim) now() time.Time { return s.opts.Now().In(beijing) }

// spawn runs work in the background unless the simulator is closed; Close
// waits for it.
func (s *Sim) spawn(work func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(work)
	return true
}
