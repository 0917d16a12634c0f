package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"guodu/mocks/terminal"
	"guodu/transition"
)

// loses is a failover that loses what was written meanwhile: redis-server dies, and
// the one that takes over has the file as it was before.
func (s *scene) loses(meanwhile func()) {
	s.t.Helper()
	folder, err := s.c.redis.Client().ConfigGet(s.c.ctx, "dir").Result()
	if err != nil {
		s.t.Fatal(err)
	}
	file, kept := filepath.Join(folder["dir"], "appendonlydir"), filepath.Join(s.dir, "appendonlydir")
	if err := os.CopyFS(kept, os.DirFS(file)); err != nil {
		s.t.Fatal(err)
	}
	meanwhile()
	s.c.redis.Kill()
	err = os.RemoveAll(file)
	if err == nil {
		err = os.CopyFS(file, os.DirFS(kept))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.c.redis.Restart()
}

// recovers is what people do around a failover that they noticed.
func (s *scene) recovers(meanwhile func()) {
	s.t.Helper()
	s.hub("in recovery", "recovery", "begin", "--as", "li", "--why", "failover")
	meanwhile()
	s.refuses("two different names", "recovery", "end", "--as", "li", "--as", "li", "--why", "x")
	s.hub("ended", people("recovery", "end")...)
}

// failover is point 13: a failover loses HELD, or more.
func failover() point {
	// noticed is a failover while the terminal is dead at a step.
	noticed := func(at terminal.Step, says string, mischief ...string) func(s *scene) {
		return func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			s.loses(func() { m.dies(at, mischief...) })
			s.recovers(func() {
				other.goesOn()
				other.tap().says("reason=recovery")
				m.does(nil, "sign-in")
				m.does(nil, "resume").says(says)
				m.goesOn()
			})
			s.comesBack(m, other)
		}
	}
	all := []strike{
		{step: "not written, nothing begun", dies: "redis-server, terminal", ends: "CONFIRMED; card 50.00", play: noticed(terminal.StepIntent, "abandoned=1")},
		{step: "not written, the intent is there", dies: "redis-server, terminal", ends: "CONFIRMED; card 50.00", play: noticed(terminal.StepWrite, "receipt=IN_DOUBT")},
		{step: "not written, the card was pulled", dies: "redis-server, terminal", ends: "CONFIRMED; card 50.00", play: noticed(terminal.StepWritten, "receipt=IN_DOUBT", "pull-before-commit")},
		{step: "written with answer", dies: "redis-server, terminal", ends: "FORCED; card 50.00", play: noticed(terminal.StepResultSend, "receipt=FORCED")},
		{step: "written with answer, result not durable", dies: "redis-server, terminal", ends: "CONFIRMED; card 50.00", play: noticed(terminal.StepWritten, "receipt=IN_DOUBT")},
		{step: "written without answer", dies: "redis-server, terminal", ends: "CONFIRMED; card 50.00", play: noticed(terminal.StepWritten, "receipt=IN_DOUBT", "answer-lost")},
		{step: "confirmed too, terminal told", dies: "redis-server", ends: "FORCED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			s.loses(func() { m.tap().says("receipt=CONFIRMED") })
			s.recovers(m.goesOn) // the journal tells
			s.is(transition.LoadForced)
			s.comesBack(m)
		}},
		{step: "confirmed too, and the journal was sent", dies: "redis-server", ends: "FORCED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			s.loses(func() {
				m.tap().says("receipt=CONFIRMED")
				m.goesOn()
			})
			s.recovers(m.goesOn) // the watermark went back: it is sent again
			s.is(transition.LoadForced)
			s.comesBack(m)
		}},
		{step: "written with answer, the card comes before the journal", dies: "redis-server, terminal", ends: "CONFIRMED, FORCED; card 60.00", play: func(s *scene) {
			s.credit(1000)
			m, other := s.pos(), s.pos()
			m.tap().says("receipt=CONFIRMED")
			s.credit(5000)
			s.loses(func() { m.dies(terminal.StepResultSend) })
			s.recovers(func() {
				other.goesOn()
				other.tap().says("reason=unknown_load")
				m.does(nil, "resume").says("receipt=FORCED")
			})
			s.comesBack(m, other)
		}},
		{step: "written without answer, the card comes before the journal", dies: "redis-server, terminal", ends: "CONFIRMED, CONFIRMED; card 60.00", play: func(s *scene) {
			s.credit(1000)
			m, other := s.pos(), s.pos()
			m.tap().says("receipt=CONFIRMED")
			s.credit(5000)
			s.loses(func() { m.dies(terminal.StepWritten) })
			s.recovers(func() {
				other.goesOn()
				other.tap().says("reason=unknown_load")
				m.does(nil, "resume").says("receipt=IN_DOUBT")
				other.tap().says("confirmed_amount=50.00")
			})
			s.comesBack(m, other)
		}},
		{step: "attempt 2 lost, written with answer", dies: "redis-server, both terminals", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			other.goesOn()
			m.dies(terminal.StepWrite)
			s.loses(func() { other.dies(terminal.StepResultSend) })
			s.recovers(func() {
				m.does(nil, "resume").says("receipt=IN_DOUBT")
				other.does(nil, "resume").says("receipt=CONFIRMED")
			})
			s.comesBack(m, other)
		}},
		{
			step: "written with answer, unnoticed, refunded before the result; 80.00 are paid later", dies: "redis-server, terminal", holder: true,
			ends: "FORCED, CONFIRMED; card 80.00, refunded 50.00", play: func(s *scene) {
				order := s.unnoticed(terminal.StepResultSend)
				m := s.pos2()
				m.does(nil, "resume").says("receipt=FORCED")
				if a := s.books(); a.Clawback != 5000 || !a.Frozen() {
					s.t.Errorf("after order %s: owed %s, frozen %t", order, a.Clawback.Yuan(), a.Frozen())
				}
				s.recharges("wechat", "80.00")
				s.comesBack(m)
			},
		},
		{
			step: "written without answer, unnoticed, refunded before the result; two people adopt", dies: "redis-server, terminal", holder: true,
			ends: "FORCED; card 50.00, refunded 50.00, clawback 50.00, frozen: clawback", play: func(s *scene) {
				s.unnoticed(terminal.StepWritten)
				m := s.pos2()
				// The money is gone, and the card may have it: nothing more leaves, and
				// the card tells.
				m.does(nil, "resume").says("outcome=unknown", "receipt=IN_DOUBT")
				m.goesOn()
				s.hub("LOST_LOAD", "loads", "list")
				m.tap().says("reason=unknown_load")
				s.hub("decided", people("loads", "adopt", s.data.UID, "--counter", "4", "--amount", "50.00")...)
				m.reapsUntil("frozen")
			},
		},
	}
	for i := range all {
		all[i].alone = true
	}
	return point{"Failover loses HELD", all}
}

// unnoticed is a failover that nobody notices, after which the holder gets the money
// back that is on the card: at the card's second load, so that the books know it.
func (s *scene) unnoticed(at terminal.Step) (order string) {
	s.t.Helper()
	m := s.pos()
	m.tap().says("reason=nothing_pending") // its counter is known
	order = s.recharges("wechat", "50.00")
	s.loses(func() { m.dies(at) })
	// A hub that had marked the books meanwhile does notice: then two people end the
	// recovery too early. It looks at its start, and at this server never again.
	s.c.endHubs()
	s.c.serve("")
	if status, output := s.tries("recovery"); status != 0 || !strings.HasPrefix(output, "not in recovery") {
		s.hub("ended", people("recovery", "end")...)
	}
	s.until("the refund is made", func() error {
		if status, _ := s.tries(refundArgs(order, "50.00")...); status != 0 {
			return errNotYet
		}
		return nil
	})
	s.refundEnds(order)
	return order
}

// pos2 is the scene's first terminal again.
func (s *scene) pos2() *machine {
	id := "T" + string(s.account) + "-1"
	return &machine{s: s, id: id, key: filepath.Join(s.dir, id+".pem"), disk: filepath.Join(s.dir, id)}
}

// terminalDestroyed is point 14: a terminal is destroyed with its unsent journal.
func terminalDestroyed() point {
	var all []strike
	for _, at := range []struct {
		text     string
		step     terminal.Step
		mischief []string
		ends     string
		proves   string
	}{
		{"after J1, the tap not sent", terminal.StepTapSend, nil, "CONFIRMED; card 50.00", "attempt=1"},
		{"with the authorisation", terminal.StepAnswerReceived, nil, "CONFIRMED; card 50.00", "attempt=2"},
		{"after J2", terminal.StepIntent, nil, "CONFIRMED; card 50.00", "attempt=2"},
		{"after J3, not written", terminal.StepWrite, nil, "CONFIRMED; card 50.00", "attempt=2"},
		{"after J3, the card pulled before it committed", terminal.StepWritten, []string{"pull-before-commit"}, "CONFIRMED; card 50.00", "attempt=2"},
		{"written, before J4", terminal.StepWritten, nil, "CONFIRMED; card 50.00", "confirmed_amount=50.00"},
		{"written without answer", terminal.StepWritten, []string{"answer-lost"}, "CONFIRMED; card 50.00", "confirmed_amount=50.00"},
		{"after J4, unsent", terminal.StepResultSend, nil, "CONFIRMED; card 50.00", "confirmed_amount=50.00"},
		{"acknowledged, before J5", terminal.StepAcked, nil, "CONFIRMED; card 50.00", "reason=nothing_pending"},
	} {
		all = append(all, strike{step: at.text, dies: "terminal and its disk", ends: at.ends, play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			m.dies(at.step, at.mischief...)
			m.destroyed()
			other.tap().says(at.proves)
			s.comesBack(other)
		}})
	}
	all = append(all, strike{
		step: "after J3, not written; a purchase, which the core reports", dies: "terminal and its disk", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			m.dies(terminal.StepWrite)
			m.destroyed()
			n := s.buys()
			other.tap().says("reason=in_doubt")
			if err := s.reports(transition.Spend, n, 300); err != nil {
				s.t.Fatal(err)
			}
			s.comesBack(other)
		},
	}, strike{
		step: "written, before J4; a purchase", dies: "terminal and its disk", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			m.dies(terminal.StepWritten)
			m.destroyed()
			s.buys()
			other.tap().says("confirmed_amount=50.00")
			s.comesBack(other)
		},
	}, strike{
		step: "after J3, not written; it is reset to factory state", dies: "terminal and its memory", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepWrite)
			m.resets()
			m.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
			s.comesBack(m)
		},
	})
	return point{"Terminal destroyed with its unsent journal", all}
}

// destroyed loses the terminal's disk, and people say that it is lost.
func (m *machine) destroyed() {
	m.s.t.Helper()
	if err := os.RemoveAll(m.disk); err != nil {
		m.s.t.Fatal(err)
	}
	m.s.hub("is lost", "terminals", "lost", m.id)
}

// cardDestroyed is point 15: the card is destroyed while its load is in doubt.
func cardDestroyed() point {
	const month = 31 * 24 * time.Hour
	// later is what two people decide when so much time has passed.
	later := func(verdict transition.Verdict) func(*scene, string) {
		return func(s *scene, load string) {
			s.t.Helper()
			_, err := s.laterBooks(month).DecideLoad(s.c.ctx, transition.LoadDecision{
				Load: transition.LoadNo(load), Verdict: verdict, By: "li", Second: "wang", Why: "the card is gone",
			})
			if err != nil {
				s.t.Fatal(err)
			}
		}
	}
	// decided is the card destroyed after its terminal died at a step, and another one
	// in force when people decide the load.
	decided := func(step terminal.Step, decide func(next *scene, load string)) func(*scene) {
		return func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(step)
			m.goesOn()
			s.is(transition.LoadInDoubt)
			load := s.load()
			s.destroys()
			next := s.replaced()
			at := m.at(next)
			at.tap().says("reason=nothing_pending") // what is open stays with the old card
			next.credit(3000)
			at.tap().says("amount=30.00", "receipt=CONFIRMED")
			for _, verdict := range []string{"confirm", "cancel", "suspend"} {
				next.refuses("too early", people("loads", verdict, load)...)
			}
			if l, err := s.c.inside().Books().LoadRecord(s.c.ctx, transition.LoadNo(load)); err != nil || l.State != transition.LoadInDoubt {
				s.t.Errorf("the old card's load is %s, %v", l.State, err)
			}
			next.verify()
			decide(next, load)
			next.comesBack(at)
			s.follow(next)
		}
	}
	return point{"Card destroyed in doubt", []strike{
		{
			step: "not written; after 30 days two people cancel", dies: "terminal, then the card", ends: "CANCELLED, CONFIRMED, CONFIRMED; card 80.00",
			play: decided(terminal.StepWrite, later(transition.VerdictCancel)),
		},
		{
			step: "written; after 30 days two people confirm", dies: "terminal, then the card", ends: "CONFIRMED, CONFIRMED; card 80.00",
			play: decided(terminal.StepWritten, later(transition.VerdictConfirm)),
		},
		{
			step: "not written, nobody can say; after 30 days into suspense", dies: "terminal, then the card",
			ends: "SUSPENDED, CONFIRMED; card 30.00, suspense 50.00", play: decided(terminal.StepWrite, later(transition.VerdictSuspend)),
		},
		{step: "written, answer lost; the result comes after the new card", dies: "the card", ends: "CONFIRMED, CONFIRMED; card 80.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepResultSend)
			s.destroys()
			next := s.replaced()
			other := next.pos()
			other.tap().says("reason=nothing_pending")
			next.credit(3000)
			other.tap().says("amount=30.00", "receipt=CONFIRMED")
			m.does(nil, "resume").says("receipt=CONFIRMED", "first=true")
			next.comesBack(other, m.at(next))
			s.follow(next)
		}},
		{step: "nothing begun; the terminal lets it go", dies: "terminal, then the card", ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepIntent)
			s.destroys()
			next := s.replaced()
			m.at(next).goesOn()
			next.comesBack(m.at(next))
			s.follow(next)
		}},
	}}
}

// follow makes the scene go on as another one, with the card that replaced its own.
func (s *scene) follow(next *scene) {
	before := *s
	*s = *next
	s.before = &before
}

// resets the terminal to factory state.
func (m *machine) resets() {
	m.s.t.Helper()
	binary, err := terminalBinary()
	if err != nil {
		m.s.t.Fatal(err)
	}
	if out, err := exec.CommandContext(m.s.c.ctx, binary, "reset", m.disk).CombinedOutput(); err != nil {
		m.s.t.Fatalf("reset: %v\n%s", err, out)
	}
}
