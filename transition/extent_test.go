package transition

import (
	"context"
	"errors"
	"testing"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

func TestTheExtentCountsTheEntriesOfEachPartition(t *testing.T) {
	ctx := context.Background()
	server := redistest.Start(t, redistest.Ephemeral)
	run := redisx.NewRunner(server.Client(), redisx.RunnerOptions{})
	_, err := Open(ctx, run, Options{Existing: true})
	if !errors.Is(err, ErrNoBooks) {
		t.Errorf("an empty Redis that must hold books: %v", err)
	}
	if n := server.Client().DBSize(ctx).Val(); n != 0 {
		t.Errorf("looking for books has left %d keys", n)
	}
	st, err := newStage(ctx, run)
	if err != nil {
		t.Fatal(err)
	}
	before, err := st.Extent(ctx)
	if err != nil {
		t.Fatal(err)
	}
	st.funded(ctx, "stamp", 5000)
	after, err := st.Extent(ctx)
	if err != nil {
		t.Fatal(err)
	}
	books, err := st.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if before.Sum() != 0 || after.Sum() == 0 || after.Sum() != int64(books.Entries) || after.ID != st.ID() || before.ID != st.ID() {
		t.Errorf("before %+v, after %+v, with %d entries in books %s", before, after, books.Entries, st.ID())
	}
	if partitions, entries := before.Fewer(after); partitions != 1 || entries != after.Sum() {
		t.Errorf("the books of before lack %d entries in %d partitions, of %d in one", entries, partitions, after.Sum())
	}
	if partitions, _ := after.Fewer(before); partitions != 0 {
		t.Errorf("what has grown lacks entries in %d partitions", partitions)
	}
	server.Client().Incr(ctx, st.keys.count(partitionOf(accountA)))
	if _, err := st.Verify(ctx); !errors.Is(err, ErrBooks) {
		t.Errorf("one entry more is counted than made: %v", err)
	}
}
