package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/internal/fen"
	"guodu/mocks/phone"
)

// errAccount says that the money does not add up.
var errAccount = errors.New("the account does not hold")

// walk sets up a world with a hub in it, walks the journey, and prints the
// account.
func walk(ctx context.Context, o options, amounts []fen.Fen, out io.Writer, log *slog.Logger) error {
	dir, err := os.MkdirTemp("", "guodu-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w, err := world.New(ctx, world.Options{Dir: dir, PublicURL: "http://" + listener.Addr().String(), Alipay: true, Log: log})
	if err != nil {
		return err
	}
	defer w.Close()
	config, err := app.Load(w.ConfigFile)
	if err != nil {
		return err
	}
	memory, end, err := inMemory(o.Memory, &config, out)
	if err != nil {
		return err
	}
	defer end()
	hub, err := app.New(ctx, config, app.Options{Log: log, Rewrite: sabotage(o.Sabotage), Memory: memory})
	if err != nil {
		return err
	}
	defer hub.Close()
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- hub.ServeOn(serving, listener) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			fmt.Fprintln(out, "hub:", err)
		}
	}()
	if err := w.Furnish(ctx, hub); err != nil {
		return err
	}
	fmt.Fprintf(out, "hub        %s\nsimulators WeChat Pay %s (seed %d), Alipay %s (seed %d), portal %s\n\n",
		"http://"+listener.Addr().String(), w.WeChatURL, w.WeChat.Seed(), w.AlipayURL, w.Alipay.Seed(), w.PortalURL)
	j := &journey{world: w, hub: hub, out: out, started: time.Now()}
	err = j.walk(ctx, amounts)
	if err == nil {
		err = j.account(ctx)
	}
	if err == nil && !o.Once {
		fmt.Fprintf(out, "\nstill up; Ctrl-C ends it\n")
		<-ctx.Done()
	}
	return err
}

// journey is one holder's way, told step by step.
type journey struct {
	world   *world.World
	hub     *app.Hub
	out     io.Writer
	started time.Time
	step    int
}

// say tells a step.
func (j *journey) say(format string, args ...any) {
	j.step++
	fmt.Fprintf(j.out, "%2d  %5.2fs  %s\n", j.step, time.Since(j.started).Seconds(), fmt.Sprintf(format, args...))
}

func (j *journey) walk(ctx context.Context, amounts []fen.Fen) error {
	apps := []struct{ channel, name string }{{"wechat", "WeChat"}, {"alipay", "Alipay"}}
	phones := make([]*phone.Phone, len(apps))
	for i, app := range apps {
		var err error
		phones[i], err = j.world.Phone(app.channel)
		if err != nil {
			return err
		}
		if err := phones[i].Bind(ctx, world.Username, world.Password); err != nil {
			return err
		}
		j.say("bind       %s's %s and account %s", world.Person, app.name, world.AccountNo)
	}
	for i, amount := range amounts { // by one app and the other in turn
		app := apps[i%len(apps)]
		order, err := phones[i%len(apps)].Recharge(ctx, amount.Yuan())
		if err != nil {
			return err
		}
		j.say("pay        %s yuan by %s, order %s", amount.Yuan(), app.name, order)
		statuses, accepted, err := j.world.Deliver(ctx, app.channel, order, 2)
		if err != nil {
			return err
		}
		for n, status := range statuses {
			j.say("callback   %d of 2 for %s: answered %d", n+1, order, status)
		}
		if !accepted {
			return fmt.Errorf("callback for %s: %w", order, errAccount)
		}
	}
	a, err := j.hub.Books().Account(ctx, world.AccountNo)
	if err != nil {
		return err
	}
	j.say("balance    %s yuan wait for the card (过渡余额)", a.Pending.Yuan())
	return j.tap(ctx)
}

// tap holds the card to the terminal until nothing is left to load.
func (j *journey) tap(ctx context.Context) error {
	pos, err := j.world.Terminal(nil)
	if err != nil {
		return err
	}
	defer func() { _ = pos.Close() }()
	card, err := j.world.Card()
	if err != nil {
		return err
	}
	for {
		t, err := pos.Tap(ctx, card)
		if err != nil {
			return err
		}
		card.Leave()
		if t.Load == "" {
			j.say("tap        nothing to load: %s", t.Reason)
			return nil
		}
		j.say("tap        the hub authorises load %s: %s yuan", t.Load, fen.Fen(t.AmountFen).Yuan())
		j.say("write      the card holds %s yuan, load counter %d", fen.Fen(t.After.B).Yuan(), t.After.L)
		j.say("confirm    the hub answers %s", t.Receipt.State)
	}
}

// account prints where all the money is, from three books that know nothing
// of each other.
func (j *journey) account(ctx context.Context) error {
	paid := fen.Fen(j.world.PaidFen())
	card, err := j.world.CardBalance()
	if err != nil {
		return err
	}
	a, err := j.hub.Books().Account(ctx, world.AccountNo)
	if err != nil {
		return err
	}
	_, verified := j.hub.Books().Verify(ctx)
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
