package pos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

const (
	// journalBlock is how many numbers' digests one key holds.
	journalBlock = 1000
	// journalLife is longer than a terminal keeps its records (35 days).
	journalLife = 40 * 24 * time.Hour
)

// What becomes of a record.
const (
	verdictAccepted    = "accepted"
	verdictDuplicate   = "duplicate"
	verdictQuarantined = "quarantined"
)

// why is the reason for a quarantine; empty is none.
type why string

const (
	whyContent       why = "content"
	whyAuthorisation why = "authorisation"
	whyMalformed     why = "malformed"
	whyUnknownCard   why = "unknown-card"
	whyLoadMismatch  why = "load-mismatch"
	whyTerminal      why = "terminal"
)

// filing is a record of a batch, and what becomes of it.
type filing struct {
	raw       json.RawMessage
	record    record
	malformed bool
	number    int64 // 0: none that could be used
	had       string

	verdict string // empty: the hub failed on it
	why     why
	aside   bool // it gets no place under its number
}

// What the hub can have of a record, as journal_seen replies.
const (
	hadSame     = "SAME"
	hadArchived = "ARCHIVED" // SAME, and on the other disk
	hadOther    = "OTHER"    // another record has the number
	hadAside    = "KEPT"     // it is in quarantine, without a place
)

func newFiling(raw json.RawMessage) filing {
	r, number, err := parseRecord(raw)
	return filing{raw: raw, record: r, number: number, malformed: err != nil}
}

func (f *filing) setAside(reason why) { f.verdict, f.why, f.aside = verdictQuarantined, reason, true }

func (f filing) digest() string { return digest(string(f.raw)) }

// batch is records of one terminal and epoch.
type batch struct {
	terminal string
	epoch    int64
	filings  []filing
}

// blocks are the keys of the digests that the batch needs, in order.
func (b batch) blocks(r *Registry) (keys []string, index map[int64]int) {
	index = map[int64]int{}
	for _, f := range b.filings {
		block := f.number / journalBlock
		if f.number > 0 && index[block] == 0 {
			keys = append(keys, fmt.Sprintf("%sj:%s:%d:%d", r.prefix, b.terminal, b.epoch, block))
			index[block] = len(keys)
		}
	}
	return keys, index
}

// name is what a record is called in the set of those without a place.
func (b batch) name(f filing) string { return fmt.Sprintf("%d.%d.%s", b.epoch, f.number, f.digest()) }

// place is a record as journal_seen takes it.
type place struct {
	Block  int    `arg:"block"`
	Place  int64  `arg:"place"`
	Number int64  `arg:"number"`
	Digest string `arg:"digest"`
	Name   string `arg:"name"`
}

func (b batch) place(f filing, index map[int64]int, placed bool) place {
	p := place{Place: f.number % journalBlock, Number: f.number, Digest: f.digest(), Name: b.name(f)}
	if placed {
		p.Block = index[f.number/journalBlock]
	}
	return p
}

type journalSeenCall struct {
	Aside    string   `key:"aside"`
	Archived string   `key:"archived"`
	Blocks   []string `key:"blocks"`
	Records  []place  `group:"arg"`
}

// kept is a record as journal_keep takes it.
type kept struct {
	place
	Why    why    `arg:"why"`
	Record string `arg:"record"`
}

type journalKeepCall struct {
	Terminal    string   `key:"terminal"`
	Aside       string   `key:"aside"`
	Filed       string   `key:"filed"`
	Quarantine  string   `key:"quarantine"`
	Runs        string   `key:"runs"`
	Archived    string   `key:"archived"`
	Blocks      []string `key:"blocks"`
	ID          string   `arg:"id"`
	Epoch       int64    `arg:"epoch"`
	Now         int64    `arg:"now"`
	Life        int64    `arg:"life"`
	ArchivedNow string   `arg:"archived"`
	Records     []kept   `group:"arg"`
}

type journalReply struct {
	Records []string `reply:"records"`
}

var (
	journalSeen = redisx.MustLoad[journalSeenCall, journalReply](scripts, "journal_seen")
	journalKeep = redisx.MustLoad[journalKeepCall, journalReply](scripts, "journal_keep")
)

func (r *Registry) asideKey(id string) string { return r.prefix + "q:" + id }

func (r *Registry) quarantineKey() string { return r.prefix + "q" }

func (r *Registry) runsKey(id string, epoch int64) string {
	return fmt.Sprintf("%sjr:%s:%d", r.prefix, id, epoch)
}

func (r *Registry) archivedKey(id string, epoch int64) string {
	return fmt.Sprintf("%sja:%s:%d", r.prefix, id, epoch)
}

// had finds out which records the hub has.
func (r *Registry) had(ctx context.Context, b *batch) error {
	blocks, index := b.blocks(r)
	call := journalSeenCall{Aside: r.asideKey(b.terminal), Archived: r.archivedKey(b.terminal, b.epoch), Blocks: blocks}
	for _, f := range b.filings {
		call.Records = append(call.Records, b.place(f, index, f.number > 0))
	}
	reply, err := journalSeen.Run(ctx, r.run, call)
	if err != nil {
		return err
	}
	if err := b.answered(reply); err != nil {
		return err
	}
	for i := range b.filings {
		b.filings[i].had = reply.Records[i]
	}
	return nil
}

// keep files the records. archived are the numbers that are on the other disk.
// The reply says of each record KEPT, SAME or OTHER, as journal_keep does.
func (r *Registry) keep(ctx context.Context, b batch, archived []Hole, now time.Time) ([]string, error) {
	blocks, index := b.blocks(r)
	var runs []string
	for _, run := range archived {
		runs = append(runs, fmt.Sprintf("%d-%d", run.From, run.To))
	}
	call := journalKeepCall{
		Terminal: r.terminalKey(b.terminal), Aside: r.asideKey(b.terminal), Filed: r.prefix + "j", Quarantine: r.quarantineKey(),
		Runs: r.runsKey(b.terminal, b.epoch), Archived: r.archivedKey(b.terminal, b.epoch), Blocks: blocks,
		ID: b.terminal, Epoch: b.epoch, Now: now.UnixMilli(), Life: journalLife.Milliseconds(), ArchivedNow: strings.Join(runs, " "),
	}
	for _, f := range b.filings {
		call.Records = append(call.Records, kept{place: b.place(f, index, f.number > 0 && !f.aside), Why: f.why, Record: string(f.raw)})
	}
	reply, err := journalKeep.Run(ctx, r.run, call)
	if err == nil {
		err = b.answered(reply)
	}
	return reply.Records, err
}

// answered says whether a reply speaks of every record.
func (b batch) answered(reply journalReply) error {
	if len(reply.Records) != len(b.filings) {
		return fmt.Errorf("journal of %s: answers to %d of %d records: %w", b.terminal, len(reply.Records), len(b.filings), redisx.ErrUnknownOutcome)
	}
	return nil
}

// Watermarks say up to which number all records of an epoch are here.
type Watermarks struct {
	Epoch    int64 `json:"epoch"`
	Accepted int64 `json:"accepted"` // in Redis
	Archived int64 `json:"archived"` // and synced to another disk
}

// Progress is how far a journal has come.
type Progress struct {
	Watermarks
	Holes []Hole // numbers that are missing below ones that are here, oldest first, at most holesMax
}

// Watermarks reads how far an epoch of a terminal's journal has come.
// Errors: redisx.ErrUnavailable, redisx.ErrUnknownOutcome.
func (r *Registry) Watermarks(ctx context.Context, id string, epoch int64) (Progress, error) {
	pipe := r.run.Client().TxPipeline()
	here := pipe.ZRange(ctx, r.runsKey(id, epoch), 0, holesMax)
	archived := pipe.ZRange(ctx, r.archivedKey(id, epoch), 0, 0)
	_, err := pipe.Exec(ctx)
	if err != nil {
		return Progress{}, fmt.Errorf("read journal's watermarks: %w", redisx.Classify(err))
	}
	p := Progress{Watermarks: Watermarks{Epoch: epoch}, Holes: []Hole{}}
	next := int64(1)
	for _, text := range here.Val() {
		from, to := run(text)
		if from > next && len(p.Holes) < holesMax {
			p.Holes = append(p.Holes, Hole{next, from - 1})
		}
		if from == 1 {
			p.Accepted = to
		}
		next = to + 1
	}
	if first := archived.Val(); len(first) > 0 {
		if from, to := run(first[0]); from == 1 {
			p.Archived = to
		}
	}
	return p, nil
}

func run(text string) (from, to int64) {
	a, b, _ := strings.Cut(text, "-")
	return count(a), count(b)
}

// Quarantined is a record that moved nothing and waits for people.
type Quarantined struct {
	Terminal string
	Seq      Seq // N is 0 if the record had none
	Why      string
	At       time.Time // when it came
	Record   json.RawMessage
}

// Quarantine calls each for every quarantined record, oldest first; of one
// terminal, or of all if id is empty.
// Errors: redisx.ErrUnavailable, redisx.ErrUnknownOutcome, each's.
func (r *Registry) Quarantine(ctx context.Context, id string, each func(Quarantined) error) error {
	from := "-"
	for {
		page, err := r.run.Client().XRangeN(ctx, r.quarantineKey(), from, "+", 500).Result()
		if err != nil {
			return fmt.Errorf("read quarantine: %w", redisx.Classify(err))
		}
		for _, m := range page {
			q := quarantined(m)
			if id != "" && q.Terminal != id {
				continue
			}
			if err := each(q); err != nil {
				return err
			}
		}
		if len(page) < 500 {
			return nil
		}
		from = "(" + page[len(page)-1].ID
	}
}

func quarantined(m redis.XMessage) Quarantined {
	text := func(name string) string {
		value, _ := m.Values[name].(string)
		return value
	}
	return Quarantined{
		Terminal: text("terminal"), Seq: Seq{count(text("epoch")), count(text("seq"))}, Why: text("why"),
		At: millis(text("at")), Record: json.RawMessage(text("record")),
	}
}
