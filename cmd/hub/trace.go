package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"guodu/channels"
	"guodu/cmd/hub/app"
	"guodu/transition"
)

type trace struct {
	Order string `arg:"" help:"The order's number."`
}

// event is a line of a trace.
type event struct {
	at   time.Time
	text string
}

// Run prints everything that is known of an order, in the order of time. The
// payer is named by a hint only.
func (c trace) Run(r run) error {
	no, err := transition.ParseOrderNo(c.Order)
	if err != nil {
		return err
	}
	return r.money(func(hub *app.Hub) error {
		t, err := hub.Books().Trace(r.ctx, no)
		if err != nil {
			return err
		}
		o := t.Order
		fmt.Fprintf(r.out, "order %s: %s, %s yuan by %s of %s for account %s\n", o.No, o.State, o.Amount.Yuan(), o.Channel,
			channels.Payer{Kind: o.PayerKind, ID: o.Payer}.Hint(), o.Account)
		events := append(events(t), c.heard(r, o)...)
		slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at.UnixMilli(), b.at.UnixMilli()) })
		for _, e := range events {
			fmt.Fprintf(r.out, "%s  %s\n", app.MomentMillis(e.at), shown(e.text))
		}
		fmt.Fprintf(r.out, "%s refunded, %s under way; asked %d times, repeated %d times\n",
			o.Refunded.Yuan(), o.Refunding.Yuan(), o.Queries, o.Duplicates)
		return nil
	})
}

// heard are the callbacks about an order that are still kept. They are kept for
// people only, so a trace goes without them if need be.
func (trace) heard(r run, o transition.Order) []event {
	kept, err := app.OpenNotices(r.ctx, r.config)
	if err != nil {
		r.log.Warn("trace without callbacks", "error", err)
		return nil
	}
	defer kept.Close()
	notices, err := kept.Of(r.ctx, o.Channel, string(o.No))
	if err != nil {
		r.log.Warn("trace without callbacks", "error", err)
	}
	var all []event
	for _, n := range notices {
		words := []string{"callback of", n.Kind, n.Refund, n.Txn, "is answered", n.Verdict + ":", n.Outcome, n.Error}
		if key := serial(n); key != "" {
			words = append(words, "(signed by "+key+")")
		}
		words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
		all = append(all, event{n.At, strings.Join(words, " ")})
	}
	return all
}

// events puts what is known into words.
func events(t transition.Trace) []event {
	o := t.Order
	all := []event{{o.Created, "created, may be paid until " + app.Moment(o.Expires)}}
	add := func(at time.Time, format string, args ...any) {
		if !at.IsZero() {
			all = append(all, event{at, fmt.Sprintf(format, args...)})
		}
	}
	add(o.Prepared, "prepared at %s", o.Channel)
	add(o.PaidAt, "paid, by the channel's clock: transaction %s", o.Txn)
	add(o.Credited, "credited, learned by %s %s", o.Source, o.Flag)
	for _, r := range t.Refunds {
		whose := "made outside"
		if r.Ours {
			whose = "asked for by " + r.By + " (" + r.Why + ")"
		}
		add(r.At, "refund %s of %s yuan %s", r.No, r.Amount.Yuan(), whose)
		add(r.Sent, "refund %s was sent, for the last of %d times", r.No, r.Sends)
		add(r.Done, "refund %s is %s %s %s", r.No, r.State, r.Word, r.Flag)
	}
	for _, c := range t.Cases {
		add(c.Opened, "case %s %s, seen %d times, open: %t %s\n    %s", c.Kind, c.ID, c.Times, c.Open, c.Decision,
			strings.Join(append([]string{string(c.Evidence)}, c.Notes...), "\n    "))
	}
	for _, e := range t.Entries {
		add(e.At, "entry %d %s %s yuan: pending %s, held %s, on its way back %s, owed %s", e.Seq, e.Kind, e.Amount.Yuan(),
			e.After.Pending.Yuan(), e.After.LoadHeld.Yuan(), e.After.RefundHeld.Yuan(), e.After.Clawback.Yuan())
	}
	return all
}
