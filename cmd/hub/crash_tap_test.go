package main_test

import (
	"strings"

	"guodu/internal/redistest"
	"guodu/mocks/terminal"
	"guodu/transition"
)

// The ways of the messages that a wire can strike.
const (
	tapWay    = "/taps"
	resultWay = "/result"
)

// tapDelayed is point 3: a tap's request is lost, or arrives after another
// terminal's write.
func tapDelayed() point {
	// delayed is a tap whose request arrives once the other terminal is so far.
	delayed := func(step, ends string, far func(s *scene, first, other *machine), late string) strike {
		return strike{step: "request delayed until " + step, dies: "the request's way", ends: ends, play: func(s *scene) {
			s.credit(5000)
			first, other := s.pos(), s.pos()
			request := s.c.wire.next(first.id, tapWay, keepRequest)
			first.tap().says("outcome=no-answer")
			far(s, first, other)
			if answer := request.deliver(s); !strings.Contains(answer, late) {
				s.t.Errorf("the late request is answered %s, want %s", answer, late)
			}
			s.comesBack(other, first)
		}}
	}
	return point{"Tap request lost, or delayed until after another terminal's write", []strike{
		{step: "request lost, the terminal repeats it", dies: "the request", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			lost := s.c.wire.next(m.id, tapWay, keepRequest)
			m.tap("--repeat", "1").says("outcome=written", "receipt=CONFIRMED")
			lost.met(s)
			s.comesBack(m)
		}},
		{step: "request lost, the card comes again", dies: "the request", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			s.c.wire.next(m.id, tapWay, keepRequest)
			m.tap().says("outcome=no-answer")
			m.tap().says("outcome=written")
			s.comesBack(m)
		}},
		delayed("another terminal holds", "CANCELLED, CONFIRMED; card 50.00", func(s *scene, _, other *machine) {
			other.dies(terminal.StepIntent)
		}, `"attempt":2`),
		delayed("another terminal has reached for the card", "CONFIRMED; card 50.00", func(s *scene, _, other *machine) {
			other.dies(terminal.StepWrite)
		}, `"attempt":2`),
		delayed("another terminal wrote, its result unsent", "CONFIRMED; card 50.00", func(s *scene, _, other *machine) {
			other.dies(terminal.StepResultSend)
		}, `"attempt":2`),
		delayed("another terminal's write is confirmed", "CONFIRMED; card 50.00", func(s *scene, _, other *machine) {
			other.tap().says("receipt=CONFIRMED")
		}, `"reason":"reread"`),
		delayed("it is confirmed and more was paid", "CONFIRMED, CONFIRMED; card 80.00", func(s *scene, _, other *machine) {
			other.tap().says("receipt=CONFIRMED")
			s.credit(3000)
		}, `"reason":"reread"`),
		delayed("its own terminal gave the tap up", "CONFIRMED; card 50.00", func(s *scene, first, _ *machine) {
			first.does(nil, "resume").says("aborted=")
		}, `"reason":"dead"`),
	}}
}

// unanswered are the ways in which a tap or result is answered by nobody, with
// hub, redis-server or the network to blame.
type unanswered struct {
	dies, place, script string
	cut                 redistest.Cut
}

// holdUnanswered is point 4: HELD is committed and the answer lost.
func holdUnanswered() point {
	var all []strike
	for _, by := range []unanswered{
		{dies: "the answer"}, {dies: "hub", place: "pos.tap.done"}, {dies: "redis-server", script: "tap", cut: redistest.AfterRun},
	} {
		lost := func(s *scene) *machine {
			s.credit(5000)
			m := s.pos()
			if by.place+by.script == "" {
				s.c.wire.next(m.id, tapWay, loseAnswer)
			}
			return m
		}
		for _, then := range []strike{
			{step: "the terminal repeats the tap", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				m := lost(s)
				// A hub that was started anew may still be finding its Redis.
				m.tap("--repeat", "500").says("outcome=written", "attempt=1", "receipt=CONFIRMED")
				s.comesBack(m)
			}},
			{step: "the card comes again", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
				m := lost(s)
				m.tap().says("outcome=no-answer")
				s.is(transition.LoadHeld)
				m.goesOn()
				s.is(transition.LoadCancelled)
				s.comesBack(m)
			}},
			{step: "the card goes to another terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				m, other := lost(s), s.pos()
				m.tap().says("outcome=no-answer")
				other.goesOn() // the hub is there again
				other.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
				s.comesBack(m, other)
			}},
		} {
			then.dies, then.place, then.script, then.cut = by.dies, by.place, by.script, by.cut
			then.alone = by.place+by.script != ""
			all = append(all, then)
		}
	}
	return point{"HELD committed, answer lost", all}
}

// diesBeforeHold is point 5: the hub dies before HELD is committed.
func diesBeforeHold() point {
	var all []strike
	for _, by := range []unanswered{
		{dies: "hub", place: "pos.tap.begin"}, {dies: "redis-server", script: "tap", cut: redistest.BeforeRun},
	} {
		for _, then := range []strike{
			{step: "the terminal repeats the tap", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				m.tap("--repeat", "500").says("outcome=written", "attempt=1", "receipt=CONFIRMED")
				s.comesBack(m)
			}},
			{step: "the card goes to another terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m, other := s.pos(), s.pos()
				m.tap().says("outcome=no-answer")
				s.comesBack(other, m)
			}},
		} {
			then.dies, then.place, then.script, then.cut, then.alone = by.dies, by.place, by.script, by.cut, true
			all = append(all, then)
		}
	}
	return point{"Hub dies before HELD is committed", all}
}

// quick marks a load as in doubt soon.
func quick() []string { return []string{"GUODU_TERMINALS__DEADLINE=1ms"} }

// inDoubt waits until the hub has marked the load.
func (s *scene) inDoubt() {
	s.t.Helper()
	s.until("the deadline passes", func() error {
		if s.state() != transition.LoadInDoubt {
			return errNotYet
		}
		return nil
	})
}

// diesHolding is point 6: the terminal dies with the authorisation and has not
// reached for the card.
func diesHolding() point {
	var all []strike
	for _, at := range []struct {
		name string
		step terminal.Step
	}{{"before J2", terminal.StepAnswerReceived}, {"after J2", terminal.StepIntent}} {
		all = append(all,
			strike{step: at.name + ", it comes back first", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				m.dies(at.step)
				s.is(transition.LoadHeld)
				m.does(nil, "resume").says("aborted=", "state=CANCELLED")
				s.comesBack(m)
			}},
			strike{step: at.name + ", the card goes to another first", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m, other := s.pos(), s.pos()
				m.dies(at.step)
				other.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
				s.comesBack(m, other)
			}},
			strike{step: at.name + ", its journal comes first", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				m.dies(at.step)
				m.does(nil, "upload").says("quarantined=0")
				s.is(transition.LoadHeld) // that nothing was begun no journal can say
				s.comesBack(m)
			}},
			strike{step: at.name + ", more is paid", ends: "CONFIRMED, CONFIRMED; card 80.00", play: func(s *scene) {
				s.credit(5000)
				m, other := s.pos(), s.pos()
				m.dies(at.step)
				s.credit(3000)
				other.tap().says("amount=50.00", "receipt=CONFIRMED")
				s.comesBack(m, other)
			}},
		)
	}
	all = append(all, strike{
		step: "after J2, the deadline passes", ends: "CANCELLED, CONFIRMED; card 50.00", alone: true, env: quick(), play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepIntent)
			s.inDoubt()
			s.comesBack(m)
		},
	})
	for i := range all {
		all[i].dies = "terminal"
	}
	return point{"Terminal dies with the authorisation, nothing begun", all}
}

// diesIntending is point 7: after the write intent, before the card command.
func diesIntending() point {
	all := []strike{
		{step: "it comes back first", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepWrite)
			m.does(nil, "resume").says("outcome=unknown", "receipt=IN_DOUBT")
			m.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
			s.comesBack(m)
		}},
		{step: "the card goes to another first", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			m.dies(terminal.StepWrite)
			other.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
			s.comesBack(m, other)
		}},
		{step: "its journal comes first", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepWrite)
			m.does(nil, "upload").says("quarantined=0")
			s.is(transition.LoadHeld)
			s.comesBack(m)
		}},
		{step: "the other one drops it and reads again", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			m.dies(terminal.StepWrite)
			m.does(nil, "resume").says("receipt=IN_DOUBT")
			// The presence of the first attempt is over, and the card is unchanged.
			other.tap("--reread").says("dropped=CANCELLED")
			s.comesBack(other, m)
		}},
		{step: "the deadline passes", ends: "CONFIRMED; card 50.00", alone: true, env: quick(), play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepWrite)
			s.inDoubt()
			s.comesBack(m)
		}},
	}
	for i := range all {
		all[i].dies = "terminal"
	}
	return point{"Terminal dies after the write intent, before the card command", all}
}
