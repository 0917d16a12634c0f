package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrJournal says that the journal is damaged, out of order, or that its disk
// failed. The terminal must not go on.
var ErrJournal = errors.New("terminal simulator: journal")

// RecordKind is the step that a journal record makes durable.
type RecordKind string

// The kinds of record, in the order of a load. TapAbandoned takes the place of
// all that would follow HoldReceived or TapSent.
const (
	TapSent      RecordKind = "TAP"           // J1: before the tap is sent
	HoldReceived RecordKind = "HOLD_RECEIVED" // J2: a good authorisation arrived
	TapAbandoned RecordKind = "ABANDONED"     // J2a: no answer to this tap will be used
	WriteIntent  RecordKind = "WRITE_INTENT"  // J3: before the card command
	WriteResult  RecordKind = "WRITE_RESULT"  // J4: what the card command did
	ResultAcked  RecordKind = "ACKED"         // J5: the hub has the result
)

// Record is one line of the journal.
type Record struct {
	Seq  int64      `json:"seq"` // 1, 2, 3, …; Append sets it
	Kind RecordKind `json:"kind"`
	At   time.Time  `json:"at"`
	// TapID ties the records of one tap together.
	TapID string `json:"tap_id"`

	Tap           *Tap     `json:"tap,omitempty"`           // TapSent
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
	Load          string
	Authorisation string
	// Intent says that the card command was about to be sent: only the card
	// knows what became of it, unless Result does.
	Intent bool
	Result *Result
}

// Journal is an append-only file with one JSON record a line; a record is on
// the disk when Append returns. It survives a restart, and a last line that a
// power cut tore. One journal belongs to one terminal. All methods are safe for
// concurrent use.
type Journal struct {
	mu     sync.Mutex
	path   string
	f      *os.File
	seq    int64
	tapped string // the newest tap, as long as it has no other record
	open   []*Open
	broken error
}

// OpenJournal opens the journal at path, or begins it.
// Errors: ErrJournal.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	j := &Journal{path: path, f: f}
	err = j.recover()
	if err == nil {
		err = syncDir(filepath.Dir(path))
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
	records, whole, err := readRecords(j.path)
	if err != nil {
		return err
	}
	for _, r := range records {
		err := j.admit(r)
		if err != nil {
			return err
		}
		j.apply(r)
	}
	err = j.f.Truncate(whole)
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}

// readRecords returns the records of a file and the length in bytes of its
// whole lines.
func readRecords(path string) ([]Record, int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	var records []Record
	var whole int64
	for len(text) > 0 {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		var r Record
		err := json.Unmarshal(line, &r)
		switch {
		case ended && err == nil:
			records = append(records, r)
			whole += int64(len(line)) + 1
		case len(rest) == 0: // the last line is torn
			return records, whole, nil
		default:
			return nil, 0, fmt.Errorf("%w: record after %d: %w", ErrJournal, len(records), err)
		}
		text = rest
	}
	return records, whole, nil
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
		err = j.f.Sync()
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
	records, _, err := readRecords(j.path)
	return records, err
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
