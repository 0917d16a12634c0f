package redisx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// ErrWeak says that a Redis could lose money that it acknowledged, or limits.
var ErrWeak = errors.New("redis: what it acknowledges may be lost")

// needs are the settings that a money Redis must have, by their names in
// redis.conf.
func needs() [][2]string {
	return [][2]string{
		{"appendonly", "yes"},
		{"appendfsync", "always"},
		{"no-appendfsync-on-rewrite", "no"},
		{"maxmemory-policy", "noeviction"},
	}
}

// CheckDurable asks every primary for the settings that money needs and for
// the state of its append-only file. Settings named in accepted may differ:
// an operator wrote them down on purpose.
// Errors: ErrWeak with all that is wrong and how to mend it; ErrUnavailable.
//
// Replicas are part of it: one that nobody waits for could be promoted without
// the last writes, so there may be no more of them than replicas says must have
// each write, unless "replicas" is accepted.
func CheckDurable(ctx context.Context, client redis.UniversalClient, replicas int, accepted []string) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return checkNode(ctx, client, replicas, accepted)
	}
	var (
		mu   sync.Mutex
		errs []error
	)
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		weak := checkNode(ctx, node, replicas, accepted)
		if weak != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf("%s: %w", node.Options().Addr, weak))
		}
		return nil
	})
	if err != nil {
		return Classify(err)
	}
	return errors.Join(errs...)
}

// CheckUnevicted asks an ephemeral server whether it keeps limits when its memory is
// full, and refuses instead: a limit that a flood pushes out is none.
// Errors: ErrWeak; ErrUnavailable.
func CheckUnevicted(ctx context.Context, client redis.UniversalClient, accepted []string) error {
	const policy = "maxmemory-policy"
	if slices.Contains(accepted, policy) {
		return nil
	}
	got, err := client.ConfigGet(ctx, policy).Result()
	var refused redis.Error
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("%w: %s cannot be read (%.60s); if you know it is \"noeviction\", name it under ephemeral.accept", ErrWeak, policy, refused.Error())
	case err != nil:
		return Classify(err)
	case got[policy] != "noeviction":
		return fmt.Errorf("%w: %s is %q and must be \"noeviction\": a flood could push out limits on passwords", ErrWeak, policy, got[policy])
	}
	return nil
}

func checkNode(ctx context.Context, node redis.Cmdable, replicas int, accepted []string) error {
	var wrong []string
	for _, need := range needs() {
		name, want := need[0], need[1]
		if slices.Contains(accepted, name) {
			continue
		}
		got, err := node.ConfigGet(ctx, name).Result()
		var refused redis.Error
		switch {
		case errors.As(err, &refused):
			wrong = append(wrong, fmt.Sprintf("%s cannot be read (%.60s); if you know it is %q, name it under redis.accept", name, refused.Error(), want))
		case err != nil:
			return Classify(err)
		case got[name] != want:
			wrong = append(wrong, fmt.Sprintf("%s is %q and must be %q", name, got[name], want))
		}
	}
	state, err := node.Info(ctx, "persistence", "server", "replication").Result()
	if err != nil {
		return Classify(err)
	}
	wrong = append(wrong, checkInfo(state, replicas, accepted)...)
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrWeak, strings.Join(wrong, "; "))
	}
	return nil
}

func checkInfo(state string, replicas int, accepted []string) []string {
	var wrong []string
	field := func(name string) string {
		for line := range strings.Lines(state) {
			value, found := strings.CutPrefix(line, name+":")
			if found {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	if v := field("redis_version"); !slices.Contains(accepted, "version") && older(v) {
		wrong = append(wrong, fmt.Sprintf("version is %q and must be 7.0 or newer", v))
	}
	if v := field("role"); v != "master" {
		wrong = append(wrong, fmt.Sprintf("role is %q and must be master", v))
	}
	if n, _ := strconv.Atoi(field("connected_slaves")); n > replicas && !slices.Contains(accepted, "replicas") {
		wrong = append(wrong, fmt.Sprintf("it has %d replicas and only %d must have a write before it counts (redis.replicas)", n, replicas))
	}
	if v := field("aof_last_write_status"); !slices.Contains(accepted, "appendonly") && v != "ok" {
		wrong = append(wrong, fmt.Sprintf("aof_last_write_status is %q: the disk refuses the append-only file", v))
	}
	return wrong
}

// older says whether a version is below 7.0, the first that keeps replies
// behind the fsync on every path.
func older(version string) bool {
	major, _, _ := strings.Cut(version, ".")
	return len(major) == 1 && major < "7" || major == ""
}
