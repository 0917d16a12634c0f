package pos_test

import (
	"slices"
	"testing"
	"time"

	"guodu/internal/fen"
	"guodu/mocks/terminal"
	"guodu/transition/pos"
)

func (c *counterTop) hear(l pos.Loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = append(c.loaded, l)
}

// mustHaveLoaded wants exactly these loads to be told of, each once.
func (c *counterTop) mustHaveLoaded(amounts ...fen.Fen) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []fen.Fen
	for _, l := range c.loaded {
		got = append(got, l.Amount)
		if l.No == "" || l.Account != account || l.Place != "食堂" || time.Since(l.At) > time.Minute {
			c.t.Errorf("told of %+v", l)
		}
	}
	if !slices.Equal(got, amounts) {
		c.t.Errorf("loads of %v are told of, want %v", got, amounts)
	}
}

func (c *counterTop) tap() {
	c.t.Helper()
	_, err := c.terminal.Tap(c.ctx, c.card)
	if err != nil {
		c.t.Logf("tap: %v", err)
	}
	c.card.Leave()
}

func TestALoadThatItsResultConfirmsIsToldOf(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	c.tap()
	c.tap()
	c.mustHaveLoaded(5000)
}

func TestALoadThatTheNextTapConfirmsIsToldOf(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	c.card.Tear(terminal.TearAnswer, false)
	c.tap()
	c.mustHaveLoaded()
	c.recharge(2000)
	c.tap()
	c.mustHaveLoaded(5000, 2000)
}

func TestALoadThatNeverReachedItsCardIsNotToldOf(t *testing.T) {
	t.Parallel()
	c := newCounterTop(t)
	c.card.Tear(terminal.TearNothing, false)
	c.tap()
	c.mustHaveLoaded()
	c.tap()
	c.mustHaveLoaded(5000)
}
