package main

import "guodu/cmd/hub/app"

type serve struct{}

// Run runs the hub until SIGINT or SIGTERM.
func (serve) Run(r run) error {
	hub, err := app.New(r.ctx, r.config, app.Options{Log: r.log})
	if err != nil {
		return err
	}
	defer hub.Close()
	return hub.Serve(r.ctx)
}
