package limit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// ErrRate says that a text is not of the form 5/15m.
var ErrRate = errors.New("not so many in so long, such as 5/15m")

//go:embed *.lua
var files embed.FS

//go:embed include
var includes embed.FS

var scripts = redisx.MustLibrary(files, includes)

// call is a take, or a note, of some rules.
type call struct {
	Counts []string `key:"counts"`
	Now    string   `arg:"now"`
	ID     string   `arg:"id"`
	Rules  []rule   `group:"arg"`
}

type rule struct {
	Most  int   `arg:"most"`
	Per   int64 `arg:"per"`
	Run   bool  `arg:"run"`
	Part  int   `arg:"part"`
	Delay int64 `arg:"delay"`
}

type takeReply struct {
	Tag   string
	Which string `reply:"which"`
	Wait  string `reply:"wait"`
}

type noteReply struct {
	Before []string `reply:"before"`
}

var (
	take = redisx.MustLoad[call, takeReply](scripts, "take")
	note = redisx.MustLoad[call, noteReply](scripts, "note")
)

// Rate is so many in so long.
type Rate struct {
	Most int
	Per  time.Duration
}

// ParseRate reads 5/15m. Errors: ErrRate.
func ParseRate(text string) (Rate, error) {
	most, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(most)
	d, durationErr := time.ParseDuration(per)
	if err != nil || durationErr != nil || n < 1 || n > 1_000_000 || d < time.Second || d > 30*24*time.Hour {
		return Rate{}, ErrRate
	}
	return Rate{n, d}, nil
}

// Rule bounds the takes of one count.
type Rule struct {
	Name string   // of the kind: "payer"; it stands in keys and in refusals
	Of   []string // whose count it is; only a hash of it is stored
	Rate
	// Run says that a take does not age by itself: all go together, once there was
	// none for so long.
	Run bool
	// Part, if not zero, makes the take one of a part, which may have so many at most.
	Part int
	// Delay is how much later than it is taken a take counts from.
	Delay time.Duration
}

// ExceededError says that a rule allows no more now.
type ExceededError struct {
	Name string // of the rule
	For  time.Duration
}

func (e *ExceededError) Error() string {
	return "limit " + e.Name + " is used up for " + e.For.String()
}

// Limiter counts on one Redis. It is safe for concurrent use.
type Limiter struct {
	client redis.UniversalClient
	run    *redisx.Runner
	prefix string
	clock  func() time.Time
}

// New returns a Limiter under the key prefix ("h" if empty). clock is for tests;
// nil is the server's.
func New(client redis.UniversalClient, prefix string, clock func() time.Time) *Limiter {
	// The counts of one call lie in several slots, which a server with `#!lua` refuses.
	run := redisx.NewRunner(client, redisx.RunnerOptions{NoShebang: true})
	return &Limiter{client: client, run: run, prefix: cmp.Or(prefix, "h") + ":limit:", clock: clock}
}

// Take takes one from each count, or none if any has none left. What has the id
// already is not taken again.
// Errors: *ExceededError of the rule with the longest wait; those of redisx.
func (l *Limiter) Take(ctx context.Context, id string, rules ...Rule) error {
	reply, err := take.Run(ctx, l.run, l.call(id, rules))
	if err != nil {
		return fmt.Errorf("limit: %w", err)
	}
	if reply.Tag == "TAKEN" {
		return nil
	}
	i, err := strconv.Atoi(reply.Which)
	ms, msErr := strconv.ParseInt(reply.Wait, 10, 64)
	if err != nil || msErr != nil || i < 1 || i > len(rules) {
		return fmt.Errorf("limit: unexpected reply %.40q", reply)
	}
	return &ExceededError{rules[i-1].Name, time.Duration(ms) * time.Millisecond}
}

// Note adds to each count without asking, and says how many there were before; of
// more than Most the oldest are forgotten. What has the id already counts from now
// on.
func (l *Limiter) Note(ctx context.Context, id string, rules ...Rule) (before []int, err error) {
	reply, err := note.Run(ctx, l.run, l.call(id, rules))
	if err != nil {
		return nil, fmt.Errorf("limit: %w", err)
	}
	for _, text := range reply.Before {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("limit: unexpected reply %.40q", reply)
		}
		before = append(before, n)
	}
	if len(before) != len(rules) {
		return nil, fmt.Errorf("limit: unexpected reply %.40q", reply)
	}
	return before, nil
}

// GiveBack undoes a take or a note.
func (l *Limiter) GiveBack(ctx context.Context, id string, rules ...Rule) error {
	_, err := l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, r := range rules {
			p.ZRem(ctx, l.key(r), whole+id, part+id)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("limit: give back: %w", redisx.Classify(err))
	}
	return nil
}

// What an entry of a count begins with: the lot, or a part of it.
const (
	whole = "-"
	part  = "+"
)

// Noted is an entry of a count.
type Noted struct {
	ID string
	At time.Time
}

// Noted are the entries of a count, oldest first.
func (l *Limiter) Noted(ctx context.Context, r Rule) ([]Noted, error) {
	now, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	all, err := l.client.ZRangeByScoreWithScores(ctx, l.key(r), &redis.ZRangeBy{
		Min: "(" + strconv.FormatInt(now.Add(-r.Per).UnixMilli(), 10), Max: "+inf",
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("limit: read: %w", redisx.Classify(err))
	}
	noted := make([]Noted, 0, len(all))
	for _, z := range all {
		noted = append(noted, Noted{fmt.Sprint(z.Member)[1:], time.UnixMilli(int64(z.Score))})
	}
	return noted, nil
}

// call is what the scripts take of some rules.
func (l *Limiter) call(id string, rules []Rule) call {
	c := call{ID: id}
	if l.clock != nil {
		c.Now = strconv.FormatInt(l.clock().UnixMilli(), 10)
	}
	for _, r := range rules {
		c.Counts = append(c.Counts, l.key(r))
		c.Rules = append(c.Rules, rule{Most: r.Most, Per: r.Per.Milliseconds(), Run: r.Run, Part: r.Part, Delay: r.Delay.Milliseconds()})
	}
	return c
}

func (l *Limiter) now(ctx context.Context) (time.Time, error) {
	if l.clock != nil {
		return l.clock(), nil
	}
	now, err := l.client.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("limit: %w", redisx.Classify(err))
	}
	return now, nil
}

// key hashes whose count it is: that is personal, and a key must not grow with what
// somebody types.
func (l *Limiter) key(r Rule) string {
	sum := sha256.New()
	for _, word := range r.Of {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(word), word)
	}
	return l.prefix + r.Name + ":" + hex.EncodeToString(sum.Sum(nil)[:16])
}
