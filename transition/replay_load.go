package transition

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"guodu/internal/fen"
)

// loadEntries is what the entries say of one load: what was bound and how that
// ended, less what people took back.
type loadEntries struct{ held, confirmed, cancelled, suspended, forced, unforced fen.Fen }

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
	case "load_unsuspend":
		l.suspended -= e.Amount
	case "load_found":
		l.suspended, l.confirmed = l.suspended-e.Amount, l.confirmed+e.Amount
	case "load_unfound":
		l.suspended, l.confirmed = l.suspended+e.Amount, l.confirmed-e.Amount
	case "load_return":
		l.suspended, l.cancelled = l.suspended-e.Amount, l.cancelled+e.Amount
	case "load_unreturn":
		l.suspended, l.cancelled = l.suspended+e.Amount, l.cancelled-e.Amount
	case "forced":
		l.forced += e.Amount
	case "unforced":
		l.unforced += e.Amount
	}
	if id := "load:" + e.Ref; l.suspended != 0 || d.suspended[id] != 0 {
		d.suspended[id] = l.suspended
	}
	d.loads[e.Ref] = l
}

// want is what the entries of a load must come to, by its state.
func (s LoadState) want(amount fen.Fen, l loadEntries) (loadEntries, bool) {
	// A load that was released can be bound again when the hub learns of an attempt that
	// it had lost.
	w := loadEntries{held: amount + l.cancelled, cancelled: l.cancelled, forced: l.unforced, unforced: l.unforced}
	switch s {
	case LoadHeld, LoadInDoubt, LoadWritten, LoadConflict:
	case LoadConfirmed:
		w.confirmed = amount
	case LoadCancelled:
		w.held = l.cancelled
		return w, l.cancelled > 0 || l.unforced > 0
	case LoadSuspended:
		w.suspended = amount
	case LoadForced:
		// It was never held in these books, or released.
		w.held, w.forced = l.cancelled, amount+l.unforced
	default:
		return w, false
	}
	return w, true
}

// sameLoads compares loads, their cards and the list of open ones with the entries.
func sameLoads(snap snapshot, entries map[string]loadEntries, owners map[string]string) error {
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
		if owners[no] != h["account"] {
			return fmt.Errorf("%w: load %s is of account %s, its entries of %s", ErrBooks, no, h["account"], owners[no])
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
	err := sameClaims(snap)
	if err == nil {
		err = sameMarks(snap)
	}
	return err
}

// step names a counter step of a card, as its claim's key does.
func step(load map[string]string) string {
	return strings.Join([]string{load["card_uid"], load["version"], load["L0"]}, ":")
}

// onCard says whether a load in this state has used its counter step up.
func (s LoadState) onCard() bool { return s == LoadConfirmed || s == LoadForced || s == LoadSuspended }

// sameClaims wants each load that is on a card to hold its counter step, alone, and the
// ledger's counter to be past it.
func sameClaims(snap snapshot) error {
	var n number
	for _, no := range sorted(snap.loads) {
		h := snap.loads[no]
		if !LoadState(h["state"]).onCard() {
			continue
		}
		step := step(h)
		if snap.claims[step] != no {
			return fmt.Errorf("%w: load %s is %s, the card's step %s was paid for by %q", ErrBooks, no, h["state"], step, snap.claims[step])
		}
		card := snap.cards[h["card_uid"]]
		ledger := card["L"]
		if card["version"] != h["version"] {
			ledger = card["L:"+h["version"]]
		}
		if ledger == "" || n.int(ledger) <= n.int(h["L0"]) {
			return fmt.Errorf("%w: load %s is %s at step %s, the ledger's counter is %q", ErrBooks, no, h["state"], step, ledger)
		}
	}
	if n.err != nil {
		return fmt.Errorf("%w: %w", ErrBooks, n.err)
	}
	for _, step := range sorted(snap.claims) {
		no := snap.claims[step]
		if no == claimOutside {
			continue
		}
		h := snap.loads[no]
		if !LoadState(h["state"]).onCard() {
			return fmt.Errorf("%w: step %s of a card was paid for by load %s, which is %q", ErrBooks, step, no, h["state"])
		}
	}
	return nil
}

// claimOutside is the claim of another machine's load.
const claimOutside = "outside"

// sameMarks wants what stands against a card to stand against its account's refunds, and
// nothing else to; and each card to have counted the loads that are on it.
func sameMarks(snap snapshot) error {
	loads := map[string]int{}
	for _, no := range sorted(snap.loads) {
		if state := LoadState(snap.loads[no]["state"]); state == LoadConfirmed || state == LoadForced {
			loads[snap.loads[no]["card_uid"]]++
		}
	}
	for _, uid := range sorted(snap.cards) {
		card := snap.cards[uid]
		why := card["mark"]
		doubt := "," + snap.accounts[card["account"]]["doubt"] + ","
		of := "," + uid + ":" + card["version"] + "="
		if why != "" && !strings.Contains(doubt, of+why+",") {
			return fmt.Errorf("%w: card %s is marked %s, its account %s is not", ErrBooks, uid, why, card["account"])
		}
		if worse := strings.Contains(doubt, of) && !strings.Contains(doubt, of+"LOST_LOAD,"); worse && why == "" {
			return fmt.Errorf("%w: account %s is marked because of card %s (%s), which is not", ErrBooks, card["account"], uid, doubt)
		}
		for _, one := range strings.Fields(card["lost"]) {
			version, _, _ := strings.Cut(one, ":")
			if !strings.Contains(doubt, ","+uid+":"+version+"=") {
				return fmt.Errorf("%w: card %s may hold a load that was lost, at %s, and its account %s is not marked", ErrBooks, uid, one, card["account"])
			}
		}
		if counted := cmp.Or(card["loads"], "0"); counted != strconv.Itoa(loads[uid]) {
			return fmt.Errorf("%w: card %s counts %s loads, there are %d", ErrBooks, uid, counted, loads[uid])
		}
	}
	return sameDoubts(snap)
}

// sameDoubts wants each mark of an account to be about something, and the freeze by a
// conflict to be there exactly as long as one is.
func sameDoubts(snap snapshot) error {
	for _, id := range sorted(snap.accounts) {
		a := snap.accounts[id]
		for _, one := range strings.FieldsFunc(a["doubt"], func(c rune) bool { return c == ',' }) {
			of, why, _ := strings.Cut(one, "=")
			uid, version, _ := strings.Cut(of, ":")
			card := snap.cards[uid]
			lost := strings.Contains(" "+card["lost"], " "+version+":")
			if card["account"] != id || why == "LOST_LOAD" && !lost {
				return fmt.Errorf("%w: account %s is marked %s, and nothing is known of that", ErrBooks, id, one)
			}
		}
		if strings.Contains(a["doubt"], "=CONFLICT") != strings.Contains(","+a["freeze"], ",mismatch=") {
			return fmt.Errorf("%w: account %s has the marks %q and the freeze reasons %q", ErrBooks, id, a["doubt"], a["freeze"])
		}
	}
	return nil
}
