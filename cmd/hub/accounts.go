package main

import (
	"fmt"
	"os"

	"guodu/cmd/hub/app"
	"guodu/transition"
)

type accounts struct {
	Import importAccounts `cmd:"" help:"Import accounts, cards, arrears and freezes from a CSV file with the columns account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile. The same version again changes nothing."`
	Show   showAccount    `cmd:"" help:"Show one account."`
}

type importAccounts struct {
	File string `arg:"" type:"existingfile" help:"The CSV file (UTF-8, with a header line)."`
}

// Run imports the file; refused lines are named and make the exit status 1.
func (c importAccounts) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		done, err := hub.Import(r.ctx, file, func(so app.Imported) {
			if so.Accounts%1000 == 0 {
				fmt.Fprintf(os.Stderr, "%d accounts …\n", so.Accounts)
			}
		})
		fmt.Fprintf(r.out, "%d accounts: %d changed, %d unchanged, %d refused\n", done.Accounts, done.Changed, done.Unchanged, done.Refused)
		return err
	})
}

type showAccount struct {
	No string `arg:"" help:"The account's number."`
}

// Run prints the account.
func (c showAccount) Run(r run) error {
	no, err := transition.ParseAccountNo(c.No)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		a, err := hub.Books().Account(r.ctx, no)
		if err != nil {
			return err
		}
		status := "open"
		if !a.Open {
			status = "closed"
		}
		for _, line := range [][2]string{
			{"account", string(a.No)}, {"status", status}, {"card", string(a.Card)}, {"pending", a.Pending.Yuan()},
			{"on its way to the card", a.LoadHeld.Yuan()}, {"on its way back", a.RefundHeld.Yuan()},
			{"arrears", a.Arrears.Yuan()}, {"clawback", a.Clawback.Yuan()},
		} {
			fmt.Fprintf(r.out, "%-24s %s\n", line[0], line[1])
		}
		for _, reason := range a.Freeze {
			fmt.Fprintf(r.out, "%-24s %s (%s)\n", "frozen", reason.Name, reason.Owner)
		}
		return nil
	})
}
