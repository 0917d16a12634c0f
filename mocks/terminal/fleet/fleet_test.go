package fleet_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/fleet"
	"guodu/mocks/terminal/terminaltest"
)

// bench is a hub with money for every card of a fleet.
type bench struct {
	t       *testing.T
	hub     *terminaltest.Hub
	options fleet.Options
}

const each = 1500 // fen that wait for each card

func setup(t *testing.T, terminals, cards int) *bench {
	t.Helper()
	h := terminaltest.New(time.Now)
	h.Start()
	t.Cleanup(h.Close)
	dir := t.TempDir()
	members, err := fleet.NewRoster(dir, "F", terminals)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		h.Devices[m.ID] = &terminaltest.Device{Key: m.Key.Public().(ed25519.PublicKey), State: "registered"}
	}
	b := &bench{t: t, hub: h, options: fleet.Options{
		BaseURL: h.Server.URL, HubKey: h.PublicKey(), Members: members, Dir: dir,
		Taps: 100, For: 3 * time.Second, Crash: 0.2, Seed: 7, Hasty: true, GiveUp: time.Minute,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, // as fast as it goes
	}}
	for i := range cards {
		no, expect := fmt.Sprint(70000+i), int64(each)
		card := terminal.CardData{UID: fmt.Sprintf("04%06d", i), CardNo: no, Version: "1", B: 100, L: 2}
		b.options.Cards = append(b.options.Cards, fleet.Holder{Card: card, ExpectFen: &expect})
		h.Cards[no] = &terminaltest.Account{UID: card.UID, Version: "1", Pending: each}
	}
	return b
}

func (b *bench) run() fleet.Report {
	b.t.Helper()
	report, err := fleet.Run(b.t.Context(), b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

func TestEveryFenIsOnItsCardThoughTerminalsDie(t *testing.T) {
	t.Parallel()
	b := setup(t, 12, 50)
	report := b.run()
	if len(report.Problems) != 0 || report.LoadedFen != 50*each || report.EndedFen != 50*(each+100) || report.Loads != 50 {
		t.Errorf("report %+v", report)
	}
	if report.Deaths < 10 || report.Dead != 0 || report.Outcomes["died"] == 0 {
		t.Errorf("%d deaths, %d still dead, outcomes %v: too calm to show anything", report.Deaths, report.Dead, report.Outcomes)
	}
	if report.Came < 200 || report.Inside != 0 || report.P50 == 0 || report.P99 < report.P50 || report.Rate == 0 {
		t.Errorf("report %+v", report)
	}
	if b.hub.Confirmed != 50*each {
		t.Errorf("the hub confirmed %d", b.hub.Confirmed)
	}
	for _, m := range b.options.Members {
		if journal := b.hub.Journal(m.ID, 1); len(journal) == 0 {
			t.Errorf("terminal %s uploaded nothing", m.ID)
		}
	}
}

func TestTheNextRunGoesOnWithTheSameCards(t *testing.T) {
	t.Parallel()
	b := setup(t, 4, 10)
	b.run()
	nothing := int64(0)
	for i := range b.options.Cards {
		b.options.Cards[i].ExpectFen = &nothing
	}
	report := b.run()
	if len(report.Problems) != 0 || report.LoadedFen != 0 || report.BeganFen != 10*(each+100) {
		t.Errorf("report %+v", report)
	}
}

// What a killed run left on cards, and the hub confirms only now, is not the
// next run's.
func TestAKilledRunIsBroughtToItsEndFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, 2, 40)
	b.options.For = 100 * time.Millisecond // most cards do not come before the account
	ctx, kill := context.WithCancel(t.Context())
	var once sync.Once
	b.hub.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/result") {
			return false
		}
		once.Do(kill)
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	_, err := fleet.Run(ctx, b.options)
	if err == nil {
		t.Fatal("the run was not killed")
	}
	b.hub.Set(func() { b.hub.Fail = nil })
	for i := range b.options.Cards {
		b.options.Cards[i].ExpectFen = nil
	}
	report := b.run()
	if len(report.Problems) != 0 || b.hub.Confirmed != 40*each || report.EndedFen != 40*(each+100) || report.LoadedFen != 0 {
		t.Errorf("report %+v, confirmed %d", report, b.hub.Confirmed)
	}
}

func TestWhatDoesNotAddUpIsSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*bench)
		says  string
	}{
		"expected more": {func(b *bench) { b.hub.Cards["70001"].Pending = 1 }, "card 70001 was loaded with 1 fen, and 1500 were expected"},
		"frozen with a load open": {func(b *bench) {
			l, p := int64(1), int64(0)
			no := &terminaltest.Load{No: "07X", Card: "70002", L0: l, P0: &p, Amount: 5, State: "HELD"}
			a := b.hub.Cards["70002"]
			a.Open, a.L, a.Pending = no, &l, 0
			b.hub.Loads["07X"] = no
		}, "card 70002: the last tap ends none written"},
		"the hub credits what no card has": {func(b *bench) {
			b.hub.Rewrite = func(answer map[string]any) {
				if answer["reason"] == "nothing_pending" && answer["confirmed"] == nil {
					answer["confirmed"] = map[string]any{"load": "07Y", "amount_fen": 7}
				}
			}
		}, "was loaded with 1507, and holds 1600"},
		"quarantine": {func(b *bench) {
			b.hub.Rewrite = func(answer map[string]any) {
				if verdicts, is := answer["verdicts"].([]map[string]any); is {
					verdicts[0]["verdict"], verdicts[0]["why"] = "quarantined", "content"
				}
			}
		}, "records are in quarantine"},
		"the hub counts a load of nothing": {func(b *bench) {
			b.hub.Rewrite = func(answer map[string]any) {
				if answer["reason"] == "nothing_pending" && answer["confirmed"] == nil {
					answer["confirmed"] = map[string]any{"load": "07Z", "amount_fen": 0}
				}
			}
		}, "counted 2, was loaded 2 times, and counts 3"},
		"no verdicts": {func(b *bench) {
			b.hub.Rewrite = func(answer map[string]any) {
				if answer["verdicts"] != nil {
					answer["verdicts"], answer["accepted"], answer["archived"] = []any{}, 0, 0
				}
			}
		}, "records unsent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, 3, 4)
			b.options.Crash, b.options.For = 0, 100*time.Millisecond
			c.spoil(b)
			report := b.run()
			if !strings.Contains(strings.Join(report.Problems, "\n"), c.says) {
				t.Errorf("problems %q, want %q", report.Problems, c.says)
			}
		})
	}
}

// What no terminal heard the end of, the hub is asked for.
func TestLoadsWhoseEndNobodyHeardAreAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, 6, 30)
	b.options.Crash = 1
	untold := 0
	b.hub.Rewrite = func(answer map[string]any) {
		if answer["confirmed"] != nil {
			delete(answer, "confirmed")
			untold++
		}
	}
	report := b.run()
	if untold == 0 {
		t.Error("too calm to show anything")
	}
	if len(report.Problems) != 0 || report.LoadedFen != 30*each {
		t.Errorf("report %+v", report)
	}
}

func TestTapsThatGetNoAnswerAreRepeatedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, 1, 1)
	b.options.Crash, b.options.For = 0, 100*time.Millisecond
	var taps atomic.Int64
	b.hub.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/pos/v1/taps" || taps.Add(1)%2 == 0 {
			return false
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"type":"urn:guodu:unavailable"}`))
		return true
	}
	report := b.run()
	if report.Outcomes["urn:guodu:unavailable"] != 0 || report.Outcomes["written"] != 1 || report.Outcomes["nothing_pending"] == 0 {
		t.Errorf("report %+v", report)
	}
}

func TestStopEndsTheArrivalsAndTheAccountFollows(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 4)
	stop := make(chan struct{})
	b.options.Stop, b.options.Crash = stop, 0
	b.options.Wait = func(ctx context.Context, d time.Duration) error {
		if d > time.Second {
			close(stop)
			<-ctx.Done()
		}
		return ctx.Err()
	}
	report := b.run()
	if len(report.Problems) != 0 || report.Came > 200 {
		t.Errorf("report %+v", report)
	}
}

func TestHowItStandsIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 4)
	var told []fleet.Live
	b.options.Tell = func(l fleet.Live) { told = append(told, l) }
	report := b.run()
	if len(told) < 2 || told[0].Phase != "arrivals" || told[len(told)-1].Phase != "closing" || told[len(told)-1].Unsent != 0 {
		t.Errorf("told %+v", told)
	}
	if told[len(told)-1].Came != report.Came {
		t.Errorf("told of %d cards, and %d came", told[len(told)-1].Came, report.Came)
	}
}

func TestASeedPlansTheSameRun(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 4)
	one, same, other := fleet.Plan(b.options), fleet.Plan(b.options), fleet.Plan(func() fleet.Options { o := b.options; o.Seed++; return o }())
	if !reflect.DeepEqual(one, same) || reflect.DeepEqual(one, other) {
		t.Error("the plan does not hang on the seed alone")
	}
}

func TestUnusableOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*fleet.Options){
		"no terminals": func(o *fleet.Options) { o.Members = nil },
		"no cards":     func(o *fleet.Options) { o.Cards = nil },
		"no taps":      func(o *fleet.Options) { o.Taps = 0 },
		"no time":      func(o *fleet.Options) { o.For = 0 },
		"too rude":     func(o *fleet.Options) { o.Crash = 1.1 },
		"no directory": func(o *fleet.Options) { o.Dir = "" },
		"no hub":       func(o *fleet.Options) { o.BaseURL = "" },
	} {
		o := setup(t, 1, 1).options
		spoil(&o)
		if _, err := fleet.Run(t.Context(), o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestRosterIsReadBackAndNeverReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := fleet.NewRoster(dir, "F", 3)
	if err != nil {
		t.Fatal(err)
	}
	read, err := fleet.ReadRoster(dir)
	if err != nil || !reflect.DeepEqual(made, read) {
		t.Errorf("read %+v, %v", read, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, fleet.RosterFile))
	if err != nil || strings.Count(string(text), "\n") != 4 || !strings.HasPrefix(string(text), "id,key,place\nF0001,") {
		t.Errorf("roster is\n%s%v", text, err)
	}
	if _, err := fleet.NewRoster(dir, "F", 3); err == nil {
		t.Error("the keys were replaced")
	}
}

func TestCardsAreReadFromCSVAndJSON(t *testing.T) {
	t.Parallel()
	five := int64(5)
	want := []fleet.Holder{
		{Card: terminal.CardData{UID: "04A1", CardNo: "70001", Version: "1", B: 120, L: 3, P: 7}, ExpectFen: &five},
		{Card: terminal.CardData{UID: "04A2", CardNo: "70002", Version: "2", Profile: "shared", NoP: true}},
	}
	for name, text := range map[string]string{
		"c.csv":  "card_no,card_uid,version,profile,B,L,P,expect_fen,account\n70001,04A1,,,120,3,7,5,A1\n70002,04A2,2,shared,,,none,,A2\n",
		"c.json": `[{"card_no":"70001","card_uid":"04A1","B":120,"L":3,"P":7,"expect_fen":5},{"card_no":"70002","card_uid":"04A2","version":"2","profile":"shared","P":"none"}]`,
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := fleet.ReadCards(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"none": "card_no,card_uid\n", "empty": "", "twice": "card_no,card_uid\n7,04\n7,05\n", "same chip": "card_no,card_uid\n7,04\n8,04\n",
		"no uid": "card_no\n7\n", "debt": "card_no,card_uid,B\n7,04,-1\n", "half": "card_no,card_uid,B\n7,04,0.5\n", "column": "card_no,card_uid,pin\n7,04,1\n",
	} {
		path := filepath.Join(t.TempDir(), "c.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := fleet.ReadCards(path); err == nil {
			t.Errorf("%s is taken: %+v", name, got)
		}
	}
}
