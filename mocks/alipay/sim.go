package alipay

import (
	"net/http"
	"time"

	"guodu/mocks/sim"
)

// timeLayout is every time on Alipay's wire, in beijing time.
const timeLayout = "2006-01-02 15:04:05"

const (
	digits    = sim.Digits
	hexDigits = sim.HexDigits
)

var beijing = time.FixedZone("GMT+8", 8*60*60)

// Sim is one simulated Alipay with one merchant and one app. All methods are
// safe for concurrent use.
type Sim struct {
	opts     Options
	off      sim.Switches
	platform platform
	cert     *certificates // nil in key mode
	handler  http.Handler

	host     *sim.Host
	stand    *sim.Stand
	clock    *sim.Clock
	ownClock bool
	dice     *sim.Dice
	tally    *sim.Counters
	store    *sim.Store
	bell     *sim.Bell
	courier  *sim.Courier
	mailer   *sim.Mailer
	plays    sim.Scenarios

	ledger   *ledger
	archive  *archive
	replays  *replays
	people   *people
	codes    *sim.Codes
	tokens   *tokens
	barCodes *barCodes
	mail     *mailbox
	bills    *bills
	limiter  *limiter
}

// Seed is what the ids were drawn from: give it to [Options.Seed] to repeat a
// run.
func (s *Sim) Seed() int64 { return s.opts.Seed }

func (s *Sim) now() time.Time { return s.clock.Now().In(beijing) }

// zone is that of the wire. (A lazy simulator takes its machine's.)
func (s *Sim) zone() *time.Location {
	if s.does(behaviourClock) {
		return beijing
	}
	return time.UTC
}

func (s *Sim) inZone(at time.Time) time.Time { return at.In(s.zone()) }

// stamp writes a moment as the wire has it.
func (s *Sim) stamp(at time.Time) string { return s.inZone(at).Format(timeLayout) }

// stampIf is stamp, or nothing for no moment.
func (s *Sim) stampIf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return s.stamp(at)
}

// begun puts the end of a new trade on the clock.
func (s *Sim) begun(t trade) { s.clock.At(t.Expire, func() { s.tick(t.No) }) }

// finishLater puts the end of a paid trade's refunds on the clock.
func (s *Sim) finishLater(t trade) {
	s.clock.At(t.PaidAt.Add(s.opts.Profile.RefundWindow), func() { s.tick(t.No) })
}

// tick tells what time has done to a trade.
func (s *Sim) tick(no string) {
	t, found := s.ledger.find(no, "", s.now())
	switch {
	case !found:
	case t.Expired:
		s.announce(t, closeFact(t))
	case t.State == StateFinished:
		s.announce(t, finishFact(t, s.now()))
	}
}

// resume puts on the clock what an earlier run has left.
func (s *Sim) resume() error {
	for _, t := range s.ledger.all(s.now()) {
		switch t.State {
		case StateWait:
			s.begun(t)
		case StateSuccess:
			s.finishLater(t)
		}
	}
	return s.courier.Resume()
}
