package transition

import "guodu/internal/fen"

// kind is what entries of one kind do with their amount: to the balances, and to the
// accounts of the trial balance that are not balances (docs/keys.md, Entries).
type kind struct {
	// pending, loadHeld, refundHeld, arrears and clawback say how often the amount is
	// added to each balance.
	pending, loadHeld, refundHeld, arrears, clawback fen.Fen
	// receives: the amount goes to clawback and arrears first, the rest to pending.
	// gives: pending pays as far as it can, the rest becomes clawback.
	receives, gives bool
	// debit is the account that the amount is added to, credit the one it is taken from.
	debit, credit string
}

// kindOf is what entries of a kind do; false if there is no such kind.
func kindOf(name string) (kind, bool) {
	switch name {
	case "credit":
		return kind{receives: true, debit: "paid"}, true
	case "netted":
		return kind{debit: "paid", credit: "refunded"}, true
	case "hold":
		return kind{pending: -1, loadHeld: 1}, true
	case "confirm":
		return kind{loadHeld: -1, credit: "loaded"}, true
	case "unconfirm":
		return kind{loadHeld: 1, debit: "loaded"}, true
	case "cancel":
		return kind{loadHeld: -1, receives: true}, true
	case "uncancel":
		return kind{loadHeld: 1, gives: true}, true
	case "forced":
		return kind{gives: true, credit: "loaded"}, true
	case "unforced":
		return kind{receives: true, debit: "loaded"}, true
	case "load_suspend":
		return kind{loadHeld: -1, credit: "suspense"}, true
	case "load_unsuspend":
		return kind{loadHeld: 1, debit: "suspense"}, true
	case "load_found":
		return kind{debit: "suspense", credit: "loaded"}, true
	case "load_unfound":
		return kind{debit: "loaded", credit: "suspense"}, true
	case "load_return":
		return kind{receives: true, debit: "suspense"}, true
	case "load_unreturn":
		return kind{gives: true, credit: "suspense"}, true
	case "refund_hold":
		return kind{pending: -1, refundHeld: 1}, true
	case "refund_settle":
		return kind{refundHeld: -1, credit: "refunded"}, true
	case "refund_return":
		return kind{refundHeld: -1, receives: true}, true
	case "refund_ext":
		return kind{gives: true, credit: "refunded"}, true
	case "debit":
		return kind{pending: -1, credit: "debited"}, true
	case "write_off":
		return kind{clawback: -1, debit: "written_off"}, true
	case "suspend":
		return kind{debit: "paid", credit: "suspense"}, true
	case "unsuspend":
		return kind{debit: "suspense", credit: "paid"}, true
	case "suspense_refund":
		return kind{debit: "suspense", credit: "refunded"}, true
	// The card core's word: it moves no money of the hub's.
	case "arrears":
		return kind{arrears: 1}, true
	case "open", "freeze", "thaw", "card":
		return kind{}, true
	}
	return kind{}, false
}

// changes is what an entry must do to the balances, given what it did to those that
// share an amount with pending.
func (k kind) changes(a fen.Fen, d Balances) Balances {
	want := Balances{
		Pending: k.pending * a, LoadHeld: k.loadHeld * a, RefundHeld: k.refundHeld * a, Arrears: k.arrears * a, Clawback: k.clawback * a,
	}
	switch {
	case k.receives:
		want.Arrears, want.Clawback = d.Arrears, d.Clawback
		want.Pending = a + d.Arrears + d.Clawback
	case k.gives:
		want.Clawback = d.Clawback
		want.Pending = d.Clawback - a
	}
	return want
}

// posts is what it does to the trial balance. Arrears are the core's figure; what paid
// them is an account of its own.
func (k kind) posts(a fen.Fen, d Balances) Postings {
	p := Postings{"pending": -d.Pending, "load_held": -d.LoadHeld, "refund_held": -d.RefundHeld, "clawback": d.Clawback}
	if k.receives {
		p["arrears_paid"] = d.Arrears
	}
	if k.debit != "" {
		p[k.debit] += a
	}
	if k.credit != "" {
		p[k.credit] -= a
	}
	return p
}
