package main

import (
	"fmt"
	"time"

	"guodu/cmd/hub/app"
	"guodu/transition/pos"
)

type (
	suspendTerminal struct {
		ID string `arg:"" help:"The terminal's id."`
	}
	resumeTerminal struct {
		ID string `arg:"" help:"The terminal's id."`
	}
	lostTerminal struct {
		ID string `arg:"" help:"The terminal's id."`
	}
	retireTerminal struct {
		ID string `arg:"" help:"The terminal's id."`
	}
)

// Run suspends the terminal.
func (c suspendTerminal) Run(r run) error { return setState(r, c.ID, pos.Suspended) }

// Run lets the terminal go on.
func (c resumeTerminal) Run(r run) error { return setState(r, c.ID, pos.Running) }

// Run marks the terminal as lost.
func (c lostTerminal) Run(r run) error { return setState(r, c.ID, pos.Lost) }

// Run takes the terminal out of use.
func (c retireTerminal) Run(r run) error { return setState(r, c.ID, pos.Retired) }

func setState(r run, id string, to pos.State) error {
	return r.money(func(hub *app.Hub) error {
		if err := hub.Registry().Set(r.ctx, id, to, time.Now()); err != nil {
			return err
		}
		fmt.Fprintf(r.out, "terminal %s is %s\n", id, to)
		return nil
	})
}
