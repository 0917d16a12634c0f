package transition

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"guodu/internal/fen"
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
		if reply[0] != "RETRY" {
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

func (s *Store) credit(ctx context.Context, c Credit) ([]string, error) {
	p, err := c.Order.partition()
	if err != nil {
		return nil, err
	}
	keys := []string{
		s.keys.account(p, c.Account), s.keys.order(p, c.Order), s.keys.entries(p, c.Account), s.keys.tot(p),
		s.keys.due(p), s.keys.day(p, c.Success), s.keys.cases(p), s.keys.houseAccount(p), s.keys.houseEntries(p),
	}
	args := []string{
		string(c.Order), string(c.Account), c.Channel, c.Txn, c.Amount.String(), c.PayerKind, c.Payer, c.Source,
		millis(c.Success), s.now(), c.Merchant,
	}
	for _, r := range c.Refunds {
		keys = append(keys, s.keys.refund(p, outside(c.Order, r.No)))
		args = append(args, outside(c.Order, r.No), r.Amount.String(), millis(r.Time))
	}
	return s.enter(ctx, s.scripts.orderCredit, keys, args...)
}

func credited(c Credit, reply []string) (Credited, error) {
	switch reply[0] {
	case "CREDITED", "DUP":
	case "NO_ORDER":
		return Credited{}, fmt.Errorf("order %s: %w", c.Order, ErrNoOrder)
	case "MISMATCH":
		return Credited{}, fmt.Errorf("order %s: %w: %s", c.Order, ErrMismatch, reply[1])
	case "OTHER_TXN":
		return Credited{}, fmt.Errorf("order %s, transaction %s: %w (%s)", c.Order, c.Txn, ErrOtherTransaction, reply[1])
	case "CLOSED_ACCOUNT":
		return Credited{}, fmt.Errorf("order %s: %w", c.Order, ErrAccountClosed)
	case "REFUNDS_UNKNOWN":
		return Credited{}, fmt.Errorf("order %s: %w", c.Order, ErrRefundsUnknown)
	case "DECIDED":
		return Credited{}, fmt.Errorf("order %s, transaction %s: %w: %s", c.Order, c.Txn, ErrDecided, reply[1])
	case "REFUNDING":
		return Credited{}, fmt.Errorf("order %s, transaction %s: %w", c.Order, c.Txn, ErrRefunding)
	case "REFUND_KNOWN":
		return Credited{}, fmt.Errorf("order %s, refund %s: %w", c.Order, reply[1], ErrRefundKnown)
	default:
		return Credited{}, unexpected("order_credit", reply)
	}
	if len(reply) != 8 {
		return Credited{}, unexpected("order_credit", reply)
	}
	var n number
	r := Credited{
		First: reply[0] == "CREDITED", Seq: n.int(reply[1]), Net: n.fen(reply[2]), Pending: n.fen(reply[3]),
		Arrears: n.fen(reply[4]), Clawback: n.fen(reply[5]), At: n.time(reply[6]), Flag: reply[7],
	}
	if n.err != nil {
		return Credited{}, fmt.Errorf("%w: %w", unexpected("order_credit", reply), n.err)
	}
	return r, nil
}
