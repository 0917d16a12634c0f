package main

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guodu/mocks/terminal"
)

// unavailableOnce refuses the first tap.
func unavailableOnce(*bench) func(http.ResponseWriter, *http.Request) bool {
	var done atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/pos/v1/taps" || done.Swap(true) {
			return false
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"type":"urn:guodu:unavailable","title":"come again"}`))
		return true
	}
}

// patience bounds what a test waits for.
const patience = 20 * time.Second

// typed runs the interactive terminal on a script.
func (b *bench) typed(lines ...string) (status int, out, problems string) {
	b.t.Helper()
	return b.start(strings.Join(lines, "\n")+"\n", append([]string{"run", "--card", b.card}, b.at()...)...)
}

func TestAScriptIsServedLineByLine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, out, problems := b.typed("# a day", "", "tap", "buy 2.50", "card 70001", "journal", "upload", "heartbeat", "status", "status 070001", "lists", "quit", "tap")
	if status != 0 {
		t.Errorf("status %d, %s", status, problems)
	}
	b.says(out, "receipt=CONFIRMED", "balance=59.50 L=4 P=1", "records=5 unsent=5", "batches=1 accepted=5", "accepted=5 archived=5",
		"terminal=T1 state=running role=pos", "load=070001 state=CONFIRMED", "params=1")
	if strings.Contains(out, "terminal>") || strings.Count(out, "outcome=written tap=") != 1 {
		t.Errorf("it says\n%s", out)
	}
}

func TestADayBeginsWithWhateverNeedsIt(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{"tap": "receipt=CONFIRMED", "resume": "kept=0", "upload": "unsent=0", "desk": "written=false"} {
		b := setup(t)
		b.hub.Devices["T1"].Role = "desk"
		b.hub.Cards["70001"].Frozen = map[bool]string{true: "conflict"}[command == "desk"]
		status, out, problems := b.typed(command, "quit")
		if status != 0 {
			t.Errorf("%s: status %d", command, status)
		}
		b.says(problems, "signed in, day ")
		b.says(out, want)
	}
}

func TestAPowerCutIsResumed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, out, problems := b.typed("cut power", "tap", "tap", "resume", "tap", "quit")
	if status != 1 { // the tap without power
		t.Errorf("status %d, %s", status, problems)
	}
	b.says(out, "the power will go before written", "no power any more", "outcome=unknown receipt=IN_DOUBT", "confirmed=070001 confirmed_amount=50.00")
	b.says(problems, "the terminal has no power; resume switches it on")
	b.holds(6200, 4)
}

func TestAPowerCutLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Server.Close()
	server := httptest.NewUnstartedServer(b.hub)
	var open sync.WaitGroup
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Done()
		}
	}
	b.hub.Server = server
	server.Start()
	fail := unavailable(b)
	b.hub.Set(func() { b.hub.Fail = fail })
	k, err := interactive{
		connection: connection{
			Hub: server.URL, ID: "T1", Key: b.key, HubKey: base64.StdEncoding.EncodeToString(b.hub.PublicKey()), Dir: filepath.Join(b.dir, "T1"),
			GiveUp: 5 * time.Second,
		},
		Card: []string{b.card},
	}.on(run{
		ctx: t.Context(), in: strings.NewReader("tap\nheartbeat\ncut power upload-send\nupload\n"), out: io.Discard, problems: io.Discard,
		env: func(string) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer k.off()
	before, err := k.cards[0].Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.read(); !errors.Is(err, errFailed) || k.terminal != nil { // the tap gets no answer, and its card lies there
		t.Fatalf("it has power still, %v", err)
	}
	after, err := k.cards[0].Read()
	if err != nil || after.Presence == before.Presence {
		t.Errorf("the card is where it was, %v", err)
	}
	closed := make(chan struct{})
	go func() {
		open.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("a terminal without power is connected")
	}
}

func TestAPulledCardIsLoadedByTheNextTap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, out, problems := b.typed("pull", "tap", "tap", "quit")
	if status != 1 {
		t.Errorf("status %d, %s", status, problems)
	}
	b.says(out, "pulled during the next write", "outcome=unknown ", "attempt=2 receipt=CONFIRMED")
	b.holds(6200, 4)
}

func TestATornWriteIsOrdered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, out, _ := b.typed("tear answer", "tap", "tap", "quit")
	b.says(out, "the next write will be torn", "outcome=unknown ", "confirmed=070001")
	b.holds(6200, 4)
}

func TestATapWithoutAnAnswerWaitsOnTheReader(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{"retry": "receipt=CONFIRMED", "abort": "aborted=", "pull": "the card is off the reader"} {
		b := setup(t)
		fail := unavailable(b)
		b.hub.Set(func() { b.hub.Fail = fail })
		_, out, _ := b.typed("tap", command, "quit")
		b.says(out, "the card still lies there", want)
	}
}

// unavailable breaks the line at the first tap, after the hub got it.
func unavailable(b *bench) func(http.ResponseWriter, *http.Request) bool {
	var done atomic.Bool
	return func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/pos/v1/taps" || done.Swap(true) {
			return false
		}
		panic(http.ErrAbortHandler)
	}
}

func TestDropAndRereadAreTyped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, out, problems := b.typed("drop 1", "reread", "help", "sign-in", "quit")
	if status != 0 || strings.Count(out, "dropped=CANCELLED") != 2 {
		t.Errorf("status %d\n%s%s", status, out, problems)
	}
	b.says(out, "cut power [STEP]", "state=running")
}

// fingers are somebody who types nothing until the test ends.
type fingers struct {
	waited chan struct{} // closed once a line is waited for
	still  <-chan struct{}
}

// Read implements io.Reader.
func (f fingers) Read([]byte) (int, error) {
	close(f.waited)
	<-f.still
	return 0, io.EOF
}

func TestAPromptIsInterrupted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	in := fingers{make(chan struct{}), t.Context().Done()}
	ended := make(chan int, 1)
	go func() {
		status, _, _ := b.startUntil(ctx, in, append([]string{"run", "--card", b.card}, b.at()...)...)
		ended <- status
	}()
	<-in.waited
	interrupt()
	select {
	case status := <-ended:
		if status != 0 {
			t.Errorf("status %d", status)
		}
	case <-time.After(patience):
		t.Error("it waits for a line")
	}
}

func TestWhatIsMistypedIsSaidAndTheRestIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status, out, problems := b.typed("lend 5", "tap 9", "buy", "buy x", "buy 99", "cut power lunch", "tear up", "retry", "desk", "cash 1 70001", "quit")
	if status != 1 {
		t.Errorf("status %d", status)
	}
	b.says(problems, "lend: no such command", "there is no card 9", "how much?", `"x" is no amount`, "bad amount", "there is no step lunch", "tear one of",
		"no tap to repeat", "urn:guodu:", "not everything worked")
	b.says(out, "balance=13.00")
}

func TestEveryCommandIsInTheHelp(t *testing.T) {
	t.Parallel()
	k := &console{}
	for name := range k.offline() {
		if !strings.Contains(consoleHelp, name) {
			t.Errorf("%s is not in the help", name)
		}
	}
	k.terminal = &terminal.Terminal{}
	for name := range k.online() {
		if !strings.Contains(consoleHelp, name) {
			t.Errorf("%s is not in the help", name)
		}
	}
}
