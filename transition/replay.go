package transition

import (
	"fmt"
	"strconv"
	"strings"

	"guodu/internal/fen"
)

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
	if (now.Arrears > 0) != strings.Contains(stored["freeze"], "arrears=") {
		return nil, fmt.Errorf("%w: arrears are %s, freeze reasons are %q", ErrBooks, now.Arrears.Yuan(), stored["freeze"])
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

func sameOrders(orders map[string]map[string]string, credits map[string]fen.Fen) error {
	for _, no := range sorted(orders) {
		net, entered := credits[no]
		state := orders[no]["state"]
		if (state == string(OrderCredited)) != entered {
			return fmt.Errorf("%w: order %s is %s, credit entry: %t", ErrBooks, no, state, entered)
		}
		if entered && orders[no]["r_net"] != net.String() {
			return fmt.Errorf("%w: order %s was credited with %s, its entry says %s", ErrBooks, no, orders[no]["r_net"], net)
		}
	}
	for _, no := range sorted(credits) {
		if orders[no] == nil {
			return fmt.Errorf("%w: order %s has a credit entry and no record", ErrBooks, no)
		}
	}
	return nil
}

func sameLoads(loads map[string]map[string]string, holds, ends map[string]fen.Fen) error {
	for _, no := range sorted(loads) {
		amount := loads[no]["amount"]
		if holds[no].String() != amount {
			return fmt.Errorf("%w: load %s of %s has hold entries of %s", ErrBooks, no, amount, holds[no])
		}
		ended := loads[no]["state"] == string(LoadConfirmed) || loads[no]["state"] == string(LoadCancelled)
		if ended && ends[no].String() != amount || !ended && ends[no] != 0 {
			return fmt.Errorf("%w: load %s is %s, its entries ended %s of %s", ErrBooks, no, loads[no]["state"], ends[no], amount)
		}
	}
	for _, no := range sorted(holds) {
		if loads[no] == nil {
			return fmt.Errorf("%w: load %s has entries and no record", ErrBooks, no)
		}
	}
	return nil
}
