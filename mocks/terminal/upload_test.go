package terminal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"guodu/mocks/terminal"
)

// bought is a bench whose journal holds n taps without any money, and a whole
// load before them.
func bought(t *testing.T, n int) (*bench, *terminal.Terminal) {
	t.Helper()
	b := setup(t)
	b.hasty = n > 100
	term := b.terminal()
	for range n + 1 {
		_, err := term.Tap(t.Context(), b.card)
		b.want(err, nil)
		b.card.Leave()
	}
	return b, term
}

func TestJournalGoesOverWithTheFieldsOfTheWire(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1)
	b.before = nil
	_, err := term.TapAndAbort(t.Context(), b.card)
	b.want(err, nil)
	b.hub.Cards["70001"].Pending = 700
	_, err = term.TapAndAbort(t.Context(), b.card)
	b.want(err, terminal.ErrDropped)
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 1 || up.Unsent != 0 || up.Watermarks != (terminal.Watermarks{Epoch: 1, Accepted: 10, Archived: 10}) || len(up.Verdicts) != 10 {
		t.Errorf("upload: %+v, %v", up, err)
	}
	want := map[terminal.RecordKind][]string{
		terminal.TapSent:      {"B", "L", "P", "at", "card_no", "card_uid", "kind", "seq", "tap_id", "version"},
		terminal.HoldReceived: {"at", "authorisation", "kind", "load", "seq", "tap_id"},
		terminal.TapAbandoned: {"at", "card_uid", "kind", "reason", "seq", "tap_id"},
		terminal.WriteIntent:  {"at", "kind", "load", "seq", "tap_id"},
		terminal.WriteResult:  {"at", "kind", "load", "result", "seq", "tap_id"},
		terminal.ResultAcked:  {"at", "kind", "load", "seq", "tap_id"},
	}
	for seq, text := range b.hub.Journal("T1", 1) {
		var fields map[string]json.RawMessage
		b.want(json.Unmarshal([]byte(text), &fields), nil)
		var names []string
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		var kind terminal.RecordKind
		b.want(json.Unmarshal(fields["kind"], &kind), nil)
		if !slices.Equal(names, want[kind]) {
			t.Errorf("record %d, %s, has the fields %v, want %v", seq, kind, names, want[kind])
		}
	}
}

func TestJournalGoesOverInBatches(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1195)
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 3 || up.Watermarks.Accepted != 1200 || len(up.Verdicts) != 1200 {
		t.Errorf("upload: %d batches, %d verdicts, %+v, %v", up.Batches, len(up.Verdicts), up.Watermarks, err)
	}
	again, err := term.UploadJournal(t.Context())
	if err != nil || again.Batches != 0 {
		t.Errorf("second upload: %+v, %v", again, err)
	}
	if len(b.hub.Journal("T1", 1)) != 1200 {
		t.Error("the hub has not got them all")
	}
}

// Whatever ends an upload, what has no verdict is sent again and nothing is lost.
func TestUploadGoesOnAfterWhateverEndedIt(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*bench){
		"died before sending": func(b *bench) { b.before = dieBefore(terminal.StepUploadSend) },
		"died with verdicts":  func(b *bench) { b.before = dieBefore(terminal.StepUploaded) },
		"died at deleting":    func(b *bench) { b.before = dieBefore(terminal.StepDelete) },
		"answer lost":         func(b *bench) { b.client = &http.Client{Transport: &losing{n: 1}} },
	} {
		b, term := bought(t, 3)
		b.want(term.Close(), nil)
		end(b)
		_, err := b.terminal().UploadJournal(t.Context())
		if !errors.Is(err, terminal.ErrCrashed) && !errors.Is(err, terminal.ErrNoAnswer) {
			t.Errorf("%s: %v", name, err)
		}
		b.before, b.client = nil, nil
		term = b.terminal()
		up, err := term.UploadJournal(t.Context())
		if err != nil || up.Watermarks.Accepted != 8 || up.Unsent != 0 || len(b.hub.Journal("T1", 1)) != 8 {
			t.Errorf("%s: upload: %+v, %v", name, up, err)
		}
	}
}

func TestVerdictsOutliveARestart(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 2)
	_, err := term.UploadJournal(t.Context())
	b.want(err, nil)
	b.want(term.Close(), nil)
	term = b.terminal()
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 0 || up.Watermarks.Accepted != 7 {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

// journalAnswers makes the hub answer an upload with something else.
func (b *bench) journalAnswers(other map[string]any) {
	b.hub.Rewrite = func(answer map[string]any) {
		if answer["verdicts"] != nil {
			maps.Copy(answer, other)
		}
	}
}

func TestQuarantinedRecordIsKeptAndListedAndNotSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepResultSend)
	b.hub.Set(func() { clear(b.hub.Loads) })                       // the load is lost: its result has nowhere to go
	b.journalAnswers(map[string]any{"accepted": 3, "archived": 3}) // it never counts as accepted
	term := b.terminal()
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 1 || up.Unsent != 0 || up.Verdicts[3] != (terminal.Verdict{Seq: 4, Verdict: "quarantined", Why: "load-mismatch"}) {
		t.Errorf("upload: %+v, %v", up, err)
	}
	b.want(term.Close(), nil)
	term = b.terminal()
	b.clock.Add(36 * 24 * time.Hour)
	up, err = term.UploadJournal(t.Context())
	if err != nil || up.Batches != 0 {
		t.Errorf("second upload: %+v, %v", up, err)
	}
	kept := term.Quarantined()
	if len(kept) != 1 || kept[0].Why != "load-mismatch" || kept[0].Record.Kind != terminal.WriteResult || kept[0].Record.Result == nil {
		t.Errorf("quarantined: %+v", kept)
	}
}

func TestLostRecordsAreSentAgain(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 6)
	_, err := term.UploadJournal(t.Context())
	b.want(err, nil)
	b.hub.Lose("T1", 1, 3, 11) // a failover
	beat, err := term.Heartbeat(t.Context())
	if err != nil || beat.Journal.Accepted != 2 {
		t.Errorf("heartbeat: %+v, %v", beat, err)
	}
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Watermarks.Accepted != 11 || len(up.Verdicts) != 9 {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

func TestHoleIsFilledAgain(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1)
	b.hub.Lose("T1", 1, 1, 99)
	_, err := term.UploadJournal(t.Context())
	b.want(err, nil)
	b.hub.Lose("T1", 1, 2, 3)
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, nil)
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 2 || up.Watermarks.Accepted != 7 {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

// A quarantined record keeps the watermark low for good; what is lost above it
// shows in the holes alone.
func TestHoleAboveALowWatermarkIsFilledAgain(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1)
	b.journalAnswers(map[string]any{"accepted": 0, "archived": 0})
	_, err := term.UploadJournal(t.Context())
	b.want(err, nil)
	b.hub.Lose("T1", 1, 3, 4)
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, nil)
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 2 || len(b.hub.Journal("T1", 1)) != 7 {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

func TestNothingIsDeletedBelowAgeOrArchive(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		age      time.Duration
		archived int64
		left     int
	}{
		"young and archived":         {35 * day, 99, 8},
		"old and not archived":       {90 * day, 0, 8},
		"old and archived":           {35*day + time.Second, 99, 0},
		"old and archived to a part": {36 * day, 6, 2},
		"cut within a load":          {36 * day, 4, 8}, // its receipt is the fifth record
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, term := bought(t, 3)
			b.hub.Archived = func(accepted int64) int64 { return min(accepted, c.archived) }
			b.clock.Add(c.age)
			up, err := term.UploadJournal(t.Context())
			if err != nil || up.Deleted != 8-c.left {
				t.Errorf("upload: %+v, %v", up, err)
			}
			records, err := term.Journal().Records()
			if err != nil || len(records) != c.left || c.left > 0 && records[0].Seq != int64(9-c.left) {
				t.Errorf("journal: %+v, %v", records, err)
			}
			// It goes on with its numbers, also after a restart.
			_, err = term.Tap(t.Context(), b.card)
			b.want(err, nil)
			b.want(term.Close(), nil)
			term = b.terminal()
			records, err = term.Journal().Records()
			if err != nil || records[len(records)-1].Seq != 9 || term.Journal().Newest() != 9 {
				t.Errorf("journal: %+v, %v", records, err)
			}
			up, err = term.UploadJournal(t.Context())
			if err != nil || up.Watermarks.Accepted != 9 {
				t.Errorf("upload: %+v, %v", up, err)
			}
		})
	}
}

func TestUnfinishedLoadIsNeverDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepResultSend)
	b.clock.Add(90 * 24 * time.Hour)
	term := b.terminal()
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Deleted != 0 {
		t.Errorf("upload: %+v, %v", up, err)
	}
	done, err := term.Resume(t.Context())
	if err != nil || len(done.Delivered) != 1 {
		t.Errorf("resume: %+v, %v", done, err)
	}
	b.clock.Add(90 * 24 * time.Hour)
	up, err = term.UploadJournal(t.Context())
	if err != nil || up.Deleted != 5 {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

func TestVerdictOnSomethingElseIsNotTheHubsAnswer(t *testing.T) {
	t.Parallel()
	for _, verdicts := range []any{
		[]map[string]any{{"seq": 99, "verdict": "accepted"}}, []map[string]any{{"seq": 1, "verdict": "liked"}},
	} {
		b, term := bought(t, 1)
		b.journalAnswers(map[string]any{"verdicts": verdicts})
		up, err := term.UploadJournal(t.Context())
		b.want(err, terminal.ErrAnswer)
		if up.Unsent != 6 {
			t.Errorf("upload: %+v", up)
		}
	}
}

// A hub that gives no verdict and takes nothing is not asked for ever.
func TestRecordWithoutAVerdictIsSentTwiceByOneUpload(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1)
	b.journalAnswers(map[string]any{"verdicts": []any{}, "accepted": 0, "archived": 0})
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Batches != 2 || up.Unsent != 6 {
		t.Errorf("upload: %+v, %v", up, err)
	}
}

func TestHeartbeatTellsHowTheJournalIs(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1)
	_, err := term.Heartbeat(t.Context())
	b.want(err, nil)
	var said struct {
		Depth  int       `json:"journal_depth"`
		Oldest time.Time `json:"oldest_unsent"`
	}
	last := b.hub.Messages[len(b.hub.Messages)-1]
	b.want(json.Unmarshal([]byte(last.Body), &said), nil)
	if said.Depth != 6 || !said.Oldest.Equal(b.clock.Now()) {
		t.Errorf("heartbeat said %+v", said)
	}
	_, err = term.UploadJournal(t.Context())
	b.want(err, nil)
	_, err = term.Heartbeat(t.Context())
	b.want(err, nil)
}

func TestDamagedStateIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"told.json", "delivered.json"} {
		b := setup(t)
		b.want(os.WriteFile(filepath.Join(b.dir, name), []byte("{"), 0o600), nil)
		if _, err := terminal.New(b.options()); !errors.Is(err, terminal.ErrJournal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStateIsNotTakenOverFromAnotherEpoch is a reset that died half-way.
func TestStateIsNotTakenOverFromAnotherEpoch(t *testing.T) {
	t.Parallel()
	b, term := bought(t, 1)
	_, err := term.UploadJournal(t.Context())
	b.want(err, nil)
	b.want(term.Close(), nil)
	b.want(os.WriteFile(filepath.Join(b.dir, "numbers.json"), []byte(`{"epoch":2,"reserved":0}`), 0o600), nil)
	term = b.terminal()
	unsent, err := term.Unsent()
	if err != nil || len(unsent) != 6 {
		t.Errorf("unsent: %d, %v", len(unsent), err)
	}
	up, err := term.UploadJournal(t.Context())
	if err != nil || up.Watermarks != (terminal.Watermarks{Epoch: 2, Accepted: 6, Archived: 6}) {
		t.Errorf("upload: %s, %v", fmt.Sprint(up), err)
	}
}
