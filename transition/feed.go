package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// ErrFeedGone says that the feed no longer has all that came after a cursor.
var ErrFeedGone = errors.New("feed has forgotten what came after the cursor")

// The kinds of a feed's events. They are hints: losing one delays, and never more.
const (
	FeedPending = "pending" // money waits for the account's card
	FeedBlock   = "block"   // the blocklist changed
)

// FeedEvent is one event of a partition's feed.
type FeedEvent struct {
	Partition int
	N         int64 // its number in its partition
	Kind      string
	Account   AccountNo // with FeedPending
	CardNo    string    // with FeedPending: of the account's card; empty if it has none
}

// feedBatch bounds what one look takes out of a partition's feed.
const feedBatch = 1000

// feedPoll is how often a Cluster is asked: there is no waiting for streams of
// several slots at once.
const feedPoll = 200 * time.Millisecond

// FeedEnd is where all feeds end now.
func (s *Store) FeedEnd(ctx context.Context) (Cursor, error) {
	var end Cursor
	var last [Partitions]*redis.XMessageSliceCmd
	pipe := s.client().Pipeline()
	for p := range partition(Partitions) {
		last[p] = pipe.XRevRangeN(ctx, s.keys.feed(p), "+", "-", 1)
	}
	if err := exec(ctx, "ends of the feeds", pipe); err != nil {
		return end, err
	}
	for p, cmd := range last {
		for _, m := range cmd.Val() {
			n, err := feedNumber(m.ID)
			if err != nil {
				return end, err
			}
			end[p] = n
		}
	}
	return end, nil
}

// FeedSince reads all that came after a cursor, partition by partition.
// Errors: ErrFeedGone.
func (s *Store) FeedSince(ctx context.Context, since Cursor) ([]FeedEvent, error) {
	end, err := s.FeedEnd(ctx)
	if err != nil {
		return nil, err
	}
	var cmds [Partitions]*redis.XMessageSliceCmd
	pipe := s.client().Pipeline()
	for p := range partition(Partitions) {
		if since[p] != end[p] {
			cmds[p] = pipe.XRange(ctx, s.keys.feed(p), feedID(since[p]+1), "+")
		}
	}
	if err := exec(ctx, "feeds", pipe); err != nil {
		return nil, err
	}
	var all []FeedEvent
	for p, cmd := range cmds {
		if cmd == nil {
			continue
		}
		events, err := feedEvents(p, cmd.Val())
		if err != nil {
			return nil, err
		}
		// Numbers have no gaps, so the next one is there or was forgotten; and a feed that
		// ends before the cursor is not the one that the cursor came from.
		if len(events) == 0 || events[0].N != since[p]+1 {
			return nil, fmt.Errorf("partition p%s, after %d: %w", partition(p).digits(), since[p], ErrFeedGone)
		}
		all = append(all, events...)
	}
	return all, s.nameCards(ctx, all)
}

// FeedNext waits for what comes after a cursor, at most as long as wait.
func (s *Store) FeedNext(ctx context.Context, after Cursor, wait time.Duration) ([]FeedEvent, error) {
	streams, err := s.feedNext(ctx, after, wait)
	if err != nil {
		return nil, err
	}
	var all []FeedEvent
	for _, stream := range streams {
		rest := strings.TrimPrefix(stream.Stream, s.keys.prefix+":{p")
		p, err := partitionDigits(rest[:2])
		if err != nil {
			return nil, fmt.Errorf("feed %q: %w", stream.Stream, err)
		}
		events, err := feedEvents(int(p), stream.Messages)
		if err != nil {
			return nil, err
		}
		all = append(all, events...)
	}
	return all, s.nameCards(ctx, all)
}

func (s *Store) feedNext(ctx context.Context, after Cursor, wait time.Duration) ([]redis.XStream, error) {
	cluster, ok := s.client().(*redis.ClusterClient)
	if ok {
		return s.feedsOfCluster(ctx, cluster, after, wait)
	}
	names, ids := make([]string, 0, 2*Partitions), make([]string, 0, Partitions)
	for p := range partition(Partitions) {
		names, ids = append(names, s.keys.feed(p)), append(ids, feedID(after[p]))
	}
	streams, err := s.client().XRead(ctx, &redis.XReadArgs{Streams: append(names, ids...), Count: feedBatch, Block: wait}).Result()
	return streams, read("feeds", err)
}

// feedsOfCluster asks for each feed by itself, all in one go for each node.
func (s *Store) feedsOfCluster(ctx context.Context, cluster *redis.ClusterClient, after Cursor, wait time.Duration) ([]redis.XStream, error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(min(wait, feedPoll))
	defer tick.Stop()
	for {
		var cmds [Partitions]*redis.XStreamSliceCmd
		pipe := cluster.Pipeline()
		for p := range partition(Partitions) {
			cmds[p] = pipe.XRead(ctx, &redis.XReadArgs{Streams: []string{s.keys.feed(p), feedID(after[p])}, Count: feedBatch, Block: -1})
		}
		if err := exec(ctx, "feeds", pipe); err != nil {
			return nil, err
		}
		var all []redis.XStream
		for _, cmd := range cmds {
			all = append(all, cmd.Val()...)
		}
		if len(all) > 0 {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return nil, redisx.Classify(ctx.Err())
		case <-deadline.C:
			return nil, nil
		case <-tick.C:
		}
	}
}

// nameCards puts the cards' numbers into events that name accounts only: the calls
// that told them did not know the card, and would have had to ask.
func (s *Store) nameCards(ctx context.Context, events []FeedEvent) error {
	uids, numbers := map[AccountNo]*redis.StringCmd{}, map[AccountNo]*redis.StringCmd{}
	pipe := s.client().Pipeline()
	for _, e := range events {
		if e.Kind == FeedPending && uids[e.Account] == nil {
			uids[e.Account] = pipe.HGet(ctx, s.keys.account(partitionOf(e.Account), e.Account), "card")
		}
	}
	if len(uids) == 0 {
		return nil
	}
	if err := exec(ctx, "cards in force", pipe); err != nil {
		return err
	}
	for account, uid := range uids {
		numbers[account] = pipe.HGet(ctx, s.keys.card(partitionOf(account), CardUID(uid.Val())), "card_no")
	}
	if err := exec(ctx, "card numbers", pipe); err != nil {
		return err
	}
	for i, e := range events {
		if e.Kind == FeedPending {
			events[i].CardNo = numbers[e.Account].Val()
		}
	}
	return nil
}

func feedEvents(p int, messages []redis.XMessage) ([]FeedEvent, error) {
	events := make([]FeedEvent, 0, len(messages))
	for _, m := range messages {
		n, err := feedNumber(m.ID)
		if err != nil {
			return nil, err
		}
		e := FeedEvent{Partition: p, N: n}
		for kind, of := range m.Values { // one
			e.Kind = kind
			if text, ok := of.(string); ok && kind == FeedPending {
				e.Account = AccountNo(text)
			}
		}
		events = append(events, e)
	}
	return events, nil
}

func feedID(n int64) string { return strconv.FormatInt(n, 10) + "-0" }

func feedNumber(id string) (int64, error) {
	text, _, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("feed entry %.40q: %w", id, err)
	}
	return n, nil
}
