package show

import (
	"context"
	"fmt"
	"sync"
	"time"

	"guodu/cmd/demo/world"
	"guodu/internal/fen"
	"guodu/mocks/terminal"
	"guodu/transition"
)

// every is the time between two looks at the books.
const every = 100 * time.Millisecond

// books is where the holder's money is, in fen. Paid counts what the channels
// took and did not give back; each fen of it is in exactly one of the four places after it, as far
// as the books agree. Doubled is what lies on the card already while the hub
// still holds it, because nobody has told it yet: it is shown on the card.
type books struct {
	Paid    fen.Fen // by the channels' own books
	Flying  fen.Fen // paid, and the hub has not credited it
	Pending fen.Fen // 过渡余额
	Held    fen.Fen // bound to a load or a refund, and neither on the card nor back yet
	Card    fen.Fen // in the card's file
	Doubled fen.Fen
}

// place sorts the money into its places.
func place(paid, refunded, credited, pending, held, card fen.Fen) books {
	b := books{Paid: paid - refunded, Flying: paid - credited, Pending: pending, Held: held, Card: card}
	b.Doubled = min(max(0, b.Flying+pending+held+card-b.Paid), held)
	b.Held -= b.Doubled
	return b
}

// holds says whether every fen is somewhere, once.
func (b books) holds() bool { return b.Paid == b.Flying+b.Pending+b.Held+b.Card }

// money looks at the books and tells the page.
type money struct {
	show *Show
	wake chan struct{}

	mu       sync.Mutex
	last     books
	credited map[string]fen.Fen // orders that the hub has credited: this never changes back
	kills    map[string]int
}

func newMoney(s *Show) *money {
	return &money{show: s, wake: make(chan struct{}, 1), credited: map[string]fen.Fen{}, kills: map[string]int{}}
}

// look asks for a look now.
func (m *money) look() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// killed counts a process that was killed.
func (m *money) killed(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kills[what]++
}

// watch looks until the show ends.
func (m *money) watch() {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		m.show.feed.send("state", m.state())
		select {
		case <-ticker.C:
		case <-m.wake:
		case <-m.show.ctx.Done():
			return
		}
	}
}

// read reads the books. While Redis is dead they stay what they were, but for
// what the channels and the card say.
func (m *money) read() books {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.show.stage.World
	card, err := w.CardBalance()
	if err != nil || !m.show.stage.RedisRuns() {
		m.last = m.last.with(fen.Fen(w.PaidFen() - w.RefundedFen()))
		return m.last
	}
	ctx, cancel := context.WithTimeout(m.show.ctx, time.Second)
	defer cancel()
	ledger := m.show.stage.Operator.Books()
	for _, no := range w.PaidOrders() {
		if _, known := m.credited[no]; known {
			continue
		}
		o, err := ledger.Order(ctx, transition.OrderNo(no))
		if err == nil && o.State == transition.OrderCredited {
			m.credited[no] = o.Amount
		}
	}
	a, err := ledger.Account(ctx, world.AccountNo)
	if err != nil {
		return m.last
	}
	var credited fen.Fen
	for _, amount := range m.credited {
		credited += amount
	}
	m.last = place(fen.Fen(w.PaidFen()), fen.Fen(w.RefundedFen()), credited, a.Pending, a.LoadHeld+a.RefundHeld, card)
	return m.last
}

// with is the books when only the channels can be asked.
func (b books) with(paid fen.Fen) books {
	b.Flying += paid - b.Paid
	b.Paid = paid
	return b
}

// state is what the page shows, as JSON.
func (m *money) state() map[string]any {
	b := m.read()
	sign := "="
	if !b.holds() {
		sign = "≠"
	}
	s := m.show
	lose, twice, lost := s.courier.state()
	s.pos.mu.Lock()
	defer s.pos.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]any{
		"money": map[string]string{
			"flying": b.Flying.Yuan(), "pending": b.Pending.Yuan(), "held": b.Held.Yuan(), "card": b.Card.Yuan(), "paid": b.Paid.Yuan(),
		},
		"fen":     map[string]int64{"flying": int64(b.Flying), "pending": int64(b.Pending), "held": int64(b.Held), "card": int64(b.Card)},
		"account": fmt.Sprintf("%s %s %s + %s + %s + %s", b.Paid.Yuan(), sign, b.Flying.Yuan(), b.Pending.Yuan(), b.Held.Yuan(), b.Card.Yuan()),
		"holds":   b.holds(),
		"runs":    map[string]bool{"hub": s.stage.HubRuns(), "redis": s.stage.RedisRuns(), "terminal": s.pos.terminal != nil},
		"memory":  s.stage.Memory(),
		"armed":   map[string]bool{"lose": lose, "twice": twice, "pull": s.pos.pull, "power": s.pos.cut},
		"done": map[string]int{
			"lose": lost, "twice": s.stage.World.Repeated(), "pull": s.stage.World.Count(terminal.EventCardGone), "power": s.stage.World.Count(terminal.EventCrash),
			"redis": m.kills["redis"], "hub": m.kills["hub"],
		},
		"busy": s.pos.busy, "step": s.pos.step, "lcd": s.pos.lcd,
	}
}
