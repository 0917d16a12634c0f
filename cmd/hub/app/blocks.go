package app

import (
	"context"
	"log/slog"
	"time"

	"guodu/transition"
)

// blocksEvery is how often the blocklist is compared with the books.
const blocksEvery = 5 * time.Minute

// sweepBlocks makes the blocklist right, at once and again and again until ctx ends:
// a hub may have died between a freeze and its entry.
func sweepBlocks(ctx context.Context, books *transition.Store, log *slog.Logger) {
	tick := time.NewTicker(blocksEvery)
	defer tick.Stop()
	for {
		mended, err := books.SweepBlocks(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("blocklist is not compared with the books", "error", err)
		case mended > 0:
			log.Info("blocklist was behind the books", "cards", mended)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
