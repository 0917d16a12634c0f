package wechatpay

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"guodu/mocks/sim"
)

// State is an order's trade_state.
type State string

// The states of an order. JSAPI orders know the first four only.
const (
	StateNotPay     State = "NOTPAY"
	StateSuccess    State = "SUCCESS"
	StateRefund     State = "REFUND" // paid, and something was refunded
	StateClosed     State = "CLOSED"
	StateUserPaying State = "USERPAYING"
	StatePayError   State = "PAYERROR"
)

// What an order answers to an attempt. [Sim.Pay] returns these, wrapped.
var (
	ErrUnknownOrder   = sim.ErrUnknownOrder
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
	kindOfOrder     = "order"
	prepayLife      = 2 * time.Hour
	expireSoonest   = time.Minute
	expireByDefault = 7 * 24 * time.Hour
	maxPrepays      = 500_000
)

// terms is what the merchant asked for. Canonical is the whole request in a
// form that compares.
type terms struct {
	OutTradeNo  string    `json:"out_trade_no"`
	TradeType   string    `json:"trade_type"`
	Description string    `json:"description"`
	Attach      string    `json:"attach,omitempty"`
	NotifyURL   string    `json:"notify_url,omitempty"`
	Openid      string    `json:"openid"`
	TotalFen    int64     `json:"total"`
	Expire      time.Time `json:"expire"`
	Canonical   string    `json:"canonical"`
}

// order is one out_trade_no. Copies of it leave [orders], never pointers.
type order struct {
	terms
	State         State     `json:"state"`
	CreatedAt     time.Time `json:"created_at"`
	Prepays       []string  `json:"prepays,omitempty"` // the last one counts
	PrepaidAt     time.Time `json:"prepaid_at"`
	TransactionID string    `json:"transaction_id,omitempty"`
	PaidAt        time.Time `json:"paid_at"`
	CouponFen     int64     `json:"coupon,omitempty"`
	NoticeID      string    `json:"notice_id,omitempty"`
	Sent          int       `json:"sent,omitempty"`
	Accepted      int       `json:"accepted,omitempty"`
	Refunds       []refund  `json:"refunds,omitempty"`
	// DecidesAt is when the payer of a payment code has typed the password, or,
	// with Cancels, given up.
	DecidesAt time.Time `json:"decides_at"`
	Cancels   bool      `json:"cancels,omitempty"`
}

// paid says that there was a payment, whatever became of the money.
func (o *order) paid() bool { return o.State == StateSuccess }

// tradeState is the state as the merchant sees it.
func (o *order) tradeState() State {
	if o.paid() && o.refunded() > 0 {
		return StateRefund
	}
	return o.State
}

// orders is every order of the merchant. One lock covers all, so that of two
// attempts on an order exactly one comes first.
type orders struct {
	store    *sim.Store
	changed  *sim.Bell
	switches sim.Switches

	mu            sync.Mutex
	byNo          map[string]*order
	byPrepay      map[string]*order
	byTransaction map[string]*order
	byRefund      map[string]*order // by out_refund_no
	sequence      []*order
}

// loadOrders takes up the orders of the state file.
func (s *Sim) loadOrders() error {
	s.orders = &orders{
		store: s.store, changed: s.changed, switches: s.switches, byNo: map[string]*order{}, byPrepay: map[string]*order{},
		byTransaction: map[string]*order{}, byRefund: map[string]*order{},
	}
	err := sim.Each(s.store, kindOfOrder, func(_ string, o order) error {
		s.orders.index(&o)
		s.orders.sequence = append(s.orders.sequence, &o)
		return nil
	})
	return err
}

// resumeOrders puts on the clock what was to become of refunds and of payers who
// type. It comes last: on a running clock what is overdue happens at once.
func (s *Sim) resumeOrders() {
	for _, o := range s.orders.all() {
		for _, r := range o.Refunds {
			if r.Status == RefundProcessing {
				s.finishLater(r)
			}
		}
		if o.State == StateUserPaying {
			s.decideLater(o)
		}
	}
}

func (b *orders) index(o *order) {
	b.byNo[o.OutTradeNo] = o
	for _, id := range o.Prepays {
		b.byPrepay[id] = o
	}
	if o.TransactionID != "" {
		b.byTransaction[o.TransactionID] = o
	}
	for _, r := range o.Refunds {
		b.byRefund[r.OutRefundNo] = o
	}
}

// keep writes a changed order down and tells who waits.
func (b *orders) keep(o *order) {
	b.index(o)
	b.store.Put(kindOfOrder, o.OutTradeNo, o)
	b.changed.Ring()
}

// expiry applies the limits on time_expire: too early is raised in silence,
// too late is cut, none is the default.
func (s *Sim) expiry(asked string, now time.Time) time.Time {
	at, err := time.Parse(s.timeForm(), asked)
	latest := now.Add(s.opts.Profile.ExpireLatest)
	switch {
	case err != nil:
		return now.Add(expireByDefault)
	case !s.does(BExpiryLimits):
	case at.Before(now.Add(expireSoonest)):
		return now.Add(expireSoonest)
	case at.After(latest):
		return latest
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
	o, err := b.enter(t, now)
	switch {
	case err != nil:
		return err
	case !now.Before(o.Expire) && b.switches.Does(BPrepayLife):
		return ErrOrderExpired
	}
	o.Prepays, o.PrepaidAt = append(o.Prepays, prepayID), now
	b.keep(o)
	return nil
}

// enter finds the order of the terms, or makes it.
func (b *orders) enter(t terms, now time.Time) (*order, error) {
	o := b.byNo[t.OutTradeNo]
	if o == nil {
		o = &order{terms: t, State: StateNotPay, CreatedAt: now}
		b.sequence = append(b.sequence, o)
	}
	if !b.switches.Does(BRepeatedPrepay) {
		return o, nil
	}
	err := o.open()
	if err == nil && o.Canonical != t.Canonical {
		err = errTermsDiffer
	}
	return o, err
}

// open says why nothing more can happen to the order, or nil.
func (o *order) open() error {
	switch o.State {
	case StateSuccess:
		return ErrOrderPaid
	case StateClosed, StatePayError:
		return ErrOrderClosed
	}
	return nil
}

// payment is what a payment adds to an order.
type payment struct {
	transactionID, noticeID string
	coupon                  func() int64 // what a coupon pays of it; nil is nothing
	at                      time.Time
}

// pay takes the money if everything about the attempt is right, and returns the
// order as it is then.
// Errors: all the exported ones of this file but ErrUnknownOrder.
func (b *orders) pay(prepayID, openid string, p payment) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byPrepay[prepayID]
	if o == nil {
		return order{}, ErrPrepayUnknown
	}
	err := b.payable(o, prepayID, openid, p.at)
	if err != nil {
		return order{}, err
	}
	return b.take(o, p), nil
}

// take marks the order paid. Under the lock.
func (b *orders) take(o *order, p payment) order {
	o.State, o.PaidAt = StateSuccess, p.at.Truncate(time.Second)
	o.TransactionID, o.NoticeID = p.transactionID, p.noticeID
	if p.coupon != nil {
		o.CouponFen = min(p.coupon(), o.TotalFen)
	}
	b.keep(o)
	return *o
}

func (b *orders) payable(o *order, prepayID, openid string, now time.Time) error {
	err := o.open()
	if errors.Is(err, ErrOrderPaid) && !b.switches.Does(BDoubleTap) {
		err = nil
	}
	lives := b.switches.Does(BPrepayLife)
	switch {
	case err != nil:
		return err
	case lives && o.Prepays[len(o.Prepays)-1] != prepayID:
		return ErrPrepayReplaced
	case lives && !now.Before(o.PrepaidAt.Add(prepayLife)):
		return ErrPrepayExpired
	case lives && !now.Before(o.Expire):
		return ErrOrderExpired
	case o.Openid != openid && b.switches.Does(BPayer):
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
	case o.paid() && b.switches.Does(BPayOrClose):
		return false, ErrOrderPaid
	}
	did := o.State != StateClosed
	o.State = StateClosed
	b.keep(o)
	return did, nil
}

// change alters an order under the lock, if there is one and alter says so.
func (b *orders) change(outTradeNo string, alter func(*order) bool) order {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byNo[outTradeNo]
	if o == nil {
		return order{}
	}
	if alter(o) {
		b.keep(o)
	}
	return *o
}

// find returns a copy of the order with that number.
func (b *orders) find(outTradeNo string) (order, bool) { return b.look(b.byNo, outTradeNo) }

// findByTransaction returns a copy of the order paid under that id.
func (b *orders) findByTransaction(id string) (order, bool) { return b.look(b.byTransaction, id) }

// findByPrepay returns a copy of the order of a prepay id, even an old one.
func (b *orders) findByPrepay(id string) (order, bool) { return b.look(b.byPrepay, id) }

// findByRefund returns a copy of the order that a refund is of.
func (b *orders) findByRefund(no string) (order, bool) { return b.look(b.byRefund, no) }

func (b *orders) look(index map[string]*order, key string) (order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := index[key]
	if o == nil {
		return order{}, false
	}
	return o.copy(), true
}

func (o *order) copy() order {
	out := *o
	out.Refunds = append([]refund(nil), o.Refunds...)
	return out
}

// told notes a genuine callback that went out, or one that was accepted.
func (b *orders) told(outTradeNo string, sent, accepted int) {
	b.change(outTradeNo, func(o *order) bool {
		o.Sent += sent
		o.Accepted += accepted
		return true
	})
}

// all returns copies in the order of creation.
func (b *orders) all() []order {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]order, len(b.sequence))
	for i, o := range b.sequence {
		out[i] = o.copy()
	}
	return out
}

// need is find with an error.
func (s *Sim) need(outTradeNo string) (order, error) {
	o, ok := s.orders.find(outTradeNo)
	if !ok {
		return order{}, fmt.Errorf("order %s: %w", outTradeNo, ErrUnknownOrder)
	}
	return o, nil
}
