package main_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"guodu/mocks/phone"
	"guodu/mocks/terminal"
	"guodu/transition"
	"guodu/transition/transitiontest"
)

// decidedLoad appends the words of a decision about a load to a command.
func decidedLoad(args ...string) []string {
	return append(args, "--as", "li", "--as", "王伟", "--why", "the card was seen")
}

// pos is the campus' terminal, signed in.
func (c *campus) pos() *terminal.Terminal {
	c.t.Helper()
	pos, err := c.Terminal(nil)
	if err == nil {
		_, err = pos.SignIn(c.ctx)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = pos.Close() })
	return pos
}

// desk registers a terminal of role desk and signs it in.
func (c *campus) desk() *terminal.Terminal {
	c.t.Helper()
	key := ed25519.NewKeyFromSeed([]byte("the seed of a terminal at a desk"))
	public, _ := key.Public().(ed25519.PublicKey)
	c.must("D1 is registered", "terminals", "add", "D1", base64.StdEncoding.EncodeToString(public), "--role", "desk", "--place", "卡务中心")
	desk, err := terminal.New(terminal.Options{ID: "D1", Key: key, HubKey: c.HubKey, BaseURL: c.front.url, Dir: c.t.TempDir()})
	if err == nil {
		_, err = desk.SignIn(c.ctx)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = desk.Close() })
	return desk
}

// credited pays and lets the hub know.
func (c *campus) credited(holder *phone.Phone, yuan string) {
	c.t.Helper()
	order, err := holder.Recharge(c.ctx, yuan)
	if err == nil {
		err = c.callback(order)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// tornTap pays 50.00 and taps a card whose write ends in a tear.
func (c *campus) tornTap(holder *phone.Phone, pos *terminal.Terminal, kind terminal.TearKind) (*terminal.Card, transition.LoadRecord) {
	c.t.Helper()
	c.credited(holder, "50.00")
	card, err := c.Card()
	if err != nil {
		c.t.Fatal(err)
	}
	card.Tear(kind, false)
	out, err := pos.Tap(c.ctx, card)
	card.Leave()
	if out.Outcome != terminal.OutcomeUnknown {
		c.t.Fatalf("%+v, %v", out, err)
	}
	open, err := c.inside().Books().OpenLoads(c.ctx)
	if err != nil || len(open) != 1 {
		c.t.Fatalf("open loads %+v, %v", open, err)
	}
	return card, open[0]
}

func TestTheDeskEndsALoadInDoubtAndTakesThatBack(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	pos, holder := c.pos(), c.bound()
	card, load := c.tornTap(holder, pos, terminal.TearNothing)
	no := string(load.No)
	c.must("IN_DOUBT", "loads")
	c.must("1 open, binding 50.00 yuan; 0 cards in doubt", "loads", "list", "--by", "amount", "--min", "50")
	c.must("0 open", "loads", "list", "--min", "50.01")
	c.must("result_unknown by T-canteen-1", "loads", "show", no)
	c.must("a tap of the card at any terminal tells", "loads", "show", no)
	for _, names := range [][]string{{"--as", "li"}, {"--as", "li", "--as", "LI"}, {"--as", "li", "--as", "l i"}} {
		c.refuses("name", append([]string{"loads", "confirm", no, "--why", "seen"}, names...)...)
	}
	c.refuses("too early to decide", decidedLoad("loads", "cancel", no)...)
	c.refuses("too early to decide", decidedLoad("loads", "suspend", no)...)
	c.refuses("not a valid number", decidedLoad("loads", "confirm", "x")...)
	c.refuses("ended by evidence", decidedLoad("loads", "undo", c.confirmed(card, pos))...)

	// A wrong decision: the card has it not.
	card, load = c.tornTap(holder, pos, terminal.TearNothing)
	no = string(load.No)
	c.must("CONFIRMED", decidedLoad("loads", "confirm", no)...)
	c.refuses("load has ended", decidedLoad("loads", "confirm", no)...)
	c.must("confirm by li and 王伟: the card was seen", "loads", "show", no)
	c.must("taken back: the load is IN_DOUBT", decidedLoad("loads", "undo", no)...)
	if got := c.confirmed(card, pos); got != no {
		t.Errorf("load %s was written, want %s", got, no)
	}
	a := c.audit(2)
	if a.Pending != 0 || a.LoadHeld != 0 {
		t.Errorf("pending %s, held %s; want all on the card", a.Pending, a.LoadHeld)
	}
}

// confirmed taps the card and returns the load that is on it now.
func (c *campus) confirmed(card *terminal.Card, pos *terminal.Terminal) string {
	c.t.Helper()
	out, err := pos.Tap(c.ctx, card)
	card.Leave()
	if err != nil || out.Outcome != terminal.OutcomeWritten || out.Receipt.State != "CONFIRMED" {
		c.t.Fatalf("%+v, %v", out, err)
	}
	return out.Load
}

func TestATornCardIsMendedAtTheDeskByTwoPeople(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	pos, desk, holder := c.pos(), c.desk(), c.bound()
	card, load := c.tornTap(holder, pos, terminal.TearBeyondRepair)
	no := string(load.No)
	out, err := pos.Tap(c.ctx, card) // the balance has the money, the stamp not: it is read again at once
	card.Leave()
	if out.Reason != "reread" {
		t.Fatalf("%+v, %v", out, err)
	}
	c.must("CONFLICT", "loads")
	c.must("read the card at a terminal of role desk first", "loads", "show", no)
	c.must("mismatch", "accounts", "show", string(load.Account))
	c.refuses("no desk has read the card", decidedLoad("loads", "confirm", no)...)
	if _, err := pos.Desk(c.ctx, card); err == nil {
		t.Error("a canteen's terminal read the card for the desk")
	}
	card.Leave()
	seen, err := desk.Desk(c.ctx, card)
	card.Leave()
	if err != nil || seen.Answers[0].Outcome != "filed" {
		t.Fatalf("%+v, %v", seen, err)
	}
	c.must("CONFIRMED", decidedLoad("loads", "confirm", no)...)
	c.must("the card shall show L and B: 1 5000", "loads", "show", no)
	mended, err := desk.Desk(c.ctx, card)
	card.Leave()
	if err != nil || !mended.Written || mended.Answers[len(mended.Answers)-1].Outcome != "repaired" {
		t.Fatalf("%+v, %v", mended, err)
	}
	c.must("0 open, binding 0.00 yuan; 0 cards in doubt", "loads")
	c.credited(holder, "20.00")
	c.confirmed(card, pos)
	if a := c.audit(2); a.LoadHeld != 0 || a.Frozen() {
		t.Errorf("%+v", a)
	}
}

func TestAMealThatTheCardCentreTellsOfEndsADoubt(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	pos, holder := c.pos(), c.bound()
	c.credited(holder, "10.00")
	card, err := c.Card()
	if err != nil {
		t.Fatal(err)
	}
	c.confirmed(card, pos)
	card, load := c.tornTap(holder, pos, terminal.TearNothing)
	if err := card.Purchase(300); err != nil {
		t.Fatal(err)
	}
	out, err := pos.Tap(c.ctx, card)
	card.Leave()
	if out.Reason != "in_doubt" {
		t.Fatalf("%+v, %v", out, err)
	}
	uid := string(load.UID)
	for _, wrong := range [][]string{
		{"--kind", "spend", "--amount", "3"}, {"--kind", "topup", "--amount", "3"}, {"--kind", "spend", "--counter", "0", "--amount", "3.001"},
		{"--kind", "outside", "--counter", "1", "--amount", "3"}, {"--kind", "topup", "--id", "c1", "--amount", "3", "--at", "noon"},
	} {
		c.refuses("hub:", decidedLoad(append([]string{"loads", "report", uid}, wrong...)...)...)
	}
	c.must("taken", decidedLoad("loads", "report", uid, "--kind", "spend", "--counter", "0", "--amount", "3")...)
	c.refuses("was told before", decidedLoad("loads", "report", uid, "--kind", "spend", "--counter", "0", "--amount", "4")...)
	if got := c.confirmed(card, pos); got != string(load.No) {
		t.Errorf("load %s was written, want %s", got, load.No)
	}
	transitiontest.MustBalance(t, c.inside().Books())
	if data, err := card.Peek(); err != nil || data.B != 5700 {
		t.Errorf("card %+v, %v", data, err)
	}
}

func TestACardThatRanAheadIsAdopted(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	pos, holder := c.pos(), c.bound()
	card, _ := c.tornTap(holder, pos, terminal.TearNothing)
	c.confirmed(card, pos)
	data, err := card.Peek()
	if err != nil {
		t.Fatal(err)
	}
	data.L += 2
	if err := card.Restore(data); err != nil {
		t.Fatal(err)
	}
	out, err := pos.Tap(c.ctx, card)
	card.Leave()
	if out.Reason != "unknown_load" {
		t.Fatalf("%+v, %v", out, err)
	}
	c.must("its counter is 3, the books' 1", "loads")
	c.refuses("it is at 3", decidedLoad("loads", "adopt", data.UID, "--counter", "4")...)
	c.must("decided", decidedLoad("loads", "adopt", data.UID, "--counter", "3")...)
	c.must("taken back: the card is in doubt again", decidedLoad("loads", "undo", data.UID)...)
	c.refuses("nothing stands against the card", decidedLoad("loads", "undo", data.UID)...)
	c.refuses("no such card", decidedLoad("loads", "undo", "neither")...)
	c.must("its counter is 3, the books' 1", "loads")
	c.must("decided", decidedLoad("loads", "adopt", data.UID, "--counter", "3")...)
	c.credited(holder, "20.00")
	c.confirmed(card, pos)
	c.audit(2)
}

func TestRecoveryBeginsAndEndsByName(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.start("")
	pos, holder := c.pos(), c.bound()
	c.must("not in recovery", "recovery")
	c.must("in recovery", "recovery", "begin", "--as", "li", "--why", "the primary was lost")
	c.must("the primary was lost", "recovery")
	c.credited(holder, "50.00")
	card, err := c.Card()
	if err != nil {
		t.Fatal(err)
	}
	out, err := pos.Tap(c.ctx, card)
	card.Leave()
	if out.Reason != "recovery" {
		t.Errorf("%+v, %v", out, err)
	}
	c.refuses("name", "recovery", "end", "--as", "li", "--why", "journals are in")
	c.must("ended", decidedLoad("recovery", "end")...)
	c.confirmed(card, pos)
	if _, output := c.command("recovery"); !strings.Contains(output, "not in recovery") {
		t.Error(output)
	}
	c.audit(1)
}
