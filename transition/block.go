package transition

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// blockChanges is how many changes of a partition's blocklist are remembered, so
// that a terminal that was away fetches these alone.
const blockChanges = 1000

// Blocked is a card that gets nothing.
type Blocked struct {
	UID    CardUID
	No     string
	Reason string // "frozen", "closed" or "out" (replaced or gone)
}

// Blocklist is the cards that get nothing, or what changed of it.
type Blocklist struct {
	Cursor  Cursor
	Full    bool // Block is the whole list; otherwise what changed
	Block   []Blocked
	Unblock []CardUID
}

type blockSetCall struct {
	Account    string    `key:"account"`
	Card       string    `key:"card"`
	Blocklist  string    `key:"blocklist"`
	Feed       string    `key:"feed"`
	UID        CardUID   `arg:"uid"`
	AccountNo  AccountNo `arg:"account_no"`
	Remembered int       `arg:"remembered"`
}

type blockSetReply struct {
	Tag     string
	Version string `reply:"version"`
}

var blockSet = redisx.MustLoad[blockSetCall, blockSetReply](scripts, "block_set")

// setBlock makes the blocklist say what the books say of a card.
func (s *Store) setBlock(ctx context.Context, account AccountNo, uid CardUID) (changed bool, err error) {
	p := partitionOf(account)
	reply, err := blockSet.Run(ctx, s.run, blockSetCall{
		Account: s.keys.account(p, account), Card: s.keys.card(p, uid), Blocklist: s.keys.block(p), Feed: s.keys.feed(p),
		UID: uid, AccountNo: account, Remembered: s.blockChanges,
	})
	return reply.Tag == "CHANGED", err
}

// BlockCursor is where the blocklist stands.
func (s *Store) BlockCursor(ctx context.Context) (Cursor, error) {
	var c Cursor
	var all [Partitions]*redis.StringCmd
	pipe := s.client().Pipeline()
	for p := range partition(Partitions) {
		all[p] = pipe.HGet(ctx, s.keys.block(p), "v")
	}
	if err := exec(ctx, "blocklist versions", pipe); err != nil {
		return c, err
	}
	var n number
	for p, cmd := range all {
		if cmd.Val() != "" {
			c[p] = n.int(cmd.Val())
		}
	}
	return c, n.err
}

// Blocklist is what changed of the blocklist since a cursor, or all of it: with the
// zero cursor, and with one that the changes since are not remembered of. An entry
// may be newer than the returned cursor; it comes again then.
func (s *Store) Blocklist(ctx context.Context, since Cursor) (Blocklist, error) {
	if since == (Cursor{}) {
		return s.wholeBlocklist(ctx)
	}
	now, err := s.BlockCursor(ctx)
	if err != nil {
		return Blocklist{}, err
	}
	b := Blocklist{Cursor: now}
	for p := range partition(Partitions) {
		known, err := s.blockDifference(ctx, p, since[p], now[p], &b)
		if err != nil {
			return Blocklist{}, err
		}
		if !known {
			return s.wholeBlocklist(ctx)
		}
	}
	return b, nil
}

// blockDifference adds what changed in a partition; false if that is not remembered,
// or if the hub has lost what the terminal knows.
func (s *Store) blockDifference(ctx context.Context, p partition, from, to int64, b *Blocklist) (known bool, err error) {
	if from == to {
		return true, nil
	}
	if from > to || to-from > blockChanges {
		return false, nil
	}
	var fields []string
	for v := from + 1; v <= to; v++ {
		fields = append(fields, "c:"+strconv.FormatInt(v, 10))
	}
	changes, err := s.client().HMGet(ctx, s.keys.block(p), fields...).Result()
	if err := read("changes of the blocklist", err); err != nil {
		return false, err
	}
	var uids []string
	seen := map[string]bool{}
	for _, change := range changes {
		uid, found := change.(string)
		if !found {
			return false, nil
		}
		if !seen[uid] {
			seen[uid], uids = true, append(uids, uid)
		}
	}
	entries, err := s.client().HMGet(ctx, s.keys.block(p), uids...).Result()
	if err := read("blocklist", err); err != nil {
		return false, err
	}
	for i, uid := range uids {
		text, blocked := entries[i].(string)
		if !blocked {
			b.Unblock = append(b.Unblock, CardUID(uid))
			continue
		}
		one, err := blockEntry(uid, text)
		if err != nil {
			return false, err
		}
		b.Block = append(b.Block, one)
	}
	return true, nil
}

// wholeBlocklist reads all partitions, each at one moment.
func (s *Store) wholeBlocklist(ctx context.Context) (Blocklist, error) {
	b := Blocklist{Full: true}
	var all [Partitions]*redis.MapStringStringCmd
	pipe := s.client().Pipeline()
	for p := range partition(Partitions) {
		all[p] = pipe.HGetAll(ctx, s.keys.block(p))
	}
	if err := exec(ctx, "blocklist", pipe); err != nil {
		return b, err
	}
	var n number
	for p, cmd := range all {
		h := cmd.Val()
		if h["v"] != "" {
			b.Cursor[p] = n.int(h["v"])
		}
		for _, uid := range sorted(h) {
			if !blockedField(uid) {
				continue
			}
			one, err := blockEntry(uid, h[uid])
			if err != nil {
				return b, err
			}
			b.Block = append(b.Block, one)
		}
	}
	return b, n.err
}

// blockedField tells a card's entry from the rest of the hash: a UID has four
// characters at least, and no colon.
func blockedField(field string) bool { return len(field) >= 4 && !strings.Contains(field, ":") }

func blockEntry(uid, text string) (Blocked, error) {
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return Blocked{}, fmt.Errorf("blocklist, card %s: entry %.80q", uid, text)
	}
	return Blocked{UID: CardUID(uid), No: parts[1], Reason: parts[2]}, nil
}
