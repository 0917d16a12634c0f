package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"guodu/cmd/hub/app"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

type refunds struct {
	Make makeRefund  `cmd:"" help:"Give pending money of an order back to its payer, the way it came. Takes two names."`
	List listRefunds `cmd:"" help:"List the refunds of an order, whoever asked for them."`

	Return returnRefund `cmd:"" help:"Give the money of a refund back to its account, when the channel says that it does not know of the refund and nothing was sent for ten minutes. Takes two names. What the channel does know is settled instead."`
}

type makeRefund struct {
	Order  string   `arg:"" help:"The order's number."`
	Amount string   `help:"In yuan; default: all that is left of the order." placeholder:"YUAN"`
	As     []string `required:"" help:"Who asks, and who agrees: two different names." placeholder:"NAME"`
	Why    line     `required:"" help:"Kept with the refund." placeholder:"TEXT"`
	Frozen bool     `help:"Although the account is frozen."`
	Again  bool     `help:"Although the same refund was made within 24 hours: the same amount, names and reason."`
}

// errTwoNames says that one person alone moves no money.
var errTwoNames = errors.New("money takes two different names: --as A --as B")

// twoNames are those of who asks and who agrees.
func twoNames(as []string) (string, error) {
	for _, name := range as {
		if err := checkName(name); err != nil {
			return "", err
		}
	}
	if len(as) != 2 || skeleton(as[0]) == skeleton(as[1]) {
		return "", errTwoNames
	}
	return as[0] + "+" + as[1], nil
}

// Run holds the money and asks the channel once; the serving hubs go on asking.
func (c makeRefund) Run(r run) error {
	no, err := transition.ParseOrderNo(c.Order)
	if err != nil {
		return err
	}
	by, err := twoNames(c.As)
	if err != nil {
		return err
	}
	return r.beside(func(hub *app.Hub) error {
		o, err := hub.Books().Order(r.ctx, no)
		if err != nil {
			return err
		}
		amount := o.Left()
		if c.Amount != "" {
			amount, err = fen.Parse(c.Amount)
			if err != nil {
				return err
			}
		}
		like, err := c.like(r, hub, o, amount)
		if err != nil {
			return err
		}
		if n := len(like); n > 0 && !c.Again && time.Since(like[n-1].At) < sameWithin {
			printRefund(r.out, like[n-1])
			fmt.Fprintln(r.out, "made before; --again makes another one")
			return nil
		}
		refund, err := hub.Orders().Refund(r.ctx, recharge.RefundWish{
			Account: o.Account, Order: no, Amount: amount, By: by, Why: string(c.Why), Frozen: c.Frozen,
			// Of two who type the same at once, and of two tries of one, one is made.
			Key: idempotency.Key(idempotency.Fingerprint("refunds make", string(no), amount.String(), pair(by), string(c.Why), strconv.Itoa(len(like)))),
		})
		if err != nil {
			return err
		}
		printRefund(r.out, refund)
		if refund.State == transition.RefundHeld {
			fmt.Fprintln(r.out, "held: the serving hub goes on asking the channel")
		}
		return nil
	})
}

// sameWithin is how long the same refund typed again makes no other one.
const sameWithin = 24 * time.Hour

// pair is the two names in either order.
func pair(by string) string {
	names := strings.Split(by, "+")
	for i := range names {
		names[i] = skeleton(names[i])
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// like are the refunds of an order that are like the wanted one, oldest first: the
// amount, both names and the reason.
func (c makeRefund) like(r run, hub *app.Hub, o transition.Order, amount fen.Fen) ([]transition.RefundOrder, error) {
	all, err := hub.Books().Refunds(r.ctx, o)
	if err != nil {
		return nil, err
	}
	by := strings.Join(c.As, "+")
	all = slices.DeleteFunc(all, func(one transition.RefundOrder) bool {
		other := !one.Ours || pair(one.By) != pair(by) || one.Why != string(c.Why)
		// Without an amount all that is left was meant, and that is another one now.
		return other || one.State == transition.RefundReturned || c.Amount != "" && one.Amount != amount
	})
	slices.SortFunc(all, func(a, b transition.RefundOrder) int { return a.At.Compare(b.At) })
	return all, nil
}

type returnRefund struct {
	Refund string   `arg:"" help:"The refund's number."`
	As     []string `required:"" help:"Who asks, and who agrees: two different names." placeholder:"NAME"`
	Why    line     `required:"" help:"Kept with the refund." placeholder:"TEXT"`
}

// Run asks the channel once more, and gives back what it does not know of.
func (c returnRefund) Run(r run) error {
	no, err := transition.ParseRefundNo(c.Refund)
	if err != nil {
		return err
	}
	by, err := twoNames(c.As)
	if err != nil {
		return err
	}
	return r.beside(func(hub *app.Hub) error {
		refund, err := hub.Orders().GiveBack(r.ctx, no, by, string(c.Why))
		if err != nil {
			return err
		}
		printRefund(r.out, refund)
		return nil
	})
}

type listRefunds struct {
	Order string `arg:"" help:"The order's number."`
}

// Run prints the refunds.
func (c listRefunds) Run(r run) error {
	no, err := transition.ParseOrderNo(c.Order)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		o, err := hub.Books().Order(r.ctx, no)
		if err != nil {
			return err
		}
		all, err := hub.Books().Refunds(r.ctx, o)
		if err != nil {
			return err
		}
		for _, one := range all {
			printRefund(r.out, one)
		}
		fmt.Fprintf(r.out, "order %s of %s yuan: %s refunded, %s under way\n", o.No, o.Amount.Yuan(), o.Refunded.Yuan(), o.Refunding.Yuan())
		return nil
	})
}

func printRefund(out io.Writer, r transition.RefundOrder) {
	whose := "outside"
	if r.Ours {
		whose = r.By + " (" + r.Why + ")"
	}
	fmt.Fprintf(out, "%s  %-9s %10s yuan  %s  %s %s %s\n", app.Moment(r.At), r.State, r.Amount.Yuan(), r.No, shown(whose), shown(r.Word), r.Flag)
}
