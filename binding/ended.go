package binding

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"guodu/internal/redisx"
)

// Who ended a link, beside the names of operators.
const (
	ByPayer  = "payer"  // the payer whose link it was
	ByHolder = "holder" // another payer, who proved to be the account's holder
)

// What an ended payer is told of who did it: operators have no names there.
const (
	NoticeHolder = "holder"
	NoticeCentre = "centre"
)

// Binding is a link of an account.
type Binding struct {
	Payer Payer
	At    time.Time
}

// Ref names the link to people who are not to know the payer's id; nobody makes it
// without the key.
func (b Binding) Ref(key []byte, account string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "binding %s %s", account, b.Payer.field())
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// Ended is a link that was ended; whose it was is not kept.
type Ended struct {
	At            time.Time
	Channel, Kind string
	By            string // ByPayer, ByHolder, or an operator's name
	Why           string
}

// Notice tells a payer that somebody else ended their link.
type Notice struct {
	At time.Time
	By string // NoticeHolder, NoticeCentre
}

// endedEntry is an Ended as it is stored.
type endedEntry struct {
	At      int64  `json:"at"`
	Channel string `json:"channel"`
	Kind    string `json:"kind"`
	By      string `json:"by"`
	Why     string `json:"why,omitempty"`
}

// Bindings are the links of an account, oldest first.
// Errors: ErrAccount, redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (s *Store) Bindings(ctx context.Context, account string) ([]Binding, error) {
	if !part.MatchString(account) {
		return nil, ErrAccount
	}
	fields, err := s.run.Client().HGetAll(ctx, s.prefix+"a:"+account).Result()
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", redisx.Classify(err))
	}
	bindings := make([]Binding, 0, len(fields))
	for field, at := range fields {
		parts := strings.Split(field, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf("binding of account %s: %d parts in a payer", account, len(parts))
		}
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("binding of account %s: time %.20q", account, at)
		}
		bindings = append(bindings, Binding{Payer{Channel: parts[0], Kind: parts[1], ID: parts[2]}, time.UnixMilli(ms)})
	}
	slices.SortFunc(bindings, func(a, b Binding) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Payer.field(), b.Payer.field()))
	})
	return bindings, nil
}

// Ended are the last 50 links of an account that were ended, newest first.
// Errors: ErrAccount, redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (s *Store) Ended(ctx context.Context, account string) ([]Ended, error) {
	if !part.MatchString(account) {
		return nil, ErrAccount
	}
	texts, err := s.run.Client().LRange(ctx, s.endedKey(account), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read ended bindings: %w", redisx.Classify(err))
	}
	ended := make([]Ended, 0, len(texts))
	for _, text := range texts {
		var e endedEntry
		err := json.Unmarshal([]byte(text), &e)
		if err != nil {
			return nil, fmt.Errorf("ended bindings of account %s: %w", account, err)
		}
		ended = append(ended, Ended{time.UnixMilli(e.At), e.Channel, e.Kind, e.By, e.Why})
	}
	return ended, nil
}

// Notice is what a payer is told of a link that somebody else ended; nil if nobody
// did, or the payer has bound again since.
// Errors: ErrPayer, redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (s *Store) Notice(ctx context.Context, p Payer) (*Notice, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	found, err := s.run.Client().HMGet(ctx, s.payerKey(p), "ended", "ended_by").Result()
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", redisx.Classify(err))
	}
	at, ended := found[0].(string)
	by, _ := found[1].(string)
	if !ended {
		return nil, nil
	}
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("notice of %s: time %.20q", p, at)
	}
	return &Notice{time.UnixMilli(ms), by}, nil
}
