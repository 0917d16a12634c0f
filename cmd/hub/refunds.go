package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

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
	Why    string   `required:"" help:"Kept with the refund." placeholder:"TEXT"`
	Frozen bool     `help:"Although the account is frozen."`
}

// errTwoNames says that one person alone moves no money.
var errTwoNames = errors.New("money takes two different names: --as A --as B")

// twoNames are those of who asks and who agrees.
func twoNames(as []string) (string, error) {
	if len(as) != 2 || strings.EqualFold(as[0], as[1]) {
		return "", errTwoNames
	}
	for _, name := range as {
		if err := checkName(name); err != nil {
			return "", err
		}
	}
	return as[0] + "+" + as[1], nil
}

// checkName takes what can be told apart on paper: letters of any script, digits,
// and . _ -
func checkName(name string) error {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	if name == "" || len(name) > 32 || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("name %.40q: want letters, digits and . _ -, at most 32 bytes", name)
	}
	return nil
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
		before, err := c.before(r, hub, o, by)
		if err != nil || before {
			return err
		}
		refund, err := hub.Orders().Refund(r.ctx, recharge.RefundWish{
			Account: o.Account, Order: no, Amount: amount, By: by, Why: c.Why, Frozen: c.Frozen,
			Key: idempotency.Key(idempotency.Fingerprint("refunds make", string(no), c.Amount, by, c.Why)),
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

// before prints the refund that this very command has made already: typed again it
// makes no other one. A second refund like the first has a reason of its own.
func (c makeRefund) before(r run, hub *app.Hub, o transition.Order, by string) (bool, error) {
	refunds, err := hub.Books().Refunds(r.ctx, o)
	if err != nil {
		return false, err
	}
	for _, one := range refunds {
		same := one.Ours && one.By == by && one.Why == c.Why && one.State != transition.RefundReturned
		if same && (c.Amount == "" || one.Amount.Yuan() == c.Amount) {
			printRefund(r.out, one)
			fmt.Fprintln(r.out, "made before; another one needs another --why")
			return true, nil
		}
	}
	return false, nil
}

type returnRefund struct {
	Refund string   `arg:"" help:"The refund's number."`
	As     []string `required:"" help:"Who asks, and who agrees: two different names." placeholder:"NAME"`
	Why    string   `required:"" help:"Kept with the refund." placeholder:"TEXT"`
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
		refund, err := hub.Orders().GiveBack(r.ctx, no, by, c.Why)
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
	fmt.Fprintf(out, "%s  %-9s %10s yuan  %s  %s %s %s\n", app.Moment(r.At), r.State, r.Amount.Yuan(), r.No, whose, r.Word, r.Flag)
}
