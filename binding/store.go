package binding

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
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

//go:embed *.lua
var files embed.FS

var scripts = redisx.MustLibrary(files)

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
	run    *redisx.Runner
	prefix string
	clock  func() time.Time
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
	}
}

func (s *Store) payerKey(p Payer) string { return s.prefix + "p:" + p.field() }

func (s *Store) endedKey(account string) string { return s.prefix + "e:" + account }

// link is both ends of a link, and when something is done to it, in ms.
type link struct {
	Payer     string `key:"payer"`
	Account   string `key:"account"`
	AccountNo string `arg:"account_no"`
	Field     string `arg:"field"`
	Now       int64  `arg:"now"`
}

// link is the link of a payer with an account, if there can be one.
func (s *Store) link(p Payer, account string) (link, error) {
	if err := p.check(); err != nil {
		return link{}, err
	}
	if !part.MatchString(account) {
		return link{}, ErrAccount
	}
	return link{Payer: s.payerKey(p), Account: s.prefix + "a:" + account, AccountNo: account, Field: p.field(), Now: s.clock().UnixMilli()}, nil
}

// ending is a link that somebody ends.
type ending struct {
	link
	Ended  string `key:"ended"`
	Entry  string `arg:"entry"`
	Notice string `arg:"notice"`
}

type tag struct{ Tag string }

var (
	bindScript   = redisx.MustLoad[link, tag](scripts, "bind")
	unbindScript = redisx.MustLoad[ending, tag](scripts, "unbind")
)

// Bind links a payer with an account. Binding twice is the same as once.
// Errors: ErrPayer, ErrAccount, ErrBoundElsewhere, redisx.ErrUnavailable,
// redisx.ErrUnknownOutcome.
func (s *Store) Bind(ctx context.Context, p Payer, account string) error {
	l, err := s.link(p, account)
	if err != nil {
		return err
	}
	reply, err := bindScript.Run(ctx, s.run, l)
	if err == nil && reply.Tag == "OTHER" {
		return ErrBoundElsewhere
	}
	return err
}

// Unbind takes the payer's own link away; money and orders stay with the account.
// Errors: ErrPayer, ErrAccount, ErrNotBound, redisx.ErrUnavailable,
// redisx.ErrUnknownOutcome.
func (s *Store) Unbind(ctx context.Context, p Payer, account string) error {
	return s.end(ctx, p, account, ByPayer, "", "")
}

// End takes somebody else's link away: by is ByHolder, or the name of an operator. The
// payer finds a notice, and the account's list keeps who did it and why.
// Errors: as Unbind.
func (s *Store) End(ctx context.Context, account string, p Payer, by, why string) error {
	notice := NoticeCentre
	if by == ByHolder {
		notice = NoticeHolder
	}
	return s.end(ctx, p, account, by, why, notice)
}

func (s *Store) end(ctx context.Context, p Payer, account, by, why, notice string) error {
	l, err := s.link(p, account)
	if err != nil {
		return err
	}
	entry, err := json.Marshal(endedEntry{At: l.Now, Channel: p.Channel, Kind: p.Kind, By: by, Why: why})
	if err != nil {
		return fmt.Errorf("end binding: %w", err)
	}
	reply, err := unbindScript.Run(ctx, s.run, ending{link: l, Ended: s.endedKey(account), Entry: string(entry), Notice: notice})
	if err == nil && reply.Tag == "NONE" {
		return ErrNotBound
	}
	return err
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

// Payers are those who are bound to an account, oldest first.
// Errors: ErrAccount, redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (s *Store) Payers(ctx context.Context, account string) ([]Payer, error) {
	bindings, err := s.Bindings(ctx, account)
	if err != nil {
		return nil, err
	}
	payers := make([]Payer, 0, len(bindings))
	for _, b := range bindings {
		payers = append(payers, b.Payer)
	}
	return payers, nil
}
