package transition

import "context"

// blocklist: each way in which a card gets on the list and off it again.
func blocklist(ctx context.Context, st *stage) {
	st.blockChanges = 3
	list := func(what string, since Cursor) Cursor {
		b, err := st.Blocklist(ctx, since)
		st.say("blocklist "+what+" since "+since.String(), []any{b.Cursor.String(), b.Full, b.Block, b.Unblock}, err)
		return b.Cursor
	}
	st.imports(ctx, st.statement(1, 0))
	st.create(ctx, 1, 5000, "")
	st.credit(ctx, 1, 5000, nil)
	first := list("of nobody", Cursor{})
	st.imports(ctx, st.statement(2, 0, "lost"))
	frozen := list("frozen", Cursor{})
	st.imports(ctx, st.statement(3, 0, "abuse", "lost"))
	list("still frozen", frozen)
	thawed := st.statement(4, 0)
	st.imports(ctx, thawed)
	list("thawed", frozen)
	closed := thawed
	closed.Version, closed.Open = 5, false
	st.imports(ctx, closed)
	list("closed", frozen)
	list("closed, to somebody new", first)
	other := thawed
	other.Version, other.Card.UID, other.Card.No = 6, "04FFFFFF", "70002"
	st.imports(ctx, other)
	list("replaced", frozen)
	none := other
	none.Version, none.Card = 7, Card{}
	st.imports(ctx, none)
	last := list("gone, and the first is forgotten", frozen)
	ahead := last
	ahead[7]++
	list("of a hub that lost a change", ahead)

	// A hub that ended before it told: the next sweep does.
	key := st.keys.block(partitionOf(accountA))
	st.say("an entry is lost", nil, st.client().HDel(ctx, key, "04FFFFFF").Err())
	st.say("an entry is wrong", nil, st.client().HSet(ctx, key, "04A1B2C3", "1 70001 frozen").Err())
	n, err := st.SweepBlocks(ctx)
	st.say("sweep", n, err)
	n, err = st.SweepBlocks(ctx)
	st.say("sweep", n, err)
	list("swept", last)
}
