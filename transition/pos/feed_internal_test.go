package pos

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"guodu/transition"
)

func TestAListenerThatIsTooSlowIsDroppedAndNobodyWaits(t *testing.T) {
	t.Parallel()
	f := NewFeed(nil, nil, slog.New(slog.DiscardHandler))
	if _, _, err := f.join("T1"); !errors.Is(err, errListeners) {
		t.Errorf("a feed that nobody reads: %v", err)
	}
	f.start(transition.Cursor{7: 3}, 12)
	slow, params, err := f.join("slow")
	if err != nil || params != 12 || slow.at != (transition.Cursor{7: 3}) {
		t.Fatalf("joined at %v, params %d, %v", slow, params, err)
	}
	quick, _, err := f.join("quick")
	if err != nil {
		t.Fatal(err)
	}
	for n := range listenerAhead + 1 {
		f.hand(transition.Cursor{7: int64(4 + n)}, news{events: []transition.FeedEvent{{Partition: 7, N: int64(4 + n), Kind: transition.FeedPending, CardNo: "7A1"}}})
		if b := <-quick.batches; b.events[0].N != int64(4+n) {
			t.Errorf("the quick one got %+v", b)
		}
	}
	select {
	case <-slow.ended:
	default:
		t.Errorf("the slow one is not dropped with %d batches waiting", len(slow.batches))
	}
	select {
	case <-quick.ended:
		t.Error("the quick one is dropped")
	default:
	}
	// It comes back: what it did not read is before its new place, and its cursor tells.
	if again, _, err := f.join("slow"); err != nil || again.at[7] != 4+listenerAhead {
		t.Errorf("back at %v, %v", again, err)
	}
}

func TestAHubTakesABoundedNumberOfListeners(t *testing.T) {
	t.Parallel()
	f := NewFeed(nil, nil, slog.New(slog.DiscardHandler))
	f.most = 3
	f.start(transition.Cursor{}, 0)
	for i := range 3 {
		if _, _, err := f.join(fmt.Sprint("T", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := f.join("T9"); !errors.Is(err, errListeners) {
		t.Errorf("one too many: %v", err)
	}
	if _, _, err := f.join("T1"); err != nil {
		t.Errorf("one that listens already: %v", err)
	}
}
