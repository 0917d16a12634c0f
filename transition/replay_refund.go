package transition

import (
	"fmt"
	"strings"

	"guodu/internal/fen"
)

// sameRefunds compares the refunds' records with the entries, and the orders'
// sums and lists with the records.
// Errors: ErrBooks.
func sameRefunds(snap snapshot, d derived) error {
	entries := d.refunds
	refunded, refunding := map[string]fen.Fen{}, map[string]fen.Fen{}
	count := map[string]int{}
	for _, no := range sorted(snap.refunds) {
		r := snap.refunds[no]
		amount, err := fen.ParseInt(r["amount"])
		if err != nil {
			return fmt.Errorf("%w: refund %s: %w", ErrBooks, no, err)
		}
		if want := expected(r, amount); entries[no] != want {
			return fmt.Errorf("%w: refund %s of %s is %s (%s), its entries give %+v", ErrBooks, no, r["amount"], r["state"], r["source"], entries[no])
		}
		order, held := snap.orders[r["order"]], r["state"] == string(RefundHeld)
		if snap.refundsDue[no] != held {
			return fmt.Errorf("%w: refund %s is %s; to be asked about: %t", ErrBooks, no, r["state"], snap.refundsDue[no])
		}
		if r["case"] != "" && !listed(order, no) {
			continue // its case accounts for it
		}
		if r["case"] == "" && r["account"] != "" && (r["account"] != d.owners[no] || r["channel"] != order["channel"]) || r["case"] == "" && order["account"] != d.owners[no] {
			return fmt.Errorf("%w: refund %s is of account %s at %s; its entries are of %s, its order at %s", ErrBooks, no,
				r["account"], r["channel"], d.owners[no], order["channel"])
		}
		if held {
			refunding[r["order"]] += amount
		}
		if r["state"] == string(RefundSettled) {
			refunded[r["order"]] += amount
		}
		if !listed(order, no) {
			return fmt.Errorf("%w: order %s does not list its refund %s", ErrBooks, r["order"], no)
		}
		count[r["order"]]++
	}
	for _, no := range sorted(entries) {
		if snap.refunds[no] == nil {
			return fmt.Errorf("%w: refund %s has entries and no record", ErrBooks, no)
		}
	}
	for _, no := range sorted(snap.orders) {
		o := snap.orders[no]
		if o["refunded"] != refunded[no].String() || o["refunding"] != refunding[no].String() || len(strings.Fields(o["refunds"])) != count[no] {
			return fmt.Errorf("%w: order %s says %s refunded, %s under way, in %q; its refunds give %s and %s in %d", ErrBooks, no,
				o["refunded"], o["refunding"], o["refunds"], refunded[no], refunding[no], count[no])
		}
	}
	return nil
}

// expected is what the entries of a refund in its state must say.
func expected(r map[string]string, amount fen.Fen) refundEntries {
	want := refundEntries{}
	if r["case"] != "" {
		switch {
		case r["state"] == string(RefundSettled) && r["flag"] == "after_credit":
			want.outside = amount
		case r["state"] == string(RefundSettled):
			want.suspended = amount
		}
		return want
	}
	if r["source"] != "ours" {
		want.outside = amount
		return want
	}
	want.held = amount
	switch {
	case r["state"] == string(RefundSettled) && r["flag"] == "late":
		want.returned, want.outside = amount, amount
	case r["state"] == string(RefundSettled):
		want.settled = amount
	case r["state"] == string(RefundReturned):
		want.returned = amount
	}
	return want
}
