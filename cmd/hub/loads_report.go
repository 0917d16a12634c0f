package main

import (
	"errors"
	"fmt"
	"time"

	"guodu/cmd/hub/app"
	"guodu/internal/fen"
	"guodu/transition"
)

type reportCard struct {
	Card    string `arg:"" help:"The card's UID."`
	Kind    string `required:"" enum:"spend,outside,topup" help:"spend: a purchase. outside: a load by another machine, of a card of profile shared. topup: cash."`
	Counter int64  `help:"spend: the purchase counter before it. outside: the load counter before it." default:"-1"`
	ID      string `help:"topup: what tells it from others, letters and digits." placeholder:"ID"`
	Amount  string `required:"" help:"How much." placeholder:"YUAN"`
	At      string `help:"topup: when, in Beijing, like 2026-11-23T12:05; now if left out." placeholder:"TIME"`
	twoPeople
}

// Run takes the report. The same one again changes nothing.
func (c reportCard) Run(r run) error {
	by, second, err := c.names()
	if err != nil {
		return err
	}
	report := transition.CardReport{Kind: transition.ReportKind(c.Kind), N: c.Counter, ID: c.ID, At: time.Now()}
	if report.UID, err = transition.ParseCardUID(c.Card); err != nil {
		return err
	}
	if report.Amount, err = fen.Parse(c.Amount); err != nil {
		return err
	}
	switch topup := report.Kind == transition.TopUp; {
	case topup && c.ID == "":
		return errors.New("a topup needs --id")
	case topup:
		report.N = 0
	case c.Counter < 0:
		return errors.New("name the counter before it: --counter N")
	}
	if c.At != "" {
		report.At, err = time.ParseInLocation("2006-01-02T15:04", c.At, transition.Beijing())
		if err != nil {
			return fmt.Errorf("--at %.40q: want a time like 2026-11-23T12:05", c.At)
		}
	}
	return r.money(func(hub *app.Hub) error {
		card, err := hub.Books().CardState(r.ctx, report.UID)
		if err != nil {
			return err
		}
		report.Version = card.Version
		err = hub.Books().Report(r.ctx, report)
		if err != nil {
			return err
		}
		r.log.Warn("people told what moved a card", "card", report.UID, "kind", c.Kind, "counter", c.Counter,
			"amount_fen", int64(report.Amount), "by", by, "second", second, "why", c.Why)
		fmt.Fprintln(r.out, "taken; the card's next tap is judged by it")
		return nil
	})
}
