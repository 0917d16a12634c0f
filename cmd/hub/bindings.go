package main

import (
	"errors"
	"fmt"

	"guodu/binding"
	"guodu/cmd/hub/app"
	"guodu/transition"
)

type bindings struct {
	List listBindings `cmd:"" help:"Say who is bound to an account, and which bindings were ended."`
	End  endBinding   `cmd:"" help:"End a binding that list names. The payer is told, without your name. Money and orders stay with the account."`
}

type listBindings struct {
	Account string `arg:"" help:"The account's number."`
}

// Run prints the bindings, oldest first, and those that were ended, newest first.
func (c listBindings) Run(r run) error {
	account, err := transition.ParseAccountNo(c.Account)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		links, key, err := hub.Bindings()
		if err != nil {
			return err
		}
		all, err := links.Bindings(r.ctx, string(account))
		if err != nil {
			return err
		}
		ended, err := links.Ended(r.ctx, string(account))
		if err != nil {
			return err
		}
		for _, b := range all {
			fmt.Fprintf(r.out, "%s  %-8s %-10s bound %s\n", b.Ref(key, string(account)), b.Payer.Channel, b.Payer.Kind, app.Moment(b.At))
		}
		for _, e := range ended {
			fmt.Fprintf(r.out, "%-16s  %-8s %-10s ended %s by %s %s\n", "-", e.Channel, e.Kind, app.Moment(e.At), shown(e.By), shown(e.Why))
		}
		fmt.Fprintf(r.out, "%d bound\n", len(all))
		return nil
	})
}

type endBinding struct {
	Account string `arg:"" help:"The account's number."`
	Ref     string `arg:"" help:"The binding, as list names it."`
	As      string `required:"" help:"Who asks." placeholder:"NAME"`
	Why     line   `required:"" help:"Kept with the account." placeholder:"TEXT"`
}

// errNoBinding says that no binding of the account has the reference.
var errNoBinding = errors.New("the account has no such binding: hub bindings list")

// Run ends it.
func (c endBinding) Run(r run) error {
	account, err := transition.ParseAccountNo(c.Account)
	if err != nil {
		return err
	}
	err = checkName(c.As)
	if err != nil {
		return err
	}
	if c.As == binding.ByHolder || c.As == binding.ByPayer {
		return fmt.Errorf("name %q: that is what the hub calls people who end a binding on the page", c.As)
	}
	return r.money(func(hub *app.Hub) error {
		links, key, err := hub.Bindings()
		if err != nil {
			return err
		}
		all, err := links.Bindings(r.ctx, string(account))
		if err != nil {
			return err
		}
		for _, b := range all {
			if b.Ref(key, string(account)) != c.Ref {
				continue
			}
			err := links.End(r.ctx, string(account), b.Payer, c.As, string(c.Why))
			if errors.Is(err, binding.ErrNotBound) {
				return errNoBinding
			}
			if err != nil {
				return err
			}
			r.log.Warn("binding ended", "account", account, "channel", b.Payer.Channel, "by", c.As, "why", c.Why)
			fmt.Fprintln(r.out, "ended")
			return nil
		}
		return errNoBinding
	})
}
