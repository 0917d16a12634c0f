package transition

import (
	"fmt"
	"strings"

	"guodu/internal/fen"
)

// loadEntries is what the entries say of one load: what was bound and how that
// ended, less what people took back.
type loadEntries struct{ held, confirmed, cancelled, suspended, forced fen.Fen }

// loaded adds an entry to what is said of its load.
func (d *derived) loaded(e Entry) {
	l := d.loads[e.Ref]
	switch e.Kind {
	case "hold":
		l.held += e.Amount
	case "confirm":
		l.confirmed += e.Amount
	case "unconfirm":
		l.confirmed -= e.Amount
	case "cancel":
		l.cancelled += e.Amount
	case "uncancel":
		l.cancelled -= e.Amount
	case "load_suspend":
		l.suspended += e.Amount
		d.suspended["load:"+e.Ref] += e.Amount
	case "load_unsuspend":
		l.suspended -= e.Amount
		d.suspended["load:"+e.Ref] -= e.Amount
	case "forced":
		l.forced += e.Amount
	}
	d.loads[e.Ref] = l
}

// want is what the entries of a load must come to, by its state.
func (s LoadState) want(amount fen.Fen, l loadEntries) (loadEntries, bool) {
	// A load that was released can be bound again when the hub learns of an attempt that
	// it had lost.
	w := loadEntries{held: amount + l.cancelled, cancelled: l.cancelled}
	switch s {
	case LoadHeld, LoadInDoubt, LoadWritten, LoadConflict:
	case LoadConfirmed:
		w.confirmed = amount
	case LoadCancelled:
		w.held = l.cancelled
		return w, l.cancelled > 0
	case LoadSuspended:
		w.suspended = amount
	case LoadForced:
		// It was never held in these books, or released.
		w.held, w.forced = l.cancelled, amount
	default:
		return w, false
	}
	return w, true
}

// sameLoads compares loads, their cards and the list of open ones with the entries.
func sameLoads(snap snapshot, entries map[string]loadEntries) error {
	open := map[string]string{} // load by card
	for _, no := range sorted(snap.loads) {
		h := snap.loads[no]
		amount, err := fen.ParseInt(h["amount"])
		if err != nil {
			return fmt.Errorf("%w: load %s: %w", ErrBooks, no, err)
		}
		state := LoadState(h["state"])
		want, possible := state.want(amount, entries[no])
		if !possible || entries[no] != want {
			return fmt.Errorf("%w: load %s of %s is %s, its entries come to %+v", ErrBooks, no, amount, state, entries[no])
		}
		if state.Open() != snap.doubt[no] {
			return fmt.Errorf("%w: load %s is %s; among the open ones: %t", ErrBooks, no, state, snap.doubt[no])
		}
		if state.Open() && open[h["card_uid"]] != "" {
			return fmt.Errorf("%w: loads %s and %s are open for one card", ErrBooks, open[h["card_uid"]], no)
		}
		if state.Open() {
			open[h["card_uid"]] = no
		}
	}
	for _, no := range sorted(entries) {
		if snap.loads[no] == nil {
			return fmt.Errorf("%w: load %s has entries and no record", ErrBooks, no)
		}
	}
	for _, uid := range sorted(snap.cards) {
		if card := snap.cards[uid]; card["open"] != open[uid] {
			return fmt.Errorf("%w: card %s has the open load %q, the loads say %q", ErrBooks, uid, card["open"], open[uid])
		}
	}
	return sameClaims(snap)
}

// sameClaims wants each load that is on a card to hold its counter step, alone.
func sameClaims(snap snapshot) error {
	paid := map[string]string{}
	for _, no := range sorted(snap.loads) {
		h := snap.loads[no]
		state := LoadState(h["state"])
		if state != LoadConfirmed && state != LoadForced && state != LoadSuspended {
			continue
		}
		step := strings.Join([]string{h["card_uid"], h["version"], h["L0"]}, ":")
		if paid[step] != "" {
			return fmt.Errorf("%w: loads %s and %s are paid by one step of a card, %s", ErrBooks, paid[step], no, step)
		}
		paid[step] = no
	}
	return nil
}
