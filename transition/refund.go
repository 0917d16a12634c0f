package transition

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of refunds. None of them moved anything.
var (
	// ErrNotPaid says that an order has no money in the books to give back.
	ErrNotPaid = errors.New("order is not credited")
	// ErrFrozen says that the account has a freeze reason.
	ErrFrozen = errors.New("account is frozen")
	// ErrNoRefund says that the hub never asked for such a refund.
	ErrNoRefund = errors.New("no such refund of the hub's own")
	// ErrRefundExists says that a number is taken.
	ErrRefundExists = errors.New("refund number is taken")
	// ErrDoubt says that a card of the account, in force or not, shows what the ledger
	// does not explain: its money may be on that card already.
	ErrDoubt = errors.New("a card is in doubt")
	// ErrRecovery says that the hub looks for what it may have lost; nothing is given
	// back meanwhile.
	ErrRecovery = errors.New("the books are being recovered")
	// ErrRecent says that a refund was sent too lately to be given back.
	ErrRecent = errors.New("refund was sent a short while ago")
	// ErrAccepted says that the channel has a refund under way, by its own word.
	ErrAccepted = errors.New("the channel has accepted the refund")
	// ErrOurs says that a refund told of as foreign is the hub's own.
	ErrOurs = errors.New("refund is the hub's own")
)

// RefundLimitError says how much can be given back at most.
type RefundLimitError struct {
	Limit string // "order", "pending" or "count"
	Left  fen.Fen
}

func (e *RefundLimitError) Error() string {
	if e.Limit == "count" {
		return fmt.Sprintf("order has %d refunds, no more are possible", e.Left)
	}
	return fmt.Sprintf("at most %s yuan can be refunded now (limit: %s)", e.Left.Yuan(), e.Limit)
}

// refundsMax is how many refunds an order may have. (Sources: WeChat Pay
// 申请退款, 50 a transaction.)
const refundsMax = 50

// RefundState is where a refund stands.
type RefundState string

// The states of a refund: held -> settled, or held -> returned on the channel's
// proof; returned -> settled if the channel made it all the same.
const (
	RefundHeld     RefundState = "held"
	RefundSettled  RefundState = "settled"
	RefundReturned RefundState = "returned"
)

// RefundOrder is a refund as the books have it.
type RefundOrder struct {
	No        RefundNo
	Order     OrderNo   // of a case: as the channel knows it, perhaps none of the hub's
	Case      string    // the case whose money in suspense it gives back, if it does
	Account   AccountNo // empty if it was made before the credit
	Channel   string
	Merchant  string // that is asked for it, if ours
	Amount    fen.Fen
	State     RefundState
	Ours      bool            // asked for by the hub; otherwise made outside
	Request   json.RawMessage // the exact request to the channel, if ours
	By, Why   string          // who asked for it, and why, if ours
	At        time.Time       // asked for; if not ours, made
	Done      time.Time       // settled or returned
	ChannelNo string          // the channel's own number of it
	Word      string          // what the channel said last
	Flag      string          // "late" if it was settled after it was returned
	Queries   int64
	Sends     int64
	Sent      time.Time // last
}

// NewRefund is a wish to give pending money back the way it came.
type NewRefund struct {
	No       RefundNo // from NewRefundNo
	Order    OrderNo
	Account  AccountNo
	Amount   fen.Fen
	Request  json.RawMessage // what the channel will be sent, again and again
	Key      idempotency.Key // empty: none
	By, Why  string
	FirstDue time.Time // when somebody else sends it, if the caller does not
	// Frozen lets an operator refund from a frozen account.
	Frozen bool
}

// HoldRefund binds the money, or gives back the number of the refund that was
// made with the same idempotency key.
// Errors: ErrNumber, ErrNoOrder, ErrNotPaid, ErrFrozen, ErrDoubt, ErrRecovery,
// *RefundLimitError, ErrIdempotency, ErrRefundExists; after ErrUnknownOutcome repeat the same call.
func (s *Store) HoldRefund(ctx context.Context, n NewRefund) (no RefundNo, fresh bool, err error) {
	p, err := n.Order.partition()
	if err != nil {
		return "", false, err
	}
	own, err := n.No.partition()
	if err != nil || own != p {
		return "", false, fmt.Errorf("refund %.40s of order %s: %w: of another partition", n.No, n.Order, ErrNumber)
	}
	for range tries {
		reply, err := s.hold(ctx, p, n)
		if err != nil {
			return "", false, err
		}
		switch reply.Tag {
		case "RETRY":
			continue
		case "HELD", "SAME":
			return RefundNo(reply.No), reply.Tag == "HELD", nil
		}
		return "", false, refundRefused(n, reply)
	}
	return "", false, ErrMoved
}

type refundHoldCall struct {
	accountKeys
	Order       string          `key:"order"`
	Refund      string          `key:"refund"`
	Due         string          `key:"rfdue"`
	Idem        string          `key:"idem"`
	Epoch       string          `key:"epoch"`
	No          RefundNo        `arg:"refund_no"`
	OrderNo     OrderNo         `arg:"order_no"`
	AccountNo   AccountNo       `arg:"account_no"`
	Amount      fen.Fen         `arg:"amount"`
	Request     string          `arg:"request"`
	IdemKey     idempotency.Key `arg:"idem_key"`
	Fingerprint string          `arg:"fingerprint"`
	Now         string          `arg:"now"`
	FirstDue    string          `arg:"due"`
	By          string          `arg:"by"`
	Why         string          `arg:"why"`
	Frozen      bool            `arg:"frozen"`
	Most        int             `arg:"most_refunds"`
}

type refundHoldReply struct {
	Tag   string
	No    string `reply:"no"`
	State string `reply:"state"`
	Mark  string `reply:"mark"`
	Since string `reply:"since"`
	Left  string `reply:"left"`
	Most  string `reply:"most"`
}

var refundHold = redisx.MustLoad[refundHoldCall, refundHoldReply](scripts, "refund_hold")

func (s *Store) hold(ctx context.Context, p partition, n NewRefund) (refundHoldReply, error) {
	refund := s.keys.refund(p, string(n.No))
	idem := refund
	if n.Key != "" {
		idem = s.keys.idem(p, n.Account, string(n.Key))
	}
	return refundHold.Run(ctx, s.run, refundHoldCall{
		accountKeys: s.keys.money(p, n.Account), Order: s.keys.order(p, n.Order), Refund: refund, Due: s.keys.refundsDue(p), Idem: idem,
		Epoch: s.keys.epoch(p), No: n.No, OrderNo: n.Order, AccountNo: n.Account, Amount: n.Amount, Request: string(n.Request), IdemKey: n.Key,
		Fingerprint: idempotency.Fingerprint("refund", string(n.Account), string(n.Order), n.Amount.String()),
		Now:         s.now(), FirstDue: millis(n.FirstDue), By: n.By, Why: n.Why, Frozen: n.Frozen, Most: refundsMax,
	})
}

// refundRefused puts a refusal of refund_hold into an error.
func refundRefused(n NewRefund, reply refundHoldReply) error {
	known := map[string]error{
		"IDEM_CONFLICT": ErrIdempotency, "NO_ORDER": ErrNoOrder, "NOT_PAID": ErrNotPaid, "FROZEN": ErrFrozen, "EXISTS": ErrRefundExists, "DOUBT": ErrDoubt,
		"RECOVERY": ErrRecovery,
	}
	if why, found := known[reply.Tag]; found {
		return fmt.Errorf("refund of order %s: %w", n.Order, why)
	}
	var number number
	left := number.fen(cmp.Or(reply.Left, reply.Most))
	return cmp.Or(number.err, error(&RefundLimitError{Limit: strings.ToLower(strings.TrimPrefix(reply.Tag, "LIMIT_")), Left: left}))
}

// RefundMade is the channel's word that it made a refund.
type RefundMade struct {
	No        RefundNo
	Amount    fen.Fen
	ChannelNo string // its own number of it; may be empty
	At        time.Time
}

// SettleRefund books a refund that the hub asked for as made. late says that
// it had been given back on the channel's word, so that the money left twice:
// it is taken from pending, and the rest is owed as clawback.
// Errors: ErrNoRefund, ErrMismatch.
func (s *Store) SettleRefund(ctx context.Context, m RefundMade) (first, late bool, err error) {
	r, err := s.Refund(ctx, m.No)
	if err != nil {
		return false, false, err
	}
	reply, err := s.settle(ctx, r, m)
	if err != nil {
		return false, false, err
	}
	switch reply.Tag {
	case "SETTLED":
		return true, false, nil
	case "LATE":
		s.tell(ctx, r.Account, hint{blocks: true})
		return true, true, nil
	case "RETRY":
		return false, false, ErrMoved
	case "NO_REFUND":
		return false, false, fmt.Errorf("refund %s: %w", m.No, ErrNoRefund)
	case "MISMATCH":
		return false, false, fmt.Errorf("refund %s of %s: %w: %s", m.No, m.Amount.Yuan(), ErrMismatch, reply.Field)
	}
	return false, false, nil // DUP
}

// refundMade is what scripts take of a refund that its channel made.
type refundMade struct {
	No        RefundNo `arg:"refund_no"`
	Amount    fen.Fen  `arg:"amount"`
	ChannelNo string   `arg:"channel_no"`
	At        string   `arg:"at"`
	Now       string   `arg:"now"`
}

func (s *Store) made(m RefundMade) refundMade {
	return refundMade{No: m.No, Amount: m.Amount, ChannelNo: m.ChannelNo, At: millis(m.At), Now: s.now()}
}

// refundKeys are the keys of a refund of an order.
type refundKeys struct {
	accountKeys
	Order  string `key:"order"`
	Refund string `key:"refund"`
}

type refundSettleCall struct {
	refundKeys
	Due string `key:"rfdue"`
	refundMade
}

type settledReply struct {
	Tag   string
	Field string `reply:"field"`
}

var refundSettle = redisx.MustLoad[refundSettleCall, settledReply](scripts, "refund_settle")

type refundSendCall struct {
	Refund string `key:"refund"`
	Now    string `arg:"now"`
}

var refundSend = redisx.MustLoad[refundSendCall, openOrGone](scripts, "refund_send")

// SendRefund says that a refund is about to be sent; false says that it is not
// held any more and must not be.
// Errors: ErrNoRefund.
func (s *Store) SendRefund(ctx context.Context, no RefundNo) (send bool, err error) {
	p, err := no.partition()
	if err != nil {
		return false, err
	}
	reply, err := refundSend.Run(ctx, s.run, refundSendCall{Refund: s.keys.refund(p, string(no)), Now: s.now()})
	return reply.Tag == "SEND", err
}

// refundReturned is what scripts take of a refund that is given back.
type refundReturned struct {
	No      RefundNo `arg:"refund_no"`
	Now     string   `arg:"now"`
	Word    string   `arg:"word"`
	QuietMS int64    `arg:"quiet_ms"`
}

type refundReturnCall struct {
	refundKeys
	Due string `key:"rfdue"`
	refundReturned
}

type returnedReply struct {
	Tag    string
	SentAt string `reply:"sent_at"`
}

var refundReturn = redisx.MustLoad[refundReturnCall, returnedReply](scripts, "refund_return")

// ReturnRefund gives the money of a refund back to the account, and returns the
// state that stands now. quiet 0 is for the channel's own signed word that the
// refund will never be made. A person decides without such a word: then nothing
// may have been sent for as long as quiet.
// Errors: ErrNoRefund, ErrRecent, ErrAccepted.
func (s *Store) ReturnRefund(ctx context.Context, no RefundNo, word string, quiet time.Duration) (RefundState, error) {
	r, err := s.Refund(ctx, no)
	if err != nil {
		return "", err
	}
	reply, err := s.giveBack(ctx, r, word, quiet)
	if err != nil {
		return "", err
	}
	switch reply.Tag {
	case "SETTLED":
		return RefundSettled, nil
	case "RECENT":
		return "", fmt.Errorf("refund %s: %w", no, ErrRecent)
	case "ACCEPTED":
		return "", fmt.Errorf("refund %s: %w: only its word ends it", no, ErrAccepted)
	case "NO_REFUND":
		return "", fmt.Errorf("refund %s: %w", no, ErrNoRefund)
	}
	s.tell(ctx, r.Account, hint{pending: reply.Tag == "RETURNED", blocks: true})
	return RefundReturned, nil
}

// refundKeys are the keys of a refund of an order of the account.
func (s *Store) refundKeys(p partition, order OrderNo, account AccountNo, id string) refundKeys {
	return refundKeys{accountKeys: s.keys.money(p, account), Order: s.keys.order(p, order), Refund: s.keys.refund(p, id)}
}

// Refund reads a refund that the hub asked for.
// Errors: ErrNoRefund.
func (s *Store) Refund(ctx context.Context, no RefundNo) (RefundOrder, error) {
	p, err := no.partition()
	if err != nil {
		return RefundOrder{}, err
	}
	r, err := s.readRefund(ctx, p, string(no))
	if err == nil && !r.Ours {
		err = fmt.Errorf("refund %s: %w", no, ErrNoRefund)
	}
	return r, err
}

// Refunds reads all refunds of an order, oldest first, whoever asked for them.
// Errors: ErrNoOrder.
func (s *Store) Refunds(ctx context.Context, o Order) ([]RefundOrder, error) {
	p, err := o.No.partition()
	if err != nil {
		return nil, err
	}
	refunds := make([]RefundOrder, 0, len(o.Refunds))
	for _, no := range o.Refunds {
		r, err := s.readRefund(ctx, p, no)
		if err != nil {
			return nil, err
		}
		refunds = append(refunds, r)
	}
	return refunds, nil
}

func (s *Store) readRefund(ctx context.Context, p partition, no string) (RefundOrder, error) {
	h, err := s.client().HGetAll(ctx, s.keys.refund(p, no)).Result()
	if err := read("refund", err); err != nil {
		return RefundOrder{}, err
	}
	if h["state"] == "" {
		return RefundOrder{}, fmt.Errorf("refund %.70s: %w", no, ErrNoRefund)
	}
	var n number
	r := RefundOrder{
		No: RefundNo(no), Order: OrderNo(h["order"]), Case: h["case"], Account: AccountNo(h["account"]), Channel: h["channel"], Merchant: h["merchant"], Amount: n.fen(h["amount"]),
		State: RefundState(h["state"]), Ours: h["source"] == "ours", By: h["by"], Why: h["why"],
		At: n.time(h["at"]), Done: n.time(h["done"]), ChannelNo: h["channel_no"], Word: h["word"], Flag: h["flag"],
	}
	if h["request"] != "" {
		r.Request = json.RawMessage(h["request"])
	}
	if h["sends"] != "" {
		r.Sends, r.Sent = n.int(h["sends"]), n.time(h["sent_at"])
	}
	if h["queries"] != "" {
		r.Queries = n.int(h["queries"])
	}
	if n.err != nil {
		return RefundOrder{}, fmt.Errorf("refund %.70s: %w", no, n.err)
	}
	return r, nil
}

// ClaimRefundsDue is ClaimDue for refunds that are held.
func (s *Store) ClaimRefundsDue(ctx context.Context, lease time.Duration, limit int) ([]RefundNo, error) {
	texts, err := s.claim(ctx, s.keys.refundsDue, lease, limit)
	refunds := make([]RefundNo, 0, len(texts))
	errs := []error{err}
	for _, text := range texts {
		no, err := ParseRefundNo(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		refunds = append(refunds, no)
	}
	return refunds, errors.Join(errs...)
}

type refundReschedCall struct {
	Due      string   `key:"rfdue"`
	Refund   string   `key:"refund"`
	No       RefundNo `arg:"refund_no"`
	Next     string   `arg:"next"`
	Word     string   `arg:"word"`
	Accepted bool     `arg:"accepted"`
}

var refundResched = redisx.MustLoad[refundReschedCall, openOrGone](scripts, "refund_resched")

// RescheduleRefund says when to ask next about a refund, and what the channel
// said last; accepted is its signed word that it has the refund. One that is not held any more leaves the list; open reports
// whether it still is.
func (s *Store) RescheduleRefund(ctx context.Context, no RefundNo, next time.Time, word string, accepted bool) (open bool, err error) {
	p, err := no.partition()
	if err != nil {
		return false, err
	}
	reply, err := refundResched.Run(ctx, s.run, refundReschedCall{
		Due: s.keys.refundsDue(p), Refund: s.keys.refund(p, string(no)), No: no, Next: millis(next), Word: word, Accepted: accepted,
	})
	return reply.Tag == "OK", err
}
