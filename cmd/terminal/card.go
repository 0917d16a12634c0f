package main

import (
	"fmt"
	"io"

	"guodu/mocks/terminal"
)

type cards struct {
	New     cardNew     `cmd:"" help:"Make a card."`
	Show    cardShow    `cmd:"" help:"Show what a card holds, as its next reading would."`
	Buy     cardBuy     `cmd:"" help:"Spend from a card: the balance falls, the purchase counter rises."`
	Cash    cardCash    `cmd:"" help:"Top a card up with cash: the balance rises, no counter moves."`
	Outside cardOutside `cmd:"" help:"Load a card of profile shared at a machine that is none of the hub's."`
}

type cardNew struct {
	File    string `arg:"" help:"Where to make it; an existing card is never replaced." type:"path"`
	UID     string `name:"uid" required:"" help:"The chip's number, hex." placeholder:"HEX"`
	No      string `required:"" help:"The card's number." placeholder:"NO"`
	Version string `help:"The card's version at the campus." default:"1"`
	Profile string `help:"stamp, stamp-blocks, epurse or shared." default:"stamp" enum:"stamp,stamp-blocks,epurse,shared"`
	Balance money  `help:"Yuan on it." default:"0"`
	L       int64  `name:"load-counter" help:"Its load counter." default:"0"`
	P       int64  `name:"purchase-counter" help:"Its purchase counter." default:"0"`
	NoP     bool   `name:"no-purchase-counter" help:"It has none."`
}

// Run makes a card.
func (c cardNew) Run(r run) error {
	d := terminal.CardData{
		UID: c.UID, CardNo: c.No, Version: c.Version, Profile: terminal.Profile(c.Profile), B: int64(c.Balance), L: c.L, P: c.P, NoP: c.NoP,
	}
	_, err := terminal.NewCard(c.File, d)
	if err == nil {
		tellCard(r.out, d)
	}
	return err
}

type cardFile struct {
	File string `arg:"" help:"The card's file." type:"existingfile"`
}

// change does something to the card and shows it.
func (c cardFile) change(r run, do func(*terminal.Card) error) error {
	card, err := terminal.OpenCard(c.File)
	if err == nil {
		err = do(card)
	}
	if err != nil {
		return err
	}
	return showCard(r.out, card)
}

func showCard(out io.Writer, card *terminal.Card) error {
	d, err := card.Peek()
	if err == nil {
		tellCard(out, d)
	}
	return err
}

func tellCard(out io.Writer, d terminal.CardData) {
	profile := d.Profile
	if profile == "" {
		profile = terminal.ProfileStamp
	}
	fmt.Fprintf(out, "card=%s uid=%s version=%s profile=%s balance=%s L=%d", d.CardNo, d.UID, d.Version, profile, yuan(d.B), d.L)
	if !d.NoP {
		fmt.Fprintf(out, " P=%d", d.P)
	}
	if d.TAC != "" {
		fmt.Fprintf(out, " tac=%s tac_at=%s", d.TAC, d.TACAt)
	}
	if d.Log.Terminal != "" {
		fmt.Fprintf(out, " log=%s log_terminal=%s", yuan(d.Log.AmountFen), d.Log.Terminal)
	}
	fmt.Fprintln(out)
}

type cardShow struct {
	cardFile
}

// Run shows a card.
func (c cardShow) Run(r run) error {
	return c.change(r, func(*terminal.Card) error { return nil })
}

type cardBuy struct {
	cardFile
	Amount money `arg:"" help:"Yuan."`
}

// Run spends.
func (c cardBuy) Run(r run) error {
	return c.change(r, func(card *terminal.Card) error { return card.Purchase(int64(c.Amount)) })
}

type cardCash struct {
	cardFile
	Amount money `arg:"" help:"Yuan."`
}

// Run tops up.
func (c cardCash) Run(r run) error {
	return c.change(r, func(card *terminal.Card) error { return card.CashTopUp(int64(c.Amount)) })
}

type cardOutside struct {
	cardFile
	Amount money `arg:"" help:"Yuan."`
}

// Run loads outside.
func (c cardOutside) Run(r run) error {
	return c.change(r, func(card *terminal.Card) error { return card.OutsideLoad(int64(c.Amount)) })
}
