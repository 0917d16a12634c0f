package wechatpay

import (
	"errors"
	"sync"
	"time"
)

// State is an order's trade_state.
type State string

// The states of a JSAPI order here. There is no way back from the last two.
const (
	StateNotPay  State = "NOTPAY"
	StateSuccess State = "SUCCESS"
	StateClosed  State = "CLOSED"
)

// What an order answers to an attempt. [Sim.Pay] returns these, wrapped.
var (
	ErrUnknownOrder   = errors.New("wechatpay simulator: no such order")
	ErrOrderPaid      = errors.New("wechatpay simulator: order is paid")
	ErrOrderClosed    = errors.New("wechatpay simulator: order is closed")
	ErrOrderExpired   = errors.New("wechatpay simulator: time_expire has passed")
	ErrPrepayUnknown  = errors.New("wechatpay simulator: no such prepay_id")
	ErrPrepayReplaced = errors.New("wechatpay simulator: a later prepay_id has replaced this one")
	ErrPrepayExpired  = errors.New("wechatpay simulator: prepay_id is older than two hours")
	ErrPayer          = errors.New("wechatpay simulator: payer is not the order's")
)

var (
	errTermsDiffer = errors.New("wechatpay simulator: repeated with other parameters")
	errFull        = errors.New("wechatpay simulator: full")
)

const (
	prepayLife      = 2 * time.Hour
	expireSoonest   = time.Minute
	expireLatest    = 15 * 24 * time.Hour
	expireByDefault = 7 * 24 * time.Hour
	maxPrepays      = 500_000
)

// terms is what the merchant asked for. canonical is the whole request in a
// form that compares.
type terms struct {
	outTradeNo, attach, notifyURL, openid string
	totalFen                              int64
	expire                                time.Time
	canonical                             string
}

// order is one out_trade_no. Copies of it leave [orders], never pointers.
type order struct {
	terms
	state         State
	prepayID      string
	prepaidAt     time.Time
	transactionID string
	paidAt        time.Time
	noticeID      string
	sent          int
	accepted      int
}

// orders is every order of the merchant. One lock covers all, so that of two
// attempts on an order exactly one comes first.
type orders struct {
	mu            sync.Mutex
	byNo          map[string]*order
	byPrepay      map[string]*order
	byTransaction map[string]*order
	sequence      []*order
}

func newOrders() *orders {
	return &orders{byNo: map[string]*order{}, byPrepay: map[string]*order{}, byTransaction: map[string]*order{}}
}

// expiry applies the limits on time_expire: too early is raised in silence,
// too late is cut, none is the default.
func expiry(asked string, now time.Time) time.Time {
	at, err := time.Parse(timeLayout, asked)
	if err != nil {
		return now.Add(expireByDefault)
	}
	if at.Before(now.Add(expireSoonest)) {
		return now.Add(expireSoonest)
	}
	if at.After(now.Add(expireLatest)) {
		return now.Add(expireLatest)
	}
	return at
}

// place makes the order or, with the same terms, gives it a new prepay id.
// Errors: ErrOrderPaid, ErrOrderClosed, ErrOrderExpired, errTermsDiffer, errFull.
func (b *orders) place(t terms, prepayID string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.byPrepay) >= maxPrepays {
		return errFull
	}
	o := b.byNo[t.outTradeNo]
	if o == nil {
		o = &order{terms: t, state: StateNotPay}
		b.byNo[t.outTradeNo] = o
		b.sequence = append(b.sequence, o)
	}
	err := o.open()
	switch {
	case err != nil:
		return err
	case o.canonical != t.canonical:
		return errTermsDiffer
	case !now.Before(o.expire):
		return ErrOrderExpired
	}
	o.prepayID, o.prepaidAt = prepayID, now
	b.byPrepay[prepayID] = o
	return nil
}

// open says why nothing more can happen to the order, or nil.
func (o *order) open() error {
	switch o.state {
	case StateSuccess:
		return ErrOrderPaid
	case StateClosed:
		return ErrOrderClosed
	}
	return nil
}

// pay takes the money if everything about the attempt is right, and returns the
// order as it is then.
// Errors: all the exported ones of this file but ErrUnknownOrder.
func (b *orders) pay(prepayID, openid, transactionID, noticeID string, now time.Time) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byPrepay[prepayID]
	if o == nil {
		return order{}, ErrPrepayUnknown
	}
	err := o.payable(prepayID, openid, now)
	if err != nil {
		return order{}, err
	}
	o.state, o.paidAt = StateSuccess, now.Truncate(time.Second)
	o.transactionID, o.noticeID = transactionID, noticeID
	b.byTransaction[transactionID] = o
	return *o, nil
}

func (o *order) payable(prepayID, openid string, now time.Time) error {
	err := o.open()
	switch {
	case err != nil:
		return err
	case o.prepayID != prepayID:
		return ErrPrepayReplaced
	case !now.Before(o.prepaidAt.Add(prepayLife)):
		return ErrPrepayExpired
	case !now.Before(o.expire):
		return ErrOrderExpired
	case o.openid != openid:
		return ErrPayer
	}
	return nil
}

// close makes the order unpayable; repeating it is no error. It says whether
// this call did it.
// Errors: ErrUnknownOrder, ErrOrderPaid.
func (b *orders) close(outTradeNo string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byNo[outTradeNo]
	switch {
	case o == nil:
		return false, ErrUnknownOrder
	case o.state == StateSuccess:
		return false, ErrOrderPaid
	}
	did := o.state != StateClosed
	o.state = StateClosed
	return did, nil
}

// find returns a copy of the order with that number.
func (b *orders) find(outTradeNo string) (order, bool) { return b.look(b.byNo, outTradeNo) }

// findByTransaction returns a copy of the order paid under that id.
func (b *orders) findByTransaction(id string) (order, bool) { return b.look(b.byTransaction, id) }

func (b *orders) look(index map[string]*order, key string) (order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := index[key]
	if o == nil {
		return order{}, false
	}
	return *o, true
}

// told notes a genuine callback that went out, or one that was accepted.
func (b *orders) told(outTradeNo string, sent, accepted int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byNo[outTradeNo]
	o.sent += sent
	o.accepted += accepted
}

// all returns copies in the order of creation.
func (b *orders) all() []order {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]order, len(b.sequence))
	for i, o := range b.sequence {
		out[i] = *o
	}
	return out
}
