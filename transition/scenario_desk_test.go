package transition

import "context"

// deskScenarios are histories in which people's decisions and evidence meet.
func deskScenarios() []scenario {
	return []scenario{
		{"desk_undone_then_tap", undoneThenTap},
		{"desk_undone_then_confirmed", undoneThenConfirmed},
		{"desk_proved_afterwards", provedAfterwards},
		{"desk_cancelled_then_unknown", cancelledThenUnknown},
		{"desk_repair_overtaken", repairOvertaken},
		{"desk_conflict_undone", conflictUndone},
		{"desk_conflict_of_a_lost_card", conflictOfALostCard},
		{"desk_adopted_then_result", adoptedThenResult},
		{"abort_with_another_card", abortWithAnotherCard},
		{"challenge_overtaken", challengeOvertaken},
		{"challenge_decided", challengeDecided},
		{"lost_of_an_unseen_card", lostOfAnUnseenCard},
		{"forced_over_a_gap", forcedOverAGap},
		{"short_by_cash", shortByCash},
		{"doubt_of_a_replaced_card", doubtOfAReplacedCard},
	}
}

// inDoubt is a load of 50.00 whose terminal does not know.
func (st *stage) inDoubt(ctx context.Context) Load {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.result(ctx, first.Load, false, 0, 0)
	st.at = st.at.Add(3600e9)
	return first.Load
}

// clashed is a load of 50.00 on a torn card, seen at the desk.
func (st *stage) clashed(ctx context.Context) Load {
	l := st.inDoubt(ctx)
	torn := st.reading("tap-0002", 3, 6200)
	t := st.tapped(ctx, torn)
	st.rechecked(ctx, torn, t.Challenge, false)
	st.rechecked(ctx, at("D1", torn), "", true)
	return l
}

func undoneThenTap(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.decides(ctx, l.No, VerdictCancel, nil)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200)) // the card has it: ahead of the books
	st.undoes(ctx, l.No)
	st.tapped(ctx, st.reading("tap-0003", 4, 6200)) // and nothing is unknown any more
}

func undoneThenConfirmed(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.decides(ctx, l.No, VerdictCancel, nil)
	st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.undoes(ctx, l.No)
	st.decides(ctx, l.No, VerdictSuspend, nil)
	st.undoes(ctx, l.No)
	st.decides(ctx, l.No, VerdictConfirm, nil)
}

func provedAfterwards(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.result(ctx, l, true, 4, 6200)
	st.undoes(ctx, l.No) // proved since
	st.pays(ctx, 2, 2000)
	next := st.tapped(ctx, st.reading("tap-0002", 4, 6200))
	st.result(ctx, next.Load, false, 0, 0)
	st.at = st.at.Add(3600e9)
	st.decides(ctx, next.Load.No, VerdictConfirm, nil)
	st.tapped(ctx, st.reading("tap-0003", 5, 8200)) // a tap proves it as well
	st.undoes(ctx, next.Load.No)
}

func cancelledThenUnknown(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.decides(ctx, l.No, VerdictCancel, nil)
	st.result(ctx, l, false, 0, 0) // people knew that
	next := st.tapped(ctx, st.reading("tap-0002", 3, 1200))
	st.at = st.at.Add(3600e9)
	st.decides(ctx, next.Load.No, VerdictCancel, nil)
	st.result(ctx, next.Load, false, 0, 0) // it had begun: people did not know that
}

func repairOvertaken(ctx context.Context, st *stage) {
	l := st.clashed(ctx)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.rechecked(ctx, at("D1", bought(st.reading("", 3, 4200), 8)), "", true) // a meal since then
	st.show(ctx, st.keys.card(partitionOf(accountA), l.UID))
	st.rechecked(ctx, at("D1", bought(st.reading("", 3, 4200), 8)), "", true)
	st.say("repair", nil, st.DecideCard(ctx, CardDecision{UID: "04A1B2C3", By: "anna", Second: "bert", Why: "seen", Amount: 4200}))
	st.rechecked(ctx, at("D1", bought(st.reading("", 4, 4200), 8)), "", true)
	st.undoes(ctx, l.No) // the desk has made it so
}

func conflictUndone(ctx context.Context, st *stage) {
	l := st.clashed(ctx)
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.undoes(ctx, l.No)
	st.rechecked(ctx, at("D1", st.reading("", 3, 6200)), "", true) // nothing to write
	st.decides(ctx, l.No, VerdictConfirm, nil)
	st.undoes(ctx, l.No)
}

func conflictOfALostCard(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	torn := st.reading("tap-0002", 3, 6200)
	t := st.tapped(ctx, torn)
	st.rechecked(ctx, torn, t.Challenge, false)
	s := st.statement(2, 0)
	s.Card.UID, s.Card.No = "04D5E6F7", "70002"
	st.imports(ctx, s)
	st.at = st.at.Add(31 * 24 * 3600e9)
	st.decides(ctx, l.No, VerdictCancel, nil)
	fresh := st.reading("tap-0003", 0, 0)
	fresh.UID, fresh.CardNo = "04D5E6F7", "70002"
	st.tapped(ctx, fresh)
}

func adoptedThenResult(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.aborted(ctx, first.Load, true)
	st.tapped(ctx, st.reading("tap-0002", 5, 8200))
	st.say("adopt", nil, st.DecideCard(ctx, CardDecision{
		UID: "04A1B2C3", By: "anna", Second: "bert", Why: "its log", Adopt: true, Seen: 5, Amount: 7000,
	}))
	st.result(ctx, first.Load, true, 4, 6200) // it is in what they adopted
}

func abortWithAnotherCard(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	s := st.statement(2, 0)
	s.Card.UID, s.Card.No = "04D5E6F7", "70002"
	st.imports(ctx, s)
	st.imports(ctx, st.statement(3, 0)) // the account has had two cards
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	state, err := st.Abort(ctx, Abort{Terminal: "T1", TapID: "tap-0001", UID: "04D5E6F7"}, st.freshNonce())
	st.say("abort with the other card", state, err)
	st.result(ctx, first.Load, true, 4, 6200)
}

func challengeOvertaken(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	t := st.tapped(ctx, st.reading("tap-0002", 3, 9999))
	st.tapped(ctx, at("T2", st.reading("tap-0003", 3, 1200)))
	st.rechecked(ctx, st.reading("", 3, 9999), t.Challenge, false) // too late: another tap has shown the card since
	st.aborted(ctx, l, true)
}

func challengeDecided(ctx context.Context, st *stage) {
	l := st.inDoubt(ctx)
	st.tapped(ctx, st.reading("tap-0002", 3, 9999))
	st.decides(ctx, l.No, VerdictConfirm, nil)
}

func lostOfAnUnseenCard(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	var lost TapResult
	st.lose(ctx, func() { lost = st.tapped(ctx, st.reading("tap-0001", 3, 1200)) })
	st.outside(ctx, "out-1", 1, 1000)
	st.result(ctx, lost.Load, false, 0, 0)
	st.show(ctx, st.keys.card(partitionOf(accountA), "04A1B2C3"))
	st.tapped(ctx, st.reading("tap-0002", 4, 6200)) // not taken on trust
	st.say("more than was lost", nil, st.DecideCard(ctx, CardDecision{
		UID: "04A1B2C3", By: "anna", Second: "bert", Why: "its log", Adopt: true, Seen: 4, Amount: 5000,
	}))
}

func forcedOverAGap(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.aborted(ctx, first.Load, true)
	st.tapped(ctx, st.reading("tap-0002", 5, 8900))
	second := first.Load
	second.No, second.L0, second.Amount, second.TapID = LoadNo("07"+"0000000000000000000000000Z"), 4, 700, "tap-0009"
	st.result(ctx, second, true, 5, 6900)
	st.tapped(ctx, st.reading("tap-0003", 5, 8900)) // the step before it is not explained
	st.show(ctx, st.keys.card(partitionOf(accountA), "04A1B2C3"))
	third := first.Load
	third.Amount = 5000
	st.result(ctx, third, true, 4, 6200)
	st.tapped(ctx, st.reading("tap-0004", 5, 6900))
}

func shortByCash(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	first := st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.tapped(ctx, st.reading("tap-0002", 4, 7200)) // cash of 10.00 after the write
	st.reports(ctx, CardReport{Kind: TopUp, ID: "c1", Amount: 1000})
	st.show(ctx, st.keys.load(partitionOf(accountA), first.Load.No))
	st.tapped(ctx, st.reading("tap-0003", 4, 7200))
	st.pays(ctx, 2, 2000)
	second := st.tapped(ctx, st.reading("tap-0004", 4, 7200))
	st.tapped(ctx, st.reading("tap-0005", 5, 9300))
	st.result(ctx, second.Load, true, 5, 9200) // read back in the write's own presence
}

func doubtOfAReplacedCard(ctx context.Context, st *stage) {
	st.funded(ctx, "stamp", 5000)
	st.tapped(ctx, st.reading("tap-0001", 3, 1200))
	st.tapped(ctx, st.reading("tap-0002", 6, 1200))
	st.pays(ctx, 2, 2000)
	s := st.statement(2, 0)
	s.Card.UID, s.Card.No = "04D5E6F7", "70002"
	st.imports(ctx, s)
	fresh := st.reading("tap-0003", 0, 0)
	fresh.UID, fresh.CardNo = "04D5E6F7", "70002"
	st.tapped(ctx, fresh) // nothing of this account until that is explained
	cards, err := st.CardsInDoubt(ctx)
	st.say("cards in doubt", cards, err)
}
