package app

import (
	"context"
	"net/http"
	"time"
)

// Production says whether real money moves: simulators and their cashiers are for
// environment test.
func (c Config) Production() bool { return c.Environment == production }

// Runs says whether a hub of this configuration runs on this machine, as far as can
// be seen from its addresses and from its own Redis.
func Runs(ctx context.Context, c Config) bool {
	d := &doctor{config: c, http: &http.Client{Timeout: patience}, now: time.Now}
	return d.hubRuns(ctx)
}
