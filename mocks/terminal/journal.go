package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// ErrJournal says that the journal is damaged, out of order, or that its disk
// failed. The terminal must not go on.
var ErrJournal = errors.New("terminal simulator: journal")

// RecordKind is the step that a journal record makes durable.
type RecordKind string

// journalFile is the journal's name on the terminal's disk.
const journalFile = "journal.jsonl"

// The kinds of record, in the order of a load. TapAbandoned takes the place of
// all that would follow HoldReceived or TapSent.
const (
	TapSent      RecordKind = "TAP"           // J1: before the tap is sent
	HoldReceived RecordKind = "HOLD_RECEIVED" // J2: a good authorisation arrived
	TapAbandoned RecordKind = "ABANDONED"     // J2a: no answer to this tap will be used
	WriteIntent  RecordKind = "WRITE_INTENT"  // J3: before the card command
	WriteResult  RecordKind = "WRITE_RESULT"  // J4: what the card command did
	ResultAcked  RecordKind = "ACKED"         // J5: the hub has the result

	// deleted is the first line of a journal whose beginning was deleted, with
	// the number of the last record that is gone. It is no record.
	deleted RecordKind = "DELETED"
)

// Record is one line of the journal.
type Record struct {
	Seq  int64      `json:"seq"` // 1, 2, 3, … within the epoch; Append sets it
	Kind RecordKind `json:"kind"`
	At   time.Time  `json:"at"`
	// TapID ties the records of one tap together.
	TapID string `json:"tap_id"`

	// Message is the number of the message that this record precedes: the tap's,
	// the abort's or the result's. A repeat of it has the same number. Nil is a
	// message that has none yet.
	Message *Number `json:"message,omitempty"`

	Tap           *Tap     `json:"tap,omitempty"`           // TapSent
	CardUID       string   `json:"card_uid,omitempty"`      // TapAbandoned
	Load          string   `json:"load,omitempty"`          // HoldReceived and later
	Authorisation string   `json:"authorisation,omitempty"` // HoldReceived
	Result        *Result  `json:"result,omitempty"`        // WriteResult
	Receipt       *Receipt `json:"receipt,omitempty"`       // ResultAcked
	Reason        string   `json:"reason,omitempty"`        // TapAbandoned
}

// Open is a load in the journal that the hub owes an answer for, or that was
// authorised and not begun.
type Open struct {
	TapID         string
	CardUID       string
	Load          string
	Authorisation string
	// Intent says that the card command was about to be sent: only the card
	// knows what became of it, unless Result does.
	Intent  bool
	Result  *Result
	Message *Number // of Result
}

// Dropped is an abandoned tap that the hub may not know to be abandoned.
type Dropped struct {
	Seq           int64 // of its ABANDONED record
	TapID         string
	CardUID       string
	Load          string // empty if no authorisation arrived
	Authorisation string
	Message       *Number
}

// Journal is an append-only file with one JSON record a line; a record is on
// the disk when Append returns. It survives a restart, and a last line without an
// end, which a power cut tore; any other damage is for people, for the record may
// be one that money rests on. One journal belongs to one terminal. All methods are
// safe for concurrent use.
type Journal struct {
	mu      sync.Mutex
	disk    disk
	path    string
	f       *os.File
	seq     int64
	tapped  *Tap // the newest tap, as long as it has no other record
	open    []*Open
	dropped []Dropped
	broken  error
}

// OpenJournal opens the journal at path, or begins it.
// Errors: ErrJournal.
func OpenJournal(path string) (*Journal, error) { return openJournal(disk{}, path) }

func openJournal(d disk, path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	j := &Journal{disk: d, path: path, f: f}
	err = j.recover()
	if err == nil {
		err = d.syncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = f.Close() // the failure that is told is the first one
		return nil, err
	}
	return j, nil
}

// recover replays the file and cuts a torn last line off. That is safe: the
// step after a record waits for the whole record.
func (j *Journal) recover() error {
	base, records, whole, err := readRecords(j.path)
	if err != nil {
		return err
	}
	j.seq = base
	for _, r := range records {
		err := j.admit(r)
		if err != nil {
			return err
		}
		j.apply(r)
	}
	err = j.f.Truncate(whole)
	if err == nil {
		err = j.disk.sync(j.f)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}

// readRecords returns the records of a file, the number of the last one deleted
// before them, and the length in bytes of its whole lines. Only a line without an
// end is torn: one that has its end may have been synced, and acted on.
func readRecords(path string) (base int64, records []Record, whole int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, nil, 0, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	for n := 1; ; n++ {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			return base, records, whole, nil
		}
		var r Record
		err := json.Unmarshal(line, &r)
		switch {
		case err != nil:
			return 0, nil, 0, fmt.Errorf("%w: %s: line %d is damaged: %w", ErrJournal, path, n, err)
		case n == 1 && r.Kind == deleted:
			base = r.Seq
		default:
			records = append(records, r)
		}
		whole += int64(len(line)) + 1
		text = rest
	}
}

// Append writes a record and syncs it; the journal gives it its number. After a
// failure the journal takes nothing more until it is opened again.
// Errors: ErrJournal.
func (j *Journal) Append(r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	r.Seq = j.seq + 1
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%w: record %d: %w", ErrJournal, r.Seq, err)
	}
	err = j.admit(r)
	if err != nil {
		return err
	}
	_, err = j.f.Write(append(line, '\n'))
	if err == nil {
		err = j.disk.sync(j.f)
	}
	if err != nil {
		// What is on the disk is unknown now, and a further record could stand
		// behind half of this one.
		j.broken = fmt.Errorf("%w: record %d: %w", ErrJournal, r.Seq, err)
		return j.broken
	}
	j.apply(r)
	return nil
}

// Pending lists the loads with a write intent or a result and no receipt, the
// oldest first.
func (j *Journal) Pending() []Open { return j.list(true) }

// Held lists the loads that were authorised and neither begun nor abandoned.
func (j *Journal) Held() []Open { return j.list(false) }

func (j *Journal) list(intent bool) []Open {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []Open
	for _, o := range j.open {
		if o.Intent == intent {
			out = append(out, *o)
		}
	}
	return out
}

// Records reads the whole journal from the disk.
// Errors: ErrJournal.
func (j *Journal) Records() ([]Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, records, _, err := readRecords(j.path)
	return records, err
}

// Newest is the number of the newest record, deleted ones included.
func (j *Journal) Newest() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seq
}

// Abandoned lists the taps that were let go and that the hub may not know of.
func (j *Journal) Abandoned() []Dropped {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.dropped)
}

// unanswered is the newest tap if nothing is known of an answer to it.
func (j *Journal) unanswered() *Tap {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tapped
}

// answered says that a tap needed no further record: the hub had nothing for it.
func (j *Journal) answered(tapID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.tapped != nil && j.tapped.TapID == tapID {
		j.tapped = nil
	}
}

// settle says that the hub knows an abandoned tap to be abandoned.
func (j *Journal) settle(tapID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropped = slices.DeleteFunc(j.dropped, func(d Dropped) bool { return d.TapID == tapID })
}

// Close closes the file; further records are refused.
// Errors: ErrJournal.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil {
		return nil
	}
	err := j.f.Close()
	j.f = nil
	j.broken = fmt.Errorf("%w: closed", ErrJournal)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}
