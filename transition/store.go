package transition

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels that callers branch on.
var (
	// ErrUnavailable says that nothing was changed: the store refuses.
	ErrUnavailable = redisx.ErrUnavailable
	// ErrUnknownOutcome says that a change may or may not have been made.
	// Repeat the same call: every script answers a repeat with its first result.
	ErrUnknownOutcome = redisx.ErrUnknownOutcome
	// ErrNoAccount says that there is no such account.
	ErrNoAccount = errors.New("no such account")
	// ErrAccountClosed says that the account takes no money any more.
	ErrAccountClosed = errors.New("account is closed")
	// ErrNoOrder says that there is no such order.
	ErrNoOrder = errors.New("no such order")
	// ErrNoBooks says that a Redis holds no books.
	ErrNoBooks = errors.New("there are no books here")
	// ErrMoved says that keys kept changing while a call tried to name them.
	ErrMoved = errors.New("too many changes at once, try again")
)

// format is the version of the data in docs/keys.md.
const format = "1"

//go:embed *.lua
var files embed.FS

//go:embed include
var includes embed.FS

// scripts are those of the money, with what they share.
var scripts = redisx.MustLibrary(files, includes, idempotency.Includes)

// tagOnly is the reply of a script that says nothing else.
type tagOnly struct{ Tag string }

// accountKeys are the keys of what moves an account's money.
type accountKeys struct {
	Account string `key:"account"`
	Entries string `key:"entries"`
	Tot     string `key:"tot"`
	Count   string `key:"count"`
}

func (k keyring) money(p partition, a AccountNo) accountKeys {
	return accountKeys{k.account(p, a), k.entries(p, a), k.tot(p), k.count(p)}
}

// houseKeys are the keys of what moves money in suspense.
type houseKeys struct {
	Case    string `key:"case"`
	Tot     string `key:"tot"`
	House   string `key:"house"`
	Entries string `key:"house_entries"`
	Count   string `key:"count"`
}

func (k keyring) suspense(p partition) houseKeys {
	return houseKeys{k.cases(p), k.tot(p), k.houseAccount(p), k.houseEntries(p), k.count(p)}
}

// decision is who decides, why and when, as scripts take it.
type decision struct {
	By     string `arg:"by"`
	Second string `arg:"second"`
	Why    string `arg:"why"`
	Now    string `arg:"now"`
}

// Store is the money of one campus. It is safe for concurrent use.
type Store struct {
	run    *redisx.Runner
	keys   keyring
	clock  func() time.Time
	loadNo func(partition, time.Time) LoadNo
	token  func() string // a challenge
	id     string        // of the books
	log    *slog.Logger

	blockChanges int  // how many a partition remembers
	quiet        bool // the model's: hints to terminals decide nothing
}

// Options tune a Store; the zero value is right for one campus on one Redis.
type Options struct {
	Prefix string           // first part of every key; "h" if empty
	Clock  func() time.Time // time.Now if nil
	Log    *slog.Logger     // of what fails beside a call that went well; nowhere if nil
	// Existing refuses to make books where there are none.
	Existing bool
}

var prefixForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

type metaCall struct {
	Meta       string `key:"meta"`
	Format     string `arg:"format"`
	Partitions int    `arg:"partitions"`
	ID         string `arg:"id"`
}

type metaReply struct {
	Tag   string
	ID    string `reply:"id"`
	Value string `reply:"value"`
}

var metaScript = redisx.MustLoad[metaCall, metaReply](scripts, "meta")

// Open returns a Store over the runner's Redis. At the first start it makes the
// books: it fixes their id and the number of partitions. Later it refuses data of
// another number.
// Errors: ErrNoBooks if Options.Existing says that there must be books.
func Open(ctx context.Context, run *redisx.Runner, o Options) (*Store, error) {
	if o.Prefix == "" {
		o.Prefix = "h"
	}
	if !prefixForm.MatchString(o.Prefix) {
		return nil, fmt.Errorf("key prefix %.40q: %w (1 to 32 of 0-9 A-Z a-z _ -)", o.Prefix, ErrNumber)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		run: run, keys: keyring{o.Prefix}, clock: o.Clock, loadNo: newLoadNo, token: rand.Text, log: o.Log,
		blockChanges: blockChanges,
	}
	id := ""
	if !o.Existing {
		id = strings.ToLower(rand.Text()[:idLength])
	}
	reply, err := metaScript.Run(ctx, run, metaCall{Meta: s.keys.meta(), Format: format, Partitions: Partitions, ID: id})
	switch {
	case err != nil:
		return nil, err
	case reply.Tag == "NONE":
		return nil, ErrNoBooks
	case reply.Tag == "OTHER":
		return nil, fmt.Errorf("this Redis holds %s; this hub is built for format %s, %d partitions", reply.Value, format, Partitions)
	}
	s.id = reply.ID
	return s, nil
}

func (s *Store) client() redis.UniversalClient { return s.run.Client() }

// now is the time for scripts, in milliseconds.
func (s *Store) now() string { return millis(s.clock()) }

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// read turns a client's error into the package's own; redis.Nil never leaves.
func read(what string, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	return fmt.Errorf("read %s: %w", what, redisx.Classify(err))
}

// exec runs a pipeline of reads. A key that is absent must not hide that another one
// could not be read.
func exec(ctx context.Context, what string, pipe redis.Pipeliner) error {
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		if err := read(what, cmd.Err()); err != nil {
			return err
		}
	}
	return read(what, err)
}

// number collects the first error of several conversions of stored text.
type number struct{ err error }

func (n *number) fen(text string) fen.Fen {
	f, err := fen.ParseInt(text)
	if err != nil && n.err == nil {
		n.err = err
	}
	return f
}

func (n *number) int(text string) int64 {
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("stored number %.24q: %w", text, err)
	}
	return i
}

func (n *number) time(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	return time.UnixMilli(n.int(text))
}
