package main

import (
	"os"
	"os/signal"
	"syscall"

	"guodu/cmd/hub/app"
)

type serve struct {
	NewBooks string `help:"Give up the books that this hub has kept, named by their id, and take what the money Redis holds, or make new books." placeholder:"ID"`
}

// Run runs the hub until SIGINT or SIGTERM. SIGHUP makes it read the channels'
// keys again.
func (c serve) Run(r run) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	hub, err := app.New(r.ctx, r.config, app.Options{
		Log: r.log, Hangup: hangup, Reload: r.reload, Begin: true, GiveUp: c.NewBooks,
	})
	if err != nil {
		return err
	}
	defer hub.Close()
	return hub.Serve(r.ctx)
}
