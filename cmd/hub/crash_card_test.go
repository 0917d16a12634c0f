package main_test

import (
	"errors"
	"sync"

	"guodu/internal/fen"
	"guodu/mocks/terminal"
	"guodu/transition"
)

// twoCards is point 18: the old card and the one that replaced it both tap.
func twoCards() point {
	var all []strike
	for _, at := range []struct {
		text   string
		step   terminal.Step
		proves string // what the old card's tap says
		ends   string
	}{
		{"nothing pending before", terminal.StepTap, "reason=not_in_force", "CONFIRMED; card 30.00"},
		{"the old one's load held, nothing begun", terminal.StepIntent, "reason=not_in_force", "CANCELLED, CONFIRMED, CONFIRMED; card 80.00"},
		{"the old one's load written, the result unsent", terminal.StepResultSend, "confirmed_amount=50.00", "CONFIRMED, CONFIRMED; card 80.00"},
		{"the old one's load written, before J4", terminal.StepWritten, "confirmed_amount=50.00", "CONFIRMED, CONFIRMED; card 80.00"},
	} {
		for _, oldFirst := range []bool{true, false} {
			step := at.text + "; the new one taps first"
			if oldFirst {
				step = at.text + "; the old one taps first"
			}
			ends := at.ends
			all = append(all, strike{step: step, dies: "terminal", ends: ends, play: func(s *scene) {
				m := s.pos()
				if at.step != terminal.StepTap {
					s.credit(5000)
				}
				m.dies(at.step)
				next := s.replaced()
				other := next.pos()
				news := func() {
					other.tap().says("reason=nothing_pending")
					next.credit(3000)
					other.tap().says("amount=30.00", "receipt=CONFIRMED")
				}
				if !oldFirst {
					news()
				}
				other.at(s).tap().says(at.proves, "reason=not_in_force")
				if oldFirst {
					news()
				}
				m.goesOn()
				m.reapsUntil("not_in_force")
				next.comesBack(other)
				s.follow(next)
			}})
		}
	}
	all = append(all,
		strike{step: "both at once, ten times", dies: "nothing", ends: "CONFIRMED ten times; card 50.00, all on the new one", play: func(s *scene) {
			m := s.pos()
			next := s.replaced()
			other := next.pos()
			for range 10 {
				next.credit(500)
				var both sync.WaitGroup
				both.Go(func() { m.tap() })
				both.Go(func() { other.tap() })
				both.Wait()
			}
			next.comesBack(other)
			if s.holds().B != s.data.B {
				s.t.Errorf("the old card got %d", s.holds().B-s.data.B)
			}
			n := len(next.loads())
			s.follow(next)
			if n == 10 && s.got() == 5000 {
				s.raced = "CONFIRMED ten times; card 50.00, all on the new one"
			}
		}},
		strike{step: "both at once, while the new one comes into force", dies: "terminal", ends: "each fen once, on one of the cards: 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.goesOn()
			var all sync.WaitGroup
			all.Go(func() { m.does([]string{"GUODU_CRASH=" + string(terminal.StepWritten)}, "tap", s.path) })
			next := s.replaced()
			other := next.pos()
			other.tap()
			all.Wait()
			m.goesOn()
			m.reapsUntil("not_in_force")
			next.comesBack(other)
			s.follow(next)
			s.raced = "each fen once, on one of the cards: " + s.got().Yuan()
		}},
	)
	return point{"Old and new card both tap", all}
}

// forged puts a dump back on the card. What it took off the card the holder lost.
func (s *scene) forged(dump terminal.CardData) {
	s.t.Helper()
	before := s.holds().B
	if err := s.card.Restore(dump); err != nil {
		s.t.Fatal(err)
	}
	s.moved += fen.Fen(dump.B - before)
}

// repaired lets the desk write what people decided.
func (s *scene) repaired(desk *machine) {
	s.t.Helper()
	before := s.holds().B
	desk.does(nil, "desk", s.path).says("repaired")
	s.moved += fen.Fen(s.holds().B - before)
}

// cardRestored is point 19: the card is restored from a dump of before a load.
func cardRestored() point {
	// conflict is a card that was loaded once, and restored.
	conflict := func(s *scene) *machine {
		s.t.Helper()
		m := s.pos()
		dump := s.holds()
		s.credit(5000)
		m.tap().says("receipt=CONFIRMED")
		s.forged(dump)
		return m
	}
	repair := func(s *scene) []string {
		return people("loads", "repair", s.data.UID, "--balance", "62.00")
	}
	all := []strike{
		{step: "no load open", dies: "the card's memory", ends: "CONFIRMED, CONFIRMED; card 80.00", play: func(s *scene) {
			m := conflict(s)
			s.credit(3000)
			m.tap().says("reason=reread", "reread=conflict")
			m.tap().says("reason=conflict")
			if !s.books().Frozen() {
				s.t.Error("the account is not frozen")
			}
			desk := s.desk()
			s.refuses("no desk has read the card", repair(s)...)
			desk.does(nil, "desk", s.path).says("reread=filed")
			s.hub("decided", repair(s)...)
			m.tap().says("reason=conflict") // until it shows what was decided
			s.repaired(desk)
			s.comesBack(m, desk)
		}},
		{step: "a load open; people: it is not on the card", dies: "the card's memory, and the terminal", ends: "CONFIRMED, CONFIRMED; card 80.00", play: func(s *scene) {
			m, dump := s.pos(), s.holds()
			s.credit(5000)
			m.tap().says("receipt=CONFIRMED")
			s.credit(3000)
			m.dies(terminal.StepWrite)
			s.forged(dump)
			m.tap().says("reason=reread", "reread=conflict")
			s.is(transition.LoadConflict)
			desk := s.desk()
			desk.does(nil, "desk", s.path).says("reread=filed")
			s.refuses("too early", people("loads", "cancel", s.load(), "--balance", "62.00")...)
			s.cancelsLater(6200)
			s.repaired(desk)
			s.comesBack(m, desk)
		}},
		{step: "a load open and written; people: it was on the card", dies: "the card's memory, and the terminal", ends: "CONFIRMED, CONFIRMED; card 80.00", play: func(s *scene) {
			m, dump := s.pos(), s.holds()
			s.credit(5000)
			m.tap().says("receipt=CONFIRMED")
			s.credit(3000)
			m.dies(terminal.StepWritten)
			s.forged(dump)
			m.tap().says("reason=reread", "reread=conflict")
			desk := s.desk()
			desk.does(nil, "desk", s.path).says("reread=filed")
			s.hub("CONFIRMED", people("loads", "confirm", s.load(), "--balance", "92.00")...)
			s.repaired(desk)
			s.comesBack(m, desk)
		}},
	}
	for _, at := range []struct {
		text string
		step terminal.Step
	}{{"dies before the challenge's reading", terminal.StepChallenge}, {"dies before that is sent", terminal.StepChallengeSend}} {
		all = append(all, strike{step: "no load open, " + at.text, dies: "the card's memory, and the terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m := conflict(s)
			m.dies(at.step)
			if s.books().Frozen() {
				s.t.Error("one reading alone froze the account")
			}
			other := s.pos()
			other.tap().says("reread=conflict")
			desk := s.desk()
			desk.does(nil, "desk", s.path).says("reread=filed")
			s.hub("decided", repair(s)...)
			s.repaired(desk)
			s.comesBack(other, m, desk)
		}})
	}
	for _, at := range []struct {
		text string
		step terminal.Step
	}{{"the desk dies before the repair", terminal.StepRepair}, {"the desk dies before it shows it", terminal.StepRepaired}} {
		all = append(all, strike{step: "no load open, " + at.text, dies: "the card's memory, and the desk", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m := conflict(s)
			m.tap().says("reread=conflict")
			desk := s.desk()
			desk.does(nil, "desk", s.path).says("reread=filed")
			s.hub("decided", repair(s)...)
			before := s.holds().B
			desk.diesAt(at.step, []string{"desk", s.path})
			s.moved += fen.Fen(s.holds().B - before)
			s.repaired(desk)
			s.comesBack(m, desk)
		}})
	}
	all = append(all, strike{step: "put back before anybody read it again", dies: "the card's memory, and the terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
		m := s.pos()
		dump := s.holds()
		s.credit(5000)
		m.tap().says("receipt=CONFIRMED")
		whole := s.holds()
		s.forged(dump)
		m.dies(terminal.StepChallenge)
		s.forged(whole)
		s.comesBack(m)
	}})
	return point{"Card restored from a dump", all}
}

// outsideLoad is point 23: another machine loads a card whose counter it shares.
func outsideLoad() point {
	// kiosk loads 20.00 and returns the counter before it.
	kiosk := func(s *scene) int64 {
		s.t.Helper()
		n := s.holds().L
		if err := s.card.OutsideLoad(2000); err != nil {
			s.t.Fatal(err)
		}
		s.moved += 2000
		return n
	}
	report := func(s *scene, n int64) {
		s.t.Helper()
		if err := s.reports(transition.OutsideLoad, n, 2000); err != nil {
			s.t.Fatal(err)
		}
	}
	// dead is a load at which the terminal died.
	dead := func(s *scene, at terminal.Step, mischief ...string) (m, other *machine) {
		s.credit(5000)
		m, other = s.pos(), s.pos()
		m.dies(at, mischief...)
		return m, other
	}
	all := []strike{
		{step: "no load open", dies: "nothing", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m := s.pos()
			m.tap().says("reason=nothing_pending")
			n := kiosk(s)
			s.credit(5000)
			m.tap().says("reason=unknown_load")
			report(s, n)
			m.tap().says("outcome=written", "receipt=CONFIRMED")
			s.comesBack(m)
		}},
		{step: "no load open, reported before the tap", dies: "nothing", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m := s.pos()
			m.tap().says("reason=nothing_pending")
			report(s, kiosk(s))
			s.credit(5000)
			s.comesBack(m)
		}},
		{step: "at the open load's step, the intent is there; reported after a tap", dies: "terminal", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepWrite)
			n := kiosk(s)
			other.tap().says("reason=in_doubt")
			m.does(nil, "resume").says("outcome=unknown", "receipt=IN_DOUBT")
			report(s, n)
			s.is(transition.LoadCancelled)
			s.comesBack(other, m)
		}},
		{step: "at the open load's step, the intent is there; reported before a tap", dies: "terminal", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepWrite)
			report(s, kiosk(s))
			s.is(transition.LoadCancelled)
			s.comesBack(other, m)
		}},
		{step: "at the open load's step, nothing begun", dies: "terminal", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepIntent)
			n := kiosk(s)
			other.tap().says("reason=in_doubt")
			report(s, n)
			s.comesBack(other, m)
		}},
		{step: "after the write, before J4; a tap between", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepWritten)
			other.tap().says("confirmed_amount=50.00")
			report(s, kiosk(s))
			s.comesBack(other, m)
		}},
		{step: "after the write, the result unsent; reported at last", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepResultSend)
			n := kiosk(s)
			other.tap().says("reason=unknown_load")
			m.does(nil, "resume").says("outcome=written", "receipt=CONFIRMED", "first=true")
			report(s, n)
			s.comesBack(other, m)
		}},
		{step: "after the write, the result unsent; reported first", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepResultSend)
			n := kiosk(s)
			other.tap().says("reason=unknown_load")
			report(s, n)
			m.does(nil, "resume").says("outcome=written", "receipt=CONFIRMED", "first=true")
			s.comesBack(other, m)
		}},
		{step: "after the write, before J4; two people confirm", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepWritten)
			n := kiosk(s)
			other.tap().says("reason=unknown_load")
			m.does(nil, "resume").says("outcome=unknown", "receipt=IN_DOUBT")
			s.hub("CONFIRMED", people("loads", "confirm", s.load())...)
			report(s, n)
			s.comesBack(other, m)
		}},
		{step: "told of the very step that the hub's load took", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := dead(s, terminal.StepAcked)
			if err := s.reports(transition.OutsideLoad, s.holds().L-1, 2000); !errors.Is(err, transition.ErrContradicts) {
				s.t.Errorf("the report: %v", err)
			}
			s.comesBack(other, m)
		}},
	}
	for i := range all {
		all[i].profile = terminal.ProfileShared
	}
	all = append(all, strike{step: "of a card whose counter is the hub's own", dies: "nothing", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
		s.credit(5000)
		m := s.pos()
		if err := s.reports(transition.OutsideLoad, s.holds().L, 2000); !errors.Is(err, transition.ErrReport) {
			s.t.Errorf("the report: %v", err)
		}
		s.comesBack(m)
	}})
	return point{"Outside load on a shared counter", all}
}
