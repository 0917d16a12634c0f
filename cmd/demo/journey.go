package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"guodu/cmd/demo/stage"
	"guodu/cmd/demo/world"
	"guodu/internal/fen"
	"guodu/mocks/phone"
	"guodu/mocks/terminal"
)

// errAccount says that the money does not add up.
var errAccount = errors.New("the account does not hold")

// once walks the journey and prints the account.
func once(ctx context.Context, o options, amounts []fen.Fen, out io.Writer, log *slog.Logger) error {
	s, err := open(ctx, o, "", out, log, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	addresses(out, s)
	j := &journey{Stage: s, out: out, started: time.Now()}
	err = j.walk(ctx, amounts)
	if err != nil {
		return err
	}
	return j.account(ctx)
}

// journey is one holder's way, told step by step.
type journey struct {
	*stage.Stage
	out     io.Writer
	started time.Time
	step    int
}

// say tells a step.
func (j *journey) say(verb, format string, args ...any) {
	j.step++
	fmt.Fprintf(j.out, "%2d  %5.2fs  %-10s %s\n", j.step, time.Since(j.started).Seconds(), verb, fmt.Sprintf(format, args...))
}

func (j *journey) walk(ctx context.Context, amounts []fen.Fen) error {
	apps := []struct{ channel, name string }{{"wechat", "WeChat"}, {"alipay", "Alipay"}}
	phones := make([]*phone.Phone, len(apps))
	for i, app := range apps {
		var err error
		phones[i], err = j.World.Phone(app.channel)
		if err != nil {
			return err
		}
		if err := phones[i].Bind(ctx, world.Username, world.Password); err != nil {
			return err
		}
		j.say("bind", "%s's %s and account %s", world.Person, app.name, world.AccountNo)
	}
	for i, amount := range amounts { // by one app and the other in turn
		app := apps[i%len(apps)]
		order, err := phones[i%len(apps)].Recharge(ctx, amount.Yuan())
		if err != nil {
			return err
		}
		j.say("pay", "%s yuan by %s, order %s", amount.Yuan(), app.name, order)
		for n := range 2 {
			if err := j.callback(ctx, app.channel, order, n); err != nil {
				return err
			}
			if i == 0 && n == 0 {
				if err := j.powerCut(ctx); err != nil {
					return err
				}
			}
		}
	}
	if err := j.balance(ctx, ""); err != nil {
		return err
	}
	return j.tap(ctx)
}

// callback lets the channel send its callback once more.
func (j *journey) callback(ctx context.Context, channel, order string, n int) error {
	statuses, accepted, err := j.World.Deliver(ctx, channel, order, 1)
	if err != nil {
		return err
	}
	repeated := ""
	if n > 0 {
		repeated = ", sent again"
	}
	j.say("callback", "for %s%s: answered %d", order, repeated, statuses[0])
	if !accepted {
		return fmt.Errorf("callback for %s: %w", order, errAccount)
	}
	return nil
}

func (j *journey) balance(ctx context.Context, remark string) error {
	a, err := j.Operator.Books().Account(ctx, world.AccountNo)
	if err != nil {
		return err
	}
	j.say("balance", "%s yuan wait for the card (过渡余额)%s", a.Pending.Yuan(), remark)
	return nil
}

// powerCut kills hub and redis-server at once, by SIGKILL, and starts them on
// what they left. In memory there is no redis-server to kill.
func (j *journey) powerCut(ctx context.Context) error {
	redis, err := j.KillRedis()
	if err != nil && !errors.Is(err, stage.ErrMemory) {
		return err
	}
	if redis != 0 {
		j.say("kill -9", "redis-server, right after the hub has answered")
	}
	j.KillHub()
	j.say("kill -9", "the hub")
	if err := errors.Join(j.StartRedis(ctx), j.StartHub(ctx)); err != nil {
		return err
	}
	return j.balance(ctx, ", after a new start")
}

// tap holds the card to the terminal until nothing is left to load. The hub is
// killed before it can hear that the first load is on the card.
func (j *journey) tap(ctx context.Context) error {
	killed := false
	pos, err := j.World.Terminal(func(s terminal.Step) error {
		if s == terminal.StepResultSend && !killed {
			killed = true
			j.say("tap", "the card is written, its terminal is about to tell")
			j.KillHub()
			j.say("kill -9", "the hub")
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer func() { _ = pos.Close() }()
	if _, err := pos.SignIn(ctx); err != nil {
		return err
	}
	card, err := j.World.Card()
	if err != nil {
		return err
	}
	for {
		t, err := pos.Tap(ctx, card)
		if err != nil && (t.Outcome != terminal.OutcomeWritten || j.HubRuns()) {
			return err
		}
		card.Leave()
		if t.Load == "" {
			j.say("tap", "nothing to load: %s", t.Reason)
			return nil
		}
		answer := "the terminal got no answer"
		if t.Receipt != nil {
			answer = "the hub answers " + t.Receipt.State
		}
		j.say("card", "holds %s yuan after load %s; %s", fen.Fen(t.After.B).Yuan(), t.Load, answer)
		if err := j.StartHub(ctx); err != nil {
			return err
		}
		told, err := pos.Resume(ctx)
		if err != nil {
			return err
		}
		for _, d := range told.Delivered {
			j.say("journal", "the terminal tells the new hub of load %s: %s", d.Load, d.Receipt.State)
		}
	}
}

// account prints where all the money is, from books that know nothing of each
// other.
func (j *journey) account(ctx context.Context) error {
	paid := fen.Fen(j.World.PaidFen())
	card, err := j.World.CardBalance()
	if err != nil {
		return err
	}
	a, err := j.Operator.Books().Account(ctx, world.AccountNo)
	if err != nil {
		return err
	}
	_, verified := j.Operator.Books().Verify(ctx)
	sign := "="
	held := a.LoadHeld + a.RefundHeld
	if paid != card+a.Pending+held {
		sign = "≠"
	}
	fmt.Fprintf(j.out, "\npaid %s %s card %s + pending %s + held %s\n", paid.Yuan(), sign, card.Yuan(), a.Pending.Yuan(), held.Yuan())
	if sign != "=" {
		return errAccount
	}
	return verified
}
