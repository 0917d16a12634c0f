package transition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// holdings are the keys of a partition that Verify reads.
type holdings struct{ accounts, orders, loads, refunds, cards, claims []string }

// scan lists the keys of every partition.
func (s *Store) scan(ctx context.Context) (map[partition]holdings, error) {
	found := map[partition]holdings{}
	collect := func(ctx context.Context, node redis.Cmdable) error {
		seen := map[string]bool{}
		iter := node.Scan(ctx, 0, s.keys.prefix+":{p??}:*", 1000).Iterator()
		for iter.Next(ctx) {
			if seen[iter.Val()] {
				continue // SCAN may show a key twice
			}
			seen[iter.Val()] = true
			rest := strings.TrimPrefix(iter.Val(), s.keys.prefix+":{p")
			p, err := partitionDigits(rest[:2])
			if err != nil {
				return fmt.Errorf("%w: key %q", ErrBooks, iter.Val())
			}
			h := found[p]
			kind, id, _ := strings.Cut(rest[len("00}:"):], ":")
			switch kind {
			case "a":
				h.accounts = append(h.accounts, id)
			case "o":
				h.orders = append(h.orders, id)
			case "card":
				h.cards = append(h.cards, id)
			case "ld":
				h.loads = append(h.loads, id)
			case "claim":
				h.claims = append(h.claims, id)
			case "rf":
				h.refunds = append(h.refunds, id)
			}
			found[p] = h
		}
		return iter.Err()
	}
	var err error
	if cluster, ok := s.client().(*redis.ClusterClient); ok {
		nodes, fail := s.masters(ctx, cluster)
		err = fail
		for _, node := range nodes {
			if err == nil {
				err = collect(ctx, node)
			}
		}
	} else {
		err = collect(ctx, s.client())
	}
	if errors.Is(err, ErrBooks) {
		return nil, err
	}
	if err != nil {
		return nil, read("keys", err)
	}
	return found, nil
}

// masters lists a Cluster's primaries; go-redis visits them concurrently, a
// scan wants them one after the other.
func (s *Store) masters(ctx context.Context, cluster *redis.ClusterClient) ([]*redis.Client, error) {
	ch := make(chan *redis.Client, 1000)
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		ch <- node
		return nil
	})
	close(ch)
	var nodes []*redis.Client
	for node := range ch {
		nodes = append(nodes, node)
	}
	return nodes, err
}

// snapshot is a partition at one moment.
type snapshot struct {
	tot      map[string]string
	count    string // of the entries ever made; empty is none
	accounts map[string]map[string]string
	entries  map[string][]string
	orders   map[string]map[string]string
	loads    map[string]map[string]string
	cases    map[string]string
	refunds  map[string]map[string]string
	cards    map[string]map[string]string
	claims   map[string]string // load by counter step, UID:VERSION:L0

	due, refundsDue, doubt map[string]bool
}

// take reads a partition in one transaction, so that no script runs between
// two of its reads.
func (s *Store) take(ctx context.Context, p partition, h holdings) (snapshot, error) {
	pipe := s.client().TxPipeline()
	count := pipe.Get(ctx, s.keys.count(p))
	tot, cases := pipe.HGetAll(ctx, s.keys.tot(p)), pipe.HGetAll(ctx, s.keys.cases(p))
	due, refundsDue := pipe.ZRange(ctx, s.keys.due(p), 0, -1), pipe.ZRange(ctx, s.keys.refundsDue(p), 0, -1)
	doubt := pipe.ZRange(ctx, s.keys.doubt(p), 0, -1)
	hashes := func(ids []string, key func(string) string) map[string]*redis.MapStringStringCmd {
		m := map[string]*redis.MapStringStringCmd{}
		for _, id := range ids {
			m[id] = pipe.HGetAll(ctx, key(id))
		}
		return m
	}
	accounts := hashes(h.accounts, func(id string) string { return s.keys.account(p, AccountNo(id)) })
	orders := hashes(h.orders, func(id string) string { return s.keys.order(p, OrderNo(id)) })
	loads := hashes(h.loads, func(id string) string { return s.keys.load(p, LoadNo(id)) })
	refunds := hashes(h.refunds, func(id string) string { return s.keys.refund(p, id) })
	cards := hashes(h.cards, func(id string) string { return s.keys.card(p, CardUID(id)) })
	claims := map[string]*redis.StringCmd{}
	for _, id := range h.claims {
		claims[id] = pipe.Get(ctx, s.keys.of(p, "claim:"+id))
	}
	entries := map[string]*redis.StringSliceCmd{}
	for _, id := range h.accounts {
		entries[id] = pipe.LRange(ctx, s.keys.entries(p, AccountNo(id)), 0, -1)
	}
	if err := exec(ctx, "partition", pipe); err != nil { // a claim may be gone since it was listed
		return snapshot{}, err
	}
	values := func(m map[string]*redis.MapStringStringCmd) map[string]map[string]string {
		v := map[string]map[string]string{}
		for id, cmd := range m {
			v[id] = cmd.Val()
		}
		return v
	}
	members := func(z *redis.StringSliceCmd) map[string]bool {
		m := map[string]bool{}
		for _, no := range z.Val() {
			m[no] = true
		}
		return m
	}
	snap := snapshot{
		tot: tot.Val(), count: count.Val(), cases: cases.Val(), due: members(due), refundsDue: members(refundsDue), doubt: members(doubt), cards: values(cards), accounts: values(accounts),
		orders: values(orders), loads: values(loads), refunds: values(refunds), entries: map[string][]string{}, claims: map[string]string{},
	}
	for id, cmd := range claims {
		if cmd.Val() != "" {
			snap.claims[id] = cmd.Val()
		}
	}
	for id, cmd := range entries {
		snap.entries[id] = cmd.Val()
	}
	return snap, nil
}
