package web

import (
	"sync"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"guodu/internal/limit"
)

// Bad codes that one network may bring: a few at once, then one in so many seconds.
// What is good costs nothing.
const (
	badCodesBurst  = 30
	badCodesEvery  = 2    // seconds
	networksBounds = 4096 // how many are remembered
)

// badCodes counts codes that a channel did not know, by the network they came from.
// Without it anybody could have the hub ask the channel without end. It is safe for
// concurrent use; nothing of it is stored.
type badCodes struct {
	mu sync.Mutex
	of map[string]*rate.Limiter
}

func newBadCodes() *badCodes { return &badCodes{of: map[string]*rate.Limiter{}} }

// limiter is that of the visitor's network, nil where the address is that of a proxy.
func (b *badCodes) limiter(c echo.Context) *rate.Limiter {
	network := limit.Network(c.RealIP())
	if network == "" {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.of[network]
	if l == nil {
		if len(b.of) >= networksBounds {
			clear(b.of) // a flood from everywhere; the channel bounds it as well
		}
		l = rate.NewLimiter(rate.Limit(1.0/badCodesEvery), badCodesBurst)
		b.of[network] = l
	}
	return l
}

// full says whether the visitor's network has brought too many.
func (b *badCodes) full(c echo.Context) bool {
	l := b.limiter(c)
	return l != nil && l.Tokens() < 1
}

func (b *badCodes) note(c echo.Context) {
	if l := b.limiter(c); l != nil {
		l.Allow()
	}
}
