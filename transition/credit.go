package transition

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of a credit that must not be made. None of them moved anything.
var (
	// ErrMismatch says that the payment is not that of the order as it was
	// made (channel, merchant, amount or refunds).
	ErrMismatch = errors.New("payment does not match the order")
	// ErrOtherTransaction says that the order was credited for another
	// transaction of the channel.
	ErrOtherTransaction = errors.New("order was credited for another transaction")
	// ErrRefundsUnknown says that the channel told of refunds on this payment
	// without naming them; until they are known it cannot be credited.
	ErrRefundsUnknown = errors.New("payment has refunds that are not known")
	// ErrRefundKnown says that a refund named with the payment is booked
	// already, which cannot be before its order is credited.
	ErrRefundKnown = errors.New("refund is booked already")
	// ErrDecided says that people, or a refund, have ended the case of this very
	// payment: its money is no longer there to be credited.
	ErrDecided = errors.New("payment was decided as a case")
	// ErrRefunding says that the payment is on its way back to its payer.
	ErrRefunding = errors.New("payment is being refunded")
)

// Credit is a proven payment of an order.
type Credit struct {
	Order     OrderNo
	Account   AccountNo // the order's, or a guess (attach); it is checked
	Channel   string
	Merchant  string // that proved it; the order's, or it is a mismatch
	Txn       string
	Amount    fen.Fen
	PayerKind string // empty if the channel does not say
	Payer     string
	Source    string // "callback", "query" or "bill"
	Success   time.Time
	Refunds   []CreditRefund // made before the credit; all of them
}

// CreditRefund is a refund that the channel made before the credit.
type CreditRefund struct {
	No     string
	Amount fen.Fen
	Time   time.Time
}

// Credited is what the first credit of an order did.
type Credited struct {
	First    bool    // false: this call was a repeat and changed nothing
	Seq      int64   // number of the entry
	Net      fen.Fen // paid less what was refunded before
	Pending  fen.Fen // of Net, what became pending
	Arrears  fen.Fen // of Net, what paid arrears
	Clawback fen.Fen // of Net, what the hub took back
	At       time.Time
	Flag     string
}

// tries bounds how often a call names its keys again.
const tries = 8

// Credit credits an order, at most once whatever is called and how often. A
// repeat returns what the first one did.
// Errors: ErrNumber, ErrNoOrder, ErrAccountClosed, ErrMismatch,
// ErrOtherTransaction, ErrRefundKnown, ErrRefundsUnknown, ErrDecided,
// ErrRefunding; after ErrUnknownOutcome repeat the same call.
func (s *Store) Credit(ctx context.Context, c Credit) (Credited, error) {
	for _, name := range append([]string{c.Txn}, refundNumbers(c)...) {
		if !vendorNumber.MatchString(name) {
			return Credited{}, fmt.Errorf("order %s, %.70q: %w", c.Order, name, ErrNumber)
		}
	}
	for range tries {
		reply, err := s.credit(ctx, c)
		if err != nil {
			return Credited{}, err
		}
		if reply.Tag != "RETRY" {
			done, err := credited(c, reply)
			if err == nil {
				// What paid a debt may have lifted a freeze; a repeat heals a death in between.
				s.tell(ctx, c.Account, hint{pending: done.First && done.Pending > 0, blocks: done.Arrears > 0 || done.Clawback > 0})
			}
			return done, err
		}
		o, err := s.Order(ctx, c.Order)
		if err != nil {
			return Credited{}, err
		}
		c.Account = o.Account
	}
	return Credited{}, ErrMoved
}

// vendorNumber is what a channel's numbers may consist of: they become parts of
// keys and of entries, which are separated by blanks.
var vendorNumber = regexp.MustCompile(`^[0-9A-Za-z_|*@.-]{1,64}$`)

func refundNumbers(c Credit) []string {
	numbers := make([]string, 0, len(c.Refunds))
	for _, r := range c.Refunds {
		numbers = append(numbers, r.No)
	}
	return numbers
}

type creditCall struct {
	accountKeys
	Order        string          `key:"order"`
	Due          string          `key:"due"`
	Day          string          `key:"day"`
	Case         string          `key:"case"`
	House        string          `key:"house"`
	HouseEntries string          `key:"house_entries"`
	RefundKeys   []string        `key:"refunds"`
	No           OrderNo         `arg:"order_no"`
	AccountNo    AccountNo       `arg:"account_no"`
	Channel      string          `arg:"channel"`
	Merchant     string          `arg:"merchant"`
	Txn          string          `arg:"txn"`
	Amount       fen.Fen         `arg:"amount"`
	PayerKind    string          `arg:"payer_kind"`
	Payer        string          `arg:"payer"`
	Source       string          `arg:"source"`
	At           string          `arg:"at"`
	Now          string          `arg:"now"`
	Refunds      []creditRefunds `group:"arg"`
}

type creditRefunds struct {
	ID     string  `arg:"refund"`
	Amount fen.Fen `arg:"refund_fen"`
	At     string  `arg:"refund_at"`
}

type creditReply struct {
	Tag      string
	Seq      string `reply:"seq"`
	Net      string `reply:"net"`
	Pending  string `reply:"pending"`
	Arrears  string `reply:"arrears"`
	Clawback string `reply:"clawback"`
	At       string `reply:"at"`
	Flag     string `reply:"flag"`
	Field    string `reply:"field"`
	Txn      string `reply:"txn"`
	Refund   string `reply:"no"`
	Decision string `reply:"decision"`
}

var orderCredit = redisx.MustLoad[creditCall, creditReply](scripts, "order_credit")

func (s *Store) credit(ctx context.Context, c Credit) (creditReply, error) {
	p, err := c.Order.partition()
	if err != nil {
		return creditReply{}, err
	}
	call := creditCall{
		accountKeys: s.keys.money(p, c.Account), Order: s.keys.order(p, c.Order), Due: s.keys.due(p), Day: s.keys.day(p, c.Success),
		Case: s.keys.cases(p), House: s.keys.houseAccount(p), HouseEntries: s.keys.houseEntries(p),
		No: c.Order, AccountNo: c.Account, Channel: c.Channel, Merchant: c.Merchant, Txn: c.Txn, Amount: c.Amount,
		PayerKind: c.PayerKind, Payer: c.Payer, Source: c.Source, At: millis(c.Success), Now: s.now(),
	}
	for _, r := range c.Refunds {
		id := outside(c.Order, r.No)
		call.RefundKeys = append(call.RefundKeys, s.keys.refund(p, id))
		call.Refunds = append(call.Refunds, creditRefunds{ID: id, Amount: r.Amount, At: millis(r.Time)})
	}
	return orderCredit.Run(ctx, s.run, call)
}

func credited(c Credit, reply creditReply) (Credited, error) {
	switch reply.Tag {
	case "NO_ORDER":
		return Credited{}, fmt.Errorf("order %s: %w", c.Order, ErrNoOrder)
	case "MISMATCH":
		return Credited{}, fmt.Errorf("order %s: %w: %s", c.Order, ErrMismatch, reply.Field)
	case "OTHER_TXN":
		return Credited{}, fmt.Errorf("order %s, transaction %s: %w (%s)", c.Order, c.Txn, ErrOtherTransaction, reply.Txn)
	case "CLOSED_ACCOUNT":
		return Credited{}, fmt.Errorf("order %s: %w", c.Order, ErrAccountClosed)
	case "REFUNDS_UNKNOWN":
		return Credited{}, fmt.Errorf("order %s: %w", c.Order, ErrRefundsUnknown)
	case "DECIDED":
		return Credited{}, fmt.Errorf("order %s, transaction %s: %w: %s", c.Order, c.Txn, ErrDecided, reply.Decision)
	case "REFUNDING":
		return Credited{}, fmt.Errorf("order %s, transaction %s: %w", c.Order, c.Txn, ErrRefunding)
	case "REFUND_KNOWN":
		return Credited{}, fmt.Errorf("order %s, refund %s: %w", c.Order, reply.Refund, ErrRefundKnown)
	}
	var n number
	r := Credited{
		First: reply.Tag == "CREDITED", Seq: n.int(reply.Seq), Net: n.fen(reply.Net), Pending: n.fen(reply.Pending),
		Arrears: n.fen(reply.Arrears), Clawback: n.fen(reply.Clawback), At: n.time(reply.At), Flag: reply.Flag,
	}
	if n.err != nil {
		return Credited{}, fmt.Errorf("reply of order_credit: %w", n.err)
	}
	return r, nil
}
