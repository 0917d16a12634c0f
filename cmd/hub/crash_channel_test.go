package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"guodu/cmd/demo/world"
	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/mocks/alipay"
	"guodu/mocks/terminal"
)

// pays lets the holder pay by WeChat Pay; the hub has not heard of it.
func (s *scene) pays(amount string) (order string) {
	s.t.Helper()
	return s.paysBy("wechat", amount)
}

func (s *scene) paysBy(channel, amount string) (order string) {
	s.t.Helper()
	if s.c.phones[channel] == nil {
		s.c.phones[channel] = s.c.boundBy(channel)
	}
	order, err := s.c.phones[channel].Recharge(s.c.ctx, amount)
	if err != nil {
		s.t.Fatal(err)
	}
	paid, err := fen.Parse(amount)
	if err != nil {
		s.t.Fatal(err)
	}
	s.paid += paid
	return order
}

// recharges pays, and the channel tells the hub.
func (s *scene) recharges(channel, amount string) (order string) {
	s.t.Helper()
	order = s.paysBy(channel, amount)
	_, accepted, err := s.c.Deliver(s.c.ctx, channel, order, 1)
	if err != nil || !accepted {
		s.t.Fatalf("callback: accepted %t, %v", accepted, err)
	}
	return order
}

// credited waits until the payment is pending, starting anew what dies meanwhile.
func (s *scene) credited() {
	s.t.Helper()
	s.until("the payment is credited", func() error {
		s.c.revive()
		a, err := s.c.inside().Books().Account(s.c.ctx, s.account)
		if err == nil && a.Pending == 0 {
			err = errNotYet
		}
		return err
	})
}

// told repeats the callback until it is accepted.
func (s *scene) told(order string) {
	s.t.Helper()
	s.until("the callback is accepted", func() error {
		s.c.revive()
		return s.c.callback(order)
	})
}

// once fails the test unless the books have one credit.
func (s *scene) once() {
	s.t.Helper()
	books, err := s.c.inside().Books().Verify(s.c.ctx)
	if err != nil || books.Orders != 1 {
		s.t.Errorf("%d credits, %v; want 1", books.Orders, err)
	}
}

// callbackLost is point 1: the holder paid and the callback is lost.
func callbackLost() point {
	all := []strike{
		{step: "it never comes, the hub asks", dies: "the callback"},
		{step: "it never comes, dies once the channel has answered", dies: "hub", place: "poller.queried"},
		{step: "it never comes, dies with the answer, not credited", dies: "hub", place: "settle.begin"},
		{step: "it never comes, dies once it is credited", dies: "hub", place: "settle.done"},
		{step: "it never comes, credit sent, not run", dies: "redis-server", script: "order_credit", cut: redistest.BeforeRun},
		{step: "it never comes, credit run, no reply", dies: "redis-server", script: "order_credit", cut: redistest.AfterRun},
	}
	for i := range all {
		all[i].play = func(s *scene) {
			m := s.pos()
			begun := time.Now()
			s.pays("50.00")
			tapped := m.tap()
			// Five seconds after the order was made the hub asks: then the payment is
			// known, or what dies has died.
			if time.Since(begun) < 4*time.Second {
				tapped.says("reason=nothing_pending")
			}
			s.credited()
			s.until("what dies has died", func() error {
				s.c.revive()
				if (all[i].place != "" || all[i].script != "") && !s.c.revived {
					return errNotYet
				}
				return nil
			})
			s.comesBack(m)
			s.once()
		}
	}
	all = append(all, strike{step: "it comes after the hub has asked and the card was loaded", dies: "the callback's way", play: func(s *scene) {
		m := s.pos()
		order := s.pays("50.00")
		s.credited()
		m.tap().says("receipt=CONFIRMED")
		s.told(order)
		s.comesBack(m)
		s.once()
	}})
	for i := range all {
		all[i].alone, all[i].holder, all[i].ends = true, true, "CONFIRMED; card 50.00"
	}
	return point{"Paid, callback lost", all}
}

// hubDiesBeforeCredit is point 2: the callback arrived and was not credited.
func hubDiesBeforeCredit() point {
	var all []strike
	for _, by := range []unanswered{
		{dies: "hub", place: "settle.begin"}, {dies: "redis-server", script: "order_credit", cut: redistest.BeforeRun},
	} {
		for _, again := range []bool{true, false} {
			step := "the channel does not repeat it, the hub asks"
			if again {
				step = "the channel repeats it"
			}
			all = append(all, strike{
				step: step, dies: by.dies, place: by.place, script: by.script, cut: by.cut, alone: true, holder: true, ends: "CONFIRMED; card 50.00",
				play: func(s *scene) {
					m := s.pos()
					order := s.pays("50.00")
					if err := s.c.callback(order); err == nil {
						s.t.Fatal("the callback was accepted")
					}
					if again {
						s.told(order)
					}
					s.credited()
					s.comesBack(m)
					s.once()
				},
			})
		}
	}
	return point{"Hub dies after the callback, before the credit", all}
}

// refundArgs is two people's command to give an order's money back.
func refundArgs(order, amount string) []string {
	return people("refunds", "make", order, "--amount", amount)
}

// refundEnds lets the channel finish the refunds of an order and tell of it.
func (s *scene) refundEnds(order string) {
	s.t.Helper()
	s.until("the refund ends", func() error {
		s.c.WeChat.FinishRefunds()
		if o := s.c.order(order); o.Refunding != 0 {
			return fmt.Errorf("%w: %s under way", errNotYet, o.Refunding.Yuan())
		}
		return nil
	})
	s.refunded = fen.Fen(s.c.WeChat.Book().RefundedFen)
}

// refundRaces is point 17: a refund and a tap want the same money.
func refundRaces() point {
	var all []strike
	for _, at := range []struct {
		text string
		step terminal.Step
		ends string
	}{
		{"tap first, dies holding", terminal.StepIntent, "CANCELLED, CONFIRMED; card 50.00"},
		{"tap first, dies with its write intent", terminal.StepWrite, "CONFIRMED; card 50.00"},
		{"tap first, dies with the card written", terminal.StepWritten, "CONFIRMED; card 50.00"},
		{"tap first, dies with the result unsent", terminal.StepResultSend, "CONFIRMED; card 50.00"},
	} {
		all = append(all, strike{step: at.text + "; the refund is refused", dies: "terminal", ends: at.ends, play: func(s *scene) {
			m := s.pos()
			order := s.recharges("wechat", "50.00")
			m.dies(at.step)
			s.refuses("0.00 yuan can be refunded", refundArgs(order, "50.00")...)
			s.comesBack(m)
			s.refuses("0.00 yuan can be refunded", refundArgs(order, "50.00")...)
		}})
	}
	all = append(all,
		strike{step: "tap first, lets go; the refund is made", dies: "terminal", ends: "CANCELLED; card 0.00, refunded 50.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("wechat", "50.00")
			m.dies(terminal.StepIntent)
			m.does(nil, "resume").says("state=CANCELLED")
			s.hub("50.00 yuan", refundArgs(order, "50.00")...)
			m.tap().says("reason=nothing_pending")
			s.refundEnds(order)
			s.comesBack(m)
		}},
		strike{step: "refund first; the tap gets the rest", dies: "nothing", ends: "CONFIRMED; card 30.00, refunded 20.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("wechat", "50.00")
			s.hub("20.00 yuan", refundArgs(order, "20.00")...)
			m.tap().says("amount=30.00", "receipt=CONFIRMED")
			s.refundEnds(order)
			s.comesBack(m)
		}},
		strike{step: "refund first, held, the channel not asked; the tap gets nothing", dies: "the command", ends: "no load; card 0.00, refunded 50.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("wechat", "50.00")
			s.commandDies("refund.held", refundArgs(order, "50.00")...)
			m.tap().says("reason=nothing_pending")
			s.refundEnds(order)
			s.comesBack(m)
		}},
		strike{step: "both at once, ten times", dies: "nothing", ends: "each fen once, on the card or refunded: 100.00", play: func(s *scene) { s.races(nil) }},
		strike{step: "both at once, ten times, the terminal dies", dies: "terminal", ends: "each fen once, on the card or refunded: 100.00", play: func(s *scene) {
			s.races([]string{"GUODU_CRASH=" + string(terminal.StepWritten)})
		}},
	)
	for i := range all {
		all[i].alone, all[i].holder = true, true
	}
	return point{"Refund races with a tap", all}
}

// commandDies runs a command that dies at a failpoint.
func (s *scene) commandDies(at string, args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.c.ctx, hubBinary, append([]string{"--config", s.c.ConfigFile}, args...)...)
	cmd.Env = append(os.Environ(), "GUODU_REDIS__ADDRS="+s.c.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+s.c.ephemeral.Addr(), "GUODU_FAILPOINT="+at)
	out, _ := cmd.CombinedOutput()
	if p := (&process{cmd: cmd}); !p.killed() {
		s.t.Fatalf("the command did not die at %s:\n%s", at, out)
	}
}

// races lets a refund command and a tap meet, both as processes, ten times.
func (s *scene) races(mischief []string) {
	s.t.Helper()
	m := s.pos()
	m.goesOn() // signs in
	for range 10 {
		order := s.recharges("wechat", "10.00")
		var both sync.WaitGroup
		var output string
		both.Go(func() { _, output = s.tries(refundArgs(order, "10.00")...) })
		both.Go(func() { m.does(mischief, "tap", s.path) })
		both.Wait()
		if !strings.Contains(output, "10.00 yuan") && !strings.Contains(output, "0.00 yuan can be refunded") {
			s.t.Errorf("the refund says\n%s", output)
		}
		s.refundEnds(order)
		s.comesBack(m)
	}
	s.raced = "each fen once, on the card or refunded: " + (s.got() + s.refunded).Yuan()
}

// chargedBack is point 21: the channel gives money back after its load.
func chargedBack() point {
	// back is a refund that nobody asked the hub for.
	back := func(s *scene, order string, amount int64) {
		s.t.Helper()
		if _, err := s.c.Alipay.RefundOutside(s.c.ctx, order, amount); err != nil {
			s.t.Fatal(err)
		}
		s.until("the hub hears of it", func() error {
			s.c.revive()
			delivered, err := s.c.Alipay.DeliverEvent(s.c.ctx, order, alipay.EventRefunded, 1)
			if err == nil && !delivered[0].Accepted {
				err = fmt.Errorf("%w: %d", errNotYet, delivered[0].Status)
			}
			return err
		})
		s.refunded += fenOf(amount)
	}
	owes := func(s *scene, amount fen.Fen) {
		s.t.Helper()
		if a := s.books(); a.Clawback != amount || !a.Frozen() {
			s.t.Errorf("owed %s, frozen %t; want %s and frozen", a.Clawback.Yuan(), a.Frozen(), amount.Yuan())
		}
	}
	all := []strike{
		{step: "loaded; 30.00 go back, and 40.00 are paid later", dies: "nothing", ends: "CONFIRMED, CONFIRMED; card 60.00, refunded 30.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("alipay", "50.00")
			m.tap().says("receipt=CONFIRMED")
			back(s, order, 3000)
			owes(s, 3000)
			s.recharges("alipay", "40.00")
			s.comesBack(m)
		}},
		{step: "loaded; 50.00 go back, and 20.00 are paid later", dies: "nothing", ends: "CONFIRMED; card 50.00, refunded 50.00, clawback 30.00, frozen: clawback", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("alipay", "50.00")
			m.tap().says("receipt=CONFIRMED")
			back(s, order, 5000)
			owes(s, 5000)
			s.recharges("alipay", "20.00")
			m.goesOn()
			m.reapsUntil("frozen")
		}},
		{step: "held, nothing begun; 30.00 go back", dies: "terminal", ends: "CANCELLED, CONFIRMED; card 20.00, refunded 30.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("alipay", "50.00")
			m.dies(terminal.StepIntent)
			back(s, order, 3000)
			owes(s, 3000)
			s.comesBack(m)
		}},
		{step: "held, intent; 30.00 go back, and 40.00 are paid later", dies: "terminal", ends: "CONFIRMED, CONFIRMED; card 60.00, refunded 30.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("alipay", "50.00")
			m.dies(terminal.StepWrite)
			back(s, order, 3000)
			owes(s, 3000)
			m.tap().says("reason=frozen") // the money that is bound cannot be had either
			s.recharges("alipay", "40.00")
			s.comesBack(m)
		}},
		{step: "written, the result unsent; 30.00 go back, and 40.00 are paid later", dies: "terminal", ends: "CONFIRMED, CONFIRMED; card 60.00, refunded 30.00", play: func(s *scene) {
			m := s.pos()
			order := s.recharges("alipay", "50.00")
			m.dies(terminal.StepResultSend)
			back(s, order, 3000)
			s.recharges("alipay", "40.00")
			if owed := s.books().Clawback; owed != 0 {
				s.t.Errorf("owed %s", owed.Yuan())
			}
			s.comesBack(m)
		}},
		{step: "loaded; booking of 30.00 sent, not run", dies: "redis-server", script: "refund_ext", cut: redistest.BeforeRun, ends: "CONFIRMED, CONFIRMED; card 60.00, refunded 30.00"},
		{step: "loaded; booking of 30.00 run, no reply", dies: "redis-server", script: "refund_ext", cut: redistest.AfterRun, ends: "CONFIRMED, CONFIRMED; card 60.00, refunded 30.00"},
	}
	for i := range all {
		if all[i].play == nil {
			all[i].play = all[0].play
		}
		all[i].alone, all[i].holder = true, true
		all[i].options = []func(*world.Options){withAlipay, func(o *world.Options) { o.NotifyRefunds = true }}
	}
	return point{"Chargeback or refund at the channel after the load", all}
}
