package sim_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guodu/mocks/sim"
)

func TestOneSeedDrawsAlike(t *testing.T) {
	t.Parallel()
	a, b, salted := sim.NewDice(7, 1), sim.NewDice(7, 1), sim.NewDice(7, 2)
	x := a.Draw(sim.Alphabet62, 20)
	if x != b.Draw(sim.Alphabet62, 20) || x == salted.Draw(sim.Alphabet62, 20) || len(x) != 20 {
		t.Errorf("drew %s", x)
	}
	if sim.NewSeed() == 0 || a.Chance(0) || !a.Chance(1) {
		t.Error("the dice are loaded")
	}
}

func TestSwitchesNeedAKnownNumber(t *testing.T) {
	t.Parallel()
	table := sim.Behaviours{{Number: 1, Status: sim.Implemented}, {Number: 2, Status: sim.Not}}
	off, err := table.Without([]int{1})
	if err != nil || off.Does(1) || !off.Does(2) || !sim.Switches(nil).Does(1) {
		t.Errorf("%v, %v", off, err)
	}
	for _, n := range []int{2, 3} {
		if _, err = table.Without([]int{n}); !errors.Is(err, sim.ErrUnknownBehaviour) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestCodesWorkOnceAndInTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	codes, err := sim.NewCodes(open(t, path), "code")
	if err != nil {
		t.Fatal(err)
	}
	codes.Issue("a", "zhangsan", start.Add(time.Minute))
	codes.Issue("b", "lisi", start.Add(time.Minute))
	for _, want := range []sim.CodeState{sim.CodeGood, sim.CodeUsed} {
		_, peeked := codes.Peek("a", start)
		if who, got := codes.Redeem("a", start); got != want || peeked != want || who != "zhangsan" {
			t.Errorf("a is %v of %s, want %v", got, who, want)
		}
	}
	again, err := sim.NewCodes(open(t, path), "code")
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]sim.CodeState{"a": sim.CodeUsed, "b": sim.CodeExpired, "c": sim.CodeUnknown} {
		if _, got := again.Redeem(code, start.Add(time.Minute)); got != want {
			t.Errorf("%s is %v after the restart, want %v", code, got, want)
		}
	}
}

func TestBellWakesWhoWaits(t *testing.T) {
	t.Parallel()
	b := sim.NewBell()
	asked := make(chan struct{}, 10)
	done := make(chan error, 1)
	var ready atomic.Bool
	go func() {
		done <- b.Wait(context.Background(), func() bool { asked <- struct{}{}; return ready.Load() })
	}()
	<-asked
	b.Ring()
	<-asked
	ready.Store(true)
	b.Ring()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Wait(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("at the end of the context: %v", err)
	}
}

func TestTimelineIsBounded(t *testing.T) {
	t.Parallel()
	line := sim.NewTimeline(nil)
	for range 250 {
		line.Add("a", sim.Event{RequestBody: strings.Repeat("饭", 10_000)})
	}
	got := line.Of("a")
	if len(got) != 100 || len(got[0].RequestBody) > 9000 || !strings.HasSuffix(got[0].RequestBody, "饭…") {
		t.Errorf("%d events of %d bytes", len(got), len(got[0].RequestBody))
	}
	for i := range 1000 {
		line.Add(strings.Repeat("x", i), sim.Event{})
	}
	if len(line.Of("a")) != 0 || len(line.Of("-")) != 1 {
		t.Error("the oldest order is still there, or what belongs to no order is not")
	}
}

func TestExplainNamesThePartThatDiffers(t *testing.T) {
	t.Parallel()
	no, yes := func() bool { return false }, func() bool { return true }
	guesses := []sim.Candidate{{Part: "nonce", Text: "n", Holds: no}, {Part: "body", Text: "b", Holds: yes}, {Part: "key", Holds: yes}}
	stale := []sim.Finding{{Part: "serial", OK: true}, {Part: "timestamp", Text: "old"}}
	for want, got := range map[string]sim.Explanation{
		"body":      sim.Explain("m", false, nil, guesses),
		"":          sim.Explain("m", false, nil, guesses[:1]),
		"timestamp": sim.Explain("m", true, stale, guesses),
	} {
		if got.Valid || got.Differs != want || got.Text == "" || got.Message != "m" {
			t.Errorf("want %q: %+v", want, got)
		}
	}
	if got := sim.Explain("m", true, stale[:1], guesses); !got.Valid {
		t.Errorf("nothing wrong: %+v", got)
	}
}

func TestHostsAreToldApart(t *testing.T) {
	t.Parallel()
	for host, want := range map[string][2]bool{
		"127.0.0.1": {true, false}, "localhost": {true, false}, "::1": {true, false}, "10.0.0.1": {false, false},
		"hub": {false, false}, "pay.example.edu": {false, true}, "a.localhost": {false, false}, "8.8.8.8": {false, true},
	} {
		if got := [2]bool{sim.LoopbackHost(host), sim.PublicHost(host)}; got != want {
			t.Errorf("%s is loopback, public: %v, want %v", host, got, want)
		}
	}
	for text, want := range map[string]bool{
		"https://a.example.edu/x": true, "ftp://a.example.edu": false, "/x": false, "http://u@a.example.edu": false,
	} {
		if (sim.WebAddress(text) != nil) != want {
			t.Errorf("%s is an address: %v", text, !want)
		}
	}
	_, err := sim.LoopbackClient().Get("http://192.0.2.1/") //nolint:bodyclose,noctx // it never leaves
	if !errors.Is(err, sim.ErrNotLoopback) {
		t.Errorf("away: %v", err)
	}
}

func TestCallbacksCanBeCounted(t *testing.T) {
	t.Parallel()
	pack := func() (sim.Parcel, error) { return sim.Parcel{Header: http.Header{}}, nil }
	send := func(sim.Parcel) sim.Delivery { return sim.Delivery{Accepted: true} }
	for n, want := range map[int]error{0: sim.ErrDeliveryCount, 3: nil, 1001: sim.ErrDeliveryCount} {
		one, err := sim.InTurn(n, pack, send)
		many, err2 := sim.AtOnce(n, pack, send)
		if !errors.Is(err, want) || !errors.Is(err2, want) || want == nil && (len(one) != n || len(many) != n) {
			t.Errorf("%d: %v, %v", n, err, err2)
		}
	}
}
