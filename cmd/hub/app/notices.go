package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/channels/alipay"
	"guodu/channels/wechat"
	"guodu/internal/redisx"
	"guodu/notify"
)

const (
	// provenMost and refusedMost are about how many notices a stream keeps: of
	// each channel, and of all that nobody signed.
	provenMost  = 2000
	refusedMost = 200
	// noticeErrorBytes bounds the error's text; all else is bounded where it is
	// made.
	noticeErrorBytes = 512
	// noticeLife is how long the last notices stay when no more come.
	noticeLife = 30 * 24 * time.Hour
	// noticePage is how many are read at once.
	noticePage = 100
	// headerField begins the fields of headers.
	headerField = "header:"
)

// refusedNotices is the stream, in place of a channel's, of what nobody signed.
const refusedNotices = "refused"

// lostNotices is a counter beside the streams.
const lostNotices = "lost"

// Notices keeps callbacks on the ephemeral Redis, for people: losing them all
// loses nothing but a look back. It implements notify.Keeper.
type Notices struct {
	client redis.UniversalClient
	prefix string
}

// OpenNotices opens the notices that a serving hub keeps. It starts no Redis: on
// a child that does not run nothing is kept. The caller calls Close.
func OpenNotices(ctx context.Context, c Config) (*Notices, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	r := stored{beside: true}.found(c, c.Ephemeral, "ephemeral")
	if len(r.Addrs) == 0 {
		return nil, fmt.Errorf("no notices: no hub runs its ephemeral Redis in %s", filepath.Join(c.DataDir, "ephemeral"))
	}
	client, err := (&stores{}).open(ctx, c, r, "ephemeral", true)
	if err != nil {
		return nil, err
	}
	return &Notices{client, c.Ephemeral.Prefix}, nil
}

// Close ends the connection.
func (n *Notices) Close() { _ = n.client.Close() }

func (n *Notices) key(stream string) string { return n.prefix + ":notices:" + stream }

// Keep implements notify.Keeper.
func (n *Notices) Keep(ctx context.Context, b notify.Batch) error {
	// All or none: a batch that comes in half is told to be lost whole.
	_, err := n.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		streams := map[string]bool{}
		for _, notice := range b.Notices {
			stream, most := notice.Channel, int64(provenMost)
			if !notice.Authentic {
				stream, most = refusedNotices, refusedMost
			}
			p.XAdd(ctx, &redis.XAddArgs{Stream: n.key(stream), MaxLen: most, Approx: true, Values: noticeFields(notice)})
			streams[stream] = true
		}
		for stream := range streams {
			p.Expire(ctx, n.key(stream), noticeLife)
		}
		if b.Lost > 0 {
			p.IncrBy(ctx, n.key(lostNotices), b.Lost)
			p.Expire(ctx, n.key(lostNotices), noticeLife)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep notices: %w", redisx.Classify(err))
	}
	return nil
}

// Lost is how many callbacks could not be kept, in the last 30 days or more.
func (n *Notices) Lost(ctx context.Context) (int64, error) {
	lost, err := n.client.Get(ctx, n.key(lostNotices)).Int64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("read notices: %w", redisx.Classify(err))
	}
	return lost, nil
}

// cutsMost is how many ends of hubs without notice are remembered.
const cutsMost = 20

// Begin takes note that a hub serves, until End. One that began and never ended was
// killed, and with it went what it had not kept yet: that is remembered.
func (n *Notices) Begin(ctx context.Context, hub string, now time.Time) error {
	at := strconv.FormatInt(now.UnixMilli(), 10)
	began, err := n.client.HExists(ctx, n.key("hubs"), hub).Result()
	if err == nil {
		_, err = n.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			if began {
				p.LPush(ctx, n.key("cuts"), at)
				p.LTrim(ctx, n.key("cuts"), 0, cutsMost-1)
				p.Expire(ctx, n.key("cuts"), noticeLife)
			}
			p.HSet(ctx, n.key("hubs"), hub, at)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("keep notices: %w", redisx.Classify(err))
	}
	return nil
}

// End takes note that a hub has kept all that it had.
func (n *Notices) End(ctx context.Context, hub string) error {
	err := n.client.HDel(ctx, n.key("hubs"), hub).Err()
	if err != nil {
		return fmt.Errorf("keep notices: %w", redisx.Classify(err))
	}
	return nil
}

// Cuts are when hubs came back that were killed, newest first.
func (n *Notices) Cuts(ctx context.Context) ([]time.Time, error) {
	kept, err := n.client.LRange(ctx, n.key("cuts"), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", redisx.Classify(err))
	}
	var all []time.Time
	for _, text := range kept {
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read notices: %w", err)
		}
		all = append(all, time.UnixMilli(at))
	}
	return all, nil
}

// noticeFields are the fields of a notice that say anything.
func noticeFields(n notify.Notice) []any {
	var fields []any
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, name, value)
		}
	}
	add("at", strconv.FormatInt(n.At.UnixMilli(), 10))
	add("channel", n.Channel)
	add("kind", n.Kind)
	add("verdict", n.Verdict)
	add("outcome", n.Outcome)
	add("order", n.Order)
	add("refund", n.Refund)
	add("txn", n.Txn)
	add("error", fmt.Sprintf("%.*s", noticeErrorBytes, n.Error))
	add("bytes", strconv.Itoa(n.Bytes))
	add("sha256", n.SHA256)
	add("body", n.Body)
	for name, value := range n.Headers {
		add(headerField+name, value)
	}
	return fields
}

func readNotice(values map[string]any, authentic bool) notify.Notice {
	text := func(name string) string {
		s, _ := values[name].(string)
		return s
	}
	at, _ := strconv.ParseInt(text("at"), 10, 64)
	size, _ := strconv.Atoi(text("bytes"))
	n := notify.Notice{
		At: time.UnixMilli(at), Channel: text("channel"), Kind: text("kind"), Authentic: authentic, Verdict: text("verdict"),
		Outcome: text("outcome"), Order: text("order"), Refund: text("refund"), Txn: text("txn"), Error: text("error"),
		Bytes: size, SHA256: text("sha256"),
	}
	n.Body, n.Headers = text("body"), map[string]string{}
	for name := range values {
		if header, ok := strings.CutPrefix(name, headerField); ok {
			n.Headers[header] = text(name)
		}
	}
	return n
}

// Last are the last notices, oldest first: those of the channels, or those that
// were refused because nobody had signed them.
func (n *Notices) Last(ctx context.Context, refused bool, count int) ([]notify.Notice, error) {
	streams := []string{wechat.Name, alipay.Name}
	if refused {
		streams = []string{refusedNotices}
	}
	var all []notify.Notice
	for _, stream := range streams {
		found, err := n.read(ctx, stream, count, func(notify.Notice) bool { return true })
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b notify.Notice) int { return a.At.Compare(b.At) })
	return all[max(0, len(all)-count):], nil
}

// Of are the notices kept of an order, oldest first.
func (n *Notices) Of(ctx context.Context, channel, order string) ([]notify.Notice, error) {
	return n.read(ctx, channel, 2*provenMost, func(each notify.Notice) bool { return each.Order == order })
}

// read is up to count notices of a stream that are wanted, the newest of them,
// oldest first.
func (n *Notices) read(ctx context.Context, stream string, count int, wanted func(notify.Notice) bool) ([]notify.Notice, error) {
	var found []notify.Notice
	newest := "+"
	for len(found) < count {
		page, err := n.client.XRevRangeN(ctx, n.key(stream), newest, "-", noticePage).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("read notices: %w", redisx.Classify(err))
		}
		for _, entry := range page {
			notice := readNotice(entry.Values, stream != refusedNotices)
			if wanted(notice) && len(found) < count {
				found = append(found, notice)
			}
		}
		if len(page) < noticePage {
			break
		}
		newest = "(" + page[len(page)-1].ID
	}
	slices.Reverse(found)
	return found, nil
}
