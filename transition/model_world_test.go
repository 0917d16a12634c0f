//go:build !race

package transition

import (
	"cmp"
	"fmt"
	"slices"
)

// world is one card, two terminals, the network between them and the hub, and the
// hub's state: everything that a history of loads can depend on. It is small and
// comparable, so that a search can remember millions.
//
// Amounts are fen. The card is the witness: Loaded is what its writes added.
type world struct {
	Hub      int32
	Recharge uint8 // how many were paid
	Refunded int16
	Loaded   int16 // on the card by writes, torn ones included
	Spent    int16 // off the card by purchases
	L, P     uint8 // the card's counters
	Field    uint8 // the terminal that holds the card, 0 for none
	Session  uint8 // the newest presence, which is also its tap
	Term     [2]terminal
	Net      [4]message // under way, sorted
	Told     uint8      // purchases that the core has reported
	Bought   [4]int16   // what each purchase took; the last one's place is used again
	Fins     uint32     // taps no answer to which will be used (J2a, J3)
	Taps     uint8
	Left     budgets
}

// terminal is what one terminal has: in memory an authorisation, in its journal a
// write intent or a result without a receipt.
type terminal struct {
	Auth    uint16
	Journal uint8 // 0, intent or result
	Of      uint16
	LB      [2]int16 // read back, with a result
}

const (
	intent = 1
	result = 2
)

// message is something under way that may be lost, repeated or late.
type message struct {
	Kind     uint8
	Terminal uint8
	Tap      uint8
	Auth     uint16
	L, B, P  int16
}

const (
	tapMessage = iota + 1
	answerMessage
	resultMessage
	abortMessage
	rereadMessage
)

// budgets bound how often each fault strikes in a history.
type budgets struct {
	Taps, Failovers, Tears, Lies, Purchases, Late uint8
}

// rules are what a model may do, and which of the terminal's duties it breaks.
type rules struct {
	Left      budgets
	Terminals uint8
	Recharges uint8
	Refunds   bool
	Crashes   bool
	// Known says that the hub has seen the card before.
	Known bool
	// Answers says that the card always answers, so that no terminal is in doubt.
	Answers bool
	// Noticed says that a failover is noticed: the partition goes into recovery.
	Noticed bool
	// Rude says that requests are repeated, and Echoes that answers are.
	Rude, Echoes bool
	// The mutations that are a terminal's or the clock's.
	RereadAfterIntent bool
	// Forgetful terminals forget a tap that they dropped once the hub has heard of it.
	Forgetful     bool
	TimerReleases bool
}

// model is a hub with rules.
type model struct {
	*modelHub
	rules
	origin world
	only   error // what a search looks for; nil is anything that goes wrong
}

// move is one step of a history, and what the world is after it.
type move struct {
	name string
	to   world
}

func (w world) balance() int16 { return w.Loaded - w.Spent }

// with returns the world with terminal t changed.
func (w world) with(t uint8, change func(*terminal)) world {
	change(&w.Term[t-1])
	return w
}

// send puts a message under way; false if the network is full of others.
func (w world) send(m message) (world, bool) {
	for _, n := range w.Net {
		if n == m {
			return w, true
		}
	}
	for i, n := range w.Net {
		if n == (message{}) {
			w.Net[i] = m
			w.sortNet()
			return w, true
		}
	}
	return w, false
}

func (w *world) sortNet() {
	slices.SortFunc(w.Net[:], func(a, b message) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Terminal, b.Terminal), cmp.Compare(a.Tap, b.Tap),
			cmp.Compare(a.Auth, b.Auth), cmp.Compare(a.L, b.L), cmp.Compare(a.B, b.B), cmp.Compare(a.P, b.P))
	})
}

func (w world) without(i int) world {
	w.Net[i] = message{}
	w.sortNet()
	return w
}

func (w world) finished(tap uint8) bool { return w.Fins&(1<<tap) != 0 }

func (w *world) finish(tap uint8) { w.Fins |= 1 << tap }

// reading is what a terminal reads of the card now.
func (w world) reading(kind string, t, tap uint8) modelCall {
	return modelCall{state: w.Hub, kind: kind, terminal: t, tap: tap, l: int16(w.L), b: w.balance(), p: int16(w.P)}
}

// moves lists everything that can happen next.
func (m *model) moves(w world) []move {
	var out []move
	add := func(name string, to world) { out = append(out, move{name, to}) }
	if w.Recharge < m.Recharges {
		x := w
		x.Hub = m.call(modelCall{state: w.Hub, kind: "pay", n: int16(w.Recharge)}).state
		x.Recharge++
		add(fmt.Sprintf("pay %d", modelAmounts()[w.Recharge]), x)
	}
	if w.Field == 0 && w.Taps < w.Left.Taps {
		for t := uint8(1); t <= m.Terminals; t++ {
			// Terminals are alike: the first tap may as well be at the first.
			if w.Taps > 0 || t == 1 {
				m.tap(w, t, add)
			}
		}
	}
	if w.Field != 0 {
		m.present(w, w.Field, add)
	}
	if w.Left.Purchases > 0 && w.Field == 0 && w.balance() > 0 && w.P-w.Told < uint8(len(w.Bought)) {
		for _, amount := range map[bool][]int16{true: {1}, false: {1, w.balance()}}[w.balance() == 1] {
			x := w
			x.Left.Purchases--
			x.Spent += amount
			x.Bought[x.P%uint8(len(x.Bought))] = amount
			x.P++
			add(fmt.Sprintf("purchase of %d", amount), x)
		}
	}
	for t := uint8(1); t <= m.Terminals; t++ {
		m.apart(w, t, add)
	}
	for i, msg := range w.Net {
		if msg != (message{}) {
			m.arrive(w, i, msg, add)
		}
	}
	s := m.states[w.Hub]
	if s.open && s.openState == LoadHeld || m.TimerReleases && s.open && s.openState == LoadInDoubt {
		x := w
		kind := "mark"
		if m.TimerReleases {
			kind = "cancel"
		}
		x.Hub = m.call(modelCall{state: w.Hub, kind: kind, b: w.balance()}).state
		add("timer", x)
	}
	if m.Refunds && s.pending > 0 {
		x := w
		r := m.call(modelCall{state: w.Hub, kind: "refund"})
		x.Hub = r.state
		x.Refunded += int16(s.pending - m.states[r.state].pending)
		if x != w {
			add("refund", x)
		}
	}
	if w.Told < w.P {
		add("the core reports a purchase", m.report(w))
	}
	if s.recovery && m.quiet(w) {
		x := w
		x.Hub = m.call(modelCall{state: w.Hub, kind: "recovered"}).state
		add("recovery ends", x)
	}
	return out
}

// report is the hub after the core told of the next purchase.
func (m *model) report(w world) world {
	w.Hub = m.call(modelCall{state: w.Hub, kind: "spend", n: int16(w.Told), b: w.Bought[w.Told%uint8(len(w.Bought))]}).state
	w.Told++
	return w
}

// quiet says that no terminal has anything that the hub does not: what ends a
// recovery.
func (m *model) quiet(w world) bool {
	for _, t := range w.Term {
		if t.Auth != 0 || t.Journal != 0 {
			return false
		}
	}
	for _, n := range w.Net {
		if n.Kind == resultMessage || n.Kind == answerMessage {
			return false
		}
	}
	return true
}

// tap puts the card at terminal t: the request may be lost or late, its answer too.
func (m *model) tap(w world, t uint8, add func(string, world)) {
	x := w
	x.Field, x.Session, x.Taps = t, w.Session+1, w.Taps+1
	request := message{Kind: tapMessage, Terminal: t, Tap: x.Session, L: int16(w.L), B: w.balance(), P: int16(w.P)}
	if w.Left.Late > 0 {
		late, room := x.send(request)
		late.Left.Late--
		if room {
			add(fmt.Sprintf("tap at %d, request delayed", t), late)
		}
	}
	call := x.reading("tap", t, x.Session)
	call.n = int16(m.Left.Failovers - w.Left.Failovers)
	r := m.call(call)
	y := x
	y.Hub = r.state
	add(fmt.Sprintf("tap at %d, answer lost", t), y)
	busy := w.Term[t-1].Auth != 0 || w.Term[t-1].Journal != 0
	if r.outcome == Reread {
		z := y
		z.Hub = m.call(z.reading("recheck", t, x.Session)).state
		add(fmt.Sprintf("tap at %d, read again", t), z)
	}
	if r.auth == 0 || busy {
		return
	}
	took := func(v world) world { return v.with(t, func(s *terminal) { s.Auth = r.auth }) }
	add(fmt.Sprintf("tap at %d, authorised", t), took(y))
	if w.Left.Failovers > 0 {
		z := took(x)
		z.Left.Failovers--
		if m.Noticed {
			z.Hub = m.call(modelCall{state: x.Hub, kind: "recovery"}).state
		}
		add(fmt.Sprintf("tap at %d, authorised, and a failover loses that", t), z)
	}
	if m.Echoes {
		if z, room := took(y).send(message{Kind: answerMessage, Terminal: t, Tap: x.Session, Auth: r.auth}); room {
			add(fmt.Sprintf("tap at %d, authorised, a copy of the answer under way", t), z)
		}
	}
	if m.Rude {
		if z, room := took(y).send(request); room {
			add(fmt.Sprintf("tap at %d, authorised, a copy of the request under way", t), z)
		}
	}
}

// present is what can happen while terminal t holds the card.
func (m *model) present(w world, t uint8, add func(string, world)) {
	away := w
	away.Field = 0
	add("card leaves", away)
	s := w.Term[t-1]
	auth := m.loads[s.Auth]
	if s.Auth == 0 || s.Journal != 0 || m.tapOf(s.Auth) != w.Session {
		return
	}
	begun := func(v world) world {
		v.finish(w.Session)
		return v.with(t, func(s *terminal) { s.Auth, s.Journal, s.Of = 0, intent, s.Auth })
	}
	if !m.Answers {
		add("write does nothing", begun(away))
	}
	if int64(w.L) == auth.L0 {
		v := w
		v.L++
		v.Loaded += int16(auth.Amount)
		known := begun(v).with(t, func(s *terminal) { s.Journal, s.LB = result, [2]int16{int16(v.L), v.balance()} })
		add("written", known)
		gone := begun(v)
		gone.Field = 0
		if !m.Answers {
			add("written, the card's answer lost", gone)
		}
		if w.Left.Lies > 0 {
			lie := known
			lie.Left.Lies--
			if lie, room := lie.send(message{Kind: abortMessage, Terminal: t, Tap: w.Session, Auth: s.Auth}); room {
				add("written, and aborted by a terminal that lies to itself", lie)
			}
		}
		if w.Left.Tears > 0 {
			torn := begun(away)
			torn.Left.Tears--
			torn.Loaded += int16(auth.Amount)
			add("write torn: balance, no stamp", torn)
			if m.RereadAfterIntent {
				stays := w
				stays.Left.Tears--
				stays.finish(w.Session)
				stays = stays.with(t, func(s *terminal) { s.Auth = 0 })
				read := message{Kind: rereadMessage, Terminal: t, Tap: w.Session, Auth: s.Auth, L: int16(w.L), B: w.balance(), P: int16(w.P)}
				// The card is read before the cells settle, and drops the write after it.
				if stays, room := stays.send(read); room {
					stays.Loaded += int16(auth.Amount)
					stays.L++
					add("read again after the write had begun, before it came through", stays)
				}
			}
		}
	}
	dropped := w
	dropped.finish(w.Session)
	dropped = dropped.with(t, func(s *terminal) { s.Auth = 0 })
	read := message{Kind: rereadMessage, Terminal: t, Tap: w.Session, Auth: s.Auth, L: int16(w.L), B: w.balance(), P: int16(w.P)}
	if v, room := dropped.send(read); room {
		add("dropped, and read again", v)
	}
}

func (m *model) tapOf(auth uint16) uint8 {
	var tap uint8
	_, err := fmt.Sscanf(m.loads[auth].TapID, "tap-%d", &tap)
	if err != nil {
		m.tb.Fatal(err)
	}
	return tap
}

// apart is what terminal t can do with or without a card.
func (m *model) apart(w world, t uint8, add func(string, world)) {
	s := w.Term[t-1]
	if s.Auth != 0 && m.Crashes {
		add(fmt.Sprintf("terminal %d loses its memory", t), w.with(t, func(s *terminal) { s.Auth = 0 }))
	}
	if s.Auth != 0 && s.Journal == 0 {
		x := w
		x.finish(m.tapOf(s.Auth))
		x = x.with(t, func(s *terminal) { s.Auth = 0 })
		if x, room := x.send(message{Kind: abortMessage, Terminal: t, Tap: m.tapOf(s.Auth), Auth: s.Auth}); room {
			add(fmt.Sprintf("terminal %d aborts", t), x)
		}
	}
	switch s.Journal {
	case intent:
		x := w
		x.Hub = m.call(modelCall{state: w.Hub, kind: "result", auth: s.Of}).state
		add(fmt.Sprintf("terminal %d uploads its intent", t), x.with(t, func(s *terminal) { s.Journal, s.Of = 0, 0 }))
	case result:
		told := message{Kind: resultMessage, Terminal: t, Auth: s.Of, L: s.LB[0], B: s.LB[1]}
		if x, room := w.send(told); room && x != w {
			add(fmt.Sprintf("terminal %d sends its result", t), x)
		}
		x := m.told(w, told)
		add(fmt.Sprintf("terminal %d delivers its result", t), x.with(t, func(s *terminal) { s.Journal, s.Of, s.LB = 0, 0, [2]int16{} }))
	}
}

// told is the hub after a written result.
func (m *model) told(w world, n message) world {
	w.Hub = m.call(modelCall{state: w.Hub, kind: "result", auth: n.Auth, l: n.L, b: n.B, proof: true}).state
	return w
}

// arrive is what can become of a message: lost, received, received and still under way.
func (m *model) arrive(w world, i int, n message, add func(string, world)) {
	rest := w.without(i)
	add("a message is lost", rest)
	switch n.Kind {
	case answerMessage:
		s := w.Term[n.Terminal-1]
		if s.Auth == 0 && s.Journal == 0 && !w.finished(n.Tap) {
			add("a late answer is used", rest.with(n.Terminal, func(s *terminal) { s.Auth = n.Auth }))
		}
	case tapMessage:
		call := modelCall{state: w.Hub, kind: "tap", terminal: n.Terminal, tap: n.Tap, l: n.L, b: n.B, p: n.P,
			n: int16(m.Left.Failovers - w.Left.Failovers)}
		r := m.call(call)
		x := rest
		x.Hub = r.state
		add(fmt.Sprintf("a late tap request arrives (L=%d B=%d)", n.L, n.B), x)
		s := w.Term[n.Terminal-1]
		if r.auth != 0 && s.Auth == 0 && s.Journal == 0 && !w.finished(n.Tap) {
			add(fmt.Sprintf("a late tap request arrives (L=%d B=%d), its answer is used", n.L, n.B),
				x.with(n.Terminal, func(s *terminal) { s.Auth = r.auth }))
		}
	default:
		add("message received: "+[]string{"", "", "", "result", "abort", "re-reading"}[n.Kind], m.receive(rest, n))
		if again := m.receive(w, n); m.Rude {
			add("message received, a copy under way: "+[]string{"", "", "", "result", "abort", "re-reading"}[n.Kind], again)
		}
	}
}

// receive is the hub after a result, an abort or a re-reading.
func (m *model) receive(w world, n message) world {
	if m.Forgetful && n.Kind != resultMessage {
		w.Fins &^= 1 << n.Tap
	}
	switch n.Kind {
	case resultMessage:
		return m.told(w, n)
	case abortMessage:
		w.Hub = m.call(modelCall{state: w.Hub, kind: "abort", terminal: n.Terminal, tap: n.Tap}).state
	case rereadMessage:
		w.Hub = m.call(modelCall{state: w.Hub, kind: "reread", auth: n.Auth, l: n.L, b: n.B, p: n.P}).state
	}
	return w
}
