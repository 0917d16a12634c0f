package main

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/mocks/terminal/fleet"
	"guodu/mocks/terminal/terminaltest"
)

// afleet is a bench with a roster registered and money for ten cards.
func afleet(t *testing.T) (*bench, []string) {
	t.Helper()
	b := setup(t)
	dir := filepath.Join(b.dir, "fleet")
	b.says(b.ok("roster", "--dir", dir, "--terminals", "5"), "5 terminals; now: hub terminals import "+dir)
	text, err := os.ReadFile(filepath.Join(dir, fleet.RosterFile))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		public, err := base64.StdEncoding.DecodeString(row[1])
		if err != nil || row[2] == "" {
			t.Fatalf("roster has %v, %v", row, err)
		}
		b.hub.Devices[row[0]] = &terminaltest.Device{Key: public, State: "registered"}
	}
	list := "card_no,card_uid,expect_fen\n"
	for i := range 10 {
		no, uid := fmt.Sprint(71000+i), fmt.Sprintf("05%06d", i)
		list += no + "," + uid + ",700\n"
		b.hub.Cards[no] = &terminaltest.Account{UID: uid, Version: "1", Pending: 700}
	}
	cards := filepath.Join(b.dir, "cards.csv")
	if err := os.WriteFile(cards, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	at := b.at()
	return b, []string{
		"fleet", "--hub", b.hub.Server.URL, "--hub-key", at[len(at)-1], "--dir", dir, "--cards", cards, "--terminals", "0",
		"--taps", "200", "--for", "500ms", "--crash", "20%", "--seed", "11", "--journal-sync=false",
	}
}

func TestFleetAddsUp(t *testing.T) {
	t.Parallel()
	b, args := afleet(t)
	out := b.ok(args...)
	b.says(out, "5 terminals, 10 cards, 200 taps a second for 500ms, 20 % die, --seed=11; each terminal does not wait for its disk (--journal-sync=false)",
		"10 cards held 0.00 + 70.00 by 10 loads that the hub confirms = 70.00 on them now", "result: 10 cards, every fen adds up", "seed 11", "closing")
	if deaths := regexp.MustCompile(`; ([0-9]+) deaths, 0 terminals still without power`).FindStringSubmatch(out); deaths == nil || deaths[1] == "0" {
		t.Errorf("nothing died:\n%s", out)
	}
}

func TestFleetThatDoesNotAddUpFails(t *testing.T) {
	t.Parallel()
	b, args := afleet(t)
	b.hub.Cards["71003"].Pending = 699
	status, out, problems := b.start("", args...)
	if status != 1 {
		t.Errorf("status %d\n%s", status, problems)
	}
	b.says(out, "✗ card 71003 was loaded with 699 fen, and 700 were expected")
	b.says(problems, "the account does not add up: 1 problems")
}

func TestTableIsRefreshedInPlaceOnAScreen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	screen := &table{out: &out, refreshed: true}
	live := fleet.Live{Phase: "arrivals", Elapsed: time.Second, Came: 60, Outcomes: map[string]int{"written": 3}, P50: 12345 * time.Microsecond}
	screen.tell(live)
	first := out.Len()
	live.Came, live.Elapsed = 90, 2*time.Second
	screen.tell(live)
	second := out.String()[first:]
	if !strings.HasPrefix(second, "\x1b[6A") || strings.Count(second, "\n") != 6 || !strings.Contains(second, "now   30.0 a second") || !strings.Contains(second, "p50 12.3 ms") {
		t.Errorf("it shows %q", second)
	}
	out.Reset()
	log := &table{out: &out}
	log.tell(live)
	if strings.Contains(out.String(), "\x1b") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("it prints %q", out.String())
	}
}
