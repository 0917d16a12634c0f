package notify

import (
	"context"
	"sync"
	"time"
)

// again looks, and looks again, until ctx ends.
func again(ctx context.Context, every time.Duration, look func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// spread does the work for each item, a few at once, and waits for all.
func spread[T any](items []T, work func(T)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, workers)
	for _, item := range items {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			work(item)
		}()
	}
	wg.Wait()
}
