package main

import (
	"os"
	"os/signal"
	"syscall"

	"guodu/cmd/hub/app"
)

type serve struct{}

// Run runs the hub until SIGINT or SIGTERM. SIGHUP makes it read the channels'
// keys again.
func (serve) Run(r run) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	hub, err := app.New(r.ctx, r.config, app.Options{Log: r.log, Hangup: hangup, Reload: r.reload})
	if err != nil {
		return err
	}
	defer hub.Close()
	return hub.Serve(r.ctx)
}
