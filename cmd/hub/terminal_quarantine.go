package main

import (
	"fmt"

	"guodu/cmd/hub/app"
	"guodu/transition/pos"
)

type terminalQuarantine struct {
	ID string `arg:"" optional:"" help:"Of this terminal alone."`
}

// Run prints the quarantined records, oldest first.
func (c terminalQuarantine) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		return hub.Registry().Quarantine(r.ctx, c.ID, func(q pos.Quarantined) error {
			_, err := fmt.Fprintf(r.out, "%s  %-16s %-10s %-13s %s\n", when(q.At), q.Terminal, q.Seq, shown(q.Why), shown(string(q.Record)))
			return err
		})
	})
}
