package main

import (
	"fmt"

	"guodu/cmd/hub/app"
	"guodu/transition"
)

type terminalBlocklist struct {
	Sweep bool `help:"Compare it with the books first, as a hub does every few minutes."`
}

// Run prints the blocklist.
func (c terminalBlocklist) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		if c.Sweep {
			mended, err := hub.Books().SweepBlocks(r.ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(r.out, "%d entries were behind the books\n", mended)
		}
		list, err := hub.Books().Blocklist(r.ctx, transition.Cursor{})
		if err != nil {
			return err
		}
		for _, b := range list.Block {
			fmt.Fprintf(r.out, "%-32s %-32s %s\n", b.UID, b.No, b.Reason)
		}
		fmt.Fprintf(r.out, "%d cards, cursor %q\n", len(list.Block), list.Cursor)
		return nil
	})
}
