package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"guodu/cmd/hub/app"
	"guodu/internal/fen"
	"guodu/transition"
)

type loads struct {
	List    listLoads   `cmd:"" default:"withargs" help:"List the loads that bind money, the oldest first, and the cards in doubt."`
	Show    showLoad    `cmd:"" help:"Show a load: evidence, attempts, what was decided, what can be done."`
	Confirm confirmLoad `cmd:"" help:"Decide that the card has a load. Takes two names."`
	Cancel  cancelLoad  `cmd:"" help:"Decide that the card has a load not: its money is pending again. Takes two names."`
	Suspend suspendLoad `cmd:"" help:"Take a load's money into suspense, because nobody can say. Takes two names."`
	Undo    undoLoad    `cmd:"" help:"Take back what was decided about a load, or adopted of a card, by a counter-entry. Takes two names."`
	Report  reportCard  `cmd:"" help:"Tell what else moved a card, as its core has it: a purchase, another machine's load, cash. Takes two names."`
	Adopt   adoptCard   `cmd:"" help:"Take the counter of a card that is ahead of the books for true, with what the card got; the same counter again puts the amount right. Takes two names."`
	Repair  repairCard  `cmd:"" help:"Say what a card in conflict without a load shall hold; the desk's terminal writes it. Takes two names."`
}

// twoPeople are the two who decide, and why.
type twoPeople struct {
	As  []string `required:"" help:"Who asks and who agrees: two different names." placeholder:"NAME"`
	Why line     `required:"" help:"Kept with the decision." placeholder:"TEXT"`
}

func (p twoPeople) names() (by, second string, err error) {
	if _, err := twoNames(p.As); err != nil {
		return "", "", err
	}
	return p.As[0], p.As[1], nil
}

type listLoads struct {
	Min string `help:"Only loads of at least so much." placeholder:"YUAN"`
	By  string `help:"Sort by age or amount." enum:"age,amount" default:"age"`
}

// Run prints the open loads, a line each, and the cards.
func (c listLoads) Run(r run) error {
	least := fen.Fen(0)
	if c.Min != "" {
		var err error
		if least, err = fen.Parse(c.Min); err != nil {
			return err
		}
	}
	return r.money(func(hub *app.Hub) error {
		all, err := hub.Books().OpenLoads(r.ctx)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(l transition.LoadRecord) bool { return l.Amount < least })
		slices.SortFunc(all, func(a, b transition.LoadRecord) int {
			if c.By == "amount" {
				return cmp.Or(-cmp.Compare(a.Amount, b.Amount), a.Held.Compare(b.Held))
			}
			return cmp.Or(a.Held.Compare(b.Held), cmp.Compare(a.No, b.No))
		})
		held := fen.Fen(0)
		for _, l := range all {
			held += l.Amount
			printLoad(r.out, l, time.Now())
		}
		cards, err := hub.Books().CardsInDoubt(r.ctx)
		if err != nil {
			return err
		}
		for _, card := range cards {
			printCard(r.out, card)
		}
		fmt.Fprintf(r.out, "%d open, binding %s yuan; %d cards in doubt\n", len(all), held.Yuan(), len(cards))
		return nil
	})
}

func printLoad(out io.Writer, l transition.LoadRecord, now time.Time) {
	fmt.Fprintf(out, "%-9s %10s yuan  %s old  %s  account %s  card %s  attempts %d, live %d\n", l.State, l.Amount.Yuan(),
		age(now.Sub(l.Held)), l.No, l.Account, l.CardNo, l.Attempts, len(l.Live))
}

func printCard(out io.Writer, c transition.CardState) {
	ledger := "never seen"
	if c.L != nil {
		ledger = fmt.Sprint(*c.L)
	}
	switch {
	case c.Mark == "UNKNOWN_LOAD":
		fmt.Fprintf(out, "UNKNOWN_LOAD  card %s (%s)  account %s  its counter is %d, the books' %s\n", c.No, c.UID, c.Account, c.Seen, ledger)
		fmt.Fprintf(out, "  a journal or a report may explain it; else two people: hub loads adopt %s --counter %d --amount …\n", c.UID, c.Seen)
	case c.Mark != "":
		fmt.Fprintf(out, "%s  card %s (%s)  account %s  books' counter %s  desk read: %s  shall show: %s\n", c.Mark, c.No, c.UID, c.Account,
			ledger, cmp.Or(c.Desk, "not yet"), cmp.Or(c.Repair, "not decided"))
		if c.Open == "" {
			fmt.Fprintf(out, "  read at a desk; then two people: hub loads repair %s --balance …\n", c.UID)
		}
	default:
		fmt.Fprintf(out, "DOUBT  card %s (%s)  account %s  version=why %s; version:step of loads that were lost: %s\n", c.No, c.UID, c.Account,
			strings.Join(c.Doubts, ", "),
			cmp.Or(strings.Join(c.Lost, ", "), "none"))
		fmt.Fprintf(out, "  a journal or the card's next load may explain it; else two people: hub loads adopt %s --version VERSION --counter STEP+1 --amount …\n", c.UID)
	}
}

type showLoad struct {
	Load string `arg:"" help:"The load's number, as in the list."`
}

// Run prints everything about a load.
func (c showLoad) Run(r run) error {
	no, err := transition.ParseLoadNo(c.Load)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		l, err := hub.Books().LoadRecord(r.ctx, no)
		if err != nil {
			return err
		}
		card, err := hub.Books().CardState(r.ctx, l.UID)
		if err != nil {
			return err
		}
		clock := func(t time.Time) string { return app.Moment(t) }
		printLoad(r.out, l, time.Now())
		fmt.Fprintf(r.out, "  card       %s version %s, profile %s; at the newest attempt L=%d B=%s P=%s\n", l.UID, l.Version, l.Profile, l.L0,
			l.B0.Yuan(), cmp.Or(l.P0, "-"))
		fmt.Fprintf(r.out, "  held       %s, deadline %s, last authorisation until %s\n", clock(l.Held), clock(l.Deadline), clock(l.NotAfter))
		for _, a := range l.Live {
			fmt.Fprintf(r.out, "  attempt    %d at terminal %s, tap %s\n", a.N, a.Terminal, a.TapID)
		}
		e := l.Evidence
		if e.Kind != "" {
			fmt.Fprintf(r.out, "  evidence   %s by %s %s: L=%s B=%s P=%s, %s\n", e.Kind, e.Terminal, e.TapID, e.L, e.B, e.P, clock(e.At))
		}
		if l.Short {
			fmt.Fprintln(r.out, "  balance    the counter said written, the balance did not")
		}
		if card.Desk != "" {
			fmt.Fprintf(r.out, "  desk       %s\n", card.Desk)
		}
		if card.Repair != "" {
			fmt.Fprintf(r.out, "  repair     the card shall show L and B: %s\n", card.Repair)
		}
		if d := l.Decision; d != nil {
			fmt.Fprintf(r.out, "  decided    %s by %s and %s: %s\n", d.Verdict, d.By, d.Second, shown(d.Why))
		}
		if l.Undone != "" {
			fmt.Fprintf(r.out, "  undone     %s\n", l.Undone)
		}
		fmt.Fprintln(r.out, loadNext(l, card))
		return nil
	})
}

// loadNext says what can be done with a load.
func loadNext(l transition.LoadRecord, card transition.CardState) string {
	switch {
	case l.State == transition.LoadConflict && card.Desk == "":
		return "read the card at a terminal of role desk first"
	case l.State.Open():
		return "a tap of the card at any terminal tells; else two people: confirm, cancel or suspend"
	case l.State == transition.LoadSuspended:
		return "two people: confirm or cancel, once somebody can say; undo, as long as nothing rests on it"
	case l.Decision != nil:
		return "undo takes the decision back, as long as nothing rests on it"
	}
	return "ended by evidence"
}

// decideLoad is a verdict on a load.
type decideLoad struct {
	Load    string `arg:"" help:"The load's number, as in the list."`
	Balance string `help:"What a card in conflict shall show in the end, if not what the desk read." placeholder:"YUAN"`
	twoPeople
}

type (
	confirmLoad struct{ decideLoad }
	cancelLoad  struct{ decideLoad }
	suspendLoad struct{ decideLoad }
)

// Run confirms the load.
func (c confirmLoad) Run(r run) error { return c.run(r, transition.VerdictConfirm) }

// Run cancels the load.
func (c cancelLoad) Run(r run) error { return c.run(r, transition.VerdictCancel) }

// Run takes the load's money into suspense.
func (c suspendLoad) Run(r run) error { return c.run(r, transition.VerdictSuspend) }

func (c decideLoad) run(r run, verdict transition.Verdict) error {
	by, second, err := c.names()
	if err != nil {
		return err
	}
	no, err := transition.ParseLoadNo(c.Load)
	if err != nil {
		return err
	}
	d := transition.LoadDecision{Load: no, Verdict: verdict, By: by, Second: second, Why: string(c.Why)}
	if c.Balance != "" {
		balance, err := fen.Parse(c.Balance)
		if err != nil {
			return err
		}
		d.Balance = &balance
	}
	return r.money(func(hub *app.Hub) error {
		state, err := hub.Books().DecideLoad(r.ctx, d)
		if errors.Is(err, transition.ErrNoReading) {
			return fmt.Errorf("%w: read it at a terminal of role desk, then decide", err)
		}
		if err != nil {
			return err
		}
		r.log.Warn("people decided about a load", "load", no, "verdict", verdict, "by", by, "second", second, "state", state)
		fmt.Fprintf(r.out, "%s; hub loads undo takes it back\n", state)
		return nil
	})
}

type undoLoad struct {
	What string `arg:"" name:"load-or-card" help:"The load's number; the card's UID if its counter was adopted without a load."`
	twoPeople
}

// Run takes a decision back.
func (c undoLoad) Run(r run) error {
	by, second, err := c.names()
	if err != nil {
		return err
	}
	no, notLoad := transition.ParseLoadNo(c.What)
	uid, notCard := transition.ParseCardUID(c.What)
	if notLoad != nil && notCard != nil {
		return notLoad
	}
	return r.money(func(hub *app.Hub) error {
		if notLoad != nil {
			err := hub.Books().UndoCard(r.ctx, uid, by, second, string(c.Why))
			if err != nil {
				return err
			}
			r.log.Warn("a card's adopted counter was taken back", "card", uid, "by", by, "second", second)
			fmt.Fprintln(r.out, "taken back: the card is in doubt again")
			return nil
		}
		err := hub.Books().UndoLoad(r.ctx, no, by, second, string(c.Why))
		if err != nil {
			return err
		}
		r.log.Warn("a decision about a load was taken back", "load", no, "by", by, "second", second)
		l, err := hub.Books().LoadRecord(r.ctx, no)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "taken back: the load is %s\n", l.State)
		return nil
	})
}

type adoptCard struct {
	Card    string `arg:"" help:"The card's UID, as in the list."`
	Counter int64  `required:"" help:"The card's load counter, as in the list."`
	Amount  string `help:"What the card got by it, of its own log; nothing if left out." placeholder:"YUAN"`
	Version string `help:"The card's, before it was personalised anew." placeholder:"VERSION"`
	twoPeople
}

// Run adopts the card's counter.
func (c adoptCard) Run(r run) error {
	return decideCard(r, c.twoPeople, c.Card, c.Amount, transition.CardDecision{Adopt: true, Seen: c.Counter, Version: c.Version})
}

type repairCard struct {
	Card    string `arg:"" help:"The card's UID, as in the list."`
	Balance string `required:"" help:"What the card shall hold; its counter shall be the books'." placeholder:"YUAN"`
	twoPeople
}

// Run says what the card shall show.
func (c repairCard) Run(r run) error {
	return decideCard(r, c.twoPeople, c.Card, c.Balance, transition.CardDecision{})
}

func decideCard(r run, p twoPeople, card, amount string, d transition.CardDecision) error {
	var err error
	if d.By, d.Second, err = p.names(); err != nil {
		return err
	}
	if d.UID, err = transition.ParseCardUID(card); err != nil {
		return err
	}
	if amount != "" {
		if d.Amount, err = fen.Parse(amount); err != nil {
			return err
		}
	}
	d.Why = string(p.Why)
	return r.money(func(hub *app.Hub) error {
		err := hub.Books().DecideCard(r.ctx, d)
		if err != nil {
			return err
		}
		r.log.Warn("people decided about a card", "card", d.UID, "adopt", d.Adopt, "amount_fen", int64(d.Amount), "by", d.By, "second", d.Second)
		fmt.Fprintln(r.out, "decided")
		return nil
	})
}
