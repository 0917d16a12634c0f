package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"guodu/channels"
	"guodu/cmd/hub/app"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

type cases struct {
	List   listCases  `cmd:"" default:"withargs" help:"List the open cases, oldest first."`
	Show   showCase   `cmd:"" help:"Show a case: evidence, what it holds, who did what with it, what can be done."`
	Credit creditCase `cmd:"" help:"Credit the payment of a case to the account of its order, after asking the channel again. A lost order is rebuilt from the channel's word. Takes two names."`
	Refund refundCase `cmd:"" help:"Give what a case holds back to its payer, the way it came. What the channel gave back already is booked. Takes two names."`
	Close  closeCase  `cmd:"" help:"Close a case that holds no money. With --disown also one that does: its money is not guodu's and leaves the books. That takes two names."`
	Reopen reopenCase `cmd:"" help:"Take a close back, with the money. With money it takes two names."`
}

type listCases struct {
	All bool `help:"The closed ones as well."`
}

// Run prints the cases, a line and a reason each.
func (c listCases) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		all, err := hub.Books().Cases(r.ctx)
		if err != nil {
			return err
		}
		open, held := 0, fen.Fen(0)
		for _, one := range all {
			if one.Open {
				open++
				held += one.Suspense
			}
			if one.Open || c.All {
				printCase(r.out, one, time.Now())
			}
		}
		fmt.Fprintf(r.out, "%d open, holding %s yuan\n", open, held.Yuan())
		return nil
	})
}

func printCase(out io.Writer, c transition.Case, now time.Time) {
	state := "open"
	if !c.Open {
		state = "closed"
		if c.Decision != transition.Undecided {
			state = string(c.Decision)
		}
	}
	fmt.Fprintf(out, "%-8s %-16s %10s yuan  %s old, seen %d  %s\n  %s\n", state, c.Kind, c.Suspense.Yuan(), age(now.Sub(c.Opened)), c.Times,
		shown(c.ID), shown(evidenceOf(c)["why"]))
}

// age is a length of time as people say it.
func age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func evidenceOf(c transition.Case) map[string]string {
	var e map[string]string
	if err := json.Unmarshal(c.Evidence, &e); err != nil {
		return map[string]string{"why": string(c.Evidence)}
	}
	if e["why"] == "" {
		e["why"] = e["evidence"]
	}
	return e
}

type showCase struct {
	Case string `arg:"" help:"The case's id, as in the list."`
}

// Run prints everything about a case.
func (c showCase) Run(r run) error {
	return r.money(func(hub *app.Hub) error {
		one, err := hub.Books().Case(r.ctx, c.Case)
		if err != nil {
			return err
		}
		printCase(r.out, one, time.Now())
		e := evidenceOf(one)
		for _, name := range slices.Sorted(maps.Keys(e)) {
			if name != "why" && e[name] != "" {
				fmt.Fprintf(r.out, "  %-10s %s\n", name, shown(e[name]))
			}
		}
		fmt.Fprintf(r.out, "  opened %s\n", app.Moment(one.Opened))
		if one.Refunded > one.Returned {
			fmt.Fprintf(r.out, "  the channel told of refunds of %s yuan, %s are known\n", one.Refunded.Yuan(), one.Returned.Yuan())
		}
		if one.Refunding > 0 || one.Returned > 0 || len(one.Refunds) > 0 {
			fmt.Fprintf(r.out, "  on its way back %s yuan, gone back %s yuan: %v\n", one.Refunding.Yuan(), one.Returned.Yuan(), shown(fmt.Sprint(one.Refunds)))
		}
		for _, note := range one.Notes {
			fmt.Fprintf(r.out, "  %s\n", shown(note))
		}
		fmt.Fprintln(r.out, whatNext(one))
		return nil
	})
}

// whatNext says what can be done with a case.
func whatNext(c transition.Case) string {
	switch {
	case c.Open && c.Refunding > 0:
		return "nothing to do: the serving hub goes on asking the channel about the refund"
	case c.Open && c.Suspense > 0:
		return "credit it to its account, refund it to its payer, or close --disown it if its money is not guodu's"
	case c.Open:
		return "close it once it is dealt with: it holds no money"
	case c.Decision == transition.DecidedClosed, c.Decision == transition.DecidedDisowned:
		return "it can be reopened"
	}
	return "its money was " + map[bool]string{true: "given back", false: "credited"}[c.Decision == transition.DecidedRefunded]
}

// people are who decides about a case, and why.
type people struct {
	As  []string `required:"" help:"Who decides; for money who asks and who agrees: two different names." placeholder:"NAME"`
	Why line     `required:"" help:"Kept with the case." placeholder:"TEXT"`
}

// errNames says how many names a decision takes.
var errNames = errors.New("name who decides: --as A, and for money --as A --as B")

// word checks the names; money takes two.
func (p people) word(money bool) (recharge.Word, error) {
	if money || len(p.As) == 2 {
		by, err := twoNames(p.As)
		return recharge.Word{By: by, Why: string(p.Why)}, err
	}
	if len(p.As) != 1 {
		return recharge.Word{}, errNames
	}
	if err := checkName(p.As[0]); err != nil {
		return recharge.Word{}, err
	}
	return recharge.Word{By: p.As[0], Why: string(p.Why)}, nil
}

type creditCase struct {
	Case    string `arg:"" help:"The case's id, as in the list."`
	Account string `help:"The account, for a lost order whose payment names none (Alipay's queries do not)." placeholder:"NUMBER"`

	NoRefunds bool `help:"The merchant's platform was looked at: of the refunds that the channel once told of, no more were made than are known."`
	people
}

// Run credits the case.
func (c creditCase) Run(r run) error {
	word, err := c.word(true)
	if err != nil {
		return err
	}
	var account transition.AccountNo
	if c.Account != "" {
		account, err = transition.ParseAccountNo(c.Account)
		if err != nil {
			return err
		}
	}
	word.NoRefunds = c.NoRefunds
	return r.beside(func(hub *app.Hub) error {
		outcome, err := hub.Orders().CreditCase(r.ctx, c.Case, account, word)
		if err != nil {
			return err
		}
		fmt.Fprintln(r.out, map[channels.Outcome]string{channels.OutcomeCredited: "credited", channels.OutcomeDuplicate: "was credited before"}[outcome])
		return nil
	})
}

type refundCase struct {
	Case string `arg:"" help:"The case's id, as in the list."`
	Made string `help:"A refund that the channel has made under this number and does not name by itself." placeholder:"NUMBER"`
	people
}

// Run gives the money of the case back.
func (c refundCase) Run(r run) error {
	word, err := c.word(true)
	if err != nil {
		return err
	}
	return r.beside(func(hub *app.Hub) error {
		refund, err := hub.Orders().RefundCase(r.ctx, c.Case, c.Made, word)
		if err != nil {
			return err
		}
		if refund.No == "" {
			fmt.Fprintln(r.out, "booked: the channel had given it all back already")
			return nil
		}
		printRefund(r.out, refund)
		if refund.State == transition.RefundHeld {
			fmt.Fprintln(r.out, "held: the serving hub goes on asking the channel")
		}
		return nil
	})
}

type closeCase struct {
	Case   string `arg:"" help:"The case's id, as in the list."`
	Disown bool   `help:"Although it holds money: that is not guodu's, and leaves the books."`
	people
}

// Run closes the case.
func (c closeCase) Run(r run) error {
	word, err := c.word(c.Disown)
	if err != nil {
		return err
	}
	return r.beside(func(hub *app.Hub) error {
		err := hub.Orders().CloseCase(r.ctx, c.Case, c.Disown, word)
		if errors.Is(err, transition.ErrSuspense) {
			return fmt.Errorf("%w: credit it, refund it, or --disown it", err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(r.out, "closed; hub cases reopen takes it back")
		return nil
	})
}

type reopenCase struct {
	Case string `arg:"" help:"The case's id, as in the list."`
	people
}

// Run opens the case again.
func (c reopenCase) Run(r run) error {
	return r.beside(func(hub *app.Hub) error {
		one, err := hub.Books().Case(r.ctx, c.Case)
		if err != nil {
			return err
		}
		word, err := c.word(one.Decision == transition.DecidedDisowned)
		if err != nil {
			return err
		}
		err = hub.Orders().ReopenCase(r.ctx, c.Case, word)
		if err != nil {
			return err
		}
		fmt.Fprintln(r.out, "open again")
		return nil
	})
}
