package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"guodu/transition"
)

// primaryEvery is how often the hub looks which server holds the books.
const primaryEvery = 2 * time.Second

// mayLose says whether another server that takes over may lack acknowledged writes:
// only where the operator accepted that by name.
func (r RedisConfig) mayLose() bool {
	return slices.ContainsFunc([]string{"replicas", "appendonly", "appendfsync"}, func(name string) bool {
		return slices.Contains(r.Accept, name)
	})
}

// watchPrimary takes the books into recovery when another server holds them that may
// lack writes, until ctx ends.
func watchPrimary(ctx context.Context, books *transition.Store, r RedisConfig, log *slog.Logger) {
	tick := time.NewTicker(primaryEvery)
	defer tick.Stop()
	for {
		begun, err := books.NotePrimary(ctx, r.mayLose())
		if err != nil && ctx.Err() == nil {
			log.Warn("money Redis: which server holds the books is not known", "error", err)
		}
		if begun > 0 {
			log.Error("another server holds the books and may lack writes: no new holds, refunds and first sights; see hub recovery",
				"partitions", begun)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
