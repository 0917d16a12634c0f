package main

import (
	"fmt"
	"os"
	"time"

	"guodu/cmd/hub/app"
)

type terminalParams struct {
	Get getParams `cmd:"" help:"Print the parameters in force."`
	Set setParams `cmd:"" help:"Put the parameters of a file in force, one JSON object."`
}

type getParams struct{}

// Run prints the parameters.
func (getParams) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		p, err := hub.Registry().Params(r.ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "version %d\n%s\n", p.Version, p.Values)
		return nil
	})
}

type setParams struct {
	File string `arg:"" type:"existingfile" help:"One JSON object."`
}

// Run puts the parameters in force.
func (c setParams) Run(r run) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		p, err := hub.Registry().SetParams(r.ctx, text, time.Now())
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "version %d\n", p.Version)
		return nil
	})
}
