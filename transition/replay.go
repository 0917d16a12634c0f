package transition

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"guodu/internal/fen"
)

// derived is what a partition's entries say.
type derived struct {
	tot       Postings
	credits   map[string]fen.Fen // by order
	loads     map[string]loadEntries
	suspended map[string]fen.Fen // by case
	refunds   map[string]refundEntries
	netted    map[string]fen.Fen // refunded before the credit, by order
	owners    map[string]string  // account of the credit or refund entries, by order, by refund
	entries   int
}

// refundEntries is what the entries say of one refund: of netted and refund_ext, of
// refund_hold, refund_settle and refund_return, and of suspense_refund.
type refundEntries struct{ outside, held, settled, returned, suspended fen.Fen }

// refunded adds an entry to what is said of its refund.
func (d *derived) refunded(e Entry) {
	r := d.refunds[e.Ref]
	switch e.Kind {
	case "netted", "refund_ext":
		r.outside += e.Amount
		if order, _, found := strings.Cut(e.Ref, ":"); found && e.Kind == "netted" {
			d.netted[order] += e.Amount
		}
	case "refund_hold":
		r.held += e.Amount
	case "refund_settle":
		r.settled += e.Amount
	case "refund_return":
		r.returned += e.Amount
	case "suspense_refund":
		r.suspended += e.Amount
	}
	d.refunds[e.Ref] = r
}

// derive replays all accounts of a partition.
func derive(snap snapshot) (derived, error) {
	d := derived{
		tot: Postings{}, credits: map[string]fen.Fen{}, loads: map[string]loadEntries{},
		suspended: map[string]fen.Fen{}, refunds: map[string]refundEntries{},
		netted: map[string]fen.Fen{}, owners: map[string]string{},
	}
	for _, id := range sorted(snap.accounts) {
		entries, err := replay(snap.entries[id], snap.accounts[id], d.tot)
		if err != nil {
			return derived{}, fmt.Errorf("account %s: %w", id, err)
		}
		d.entries += len(entries)
		for _, e := range entries {
			switch e.Kind {
			case "credit":
				if _, twice := d.credits[e.Ref]; twice {
					return derived{}, fmt.Errorf("account %s: %w: order %s is credited twice", id, ErrBooks, e.Ref)
				}
				d.credits[e.Ref], d.owners[e.Ref] = e.Amount, id
			case "hold", "confirm", "cancel", "forced", "load_suspend", "load_found", "load_return",
				"unconfirm", "uncancel", "unforced", "load_unsuspend", "load_unfound", "load_unreturn":
				d.loaded(e)
				d.owners[e.Ref] = id
			case "netted", "refund_ext", "refund_hold", "refund_settle", "refund_return", "suspense_refund":
				d.refunded(e)
				d.owners[e.Ref] = id
			case "suspend":
				d.suspended[e.Ref] += e.Amount
			case "unsuspend":
				d.suspended[e.Ref] -= e.Amount
			}
		}
	}
	return d, nil
}

// compare names the first difference between the entries and what is stored.
// Errors: ErrBooks.
func (d derived) compare(snap snapshot) error {
	err := sameTot(snap.tot, d.tot)
	if err == nil {
		err = sameCount(snap)
	}
	held := d.fromSuspense(snap)
	if err == nil {
		err = sameOrders(snap.orders, snap.due, d.credits, d.netted, d.owners)
	}
	if err == nil {
		err = sameRefunds(snap, d)
	}
	if err == nil {
		err = sameLoads(snap, d.loads, d.owners)
	}
	if err == nil {
		err = sameCases(snap.cases, d.suspended, held)
	}
	return err
}

// fromSuspense takes what was given back of cases from what they hold, and adds
// it to what was refunded of the orders that were credited later. It returns what
// is under way, by case.
func (d derived) fromSuspense(snap snapshot) (held map[string]fen.Fen) {
	held = map[string]fen.Fen{}
	for no, r := range snap.refunds {
		if r["case"] == "" {
			continue
		}
		d.suspended[r["case"]] -= d.refunds[no].suspended
		if listed(snap.orders[r["order"]], no) {
			d.netted[r["order"]] += d.refunds[no].suspended
		}
		if amount, err := fen.ParseInt(r["amount"]); err == nil && r["state"] == string(RefundHeld) {
			held[r["case"]] += amount
		}
	}
	return held
}

// listed says whether an order names the refund as one of its own.
func listed(order map[string]string, no string) bool {
	return slices.Contains(strings.Fields(order["refunds"]), no)
}

// replay walks an account's entries, checks the chain, adds their postings to
// sums and compares the end with the account's hash.
func replay(lines []string, stored map[string]string, sums Postings) ([]Entry, error) {
	var n number
	prev, seq, before := "-", int64(0), Balances{}
	if stored["base_seq"] != "" {
		b := strings.Fields(stored["base"])
		if len(b) != 5 {
			return nil, fmt.Errorf("%w: base %.60q", ErrBooks, stored["base"])
		}
		prev, seq = stored["base_head"], n.int(stored["base_seq"])
		before = Balances{n.fen(b[0]), n.fen(b[1]), n.fen(b[2]), n.fen(b[3]), n.fen(b[4])}
	}
	entries := make([]Entry, 0, len(lines))
	for _, line := range lines {
		e, err := ParseEntry(line)
		if err != nil {
			return nil, err
		}
		if e.Seq != seq+1 || e.Prev != prev {
			return nil, fmt.Errorf("%w: entry %d follows entry %d, or the chain is broken there", ErrBooks, e.Seq, seq)
		}
		postings, err := e.Postings(before)
		if err != nil {
			return nil, err
		}
		for name, f := range postings {
			sums[name] += f
		}
		seq, prev, before = e.Seq, e.Hash, e.After
		entries = append(entries, e)
	}
	field := func(name string) fen.Fen {
		if stored[name] == "" {
			return 0
		}
		return n.fen(stored[name])
	}
	now := Balances{field("pending"), field("load_held"), field("refund_held"), field("arrears"), field("clawback")}
	if n.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBooks, n.err)
	}
	if now != before {
		return nil, fmt.Errorf("%w: the account holds %+v, its entries give %+v", ErrBooks, now, before)
	}
	if stored["seq"] != strconv.FormatInt(seq, 10) || stored["head"] != prev {
		return nil, fmt.Errorf("%w: the account stands at entry %s, the last one is %d", ErrBooks, stored["seq"], seq)
	}
	if (now.Arrears > 0) != strings.Contains(","+stored["freeze"], ",arrears=") {
		return nil, fmt.Errorf("%w: arrears are %s, freeze reasons are %q", ErrBooks, now.Arrears.Yuan(), stored["freeze"])
	}
	if (now.Clawback > 0) != strings.Contains(","+stored["freeze"], ",clawback=") {
		return nil, fmt.Errorf("%w: clawback is %s, freeze reasons are %q", ErrBooks, now.Clawback.Yuan(), stored["freeze"])
	}
	return entries, nil
}

func sameTot(stored map[string]string, sums Postings) error {
	var all fen.Fen
	for _, name := range sorted(stored) {
		f, err := fen.ParseInt(stored[name])
		if err != nil {
			return fmt.Errorf("%w: tot %s: %w", ErrBooks, name, err)
		}
		if f != sums[name] {
			return fmt.Errorf("%w: tot says %s %s, the entries give %s", ErrBooks, name, f, sums[name])
		}
		all += f
	}
	for _, name := range sorted(sums) {
		if stored[name] == "" && sums[name] != 0 {
			return fmt.Errorf("%w: tot has no %s, the entries give %s", ErrBooks, name, sums[name])
		}
	}
	if all != 0 {
		return fmt.Errorf("%w: tot sums to %s", ErrBooks, all)
	}
	return nil
}

func sameOrders(orders map[string]map[string]string, due map[string]bool, credits, netted map[string]fen.Fen, owners map[string]string) error {
	paid := map[string]string{}
	for _, no := range sorted(orders) {
		o := orders[no]
		net, entered := credits[no]
		if (o["state"] == string(OrderCredited)) != entered {
			return fmt.Errorf("%w: order %s is %s, credit entry: %t", ErrBooks, no, o["state"], entered)
		}
		waits := o["state"] == string(OrderCreated) || o["state"] == string(OrderPrepared)
		if waits != due[no] {
			return fmt.Errorf("%w: order %s is %s; to be asked about: %t", ErrBooks, no, o["state"], due[no])
		}
		if !entered {
			continue
		}
		if owners[no] != o["account"] {
			return fmt.Errorf("%w: order %s is of account %s, its credit entry of %s", ErrBooks, no, o["account"], owners[no])
		}
		txn := o["channel"] + ":" + o["txn"]
		if paid[txn] != "" {
			return fmt.Errorf("%w: orders %s and %s are credited for one transaction, %s", ErrBooks, paid[txn], no, txn)
		}
		paid[txn] = no
		var n number
		amount := n.fen(o["amount"])
		if n.err != nil || o["r_net"] != net.String() || net+netted[no] != amount {
			return fmt.Errorf("%w: order %s of %s is credited with %s; its entry says %s", ErrBooks, no, o["amount"], o["r_net"], net)
		}
	}
	for _, no := range sorted(credits) {
		if orders[no] == nil {
			return fmt.Errorf("%w: order %s has a credit entry and no record", ErrBooks, no)
		}
	}
	return nil
}

func sameCases(cases map[string]string, suspended, held map[string]fen.Fen) error {
	for _, field := range sorted(cases) {
		id, found := strings.CutPrefix(field, "f:")
		if found && cases[field] != suspended[id].String() {
			return fmt.Errorf("%w: case %s holds %s, the entries give %s", ErrBooks, id, cases[field], suspended[id])
		}
		if found && cmp.Or(cases["h:"+id], "0") != held[id].String() {
			return fmt.Errorf("%w: case %s has %q under way, its refunds give %s", ErrBooks, id, cases["h:"+id], held[id])
		}
	}
	for _, id := range sorted(suspended) {
		if suspended[id] != 0 && cases["f:"+id] == "" {
			return fmt.Errorf("%w: case %s has %s in suspense and no record", ErrBooks, id, suspended[id])
		}
	}
	return nil
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
