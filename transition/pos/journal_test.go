package pos_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
	"guodu/transition"
	"guodu/transition/pos"
)

// aLoad has the form of a load's number and is none's.
const aLoad = "0701JDC0000000000000000000AB"

// record is a journal record of a kind that moves nothing by itself.
func record(seq any, kind string, change ...func(map[string]any)) map[string]any {
	r := map[string]any{"seq": seq, "kind": kind, "at": "2026-11-23T04:00:00Z", "tap_id": "tap00000001"}
	switch kind {
	case "TAP":
		maps.Copy(r, map[string]any{"card_uid": "04A1", "card_no": "7A1", "version": "1", "L": 3, "B": 1200})
	case "ABANDONED":
		maps.Copy(r, map[string]any{"card_uid": "04A1", "reason": "no answer"})
	default:
		r["load"] = aLoad
	}
	for _, f := range change {
		f(r)
	}
	return r
}

// resultRecord is a journal's word on the load of an offer to the fresh card.
func resultRecord(seq int64, tapID string, offer tapped, change ...func(map[string]any)) map[string]any {
	return record(seq, "WRITE_RESULT", append([]func(map[string]any){
		with("tap_id", tapID), with("load", offer.Load), with("result", written(offer.Authorisation)),
	}, change...)...)
}

type journalled struct {
	Verdicts []struct {
		Seq     int64  `json:"seq"`
		Verdict string `json:"verdict"`
		Why     string `json:"why"`
	} `json:"verdicts"`
	Accepted int64      `json:"accepted"`
	Archived int64      `json:"archived"`
	Holes    []pos.Hole `json:"holes"`
}

// verdicts are "seq verdict why", in order.
func (j journalled) verdicts() []string {
	var all []string
	for _, v := range j.Verdicts {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s", v.Seq, v.Verdict, v.Why)))
	}
	return all
}

func (d *device) journal(epoch int, records ...any) journalled {
	d.t.Helper()
	var j journalled
	d.post("/journal", map[string]any{"epoch": epoch, "records": records}).into(d.t, &j)
	return j
}

func (d *device) mustJournal(records []any, want ...string) journalled {
	d.t.Helper()
	j := d.journal(1, records...)
	if got := j.verdicts(); !slices.Equal(got, want) {
		d.t.Errorf("verdicts %q, want %q", got, want)
	}
	return j
}

// quarantine is what waits for people, "terminal epoch.seq why".
func (c *counter) quarantine(id string) (all []string) {
	c.t.Helper()
	err := c.registry.Quarantine(c.ctx, id, func(q pos.Quarantined) error {
		all = append(all, fmt.Sprintf("%s %s %s", q.Terminal, q.Seq, q.Why))
		if !json.Valid(q.Record) || time.Since(q.At) > time.Minute {
			c.t.Errorf("quarantined %+v", q)
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

func TestAJournalsResultLoadsTheCardOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	result := resultRecord(5, tap, offer)
	all := []any{
		record(1, "TAP", with("tap_id", tap), with("P", 7)), record(2, "HOLD_RECEIVED", with("tap_id", tap), with("load", offer.Load),
			with("authorisation", offer.Authorisation)),
		record(3, "WRITE_INTENT", with("tap_id", tap), with("load", offer.Load)), result,
		resultRecord(7, tap, offer, with("result", written(offer.Authorisation, with("outcome", "unknown")))),
		record(6, "ACKED", with("tap_id", tap), with("load", offer.Load)),
	}
	j := c.t1.mustJournal(all, "1 accepted", "2 accepted", "3 accepted", "5 accepted", "7 accepted", "6 accepted")
	if j.Accepted != 3 || j.Archived != 0 || !slices.Equal(j.Holes, []pos.Hole{{From: 4, To: 4}}) {
		t.Errorf("accepted %d, archived %d, holes %v", j.Accepted, j.Archived, j.Holes)
	}
	c.mustHold(0, 0)
	c.mustHaveLoaded(5000)
	c.t1.mustJournal(all, "1 duplicate", "2 duplicate", "3 duplicate", "5 duplicate", "7 duplicate", "6 duplicate")
	c.mustHaveLoaded(5000)
	if in := c.signIn(c.t1); in.Journal != (journalMarks{1, 3, 0}) {
		t.Errorf("sign-in says %+v of the journal", in.Journal)
	}
	var done receipt
	c.t1.post("/loads/"+offer.Load+"/result", written(offer.Authorisation)).into(t, &done)
	if done.First || done.State != "CONFIRMED" {
		t.Errorf("the result itself, after the journal: %+v", done)
	}
}

func TestAnAbandonedTapOfAJournalIsDead(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	c.t1.mustJournal([]any{record(1, "ABANDONED", with("tap_id", tap))}, "1 accepted")
	c.mustHold(5000, 0)
	if a := c.tap(c.t1, reading(with("tap_id", tap))); a.Reason != "dead" {
		t.Errorf("the tap again: %+v, want dead", a)
	}
	tap = rand.Text()
	offer = c.offer(c.t1, tap)
	c.t1.mustJournal([]any{record(2, "ABANDONED", with("tap_id", tap), with("load", offer.Load), with("authorisation", offer.Authorisation))}, "2 accepted")
	c.mustHold(5000, 0)
}

func TestIntentsAndReadingsOfAJournalMoveNothing(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	c.t1.mustJournal([]any{
		record(1, "TAP", with("L", 4), with("B", 6200)), record(2, "TAP", with("L", 1)), record(3, "TAP", with("card_uid", "04FFFF")),
		record(4, "WRITE_INTENT", with("tap_id", tap), with("load", offer.Load)), record(5, "ACKED", with("tap_id", tap), with("load", offer.Load)),
	}, "1 accepted", "2 accepted", "3 accepted", "4 accepted", "5 accepted")
	c.mustHold(0, 5000)
	if a := c.account(); len(a.Freeze) != 0 {
		t.Errorf("the account is frozen: %v", a.Freeze)
	}
}

func TestAJournalNeverOpensAConflict(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	torn := map[string]any{"authorisation": offer.Authorisation, "outcome": "written", "L": 3, "B": 100, "P": 7}
	c.t1.mustJournal([]any{resultRecord(1, tap, offer, with("result", torn))}, "1 accepted")
	load, err := c.bench.LoadRecord(c.ctx, transition.LoadNo(offer.Load))
	if err != nil || load.State == transition.LoadConflict {
		t.Errorf("load %+v, %v", load.State, err)
	}
	if a := c.account(); len(a.Freeze) != 0 {
		t.Errorf("the account is frozen: %v", a.Freeze)
	}
}

func TestABadRecordIsQuarantinedAndSpoilsNoOther(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	other := c.terminal("T2", pos.RolePOS)
	load, err := pos.OpenAuthorisation(c.hubKey.Public().(ed25519.PublicKey), offer.Authorisation)
	if err != nil {
		t.Fatal(err)
	}
	dearer := load
	dearer.Amount = 9000
	dear, err := pos.Authorise(c.hubKey, dearer)
	if err != nil {
		t.Fatal(err)
	}
	records := []any{
		record(1, "ACKED"), 5, "text", nil, []int{1}, map[string]any{}, // 1 is sound; five have no number
		record(2, "NAP"), record(3, "ACKED", with("unknown", 1)), record(4, "TAP", without("L")), record(5, "ACKED", without("at")),
		record(6, "ACKED", with("load", "x")), record(7, "WRITE_RESULT"), record(8, "ACKED", with("tap_id", "short")),
		record(9, "HOLD_RECEIVED", with("authorisation", "e30.AAAA")),
		resultRecord(10, tap, offer, with("result", written("e30.AAAA"))),
		resultRecord(11, tap, offer, with("result", written(dear))),
		resultRecord(12, "tap-of-another", offer), resultRecord(13, tap, offer, with("load", aLoad)),
		record(14, "ABANDONED", with("card_uid", "04FFFF")), record(0, "ACKED"), record(1.5, "ACKED"), record("16", "ACKED"),
		record(9007199254740992, "ACKED"), record(15, "ACKED"),
	}
	want := []string{
		"1 accepted", "0 quarantined malformed", "0 quarantined malformed", "0 quarantined malformed", "0 quarantined malformed", "0 quarantined malformed",
		"2 quarantined malformed", "3 quarantined malformed", "4 quarantined malformed", "5 quarantined malformed",
		"6 quarantined malformed", "7 quarantined malformed", "8 quarantined malformed",
		"9 quarantined authorisation", "10 quarantined authorisation", "11 quarantined load-mismatch",
		"12 quarantined load-mismatch", "13 quarantined load-mismatch",
		"14 quarantined unknown-card", "0 quarantined malformed", "0 quarantined malformed", "16 quarantined malformed",
		"0 quarantined malformed", "15 accepted",
	}
	j := c.t1.mustJournal(records, want...)
	if j.Accepted != 16 {
		t.Errorf("accepted up to %d, want 16: what is quarantined is here too", j.Accepted)
	}
	waiting := c.quarantine("T1")
	if len(waiting) != 22 {
		t.Errorf("%d records wait for people, want 22: %q", len(waiting), waiting)
	}
	other.mustJournal([]any{resultRecord(1, tap, offer)}, "1 quarantined authorisation")
	if got := c.quarantine(""); len(got) != len(waiting)+1 {
		t.Errorf("%d wait in all", len(got))
	}
	if got := c.quarantine("T2"); !slices.Equal(got, []string{"T2 1.1 authorisation"}) {
		t.Errorf("of T2 wait %q", got)
	}
	for i, v := range want {
		if !strings.HasPrefix(v, "0 ") {
			want[i] = strings.Fields(v)[0] + " duplicate"
		}
	}
	c.t1.mustJournal(records, want...)
	if got := c.quarantine("T1"); len(got) != len(waiting) {
		t.Errorf("after a repeat %d records wait, before %d", len(got), len(waiting))
	}
	c.mustHold(0, 5000)
}

func TestANumberWithOtherContentIsQuarantinedAndRaisesAnAlarm(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	c.t1.mustJournal([]any{record(1, "ACKED")}, "1 accepted")
	forged := resultRecord(1, tap, offer)
	for range 2 { // it waits once, however often it comes
		c.t1.mustJournal([]any{forged}, "1 quarantined content")
	}
	c.t1.mustJournal([]any{record(2, "ACKED"), resultRecord(2, tap, offer)}, "2 accepted", "2 quarantined content")
	if got := c.quarantine("T1"); !slices.Equal(got, []string{"T1 1.1 content", "T1 1.2 content"}) {
		t.Errorf("wait %q", got)
	}
	if n := c.log.alarms("seq-conflict"); n != 2 {
		t.Errorf("%d alarms in the log, want 2", n)
	}
	if got := c.show("T1"); got.Alarms != 2 || !strings.HasPrefix(got.Alarm, "record 1.2 ") {
		t.Errorf("%d alarms, the last %q", got.Alarms, got.Alarm)
	}
	if j := c.t1.journal(2, record(1, "WRITE_INTENT")); j.Verdicts[0].Verdict != "accepted" || j.Accepted != 1 {
		t.Errorf("the number in another epoch: %+v", j)
	}
	c.mustHold(0, 5000)
}

func TestARevokedTerminalsJournalIsQuarantined(t *testing.T) {
	t.Parallel()
	for _, to := range []pos.State{pos.Lost, pos.Retired} {
		t.Run(string(to), func(t *testing.T) {
			t.Parallel()
			c := newCounter(t)
			tap := rand.Text()
			offer := c.offer(c.t1, tap)
			c.t1.mustJournal([]any{record(1, "ACKED")}, "1 accepted")
			if err := c.registry.Set(c.ctx, "T1", to, time.Now()); err != nil {
				t.Fatal(err)
			}
			late := []any{record(1, "ACKED"), resultRecord(2, tap, offer), record(3, "ABANDONED", with("tap_id", tap)), 5}
			for range 2 {
				j := c.t1.mustJournal(late, "1 duplicate", "2 quarantined terminal", "3 quarantined terminal", "0 quarantined terminal")
				if j.Accepted != 1 {
					t.Errorf("accepted up to %d, want 1: its numbers count no more", j.Accepted)
				}
			}
			if got := c.quarantine("T1"); !slices.Equal(got, []string{"T1 1.2 terminal", "T1 1.3 terminal", "T1 1.0 terminal"}) {
				t.Errorf("wait %q", got)
			}
			// Whoever has it may have used its numbers up.
			if a := c.t1.numbered("/journal", map[string]any{"epoch": 1, "records": late}, "1.1"); a.status != http.StatusOK {
				t.Errorf("under an old number: %s", a)
			}
			c.mustHold(0, 5000)
			c.mustHaveLoaded()
		})
	}
}

func TestARevokedTerminalCannotFillTheQuarantineWithoutEnd(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	if err := c.registry.Set(c.ctx, "T1", pos.Lost, time.Now()); err != nil {
		t.Fatal(err)
	}
	batch := []any{record(1, "ABANDONED", with("reason", strings.Repeat("x", 100_000)))}
	c.t1.mustJournal(batch, "1 quarantined terminal")
	if got := c.show("T1").Aside; got < 100_000 || got > 101_000 {
		t.Errorf("%d bytes are set aside", got)
	}
	if err := c.bench.Runner.Client().HSet(c.ctx, "h:{term}:t:T1", "aside", 16<<20+1).Err(); err != nil {
		t.Fatal(err)
	}
	if a := c.t1.post("/journal", map[string]any{"epoch": 1, "records": batch}); !a.is(http.StatusServiceUnavailable, "unavailable") {
		t.Errorf("%s, want 503: nothing is dropped, and nothing taken", a)
	}
	if !strings.Contains(c.log.String(), "quarantine of a revoked terminal is full") {
		t.Error("the log does not say why")
	}
	c.mustHold(5000, 0)
}

func TestAHubThatDiesBetweenEffectAndFilingIsHealedByTheRepeat(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	// The registry alone goes through the proxy: what the ledger does arrives.
	proxy := redistest.NewProxy(t, c.bench.Server)
	client, err := redisx.Connect(redisx.Options{Addrs: []string{proxy.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	c.serveBy(pos.NewRegistry(redisx.NewRunner(client, redisx.RunnerOptions{}), ""))
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	batch := []any{record(1, "ACKED"), resultRecord(2, tap, offer)}
	struck := proxy.Arm("journal_keep", redistest.BeforeRun)
	a := c.t1.post("/journal", map[string]any{"epoch": 1, "records": batch})
	<-struck
	if !a.is(http.StatusServiceUnavailable, "unavailable") {
		t.Errorf("%s, want 503", a)
	}
	c.bench.Server.Restart()
	c.mustHold(0, 0) // the result was done
	c.mustHaveLoaded(5000)
	j := c.t1.mustJournal(batch, "1 accepted", "2 accepted")
	if j.Accepted != 2 {
		t.Errorf("accepted up to %d", j.Accepted)
	}
	c.mustHaveLoaded(5000)
}

// failing is a ledger with a defect of its own.
type failing struct{ *transition.Store }

func (failing) Result(context.Context, transition.WriteResult, transition.Nonce) (transition.Receipt, error) {
	return transition.Receipt{}, errors.New("a defect")
}

func TestARecordThatTheHubFailsOnKeepsNoOtherFromBeingFiled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCounter(t, func(config *pos.Config) { config.Archive = openArchive(t, dir) })
	tap := rand.Text()
	offer := c.offer(c.t1, tap)
	c.config.Ledger = failing{c.bench.Store}
	c.serveBy(c.registry)
	batch := []any{record(1, "ACKED"), resultRecord(2, tap, offer), record(3, "ACKED")}
	a := c.t1.post("/journal", map[string]any{"epoch": 1, "records": batch})
	if !a.is(http.StatusInternalServerError, "internal") || strings.Contains(string(a.body), "defect") {
		t.Errorf("%s, want 500 without the text of the error", a)
	}
	if in := c.signIn(c.t1); in.Journal != (journalMarks{1, 1, 1}) {
		t.Errorf("sign-in says %+v, want the first record alone", in.Journal)
	}
	c.config.Ledger = c.bench.Store
	c.serveBy(c.registry)
	if j := c.t1.mustJournal(batch, "1 duplicate", "2 accepted", "3 duplicate"); j.Accepted != 3 || j.Archived != 3 {
		t.Errorf("accepted %d, archived %d", j.Accepted, j.Archived)
	}
	c.mustHold(0, 0)
}

func TestJournalsEnvelopeIsReadStrictly(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	many := make([]any, 501)
	for i := range many {
		many[i] = record(i+1, "ACKED")
	}
	for name, body := range map[string]any{
		"no epoch":         map[string]any{"records": many[:1]},
		"epoch below zero": map[string]any{"epoch": -1, "records": many[:1]},
		"no records":       map[string]any{"epoch": 1, "records": []any{}},
		"501 records":      map[string]any{"epoch": 1, "records": many},
		"records are one":  map[string]any{"epoch": 1, "records": many[0]},
		"unknown field":    map[string]any{"epoch": 1, "records": many[:1], "more": 1},
	} {
		if a := c.t1.post("/journal", body); !a.is(http.StatusBadRequest, "malformed") {
			t.Errorf("%s: %s, want 400", name, a)
		}
	}
	if j := c.t1.journal(1, many[:500]...); len(j.Verdicts) != 500 || j.Accepted != 500 {
		t.Errorf("500 records: %d verdicts, accepted up to %d", len(j.Verdicts), j.Accepted)
	}
	c.mustHold(5000, 0)
}

func TestWatermarksFollowNumbersInAnyOrder(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for _, step := range []struct {
		seqs     []int
		accepted int64
		holes    []pos.Hole
	}{
		{[]int{3, 2}, 0, []pos.Hole{{From: 1, To: 1}}},
		{[]int{1}, 3, nil},
		{[]int{2500, 999, 1000}, 3, []pos.Hole{{From: 4, To: 998}, {From: 1001, To: 2499}}},
		{[]int{2499, 1001}, 3, []pos.Hole{{From: 4, To: 998}, {From: 1002, To: 2498}}},
		{[]int{5, 4, 6, 2501}, 6, []pos.Hole{{From: 7, To: 998}, {From: 1002, To: 2498}}},
	} {
		var records []any
		for _, n := range step.seqs {
			records = append(records, record(n, "ACKED"))
		}
		j := c.t1.journal(1, records...)
		if j.Accepted != step.accepted || !slices.Equal(j.Holes, step.holes) {
			t.Errorf("after %v: accepted %d, holes %v; want %d, %v", step.seqs, j.Accepted, j.Holes, step.accepted, step.holes)
		}
	}
	c.mustHold(5000, 0)
}

// archiveLines are what the archive's files hold, "seq verdict".
func archiveLines(t *testing.T, dir string) (all []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "journal-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			var line struct {
				At       time.Time
				Terminal string
				Epoch    int64
				Seq      int64
				Verdict  string
				Why      string
				Record   json.RawMessage
			}
			if json.Unmarshal(lines.Bytes(), &line) != nil {
				all = append(all, "torn")
				continue
			}
			if line.Terminal != "T1" || line.Epoch != 1 || line.At.IsZero() || len(line.Record) == 0 {
				t.Errorf("line %s", lines.Text())
			}
			all = append(all, fmt.Sprintf("%d %s", line.Seq, line.Verdict))
		}
	}
	return all
}

func openArchive(t *testing.T, dir string) *pos.Archive {
	t.Helper()
	a, err := pos.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestRecordsAreArchivedBeforeTheWatermarkMoves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCounter(t, func(config *pos.Config) { config.Archive = openArchive(t, dir) })
	j := c.t1.mustJournal([]any{record(1, "ACKED"), record(2, "NAP"), record(4, "ACKED")}, "1 accepted", "2 quarantined malformed", "4 accepted")
	if j.Accepted != 2 || j.Archived != 2 {
		t.Errorf("accepted %d, archived %d, want 2 and 2", j.Accepted, j.Archived)
	}
	for range 2 {
		c.t1.mustJournal([]any{record(1, "ACKED"), record(4, "NAP")}, "1 duplicate", "4 quarantined content")
	}
	want := []string{"1 accepted", "2 quarantined", "4 accepted", "4 quarantined"}
	if got := archiveLines(t, dir); !slices.Equal(got, want) {
		t.Errorf("archive %q, want %q", got, want)
	}
	if in := c.signIn(c.t1); in.Journal != (journalMarks{1, 2, 2}) {
		t.Errorf("sign-in says %+v", in.Journal)
	}
	c.mustHold(5000, 0)
}

func TestAnArchiveThatRefusesKeepsTheRecordsWithTheTerminal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := newCounter(t, func(config *pos.Config) { config.Archive = openArchive(t, dir) })
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	batch := map[string]any{"epoch": 1, "records": []any{record(1, "ACKED")}}
	if a := c.t1.post("/journal", batch); !a.is(http.StatusServiceUnavailable, "unavailable") {
		t.Errorf("%s, want 503", a)
	}
	if in := c.signIn(c.t1); in.Journal.Accepted != 0 {
		t.Errorf("accepted %d of records that are nowhere", in.Journal.Accepted)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if j := c.t1.mustJournal([]any{record(1, "ACKED")}, "1 accepted"); j.Archived != 1 {
		t.Errorf("archived %d", j.Archived)
	}
	c.mustHold(5000, 0)
}

func TestRecordsFromBeforeTheArchiveAreArchivedWhenTheyComeAgain(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	c.t1.mustJournal([]any{record(1, "ACKED")}, "1 accepted")
	dir := t.TempDir()
	c.config.Archive = openArchive(t, dir)
	c.serveBy(c.registry)
	if j := c.t1.mustJournal([]any{record(2, "ACKED")}, "2 accepted"); j.Accepted != 2 || j.Archived != 0 {
		t.Errorf("accepted %d, archived %d, want 2 and 0", j.Accepted, j.Archived)
	}
	if j := c.t1.mustJournal([]any{record(1, "ACKED"), record(2, "ACKED")}, "1 duplicate", "2 duplicate"); j.Archived != 2 {
		t.Errorf("archived %d, want 2", j.Archived)
	}
	if got := archiveLines(t, dir); !slices.Equal(got, []string{"2 accepted", "1 duplicate"}) {
		t.Errorf("archive %q", got)
	}
	c.mustHold(5000, 0)
}

func TestATornLineOfTheArchiveIsEndedBeforeTheNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCounter(t, func(config *pos.Config) { config.Archive = openArchive(t, dir) })
	name := "journal-" + time.Now().In(transition.Beijing()).Format("20060102") + ".jsonl"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"at":"2026`), 0o600); err != nil {
		t.Fatal(err)
	}
	c.t1.mustJournal([]any{record(1, "ACKED")}, "1 accepted")
	if got := archiveLines(t, dir); !slices.Equal(got, []string{"torn", "1 accepted"}) {
		t.Errorf("archive %q", got)
	}
	c.mustHold(5000, 0)
}

func TestALineThatAnotherHubCutIsEndedBeforeTheNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCounter(t, func(config *pos.Config) { config.Archive = openArchive(t, dir) })
	c.t1.mustJournal([]any{record(1, "ACKED")}, "1 accepted")
	names, err := filepath.Glob(filepath.Join(dir, "journal-*.jsonl"))
	if err != nil || len(names) != 1 {
		t.Fatalf("the archive holds %v, %v", names, err)
	}
	other, err := os.OpenFile(names[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	for seq := 2; seq <= 3; seq++ {
		if _, err := other.WriteString(`{"at":"2026`); err != nil {
			t.Fatal(err)
		}
		c.t1.mustJournal([]any{record(seq, "ACKED")}, fmt.Sprint(seq, " accepted"))
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if got := archiveLines(t, dir); !slices.Equal(got, []string{"1 accepted", "torn", "2 accepted", "torn", "3 accepted"}) {
		t.Errorf("archive %q", got)
	}
	c.mustHold(5000, 0)
}
