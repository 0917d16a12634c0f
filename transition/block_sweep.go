package transition

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// sweepBatch is about how many keys the sweep looks at before it lets others go
// first, for as long as sweepPause.
const (
	sweepBatch = 500
	sweepPause = 2 * time.Millisecond
)

// SweepBlocks makes the blocklist anew of every card: a hub may have ended between a
// freeze and its entry. It returns how many entries were wrong. It reads in small
// steps, with a pause after each.
func (s *Store) SweepBlocks(ctx context.Context) (mended int, err error) {
	sweep := func(ctx context.Context, node redis.Cmdable) error {
		cursor := uint64(0)
		for {
			var keys []string
			keys, cursor, err = node.Scan(ctx, cursor, s.keys.prefix+":{p??}:card:*", sweepBatch).Result()
			if err != nil {
				return fmt.Errorf("scan: %w", redisx.Classify(err))
			}
			n, err := s.sweep(ctx, keys)
			mended += n
			if err != nil || cursor == 0 {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(sweepPause):
			}
		}
	}
	cluster, ok := s.client().(*redis.ClusterClient)
	if !ok {
		return mended, sweep(ctx, s.client())
	}
	nodes, err := s.masters(ctx, cluster)
	if err != nil {
		return 0, read("primaries", err)
	}
	for _, node := range nodes {
		err := sweep(ctx, node)
		if err != nil {
			return mended, err
		}
	}
	return mended, nil
}

// sweep compares the blocklist with the books for some cards. What differs is left to
// the script, which looks at both at one moment.
func (s *Store) sweep(ctx context.Context, keys []string) (mended int, err error) {
	type swept struct {
		p       partition
		uid     CardUID
		card    *redis.SliceCmd
		entry   *redis.StringCmd
		account *redis.SliceCmd
	}
	slices.Sort(keys)
	all := make([]swept, 0, len(keys))
	pipe := s.client().Pipeline()
	for _, key := range keys {
		rest := strings.TrimPrefix(key, s.keys.prefix+":{p")
		p, err := partitionDigits(rest[:2])
		if err != nil {
			return 0, fmt.Errorf("key %q: %w", key, err)
		}
		uid := CardUID(strings.TrimPrefix(rest, rest[:2]+"}:card:"))
		all = append(all, swept{
			p: p, uid: uid, card: pipe.HMGet(ctx, key, "account", "status", "card_no"), entry: pipe.HGet(ctx, s.keys.block(p), string(uid)),
		})
	}
	if len(all) == 0 {
		return 0, nil
	}
	if err := exec(ctx, "cards", pipe); err != nil {
		return 0, err
	}
	text := func(cmd *redis.SliceCmd, i int) string {
		value, _ := cmd.Val()[i].(string)
		return value
	}
	for i, one := range all {
		all[i].account = pipe.HMGet(ctx, s.keys.account(one.p, AccountNo(text(one.card, 0))), "status", "freeze")
	}
	if err := exec(ctx, "accounts", pipe); err != nil {
		return 0, err
	}
	for _, one := range all {
		reason := ""
		switch {
		case text(one.card, 1) != "in_force":
			reason = "out"
		case text(one.account, 0) != "open":
			reason = "closed"
		case text(one.account, 1) != "":
			reason = "frozen"
		}
		want := ""
		if reason != "" {
			want = text(one.card, 2) + " " + reason
		}
		_, has, _ := strings.Cut(one.entry.Val(), " ")
		if has == want {
			continue
		}
		changed, err := s.setBlock(ctx, AccountNo(text(one.card, 0)), one.uid)
		if err != nil {
			return mended, err
		}
		if changed {
			mended++
		}
	}
	return mended, nil
}
