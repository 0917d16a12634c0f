package wechatpay

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"guodu/mocks/sim"
)

const (
	kindOfClock = "clock"
	simName     = "wechatpay simulator"
	diceSalt    = 0x77656368617470
	// Misfortunes have dice of their own, so that ids do not change them.
	faultSalt = 0x6661756c7473
)

// beijing is the zone of every time on WeChat Pay's wire.
var beijing = time.FixedZone("", 8*60*60)

// Sim is one simulated WeChat Pay with one merchant. All methods are safe for
// concurrent use.
type Sim struct {
	opts      Options
	switches  sim.Switches
	scenarios sim.Scenarios
	ownClock  bool
	handler   http.Handler

	stand   *sim.Stand
	host    *sim.Host
	store   *sim.Store
	mailer  *sim.Mailer
	courier *sim.Courier
	changed *sim.Bell

	dice     *sim.Dice
	keys     *keyring
	orders   *orders
	persons  *persons
	codes    *sim.Codes // web authorization
	barcodes *sim.Codes // payment codes
	links    *links
	tokens   *tokens
	limits   *limits
	mailbox  mailbox
}

// New makes a simulator with fresh platform keys, or with those of its state
// file.
// Errors: ErrOptions, sim.ErrStore, sim.ErrUnknownBehaviour, sim.ErrUnknownScenario.
func New(opts Options) (*Sim, error) {
	err := opts.check()
	if err != nil {
		return nil, err
	}
	s := &Sim{opts: opts.withDefaults(), changed: sim.NewBell(), ownClock: opts.Clock == nil}
	s.switches, err = Behaviours().Without(opts.Without)
	if err != nil {
		return nil, err
	}
	err = s.openStore()
	if err != nil {
		return nil, err
	}
	s.host = sim.NewHost(simName, s.opts.Logger, "api.mch.weixin.qq.com", "api.weixin.qq.com", "open.weixin.qq.com")
	s.stand = &sim.Stand{
		Name: simName, Host: s.host, Clock: s.opts.Clock, Faults: sim.NewFaults(sim.NewDice(s.opts.Seed, faultSalt), places()), Kinds: requestKinds(),
		Counts: sim.NewCounters(), Timeline: sim.NewTimeline(s.opts.Watch), Log: s.opts.Logger,
	}
	s.stand.Faults.Ignore(s.switchedOff()...)
	s.limits = newLimits(s.opts.Profile.Rates)
	s.scenarios, err = loadScenarios(s.stand.Faults)
	if err == nil {
		err = s.remember()
	}
	if err != nil {
		return nil, err
	}
	s.handler = s.host.Marked(s.routes())
	return s, s.playAtStart()
}

// openStore opens the state file and makes the dice, which must not draw again
// after a restart what they have drawn before.
func (s *Sim) openStore() error {
	path := s.opts.StateFile
	if !s.does(BPersistence) {
		path = ""
	}
	var err error
	s.store, err = sim.OpenStore(path)
	if err != nil {
		return err
	}
	run, err := s.store.Runs()
	if err != nil {
		return err
	}
	s.dice = sim.NewDice(s.opts.Seed, diceSalt+uint64(run-1))
	s.opts.Clock.OnMove(func(ahead time.Duration) { s.store.Put(kindOfClock, "ahead", ahead) })
	return sim.Each(s.store, kindOfClock, func(_ string, ahead time.Duration) error {
		s.opts.Clock.Lead(ahead)
		return nil
	})
}

// remember takes up what the state file has.
func (s *Sim) remember() error {
	s.mailer = &sim.Mailer{
		Stand: s.stand, Client: sim.CallbackClient(s.opts.HTTPClient), Deadline: callbackDeadline, Accepts: accepts,
	}
	s.courier = &sim.Courier{Stand: s.stand, Store: s.store, Schedule: s.retries(), Genuine: genuineKinds, Send: s.run}
	for _, take := range []func() error{s.loadKeys, s.loadOrders, s.loadDesks, s.loadPersons} {
		err := take()
		if err != nil {
			return fmt.Errorf("%s: %w", simName, err)
		}
	}
	err := s.courier.Resume()
	if err == nil {
		s.resumeOrders()
	}
	return err
}

// playAtStart plays the scenarios of the options.
func (s *Sim) playAtStart() error {
	names := s.opts.Scenarios
	for _, each := range s.scenarios {
		if each.Default && s.opts.Rude {
			names = append(names[:len(names):len(names)], each.Name)
		}
	}
	for _, name := range names {
		err := s.Play(name)
		if err != nil {
			return err
		}
	}
	return nil
}

// Handler serves the paths of api.mch.weixin.qq.com, api.weixin.qq.com and
// open.weixin.qq.com on one host; the Host header is not looked at, because it
// is not part of what is signed. Paths under /_sim/ are the simulator's own.
func (s *Sim) Handler() http.Handler { return s.handler }

// Start listens on loopback, and returns "http://127.0.0.1:port". The end of ctx
// closes the simulator.
// Errors: ErrStarted, ErrClosed, ErrNotLoopback, or why there is no port.
func (s *Sim) Start(ctx context.Context) (string, error) {
	return s.host.Start(ctx, s.opts.Listen, s.handler, s.Close)
}

// Close stops listening, frees hung requests, abandons background callbacks
// (the state file keeps them as still due) and waits for them. A second Close
// does nothing. The book stays readable.
func (s *Sim) Close() error {
	if s.ownClock {
		s.opts.Clock.Stop()
	}
	err := s.host.Close()
	s.mailer.Client.CloseIdleConnections()
	storeErr := s.store.Close()
	if err == nil && storeErr != nil {
		err = fmt.Errorf("close %s: %w", simName, storeErr)
	}
	return err
}

// Errors of Start.
var (
	ErrStarted = sim.ErrStarted
	ErrClosed  = sim.ErrClosed
)

// Seed is what ids and misfortunes were drawn from: give it to [Options.Seed]
// to repeat a run.
func (s *Sim) Seed() int64 { return s.opts.Seed }

// Clock is the clock of orders and schedules.
func (s *Sim) Clock() *sim.Clock { return s.opts.Clock }

// Count is how often something happened. Names are "<endpoint>" for requests
// that came in, "<endpoint>.<status>" for answers that went out whole,
// "<endpoint>.hang", ".reset" and ".truncated" for those that did not, and
// callback.sent, callback.accepted, tamper.sent, tamper.accepted, paid, closed,
// refunded.
func (s *Sim) Count(name string) int64 { return s.stand.Counts.Get(name) }

func (s *Sim) now() time.Time { return s.opts.Clock.Now().In(beijing) }
