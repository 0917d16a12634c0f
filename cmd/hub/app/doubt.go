package app

import (
	"context"
	"log/slog"
	"time"

	"guodu/transition"
)

// doubtEvery is how often loads past their deadline are marked.
const doubtEvery = 5 * time.Second

// markDoubt marks loads past their deadline as in doubt until ctx ends, so that
// holders and the card centre see them for what they are. It moves no money.
func markDoubt(ctx context.Context, books *transition.Store, log *slog.Logger) {
	tick := time.NewTicker(doubtEvery)
	defer tick.Stop()
	var since time.Time
	for {
		// A deadline that another hub's clock has set a little later is not passed over.
		until := time.Now().Add(-time.Minute)
		marked, err := books.MarkDoubt(ctx, since)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("loads in doubt are not marked", "error", err)
		default:
			since = until
		}
		if marked > 0 {
			log.Info("loads past their deadline", "marked", marked)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
