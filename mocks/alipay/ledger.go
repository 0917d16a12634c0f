package alipay

import (
	"slices"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	maxTrades  = 500_000
	recordKind = "trade"
)

// ledger holds every trade. One lock covers all, so that of a payment and a
// close exactly one comes first, and the state file has the same order.
type ledger struct {
	mu       sync.Mutex
	byNo     map[string]*trade
	byOutNo  map[string]*trade
	sequence []*trade

	store   *sim.Store
	changed func()
	does    func(int) bool
	profile Profile
}

// newLedger finds what a state file has of an earlier run.
// Errors: sim.ErrStore.
func newLedger(store *sim.Store, profile Profile, does func(int) bool, changed func()) (*ledger, error) {
	l := &ledger{
		byNo: map[string]*trade{}, byOutNo: map[string]*trade{},
		store: store, profile: profile, does: does, changed: changed,
	}
	err := sim.Each(store, recordKind, func(_ string, t trade) error {
		l.keep(&t)
		return nil
	})
	return l, err
}

func (l *ledger) keep(t *trade) {
	l.byOutNo[t.OutTradeNo], l.byNo[t.No] = t, t
	l.sequence = append(l.sequence, t)
}

// save writes a trade that has changed to the state file.
func (l *ledger) save(t *trade) trade {
	l.store.Put(recordKind, t.No, t)
	l.changed()
	return *t
}

func (l *ledger) age(t *trade, now time.Time) {
	if l.does(behaviourExpiry) && t.age(now, l.profile.RefundWindow) {
		l.save(t)
	}
}

// pick finds a trade; a trade_no, where given, is all that counts.
func (l *ledger) pick(no, outTradeNo string, now time.Time) *trade {
	t := l.byOutNo[outTradeNo]
	if no != "" {
		t = l.byNo[no]
	}
	if t != nil {
		l.age(t, now)
	}
	return t
}

// place makes a trade numbered no or, with the same terms, returns the one that
// is there already, and says which of the two.
// Errors: ErrOrderPaid, ErrOrderClosed, ErrBuyer, errTermsDiffer,
// errBornExpired, errFull.
func (l *ledger) place(t terms, no string, now time.Time) (made trade, fresh bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.pick("", t.OutTradeNo, now)
	switch {
	case old != nil && !l.does(behaviourRepeatedCreate):
		return *old, false, nil
	case old != nil:
		return *old, false, old.repeated(t)
	case len(l.sequence) >= maxTrades:
		return trade{}, false, errFull
	case !now.Before(t.Expire):
		return trade{}, false, errBornExpired
	}
	kept := &trade{terms: t, No: no, State: StateWait, Created: now}
	l.keep(kept)
	return l.save(kept), true, nil
}

// payment is somebody's money for a trade.
type payment struct {
	buyer                     string
	merchantOffFen, couponFen int64
}

// pay takes the money if everything about the attempt is right.
// Errors: ErrUnknownOrder, ErrOrderPaid, ErrOrderExpired, ErrOrderClosed,
// ErrBuyer, ErrTooMuch for a discount of everything.
func (l *ledger) pay(no string, p payment, now time.Time) (trade, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(no, "", now)
	switch {
	case t == nil:
		return trade{}, ErrUnknownOrder
	case t.State == StateSuccess, t.State == StateFinished:
		return trade{}, ErrOrderPaid
	case t.Expired:
		return trade{}, ErrOrderExpired
	case t.State == StateClosed:
		return trade{}, ErrOrderClosed
	case t.Buyer != p.buyer:
		return trade{}, ErrBuyer
	case min(p.merchantOffFen, p.couponFen) < 0 || p.merchantOffFen+p.couponFen >= t.TotalFen:
		return trade{}, ErrTooMuch
	}
	t.State = StateSuccess
	t.MerchantOffFen, t.CouponFen = p.merchantOffFen, p.couponFen
	t.PaidAt = now.Truncate(time.Second) // the wire has no fractions
	return l.save(t), nil
}

// attach notes which bar code a trade came from.
func (l *ledger) attach(no, authCode string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byNo[no]
	t.AuthCode = authCode
	l.save(t)
}

// close makes a trade unpayable. Errors: ErrUnknownOrder, ErrOrderPaid,
// ErrOrderClosed.
func (l *ledger) close(no, outTradeNo string, now time.Time) (trade, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(no, outTradeNo, now)
	switch {
	case t == nil:
		return trade{}, ErrUnknownOrder
	case t.State == StateSuccess, t.State == StateFinished:
		return trade{}, ErrOrderPaid
	case t.State == StateClosed:
		return trade{}, ErrOrderClosed
	}
	t.State, t.ClosedAt = StateClosed, now
	return l.save(t), nil
}

// find returns a copy of a trade.
func (l *ledger) find(no, outTradeNo string, now time.Time) (trade, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(no, outTradeNo, now)
	if t == nil {
		return trade{}, false
	}
	return *t, true
}

// told notes genuine notifies that went out or were accepted.
func (l *ledger) told(no string, sent, accepted int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byNo[no]
	t.Sent += sent
	t.Accepted += accepted
	l.save(t)
}

// all returns copies in the order of creation.
func (l *ledger) all(now time.Time) []trade {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]trade, 0, len(l.sequence))
	for _, t := range l.sequence {
		l.age(t, now)
		out = append(out, *t)
	}
	return out
}

// ask is a refund that somebody wants.
type ask struct {
	no, outTradeNo string
	requestNo      string
	reason         string
	fen            int64
	outside        bool
}

// refund gives money back. again says that the request had been made before:
// then nothing moves. A refund of everything closes the trade.
// Errors: ErrUnknownOrder, ErrNotPaid, ErrOrderClosed, ErrFinished, ErrTooMuch,
// errOtherRefund, errTooSoon, errNeedsNo.
func (l *ledger) refund(a ask, now time.Time) (_ trade, made refund, again bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(a.no, a.outTradeNo, now)
	if t == nil {
		return trade{}, refund{}, false, ErrUnknownOrder
	}
	if a.requestNo == "" {
		if a.fen != t.TotalFen {
			return *t, refund{}, false, errNeedsNo
		}
		a.requestNo = t.OutTradeNo
	}
	old, found := t.find(a.requestNo)
	if found && l.does(behaviourRefund) {
		if old.Fen != a.fen {
			return *t, refund{}, false, errOtherRefund
		}
		return *t, old, true, nil
	}
	err = l.refundable(t, a, now)
	if err != nil {
		return *t, refund{}, false, err
	}
	made = refund{RequestNo: a.requestNo, Reason: a.reason, Fen: a.fen, BackFen: t.backFen(a.fen), At: now, Outside: a.outside}
	t.Refunds = append(slices.Clip(t.Refunds), made)
	if t.refunded() == t.TotalFen {
		t.State, t.ClosedAt = StateClosed, now
	}
	return l.save(t), made, false, nil
}

// refundable says why a new refund cannot be made, or nil.
func (l *ledger) refundable(t *trade, a ask, now time.Time) error {
	switch {
	case t.State == StateWait:
		return ErrNotPaid
	case t.State == StateClosed:
		return ErrOrderClosed
	case t.State == StateFinished:
		return ErrFinished
	case a.fen > t.TotalFen-t.refunded():
		return ErrTooMuch
	case a.outside || len(t.Refunds) == 0:
		return nil
	case now.Sub(t.Refunds[len(t.Refunds)-1].At) < l.profile.RefundSpacing:
		return errTooSoon
	}
	return nil
}

// What a cancel came to.
const (
	actionClose  = "close"
	actionRefund = "refund"
)

// cancel undoes a trade whatever became of it: it closes it or gives the money
// back. One that is cancelled already says what was done then, with fresh false.
// Errors: ErrUnknownOrder, ErrFinished, errTooLate, errRefunded.
func (l *ledger) cancel(no, outTradeNo string, now time.Time) (_ trade, action string, fresh bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.pick(no, outTradeNo, now)
	switch {
	case t == nil:
		return trade{}, "", false, ErrUnknownOrder
	case t.State == StateClosed && t.paid():
		return *t, actionRefund, false, nil
	case t.State == StateClosed:
		return *t, actionClose, false, nil
	case t.State == StateFinished:
		return *t, "", false, ErrFinished
	case len(t.Refunds) > 0:
		return *t, "", false, errRefunded
	case now.Sub(t.Created) > l.profile.CancelWindow:
		return *t, "", false, errTooLate
	}
	action = actionClose
	if t.paid() {
		action = actionRefund
		t.Refunds = append(t.Refunds, refund{
			RequestNo: t.OutTradeNo, Reason: "撤销", Fen: t.TotalFen, BackFen: t.backFen(t.TotalFen), At: now,
		})
	}
	t.State, t.ClosedAt = StateClosed, now
	return l.save(t), action, true, nil
}
