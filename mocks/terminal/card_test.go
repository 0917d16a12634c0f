package terminal_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"guodu/mocks/terminal"
)

func newCard(t *testing.T) (*terminal.Card, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card.json")
	c, err := terminal.NewCard(path, theCard())
	if err != nil {
		t.Fatal(err)
	}
	return c, path
}

// isCard fails the test unless the card at path is d for a new handle too.
func isCard(t *testing.T, path string, d terminal.CardData) {
	t.Helper()
	c, err := terminal.OpenCard(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Peek()
	if err != nil || got != d {
		t.Errorf("card is %+v, %v; want %+v", got, err, d)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files beside the card: %v, %v", left, err)
	}
}

func TestWriteMovesBalanceAndCounterTogether(t *testing.T) {
	t.Parallel()
	c, path := newCard(t)
	r, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(r.Presence, 3, 5000); err != nil {
		t.Fatal(err)
	}
	want := theCard()
	want.B, want.L = 6200, 4
	isCard(t, path, want)
	if err := c.Write(r.Presence, 3, 5000); !errors.Is(err, terminal.ErrCounter) {
		t.Errorf("the same write again: %v", err)
	}
	isCard(t, path, want)
}

func TestWriteAddsToTheBalanceOfTheCard(t *testing.T) {
	t.Parallel()
	c, path := newCard(t)
	r, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Purchase(1000); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(r.Presence, 3, 500); err != nil {
		t.Fatal(err)
	}
	want := theCard()
	want.B, want.L, want.P = 700, 4, 8
	isCard(t, path, want)
}

func TestCardThatLeftTakesNoWrite(t *testing.T) {
	t.Parallel()
	c, path := newCard(t)
	if err := c.Write(terminal.Presence{}, 3, 1); !errors.Is(err, terminal.ErrCardGone) {
		t.Errorf("write to a card that was never there: %v", err)
	}
	r, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	c.Leave()
	if err := c.Write(r.Presence, 3, 1); !errors.Is(err, terminal.ErrCardGone) {
		t.Errorf("write after it left: %v", err)
	}
	again, err := c.Read()
	if err != nil || again.Presence == r.Presence {
		t.Fatalf("presence is the old one, %v", err)
	}
	if err := c.Write(r.Presence, 3, 1); !errors.Is(err, terminal.ErrCardGone) {
		t.Errorf("write of the old presence: %v", err)
	}
	if _, err := c.ReadAgain(r.Presence); !errors.Is(err, terminal.ErrCardGone) {
		t.Errorf("reading in the old presence: %v", err)
	}
	isCard(t, path, theCard())
	if err := c.Write(again.Presence, 3, 1); err != nil {
		t.Errorf("write of the new presence: %v", err)
	}
}

func TestCardWithoutPurchaseCounterHasNoneAfterAPurchase(t *testing.T) {
	t.Parallel()
	c, path := newCard(t)
	d := theCard()
	d.P, d.NoP = 0, true
	if err := c.Restore(d); err != nil {
		t.Fatal(err)
	}
	if err := c.Purchase(200); err != nil {
		t.Fatal(err)
	}
	d.B = 1000
	isCard(t, path, d)
}

func TestCardWithoutItsDiskSaysSo(t *testing.T) {
	t.Parallel()
	c, path := newCard(t)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := c.Restore(theCard()); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("restore: %v", err)
	}
	if err := c.Purchase(1); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("purchase: %v", err)
	}
	if _, err := c.Read(); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("read: %v", err)
	}
}

func TestReadingTwiceIsOnePresence(t *testing.T) {
	t.Parallel()
	c, _ := newCard(t)
	one, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Read()
	if err != nil || one != two {
		t.Errorf("readings are %+v and %+v, %v", one, two, err)
	}
}

func TestTearHappensOnceAndGoesAsFarAsItSays(t *testing.T) {
	t.Parallel()
	for kind, want := range map[terminal.TearKind]struct{ b, l int64 }{
		terminal.TearNothing: {1200, 3}, terminal.TearBalance: {6200, 3}, terminal.TearAnswer: {6200, 4},
	} {
		for _, stays := range []bool{true, false} {
			c, path := newCard(t)
			r, err := c.Read()
			if err != nil {
				t.Fatal(err)
			}
			c.Tear(kind, stays)
			if err := c.Write(r.Presence, 3, 5000); !errors.Is(err, terminal.ErrCardSilent) {
				t.Errorf("%s: %v", kind, err)
			}
			d := theCard()
			d.B, d.L = want.b, want.l
			isCard(t, path, d)
			_, err = c.ReadAgain(r.Presence)
			if stays != (err == nil) {
				t.Errorf("%s, stays %v: reading back %v", kind, stays, err)
			}
			r, err = c.Read()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Write(r.Presence, want.l, 1); err != nil {
				t.Errorf("%s: the write after it: %v", kind, err)
			}
		}
	}
}

func TestCardRefusesBadAmounts(t *testing.T) {
	t.Parallel()
	c, path := newCard(t)
	r, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, amount := range []int64{0, -1, math.MaxInt64} {
		if err := c.Write(r.Presence, 3, amount); !errors.Is(err, terminal.ErrAmount) {
			t.Errorf("load of %d: %v", amount, err)
		}
	}
	for _, amount := range []int64{0, -1, 1201} {
		if err := c.Purchase(amount); !errors.Is(err, terminal.ErrAmount) {
			t.Errorf("purchase of %d: %v", amount, err)
		}
	}
	isCard(t, path, theCard())
}

func TestCardFileIsGuarded(t *testing.T) {
	t.Parallel()
	_, path := newCard(t)
	if _, err := terminal.NewCard(path, theCard()); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("new card over an old one: %v", err)
	}
	isCard(t, path, theCard())
	if _, err := terminal.OpenCard(path + ".none"); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("open of nothing: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"uid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := terminal.OpenCard(path); !errors.Is(err, terminal.ErrCard) {
		t.Errorf("open of half a card: %v", err)
	}
	for _, d := range []terminal.CardData{{}, {UID: "04", CardNo: "7", B: -1}, {UID: "04", CardNo: "7", NoP: true, P: 1}} {
		if _, err := terminal.NewCard(path+".new", d); !errors.Is(err, terminal.ErrCard) {
			t.Errorf("card %+v: %v", d, err)
		}
	}
}
