package alipay

import (
	"embed"
	"fmt"
	"io/fs"

	"guodu/mocks/sim"
)

//go:embed scenarios/*.json
var scenarioFiles embed.FS

// Scenarios lists the named misfortunes without a simulator that plays them.
func Scenarios() (sim.Scenarios, error) {
	return readScenarios(sim.NewFaults(sim.NewDice(1, diceSalt), places()))
}

func readScenarios(faults *sim.Faults) (sim.Scenarios, error) {
	files, err := fs.Sub(scenarioFiles, "scenarios")
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	return sim.LoadScenarios(files, faults)
}

// Scenarios are the named misfortunes that this gateway can play.
func (s *Sim) Scenarios() sim.Scenarios { return s.plays }

// Play queues the faults of a scenario.
// Errors: sim.ErrUnknownScenario.
func (s *Sim) Play(name string) error { return s.plays.Play(name, s.stand.Faults) }

// play loads the scenarios and plays some at the start.
func (s *Sim) play(names []string) error {
	var err error
	s.plays, err = readScenarios(s.stand.Faults)
	if err != nil {
		return err
	}
	for _, each := range s.plays {
		if each.Default && s.opts.Rude {
			names = append(names[:len(names):len(names)], each.Name)
		}
	}
	for _, name := range names {
		err = s.Play(name)
		if err != nil {
			return err
		}
	}
	return nil
}

// The methods below make a Sim a sim.Gateway, for the pages under /_sim/.

// Name is "alipay".
func (s *Sim) Name() string { return name }

// Clock is the time of trades and schedules.
func (s *Sim) Clock() *sim.Clock { return s.clock }

// Orders are all trades, as the admin shows them.
func (s *Sim) Orders() []sim.OrderLine {
	all := s.ledger.all(s.now())
	out := make([]sim.OrderLine, 0, len(all))
	for _, t := range all {
		out = append(out, t.line())
	}
	return out
}

func (t *trade) line() sim.OrderLine {
	l := sim.OrderLine{
		No: t.OutTradeNo, State: string(t.State), TotalFen: t.TotalFen, Refunded: t.refunded(), CreatedAt: t.Created, Title: t.Subject,
	}
	if t.paid() {
		l.PaidFen = t.TotalFen
	}
	return l
}

// Line is one trade.
func (s *Sim) Line(outTradeNo string) (sim.OrderLine, bool) {
	t, found := s.ledger.find("", outTradeNo, s.now())
	return t.line(), found
}

// Events are what went over the wire about a trade.
func (s *Sim) Events(outTradeNo string) []sim.Event { return s.stand.Timeline.Of(outTradeNo) }

// Changed rings whenever a trade has changed.
func (s *Sim) Changed() *sim.Bell { return s.bell }

// Faults is what waits to happen.
func (s *Sim) Faults() *sim.Faults { return s.stand.Faults }

// Counts has every counter; see [Sim.Count].
func (s *Sim) Counts() map[string]int64 { return s.tally.All() }

// Callbacks are the notifies on schedule.
func (s *Sim) Callbacks() []sim.Errand { return s.courier.All() }

// Behaviours is the table, whatever is switched off here.
func (s *Sim) Behaviours() sim.Behaviours { return Behaviours() }
