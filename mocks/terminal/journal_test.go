package terminal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"guodu/mocks/terminal"
)

// records of two taps: one through to its receipt, one with an intent only.
func records() []terminal.Record {
	tap := func(id string) terminal.Record {
		return terminal.Record{Kind: terminal.TapSent, TapID: id, Tap: &terminal.Tap{TapID: id}}
	}
	hold := func(id, no string) terminal.Record {
		return terminal.Record{Kind: terminal.HoldReceived, TapID: id, Load: no, Authorisation: "a." + no}
	}
	intent := func(id, no string) terminal.Record {
		return terminal.Record{Kind: terminal.WriteIntent, TapID: id, Load: no}
	}
	return []terminal.Record{
		tap("tap-1"), hold("tap-1", "071"), intent("tap-1", "071"),
		{Kind: terminal.WriteResult, TapID: "tap-1", Load: "071", Result: &terminal.Result{Outcome: "written"}},
		tap("tap-2"), hold("tap-2", "072"), intent("tap-2", "072"),
		{Kind: terminal.ResultAcked, TapID: "tap-1", Load: "071", Receipt: &terminal.Receipt{State: "CONFIRMED"}},
	}
}

func openJournal(t *testing.T, path string) *terminal.Journal {
	t.Helper()
	j, err := terminal.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := j.Close()
		if err != nil {
			t.Error(err)
		}
	})
	return j
}

func journalOf(t *testing.T, rs []terminal.Record) (*terminal.Journal, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	for _, r := range rs {
		err := j.Append(r)
		if err != nil {
			t.Fatal(err)
		}
	}
	return j, path
}

func TestJournalKnowsWhatIsOwedAfterEveryRecord(t *testing.T) {
	t.Parallel()
	for n, want := range []struct{ pending, held int }{{0, 0}, {0, 0}, {0, 1}, {1, 0}, {1, 0}, {1, 0}, {1, 1}, {2, 0}, {1, 0}} {
		j, path := journalOf(t, records()[:n])
		if got := len(j.Pending()); got != want.pending {
			t.Errorf("%d records: %d pending, want %d", n, got, want.pending)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		again := openJournal(t, path)
		if p, h := len(again.Pending()), len(again.Held()); p != want.pending || h != want.held {
			t.Errorf("%d records, after a restart: %d pending, %d held, want %d, %d", n, p, h, want.pending, want.held)
		}
	}
	j, _ := journalOf(t, records())
	if got := j.Pending()[0]; got.TapID != "tap-2" || got.Load != "072" || got.Authorisation != "a.072" || got.Result != nil || !got.Intent {
		t.Errorf("pending is %+v", got)
	}
}

func TestJournalSurvivesATornLastLine(t *testing.T) {
	t.Parallel()
	j, path := journalOf(t, records()[:3])
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last; cut < len(whole); cut++ {
		torn := filepath.Join(t.TempDir(), "torn")
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j := openJournal(t, torn)
		if p, h := len(j.Pending()), len(j.Held()); p != 0 || h != 1 {
			t.Fatalf("cut at %d: %d pending, %d held", cut, p, h)
		}
		if err := j.Append(records()[2]); err != nil {
			t.Fatalf("cut at %d: append: %v", cut, err)
		}
		got, err := os.ReadFile(torn)
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("cut at %d: file is %q, %v", cut, got, err)
		}
	}
}

// The last line may have been synced, and the card command sent after it.
func TestDamageIsRefusedAndLeftForPeople(t *testing.T) {
	t.Parallel()
	j, path := journalOf(t, records())
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, text := range map[string][]byte{
		"garbled line": bytes.Replace(whole, []byte("{"), []byte("!"), 1),
		"line lost":    bytes.Join(append([][]byte{lines[0]}, lines[2:]...), nil),
		"tap lost":     bytes.Join(append(append([][]byte{}, lines[:4]...), lines[7:]...), nil),
		"line twice":   bytes.Join(append([][]byte{lines[0], lines[0]}, lines[1:]...), nil),
		"last garbled": append(bytes.Join(lines[:6], nil), bytes.Replace(lines[6], []byte("{"), []byte("!"), 1)...), // a WRITE_INTENT
		"last cut":     append(bytes.Join(lines[:6], nil), "{\"seq\":7,\n"...),
		"last empty":   append(bytes.Join(lines[:6], nil), '\n'),
	} {
		damaged := filepath.Join(t.TempDir(), "damaged")
		if err := os.WriteFile(damaged, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := terminal.OpenJournal(damaged); !errors.Is(err, terminal.ErrJournal) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadFile(damaged); err != nil || !bytes.Equal(left, text) {
			t.Errorf("%s: the file is %q now, %v", name, left, err)
		}
	}
}

func TestRecordOutOfOrderIsRefused(t *testing.T) {
	t.Parallel()
	rs := records()
	abandoned := terminal.Record{Kind: terminal.TapAbandoned, TapID: "tap-1"}
	for name, history := range map[string][]terminal.Record{
		"hold without tap":       {rs[1]},
		"intent without hold":    {rs[0], rs[2]},
		"result without intent":  {rs[0], rs[1], rs[3]},
		"receipt without result": {rs[0], rs[1], rs[2], rs[7]},
		"hold after abandoned":   {rs[0], abandoned, rs[1]},
		"intent after abandoned": {rs[0], rs[1], abandoned, rs[2]},
		"abandoned after intent": {rs[0], rs[1], rs[2], abandoned},
		"abandoned after result": {rs[0], rs[1], rs[2], rs[3], abandoned},
		"hold after a newer tap": {rs[0], rs[4], rs[1]},
		"hold twice":             {rs[0], rs[1], rs[1]},
		"intent twice":           {rs[0], rs[1], rs[2], rs[2]},
		"result twice":           {rs[0], rs[1], rs[2], rs[3], rs[3]},
		"tap twice":              {rs[0], rs[0]},
		"no tap id":              {{Kind: terminal.TapSent, Tap: &terminal.Tap{}}},
		"unknown kind":           {rs[0], {Kind: "SULK", TapID: "tap-1"}},
	} {
		j, path := journalOf(t, history[:len(history)-1])
		if err := j.Append(history[len(history)-1]); !errors.Is(err, terminal.ErrJournal) {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := j.Records(); err != nil || len(got) != len(history)-1 {
			t.Errorf("%s: it was written: %v, %v", name, got, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		openJournal(t, path)
	}
}

func TestClosedJournalTakesNothing(t *testing.T) {
	t.Parallel()
	j, _ := journalOf(t, records()[:1])
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(records()[1]); !errors.Is(err, terminal.ErrJournal) {
		t.Errorf("append after close: %v", err)
	}
}
