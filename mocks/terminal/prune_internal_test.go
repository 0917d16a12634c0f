package terminal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A record that Append took must be there after a restart, also if the disk
// failed when the journal's beginning had just been deleted.
func TestJournalWhoseDeletionFailedTakesNothingThatWouldBeGone(t *testing.T) {
	t.Parallel()
	errMedium := errors.New("bad medium")
	failing := false
	j, err := openJournal(disk{flush: func(f *os.File) error {
		info, err := f.Stat()
		if err == nil && failing && info.IsDir() {
			return errMedium
		}
		return err
	}}, filepath.Join(t.TempDir(), journalFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"tap-1", "tap-2"} {
		err := j.Append(Record{Kind: TapSent, TapID: id, Tap: &Tap{TapID: id}})
		if err != nil {
			t.Fatal(err)
		}
	}
	failing = true
	n, err := j.prune(1, time.Now())
	if n != 0 || !errors.Is(err, ErrJournal) || !errors.Is(err, errMedium) {
		t.Errorf("deleted %d, %v", n, err)
	}
	failing = false
	told := j.Append(Record{Kind: TapSent, TapID: "tap-3", Tap: &Tap{TapID: "tap-3"}})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenJournal(j.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	records, err := again.Records()
	if err != nil {
		t.Fatal(err)
	}
	if last := records[len(records)-1].TapID; told == nil && last != "tap-3" || !errors.Is(told, ErrJournal) {
		t.Errorf("append said %v, and the journal ends with %s", told, last)
	}
	err = again.Append(Record{Kind: TapSent, TapID: "tap-3", Tap: &Tap{TapID: "tap-3"}})
	if err != nil {
		t.Errorf("opened again: %v", err)
	}
}
