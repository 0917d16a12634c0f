package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

func TestStepsTellWhatTheyDid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.says(b.step("tap", b.card), "outcome=written ", " load=070001 amount=50.00 attempt=1 receipt=CONFIRMED first=true", "balance=62.00 L=4\n")
	b.says(b.step("tap", b.card), "outcome=none ", " reason=nothing_pending ")
	b.says(b.step("pending", "70001"), "card=70001 pending=0.00 held=0.00 frozen=false")
	b.says(b.step("status", "070001"), "load=070001 state=CONFIRMED amount=50.00 attempts=1 live=0")
	b.says(b.step("heartbeat"), "accepted=0 archived=0")
	b.says(b.step("journal"), "seq=1 kind=TAP ", "seq=6 kind=TAP ", "epoch=1 records=6 unsent=6 owed=0 ")
	b.says(b.step("upload"), "batches=1 accepted=6 duplicate=0 quarantined=0 unsent=0 deleted=0 watermark_accepted=6 ")
	b.says(b.step("journal"), "records=6 unsent=0 ", "accepted=6 archived=6")
	b.says(b.step("resume"), "kept=0 unaborted=0")
	b.says(b.step("lists"), "params=1 blocklist=7:0,33:0 blocked=0", "param=load_timeout_ms value=300")
	b.hub.Bound["wechat openid o1"] = true
	b.says(b.step("payer", "wechat", "openid", "o1"), "bound=true")
	b.says(b.ok("card", "buy", b.card, "2.50"), "balance=59.50 L=4 P=1")
	b.says(b.ok("card", "cash", b.card, "10"), "balance=69.50 L=4 P=1")
	b.holds(6950, 4)
}

func TestTheFeedOutlivesAHubThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.step("sign-in")
	away := make(chan string, 3) // what it says of coming back
	away <- ""
	away <- "7"
	away <- "9999"
	b.hub.Set(func() {
		b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
			select {
			case after := <-away:
				w.Header().Set("Retry-After", after)
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			default:
				return false
			}
		}
	})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan string, 1)
	status := -1
	go func() {
		var problems string
		status, _, problems = b.startUntil(ctx, strings.NewReader(""), append([]string{"feed"}, b.at()...)...)
		ended <- problems
	}()
	select {
	case <-b.hub.Streams:
		interrupt()
	case problems := <-ended:
		t.Fatalf("it ended: %s", problems)
	}
	if problems := <-ended; status != 0 || strings.Count(problems, "503") != 3 {
		t.Errorf("status %d\n%s", status, problems)
	}
	if want := []time.Duration{time.Second, 7 * time.Second, time.Minute}; !slices.Equal(b.rested, want) {
		t.Errorf("it rested %v, want %v", b.rested, want)
	}
}

func TestTheFeedEndsWithARefusal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Set(func() {
		b.hub.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
	})
	if status, _, problems := b.start("", append([]string{"feed"}, b.at()...)...); status != 1 || len(b.rested) != 0 {
		t.Errorf("status %d after rests of %v\n%s", status, b.rested, problems)
	}
}

func TestDroppedTapsSayWhatTheHubAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.says(b.step("tap", b.card, "--abort"), "outcome=abandoned ", " dropped=CANCELLED ")
	b.says(b.step("tap", b.card, "--reread"), "outcome=abandoned ", " dropped=CANCELLED ")
	b.holds(1200, 3)
}

func TestDeskRepairsACard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Devices["T1"].Role = "desk"
	b.hub.Cards["70001"].Frozen = "conflict"
	b.says(b.step("desk", b.card), "reread=filed written=false")
	b.hub.Cards["70001"].Repair = &terminaltest.Repair{L: 4, B: 6200}
	b.says(b.step("desk", b.card), "reread=repair reread=repaired written=true balance=62.00 L=4")
	b.holds(6200, 4)
}

func TestResetTerminalBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.step("tap", b.card)
	b.ok("reset", filepath.Join(b.dir, "T1"))
	b.says(b.step("journal"), "epoch=2 records=0 ")
}

func TestSmallTerminalsReadTheirSecretFromAFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := sha256.Sum256([]byte("of T1"))
	b.hub.Devices["T1"] = &terminaltest.Device{Secret: secret[:]}
	b.key = filepath.Join(b.dir, "t1.secret")
	if err := os.WriteFile(b.key, []byte(hex.EncodeToString(secret[:])+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.says(b.step("tap", b.card), "receipt=CONFIRMED")
}

func TestHubKeyIsReadFromAFileToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := b.at()
	file := filepath.Join(b.dir, "hub.pub")
	if err := os.WriteFile(file, []byte(at[len(at)-1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at[len(at)-1] = file
	b.says(b.ok(append([]string{"tap", b.card}, at...)...), "receipt=CONFIRMED")
}

func TestProfilesAreMadeByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := filepath.Join(b.dir, "shared.json")
	b.says(b.ok("card", "new", file, "--uid", "04", "--no", "7", "--profile", "shared", "--no-purchase-counter"), "profile=shared balance=0.00 L=0\n")
	b.says(b.ok("card", "outside", file, "3"), "balance=3.00 L=1 log=3.00 log_terminal=kiosk")
	b.says(b.ok("card", "show", file), "balance=3.00")
}

func TestEverythingThatCanBeWrongIsSaidInWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.step("sign-in")
	for name, c := range map[string]struct {
		args   []string
		env    map[string]string
		status int
		says   string
	}{
		"no command":           {[]string{}, nil, 2, "terminal --help"},
		"no such command":      {[]string{"lend"}, nil, 2, "unexpected argument lend"},
		"no hub":               {[]string{"tap", b.card}, nil, 2, "missing flags"},
		"no card":              {append([]string{"tap", b.card + "x"}, b.at()...), nil, 2, "no such file"},
		"no amount":            {[]string{"card", "buy", b.card, "1.234"}, nil, 2, "no amount of yuan"},
		"too dear":             {[]string{"card", "buy", b.card, "12.01"}, nil, 1, "bad amount"},
		"a card twice":         {[]string{"card", "new", b.card, "--uid", "04", "--no", "7"}, nil, 1, "exists"},
		"a key twice":          {[]string{"key", b.key}, nil, 1, "file exists"},
		"no key":               {append(append([]string{"tap", b.card}, b.at()...), "--key", b.card), nil, 1, "neither a PEM key nor a secret"},
		"no hub key":           {append(append([]string{"tap", b.card}, b.at()...), "--hub-key", b.card), nil, 1, "holds no key"},
		"unknown load":         {append([]string{"status", "07"}, b.at()...), nil, 1, "unknown-load"},
		"a pos as a desk":      {append([]string{"desk", b.card}, b.at()...), nil, 1, "urn:guodu:role"},
		"crash at no step":     {append([]string{"tap", b.card}, b.at()...), map[string]string{crashVariable: "lunch"}, 1, "there is no such step"},
		"crash at arrival 0":   {append([]string{"tap", b.card}, b.at()...), map[string]string{crashVariable: "tap:0"}, 1, "1 or more"},
		"mischief of no kind":  {append([]string{"tap", b.card}, b.at()...), map[string]string{cardVariable: "sulk"}, 1, "there is no such mischief"},
		"a fleet without":      {[]string{"fleet", "--hub", "http://x", "--hub-key", b.at()[9], "--dir", b.dir, "--cards", b.card}, nil, 1, "terminal roster"},
		"a part above a whole": {[]string{"fleet", "--hub", "http://x", "--hub-key", "x", "--dir", b.dir, "--cards", b.card, "--crash", "101%"}, nil, 2, "no part of a whole"},
	} {
		b.env = c.env
		status, out, problems := b.start("", c.args...)
		if status != c.status || !strings.Contains(problems, c.says) {
			t.Errorf("%s: status %d\n%s%s\nwant %d, %q", name, status, out, problems, c.status, c.says)
		}
	}
}

func TestStepsAndMischiefsAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.ok("steps")
	for _, s := range terminal.Steps() {
		b.says(out, "  "+string(s)+"\n")
	}
	for name := range mischiefs() {
		b.says(out, "  "+name+" ")
	}
}

func TestAmountsAreYuan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"12": 1200, "12.5": 1250, "12.50": 1250, "0.01": 1} {
		var m money
		if err := m.UnmarshalText([]byte(text)); err != nil || int64(m) != want {
			t.Errorf("%s is %d, %v", text, m, err)
		}
	}
	for _, text := range []string{"", ".", "1.", ".5", "1.234", "-1", "1,5", "x"} {
		var m money
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, m)
		}
	}
	for fen, want := range map[int64]string{0: "0.00", 5: "0.05", 1250: "12.50", -105: "-1.05"} {
		if got := yuan(fen); got != want {
			t.Errorf("%d is %s, want %s", fen, got, want)
		}
	}
}
