package pos_test

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"guodu/internal/fen"
)

// TestAMonthOfJournalInAnyOrderWithRepeatsMovesEachFenOnce writes a card every day,
// tells no result, and then sends the whole journal shuffled, cut and repeated.
func TestAMonthOfJournalInAnyOrderWithRepeatsMovesEachFenOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := mathrand.New(mathrand.NewPCG(seed, 1)) // #nosec G404 -- a test's shuffle
	c := newCounter(t)
	const days = 30
	l, b, seq := int64(3), int64(1200), int64(0)
	var records []any
	var amounts []fen.Fen
	note := func(kind, tap string, offer tapped, change ...func(map[string]any)) {
		seq++
		change = append(change, with("tap_id", tap))
		if kind != "TAP" && kind != "ABANDONED" {
			change = append(change, with("load", offer.Load))
		}
		records = append(records, record(seq, kind, change...))
	}
	for day := range days {
		amount := fen.Fen(5000) // what the account begins with
		if day > 0 {
			amount = fen.Fen(100 + day)
			c.recharge(amount)
		}
		// A tap whose answer nobody used, and the one that was written.
		lost, tap := rand.Text(), rand.Text()
		at := reading(with("L", l), with("B", b))
		dead := c.tap(c.t1, with2(at, "tap_id", lost))
		note("TAP", lost, dead, with("L", l), with("B", b))
		note("ABANDONED", lost, dead)
		offer := c.tap(c.t1, with2(at, "tap_id", tap))
		if offer.Outcome != "load" || offer.Amount != int64(amount) {
			t.Fatalf("day %d: %+v", day, offer)
		}
		l, b, amounts = l+1, b+int64(amount), append(amounts, amount)
		note("TAP", tap, offer, with("L", l-1), with("B", b-int64(amount)))
		note("HOLD_RECEIVED", tap, offer, with("authorisation", offer.Authorisation))
		note("WRITE_INTENT", tap, offer)
		note("WRITE_RESULT", tap, offer, with("result", written(offer.Authorisation, with("L", l), with("B", b))))
	}
	var sent []any
	for range 3 {
		again := append([]any{}, records...)
		dice.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		sent = append(sent, again...)
	}
	verdicts := map[string]int{}
	var last journalled
	for len(sent) > 0 {
		n := min(len(sent), 1+dice.IntN(120))
		last = c.t1.journal(1, sent[:n]...)
		for _, v := range last.Verdicts {
			verdicts[v.Verdict+v.Why]++
		}
		sent = sent[n:]
	}
	if verdicts["accepted"] != len(records) || verdicts["duplicate"] != 2*len(records) || len(verdicts) != 2 {
		t.Errorf("verdicts %v of %d records, each sent 3 times", verdicts, len(records))
	}
	if last.Accepted != seq || len(last.Holes) != 0 {
		t.Errorf("accepted up to %d with holes %v, want %d", last.Accepted, last.Holes, seq)
	}
	c.mustHold(0, 0)
	c.mustHaveLoaded(amounts...)
	if a := c.account(); a.Frozen() {
		t.Errorf("an honest holder is frozen: %+v", a)
	}
	if got := c.tap(c.t1, reading(with("tap_id", rand.Text()), with("L", l), with("B", b))); got.Reason != "nothing_pending" {
		t.Errorf("the card's next tap: %+v", got)
	}
}

// with2 is a copy of a body with a field changed.
func with2(body map[string]any, name string, value any) map[string]any {
	copied := map[string]any{}
	for k, v := range body {
		copied[k] = v
	}
	copied[name] = value
	return copied
}
