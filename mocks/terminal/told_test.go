package terminal_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"

	"guodu/mocks/terminal"
	"guodu/mocks/terminal/terminaltest"
)

func TestSignInPutsTheTerminalToWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Devices["T1"].State = "registered"
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrNotRunning)
	in, err := term.SignIn(t.Context())
	if err != nil || in.State != "running" || in.Role != "pos" || in.BusinessDay != "20261123" || in.Seq.Seq != 2 {
		t.Errorf("sign in: %+v, %v", in, err)
	}
	out, err := term.Retry(t.Context())
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome: %+v, %v", out, err)
	}
	b.want(term.Close(), nil)
	m := b.terminal().Memory() // it is on the disk
	if m.BusinessDay != "20261123" || m.State != "running" || m.Params.Version != 1 || string(m.Params.Values["load_timeout_ms"]) != "300" {
		t.Errorf("memory: %+v", m)
	}
}

func TestSuspendedTerminalMayNotSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Devices["T1"].State = "suspended"
	_, err := b.terminal().SignIn(t.Context())
	b.want(err, terminal.ErrNotRunning)
}

func TestSignInSurvivesDeathAtEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range []terminal.Step{terminal.StepSignIn, terminal.StepSignedIn} {
		b := setup(t)
		b.before = dieBefore(step)
		_, err := b.terminal().SignIn(t.Context())
		b.want(err, terminal.ErrCrashed)
		b.before = nil
		term := b.terminal()
		if m := term.Memory(); m.BusinessDay != "" {
			t.Errorf("%s: memory: %+v", step, m)
		}
		_, err = term.SignIn(t.Context())
		b.want(err, nil)
	}
}

// The hub changes its key: the sign-in, which the old one signs, tells of the
// new one.
func TestHubKeysOfTheSignInAreBelieved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.options()
	next := ed25519.NewKeyFromSeed(make([]byte, 32))
	b.hub.Rewrite = func(in map[string]any) {
		in["hub_keys"] = [][]byte{b.hub.PublicKey(), next.Public().(ed25519.PublicKey)}
	}
	term := b.signedIn()
	b.want(term.Close(), nil)
	b.hub.Set(func() { b.hub.Rewrite, b.hub.Key = nil, next })
	term, err := terminal.New(old)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.Close() })
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten {
		t.Errorf("outcome: %+v, %v", out, err)
	}
}

func TestParamsAreFetchedWhenTheyAreNewer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	for _, version := range []int64{1, 1, 2} {
		b.hub.Set(func() { b.hub.Params.Version = version })
		p, err := term.Params(t.Context())
		if err != nil || p.Version != version || p.Values == nil {
			t.Errorf("params: %+v, %v", p, err)
		}
	}
}

func card(uid string) terminal.Blocked {
	return terminal.Blocked{CardUID: uid, CardNo: "7" + uid, Reason: "frozen"}
}

func TestBlocklistIsKeptByItsDifferences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	is := func(want ...string) {
		t.Helper()
		list, err := term.Blocklist(t.Context())
		if got := slices.Sorted(maps.Keys(list)); err != nil || !slices.Equal(got, want) {
			t.Errorf("blocklist is %v, %v, want %v", got, err, want)
		}
	}
	is()
	change := func(c ...terminaltest.BlockChange) {
		b.hub.Set(func() { b.hub.Blocklist = append(b.hub.Blocklist, c...) })
	}
	change(terminaltest.BlockChange{Card: card("A")}, terminaltest.BlockChange{Card: card("B")})
	is("A", "B")
	change(terminaltest.BlockChange{Card: card("A"), Off: true}, terminaltest.BlockChange{Card: card("C")})
	is("B", "C")
	b.want(term.Close(), nil)
	term = b.terminal()
	if m := term.Memory(); len(m.Blocked) != 2 || m.Blocklist != "7:4,33:0" {
		t.Errorf("memory: %+v", m)
	}
	// The hub has forgotten the differences: the list comes whole.
	change(terminaltest.BlockChange{Card: card("B"), Off: true})
	b.hub.Set(func() { b.hub.Oldest = 5 })
	is("C")
}

func TestDifferencesToNothingAreNoBlocklist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Rewrite = func(answer map[string]any) { answer["full"] = false }
	_, err := b.terminal().Blocklist(t.Context())
	b.want(err, terminal.ErrAnswer)
}

func TestBlockedCardGetsNoTap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Blocklist = []terminaltest.BlockChange{{Card: card("04A1B2C3")}}
	term := b.terminal()
	_, err := term.Blocklist(t.Context())
	b.want(err, nil)
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeBlocked || out.Reason != "frozen" {
		t.Errorf("outcome: %+v, %v", out, err)
	}
	b.said()
	b.wrote(term)
}

func TestPayerBoundAsksForOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.Bound["wechat openid o/&=1"] = true
	term := b.terminal()
	for payer, want := range map[string]bool{"o/&=1": true, "o2": false} {
		bound, err := term.PayerBound(t.Context(), "wechat", "openid", payer)
		if err != nil || bound != want {
			t.Errorf("%s: %t, %v", payer, bound, err)
		}
	}
}

func TestStatusIsForTerminalsWithAnAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.diesTapping(terminal.StepWrite)
	s, err := b.terminal().Status(t.Context(), "070001")
	if want := (terminal.LoadStatus{Load: "070001", State: "HELD", AmountFen: waiting, Attempts: 1, Live: 1}); err != nil || s != want {
		t.Errorf("status: %+v, %v", s, err)
	}
	b.elsewhere()
	_, err = b.terminal().Status(t.Context(), "070001")
	b.want(err, terminal.ErrUnknownLoad)
}

func TestAnswerAboutSomethingElseIsNotTheHubs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, nil)
	b.hub.Set(func() {
		b.hub.Rewrite = func(answer map[string]any) {
			for _, name := range []string{"load", "card_no"} {
				if answer[name] != nil {
					answer[name] = "another"
				}
			}
			delete(answer, "bound")
		}
	})
	_, err = term.Status(t.Context(), "070001")
	b.want(err, terminal.ErrAnswer)
	_, err = term.Pending(t.Context(), "70001")
	b.want(err, terminal.ErrAnswer)
	_, err = term.PayerBound(t.Context(), "wechat", "openid", "o")
	b.want(err, terminal.ErrAnswer)
}

var errEnough = errors.New("heard enough")

// listening runs Feed, and hands over what it hears and why it ended. It returns
// when the hub streams.
func (b *bench) listening(ctx context.Context, term *terminal.Terminal) (heard <-chan terminal.Event, ended <-chan error) {
	events, end := make(chan terminal.Event), make(chan error, 1)
	go func() {
		end <- term.Feed(ctx, func(e terminal.Event) error {
			events <- e
			return nil
		})
	}()
	<-b.hub.Streams
	return events, end
}

// fed is a terminal whose feed told of one card and has ended.
func (b *bench) fed() *terminal.Terminal {
	b.t.Helper()
	term := b.terminal()
	heard, ended := b.listening(b.t.Context(), term)
	b.hub.Happen("pending", `{"card_no":"1"}`)
	<-heard
	b.hub.EndFeeds()
	b.want(<-ended, terminal.ErrFeedEnded)
	return term
}

func TestFeedTellsWhatHappensFromNowOnAndFetchesIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.terminal()
	b.hub.Happen("pending", `{"card_no":"before"}`)
	heard, ended := b.listening(t.Context(), term)
	b.hub.Set(func() {
		b.hub.Blocklist = []terminaltest.BlockChange{{Card: card("A")}}
		b.hub.Params.Version = 2
	})
	for _, e := range []struct{ kind, data string }{
		{"pending", `{"card_no":"70002"}`}, {"block", `{"cursor":"7:1,33:0"}`}, {"params", `{"version":2}`},
	} {
		b.hub.Happen(e.kind, e.data)
		got := <-heard
		if got.Kind != e.kind || e.kind == terminal.EventPending && got.CardNo != "70002" {
			t.Errorf("heard %+v", got)
		}
		m := term.Memory() // fetched before it is told
		if e.kind == terminal.EventBlock && len(m.Blocked) != 1 || e.kind == terminal.EventParams && m.Params.Version != 2 {
			t.Errorf("memory at %s: %+v", e.kind, m)
		}
	}
	b.hub.EndFeeds()
	b.want(<-ended, terminal.ErrFeedEnded)
	if m := term.Memory(); m.Feed != "4" {
		t.Errorf("cursor is %q", m.Feed)
	}
}

// What could not be dealt with comes again, also to the terminal's next life.
func TestFeedGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.fed()
	b.hub.Happen("pending", `{"card_no":"2"}`)
	b.hub.Happen("pending", `{"card_no":"3"}`)
	b.want(term.Feed(t.Context(), func(terminal.Event) error { return errEnough }), errEnough)
	<-b.hub.Streams
	b.want(term.Close(), nil)
	heard, _ := b.listening(t.Context(), b.terminal())
	for _, want := range []string{"2", "3"} {
		if e := <-heard; e.CardNo != want {
			t.Errorf("heard %+v, want %s", e, want)
		}
	}
}

func TestFeedThatIsTooFarBehindFetchesEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	term := b.fed()
	b.hub.Happen("pending", `{"card_no":"2"}`)
	b.hub.Forget()
	b.hub.Set(func() {
		b.hub.Blocklist = []terminaltest.BlockChange{{Card: card("A")}}
		b.hub.Params.Version = 9
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	heard, ended := b.listening(ctx, term)
	if m := term.Memory(); len(m.Blocked) != 1 || m.Params.Version != 9 || m.Feed != "" {
		t.Errorf("memory: %+v", m)
	}
	b.hub.Happen("pending", `{"card_no":"3"}`)
	if e := <-heard; e.CardNo != "3" {
		t.Errorf("heard %+v", e)
	}
	cancel(errEnough)
	b.want(<-ended, errEnough)
}

func TestFeedWhoseHeadIsNotTheHubsIsNotHeard(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(http.Header){
		"unsigned":     func(h http.Header) { h.Del("Signature") },
		"another kind": func(h http.Header) { h.Set("Content-Type", "application/json") },
		"a body's":     func(h http.Header) { h.Set("Content-Digest", "sha-256=:AAAA:") },
	} {
		b := setup(t)
		b.hub.Envelope = func(h http.Header, _ *[]byte) { spoil(h) }
		err := b.terminal().Feed(t.Context(), func(terminal.Event) error { return nil })
		if !errors.Is(err, terminal.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a newer hub may tell spoils nothing of what the terminal knows.
func TestEventWithoutAKindIsHeardAndNotMixedWithTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	heard, ended := b.listening(t.Context(), b.terminal())
	b.hub.Happen("", `{"card_no":"1"}`)
	b.hub.Happen("pending", `{"card_no":"2"}`)
	for _, want := range []terminal.Event{{Cursor: "1", Kind: "message", CardNo: "1"}, {Cursor: "2", Kind: "pending", CardNo: "2"}} {
		select {
		case e := <-heard:
			if e != want {
				t.Errorf("heard %+v, want %+v", e, want)
			}
		case err := <-ended:
			t.Fatalf("before %+v it ended: %v", want, err)
		}
	}
}

func TestEventThatIsNoJSONEndsTheFeed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, ended := b.listening(t.Context(), b.terminal())
	b.hub.Happen("pending", `{`)
	b.want(<-ended, terminal.ErrAnswer)
}
