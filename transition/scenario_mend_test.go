package transition

import (
	"context"
	"fmt"
	"time"

	"guodu/internal/fen"
)

// mendScenarios are histories in which what was wrong, misread, told late or decided in
// error is put right.
func mendScenarios() []scenario {
	return []scenario{
		{"suspense_decided", suspenseDecided},
		{"suspense_proved", suspenseProved},
		{"suspense_returned_then_proved", suspenseReturnedThenProved},
		{"adopted_undone", adoptedUndone},
		{"adopted_nothing_undone", adoptedNothingUndone},
		{"adopted_put_right", adoptedPutRight},
		{"adopted_lost_undone", adoptedLostUndone},
		{"dismissed_once", dismissedOnce},
		{"counter_misread", counterMisread},
		{"counter_ahead_then_back", counterAheadThenBack},
		{"cash_told_after_the_conflict", cashToldAfterTheConflict},
		{"meal_told_after_the_conflict", mealToldAfterTheConflict},
		{"cash_by_a_clock_ahead", cashByAClockAhead},
		{"cash_like_a_torn_write", cashLikeATornWrite},
		{"cash_before_a_lost_load_is_known", cashBeforeALostLoadIsKnown},
		{"shared_written_stays", sharedWrittenStays},
		{"shared_conflict_of_a_kiosk", sharedConflictOfAKiosk},
		{"shared_lost_step_was_a_kiosk", sharedLostStepWasAKiosk},
		{"cancelled_after_its_step", cancelledAfterItsStep},
		{"card_gone", cardGone},
		{"doubt_comes_back", doubtComesBack},
		{"doubt_ends_with_a_tap", doubtEndsWithATap},
		{"adopted_of_a_version_undone", adoptedOfAVersionUndone},
		{"version_returns_in_conflict", versionReturnsInConflict},
		{"conflict_of_a_version_adopted", conflictOfAVersionAdopted},
		{"suspended_step_of_another", suspendedStepOfAnother},
		{"kiosk_against_a_certificate", kioskAgainstACertificate},
		{"ahead_then_known", aheadThenKnown},
		{"cash_between_decision_and_undo", cashBetweenDecisionAndUndo},
		{"repair_of_another_time", repairOfAnotherTime},
		{"repair_over_proof", repairOverProof},
		{"repair_overtaken_by_a_kiosk", repairOvertakenByAKiosk},
		{"attempt_known_again", attemptKnownAgain},
		{"contested_by_a_lost_load", contestedByALostLoad},
		{"contested_adoption", contestedAdoption},
		{"adoption_overtaken_by_proof", adoptionOvertakenByProof},
		{"adopted_of_an_unseen_version", adoptedOfAnUnseenVersion},
		{"kiosks_of_a_version", kiosksOfAVersion},
		{"misread_over_a_lead", misreadOverALead},
		{"desk_reads_a_counter_ahead", deskReadsACounterAhead},
		{"forced_explains_a_version", forcedExplainsAVersion},
		{"forced_over_an_unseen_gap", forcedOverAnUnseenGap},
	}
}

func (st *stage) adopts(ctx context.Context, seen int64, amount fen.Fen) {
	err := st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "its log", Adopt: true, Seen: seen, Amount: amount})
	st.say(fmt.Sprintf("adopt %d with %s", seen, amount), nil, err)
}

func (st *stage) unadopts(ctx context.Context) {
	st.say("undo the adoption", nil, st.UndoCard(ctx, "04A1B2C3", "bert", "carl", "typo"))
}

func (st *stage) shows(ctx context.Context) {
	st.show(ctx, st.keys.card(partitionOf(accountA), "04A1B2C3"))
	st.show(ctx, st.keys.account(partitionOf(accountA), accountA))
}

// known is an account with 50.00 whose card was seen at 3.
func (st *stage) known(ctx context.Context, profile string) {
	st.funded(ctx, profile, 5000)
	st.tapped(ctx, at("T2", st.reading("tap-0000", 3, 1200)))
	st.aborted(ctx, Load{Terminal: "T2", TapID: "tap-0000"}, false)
}

// loses is a tap whose hold a failover loses.
func (st *stage) loses(ctx context.Context) Load {
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0001", 3, 1200)) })
	return lost.Load
}

func suspenseDecided(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.decides(ctx, l.No, VerdictSuspend, nil)
	st.pays(ctx, 2, 2000)
	next := st.tapped(ctx, st.reading("tap-0002", 4, 1200))
	st.result(ctx, next.Load, true, 5, 3200) // the card goes on
	st.undoes(ctx, l.No)
	st.decides(ctx, l.No, VerdictSuspend, nil)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.decides(ctx, l.No, VerdictCancel, nil)
	st.undoes(ctx, l.No)
	st.show(ctx, st.keys.load(partitionOf(accountA), l.No))
	st.decides(ctx, l.No, VerdictCancel, nil)
	st.outside(ctx, "out-1", 1, 4000) // most of it leaves meanwhile
	st.undoes(ctx, l.No)
	st.show(ctx, st.keys.cases(partitionOf(accountA)))
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.result(ctx, l, true, 4, 6200) // and its terminal says so
	st.undoes(ctx, l.No)
}

func suspenseProved(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0) // what is left does not pay for it: LOST_LOAD
	next := st.tapped(ctx, at("T2", st.reading("tap-0002", 3, 1200)))
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, next.Load.No, VerdictSuspend, nil)
	st.result(ctx, next.Load, false, 0, 0)
	st.result(ctx, next.Load, true, 4, 1200) // the balance does not say so
	st.shows(ctx)
	st.result(ctx, next.Load, true, 4, 5200)
	st.undoes(ctx, next.Load.No)
	st.shows(ctx)
}

func suspenseReturnedThenProved(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.imports(ctx, st.statement(2, 700))
	st.decides(ctx, l.No, VerdictSuspend, nil)
	st.outside(ctx, "out-1", 1, 400)
	st.decides(ctx, l.No, VerdictCancel, nil) // what is owed is paid of it
	st.result(ctx, l, false, 0, 0)
	st.result(ctx, l, true, 4, 6200)
	st.undoes(ctx, l.No)
}

func adoptedUndone(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	st.unadopts(ctx)
	st.tapped(ctx, st.reading("tap-0002", 4, 3200))
	st.adopts(ctx, 4, 20000) // 20.00 was meant
	st.imports(ctx, st.statement(2, 300))
	st.tapped(ctx, st.reading("tap-low1", 2, 3200)) // asks for a re-reading
	loads, err := st.LoadsOf(ctx, accountA, 1)
	st.say("adopted", loads[0].State, err)
	st.say("undo", nil, st.UndoLoad(ctx, loads[0].No, "bert", "carl", "typo"))
	st.shows(ctx)
	st.say("undo again", nil, st.UndoLoad(ctx, loads[0].No, "bert", "carl", "typo"))
	st.unadopts(ctx)
	st.tapped(ctx, st.reading("tap-0003", 4, 3200))
	st.adopts(ctx, 4, 2000)
	next := st.tapped(ctx, st.reading("tap-0004", 4, 3200))
	st.unadopts(ctx) // a load rests on it
	st.aborted(ctx, next.Load, true)
	st.unadopts(ctx) // and has shown the card
}

func aheadThenKnown(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.result(ctx, lost, false, 0, 0) // bound again, and the counter has moved
	st.shows(ctx)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, lost.No, VerdictConfirm, nil)
	st.shows(ctx)
	st.tapped(ctx, st.reading("tap-0003", 2, 6200)) // asks for a re-reading
	st.undoes(ctx, lost.No)
	st.shows(ctx)
	st.tapped(ctx, st.reading("tap-0004", 4, 6200))
	st.shows(ctx)
}

func cashBetweenDecisionAndUndo(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 1000, At: st.at})
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c2", Amount: 300, At: st.at.Add(-time.Hour)})
	st.undoes(ctx, l.No)
	st.show(ctx, st.keys.load(partitionOf(accountA), l.No))
	st.tapped(ctx, st.reading("tap-0002", 3, 2500))
}

func repairOfAnotherTime(ctx context.Context, st *stage) {
	l := st.clashed(ctx)
	balance := fen.Fen(1200)
	st.decides(ctx, l.No, VerdictSuspend, &balance)
	st.shows(ctx)
	st.decides(ctx, l.No, VerdictConfirm, &balance)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.shows(ctx)
	st.rechecked(ctx, at("D1", st.reading("", 3, 6200)), "", true)
}

func repairOverProof(ctx context.Context, st *stage) {
	l := st.clashed(ctx)
	balance := fen.Fen(1200)
	st.decides(ctx, l.No, VerdictSuspend, &balance)
	st.result(ctx, l, true, 4, 6200)
	st.shows(ctx)
}

func repairOvertakenByAKiosk(ctx context.Context, st *stage) {
	st.known(ctx, "shared")
	low := st.reading("tap-0002", 2, 1200)
	t := st.tapped(ctx, low)
	st.rechecked(ctx, low, t.Challenge, false)
	st.rechecked(ctx, at("D1", low), "", true)
	st.say("repair", nil, st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "seen", Amount: 1200}))
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 3, Amount: 500})
	st.rechecked(ctx, at("D1", low), "", true)
	st.shows(ctx)
}

func attemptKnownAgain(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	second := first.Load
	second.Attempt, second.TapID, second.Terminal = 2, "tap-0002", "T2"
	st.result(ctx, second, false, 0, 0)
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	st.aborted(ctx, first.Load, true) // one is left
}

func adoptedNothingUndone(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.adopts(ctx, 4, 0)
	st.shows(ctx)
	st.unadopts(ctx)
	st.shows(ctx)
}

func adoptedPutRight(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.adopts(ctx, 4, 100)
	st.result(ctx, lost, true, 4, 6200) // the terminal's word came too late
	st.adopts(ctx, 4, 100)
	st.adopts(ctx, 4, 5000)
	st.unadopts(ctx)
	st.tapped(ctx, st.reading("tap-0003", 4, 6200))
	st.adopts(ctx, 4, 5000)
	st.pays(ctx, 2, 2000)
	next := st.tapped(ctx, st.reading("tap-0004", 4, 6200))
	st.adopts(ctx, 4, 0) // not while a load is open
	st.result(ctx, next.Load, true, 5, 8200)
	st.adopts(ctx, 4, 0) // none of it was the hub's
	st.shows(ctx)
	st.result(ctx, lost, true, 4, 6200) // it was
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	st.adopts(ctx, 4, 1)
}

func adoptedLostUndone(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	st.adopts(ctx, 4, 5000)
	st.unadopts(ctx)
	st.shows(ctx)
	st.result(ctx, lost, true, 4, 6200)
}

func dismissedOnce(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	st.adopts(ctx, 3, 0) // not the step
	st.adopts(ctx, 4, 0)
	st.result(ctx, lost, false, 0, 0) // its journal, days later: people knew that
	st.shows(ctx)
	st.result(ctx, lost, true, 4, 6200) // and that they did not
}

func counterMisread(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	t := st.tapped(ctx, at("T2", st.reading("tap-0002", 4294967295, 1200)))
	st.shows(ctx)
	st.rechecked(ctx, st.reading("", 3, 1200), t.Challenge, false) // another terminal's
	st.rechecked(ctx, at("T2", st.reading("", 3, 1200)), t.Challenge, false)
	st.shows(ctx)
	st.result(ctx, first.Load, true, 4, 6200)
	t = st.tapped(ctx, st.reading("tap-0003", 90, 6200))
	st.rechecked(ctx, st.reading("", 6, 6200), t.Challenge, false) // wrong, and ahead all the same
	st.shows(ctx)
	t = st.tapped(ctx, st.reading("tap-0004", 7, 6200))
	st.rechecked(ctx, st.reading("", 8, 6200), t.Challenge, false)
	t = st.tapped(ctx, st.reading("tap-0005", 99, 6200))
	st.rechecked(ctx, st.reading("", 8, 6200), t.Challenge, false) // back to what was seen before
	st.tapped(ctx, st.reading("tap-0006", 8, 6200))
	st.shows(ctx)
}

func counterAheadThenBack(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	t := st.tapped(ctx, st.reading("tap-0002", 9, 1200))
	st.rechecked(ctx, st.reading("", 3, 1200), t.Challenge, false) // misread; the lost load is still in doubt
	st.shows(ctx)
	t = st.tapped(ctx, st.reading("tap-0003", 5, 1200))
	st.rechecked(ctx, st.reading("", 5, 1200), t.Challenge, false)
	t = st.tapped(ctx, st.reading("tap-0004", 4, 1200)) // a counter never falls
	st.rechecked(ctx, st.reading("", 4, 1200), t.Challenge, false)
	st.shows(ctx)
	st.rechecked(ctx, at("D1", st.reading("", 4, 1200)), "", true)
	st.say("repair", nil, st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "a clone", Amount: 1200}))
	st.rechecked(ctx, at("D1", st.reading("", 3, 1200)), "", true)
	st.shows(ctx)
}

func cashToldAfterTheConflict(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	other := st.reading("tap-0002", 3, 2200)
	t := st.tapped(ctx, other)
	st.rechecked(ctx, other, t.Challenge, false)
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 400, At: st.at}) // not all of it
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c2", Amount: 600, At: st.at})
	st.shows(ctx)
	st.show(ctx, st.keys.cases(partitionOf(accountA)))
	st.show(ctx, st.keys.load(partitionOf(accountA), l.No))
	st.tapped(ctx, st.reading("tap-0003", 3, 2200))
	low := st.reading("tap-0004", 2, 2200)
	t = st.tapped(ctx, low)
	st.rechecked(ctx, low, t.Challenge, false)
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c3", Amount: 1, At: st.at}) // explains nothing of that
	st.show(ctx, st.keys.load(partitionOf(accountA), l.No))
}

func mealToldAfterTheConflict(ctx context.Context, st *stage) {
	l := st.clashed(ctx)
	st.rechecked(ctx, at("D1", bought(st.reading("", 3, 700), 8)), "", true) // the desk reads what is right
	st.reports(ctx, CardReport{Kind: Spend, N: 7, Amount: 500})
	st.show(ctx, st.keys.load(partitionOf(accountA), l.No))
	st.shows(ctx)
}

func cashByAClockAhead(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	st.tapped(ctx, st.reading("tap-0001", 3, 2200)) // 10.00 cash are in it
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 1000, At: st.at.Add(2 * time.Second)})
	st.tapped(ctx, st.reading("tap-0002", 3, 2200))
	for i, amount := range []fen.Fen{100, 200, 300} {
		st.reports(ctx, CardReport{Kind: TopUp, ID: fmt.Sprintf("d%d", i), Amount: amount, At: st.at})
	}
	st.tapped(ctx, st.reading("tap-0003", 3, 2600)) // 1.00 and 3.00 of them
	st.reports(ctx, CardReport{Kind: TopUp, ID: "e1", Amount: 400, At: st.at.Add(-2 * time.Second)})
	st.tapped(ctx, st.reading("tap-0004", 4, 8100)) // 5.00 too much
	st.reports(ctx, CardReport{Kind: TopUp, ID: "e2", Amount: 500, At: st.at.Add(-time.Second)})
	st.tapped(ctx, st.reading("tap-0005", 4, 8100))
	st.reports(ctx, CardReport{Kind: TopUp, ID: "e3", Amount: 500, At: st.at.Add(-time.Second)})
}

func cashLikeATornWrite(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 5000, At: st.at})
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c0", Amount: 300, At: st.at.Add(-time.Hour)}) // long before
	st.tapped(ctx, st.reading("tap-0002", 3, 6200))                                            // nobody can say which
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c2", Amount: 700, At: st.at.Add(time.Hour)})
	st.tapped(ctx, st.reading("tap-0003", 3, 1900))
	st.result(ctx, first.Load, false, 0, 0)
}

func cashBeforeALostLoadIsKnown(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	for i := range 21 {
		st.reports(ctx, CardReport{Kind: TopUp, ID: fmt.Sprintf("a%d", i), Amount: 1, At: st.at})
	}
	st.at = st.at.Add(time.Hour)
	lost := st.loses(ctx)
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 1000, At: st.at.Add(time.Second)})
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c2", Amount: 2000, At: st.at.Add(20 * time.Minute)})
	st.result(ctx, lost, false, 0, 0)
	st.show(ctx, st.keys.load(partitionOf(accountA), lost.No))
	st.tapped(ctx, st.reading("tap-0002", 3, 4200))
	st.shows(ctx)
	err := st.Report(ctx, CardReport{Kind: TopUp, UID: "04A1B2C3", Version: "9", ID: "c3", Amount: 2000, At: st.at})
	st.say("cash on another version", nil, err)
	st.shows(ctx)
}

func sharedWrittenStays(ctx context.Context, st *stage) {
	st.funded(ctx, "shared", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, true, 4, 6200)       // without its log
	st.tapped(ctx, st.reading("tap-0002", 4, 6200)) // without it again
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 3, Amount: 5000})
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
}

func sharedConflictOfAKiosk(ctx context.Context, st *stage) {
	st.funded(ctx, "shared", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	torn := st.reading("tap-0002", 3, 6200)
	t := st.tapped(ctx, torn)
	st.rechecked(ctx, torn, t.Challenge, false)
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 3, Amount: 5000})
	st.rechecked(ctx, at("D1", st.reading("", 4, 6200)), "", true)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, first.Load.No, VerdictCancel, nil)
	st.shows(ctx)
	st.undoes(ctx, first.Load.No)
	st.shows(ctx)
}

func sharedLostStepWasAKiosk(ctx context.Context, st *stage) {
	st.funded(ctx, "shared", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 3, Amount: 500})
	st.shows(ctx)
}

func cancelledAfterItsStep(ctx context.Context, st *stage) {
	for _, profile := range []string{"stamp", "epurse", "shared"} {
		st.say(profile, nil, nil)
		l := st.stepped(ctx, profile)
		st.at = st.at.Add(time.Hour)
		st.decides(ctx, l.No, VerdictCancel, nil)
		st.undoes(ctx, l.No)
		st.decides(ctx, l.No, VerdictCancel, nil)
		next := st.tapped(ctx, st.reading(fmt.Sprintf("tap-%s3", profile), l.L0+1, 1300))
		st.undoes(ctx, l.No)
		st.aborted(ctx, next.Load, true)
	}
	last := st.tapped(ctx, st.reading("tap-last", 3, 1300))
	st.result(ctx, last.Load, true, 4, 1300) // its counter moved, and its balance did not
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, last.Load.No, VerdictCancel, nil)
	st.shows(ctx)
}

// stepped is a load whose step a reading has shown, without proof that it was this load's.
func (st *stage) stepped(ctx context.Context, profile string) Load {
	step := map[string]int64{"stamp": 0, "epurse": 1, "shared": 2}[profile]
	s := st.statement(1+step, 0)
	s.Card.Profile = profile
	st.imports(ctx, s)
	st.pays(ctx, int(1+step), 5000)
	first := st.tapped(ctx, st.reading(fmt.Sprintf("tap-%s1", profile), step, 1200))
	st.tapped(ctx, st.reading(fmt.Sprintf("tap-%s2", profile), step+1, 1300))
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	return first.Load
}

func cardGone(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	balance := fen.Fen(1200)
	st.decides(ctx, l.No, VerdictConfirm, &balance) // nobody would write it
	s := st.statement(2, 0)
	s.Card = Card{}
	st.imports(ctx, s)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.at = st.at.Add(31 * 24 * time.Hour)
	st.decides(ctx, l.No, VerdictConfirm, nil)
}

func doubtComesBack(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	next := st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, next.Load.No, VerdictConfirm, nil)
	st.shows(ctx)
	st.undoes(ctx, next.Load.No)
	st.shows(ctx)
	st.aborted(ctx, next.Load, true)
	st.hold(ctx, 1, 1, 4000, nil)
	st.result(ctx, lost, true, 4, 6200)
}

func doubtEndsWithATap(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	lost := st.loses(ctx)
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost, false, 0, 0)
	next := st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.tapped(ctx, st.reading("tap-0003", 4, 5200))
	st.show(ctx, st.keys.load(partitionOf(accountA), next.Load.No))
	st.shows(ctx)
}

func adoptedOfAVersionUndone(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	st.adopts(ctx, 4, 0) // nothing of the hub's
	st.shows(ctx)
	st.unadopts(ctx)
	st.shows(ctx)
	st.adopts(ctx, 4, 5000)
	st.shows(ctx)
	st.unadopts(ctx)
	st.shows(ctx)
	st.adopts(ctx, 4, 5000)
	ahead := st.reading("tap-0003", 8, 6200)
	ahead.Version = "2"
	st.tapped(ctx, ahead)
	ahead.TapID, ahead.L = "tap-0004", 9
	st.tapped(ctx, ahead)
	ahead.TapID, ahead.L = "tap-0005", 7
	st.tapped(ctx, ahead) // asks for a re-reading
	st.adopts(ctx, 9, 0)
	st.shows(ctx)
	s = st.statement(3, 0)
	st.imports(ctx, s) // the version returns
	st.tapped(ctx, st.reading("tap-0006", 4, 6200))
}

func versionReturnsInConflict(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	low := st.reading("tap-0002", 2, 1200)
	t := st.tapped(ctx, low)
	st.rechecked(ctx, low, t.Challenge, false)
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	lost := Load{No: "070000000000000000000000000Z", Account: accountA, UID: "04A1B2C3", CardNo: "70001", Version: "1", Attempt: 1,
		Terminal: "T1", TapID: "tap-0009", Amount: 100, L0: 4, B0: 0}
	st.result(ctx, lost, false, 0, 0)
	st.result(ctx, lost, true, 5, 100) // over a gap
	st.shows(ctx)
	st.imports(ctx, st.statement(3, 0))
	st.tapped(ctx, st.reading("tap-0003", 5, 100)) // it is in conflict again
	st.rechecked(ctx, at("D1", st.reading("", 5, 100)), "", true)
	repair := CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "seen", Amount: 100}
	st.say("repair", nil, st.DecideCard(ctx, repair))
	st.shows(ctx)
	st.adopts(ctx, 4, 0)
	st.shows(ctx)
	s.Version = 4
	st.imports(ctx, s)
	st.say("repair", nil, st.DecideCard(ctx, repair))
}

func conflictOfAVersionAdopted(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	low := st.reading("tap-0002", 2, 1200)
	t := st.tapped(ctx, low)
	st.rechecked(ctx, low, t.Challenge, false)
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	st.adopts(ctx, 3, 0)
	st.shows(ctx)
	st.unadopts(ctx)
	st.shows(ctx)
}

func suspendedStepOfAnother(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	next := st.tapped(ctx, at("T2", st.reading("tap-0002", 3, 1200)))
	st.at = st.at.Add(time.Hour)
	st.result(ctx, lost, false, 0, 0) // another load of that step is open
	st.decides(ctx, next.Load.No, VerdictSuspend, nil)
	st.result(ctx, lost, true, 4, 6200) // the step was its own
	st.shows(ctx)
	st.decides(ctx, next.Load.No, VerdictCancel, nil)
	st.adopts(ctx, 4, 5000)
	st.shows(ctx)
}

func kioskAgainstACertificate(ctx context.Context, st *stage) {
	st.funded(ctx, "shared", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, true, 4, 6200)
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 3, Amount: 5000})
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, first.Load.No, VerdictCancel, nil)
	certain := WriteResult{Load: first.Load, Written: true, Proof: Proof{TAC: true}}
	say := func() {
		r, err := st.Result(ctx, certain, st.freshNonce())
		st.say("a certificate", r, err)
	}
	say() // against what core and people said
	st.shows(ctx)
	st.undoes(ctx, first.Load.No)
	st.adopts(ctx, 4, 5000)
	st.unadopts(ctx)
	st.show(ctx, st.keys.claim(partitionOf(accountA), "04A1B2C3", "1", "3"))
	st.adopts(ctx, 4, 5000)
	st.shows(ctx)
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0003", 4, 6200))
	st.say("a claim", nil, st.client().Set(ctx, st.keys.claim(partitionOf(accountA), "04A1B2C3", "1", "4"), "outside", 0).Err())
	proved := st.reading("tap-0004", 5, 8200)
	proved.Proof = Proof{TAC: true}
	st.tapped(ctx, proved)
	st.show(ctx, st.keys.load(partitionOf(accountA), second.Load.No))
	certain.Load = second.Load
	say()
	st.decides(ctx, second.Load.No, VerdictConfirm, nil)
}

func forcedExplainsAVersion(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	st.result(ctx, lost, true, 4, 6200)
	st.shows(ctx)
}

func forcedOverAnUnseenGap(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	second := lost
	second.No, second.L0, second.Amount, second.TapID = "070000000000000000000000000Z", 4, 700, "tap-0009"
	st.result(ctx, second, true, 5, 6900) // the later one first
	st.shows(ctx)
	st.hold(ctx, 1, 1, 4300, nil)
	st.result(ctx, lost, true, 4, 6200)
	st.shows(ctx)
}

func contestedByALostLoad(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	next := st.tapped(ctx, at("T2", st.reading("tap-0002", 3, 1200)))
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, next.Load.No, VerdictConfirm, nil)
	st.result(ctx, lost, true, 4, 6200) // it was another load
	st.result(ctx, lost, true, 4, 6200)
	st.shows(ctx)
	st.undoes(ctx, next.Load.No)
	st.shows(ctx)
	st.say("abort", nil, func() error {
		_, err := st.Abort(ctx, Abort{Terminal: "T2", TapID: "tap-0002", UID: "04A1B2C3"}, st.freshNonce())
		return err
	}())
	st.hold(ctx, 1, 1, 5000, nil)
}

func contestedAdoption(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	st.tapped(ctx, st.reading("tap-0002", 5, 8200))
	st.adopts(ctx, 5, 7000)
	st.result(ctx, lost, false, 0, 0) // within what was adopted
	st.adopts(ctx, 5, 0)
	st.shows(ctx)
	st.hold(ctx, 1, 1, 5000, nil)
	st.unadopts(ctx)
	st.tapped(ctx, st.reading("tap-0003", 5, 8200))
	st.adopts(ctx, 5, 7000)
	st.result(ctx, lost, true, 4, 6200)
	st.unadopts(ctx)
	st.shows(ctx)
}

func adoptionOvertakenByProof(ctx context.Context, st *stage) {
	st.known(ctx, "shared")
	lost := st.loses(ctx)
	st.tapped(ctx, st.reading("tap-0002", 6, 6200))
	st.adopts(ctx, 6, 0)
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 4, Amount: 100})
	st.shows(ctx)
	st.unadopts(ctx) // more is known than then
	st.say("a certificate", nil, func() error {
		_, err := st.Result(ctx, WriteResult{Load: lost, Written: true, Proof: Proof{TAC: true}}, st.freshNonce())
		return err
	}())
	st.shows(ctx)
	st.unadopts(ctx)
}

func adoptedOfAnUnseenVersion(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	s := st.statement(2, 0)
	s.Card.Version = "2"
	st.imports(ctx, s)
	lost := Load{No: "070000000000000000000000000Z", Account: accountA, UID: "04A1B2C3", CardNo: "70001", Version: "1", Attempt: 1,
		Terminal: "T1", TapID: "tap-0009", Amount: 100, L0: 4, B0: 0}
	st.result(ctx, lost, false, 0, 0)
	st.adopts(ctx, 5, 100)
	st.shows(ctx)
	st.unadopts(ctx)
	st.shows(ctx)
}

func kiosksOfAVersion(ctx context.Context, st *stage) {
	st.known(ctx, "shared")
	s := st.statement(2, 0)
	s.Card.Version, s.Card.Profile = "2", "shared"
	st.imports(ctx, s)
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 4, Amount: 100})
	st.reports(ctx, CardReport{Kind: OutsideLoad, N: 3, Amount: 100}) // told in any order, of the version before
	st.shows(ctx)
}

func misreadOverALead(ctx context.Context, st *stage) {
	st.known(ctx, "stamp")
	lost := st.loses(ctx)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	t := st.tapped(ctx, at("T2", st.reading("tap-0003", 99, 6200)))
	st.result(ctx, lost, true, 4, 6200)
	st.rechecked(ctx, at("T2", st.reading("", 4, 6200)), t.Challenge, false)
	st.shows(ctx)
	st.tapped(ctx, at("T2", st.reading("tap-0004", 6, 6200)))
	t = st.tapped(ctx, at("T2", st.reading("tap-0005", 99, 6200)))
	st.rechecked(ctx, at("T2", st.reading("", 5, 6200)), t.Challenge, false) // a counter never falls
	st.shows(ctx)
}

func deskReadsACounterAhead(ctx context.Context, st *stage) {
	st.known(ctx, "epurse")
	st.tapped(ctx, st.reading("tap-0002", 5, 1200))
	low := st.reading("tap-0003", 3, 1200)
	t := st.tapped(ctx, low)
	st.rechecked(ctx, low, t.Challenge, false)
	st.rechecked(ctx, at("D1", st.reading("", 5, 1200)), "", true)
	st.say("repair", nil, st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "seen", Amount: 1200}))
	st.shows(ctx) // as the card is: its counter cannot be set back
	first := st.tapped(ctx, st.reading("tap-0004", 5, 1200))
	st.tapped(ctx, st.reading("tap-0005", 6, 6200)) // nothing vouches for it: WRITTEN
	low = st.reading("tap-0006", 5, 1200)
	t = st.tapped(ctx, low)
	st.rechecked(ctx, low, t.Challenge, false)
	st.rechecked(ctx, at("D1", st.reading("", 6, 1200)), "", true)
	st.at = st.at.Add(time.Hour)
	st.decides(ctx, first.Load.No, VerdictCancel, nil)
	st.shows(ctx)
}
