package transition

import (
	"context"
	"fmt"
	"time"

	"guodu/internal/fen"
)

// loadScenarios are the histories of loads that go wrong, and of cards that show
// what the books do not know.
func loadScenarios() []scenario {
	return []scenario{
		{"load_aborted", loadAborted},
		{"load_abort_unseen", loadAbortUnseen},
		{"load_reread", loadReread},
		{"load_forced", loadForced},
		{"load_forced_after_cancel", loadForcedAfterCancel},
		{"load_forced_sibling", loadForcedSibling},
		{"load_forced_old_version", loadForcedOldVersion},
		{"load_lost_unknown", loadLostUnknown},
		{"load_claimed", loadClaimed},
		{"load_doubt", playLoadDoubt},
		{"load_decided", loadDecided},
		{"load_decided_refusals", loadDecidedRefusals},
		{"load_undone", loadUndone},
		{"load_undo_refusals", loadUndoRefusals},
		{"card_torn", cardTorn},
		{"card_below", cardBelow},
		{"card_recheck_refusals", cardRecheckRefusals},
		{"card_adopted", cardAdopted},
		{"card_spends", cardSpends},
		{"card_topped_up", cardToppedUp},
		{"card_shared", cardShared},
		{"card_epurse", cardEPurse},
		{"recovery", recoveryScenario},
		{"recovery_primary", primaryScenario},
	}
}

// funded begins a scenario: an account of a card with profile, and a credited order.
func (st *stage) funded(ctx context.Context, profile string, amount fen.Fen) {
	s := st.statement(1, 0)
	s.Card.Profile = profile
	st.imports(ctx, s)
	st.pays(ctx, 1, amount)
}

func (st *stage) pays(ctx context.Context, i int, amount fen.Fen) {
	st.create(ctx, i, amount, "")
	st.credit(ctx, i, amount, nil)
}

func (st *stage) aborted(ctx context.Context, l Load, withAuthorisation bool) {
	a := Abort{Terminal: l.Terminal, TapID: l.TapID, UID: "04A1B2C3"}
	if withAuthorisation {
		a.Load = &l
	}
	state, err := st.Abort(ctx, a, st.freshNonce())
	st.say(fmt.Sprintf("abort %s of %s", l.TapID, l.Terminal), state, err)
}

func (st *stage) reread(ctx context.Context, l Load, counter int64, balance fen.Fen) {
	p := int64(7)
	state, err := st.Reread(ctx, Rereading{Load: l, L: counter, B: balance, P: &p}, st.freshNonce())
	st.say(fmt.Sprintf("reread for attempt %d at L=%d B=%s", l.Attempt, counter, balance), state, err)
}

func (st *stage) rechecked(ctx context.Context, r Reading, challenge string, desk bool) {
	got, err := st.Recheck(ctx, Recheck{Reading: r, Challenge: challenge, Desk: desk}, st.freshNonce())
	st.say(fmt.Sprintf("recheck by %s at L=%d B=%s desk=%t", r.Terminal, r.L, r.B, desk), got, err)
}

func (st *stage) decides(ctx context.Context, no LoadNo, v Verdict, balance *fen.Fen) {
	state, err := st.DecideLoad(ctx, LoadDecision{Load: no, Verdict: v, By: "anna", Second: "bert", Why: "seen", Balance: balance})
	st.say(fmt.Sprintf("decide %s: %s", no, v), state, err)
}

func (st *stage) undoes(ctx context.Context, no LoadNo) {
	st.say(fmt.Sprintf("undo %s", no), nil, st.UndoLoad(ctx, no, "bert", "carl", "wrong card"))
}

func (st *stage) reports(ctx context.Context, r CardReport) {
	r.UID, r.Version = "04A1B2C3", "1"
	if r.At.IsZero() {
		r.At = st.at
	}
	st.say(fmt.Sprintf("report %s %d%s of %s", r.Kind, r.N, r.ID, r.Amount), nil, st.Report(ctx, r))
}

// lose forgets a load as a failover does that had not replicated its hold: account,
// card, totals and entries are those of before.
func (st *stage) lose(ctx context.Context, during func()) {
	p := partitionOf(accountA)
	keys := []string{
		st.keys.account(p, accountA), st.keys.entries(p, accountA), st.keys.tot(p), st.keys.card(p, "04A1B2C3"),
		st.keys.doubt(p), st.keys.cases(p), st.keys.count(p),
	}
	kept := map[string]string{}
	for _, key := range keys {
		kept[key] = st.client().Dump(ctx, key).Val()
	}
	before := map[string]bool{}
	for _, key := range st.all(ctx) {
		before[key] = true
	}
	during()
	for _, key := range st.all(ctx) {
		if !before[key] {
			st.client().Del(ctx, key)
		}
	}
	for _, key := range keys {
		st.client().Del(ctx, key)
		if kept[key] != "" {
			st.client().Restore(ctx, key, 0, kept[key])
		}
	}
	st.say("a failover loses that", nil, nil)
}

func (st *stage) all(ctx context.Context) []string {
	index, err := st.scan(ctx)
	if err != nil {
		st.say("scan", nil, err)
	}
	p := partitionOf(accountA)
	var keys []string
	for _, id := range index[p].loads {
		keys = append(keys, st.keys.load(p, LoadNo(id)))
	}
	for _, terminal := range []string{"T1", "T2"} {
		for i := range 20 {
			key := st.keys.tap(p, terminal, fmt.Sprintf("tap-%04d", i))
			if st.client().Exists(ctx, key).Val() == 1 {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// at is a reading by another terminal than the usual one.
func at(terminal string, r Reading) Reading {
	r.Terminal = terminal
	return r
}

// bought is a reading with a later purchase counter.
func bought(r Reading, purchases int64) Reading {
	r.P = &purchases
	return r
}

func loadAborted(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	second := st.tapped(ctx, at("T2", st.reading("tap-0001", 3, 1200)))
	st.aborted(ctx, first.Load, true)
	st.aborted(ctx, first.Load, true) // a repeat
	st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	other := first.Load
	other.TapID = "tap-0009"
	st.aborted(ctx, other, false) // never seen: it kills nothing
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	again := st.statement(2, 300) // owed by now
	st.imports(ctx, again)
	st.outside(ctx, "out-1", 1, 600)
	st.aborted(ctx, second.Load, false) // the last one: the money pays what is owed first
	st.result(ctx, first.Load, false, 0, 0)
	st.tapped(ctx, at("T2", st.reading("tap-0001", 3, 1200)))
	st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	nonce := st.freshNonce()
	for range 2 {
		state, err := st.Abort(ctx, Abort{Terminal: "T1", TapID: "tap-0003", UID: "04A1B2C3"}, nonce)
		st.say("abort with one nonce", state, err)
	}
	state, err := st.Abort(ctx, Abort{Terminal: "T1", TapID: "tap-0004", UID: "04FFFFFF"}, st.freshNonce())
	st.say("abort with a strange card", state, err)
	foreign := second.Load
	foreign.UID = "04FFFFFF"
	st.aborted(ctx, foreign, true)
	state, err = st.Abort(ctx, Abort{Terminal: "T1", TapID: "tap-0005", UID: "04A1B2C3"}, Nonce{})
	st.say("abort out of a journal", state, err)
}

func loadAbortUnseen(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	st.aborted(ctx, Load{Terminal: "T1", TapID: "tap-0001"}, false)
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // it arrives late, and finds itself dead
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0002", 3, 1200)) })
	st.aborted(ctx, lost.Load, true)
	st.tapped(ctx, st.reading("tap-0002", 3, 1200))
}

func loadReread(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	st.imports(ctx, st.statement(2, 100))
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // frozen by arrears: offered later
	st.imports(ctx, st.statement(3, 0))
	first := st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0) // it began and does not know
	second := st.tapped(ctx, at("T2", st.reading("tap-0003", 3, 1200)))
	third := st.tapped(ctx, st.reading("tap-0004", 3, 1200))
	st.aborted(ctx, first.Load, true)         // what was begun is not taken back
	st.reread(ctx, second.Load, 3, 1300)      // changed: that attempt alone
	st.reread(ctx, second.Load, 3, 1200)      // dead by now
	st.imports(ctx, st.statement(4, 200))     // owed
	st.reread(ctx, third.Load, 3, 1200)       // unchanged: all before it too
	st.result(ctx, third.Load, true, 4, 6200) // a liar
	st.reread(ctx, Load{No: third.Load.No, UID: "04FFFFFF"}, 3, 1200)
	strange := third.Load
	strange.Account = "B2"
	st.reread(ctx, strange, 3, 1200)
}

func loadForced(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0001", 3, 1200)) })
	st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.aborted(ctx, Load{Terminal: "T1", TapID: "tap-0002"}, false)
	st.outside(ctx, "out-1", 1, 4000) // refunded at the channel meanwhile
	st.result(ctx, lost.Load, true, 4, 6200)
	st.result(ctx, lost.Load, true, 4, 6200)
	st.tapped(ctx, st.reading("tap-0003", 4, 6200))
}

func loadForcedAfterCancel(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.aborted(ctx, first.Load, true)
	st.result(ctx, first.Load, true, 3, 1200)       // written, and the counter has not moved: filed
	st.tapped(ctx, st.reading("tap-0002", 5, 9999)) // ahead by two
	st.result(ctx, first.Load, true, 4, 6200)
	st.tapped(ctx, st.reading("tap-0003", 4, 6200))
	second := first.Load
	second.No, second.L0, second.Amount, second.TapID = LoadNo("07"+"0000000000000000000000000Z"), 4, 700, "tap-0009"
	st.result(ctx, second, true, 5, 6900) // and this explains the rest
	st.tapped(ctx, st.reading("tap-0004", 5, 6900))
}

func loadForcedSibling(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 3000)
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0001", 3, 1200)) })
	st.pays(ctx, 2, 5000)
	st.tapped(ctx, at("T2", st.reading("tap-0002", 3, 1200))) // a late request: 80.00 at the same step
	st.imports(ctx, st.statement(2, 400))
	st.tapped(ctx, st.reading("tap-0003", 4, 4200)) // the counter moved, the balance is of another load
	st.outside(ctx, "out-1", 1, 600)
	st.result(ctx, lost.Load, true, 4, 4200)
	st.imports(ctx, st.statement(3, 0))
	st.tapped(ctx, st.reading("tap-0004", 4, 4200))
}

func loadForcedOldVersion(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 3000)
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0001", 3, 1200)) })
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	st.result(ctx, lost.Load, true, 4, 4200)
	st.imports(ctx, st.statement(3, 0)) // back to the first version
	st.tapped(ctx, st.reading("tap-0002", 4, 4200))
}

func loadLostUnknown(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 3000)
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0001", 3, 1200)) })
	st.pays(ctx, 2, 500)
	st.result(ctx, lost.Load, false, 0, 0) // it does not know either: its money is bound again
	st.show(ctx, st.keys.load(partitionOf(accountA), lost.Load.No))
	st.show(ctx, st.keys.card(partitionOf(accountA), lost.Load.UID))
	open, err := st.OpenLoads(ctx)
	st.say("open loads", len(open), err)
	st.result(ctx, lost.Load, false, 0, 0)
	st.tapped(ctx, st.reading("tap-0002", 4, 4200))
	gone := lost.Load
	gone.UID = "04FFFFFF"
	st.result(ctx, gone, true, 4, 4200)
	// Of another lost one the money is gone.
	lost.Load.No, lost.Load.L0, lost.Load.TapID = LoadNo("07"+"0000000000000000000000000Z"), 4, "tap-0009"
	st.result(ctx, lost.Load, false, 0, 0) // filed: another load is open
	next := st.tapped(ctx, st.reading("tap-0003", 4, 4200))
	st.aborted(ctx, next.Load, true)
	st.aborted(ctx, Load{Terminal: "T1", TapID: "tap-0002"}, false)
	st.result(ctx, lost.Load, false, 0, 0)
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	st.show(ctx, st.keys.card(partitionOf(accountA), lost.Load.UID))
	next = st.tapped(ctx, st.reading("tap-0004", 4, 4200))
	st.result(ctx, next.Load, true, 5, 4700) // that step is paid for now
	st.result(ctx, lost.Load, false, 0, 0)
	lost.Load.No, lost.Load.L0 = LoadNo("07"+"0000000000000000000000000Y"), 5
	st.result(ctx, lost.Load, false, 0, 0)
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	st.result(ctx, lost.Load, true, 6, 7700) // it knows by now
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
	lost.Load.No, lost.Load.L0 = LoadNo("07"+"0000000000000000000000000X"), 6
	st.result(ctx, lost.Load, false, 0, 0)
	st.say("nothing is on the card", nil, st.DecideCard(ctx, CardDecision{
		UID: "04A1B2C3", By: "anna", Second: "bert", Why: "its log", Adopt: true, Seen: 6,
	}))
	st.show(ctx, st.keys.card(partitionOf(accountA), lost.Load.UID))
	// And a tap that proves another load at the very step.
	st.pays(ctx, 3, 5000)
	again := st.tapped(ctx, st.reading("tap-0005", 6, 7700))
	st.aborted(ctx, again.Load, true)
	lost.Load.No, lost.Load.Amount = LoadNo("07"+"0000000000000000000000000W"), 9000
	st.result(ctx, lost.Load, false, 0, 0)
	again = st.tapped(ctx, st.reading("tap-0006", 6, 7700))
	st.tapped(ctx, st.reading("tap-0007", 7, 7700+again.Load.Amount))
	// Or people who decide that another one has it.
	lost.Load.No, lost.Load.L0 = LoadNo("07"+"0000000000000000000000000V"), 7
	st.result(ctx, lost.Load, false, 0, 0)
	st.pays(ctx, 4, 700)
	last := st.tapped(ctx, st.reading("tap-0008", 7, 7700+again.Load.Amount))
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, last.Load.No, VerdictConfirm, nil)
}

func loadClaimed(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 3000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	lost := first.Load
	lost.No, lost.TapID = LoadNo("07"+"0000000000000000000000000Z"), "tap-0009"
	st.result(ctx, first.Load, true, 4, 4200)
	st.result(ctx, lost, true, 4, 4200) // the step is paid for: a case, and no debit
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0002", 4, 4200))
	p := partitionOf(accountA)
	claim := st.keys.claim(p, "04A1B2C3", "1", "4")
	st.say("the step is claimed", nil, st.client().Set(ctx, claim, "outside", 0).Err())
	st.imports(ctx, st.statement(2, 100))
	st.result(ctx, second.Load, true, 5, 6200)
	st.say("the step is free", nil, st.client().Del(ctx, claim).Err())
	st.imports(ctx, st.statement(3, 0))
	third := st.tapped(ctx, st.reading("tap-0003", 4, 4200))
	st.say("the step is claimed", nil, st.client().Set(ctx, claim, "outside", 0).Err())
	st.outside(ctx, "out-1", 1, 600)
	st.imports(ctx, st.statement(4, 50))
	st.tapped(ctx, st.reading("tap-0004", 5, 5500)) // the counter moved for another one
	st.result(ctx, third.Load, false, 0, 0)
}

func playLoadDoubt(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	mark := func(since time.Time) {
		n, err := st.MarkDoubt(ctx, since)
		st.say("mark", n, err)
	}
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	mark(time.Time{})
	st.at = st.at.Add(3 * time.Minute)
	mark(st.at) // not among these
	mark(time.Time{})
	mark(time.Time{})
	open, err := st.OpenLoads(ctx)
	st.say("open loads", open, err)
	st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.result(ctx, first.Load, true, 4, 6200)
}

func loadDecided(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.tapped(ctx, st.reading("tap-0002", 4, 6100)) // short: a case
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, first.Load.No, VerdictConfirm, nil)
	st.decides(ctx, first.Load.No, VerdictConfirm, nil)
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0003", 4, 6100))
	st.result(ctx, second.Load, false, 0, 0)
	st.imports(ctx, st.statement(2, 100))
	st.at = st.at.Add(time.Hour)
	st.outside(ctx, "out-1", 1, 300)
	st.decides(ctx, second.Load.No, VerdictCancel, nil)
	st.imports(ctx, st.statement(3, 0))
	third := st.tapped(ctx, st.reading("tap-0004", 4, 6100))
	st.result(ctx, third.Load, false, 0, 0)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, third.Load.No, VerdictSuspend, nil)
	st.result(ctx, third.Load, true, 5, 8000)
	record, err := st.LoadRecord(ctx, third.Load.No)
	st.say("load", record, err)
	c, err := st.CardState(ctx, "04A1B2C3")
	st.say("card", c, err)
	cases, err := st.Cases(ctx)
	st.say("cases", cases, err)
	for _, one := range cases {
		st.say("disown "+one.ID, nil, st.EndCase(ctx, one, true))
	}
	st.undoes(ctx, third.Load.No)
}

func loadDecidedRefusals(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.decides(ctx, first.Load.No, VerdictConfirm, nil) // its deadline has not passed
	st.result(ctx, first.Load, false, 0, 0)
	st.decides(ctx, first.Load.No, VerdictCancel, nil) // the authorisation may still be used
	st.decides(ctx, first.Load.No, "whatever", nil)
	st.decides(ctx, "07"+"0000000000000000000000000Z", VerdictCancel, nil)
	_, err := st.DecideLoad(ctx, LoadDecision{Load: first.Load.No, Verdict: VerdictConfirm, By: "anna", Second: "anna", Why: "seen"})
	st.say("one name twice", nil, err)
	s := st.statement(2, 0)
	s.Card = Card{}
	st.imports(ctx, s) // the card is lost
	st.at = st.at.Add(24 * time.Hour)
	st.decides(ctx, first.Load.No, VerdictCancel, nil) // it may still turn up
	p := partitionOf(accountA)
	claim := st.keys.claim(p, "04A1B2C3", "1", "3")
	st.say("the step is claimed", nil, st.client().Set(ctx, claim, "outside", 0).Err())
	st.decides(ctx, first.Load.No, VerdictConfirm, nil)
	st.at = st.at.Add(30 * 24 * time.Hour)
	st.decides(ctx, first.Load.No, VerdictCancel, nil)
	st.undoes(ctx, first.Load.No) // the step is another's
}

func loadUndone(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	st.at = st.at.Add(time.Hour)
	for _, v := range []Verdict{VerdictConfirm, VerdictSuspend, VerdictCancel} {
		st.decides(ctx, first.Load.No, v, nil)
		st.undoes(ctx, first.Load.No)
		st.undoes(ctx, first.Load.No)
		st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	}
	st.decides(ctx, first.Load.No, VerdictCancel, nil)
	st.outside(ctx, "out-1", 1, 4000) // refunded meanwhile: it is owed if the card has it after all
	st.undoes(ctx, first.Load.No)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.undoes(ctx, first.Load.No) // evidence has ended it
}

func loadUndoRefusals(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, first.Load.No, VerdictCancel, nil)
	st.say("one name", nil, st.UndoLoad(ctx, first.Load.No, "anna", "", "seen"))
	st.undoes(ctx, "07"+"0000000000000000000000000Z")
	second := st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.undoes(ctx, first.Load.No) // another load is open
	st.result(ctx, second.Load, true, 4, 6200)
	st.undoes(ctx, first.Load.No)  // and has used the step
	st.undoes(ctx, second.Load.No) // evidence ended it
	st.result(ctx, first.Load, true, 4, 6200)
	st.pays(ctx, 2, 2000)
	third := st.tapped(ctx, st.reading("tap-0003", 4, 6200))
	st.result(ctx, third.Load, false, 0, 0)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, third.Load.No, VerdictSuspend, nil)
	st.say("the suspense is spent", nil, st.client().HSet(ctx, st.keys.cases(partitionOf(accountA)), "f:load:"+string(third.Load.No), "0").Err())
	st.undoes(ctx, third.Load.No)
	st.say("and back", nil, st.client().HSet(ctx, st.keys.cases(partitionOf(accountA)), "f:load:"+string(third.Load.No), "2000").Err())
}

func cardTorn(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	torn := st.reading("tap-0002", 3, 6200) // balance written, stamp not
	t := st.tapped(ctx, torn)
	st.rechecked(ctx, torn, t.Challenge, false)
	st.tapped(ctx, torn)
	st.tapped(ctx, st.reading("tap-0003", 3, 6200))
	st.result(ctx, first.Load, true, 4, 6200)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, first.Load.No, VerdictConfirm, nil) // nobody has read it at the desk
	st.rechecked(ctx, at("D1", torn), "", false)        // nor is this a desk
	st.rechecked(ctx, at("D1", torn), "", true)
	st.decides(ctx, first.Load.No, VerdictConfirm, nil)            // the card has the money: stamp it
	st.rechecked(ctx, at("D1", torn), "", true)                    // what to write
	st.rechecked(ctx, at("D1", st.reading("", 4, 6200)), "", true) // done
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0004", 4, 6200))
	torn = st.reading("tap-0005", 4, 8200)
	t = st.tapped(ctx, torn)
	st.rechecked(ctx, torn, t.Challenge, false)
	st.rechecked(ctx, at("D1", st.reading("", 4, 6200)), "", true) // taken back by hand before
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, second.Load.No, VerdictCancel, nil) // and that is how it shall be
	st.tapped(ctx, st.reading("tap-0006", 4, 6200))
}

func cardBelow(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, true, 4, 6200)
	old := st.reading("tap-0002", 3, 1200)
	t := st.tapped(ctx, old)
	st.rechecked(ctx, st.reading("", 4, 6200), t.Challenge, false) // the first was a late one
	st.tapped(ctx, st.reading("tap-0003", 4, 6200))
	t = st.tapped(ctx, at("T2", old)) // a dump was restored
	st.rechecked(ctx, at("T2", old), t.Challenge, false)
	st.rechecked(ctx, at("T2", old), t.Challenge, false)
	said := func(balance fen.Fen) {
		st.say("repair", nil, st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "dump", Amount: balance}))
	}
	said(6200)
	st.rechecked(ctx, at("D1", old), "", true)
	said(6200)
	st.rechecked(ctx, at("D1", old), "", true)
	st.rechecked(ctx, at("D1", st.reading("", 4, 6200)), "", true)
	said(6200)
	t = st.tapped(ctx, at("T2", st.reading("tap-0004", 2, 1200)))
	st.rechecked(ctx, at("T2", st.reading("", 2, 1200)), t.Challenge, false)
	st.rechecked(ctx, at("D1", st.reading("", 4, 6200)), "", true) // it is as it should be
	said(6200)
	st.pays(ctx, 2, 2000)
	st.tapped(ctx, st.reading("tap-0005", 4, 6200))
	t = st.tapped(ctx, at("T2", st.reading("tap-0006", 3, 1200))) // below an open load's
	st.rechecked(ctx, at("T2", st.reading("", 3, 1200)), t.Challenge, false)
	said(6200) // a load is open: decide that
}

func cardRecheckRefusals(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	torn := st.reading("tap-0002", 3, 6200)
	t := st.tapped(ctx, torn)
	st.rechecked(ctx, torn, "challenge-9", false)
	st.rechecked(ctx, at("T2", torn), t.Challenge, false) // of another terminal
	strange := torn
	strange.Version = "9"
	st.rechecked(ctx, strange, t.Challenge, false)
	strange = torn
	strange.CardNo = "70009"
	st.rechecked(ctx, strange, t.Challenge, false)
	strange = torn
	strange.UID = "04FFFFFF"
	st.rechecked(ctx, strange, t.Challenge, false)
	st.at = st.at.Add(3 * time.Minute)
	st.rechecked(ctx, torn, t.Challenge, false) // too late
	t = st.tapped(ctx, at("T2", torn))
	nonce := st.freshNonce()
	for range 2 {
		got, err := st.Recheck(ctx, Recheck{Reading: at("T2", st.reading("", 3, 1200)), Challenge: t.Challenge}, nonce)
		st.say("recheck with one nonce", got, err)
	}
	st.result(ctx, first.Load, true, 3, 6200) // written, without the proof
	again := st.tapped(ctx, st.reading("tap-0003", 3, 1200))
	st.rechecked(ctx, st.reading("", 4, 6200), again.Challenge, false) // written indeed: the next tap proves it
	again = st.tapped(ctx, st.reading("tap-0004", 3, 1200))
	st.rechecked(ctx, st.reading("", 3, 1200), again.Challenge, false) // said to be written, and not there
	st.rechecked(ctx, st.reading("", 3, 1200), again.Challenge, false)
}

func cardAdopted(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, true, 4, 6200)
	adopt := func(seen int64, amount fen.Fen) {
		st.say(fmt.Sprintf("adopt %d with %s", seen, amount), nil, st.DecideCard(ctx, CardDecision{
			UID: "04A1B2C3", By: "anna", Second: "bert", Why: "log of the card", Adopt: true, Seen: seen, Amount: amount,
		}))
	}
	adopt(5, 0)                                     // nothing stands against it
	st.tapped(ctx, st.reading("tap-0002", 5, 8200)) // somebody loaded 20.00
	adopt(6, 2000)
	st.pays(ctx, 2, 500)
	adopt(5, 2000)
	c, err := st.CardState(ctx, "04A1B2C3")
	st.say("card", c, err)
	st.tapped(ctx, st.reading("tap-0003", 7, 8200))
	adopt(7, 0)
	st.tapped(ctx, st.reading("tap-0004", 9, 8200))
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	adopt(9, 0) // of the version before: nothing can be read of that any more
	st.tapped(ctx, st.reading("tap-0005", 9, 8200))
	st.say("nobody's", nil, st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "anna", Why: "x", Adopt: true, Seen: 1}))
}

func cardSpends(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	after := bought(st.reading("tap-0002", 3, 700), 9)
	st.tapped(ctx, after) // two meals that nobody has told of
	st.reports(ctx, CardReport{Kind: Spend, N: 8, Amount: 300})
	after.TapID = "tap-0003"
	st.tapped(ctx, after)
	st.reports(ctx, CardReport{Kind: Spend, N: 7, Amount: 200})
	st.reports(ctx, CardReport{Kind: Spend, N: 7, Amount: 200})
	st.reports(ctx, CardReport{Kind: Spend, N: 7, Amount: 201})
	after.TapID = "tap-0004"
	second := st.tapped(ctx, after) // explained: the load, with the balance of now
	after.TapID = "tap-0001"
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // the first one's own words
	st.reports(ctx, CardReport{Kind: Spend, N: 9, Amount: 100})
	torn := bought(st.reading("tap-0005", 3, 5600), 10)
	t := st.tapped(ctx, torn) // a torn write and a meal
	st.rechecked(ctx, bought(torn, 9), t.Challenge, false)
	st.result(ctx, second.Load, true, 4, 5700)
	st.reports(ctx, CardReport{Kind: "whatever", N: 9, Amount: 100})
	st.reports(ctx, CardReport{Kind: Spend, N: 9})
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 9, Amount: 100})
}

func cardToppedUp(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	cash := st.reading("tap-0002", 3, 2200)
	t := st.tapped(ctx, cash)
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 1000})
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c0", Amount: 700, At: st.at.Add(-time.Hour)}) // before the load
	st.rechecked(ctx, cash, t.Challenge, false)
	cash.TapID = "tap-0003"
	second := st.tapped(ctx, cash)
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c2", Amount: 100})
	st.tapped(ctx, st.reading("tap-0004", 4, second.Load.B0+5000+100))
}

func cardShared(ctx context.Context, st *stage) {
	st.funded(ctx, "shared", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	moved := st.reading("tap-0002", 4, 6200)
	st.tapped(ctx, moved) // who moved it?
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	moved.TapID, moved.Proof.Log = "tap-0003", &CardLog{Amount: 5000, Terminal: "T9"}
	st.tapped(ctx, moved) // not one of this load's terminals
	moved.TapID, moved.Proof.Log = "tap-0004", &CardLog{Amount: 5000, Terminal: "T1"}
	st.tapped(ctx, moved)
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0005", 4, 6200))
	st.result(ctx, second.Load, true, 5, 8200) // no log: written, says the terminal
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 4, Amount: 100})
	w := WriteResult{Load: second.Load, Written: true, Proof: Proof{Log: &CardLog{Amount: 2000, Terminal: "T1"}}}
	counter, balance := int64(5), fen.Fen(8200)
	w.L, w.B = &counter, &balance
	r, err := st.Result(ctx, w, st.freshNonce())
	st.say("result with the card's log", r, err)
	st.pays(ctx, 3, 300)
	third := st.tapped(ctx, st.reading("tap-0006", 5, 8200))
	st.imports(ctx, func() Statement { s := st.statement(2, 50); s.Card.Profile = "shared"; return s }())
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 6, Amount: 100}) // the later one first
	st.tapped(ctx, st.reading("tap-0007", 7, 8400))                   // ahead
	st.outside(ctx, "out-1", 1, 40)
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 5, Amount: 100}) // at the load's own step
	st.result(ctx, third.Load, true, 6, 8500)                         // a liar
	st.tapped(ctx, st.reading("tap-0008", 7, 8400))
}

func cardEPurse(ctx context.Context, st *stage) {
	st.funded(ctx, "epurse", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, true, 4, 6200) // no TAC
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	genuine := st.reading("tap-0003", 4, 6200)
	genuine.Proof.Genuine = true
	st.tapped(ctx, genuine)
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0004", 4, 6200))
	st.tapped(ctx, st.reading("tap-0005", 5, 8200)) // the bare counter
	st.show(ctx, st.keys.load(partitionOf(accountA), second.Load.No))
	certified := bought(st.reading("tap-0006", 5, 100), 9)
	certified.Proof.TAC = true
	certified.NoOffer = true
	st.pays(ctx, 3, 300)
	st.tapped(ctx, certified)
	certified.NoOffer = false
	st.tapped(ctx, certified)
	third := st.tapped(ctx, bought(st.reading("tap-0007", 5, 100), 9))
	quiet := bought(st.reading("tap-0007", 5, 100), 9)
	quiet.NoOffer = true
	st.tapped(ctx, quiet)
	r, err := st.Result(ctx, WriteResult{Load: third.Load, Written: true, Proof: Proof{TAC: true}}, st.freshNonce())
	st.say("result with a TAC", r, err)
	st.result(ctx, second.Load, true, 5, 8200)
}

func primaryScenario(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	note := func(what string, mayLose bool) {
		begun, err := st.NotePrimary(ctx, mayLose)
		st.say(what, begun, err)
	}
	note("first look", true)
	note("the same", true)
	// What a failover leaves: the id of the one before.
	before := func() { st.client().HSet(ctx, st.keys.epoch(partitionOf(accountA)), "run", "another") }
	before()
	note("another, that has everything", false)
	note("the same", true)
	before()
	note("another, that may not", true)
	before()
	note("and one more", true)
	state, err := st.Recovery(ctx)
	st.say("recovery", state, err)
	for p := range partition(Partitions) {
		id, err := st.runID(ctx, p)
		noted := st.client().HGet(ctx, st.keys.epoch(p), "run").Val()
		if noted != id {
			st.say("the process is not noted", nil, err)
		}
		st.client().HSet(ctx, st.keys.epoch(p), "run", "differs from run to run")
	}
}

func recoveryScenario(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	say := func(what string, err error) {
		state, fail := st.Recovery(ctx)
		st.say(what, state, err)
		st.say("recovery", nil, fail)
	}
	say("begin", st.BeginRecovery(ctx, "hub", "failover"))
	say("begin again", st.BeginRecovery(ctx, "hub", "another"))
	st.tapped(ctx, st.reading("tap-0001", 3, 1200)) // a counter seen for the first time is not believed
	no, fresh, err := st.HoldRefund(ctx, NewRefund{
		No: RefundNo("R" + string(orderNo(9))), Order: orderNo(1), Account: accountA, Amount: 100, By: "holder", Why: "x", FirstDue: st.at,
	})
	st.say("refund", []any{no, fresh}, err)
	say("end by one", st.EndRecovery(ctx, "anna", "anna", "journals are in"))
	say("end", st.EndRecovery(ctx, "anna", "bert", "journals are in"))
	say("end again", st.EndRecovery(ctx, "anna", "bert", "journals are in"))
	st.tapped(ctx, st.reading("tap-0002", 3, 1200))
}
