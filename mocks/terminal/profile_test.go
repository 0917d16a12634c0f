package terminal_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"guodu/mocks/terminal"
)

// profiled is a bench whose card is of a profile.
func profiled(t *testing.T, p terminal.Profile) *bench {
	t.Helper()
	b := setup(t)
	d := theCard()
	d.Profile = p
	b.want(b.card.Restore(d), nil)
	b.hub.Cards["70001"].Profile = p
	return b
}

func profiles() []terminal.Profile {
	return []terminal.Profile{terminal.ProfileStamp, terminal.ProfileBlocks, terminal.ProfileEPurse, terminal.ProfileShared}
}

func TestEveryProfileIsLoadedOnceThroughWhateverTears(t *testing.T) {
	t.Parallel()
	for _, p := range profiles() {
		for _, tear := range append(terminal.TearKinds(), "") {
			for _, stays := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/%t", p, tear, stays), func(t *testing.T) {
					t.Parallel()
					beyond := tear == terminal.TearBeyondRepair && (p == terminal.ProfileStamp || p == terminal.ProfileBlocks) ||
						tear == terminal.TearBalance && p == terminal.ProfileStamp
					b := profiled(t, p)
					if tear != "" {
						b.card.Tear(tear, stays)
					}
					term := b.terminal()
					first, _ := term.Tap(t.Context(), b.card) // its error is for the tests of tears
					if want := tear == terminal.TearAnswer && stays || tear == ""; (first.Outcome == terminal.OutcomeWritten) != want {
						t.Errorf("the first tap: %+v", first)
					}
					b.card.Leave()
					out, err := term.Tap(t.Context(), b.card)
					b.want(err, nil)
					if beyond {
						// The hub sees the load's balance under the old counter, twice.
						if out.Reread == nil || out.Reread.Outcome != terminal.RereadConflict {
							t.Errorf("outcome %+v", out)
						}
						b.holds(6200, 3)
						return
					}
					b.holds(6200, 4)
					if b.hub.Confirmed != waiting {
						t.Errorf("hub confirmed %d", b.hub.Confirmed)
					}
				})
			}
		}
	}
}

// The states between the blocks of a write are those in which a power cut of
// the card leaves it.
func TestTornBlocksAreRepairedBeforeTheyAreRead(t *testing.T) {
	t.Parallel()
	for tear, want := range map[terminal.TearKind]struct {
		raw     string // what is on the card
		balance int64  // what is read
		l       int64
	}{
		terminal.TearNothing:      {`"B":1200,"L":3`, 1200, 3},
		terminal.TearBackup:       {`"B":1200,"L":3`, 1200, 3},
		terminal.TearBalance:      {`"B":6200,"L":3`, 1200, 3},
		terminal.TearBeyondRepair: {`"B":6200,"L":3`, 6200, 3},
		terminal.TearAnswer:       {`"B":6200,"L":4`, 6200, 4},
	} {
		for _, spend := range []int64{0, 200} {
			c, path := newCard(t)
			d := theCard()
			d.Profile = terminal.ProfileBlocks
			if err := c.Restore(d); err != nil {
				t.Fatal(err)
			}
			r, err := c.Read()
			if err != nil {
				t.Fatal(err)
			}
			c.Tear(tear, false)
			if err := c.Write(r.Presence, 3, 5000); !errors.Is(err, terminal.ErrCardSilent) {
				t.Errorf("%s: %v", tear, err)
			}
			raw, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(raw), want.raw) {
				t.Errorf("%s: the card holds %s, %v", tear, raw, err)
			}
			d.B, d.L = want.balance, want.l
			isCard(t, path, d) // as an auditor would read it
			if spend > 0 {     // a meal before the next tap
				if err := c.Purchase(spend); err != nil {
					t.Fatal(err)
				}
				d.B, d.P = d.B-spend, d.P+1
			}
			if r, err = c.Read(); err != nil || r.CardData != d {
				t.Errorf("%s: read %+v, %v", tear, r, err)
			}
			// The next write is whole, and nothing old comes back after it.
			if err := c.Write(r.Presence, d.L, 100); err != nil {
				t.Fatal(err)
			}
			if err := c.Purchase(50); err != nil {
				t.Fatal(err)
			}
			d.B, d.L, d.P = d.B+50, d.L+1, d.P+1
			isCard(t, path, d)
		}
	}
}

func TestPurseProvesItsLoad(t *testing.T) {
	t.Parallel()
	b := profiled(t, terminal.ProfileEPurse)
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten || out.After.TAC == "" || out.After.TACAt != "20261123040003" {
		t.Fatalf("outcome %+v, %v", out, err)
	}
	records, err := term.Journal().Records()
	if err != nil || len(records[0].Tap.MAC1) != 8 || len(records[0].Tap.Random) != 8 || records[0].Tap.TAC != "" {
		t.Errorf("tap was %+v, %v", records[0].Tap, err)
	}
	if r := b.hub.Results[0]; r.TAC != out.After.TAC || r.TACAt != out.After.TACAt {
		t.Errorf("result %+v", r)
	}
	b.card.Leave()
	_, err = term.Tap(t.Context(), b.card)
	b.want(err, nil)
	records, err = term.Journal().Records()
	if err != nil || records[5].Tap.TAC != out.After.TAC {
		t.Errorf("the next tap was %+v, %v", records[5].Tap, err)
	}
}

// Without a MAC2 a purse takes nothing; that is seen before the intent.
func TestPurseWithoutAMacIsNotBegun(t *testing.T) {
	t.Parallel()
	b := profiled(t, terminal.ProfileEPurse)
	b.hub.Outer = func(a map[string]any) { delete(a, "mac2") }
	term := b.terminal()
	_, err := term.Tap(t.Context(), b.card)
	b.want(err, terminal.ErrAuthorisation)
	b.holds(1200, 3)
	b.wrote(term, terminal.TapSent, terminal.TapAbandoned)
}

// refusing is a security module that finds the MAC2 wrong.
type refusing struct{ terminal.Placeholder }

var errWrongMAC = errors.New("6988")

func (refusing) Credit(terminal.CardData, terminal.Credit, string) (string, error) {
	return "", errWrongMAC
}

func TestPurseThatRefusesTheMacIsUntouched(t *testing.T) {
	t.Parallel()
	b := profiled(t, terminal.ProfileEPurse)
	b.card.Use(refusing{})
	out, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrMAC)
	b.want(err, errWrongMAC)
	if out.Outcome != terminal.OutcomeUnknown || b.hub.Results[0].Outcome != "unknown" {
		t.Errorf("outcome %+v", out)
	}
	b.holds(1200, 3)
}

// Another machine moves the counter where the hub's load was to go: it was not
// written, and the card's own log says so.
func TestOutsideLoadInPlaceOfTheHubsIsToldByTheLog(t *testing.T) {
	t.Parallel()
	b := profiled(t, terminal.ProfileShared)
	b.diesTapping(terminal.StepWrite)
	b.card.Leave()
	b.want(b.card.OutsideLoad(300), nil)
	b.holds(1500, 4)
	term := b.terminal()
	out, err := term.Tap(t.Context(), b.card)
	if err != nil || out.Outcome != terminal.OutcomeWritten || b.hub.Loads["070001"].State != "CANCELLED" {
		t.Errorf("outcome %+v, %v", out, err)
	}
	b.holds(6500, 5)
	records, err := term.Journal().Records()
	if err != nil {
		t.Fatal(err)
	}
	tap := records[len(records)-5].Tap
	if tap.Log == nil || *tap.Log != (terminal.CardLog{AmountFen: 300, Terminal: terminal.OutsideTerminal}) {
		t.Errorf("the tap tells %+v", tap.Log)
	}
	if r := b.hub.Results[0]; *r.Log != (terminal.CardLog{AmountFen: waiting, Terminal: "T1"}) {
		t.Errorf("the result tells %+v", r.Log)
	}
}

// A silent card speaks for the load only with the load's own entry in its log.
func TestSilentSharedCardWithAnothersEntryIsUnknown(t *testing.T) {
	t.Parallel()
	b := profiled(t, terminal.ProfileShared)
	b.card.Tear(terminal.TearNothing, true)
	b.before = at(terminal.StepWritten, func() { b.want(b.card.OutsideLoad(waiting), nil) })
	out, err := b.terminal().Tap(t.Context(), b.card)
	b.want(err, terminal.ErrCardSilent)
	if out.Outcome != terminal.OutcomeUnknown {
		t.Errorf("outcome %+v", out)
	}
	b.holds(6200, 4)
}

func TestOnlySharedCardsHaveOutsideLoads(t *testing.T) {
	t.Parallel()
	for _, p := range profiles() {
		b := profiled(t, p)
		err := b.card.OutsideLoad(100)
		if (err == nil) != (p == terminal.ProfileShared) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestCashMovesTheBalanceAndNoCounter(t *testing.T) {
	t.Parallel()
	for _, p := range profiles() {
		b := profiled(t, p)
		b.want(b.card.CashTopUp(300), nil)
		d := theCard()
		d.Profile, d.B = p, 1500
		if got, err := b.card.Peek(); err != nil || got != d {
			t.Errorf("%s: %+v, %v", p, got, err)
		}
		for _, amount := range []int64{0, -1} {
			b.want(b.card.CashTopUp(amount), terminal.ErrAmount)
		}
	}
}

// Cash that comes between the reading and the write stays.
func TestCashBeforeTheWriteIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, p := range profiles() {
		b := profiled(t, p)
		b.before = at(terminal.StepWrite, func() { b.want(b.card.CashTopUp(300), nil) })
		_, err := b.terminal().Tap(t.Context(), b.card)
		b.want(err, nil)
		b.holds(1200+300+waiting, 4)
	}
}

func TestUnknownProfileIsNoCard(t *testing.T) {
	t.Parallel()
	d := theCard()
	d.Profile = "magstripe"
	if _, err := terminal.NewCard(t.TempDir()+"/card.json", d); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("new card: %v", err)
	}
}
