package terminal

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// keepRecords is how long a record stays whatever the hub has: a rebuild reads
// what the terminals have.
const keepRecords = 35 * 24 * time.Hour

// prune deletes the beginning of the journal, up to a record through that is
// old enough and whose tap, like those of all before it, has no later record.
// It returns how many records went. If the disk fails, the journal takes nothing
// more until it is opened again. Errors: ErrJournal.
func (j *Journal) prune(through int64, now time.Time) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return 0, j.broken
	}
	_, records, _, err := readRecords(j.path)
	if err != nil {
		return 0, err
	}
	n := j.deletable(records, through, now)
	if n == 0 {
		return 0, nil
	}
	text, err := lines(append([]Record{{Seq: records[n-1].Seq, Kind: deleted, At: now}}, records[n:]...))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	err = j.disk.replace(j.path, text)
	if err != nil {
		// The open file may have lost its name, and what is written to it would be gone.
		j.broken = fmt.Errorf("%w: %w", ErrJournal, err)
		return 0, j.broken
	}
	// The open file is the one that was replaced: a record written there would
	// be gone.
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		j.broken = fmt.Errorf("%w: %w", ErrJournal, err)
		return 0, j.broken
	}
	_ = j.f.Close() // everything in it is in the new one
	j.f = f
	return n, nil
}

// deletable is how many of the first records may go.
func (j *Journal) deletable(records []Record, through int64, now time.Time) int {
	last := map[string]int64{}
	for _, r := range records {
		last[r.TapID] = r.Seq
	}
	for _, o := range j.open {
		last[o.TapID] = j.seq + 1 // more will come
	}
	for _, d := range j.dropped {
		last[d.TapID] = j.seq + 1
	}
	if j.tapped != nil {
		last[j.tapped.TapID] = j.seq + 1
	}
	n, reach := 0, int64(0)
	for i, r := range records {
		if r.Seq > through || now.Sub(r.At) <= keepRecords {
			break
		}
		reach = max(reach, last[r.TapID])
		if reach <= r.Seq {
			n = i + 1
		}
	}
	return n
}

func lines(records []Record) ([]byte, error) {
	var text []byte
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		text = append(append(text, line...), '\n')
	}
	return text, nil
}
