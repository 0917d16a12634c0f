package main

import (
	"fmt"

	"guodu/cmd/hub/app"
	"guodu/transition"
)

type recovery struct {
	Show  showRecovery  `cmd:"" default:"1" help:"Say whether the books are in recovery."`
	Begin beginRecovery `cmd:"" help:"Stop new holds, new refunds and first sights of cards: writes may have been lost."`
	End   endRecovery   `cmd:"" help:"End it: every terminal's journal is in. Takes two names."`
}

type showRecovery struct{}

// Run prints since when.
func (showRecovery) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		state, err := hub.Books().Recovery(r.ctx)
		if err != nil {
			return err
		}
		if state.Partitions == 0 {
			fmt.Fprintln(r.out, "not in recovery")
			return nil
		}
		fmt.Fprintf(r.out, "in recovery since %s (%d of %d partitions): %s\nend it once every running terminal has sent its journal: hub terminals list\n",
			app.Moment(state.Since), state.Partitions, transition.Partitions, shown(state.Why))
		return nil
	})
}

type beginRecovery struct {
	As  string `required:"" help:"Who asks." placeholder:"NAME"`
	Why line   `required:"" help:"What happened." placeholder:"TEXT"`
}

// Run begins it; nothing is lost by beginning it once too often.
func (c beginRecovery) Run(r run) error {
	if err := checkName(c.As); err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		err := hub.Books().BeginRecovery(r.ctx, c.As, string(c.Why))
		if err != nil {
			return err
		}
		r.log.Warn("recovery begins", "by", c.As, "why", c.Why)
		fmt.Fprintln(r.out, "in recovery: no new holds, refunds or first sights until it ends")
		return nil
	})
}

type endRecovery struct{ twoPeople }

// Run ends it.
func (c endRecovery) Run(r run) error {
	by, second, err := c.names()
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		err := hub.Books().EndRecovery(r.ctx, by, second, string(c.Why))
		if err != nil {
			return err
		}
		r.log.Warn("recovery ends", "by", by, "second", second)
		fmt.Fprintln(r.out, "ended")
		return nil
	})
}
