package transition

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of orders.
var (
	// ErrIdempotency says that the idempotency key was used for another wish.
	ErrIdempotency = idempotency.ErrConflict
	// ErrOtherMerchant says that another merchant made the order: what this one
	// does not know of it proves nothing.
	ErrOtherMerchant = errors.New("order was made at another merchant")
	// ErrOrderExists says that the order number is taken; make another.
	ErrOrderExists = errors.New("order number is taken")
)

// LimitError says which limit an order would break and what it leaves.
type LimitError struct {
	Limit string    // "order", "day", "balance" or "unpaid"
	Left  fen.Fen   // the largest amount that would pass, possibly zero; not of "unpaid"
	At    time.Time // when the first of too many unpaid orders ends; of "unpaid" only
}

func (e *LimitError) Error() string {
	if e.Limit == "unpaid" {
		return "too many orders of the account are unpaid until " + e.At.In(Beijing()).Format(time.DateTime)
	}
	return fmt.Sprintf("limit of the %s: at most %s yuan", e.Limit, e.Left.Yuan())
}

// OrderState is where an order stands.
type OrderState string

// The states of an order. A closed order that is paid after all is credited.
const (
	OrderCreated  OrderState = "created"
	OrderPrepared OrderState = "prepared"
	OrderCredited OrderState = "credited"
	OrderClosed   OrderState = "closed"
)

// Order is a recharge order as stored.
type Order struct {
	No         OrderNo
	State      OrderState
	Account    AccountNo
	Amount     fen.Fen
	Refunded   fen.Fen
	Refunding  fen.Fen  // held for refunds under way
	Refunds    []string // numbers of its refunds, oldest first
	Channel    string
	Merchant   string // that it was made at: number and app
	PayerKind  string
	Payer      string          // personal: it belongs in no log
	Request    json.RawMessage // the exact request to the channel
	Prepay     json.RawMessage // the channel's answer; nil before it
	Prepared   time.Time
	Created    time.Time
	Expires    time.Time
	Credited   time.Time
	PaidAt     time.Time // by the channel's clock
	Txn        string    // the channel's number of the payment
	Source     string    // how the payment was learned
	Flag       string    // "late", "other_payer" or empty
	Queries    int64
	Duplicates int64 // repeats that changed nothing
}

// Left is what of the order was neither refunded nor is on its way back.
func (o Order) Left() fen.Fen { return o.Amount - o.Refunded - o.Refunding }

// NewOrder is a wish to recharge.
type NewOrder struct {
	No        OrderNo // from NewOrderNo
	Account   AccountNo
	Amount    fen.Fen
	Channel   string
	Merchant  string // that it is made at: number and app, without blanks
	PayerKind string
	Payer     string
	Request   json.RawMessage // stored before it is sent
	Key       idempotency.Key // optional
	Expires   time.Time
	FirstDue  time.Time // when to ask the channel for the first time
	Limits    Limits
}

// Limits bound what a holder may recharge, in fen.
type Limits struct {
	Order, Day, Balance fen.Fen
	Unpaid              int // orders of an account at once; zero is any number
}

type createCall struct {
	Account     string          `key:"account"`
	Order       string          `key:"order"`
	Due         string          `key:"due"`
	Idem        string          `key:"idem"`
	No          OrderNo         `arg:"order_no"`
	Channel     string          `arg:"channel"`
	Amount      fen.Fen         `arg:"amount"`
	PayerKind   string          `arg:"payer_kind"`
	Payer       string          `arg:"payer"`
	Request     string          `arg:"request"`
	IdemKey     idempotency.Key `arg:"idem_key"`
	Fingerprint string          `arg:"fingerprint"`
	Now         string          `arg:"now"`
	Expires     string          `arg:"expires"`
	FirstDue    string          `arg:"first_due"`
	Day         string          `arg:"day"`
	NextDay     string          `arg:"next_day"`
	MostOrder   fen.Fen         `arg:"most_order"`
	MostDay     fen.Fen         `arg:"most_day"`
	MostBalance fen.Fen         `arg:"most_balance"`
	MostUnpaid  int             `arg:"most_unpaid"`
	AccountNo   AccountNo       `arg:"account_no"`
	Merchant    string          `arg:"merchant"`
}

type createReply struct {
	Tag   string
	Order string `reply:"order"`
	Cap   string `reply:"cap"`
	Left  string `reply:"left"`
	Until string `reply:"until"`
}

var orderCreate = redisx.MustLoad[createCall, createReply](scripts, "order_create")

// CreateOrder makes the order durable, or gives back the number of the one
// that already serves the wish: the order made with the same idempotency key,
// or an open order of the account of the same channel, merchant, amount and payer.
// Errors: ErrNoAccount, ErrAccountClosed, *LimitError, ErrIdempotency,
// ErrOrderExists.
func (s *Store) CreateOrder(ctx context.Context, n NewOrder) (no OrderNo, fresh bool, err error) {
	p := partitionOf(n.Account)
	idem := s.keys.order(p, n.No)
	if n.Key != "" {
		idem = s.keys.idem(p, n.Account, string(n.Key))
	}
	now := s.clock()
	today, tomorrow := quotaDays(now)
	unpaid := n.Limits.Unpaid
	if unpaid == 0 {
		unpaid = math.MaxInt32
	}
	reply, err := orderCreate.Run(ctx, s.run, createCall{
		Account: s.keys.account(p, n.Account), Order: s.keys.order(p, n.No), Due: s.keys.due(p), Idem: idem,
		No: n.No, AccountNo: n.Account, Channel: n.Channel, Merchant: n.Merchant, Amount: n.Amount, PayerKind: n.PayerKind, Payer: n.Payer,
		Request: string(n.Request), IdemKey: n.Key,
		Fingerprint: idempotency.Fingerprint("recharge", string(n.Account), n.Channel, n.Amount.String(), n.PayerKind, n.Payer),
		Now:         millis(now), Expires: millis(n.Expires), FirstDue: millis(n.FirstDue), Day: today, NextDay: tomorrow,
		MostOrder: n.Limits.Order, MostDay: n.Limits.Day, MostBalance: n.Limits.Balance, MostUnpaid: unpaid,
	})
	if err != nil {
		return "", false, err
	}
	switch reply.Tag {
	case "CREATED":
		return OrderNo(reply.Order), true, nil
	case "OPEN", "SAME":
		return OrderNo(reply.Order), false, nil
	case "IDEM_CONFLICT":
		return "", false, ErrIdempotency
	case "NO_ACCOUNT":
		return "", false, fmt.Errorf("account %s: %w", n.Account, ErrNoAccount)
	case "CLOSED":
		return "", false, fmt.Errorf("account %s: %w", n.Account, ErrAccountClosed)
	case "EXISTS":
		return "", false, fmt.Errorf("order %s: %w", n.No, ErrOrderExists)
	case "LIMIT_UNPAID":
		var n number
		at := n.time(reply.Until)
		return "", false, cmp.Or(n.err, error(&LimitError{Limit: "unpaid", At: at}))
	default: // LIMIT_ORDER, LIMIT_DAY, LIMIT_BALANCE
		var n number
		left := n.fen(cmp.Or(reply.Cap, reply.Left))
		return "", false, cmp.Or(n.err, error(&LimitError{Limit: strings.ToLower(strings.TrimPrefix(reply.Tag, "LIMIT_")), Left: left}))
	}
}

type preparedCall struct {
	Order  string `key:"order"`
	Prepay string `arg:"prepay"`
	Now    string `arg:"now"`
}

type preparedReply struct {
	Tag   string
	State string `reply:"state"`
}

var orderPrepared = redisx.MustLoad[preparedCall, preparedReply](scripts, "order_prepared")

// Prepared keeps the channel's answer to the prepay request, if the order
// still waits to be paid.
// Errors: ErrNoOrder.
func (s *Store) Prepared(ctx context.Context, no OrderNo, prepay json.RawMessage) error {
	p, err := no.partition()
	if err != nil {
		return err
	}
	reply, err := orderPrepared.Run(ctx, s.run, preparedCall{Order: s.keys.order(p, no), Prepay: string(prepay), Now: s.now()})
	if err == nil && reply.Tag == "NO_ORDER" {
		return fmt.Errorf("order %s: %w", no, ErrNoOrder)
	}
	return err
}

type closeCall struct {
	Account  string  `key:"account"`
	Order    string  `key:"order"`
	Due      string  `key:"due"`
	No       OrderNo `arg:"order_no"`
	Now      string  `arg:"now"`
	Merchant string  `arg:"merchant"`
}

type closeReply struct {
	Tag      string
	Merchant string `reply:"merchant"`
}

var orderClose = redisx.MustLoad[closeCall, closeReply](scripts, "order_close")

// CloseOrder ends an unpaid order; the caller holds the channel's proof that
// it can no longer be paid, given to the named merchant. It returns the state
// that stands now.
// Errors: ErrNoOrder, ErrOtherMerchant.
func (s *Store) CloseOrder(ctx context.Context, o Order, merchant string) (OrderState, error) {
	p, err := o.No.partition()
	if err != nil {
		return "", err
	}
	reply, err := orderClose.Run(ctx, s.run, closeCall{
		Account: s.keys.account(p, o.Account), Order: s.keys.order(p, o.No), Due: s.keys.due(p), No: o.No, Now: s.now(), Merchant: merchant,
	})
	if err != nil {
		return "", err
	}
	switch reply.Tag {
	case "OTHER_MERCHANT":
		return "", fmt.Errorf("order %s of %s, word of %s: %w", o.No, reply.Merchant, merchant, ErrOtherMerchant)
	case "NO_ORDER":
		return "", fmt.Errorf("order %s: %w", o.No, ErrNoOrder)
	case "CREDITED":
		return OrderCredited, nil
	}
	return OrderClosed, nil
}

// Order reads an order.
// Errors: ErrNoOrder.
func (s *Store) Order(ctx context.Context, no OrderNo) (Order, error) {
	p, err := no.partition()
	if err != nil {
		return Order{}, err
	}
	h, err := s.client().HGetAll(ctx, s.keys.order(p, no)).Result()
	if err := read("order", err); err != nil {
		return Order{}, err
	}
	if h["state"] == "" {
		return Order{}, fmt.Errorf("order %s: %w", no, ErrNoOrder)
	}
	var n number
	o := Order{
		No: no, State: OrderState(h["state"]), Account: AccountNo(h["account"]), Amount: n.fen(h["amount"]),
		Refunded: n.fen(h["refunded"]), Refunding: n.fen(h["refunding"]), Refunds: strings.Fields(h["refunds"]), Channel: h["channel"], Merchant: h["merchant"], PayerKind: h["payer_kind"], Payer: h["payer"],
		Request: json.RawMessage(h["request"]), Prepared: n.time(h["prepared"]), Created: n.time(h["created"]),
		Expires: n.time(h["expires"]), Credited: n.time(h["credited"]), PaidAt: n.time(h["paid_at"]),
		Txn: h["txn"], Source: h["source"], Flag: h["flag"], Queries: n.int(h["queries"]), Duplicates: n.int(h["dup"]),
	}
	if h["prepay"] != "" {
		o.Prepay = json.RawMessage(h["prepay"])
	}
	if n.err != nil {
		return Order{}, fmt.Errorf("order %s: %w", no, n.err)
	}
	return o, nil
}
