package main

import (
	"fmt"
	"os"
	"time"

	"guodu/cmd/hub/app"
)

type importTerminals struct {
	File string `arg:"" type:"existingfile" help:"The CSV file (UTF-8, with a header line)."`
}

// Run registers the terminals; refused lines are named and make the exit status 1.
func (c importTerminals) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		done, err := hub.ImportTerminals(r.ctx, file, time.Now())
		fmt.Fprintf(r.out, "%d terminals: %d registered, %d known before, %d refused\n", done.Terminals, done.Registered, done.Known, done.Refused)
		return err
	})
}
