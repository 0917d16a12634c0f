package transition

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"guodu/internal/fen"
)

// ErrBooks says that the entries do not give what is stored; its text names
// the first difference.
var ErrBooks = errors.New("books do not agree")

// Books are the sums that a verified store holds.
type Books struct {
	Accounts, Entries, Orders, Loads int
	Tot                              Postings // all partitions together
}

// Verify derives every balance, the trial balance, the credited orders and the
// loads again from the entries, partition by partition, and compares. It takes
// a partition as it stands at one moment; where money keeps moving it looks
// again, a bounded number of times.
// Errors: ErrBooks with the first difference.
func (s *Store) Verify(ctx context.Context) (Books, error) {
	index, err := s.scan(ctx)
	if err != nil {
		return Books{}, err
	}
	books := Books{Tot: Postings{}}
	for p := range partition(Partitions) {
		var b Books
		for range moves {
			b, err = s.verifyPartition(ctx, p, index[p])
			if !errors.Is(err, ErrMoved) {
				break
			}
			index, err = s.scan(ctx)
			if err != nil {
				return Books{}, err
			}
		}
		if err != nil {
			return Books{}, fmt.Errorf("partition p%s: %w", p.digits(), err)
		}
		books.Accounts += b.Accounts
		books.Entries += b.Entries
		books.Orders += b.Orders
		books.Loads += b.Loads
		for name, f := range b.Tot {
			books.Tot[name] += f
		}
	}
	return books, nil
}

func (s *Store) verifyPartition(ctx context.Context, p partition, h holdings) (Books, error) {
	snap, err := s.take(ctx, p, h)
	if err != nil {
		return Books{}, err
	}
	sums := Postings{}
	credits, holds, confirms := map[string]fen.Fen{}, map[string]fen.Fen{}, map[string]fen.Fen{}
	total := 0
	for _, id := range sorted(snap.accounts) {
		entries, err := replay(snap.entries[id], snap.accounts[id], sums)
		if err != nil {
			return Books{}, fmt.Errorf("account %s: %w", id, err)
		}
		total += len(entries)
		for _, e := range entries {
			switch e.Kind {
			case "credit":
				if _, twice := credits[e.Ref]; twice {
					return Books{}, fmt.Errorf("account %s: %w: order %s is credited twice", id, ErrBooks, e.Ref)
				}
				credits[e.Ref] = e.Amount
			case "hold":
				holds[e.Ref] += e.Amount
			case "confirm", "cancel":
				confirms[e.Ref] += e.Amount
			}
		}
	}
	if err := sameTot(snap.tot, sums); err != nil {
		return Books{}, s.orMoved(ctx, p, h, err)
	}
	if err := sameOrders(snap.orders, credits); err != nil {
		return Books{}, s.orMoved(ctx, p, h, err)
	}
	if err := sameLoads(snap.loads, holds, confirms); err != nil {
		return Books{}, s.orMoved(ctx, p, h, err)
	}
	return Books{Accounts: len(snap.accounts), Entries: total, Orders: len(credits), Loads: len(holds), Tot: sums}, nil
}

// orMoved turns a difference into ErrMoved if keys appeared since the scan:
// then the difference may be an account, order or load that was not read.
func (s *Store) orMoved(ctx context.Context, p partition, h holdings, difference error) error {
	index, err := s.scan(ctx)
	if err != nil {
		return err
	}
	now := index[p]
	if len(now.accounts)+len(now.orders)+len(now.loads) != len(h.accounts)+len(h.orders)+len(h.loads) {
		return ErrMoved
	}
	return difference
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
