package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// What one batch may hold.
const (
	batchRecords = 500
	batchBytes   = 900 << 10 // of records; the hub takes 1 MiB
)

// The verdicts on a record.
const (
	VerdictAccepted    = "accepted"
	VerdictDuplicate   = "duplicate"
	VerdictQuarantined = "quarantined"
)

// Verdict is the hub's word on one record.
type Verdict struct {
	Seq     int64  `json:"seq"`
	Verdict string `json:"verdict"`
	Why     string `json:"why"` // of a quarantine
}

// Uploaded is what an UploadJournal did.
type Uploaded struct {
	Batches  int
	Verdicts []Verdict
	// Watermarks and Holes are the newest that the hub told.
	Watermarks Watermarks
	Holes      []Span
	// Unsent is how many records have no verdict, Deleted how many old ones were
	// deleted.
	Unsent, Deleted int
}

// entry is a record as POST /pos/v1/journal has it.
type entry struct {
	Seq           int64      `json:"seq"`
	Kind          RecordKind `json:"kind"`
	At            time.Time  `json:"at"`
	TapID         string     `json:"tap_id"`
	Load          string     `json:"load,omitempty"`
	Authorisation string     `json:"authorisation,omitempty"`
	Result        *Result    `json:"result,omitempty"`
	Reason        string     `json:"reason,omitempty"`
	CardUID       string     `json:"card_uid,omitempty"`
	CardNo        string     `json:"card_no,omitempty"`
	Version       string     `json:"version,omitempty"`
	L             *int64     `json:"L,omitempty"`
	B             *int64     `json:"B,omitempty"` // fen
	P             *int64     `json:"P,omitempty"`
}

// entry is the record without what only the terminal needs.
func (r Record) entry() entry {
	e := entry{
		Seq: r.Seq, Kind: r.Kind, At: r.At, TapID: r.TapID, Load: r.Load, Authorisation: r.Authorisation,
		Result: r.Result, Reason: r.Reason, CardUID: r.CardUID,
	}
	if r.Tap != nil {
		e.CardUID, e.CardNo, e.Version = r.Tap.CardUID, r.Tap.CardNo, r.Tap.Version
		e.L, e.B, e.P = &r.Tap.L, &r.Tap.B, r.Tap.P
	}
	return e
}

// Unsent lists the records that have no verdict of the hub, the oldest first.
// Errors: ErrJournal.
func (t *Terminal) Unsent() ([]Record, error) {
	has := t.delivered.read()
	if t.journal.Newest() <= has.Accepted {
		return nil, nil // the file need not be read
	}
	all, err := t.journal.Records()
	if err != nil {
		return nil, err
	}
	var unsent []Record
	for _, r := range all {
		if !has.has(r.Seq) {
			unsent = append(unsent, r)
		}
	}
	return unsent, nil
}

// Depth is how many records may be unsent: those above the watermark, counted
// without looking at each.
func (t *Terminal) Depth() int64 {
	t.delivered.mu.Lock()
	defer t.delivered.mu.Unlock()
	return max(0, t.journal.Newest()-t.delivered.is.Accepted)
}

// Quarantined lists the records that the hub keeps for people. The terminal
// keeps them too, for good.
func (t *Terminal) Quarantined() []Quarantined { return t.delivered.read().Quarantined }

// UploadJournal sends the records that have no verdict, in batches, the oldest
// first, and then deletes those that the hub has archived and that are older
// than 35 days. A record is sent at most twice by one call. It is safe beside a
// running Tap. The returned Uploaded is good whatever the error is.
// Errors: ErrNoAnswer, ErrAnswer, *Problem, ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) UploadJournal(ctx context.Context) (Uploaded, error) {
	t.aside.Lock()
	defer t.aside.Unlock()
	var done Uploaded
	err := t.running()
	if err != nil {
		return done, err
	}
	err = t.upload(ctx, &done)
	done.Watermarks = t.delivered.read().Watermarks
	if err != nil {
		return done, err
	}
	err = t.step(StepDelete)
	if err != nil {
		return done, err
	}
	done.Deleted, err = t.journal.prune(done.Watermarks.Archived, t.now())
	return done, err
}

func (t *Terminal) upload(ctx context.Context, done *Uploaded) error {
	sent := map[int64]int{}
	for {
		unsent, err := t.Unsent()
		done.Unsent = len(unsent)
		if err != nil {
			return err
		}
		batch, err := next(unsent, sent)
		if err != nil || len(batch) == 0 {
			return err
		}
		err = t.uploadBatch(ctx, unsent, batch, done)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
}

// next is the batch to send, as it goes over the wire.
func next(unsent []Record, sent map[int64]int) ([]json.RawMessage, error) {
	var batch []json.RawMessage
	size := 0
	for _, r := range unsent {
		if sent[r.Seq] > 1 {
			continue
		}
		text, err := json.Marshal(r.entry())
		if err != nil {
			return nil, fmt.Errorf("%w: record %d: %w", ErrJournal, r.Seq, err)
		}
		if len(batch) == batchRecords || len(batch) > 0 && size+len(text) > batchBytes {
			break
		}
		sent[r.Seq]++
		size += len(text) + 1
		batch = append(batch, text)
	}
	return batch, nil
}

func (t *Terminal) uploadBatch(ctx context.Context, unsent []Record, batch []json.RawMessage, done *Uploaded) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	err := t.step(StepUploadSend)
	if err != nil {
		return err
	}
	epoch := t.numbers.epoch()
	var answer struct {
		Verdicts []Verdict `json:"verdicts"`
		Accepted int64     `json:"accepted"`
		Archived int64     `json:"archived"`
		Holes    []Span    `json:"holes"`
	}
	err = t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/journal", limit: listMax},
		map[string]any{"epoch": epoch, "records": batch}, &answer)
	if err != nil {
		return err
	}
	done.Batches++
	err = t.step(StepUploaded)
	if err != nil {
		return err
	}
	records := map[int64]Record{}
	for _, r := range unsent {
		records[r.Seq] = r
	}
	for _, v := range answer.Verdicts {
		known := v.Verdict == VerdictAccepted || v.Verdict == VerdictDuplicate || v.Verdict == VerdictQuarantined
		if _, asked := records[v.Seq]; !asked || !known {
			return fmt.Errorf("%w: verdict %q on record %d", ErrAnswer, v.Verdict, v.Seq)
		}
	}
	done.Verdicts, done.Holes = append(done.Verdicts, answer.Verdicts...), answer.Holes
	err = t.delivered.change(func(r *receipts) {
		r.judge(answer.Verdicts, records)
		r.take(Watermarks{Epoch: epoch, Accepted: answer.Accepted, Archived: answer.Archived})
		for _, hole := range answer.Holes { // what it has lost it must get again
			maps.DeleteFunc(r.Verdicts, func(seq int64, _ bool) bool { return seq >= hole.From && seq <= hole.To })
		}
	})
	if err != nil {
		return err
	}
	for _, d := range t.journal.Abandoned() {
		if t.delivered.settles(d) {
			t.journal.settle(d.TapID)
		}
	}
	return nil
}

// judge files the verdicts.
func (r *receipts) judge(verdicts []Verdict, records map[int64]Record) {
	if r.Verdicts == nil {
		r.Verdicts = map[int64]bool{}
	}
	for _, v := range verdicts {
		switch {
		case v.Verdict != VerdictQuarantined:
			r.Verdicts[v.Seq] = true
		case !r.quarantines(v.Seq):
			r.Quarantined = append(r.Quarantined, Quarantined{Record: records[v.Seq], Why: v.Why})
		}
	}
}
