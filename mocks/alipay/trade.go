package alipay

import (
	"errors"
	"sync"
	"time"
)

// State is a trade's trade_status.
type State string

// The states that a trade can be in here. There is no way back from the last
// two.
const (
	StateWait    State = "WAIT_BUYER_PAY"
	StateSuccess State = "TRADE_SUCCESS"
	StateClosed  State = "TRADE_CLOSED"
)

// What a trade answers to an attempt. [Sim.Pay] returns these, wrapped.
var (
	ErrUnknownOrder = errors.New("alipay simulator: no such trade")
	ErrOrderPaid    = errors.New("alipay simulator: trade is paid")
	ErrOrderClosed  = errors.New("alipay simulator: trade is closed")
	ErrOrderExpired = errors.New("alipay simulator: trade timed out unpaid")
	ErrBuyer        = errors.New("alipay simulator: buyer is not the trade's")
)

var (
	errTermsDiffer = errors.New("alipay simulator: repeated with another amount or subject")
	errBornExpired = errors.New("alipay simulator: time_expire is in the past")
	errFull        = errors.New("alipay simulator: full")
)

const maxTrades = 500_000

// terms is what the merchant asked for. buyer is an id of the app's kind.
type terms struct {
	outTradeNo, subject, body, passback string
	product, buyer                      string
	notifyURL, charset                  string
	totalFen                            int64
	expire                              time.Time
}

// trade is one out_trade_no. Copies of it leave [ledger], never pointers.
type trade struct {
	terms
	no        string
	state     State
	expired   bool
	createdAt time.Time
	paidAt    time.Time
	noticeID  string
	sent      int
	accepted  int
}

// ledger holds every trade. One lock covers all, so that of a payment and a
// close exactly one comes first.
type ledger struct {
	mu       sync.Mutex
	byNo     map[string]*trade
	byOutNo  map[string]*trade
	sequence []*trade
}

func newLedger() *ledger {
	return &ledger{byNo: map[string]*trade{}, byOutNo: map[string]*trade{}}
}

// place makes a trade numbered no or, with the same terms, returns the one that
// is there already.
// Errors: ErrOrderPaid, ErrOrderClosed, ErrBuyer, errTermsDiffer,
// errBornExpired, errFull.
func (l *ledger) place(t terms, no string, now time.Time) (trade, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.byOutNo[t.outTradeNo]
	switch {
	case old != nil:
		old.age(now)
		return *old, old.repeated(t)
	case len(l.sequence) >= maxTrades:
		return trade{}, errFull
	case !now.Before(t.expire):
		return trade{}, errBornExpired
	}
	made := &trade{terms: t, no: no, state: StateWait, createdAt: now}
	l.byOutNo[t.outTradeNo], l.byNo[no] = made, made
	l.sequence = append(l.sequence, made)
	return *made, nil
}

// age closes a trade whose time is over. Time is looked at whenever a trade is.
func (t *trade) age(now time.Time) {
	if t.state == StateWait && !now.Before(t.expire) {
		t.state, t.expired = StateClosed, true
	}
}

// repeated says why terms may not be asked for again, or nil.
func (t *trade) repeated(again terms) error {
	switch {
	case t.state == StateSuccess:
		return ErrOrderPaid
	case t.state == StateClosed:
		return ErrOrderClosed
	case t.totalFen != again.totalFen || t.subject != again.subject || t.product != again.product:
		return errTermsDiffer
	case again.buyer != "" && t.buyer != again.buyer:
		return ErrBuyer
	}
	return nil
}

// pay takes the money if everything about the attempt is right.
// Errors: the exported ones of this file.
func (l *ledger) pay(no, buyer, noticeID string, now time.Time) (trade, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byNo[no]
	if t == nil {
		return trade{}, ErrUnknownOrder
	}
	t.age(now)
	switch {
	case t.state == StateSuccess:
		return trade{}, ErrOrderPaid
	case t.expired:
		return trade{}, ErrOrderExpired
	case t.state == StateClosed:
		return trade{}, ErrOrderClosed
	case t.buyer != buyer:
		return trade{}, ErrBuyer
	}
	t.state, t.noticeID = StateSuccess, noticeID
	t.paidAt = now.Truncate(time.Second) // the wire has no fractions
	return *t, nil
}

// close makes a trade unpayable. Errors: ErrUnknownOrder, ErrOrderPaid,
// ErrOrderClosed.
func (l *ledger) close(no, outTradeNo string, now time.Time) (trade, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(no, outTradeNo)
	if t == nil {
		return trade{}, ErrUnknownOrder
	}
	t.age(now)
	switch t.state {
	case StateSuccess:
		return trade{}, ErrOrderPaid
	case StateClosed:
		return trade{}, ErrOrderClosed
	}
	t.state = StateClosed
	return *t, nil
}

// pick finds a trade; a trade_no, where given, is all that counts.
func (l *ledger) pick(no, outTradeNo string) *trade {
	if no != "" {
		return l.byNo[no]
	}
	return l.byOutNo[outTradeNo]
}

// find returns a copy of a trade.
func (l *ledger) find(no, outTradeNo string, now time.Time) (trade, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(no, outTradeNo)
	if t == nil {
		return trade{}, false
	}
	t.age(now)
	return *t, true
}

// told notes genuine notifies that went out or were accepted.
func (l *ledger) told(no string, sent, accepted int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byNo[no].sent += sent
	l.byNo[no].accepted += accepted
}

// all returns copies in the order of creation.
func (l *ledger) all(now time.Time) []trade {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]trade, 0, len(l.sequence))
	for _, t := range l.sequence {
		t.age(now)
		out = append(out, *t)
	}
	return out
}
