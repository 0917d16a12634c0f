package main

import (
	"fmt"
	"time"

	"guodu/cmd/hub/app"
)

type cases struct {
	List listCases `cmd:"" help:"List the open cases, oldest first."`
}

type listCases struct {
	All bool `help:"The closed ones as well."`
}

// Run prints the cases with their evidence.
func (c listCases) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		all, err := hub.Books().Cases(r.ctx)
		if err != nil {
			return err
		}
		for _, one := range all {
			if !one.Open && !c.All {
				continue
			}
			fmt.Fprintf(r.out, "%s  %-16s %10s yuan  seen %d  %s\n  %s\n", one.Opened.Format(time.DateTime), one.Kind,
				one.Suspense.Yuan(), one.Times, one.ID, one.Evidence)
		}
		return nil
	})
}
