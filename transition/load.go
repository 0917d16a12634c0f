package transition

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// LoadRecord is a load as the books have it.
type LoadRecord struct {
	No       LoadNo
	State    LoadState
	Account  AccountNo
	UID      CardUID
	CardNo   string
	Version  string
	Profile  string
	Amount   fen.Fen
	L0       int64
	B0       fen.Fen // at the newest attempt
	P0       string
	Attempts int64     // made so far
	Live     []Attempt // that may still be used
	Had      []string  // terminals that had an attempt
	Held     time.Time
	Deadline time.Time
	NotAfter time.Time // of the newest authorisation
	Ended    time.Time // zero while it is open
	Short    bool      // the counter said written, the balance did not
	Evidence Evidence  // the last
	Decision *LoadDecision
	Undone   string // the verdict that was taken back, if one was
}

// Attempt is one authorisation of a load.
type Attempt struct {
	N               int64
	Terminal, TapID string
}

// Evidence is what a load's state rests on.
type Evidence struct {
	Kind     string // "tap", "result_written", "result_unknown", "abort", "reread", "recheck", "outside", "decided", "undone"
	Terminal string // or who decided
	TapID    string // or who else
	L, B, P  string // "-" if not read
	At       time.Time
}

// LoadRecord reads a load.
// Errors: ErrNumber, ErrNoLoad.
func (s *Store) LoadRecord(ctx context.Context, no LoadNo) (LoadRecord, error) {
	p, err := no.partition()
	if err != nil {
		return LoadRecord{}, err
	}
	h, err := s.client().HGetAll(ctx, s.keys.load(p, no)).Result()
	if err := read("load", err); err != nil {
		return LoadRecord{}, err
	}
	if h["state"] == "" {
		return LoadRecord{}, fmt.Errorf("load %s: %w", no, ErrNoLoad)
	}
	return loadFrom(no, h)
}

func loadFrom(no LoadNo, h map[string]string) (LoadRecord, error) {
	var n number
	r := LoadRecord{
		No: no, State: LoadState(h["state"]), Account: AccountNo(h["account"]), UID: CardUID(h["card_uid"]), CardNo: h["card_no"],
		Version: h["version"], Profile: h["profile"], Amount: n.fen(h["amount"]), L0: n.int(h["L0"]), B0: n.fen(h["B0"]), P0: h["P0"],
		Attempts: n.int(h["n"]), Held: n.time(h["held"]), Deadline: n.time(h["deadline"]), NotAfter: n.time(h["not_after"]),
		Ended: n.time(h["confirmed"]), Short: h["short"] != "", Undone: h["undone"],
	}
	for _, one := range strings.FieldsFunc(h["live"], func(c rune) bool { return c == ',' }) {
		i, who, _ := strings.Cut(one, "=")
		terminal, tap, _ := strings.Cut(who, ":")
		r.Live = append(r.Live, Attempt{N: n.int(i), Terminal: terminal, TapID: tap})
	}
	r.Had = strings.FieldsFunc(h["had"], func(c rune) bool { return c == ',' })
	if f := strings.Fields(h["evidence"]); len(f) == 7 {
		r.Evidence = Evidence{Kind: f[0], Terminal: f[1], TapID: f[2], L: f[3], B: f[4], P: f[5], At: n.time(f[6])}
	}
	if h["decided"] != "" {
		r.Decision = &LoadDecision{Load: no, Verdict: Verdict(h["decided"]), By: h["by"], Second: h["second"], Why: h["why"]}
	}
	if n.err != nil {
		return LoadRecord{}, fmt.Errorf("load %s: %w", no, n.err)
	}
	return r, nil
}

// OpenLoads reads the loads that bind money, of all partitions, the oldest
// deadline first within each.
func (s *Store) OpenLoads(ctx context.Context) ([]LoadRecord, error) {
	var all []LoadRecord
	for p := range partition(Partitions) {
		ids, err := s.client().ZRange(ctx, s.keys.doubt(p), 0, -1).Result()
		if err := read("open loads", err); err != nil {
			return nil, err
		}
		for _, id := range ids {
			r, err := s.LoadRecord(ctx, LoadNo(id))
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// LoadsOf reads the newest loads of an account, the newest first, as far as its last
// hundred entries name them.
func (s *Store) LoadsOf(ctx context.Context, account AccountNo, most int) ([]LoadRecord, error) {
	lines, err := s.client().LRange(ctx, s.keys.entries(partitionOf(account), account), -100, -1).Result()
	if err := read("entries", err); err != nil {
		return nil, err
	}
	var all []LoadRecord
	seen := map[string]bool{}
	for i := len(lines) - 1; i >= 0 && len(all) < most; i-- {
		e, err := ParseEntry(lines[i])
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", account, err)
		}
		no, err := ParseLoadNo(e.Ref)
		if err != nil || seen[e.Ref] {
			continue
		}
		seen[e.Ref] = true
		l, err := s.LoadRecord(ctx, no)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

type loadDoubtCall struct {
	Load string `key:"load"`
	Now  string `arg:"now"`
}

var loadDoubt = redisx.MustLoad[loadDoubtCall, tagOnly](scripts, "load_doubt")

// MarkDoubt marks the loads whose deadline passed after since as in doubt, and
// returns how many. Nothing else happens to them: time moves no money.
func (s *Store) MarkDoubt(ctx context.Context, since time.Time) (marked int, err error) {
	for p := range partition(Partitions) {
		ids, err := s.client().ZRangeByScore(ctx, s.keys.doubt(p), &redis.ZRangeBy{Min: millis(since), Max: s.now()}).Result()
		if err := read("open loads", err); err != nil {
			return marked, err
		}
		for _, id := range ids {
			reply, err := loadDoubt.Run(ctx, s.run, loadDoubtCall{Load: s.keys.load(p, LoadNo(id)), Now: s.now()})
			if err != nil {
				return marked, err
			}
			if reply.Tag == "MARKED" {
				marked++
			}
		}
	}
	return marked, nil
}

// counterText is a counter as scripts take it.
func counterText(n int64) string { return strconv.FormatInt(n, 10) }
