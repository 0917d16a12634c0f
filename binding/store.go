package binding

import (
	"context"
	_ "embed" // for the scripts
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// Sentinels that callers branch on.
var (
	// ErrNotBound says that the payer has no account.
	ErrNotBound = errors.New("payer is not bound")
	// ErrBoundElsewhere says that the payer has another account; unbind it first.
	ErrBoundElsewhere = errors.New("payer is bound to another account")
	// ErrPayer says that a channel, kind or id cannot be a payer's.
	ErrPayer = errors.New("not a payer")
	// ErrAccount says that a text cannot be an account's number.
	ErrAccount = errors.New("not an account")
)

//go:embed bind.lua
var bindLua string

//go:embed unbind.lua
var unbindLua string

// Payer is a person as one channel knows them. Printed or logged it shows the
// channel and the kind only.
type Payer struct {
	Channel string // "wechat"
	Kind    string // "openid"
	ID      string // personal: it belongs in no log
}

// String leaves the id out, so that a payer in a log line is not a leak.
func (p Payer) String() string { return p.Channel + ":" + p.Kind }

// GoString is String as well, for %#v.
func (p Payer) GoString() string { return p.String() }

// LogValue is String, for a payer that is a log attribute.
func (p Payer) LogValue() slog.Value { return slog.StringValue(p.String()) }

func (p Payer) field() string { return p.Channel + ":" + p.Kind + ":" + p.ID }

// part is what a piece of a key may hold. Whatever separates pieces or marks a
// slot stays out, so that two payers never share a key.
var part = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

func (p Payer) check() error {
	if !part.MatchString(p.Channel) || !part.MatchString(p.Kind) || !part.MatchString(p.ID) {
		return ErrPayer
	}
	return nil
}

// Store keeps the links in Redis. It is safe for concurrent use.
type Store struct {
	run          *redisx.Runner
	prefix       string
	clock        func() time.Time
	bind, unbind *redisx.Script
}

// NewStore returns a Store under the key prefix ("h" if empty). clock may be nil.
func NewStore(run *redisx.Runner, prefix string, clock func() time.Time) *Store {
	if prefix == "" {
		prefix = "h"
	}
	if clock == nil {
		clock = time.Now
	}
	return &Store{
		run: run, prefix: prefix + ":{bind}:", clock: clock,
		bind: redisx.NewScript("bind", bindLua), unbind: redisx.NewScript("unbind", unbindLua),
	}
}

func (s *Store) payerKey(p Payer) string { return s.prefix + "p:" + p.field() }

// keys are both ends of a link, if it can be one.
func (s *Store) keys(p Payer, account string) ([]string, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !part.MatchString(account) {
		return nil, ErrAccount
	}
	return []string{s.payerKey(p), s.prefix + "a:" + account}, nil
}

// Bind links a payer with an account. Binding twice is the same as once.
// Errors: ErrPayer, ErrAccount, ErrBoundElsewhere, redisx.ErrUnavailable,
// redisx.ErrUnknownOutcome.
func (s *Store) Bind(ctx context.Context, p Payer, account string) error {
	keys, err := s.keys(p, account)
	if err != nil {
		return err
	}
	reply, err := s.run.Run(ctx, s.bind, keys, account, p.field(), strconv.FormatInt(s.clock().UnixMilli(), 10))
	if err != nil {
		return err
	}
	switch reply[0] {
	case "BOUND", "SAME":
		return nil
	case "OTHER":
		return ErrBoundElsewhere
	}
	return fmt.Errorf("bind: unexpected reply %.40q", reply)
}

// Unbind takes a link away; money and orders stay with the account.
// Errors: ErrPayer, ErrAccount, ErrNotBound, redisx.ErrUnavailable,
// redisx.ErrUnknownOutcome.
func (s *Store) Unbind(ctx context.Context, p Payer, account string) error {
	keys, err := s.keys(p, account)
	if err != nil {
		return err
	}
	reply, err := s.run.Run(ctx, s.unbind, keys, account, p.field())
	if err != nil {
		return err
	}
	switch reply[0] {
	case "UNBOUND":
		return nil
	case "NONE":
		return ErrNotBound
	}
	return fmt.Errorf("unbind: unexpected reply %.40q", reply)
}

// Account is the account that a payer is bound to.
// Errors: ErrPayer, ErrNotBound, redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (s *Store) Account(ctx context.Context, p Payer) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	account, err := s.run.Client().HGet(ctx, s.payerKey(p), "account").Result()
	if errors.Is(err, redis.Nil) {
		return "", ErrNotBound
	}
	if err != nil {
		return "", fmt.Errorf("read binding: %w", redisx.Classify(err))
	}
	return account, nil
}

// Payers are those who are bound to an account, in no order.
// Errors: ErrAccount, redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (s *Store) Payers(ctx context.Context, account string) ([]Payer, error) {
	if !part.MatchString(account) {
		return nil, ErrAccount
	}
	fields, err := s.run.Client().HKeys(ctx, s.prefix+"a:"+account).Result()
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", redisx.Classify(err))
	}
	payers := make([]Payer, 0, len(fields))
	for _, field := range fields {
		parts := strings.Split(field, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf("binding of account %s: %d parts in a payer", account, len(parts))
		}
		payers = append(payers, Payer{Channel: parts[0], Kind: parts[1], ID: parts[2]})
	}
	return payers, nil
}
