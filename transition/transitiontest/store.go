package transitiontest

import (
	"context"
	"testing"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redistest"
	"guodu/internal/redisx"
	"guodu/transition"
)

// Bench is a store with its server, for one test.
type Bench struct {
	*transition.Store
	Server *redistest.Server
	Runner *redisx.Runner
}

// New returns a store that is verified when the test ends. clock may be nil.
func New(tb testing.TB, clock func() time.Time) Bench {
	tb.Helper()
	server := redistest.Start(tb, redistest.Cluster)
	runner := redisx.NewRunner(server.Client(), redisx.RunnerOptions{Rewrite: redistest.Strict})
	store, err := transition.Open(context.Background(), runner, transition.Options{Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { MustBalance(tb, store) })
	return Bench{store, server, runner}
}

// MustBalance fails the test unless the books agree and something was booked.
func MustBalance(tb testing.TB, store *transition.Store) transition.Books {
	tb.Helper()
	books, err := store.Verify(context.Background())
	if err != nil {
		tb.Errorf("verify: %v", err)
	}
	if err == nil && books.Tot["paid"] == 0 {
		tb.Errorf("the trial balance is empty: this test moved no money")
	}
	return books
}

// Account imports an open account with a stamp card and returns its statement.
func (b Bench) Account(tb testing.TB, no transition.AccountNo, arrears fen.Fen, freeze ...string) transition.Statement {
	tb.Helper()
	st := transition.Statement{
		Account: no, Version: 1, Open: true, Arrears: arrears, Freeze: freeze,
		Card: transition.Card{UID: transition.CardUID("04" + string(no)), No: "7" + string(no), Version: "1", Profile: "stamp"},
	}
	_, err := b.Import(context.Background(), st)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}
