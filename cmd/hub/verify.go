package main

import (
	"fmt"
	"sort"

	"guodu/cmd/hub/app"
)

type verify struct{}

// Run prints the books, or the first difference and exit status 1.
func (verify) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		fmt.Fprintln(r.out, hub.Where())
		books, err := hub.Books().Verify(r.ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "%d accounts, %d entries, %d credited orders, %d loads: all agree\n",
			books.Accounts, books.Entries, books.Orders, books.Loads)
		names := make([]string, 0, len(books.Tot))
		for name := range books.Tot {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			fmt.Fprintf(r.out, "%-14s %14s\n", name, books.Tot[name].Yuan())
		}
		fmt.Fprintf(r.out, "%-14s %14s\n", "sum", "0.00")
		return nil
	})
}
