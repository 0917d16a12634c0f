package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"guodu/cmd/demo/world"
	"guodu/cmd/hub/app"
	"guodu/internal/redistest"
	"guodu/mocks/terminal"
	"guodu/transition"
)

// TestAFreezeIsAtATerminalThatListensWithinASecond runs a hub as it serves, on one
// Redis and on a Cluster, and the terminal simulator as its counterpart.
func TestAFreezeIsAtATerminalThatListensWithinASecond(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]redistest.Option{"one Redis": nil, "a Cluster": {redistest.Cluster}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			log := slog.New(slog.DiscardHandler)
			w, err := world.New(ctx, world.Options{Dir: t.TempDir(), PublicURL: "http://" + listener.Addr().String(), Seed: 1, Log: log})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(w.Close)
			config, err := app.Load(w.ConfigFile)
			if err != nil {
				t.Fatal(err)
			}
			config.Redis.Addrs, config.Redis.Cluster = []string{redistest.Start(t, options...).Addr()}, options != nil
			config.Redis.Accept = []string{"replicas"} // the test server has none
			config.Ephemeral.Addrs = []string{redistest.Start(t, redistest.Ephemeral).Addr()}
			hub, err := app.New(ctx, config, app.Options{Log: log, Begin: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(hub.Close)
			if err := w.Furnish(ctx, hub); err != nil {
				t.Fatal(err)
			}
			serving, stop := context.WithCancel(ctx)
			served := make(chan error, 1)
			go func() { served <- hub.ServeOn(serving, listener) }()
			listensToAFreeze(ctx, t, w, hub)
			stop()
			if err := <-served; err != nil {
				t.Errorf("hub: %v", err)
			}
		})
	}
}

func listensToAFreeze(ctx context.Context, t *testing.T, w *world.World, hub *app.Hub) {
	t.Helper()
	pos, err := w.Terminal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pos.SignIn(ctx); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("heard enough")
	account, err := hub.Books().AccountOfCard(ctx, world.CardUID)
	if err != nil {
		t.Fatal(err)
	}
	state, err := hub.Books().CardState(ctx, world.CardUID)
	if err != nil {
		t.Fatal(err)
	}
	statement := transition.Statement{Account: account, Version: 1 << 40, Open: true, Card: state.Card}
	// hear listens until an event of the kind after what do has begun.
	hear := func(kind string, do func() error) (took time.Duration) {
		var began time.Time
		limit, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for began.IsZero() || errors.Is(err, terminal.ErrNoAnswer) || errors.As(err, new(*terminal.Problem)) {
			err = pos.Feed(limit, func(e terminal.Event) error {
				if began.IsZero() { // it listens
					began = time.Now()
					return do()
				}
				if e.Kind != kind {
					return nil
				}
				took = time.Since(began)
				return enough
			})
			if limit.Err() != nil {
				break
			}
		}
		if !errors.Is(err, enough) {
			t.Fatalf("feed: %v", err)
		}
		return took
	}
	// The middle of three: a machine that runs other tests pauses now and then.
	var took []time.Duration
	for range 3 {
		statement.Version, statement.Freeze = statement.Version+1, []string{"lost"}
		took = append(took, hear(terminal.EventBlock, func() error {
			_, err := hub.Books().Import(ctx, statement)
			return err
		}))
		if blocked := pos.Memory().Blocked; len(blocked) != 1 || blocked[world.CardUID].Reason != "frozen" {
			t.Errorf("blocklist of the terminal %v", blocked)
		}
		statement.Version, statement.Freeze = statement.Version+1, nil
		if _, err := hub.Books().Import(ctx, statement); err != nil {
			t.Fatal(err)
		}
		if blocked, err := pos.Blocklist(ctx); err != nil || len(blocked) != 0 {
			t.Errorf("after the thaw %v, %v", blocked, err)
		}
	}
	slices.Sort(took)
	if took[1] > time.Second {
		t.Errorf("freezes were heard after %s", took)
	}
	t.Logf("result: freeze to event and blocklist %s", took[1].Round(time.Millisecond))
}
