package fleet

import (
	"math/rand/v2"
	"time"

	"guodu/mocks/terminal"
)

// arrival is a card that comes.
type arrival struct {
	at     time.Duration // after the beginning
	card   int
	seat   int
	doom   terminal.Step // where the terminal dies; "" is nowhere
	repose time.Duration // and for how long
}

// plan draws a run: cards come independently of each other, so many a second on
// average.
func plan(o Options) []arrival {
	dice := rand.New(rand.NewPCG(uint64(o.Seed), 0x9e3779b97f4a7c15))
	steps := terminal.LoadSteps()
	var all []arrival
	var at time.Duration
	for {
		at += time.Duration(dice.ExpFloat64() / o.Taps * float64(time.Second))
		if at > o.For {
			return all
		}
		a := arrival{at: at, card: dice.IntN(len(o.Cards)), seat: dice.IntN(len(o.Members))}
		if dice.Float64() < o.Crash {
			a.doom = steps[dice.IntN(len(steps))]
			a.repose = 200*time.Millisecond + time.Duration(dice.Int64N(int64(2*time.Second)))
		}
		all = append(all, a)
	}
}
