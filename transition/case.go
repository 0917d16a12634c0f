package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// ErrNoCase says that there is no such case.
var ErrNoCase = errors.New("no such case")

// Case is something that a person must decide.
type Case struct {
	ID       string // "CHANNEL:TRANSACTION" for a payment
	Kind     string // "unknown_order", "mismatch", "closed_account", …
	Txn      string // the channel's transaction, for a payment; not read back
	Suspense fen.Fen
	Refunded fen.Fen // what the channel says was refunded of it, all told
	Evidence json.RawMessage
	Times    int64 // how often it was seen
	Open     bool
	Opened   time.Time

	// What became of it, read only.
	Refunding fen.Fen    // of Suspense, what is on its way back to the payer
	Returned  fen.Fen    // what went back out of suspense
	Refunds   []RefundNo // that the hub asked for, and "ORDER:NUMBER" made outside
	Decision  Decision
	Notes     []string // who did what, when and why, oldest first

	home partition
}

// Decision is how a case ended.
type Decision string

// The decisions. A case whose payment was credited has none.
const (
	Undecided Decision = ""
	// DecidedClosed is a case without money that people have closed.
	DecidedClosed Decision = "closed"
	// DecidedDisowned is a case whose money is not the hub's: it left the books.
	DecidedDisowned Decision = "disowned"
	// DecidedRefunded is a case whose money went back to its payer.
	DecidedRefunded Decision = "refunded"
)

// caseID is what a case's id may consist of; it becomes part of entries.
var caseID = regexp.MustCompile(`^[!-~]{1,150}$`)

type caseOpenCall struct {
	houseKeys
	Order    string  `key:"order"`
	ID       string  `arg:"id"`
	Kind     string  `arg:"kind"`
	Suspend  fen.Fen `arg:"suspend"`
	Evidence string  `arg:"evidence"`
	Now      string  `arg:"now"`
	Txn      string  `arg:"txn"`
	Refunded fen.Fen `arg:"refunded"`
}

type caseOpenReply struct {
	Tag   string
	Times string `reply:"times"`
}

var caseOpen = redisx.MustLoad[caseOpenCall, caseOpenReply](scripts, "case_open")

// OpenCase keeps a case and, once, books its amount as paid and in suspense,
// unless the order is credited for this very transaction. near is the order
// number that the channel named, whatever it is worth: it chooses the
// partition, so that an order rebuilt under it finds the case.
func (s *Store) OpenCase(ctx context.Context, near string, c Case) (first bool, err error) {
	if !caseID.MatchString(c.ID) {
		return false, fmt.Errorf("case %.150q: %w", c.ID, ErrNumber)
	}
	p, order := caseHome(near)
	call := caseOpenCall{
		houseKeys: s.keys.suspense(p), Order: s.keys.cases(p),
		ID: c.ID, Kind: c.Kind, Suspend: c.Suspense, Evidence: string(c.Evidence), Now: s.now(), Txn: c.Txn, Refunded: c.Refunded,
	}
	if order != "" {
		call.Order = s.keys.order(p, order)
	}
	reply, err := caseOpen.Run(ctx, s.run, call)
	return reply.Tag == "OPENED", err
}

// caseHome is where a case is kept that names an order: in the order's partition
// if the number can be one, and in one that the text gives otherwise.
func caseHome(near string) (partition, OrderNo) {
	no, err := ParseOrderNo(near)
	if err != nil {
		return partitionOf(AccountNo(near)), ""
	}
	p, err := no.partition()
	if err != nil {
		return partitionOf(AccountNo(near)), ""
	}
	return p, no
}

// Cases reads all cases, oldest first.
func (s *Store) Cases(ctx context.Context) ([]Case, error) {
	var all []Case
	for p := range partition(Partitions) {
		h, err := s.client().HGetAll(ctx, s.keys.cases(p)).Result()
		if err := read("cases", err); err != nil {
			return nil, err
		}
		for field := range h {
			id, found := strings.CutPrefix(field, "s:")
			if !found {
				continue
			}
			c, err := parseCase(h, id, p)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Opened.Before(all[j].Opened) })
	return all, nil
}

// Case reads one case. Its id does not say where it is kept, so all partitions
// are looked at. Where one transaction was told under numbers of several, the case
// that is still open comes first.
// Errors: ErrNoCase.
func (s *Store) Case(ctx context.Context, id string) (Case, error) {
	ended, none := Case{}, fmt.Errorf("case %.150q: %w", id, ErrNoCase)
	for p := range partition(Partitions) {
		c, err := s.readCase(ctx, p, id)
		switch {
		case errors.Is(err, ErrNoCase):
			continue
		case err != nil || c.Open:
			return c, err
		case none != nil:
			ended, none = c, nil
		}
	}
	return ended, none
}

// CaseOf reads the case of a payment, if its money became one.
// Errors: ErrNoCase.
func (s *Store) CaseOf(ctx context.Context, near, id string) (Case, error) {
	p, _ := caseHome(near)
	return s.readCase(ctx, p, id)
}

func (s *Store) readCase(ctx context.Context, p partition, id string) (Case, error) {
	names := []string{id}
	for _, field := range "skfntrhbxdw" {
		names = append(names, string(field)+":"+id)
	}
	values, err := s.client().HMGet(ctx, s.keys.cases(p), names...).Result()
	if err := read("case", err); err != nil {
		return Case{}, err
	}
	h := map[string]string{}
	for i, name := range names {
		if text, ok := values[i].(string); ok {
			h[name] = text
		}
	}
	if h["s:"+id] == "" {
		return Case{}, fmt.Errorf("case %.150q: %w", id, ErrNoCase)
	}
	return parseCase(h, id, p)
}

// parseCase reads a case out of the fields of its partition's hash.
func parseCase(h map[string]string, id string, p partition) (Case, error) {
	var n number
	amount := func(field string) fen.Fen {
		if h[field+id] == "" {
			return 0
		}
		return n.fen(h[field+id])
	}
	c := Case{
		ID: id, Kind: h["k:"+id], Suspense: amount("f:"), Evidence: json.RawMessage(h[id]), Times: n.int(h["n:"+id]),
		Open: h["s:"+id] == "open", Opened: n.time(h["t:"+id]), Refunded: amount("r:"), Refunding: amount("h:"), Returned: amount("b:"),
		Decision: Decision(h["d:"+id]), home: p,
	}
	for _, no := range strings.Fields(h["x:"+id]) {
		c.Refunds = append(c.Refunds, RefundNo(no))
	}
	if h["w:"+id] != "" {
		c.Notes = strings.Split(h["w:"+id], "\n")
	}
	if n.err != nil {
		return Case{}, fmt.Errorf("case %s: %w", id, n.err)
	}
	return c, nil
}
