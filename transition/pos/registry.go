package pos

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

//go:embed *.lua
var files embed.FS

var scripts = redisx.MustLibrary(files)

// Registry is the list of terminals in Redis. It is safe for concurrent use.
type Registry struct {
	run    *redisx.Runner
	prefix string // of every key that belongs to terminals
}

// NewRegistry returns the registry under the key prefix ("h" if empty).
func NewRegistry(run *redisx.Runner, prefix string) *Registry {
	if prefix == "" {
		prefix = "h"
	}
	return &Registry{run: run, prefix: prefix + ":{term}:"}
}

func (r *Registry) terminalKey(id string) string { return r.prefix + "t:" + id }

type addCall struct {
	Terminal string    `key:"terminal"`
	Key      string    `arg:"key"`
	Alg      Algorithm `arg:"alg"`
	Role     Role      `arg:"role"`
	Place    string    `arg:"place"`
	Now      int64     `arg:"now"`
}

type addReply struct {
	Tag   string
	Field string `reply:"field"`
}

var terminalAdd = redisx.MustLoad[addCall, addReply](scripts, "terminal_add")

// Add registers a terminal, whose state is then Registered. Adding the same one
// again changes its place at most, and added is false.
// Errors: ErrTerminal, ErrTerminalTaken.
func (r *Registry) Add(ctx context.Context, t Terminal) (added bool, err error) {
	if t.Algorithm == "" {
		t.Algorithm = Ed25519
	}
	if t.Role == "" {
		t.Role = RolePOS
	}
	if t.Algorithm == HMAC {
		t.Key = Key{Number: 1}
	}
	if err := t.check(); err != nil {
		return false, err
	}
	reply, err := terminalAdd.Run(ctx, r.run, addCall{
		Terminal: r.terminalKey(t.ID), Key: t.Key.text(), Alg: t.Algorithm, Role: t.Role, Place: t.Place, Now: t.Added.UnixMilli(),
	})
	if err == nil && reply.Tag == "TAKEN" {
		return false, fmt.Errorf("terminal %s: %w: another %s", t.ID, ErrTerminalTaken, map[string]string{
			"key": "key", "alg": "algorithm", "role": "role"}[reply.Field])
	}
	return reply.Tag == "NEW", err
}

type stateCall struct {
	Terminal string `key:"terminal"`
	State    State  `arg:"state"`
	From     string `arg:"from"`
	Now      int64  `arg:"now"`
}

type stateReply struct {
	Tag   string
	State string `reply:"state"`
}

var terminalState = redisx.MustLoad[stateCall, stateReply](scripts, "terminal_state")

// Set moves a terminal to Suspended, Lost or Retired, or a suspended one back to
// Running. Registered becomes Running by the terminal's own sign-in alone, and
// what is lost or retired stays so.
// Errors: ErrNoTerminal, ErrTerminalState.
func (r *Registry) Set(ctx context.Context, id string, to State, now time.Time) error {
	from, ok := map[State]string{
		Running:   "suspended",
		Suspended: "registered running",
		Lost:      "registered running suspended",
		Retired:   "registered running suspended lost",
	}[to]
	if !ok {
		return fmt.Errorf("terminal %s: %w: nobody sets %q", id, ErrTerminalState, to)
	}
	if !terminalID.MatchString(id) {
		return fmt.Errorf("terminal %.40q: %w", id, ErrNoTerminal)
	}
	reply, err := terminalState.Run(ctx, r.run, stateCall{Terminal: r.terminalKey(id), State: to, From: from, Now: now.UnixMilli()})
	if err != nil {
		return err
	}
	return refused(id, reply.Tag, reply.State)
}

type rotateCall struct {
	Terminal string `key:"terminal"`
	Key      string `arg:"key"`
	Now      int64  `arg:"now"`
	Until    int64  `arg:"until"`
}

type rotateReply struct {
	Tag   string
	Key   string `reply:"key"`
	Until string `reply:"until"`
	Alg   string `reply:"alg"`
	State string `reply:"state"`
}

var terminalRotate = redisx.MustLoad[rotateCall, rotateReply](scripts, "terminal_rotate")

// Rotate gives a terminal another key, with which it may sign from now on. The
// one before is accepted for the time of overlap; zero ends it at once, and any
// key before it. With HMAC public is empty, and the key is the terminal's next
// secret. Asking again while the overlap runs gives the same key and its end.
// Errors: ErrTerminal, ErrNoTerminal, ErrTerminalState, ErrOverlap.
func (r *Registry) Rotate(ctx context.Context, id string, public []byte, now time.Time, overlap time.Duration) (Key, error) {
	if !terminalID.MatchString(id) {
		return Key{}, fmt.Errorf("terminal %.40q: %w", id, ErrNoTerminal)
	}
	text, alg := "", HMAC
	if len(public) > 0 {
		text, alg = Key{Public: public}.text(), Ed25519
		if _, ok := parseKey(alg, text); !ok {
			return Key{}, fmt.Errorf("%w: key of %d bytes", ErrTerminal, len(public))
		}
	}
	until := int64(0)
	if overlap > 0 {
		until = now.Add(overlap).UnixMilli()
	}
	reply, err := terminalRotate.Run(ctx, r.run, rotateCall{Terminal: r.terminalKey(id), Key: text, Now: now.UnixMilli(), Until: until})
	switch {
	case err != nil:
		return Key{}, err
	case reply.Tag == "ALG":
		return Key{}, fmt.Errorf("terminal %s: %w: it signs with %s", id, ErrTerminal, reply.Alg)
	case reply.Tag == "OVERLAP":
		return Key{}, fmt.Errorf("terminal %s: %w, until %s", id, ErrOverlap, millis(reply.Until).UTC().Format(time.RFC3339))
	}
	if err := refused(id, reply.Tag, reply.State); err != nil {
		return Key{}, err
	}
	key, ok := parseKey(alg, reply.Key)
	if !ok {
		return Key{}, fmt.Errorf("terminal %s: its stored key cannot be read: %w", id, ErrTerminal)
	}
	return key, nil
}

// refused is the error of the replies that scripts of the registry share, nil for others.
func refused(id, tag, state string) error {
	switch tag {
	case "NO_TERMINAL":
		return fmt.Errorf("terminal %s: %w", id, ErrNoTerminal)
	case "STATE":
		return fmt.Errorf("terminal %s: %w: it is %s", id, ErrTerminalState, state)
	}
	return nil
}

// Terminal reads a terminal, whatever its state.
// Errors: ErrNoTerminal; redisx.ErrUnavailable or ErrUnknownOutcome if the
// registry cannot be read.
func (r *Registry) Terminal(ctx context.Context, id string) (Terminal, error) {
	if !terminalID.MatchString(id) {
		return Terminal{}, fmt.Errorf("terminal %.40q: %w", id, ErrNoTerminal)
	}
	h, err := r.run.Client().HGetAll(ctx, r.terminalKey(id)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return Terminal{}, fmt.Errorf("read terminal: %w", redisx.Classify(err))
	}
	t, ok := terminalOf(id, h)
	if !ok {
		return Terminal{}, fmt.Errorf("terminal %s: %w", id, ErrNoTerminal)
	}
	return t, nil
}

// states reads the states of terminals.
func (r *Registry) states(ctx context.Context, ids []string) (map[string]State, error) {
	states := make(map[string]State, len(ids))
	if len(ids) == 0 {
		return states, nil
	}
	pipe := r.run.Client().Pipeline()
	for _, id := range ids {
		pipe.HGet(ctx, r.terminalKey(id), "state")
	}
	cmds, _ := pipe.Exec(ctx)
	for i, cmd := range cmds {
		state, ok := cmd.(*redis.StringCmd)
		if err := cmd.Err(); !ok || err != nil {
			return nil, fmt.Errorf("read state of terminal %s: %w", ids[i], redisx.Classify(err))
		}
		states[ids[i]] = State(state.Val())
	}
	return states, nil
}

// List reads all terminals, by id.
func (r *Registry) List(ctx context.Context) ([]Terminal, error) {
	var ids []string
	all := r.terminalKey("")
	scan := func(ctx context.Context, node redis.Cmdable) error {
		iter := node.Scan(ctx, 0, all+"*", 1000).Iterator()
		for iter.Next(ctx) {
			ids = append(ids, strings.TrimPrefix(iter.Val(), all))
		}
		return iter.Err()
	}
	var err error
	if cluster, ok := r.run.Client().(*redis.ClusterClient); ok {
		// All terminals share one slot, so one node has them.
		node, fail := cluster.MasterForKey(ctx, all)
		err = fail
		if err == nil {
			err = scan(ctx, node)
		}
	} else {
		err = scan(ctx, r.run.Client())
	}
	if err != nil {
		return nil, fmt.Errorf("list terminals: %w", redisx.Classify(err))
	}
	sort.Strings(ids)
	var list []Terminal
	for i, id := range ids {
		if i > 0 && id == ids[i-1] {
			continue // SCAN may show a key twice
		}
		t, err := r.Terminal(ctx, id)
		if errors.Is(err, ErrNoTerminal) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}
