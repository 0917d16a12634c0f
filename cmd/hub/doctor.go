package main

import (
	"fmt"
	"strings"

	"guodu/cmd/hub/app"
)

type doctor struct {
	Offline bool `help:"Ask nobody but Redis: neither the portal nor the channels, and not the own callback addresses."`
}

// errSick is how many checks failed.
type errSick int

func (e errSick) Error() string {
	if e == 1 {
		return "1 check failed"
	}
	return fmt.Sprintf("%d checks failed", int(e))
}

// Run examines everything that a hub needs, and ends with status 1 if a check
// failed.
func (c doctor) Run(r run) error {
	failed := 0
	app.Examine(r.ctx, r.config, c.Offline, func(f app.Finding) {
		fmt.Fprintf(r.out, "%-4s  %-16s %s\n", f.Health, f.What, strings.ReplaceAll(f.Text, "\n", "\n"+strings.Repeat(" ", 23)))
		if f.Remedy != "" {
			fmt.Fprintf(r.out, "      %-16s → %s\n", "", f.Remedy)
		}
		if f.Health == app.Failed {
			failed++
		}
	})
	if failed > 0 {
		return errSick(failed)
	}
	return nil
}
