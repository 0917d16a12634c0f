package terminal

import (
	"maps"
	"path/filepath"
	"slices"
)

// deliveredFile holds what of the journal is known to be with the hub.
const deliveredFile = "delivered.json"

// Watermarks say how far the hub has a journal: records up to Accepted are in
// its Redis, records up to Archived on another disk than Redis's as well.
type Watermarks struct {
	Epoch    int64 `json:"epoch"`
	Accepted int64 `json:"accepted"`
	Archived int64 `json:"archived"`
}

// Quarantined is a record that the hub keeps for people; the terminal keeps it
// too.
type Quarantined struct {
	Record Record `json:"record"`
	Why    string `json:"why"`
}

// receipts is deliveredFile's content.
type receipts struct {
	Watermarks
	// Verdicts are the records above Accepted that the hub has.
	Verdicts map[int64]bool `json:"verdicts,omitempty"`
	// Quarantined stay for good.
	Quarantined []Quarantined `json:"quarantined,omitempty"`
	// Aborted are the ABANDONED records above Accepted whose abort the hub has
	// answered.
	Aborted []int64 `json:"aborted,omitempty"`
}

// delivered is what the hub has of the journal, in memory and on the disk.
type delivered struct{ kept[receipts] }

func openDelivered(d disk, dir string, epoch int64) (*delivered, error) {
	out := &delivered{kept[receipts]{
		disk: d, path: filepath.Join(dir, deliveredFile), copied: copiedReceipts, is: receipts{Watermarks: Watermarks{Epoch: epoch}},
	}}
	err := out.open()
	if err != nil {
		return nil, err
	}
	if out.is.Epoch != epoch { // of a life that a reset ended half-way
		out.is = receipts{Watermarks: Watermarks{Epoch: epoch}}
	}
	return out, nil
}

func copiedReceipts(r receipts) receipts {
	r.Verdicts = maps.Clone(r.Verdicts)
	r.Quarantined = slices.Clone(r.Quarantined)
	r.Aborted = slices.Clone(r.Aborted)
	return r
}

// marks takes watermarks over that the hub told, if they are of this life. Ones
// that went back are believed: a hub that lost records must get them again.
// Errors: ErrJournal.
func (d *delivered) marks(w Watermarks) error {
	now := d.read()
	if w.Epoch != now.Epoch || w == now.Watermarks {
		return nil
	}
	return d.change(func(r *receipts) { r.take(w) })
}

func (r *receipts) take(w Watermarks) {
	if w.Accepted < r.Accepted {
		r.Verdicts = nil
	}
	r.Watermarks = w
	maps.DeleteFunc(r.Verdicts, func(seq int64, _ bool) bool { return seq <= w.Accepted })
	r.Aborted = slices.DeleteFunc(r.Aborted, func(seq int64) bool { return seq <= w.Accepted && !r.quarantines(seq) })
}

// has says that the hub has a record, or keeps it for people.
func (r *receipts) has(seq int64) bool {
	return seq <= r.Accepted || r.Verdicts[seq] || r.quarantines(seq)
}

func (r *receipts) quarantines(seq int64) bool {
	return slices.ContainsFunc(r.Quarantined, func(q Quarantined) bool { return q.Record.Seq == seq })
}

// settles says that nothing more has to be done for an abandoned tap: its abort
// was answered, or the hub has its record.
func (d *delivered) settles(dropped Dropped) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.is.Aborted, dropped.Seq) || d.is.has(dropped.Seq) && !d.is.quarantines(dropped.Seq)
}
