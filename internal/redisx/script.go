package redisx

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Runner runs scripts on one Redis (single, Sentinel or Cluster). It is safe
// for concurrent use.
type Runner struct {
	client   redis.UniversalClient
	replicas int
	wait     time.Duration
	rewrite  func(name, source string) string
	prefix   string
	made     sync.Map // *Text to readyScript
}

// RunnerOptions tune a Runner; the zero value runs the scripts as written.
type RunnerOptions struct {
	// Replicas is how many replicas must hold a script's writes before its
	// reply counts; with fewer the outcome is ErrUnknownOutcome.
	Replicas int
	// Wait bounds the waiting for Replicas; one second if zero.
	Wait time.Duration
	// NoShebang leaves out the line `#!lua`, for servers that do not know it.
	// With it a server refuses keys of a foreign slot, and writes when out of
	// memory, before the script runs.
	NoShebang bool
	// Rewrite, if set, may change a script's text before it is run for the first
	// time. It exists for tests and for the demo's sabotage switch.
	Rewrite func(name, source string) string
}

// NewRunner returns a Runner over the client.
func NewRunner(client redis.UniversalClient, o RunnerOptions) *Runner {
	r := &Runner{client: client, replicas: o.Replicas, wait: o.Wait, rewrite: o.Rewrite, prefix: "#!lua\n"}
	if o.NoShebang {
		r.prefix = ""
	}
	if r.wait == 0 {
		r.wait = time.Second
	}
	return r
}

// Client is the connection below, for reads.
func (r *Runner) Client() redis.UniversalClient { return r.client }

// run runs the script once and returns its reply, a flat list of strings.
// All keys share one slot; arguments are strings, so that no number passes
// through a float.
// Errors: ErrUnavailable, ErrUnknownOutcome, or the script's own error reply.
func (r *Runner) run(ctx context.Context, s *Text, keys []string, args ...string) ([]string, error) {
	ready, err := r.ready(s)
	if err != nil {
		return nil, err
	}
	reply, err := r.call(ctx, keys, args, "EVALSHA", ready.sha)
	var refused redis.Error
	if errors.As(err, &refused) && strings.HasPrefix(refused.Error(), "NOSCRIPT") {
		reply, err = r.call(ctx, keys, args, "EVAL", ready.text)
	}
	if err != nil {
		return nil, fmt.Errorf("script %s%s: %w", s.name, s.place(err, r.prefix), Classify(err))
	}
	return reply, nil
}

// readyScript is a script as it is sent.
type readyScript struct{ text, sha string }

// ready makes text and SHA of a script once: joining and hashing cost as much as a
// round trip.
func (r *Runner) ready(s *Text) (readyScript, error) {
	if made, ok := r.made.Load(s); ok {
		return made.(readyScript), nil
	}
	text := s.text
	if r.rewrite != nil {
		var err error
		if text, err = s.resolve(r.rewrite(s.name, s.Source())); err != nil {
			return readyScript{}, fmt.Errorf("script %s, rewritten: %w", s.name, err)
		}
	}
	sum := sha1.Sum([]byte(r.prefix + text))
	made := readyScript{r.prefix + text, hex.EncodeToString(sum[:])}
	r.made.Store(s, made)
	return made, nil
}

func (r *Runner) call(ctx context.Context, keys, args []string, command, script string) ([]string, error) {
	line := make([]any, 0, 3+len(keys)+len(args))
	line = append(line, command, script, strconv.Itoa(len(keys)))
	for _, k := range keys {
		line = append(line, k)
	}
	for _, a := range args {
		line = append(line, a)
	}
	if r.replicas == 0 {
		return r.client.Do(ctx, line...).StringSlice()
	}
	return r.callAndWait(ctx, keys, line)
}

// callAndWait sends the script and WAIT on one connection, since WAIT speaks
// of the writes of its own connection only.
func (r *Runner) callAndWait(ctx context.Context, keys []string, line []any) ([]string, error) {
	var node redis.Cmdable = r.client
	if cluster, ok := r.client.(*redis.ClusterClient); ok && len(keys) > 0 {
		master, err := cluster.MasterForKey(ctx, keys[0])
		if err != nil {
			cluster.ReloadState(ctx)
			return nil, fmt.Errorf("find the primary: %w: %w", ErrUnavailable, err)
		}
		node = master
	}
	pipe := node.Pipeline()
	script := pipe.Do(ctx, line...)
	acks := pipe.Do(ctx, "WAIT", strconv.Itoa(r.replicas), strconv.FormatInt(r.wait.Milliseconds(), 10))
	_, _ = pipe.Exec(ctx)
	reply, err := script.StringSlice()
	if err != nil {
		return nil, err
	}
	n, err := acks.Int()
	if err != nil {
		return nil, fmt.Errorf("wait for replicas: %w: %w", ErrUnknownOutcome, err)
	}
	if n < r.replicas {
		return nil, fmt.Errorf("%d of %d replicas answered: %w", n, r.replicas, ErrUnknownOutcome)
	}
	return reply, nil
}
