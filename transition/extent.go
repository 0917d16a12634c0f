package transition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// idLength is the length of the id of books: 80 random bits in base32.
const idLength = 16

// Extent is which books a Redis holds, and how much of them: enough to find out
// whether others were put in their place, or writes are missing.
type Extent struct {
	ID      string            // empty if there are no books
	At      time.Time         // by the clock of the server
	Entries [Partitions]int64 // ever made, by partition
}

// Sum is the number of entries of all partitions.
func (e Extent) Sum() int64 {
	var all int64
	for _, n := range e.Entries {
		all += n
	}
	return all
}

// Fewer counts the partitions that have fewer entries than before, and the entries
// that they lack.
func (e Extent) Fewer(before Extent) (partitions int, entries int64) {
	for p, n := range before.Entries {
		if e.Entries[p] < n {
			partitions++
			entries += n - e.Entries[p]
		}
	}
	return partitions, entries
}

// ReadExtent reads what a Redis holds. It changes nothing, and needs no books.
// Errors: ErrUnavailable, ErrUnknownOutcome, ErrBooks.
func ReadExtent(ctx context.Context, client redis.UniversalClient, prefix string) (Extent, error) {
	keys := keyring{prefix}
	var e Extent
	now, err := client.Time(ctx).Result()
	if err != nil {
		return e, fmt.Errorf("read the time: %w", redisx.Classify(err))
	}
	e.At = now
	// The id last: books that are emptied meanwhile have none, whatever was counted.
	pipe := client.Pipeline()
	var counts [Partitions]*redis.StringCmd
	for p := range partition(Partitions) {
		counts[p] = pipe.Get(ctx, keys.count(p))
	}
	id := pipe.HGet(ctx, keys.meta(), "books")
	if err := exec(ctx, "extent", pipe); err != nil {
		return e, err
	}
	e.ID = id.Val()
	for p, cmd := range counts {
		n, err := cmd.Int64()
		switch {
		case errors.Is(err, redis.Nil):
		case err != nil || n < 0:
			return e, fmt.Errorf("%w: the entries of partition p%s are counted as %.24q", ErrBooks, partition(p).digits(), cmd.Val())
		}
		e.Entries[p] = n
	}
	return e, nil
}

// ID is the id of the books, made with them.
func (s *Store) ID() string { return s.id }

// Extent reads which books these are and how much of them there is.
func (s *Store) Extent(ctx context.Context) (Extent, error) {
	return ReadExtent(ctx, s.client(), s.keys.prefix)
}

// sameCount compares the number of entries that a partition counts with those of
// its accounts.
func sameCount(snap snapshot) error {
	var n number
	all := int64(0)
	for _, a := range snap.accounts {
		if a["seq"] != "" {
			all += n.int(a["seq"])
		}
	}
	counted := int64(0)
	if snap.count != "" {
		counted = n.int(snap.count)
	}
	if n.err != nil {
		return fmt.Errorf("%w: count: %w", ErrBooks, n.err)
	}
	if counted != all {
		return fmt.Errorf("%w: %d entries are counted, the accounts have %d", ErrBooks, counted, all)
	}
	return nil
}
