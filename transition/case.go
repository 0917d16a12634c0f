package transition

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"guodu/internal/fen"
)

// Case is something that a person must decide.
type Case struct {
	ID       string // "CHANNEL:TRANSACTION" for a payment
	Kind     string // "unknown_order", "mismatch", "closed_account", …
	Txn      string // the channel's transaction, for a payment; not read back
	Suspense fen.Fen
	Refunded fen.Fen // what the channel says was refunded of it, all told; not read back
	Evidence json.RawMessage
	Times    int64 // how often it was seen
	Open     bool
	Opened   time.Time
}

// caseID is what a case's id may consist of; it becomes part of entries.
var caseID = regexp.MustCompile(`^[!-~]{1,150}$`)

// OpenCase keeps a case and, once, books its amount as paid and in suspense,
// unless the order is credited for this very transaction. near is the order
// number that the channel named, whatever it is worth: it chooses the
// partition, so that an order rebuilt under it finds the case.
func (s *Store) OpenCase(ctx context.Context, near string, c Case) (first bool, err error) {
	if !caseID.MatchString(c.ID) {
		return false, fmt.Errorf("case %.150q: %w", c.ID, ErrNumber)
	}
	p, order := partitionOf(AccountNo(near)), ""
	if no, err := ParseOrderNo(near); err == nil {
		p, err = no.partition()
		if err != nil {
			return false, err
		}
		order = s.keys.order(p, no)
	}
	keys := []string{s.keys.cases(p), s.keys.tot(p), s.keys.houseAccount(p), s.keys.houseEntries(p), order}
	if order == "" {
		keys[4] = keys[0]
	}
	reply, err := s.run.Run(ctx, s.scripts.caseOpen, keys,
		c.ID, c.Kind, c.Suspense.String(), string(c.Evidence), s.now(), c.Txn, c.Refunded.String())
	if err != nil {
		return false, err
	}
	return reply[0] == "OPENED", nil
}

// Cases reads all cases, oldest first.
func (s *Store) Cases(ctx context.Context) ([]Case, error) {
	var all []Case
	for p := range partition(Partitions) {
		h, err := s.client().HGetAll(ctx, s.keys.cases(p)).Result()
		if err := read("cases", err); err != nil {
			return nil, err
		}
		for field, value := range h {
			id, found := strings.CutPrefix(field, "s:")
			if !found {
				continue
			}
			var n number
			c := Case{
				ID: id, Kind: h["k:"+id], Suspense: n.fen(h["f:"+id]), Evidence: json.RawMessage(h[id]),
				Times: n.int(h["n:"+id]), Open: value == "open", Opened: n.time(h["t:"+id]),
			}
			if n.err != nil {
				return nil, fmt.Errorf("case %s: %w", id, n.err)
			}
			all = append(all, c)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Opened.Before(all[j].Opened) })
	return all, nil
}
