package pos

import (
	"context"
	"crypto/ed25519"
	_ "embed" // for the script
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// Sentinels of the registry.
var (
	// ErrTerminal says that an id, key or place cannot be a terminal's.
	ErrTerminal = errors.New("not a terminal")
	// ErrTerminalTaken says that the id is registered with another key.
	ErrTerminalTaken = errors.New("terminal id is registered with another key")
	// ErrNoTerminal says that no running terminal has this id.
	ErrNoTerminal = errors.New("no such running terminal")
)

//go:embed terminal_add.lua
var terminalAddLua string

// Terminal is a POS terminal as registered.
type Terminal struct {
	ID    string // 1 to 32 of [0-9A-Za-z_-]; the keyid of its signatures
	Key   ed25519.PublicKey
	Place string // where it stands, for people
	State string // "running" so far
	Added time.Time
}

// Registry is the list of terminals in Redis. It is safe for concurrent use.
type Registry struct {
	run    *redisx.Runner
	prefix string
	add    *redisx.Script
}

// NewRegistry returns the registry under the key prefix ("h" if empty).
func NewRegistry(run *redisx.Runner, prefix string) *Registry {
	if prefix == "" {
		prefix = "h"
	}
	return &Registry{run: run, prefix: prefix + ":{term}:t:", add: redisx.NewScript("terminal_add", terminalAddLua)}
}

var terminalID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

// Add registers a running terminal. Adding the same one again changes nothing.
// Errors: ErrTerminal, ErrTerminalTaken.
func (r *Registry) Add(ctx context.Context, t Terminal) error {
	if !terminalID.MatchString(t.ID) || t.ID == hubKeyID {
		return fmt.Errorf("%w: id %.40q (1 to 32 of 0-9 A-Z a-z _ -, and not %q)", ErrTerminal, t.ID, hubKeyID)
	}
	if len(t.Key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: key of %d bytes, Ed25519 has %d", ErrTerminal, len(t.Key), ed25519.PublicKeySize)
	}
	if len(t.Place) > 200 {
		return fmt.Errorf("%w: place of %d bytes, at most 200", ErrTerminal, len(t.Place))
	}
	reply, err := r.run.Run(ctx, r.add, []string{r.prefix + t.ID},
		base64.StdEncoding.EncodeToString(t.Key), t.Place, fmt.Sprint(t.Added.UnixMilli()))
	if err != nil {
		return err
	}
	if reply[0] != "OK" {
		return fmt.Errorf("terminal %s: %w", t.ID, ErrTerminalTaken)
	}
	return nil
}

// Terminal reads a running terminal.
// Errors: ErrNoTerminal; redisx.ErrUnavailable or ErrUnknownOutcome if the
// registry cannot be read.
func (r *Registry) Terminal(ctx context.Context, id string) (Terminal, error) {
	if !terminalID.MatchString(id) {
		return Terminal{}, fmt.Errorf("terminal %.40q: %w", id, ErrNoTerminal)
	}
	h, err := r.run.Client().HGetAll(ctx, r.prefix+id).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return Terminal{}, fmt.Errorf("read terminal: %w", redisx.Classify(err))
	}
	key, err := base64.StdEncoding.DecodeString(h["key"])
	if err != nil || len(key) != ed25519.PublicKeySize || h["state"] != "running" || h["alg"] != "ed25519" {
		return Terminal{}, fmt.Errorf("terminal %s: %w", id, ErrNoTerminal)
	}
	return Terminal{ID: id, Key: key, Place: h["place"], State: h["state"], Added: millis(h["added"])}, nil
}

// List reads all running terminals, by id.
func (r *Registry) List(ctx context.Context) ([]Terminal, error) {
	var ids []string
	scan := func(ctx context.Context, node redis.Cmdable) error {
		iter := node.Scan(ctx, 0, r.prefix+"*", 1000).Iterator()
		for iter.Next(ctx) {
			ids = append(ids, strings.TrimPrefix(iter.Val(), r.prefix))
		}
		return iter.Err()
	}
	var err error
	if cluster, ok := r.run.Client().(*redis.ClusterClient); ok {
		// All terminals share one slot, so one node has them.
		node, fail := cluster.MasterForKey(ctx, r.prefix)
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
	var all []Terminal
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
		all = append(all, t)
	}
	return all, nil
}
