package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"guodu/internal/redistest"
	"guodu/mocks/terminal"
	"guodu/transition"
)

// pulledBeforeCommit is point 8: the card is gone before it commits.
func pulledBeforeCommit() point {
	var all []strike
	for _, how := range []struct {
		mischief string
		profile  terminal.Profile
		text     string
	}{
		{"pull-before-write", "", "pulled before the command"},
		{"pull-before-commit", "", "pulled under the command"},
		{"silent-before-commit", "", "it stays and is silent"},
		{"pull-before-commit", terminal.ProfileShared, "pulled under the command, shared card"},
		{"torn-backup", terminal.ProfileBlocks, "pulled after the backup block"},
		{"torn-balance", terminal.ProfileBlocks, "pulled between balance and stamp, with a backup block"},
	} {
		all = append(all,
			strike{step: how.text, dies: "the card's presence", profile: how.profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				m.taps(how.mischief).says("outcome=unknown")
				s.is(transition.LoadInDoubt)
				m.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
				s.comesBack(m)
			}},
			strike{step: how.text, dies: "the card's presence, and the terminal", profile: how.profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m, other := s.pos(), s.pos()
				m.dies(terminal.StepWritten, how.mischief)
				other.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
				s.comesBack(m, other)
			}},
		)
	}
	return point{"Card pulled before it commits", all}
}

// writtenUnanswered is point 9: the card committed and its answer is lost.
func writtenUnanswered() point {
	var all []strike
	for _, profile := range []terminal.Profile{"", terminal.ProfileBlocks, terminal.ProfileShared} {
		kind := map[terminal.Profile]string{"": "", terminal.ProfileBlocks: ", card with a backup block", terminal.ProfileShared: ", shared card"}[profile]
		all = append(all,
			strike{step: "it is gone" + kind, dies: "the card's answer", profile: profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				m.taps("answer-lost").says("outcome=unknown")
				s.is(transition.LoadInDoubt)
				m.tap().says("confirmed_amount=50.00")
				s.comesBack(m)
			}},
			strike{step: "it stays and is read back" + kind, dies: "the card's answer", profile: profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				m.taps("answer-lost-stays").says("outcome=written", "receipt=CONFIRMED")
				s.comesBack(m)
			}},
			strike{step: "it is gone" + kind, dies: "the card's answer, and the terminal", profile: profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m, other := s.pos(), s.pos()
				m.dies(terminal.StepWritten, "answer-lost")
				other.tap().says("confirmed_amount=50.00")
				s.comesBack(m, other)
			}},
		)
	}
	all = append(all,
		strike{step: "it answered and cannot be read back", dies: "the card's presence", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.taps("pull-after-write").says("outcome=written", "receipt=WRITTEN")
			s.is(transition.LoadWritten)
			s.comesBack(m)
		}},
		strike{step: "it is gone, a meal is bought", dies: "the card's answer", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.taps("answer-lost").says("outcome=unknown")
			s.buys()
			s.comesBack(m)
		}},
	)
	return point{"Card committed, answer lost", all}
}

// journal is the terminal's journal on its disk.
func (m *machine) journal() string { return filepath.Join(m.disk, "journal.jsonl") }

// tearsJournal cuts the journal's last record in half, as a power cut does that
// comes while it is being written.
func (m *machine) tearsJournal() {
	m.s.t.Helper()
	text, err := os.ReadFile(m.journal())
	if err != nil {
		m.s.t.Fatal(err)
	}
	last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	if !bytes.Contains(text[last:], []byte("WRITE_RESULT")) {
		m.s.t.Fatalf("the journal ends with %s", text[last:])
	}
	if err := os.WriteFile(m.journal(), text[:last+(len(text)-last)/2], 0o600); err != nil {
		m.s.t.Fatal(err)
	}
}

// diesBeforeResult is point 10: the terminal dies before J4 is durable.
func diesBeforeResult() point {
	var all []strike
	for _, how := range []struct {
		text    string
		profile terminal.Profile
		die     func(m *machine)
	}{
		{"before J4 is begun", "", func(m *machine) { m.dies(terminal.StepWritten) }},
		{"J4 is torn", "", func(m *machine) { m.dies(terminal.StepResultSend); m.tearsJournal() }},
		{"before J4 is begun, shared card", terminal.ProfileShared, func(m *machine) { m.dies(terminal.StepWritten) }},
	} {
		all = append(all,
			strike{step: how.text + ", it comes back first", profile: how.profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				how.die(m)
				m.does(nil, "resume").says("outcome=unknown", "receipt=IN_DOUBT")
				m.tap().says("confirmed_amount=50.00")
				s.comesBack(m)
			}},
			strike{step: how.text + ", the card goes to another first", profile: how.profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m, other := s.pos(), s.pos()
				how.die(m)
				other.tap().says("confirmed_amount=50.00")
				m.does(nil, "resume").says("outcome=unknown", "receipt=CONFIRMED", "first=false")
				s.comesBack(m, other)
			}},
			strike{step: how.text + ", its journal comes first", profile: how.profile, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				s.credit(5000)
				m := s.pos()
				how.die(m)
				m.does(nil, "upload").says("quarantined=0")
				s.comesBack(m)
			}},
		)
	}
	for i := range all {
		all[i].dies = "terminal"
	}
	return point{"Terminal dies before the result is durable", all}
}

// resultUnsent is point 11: J4 is durable and the network down.
func resultUnsent() point {
	unsent := func(s *scene) *machine {
		s.credit(5000)
		m := s.pos()
		m.dies(terminal.StepResultSend)
		return m
	}
	return point{"Result durable, network down", []strike{
		{step: "the result is lost, the terminal sends it again", dies: "the request", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			s.c.wire.next(m.id, resultWay, keepRequest)
			m.tap().says("outcome=written", "terminal: result of load")
			s.is(transition.LoadHeld)
			m.does(nil, "resume").says("outcome=written", "receipt=CONFIRMED", "first=true")
			s.comesBack(m)
		}},
		{step: "the result is delayed until after its repeat", dies: "the request's way", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			late := s.c.wire.next(m.id, resultWay, keepRequest)
			m.tap().says("outcome=written")
			m.does(nil, "resume").says("first=true")
			if answer := late.deliver(s); !strings.Contains(answer, `"first":false`) {
				s.t.Errorf("the late result is answered %s", answer)
			}
			s.comesBack(m)
		}},
		{step: "before it is sent, the terminal comes back first", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m := unsent(s)
			m.does(nil, "resume").says("outcome=written", "receipt=CONFIRMED", "first=true")
			s.comesBack(m)
		}},
		{step: "before it is sent, the journal comes first", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m := unsent(s)
			m.does(nil, "upload").says("quarantined=0")
			s.is(transition.LoadConfirmed)
			m.does(nil, "resume").says("receipt=CONFIRMED", "first=false")
			s.comesBack(m)
		}},
		{step: "before it is sent, the card goes to another first", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			m, other := unsent(s), s.pos()
			other.tap().says("confirmed_amount=50.00")
			m.does(nil, "resume").says("receipt=CONFIRMED", "first=false")
			s.comesBack(m, other)
		}},
		{step: "before it is sent, two more loads come before it", dies: "terminal", ends: "CONFIRMED, CONFIRMED, CONFIRMED; card 90.00", play: func(s *scene) {
			m, other := unsent(s), s.pos()
			for _, amount := range []int64{3000, 1000} {
				s.credit(fenOf(amount))
				other.tap().says("receipt=CONFIRMED")
			}
			m.does(nil, "resume").says("receipt=CONFIRMED", "first=false")
			s.comesBack(m, other)
		}},
		{step: "result arrived, not confirmed", dies: "hub", place: "pos.result.begin", alone: true, ends: "CONFIRMED; card 50.00", play: resultDies},
		{step: "confirmation sent, not run", dies: "redis-server", script: "load_result", cut: redistest.BeforeRun, alone: true, ends: "CONFIRMED; card 50.00", play: resultDies},
	}}
}

// resultDies is a load at whose result something dies.
func resultDies(s *scene) {
	s.credit(5000)
	m := s.pos()
	m.tap().says("outcome=written", "terminal: result of load")
	s.comesBack(m)
}

// confirmUnanswered is point 12: the confirmation is committed and the answer lost.
func confirmUnanswered() point {
	again := func(s *scene, m *machine) {
		s.is(transition.LoadConfirmed)
		s.until("the result again", func() error {
			done := m.does(nil, "resume")
			if done.status != 0 {
				return errNotYet
			}
			done.says("receipt=CONFIRMED", "first=false")
			return nil
		})
		s.comesBack(m)
	}
	return point{"Confirmation committed, answer lost", []strike{
		{step: "on its way", dies: "the answer", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			s.c.wire.next(m.id, resultWay, loseAnswer)
			m.tap().says("outcome=written", "terminal: result of load")
			again(s, m)
		}},
		{step: "before J5", dies: "terminal", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.dies(terminal.StepAcked)
			again(s, m)
		}},
		{step: "before J5, more is paid and loaded", dies: "terminal", ends: "CONFIRMED, CONFIRMED; card 80.00", play: func(s *scene) {
			s.credit(5000)
			m, other := s.pos(), s.pos()
			m.dies(terminal.StepAcked)
			s.credit(3000)
			other.tap().says("amount=30.00", "receipt=CONFIRMED")
			again(s, m)
		}},
		{step: "before it is answered", dies: "hub", place: "pos.result.done", alone: true, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.tap().says("outcome=written", "terminal: result of load")
			again(s, m)
		}},
		{step: "run, no reply", dies: "redis-server", script: "load_result", cut: redistest.AfterRun, alone: true, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.tap().says("outcome=written", "terminal: result of load")
			again(s, m)
		}},
	}}
}

// lateConfirm is point 16: attempt 1 is confirmed after attempt 2 was issued. For
// that the second reading is older than the first write.
func lateConfirm() point {
	// issued is attempt 1 written and unsent, and attempt 2 issued.
	issued := func(s *scene) (first, second *machine) {
		s.credit(5000)
		first, second = s.pos(), s.pos()
		request := s.c.wire.next(second.id, tapWay, keepRequest)
		second.tap().says("outcome=no-answer")
		first.dies(terminal.StepResultSend)
		if answer := request.deliver(s); !strings.Contains(answer, `"attempt":2`) {
			s.t.Fatalf("the second attempt: %s", answer)
		}
		return first, second
	}
	return point{"Late confirmation of attempt 1 after attempt 2 was issued", []strike{
		{step: "while attempt 2 lives", dies: "terminal 1", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			first, second := issued(s)
			first.does(nil, "resume").says("outcome=written", "receipt=CONFIRMED", "first=true")
			s.comesBack(second, first)
		}},
		{step: "after attempt 2 was aborted", dies: "terminal 1", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			first, second := issued(s)
			second.does(nil, "resume").says("state=HELD")
			s.is(transition.LoadHeld) // attempt 1 may have written, and has
			first.does(nil, "resume").says("receipt=CONFIRMED", "first=true")
			s.comesBack(second, first)
		}},
		{step: "by its journal, while attempt 2 lives", dies: "terminal 1", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			first, second := issued(s)
			first.does(nil, "upload").says("quarantined=0")
			s.is(transition.LoadConfirmed)
			s.comesBack(second, first)
		}},
		{step: "after a tap proved it, at the terminal of attempt 2", dies: "terminal 1", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			first, second := issued(s)
			second.tap().says("confirmed_amount=50.00")
			first.does(nil, "resume").says("receipt=CONFIRMED", "first=false")
			s.comesBack(second, first)
		}},
		{step: "attempt 1 was silent, attempt 2 wrote", dies: "terminal 1", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			first, second := s.pos(), s.pos()
			first.dies(terminal.StepWritten, "pull-before-commit")
			second.tap().says("attempt=2", "receipt=CONFIRMED")
			first.does(nil, "resume").says("outcome=unknown", "receipt=CONFIRMED", "first=false")
			s.comesBack(second, first)
		}},
	}}
}

// conflicted lets the card end in a conflict and two people end that, at the desk.
func (s *scene) conflicted(m *machine, decide ...string) {
	s.t.Helper()
	m.tap().says("reason=conflict")
	desk := s.desk()
	s.refuses("no desk has read the card", people(append([]string{"loads"}, decide...)...)...)
	desk.does(nil, "desk", s.path).says("reread=filed")
	s.hub("", people(append([]string{"loads"}, decide...)...)...)
	desk.does(nil, "desk", s.path).says("repaired")
	desk.goesOn()
}

// writeTorn is point 22: the card holds the new balance under the old stamp.
func writeTorn() point {
	var all []strike
	for _, how := range []struct {
		mischief, text string
		dies           bool
	}{
		{"torn-balance", "the card is gone", false}, {"torn-balance-stays", "the card stays", false}, {"torn-balance", "the card is gone", true},
	} {
		torn := func(s *scene) *machine {
			s.credit(5000)
			m := s.pos()
			if how.dies {
				m.dies(terminal.StepWritten, how.mischief)
				m.does(nil, "resume").says("outcome=unknown", "receipt=IN_DOUBT")
			} else {
				m.taps(how.mischief).says("outcome=unknown")
			}
			return m
		}
		dies := "the write"
		if how.dies {
			dies = "the write, and the terminal"
		}
		all = append(all,
			strike{step: how.text + ", no purchase; people: it is loaded", dies: dies, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				m := torn(s)
				m.tap().says("reason=reread", "reread=conflict")
				s.is(transition.LoadConflict)
				s.conflicted(m, "confirm", s.load())
				s.comesBack(m)
			}},
			strike{step: how.text + ", no purchase; people: it is not loaded", dies: dies, ends: "CANCELLED, CONFIRMED; card 50.00", play: func(s *scene) {
				m := torn(s)
				m.tap().says("reason=reread", "reread=conflict")
				desk := s.desk()
				desk.does(nil, "desk", s.path).says("reread=filed")
				s.refuses("too early", people("loads", "cancel", s.load(), "--balance", "12.00")...)
				s.cancelsLater(1200)
				desk.does(nil, "desk", s.path).says("reread=repair", "repaired")
				s.comesBack(m)
			}},
			strike{step: how.text + ", a purchase, and the core reports it", dies: dies, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
				m := torn(s)
				n := s.buys()
				m.tap().says("reason=in_doubt")
				s.is(transition.LoadInDoubt)
				if err := s.reports(transition.Spend, n, 300); err != nil {
					s.t.Fatal(err)
				}
				m.tap().says("reason=reread", "reread=conflict")
				s.conflicted(m, "confirm", s.load())
				s.comesBack(m)
			}},
		)
	}
	all = append(all,
		strike{step: "a purchase before the write was torn off, reported", dies: "the write", ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.taps("pull-before-commit").says("outcome=unknown")
			n := s.buys()
			m.tap().says("reason=in_doubt")
			if err := s.reports(transition.Spend, n, 300); err != nil {
				s.t.Fatal(err)
			}
			m.tap().says("outcome=written", "attempt=2", "receipt=CONFIRMED")
			s.comesBack(m)
		}},
		strike{step: "the backup block is torn too, no purchase", dies: "the write", profile: terminal.ProfileBlocks, ends: "CONFIRMED; card 50.00", play: func(s *scene) {
			s.credit(5000)
			m := s.pos()
			m.taps("torn-beyond-repair").says("outcome=unknown")
			m.tap().says("reason=reread", "reread=conflict")
			s.conflicted(m, "confirm", s.load())
			s.comesBack(m)
		}},
	)
	for i := range all {
		if strings.Contains(all[i].step, "purchase, and") || strings.Contains(all[i].step, "purchase before") {
			all[i].step += " (3.00)"
		}
	}
	return point{"Write torn between balance and stamp (plain card)", all}
}

// cancelsLater is what two people decide once no authorisation can be used any more.
func (s *scene) cancelsLater(balance int64) {
	s.t.Helper()
	shown := fenOf(balance)
	state, err := s.laterBooks(laterEnough).DecideLoad(s.c.ctx, transition.LoadDecision{
		Load: transition.LoadNo(s.load()), Verdict: transition.VerdictCancel, By: "li", Second: "wang", Why: "looked into", Balance: &shown,
	})
	if err != nil || state != transition.LoadCancelled {
		s.t.Fatalf("cancel: %s, %v", state, err)
	}
}
