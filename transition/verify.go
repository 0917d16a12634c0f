package transition

import (
	"context"
	"errors"
	"fmt"
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
// loads and refunds again from the entries, partition by partition, and compares. It takes
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
		for range tries {
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

// verifyPartition compares one partition. Orders, loads and refunds that appeared since
// the scan are found by the entries that name them, and read with the next try.
func (s *Store) verifyPartition(ctx context.Context, p partition, h holdings) (Books, error) {
	for range tries {
		snap, err := s.take(ctx, p, h)
		if err != nil {
			return Books{}, err
		}
		d, err := derive(snap)
		if err != nil {
			return Books{}, err
		}
		if h.miss(d, snap) {
			continue
		}
		err = d.compare(snap)
		if err != nil {
			return Books{}, s.orMoved(ctx, p, h, err)
		}
		return Books{Accounts: len(snap.accounts), Entries: d.entries, Orders: len(d.credits), Loads: len(d.loads), Tot: d.tot}, nil
	}
	return Books{}, ErrMoved
}

// miss adds the orders, loads and refunds that entries name and nobody listed, and the
// claims of loads, and says whether there were any.
func (h *holdings) miss(d derived, snap snapshot) bool {
	missed := false
	claims := map[string]bool{}
	for _, load := range snap.loads {
		if LoadState(load["state"]).onCard() {
			claims[step(load)] = true
		}
	}
	for _, one := range []struct {
		listed *[]string
		named  []string
	}{{&h.orders, sorted(d.credits)}, {&h.loads, sorted(d.loads)}, {&h.refunds, sorted(d.refunds)}, {&h.claims, sorted(claims)}} {
		known := map[string]bool{}
		for _, id := range *one.listed {
			known[id] = true
		}
		for _, id := range one.named {
			if !known[id] {
				*one.listed, missed = append(*one.listed, id), true
			}
		}
	}
	return missed
}

// orMoved turns a difference into ErrMoved if accounts appeared since the
// scan: then the difference may be one that was not read.
func (s *Store) orMoved(ctx context.Context, p partition, h holdings, difference error) error {
	index, err := s.scan(ctx)
	if err != nil {
		return err
	}
	if len(index[p].accounts) != len(h.accounts) {
		return ErrMoved
	}
	return difference
}
