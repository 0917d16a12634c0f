package redisx_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

func TestGateTakesADurableServer(t *testing.T) {
	t.Parallel()
	err := redisx.CheckDurable(context.Background(), redistest.Start(t).Client(), nil)
	if err != nil {
		t.Error(err)
	}
}

func TestGateTakesADurableCluster(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t, redistest.Cluster).Client()
	ctx := context.Background()
	if err := redisx.CheckDurable(ctx, client, nil); err != nil {
		t.Error(err)
	}
	if err := client.ConfigSet(ctx, "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	if err := redisx.CheckDurable(ctx, client, nil); !errors.Is(err, redisx.ErrWeak) {
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
		err := redisx.CheckDurable(ctx, client, nil)
		if !errors.Is(err, redisx.ErrWeak) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s %s: %v, want ErrWeak that names it", setting, values[0], err)
		}
		if err := redisx.CheckDurable(ctx, client, []string{setting}); err != nil {
			t.Errorf("%s %s, accepted by name: %v", setting, values[0], err)
		}
		if err := client.ConfigSet(ctx, setting, values[1]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := redisx.CheckDurable(ctx, redistest.Start(t, redistest.Ephemeral).Client(), nil); !errors.Is(err, redisx.ErrWeak) {
		t.Errorf("the ephemeral server: %v, want ErrWeak", err)
	}
}
