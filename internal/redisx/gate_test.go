package redisx_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

func TestGateTakesADurableServer(t *testing.T) {
	t.Parallel()
	err := redisx.CheckDurable(context.Background(), redistest.Start(t).Client(), 0, nil)
	if err != nil {
		t.Error(err)
	}
}

func TestGateTakesADurableCluster(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t, redistest.Cluster).Client()
	ctx := context.Background()
	if err := redisx.CheckDurable(ctx, client, 0, nil); err != nil {
		t.Error(err)
	}
	if err := client.ConfigSet(ctx, "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	if err := redisx.CheckDurable(ctx, client, 0, nil); !errors.Is(err, redisx.ErrWeak) {
		t.Errorf("a weak Cluster node: %v, want ErrWeak", err)
	}
}

func TestGateRefusesEachWeaknessUnlessItIsNamed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t).Client()
	for setting, values := range map[string][2]string{
		"appendonly":                {"no", "yes"},
		"appendfsync":               {"everysec", "always"},
		"no-appendfsync-on-rewrite": {"yes", "no"},
		"maxmemory-policy":          {"allkeys-lru", "noeviction"},
	} {
		if err := client.ConfigSet(ctx, setting, values[0]).Err(); err != nil {
			t.Fatal(err)
		}
		err := redisx.CheckDurable(ctx, client, 0, nil)
		if !errors.Is(err, redisx.ErrWeak) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s %s: %v, want ErrWeak that names it", setting, values[0], err)
		}
		if err := redisx.CheckDurable(ctx, client, 0, []string{setting}); err != nil {
			t.Errorf("%s %s, accepted by name: %v", setting, values[0], err)
		}
		if err := client.ConfigSet(ctx, setting, values[1]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := redisx.CheckDurable(ctx, redistest.Start(t, redistest.Ephemeral).Client(), 0, nil); !errors.Is(err, redisx.ErrWeak) {
		t.Errorf("the ephemeral server: %v, want ErrWeak", err)
	}
}

func TestGateWantsReplicasToBeWaitedFor(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	primary, replica := redistest.Start(t), redistest.Start(t)
	host, port, _ := strings.Cut(primary.Addr(), ":")
	if err := replica.Client().Do(ctx, "REPLICAOF", host, port).Err(); err != nil {
		t.Fatal(err)
	}
	client := primary.Client()
	run := redisx.NewRunner(client, redisx.RunnerOptions{Replicas: 1})
	for start := time.Now(); ; { // the first synchronization takes seconds
		_, err := count(t).Run(ctx, run, keyCall{"k"})
		if err == nil {
			break
		}
		if !errors.Is(err, redisx.ErrUnknownOutcome) || time.Since(start) > 30*time.Second {
			t.Fatalf("a script that one replica must hold: %v", err)
		}
	}
	if err := redisx.CheckDurable(ctx, client, 0, nil); !errors.Is(err, redisx.ErrWeak) || !strings.Contains(err.Error(), "replicas") {
		t.Errorf("a replica that nobody waits for: %v, want ErrWeak that names it", err)
	}
	for _, ok := range []struct {
		replicas int
		accepted []string
	}{{1, nil}, {0, []string{"replicas"}}} {
		if err := redisx.CheckDurable(ctx, client, ok.replicas, ok.accepted); err != nil {
			t.Errorf("%+v: %v", ok, err)
		}
	}
	if err := redisx.CheckDurable(ctx, replica.Client(), 1, nil); !errors.Is(err, redisx.ErrWeak) || !strings.Contains(err.Error(), "role") {
		t.Errorf("the replica itself: %v, want ErrWeak that names its role", err)
	}
}
