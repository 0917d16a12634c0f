package transition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"guodu/idempotency"
	"guodu/internal/fen"
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
		switch reply[0] {
		case "RETRY":
			continue
		case "HELD":
			return RefundNo(reply[1]), true, nil
		case "SAME":
			return RefundNo(reply[1]), false, nil
		}
		return "", false, refundRefused(n, reply)
	}
	return "", false, ErrMoved
}

func (s *Store) hold(ctx context.Context, p partition, n NewRefund) ([]string, error) {
	refund := s.keys.refund(p, string(n.No))
	idem := refund
	if n.Key != "" {
		idem = s.keys.idem(p, n.Account, string(n.Key))
	}
	frozen := ""
	if n.Frozen {
		frozen = "1"
	}
	return s.enter(ctx, s.scripts.refundHold, []string{
		s.keys.account(p, n.Account), s.keys.order(p, n.Order), refund, s.keys.entries(p, n.Account), s.keys.tot(p), s.keys.refundsDue(p), idem,
		s.keys.epoch(p),
	}, string(n.No), string(n.Order), string(n.Account), n.Amount.String(), string(n.Request), string(n.Key),
		idempotency.Fingerprint("refund", string(n.Account), string(n.Order), n.Amount.String()), s.now(), millis(n.FirstDue),
		n.By, n.Why, frozen, strconv.Itoa(refundsMax))
}

// refundRefused puts a refusal of refund_hold into an error.
func refundRefused(n NewRefund, reply []string) error {
	known := map[string]error{
		"IDEM_CONFLICT": ErrIdempotency, "NO_ORDER": ErrNoOrder, "NOT_PAID": ErrNotPaid, "FROZEN": ErrFrozen, "EXISTS": ErrRefundExists, "DOUBT": ErrDoubt,
		"RECOVERY": ErrRecovery,
	}
	if why, found := known[reply[0]]; found {
		return fmt.Errorf("refund of order %s: %w", n.Order, why)
	}
	limit, found := strings.CutPrefix(reply[0], "LIMIT_")
	if !found || len(reply) != 2 {
		return unexpected("refund_hold", reply)
	}
	left, err := fen.ParseInt(reply[1])
	if err != nil {
		return unexpected("refund_hold", reply)
	}
	return &RefundLimitError{Limit: strings.ToLower(limit), Left: left}
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
	switch reply[0] {
	case "SETTLED":
		return true, false, nil
	case "LATE":
		s.tell(ctx, r.Account, hint{blocks: true})
		return true, true, nil
	case "DUP":
		return false, false, nil
	case "RETRY":
		return false, false, ErrMoved
	case "NO_REFUND":
		return false, false, fmt.Errorf("refund %s: %w", m.No, ErrNoRefund)
	case "MISMATCH":
		return false, false, fmt.Errorf("refund %s of %s: %w: %s", m.No, m.Amount.Yuan(), ErrMismatch, reply[1])
	}
	return false, false, unexpected("refund_settle", reply)
}

// SendRefund says that a refund is about to be sent; false says that it is not
// held any more and must not be.
// Errors: ErrNoRefund.
func (s *Store) SendRefund(ctx context.Context, no RefundNo) (send bool, err error) {
	p, err := no.partition()
	if err != nil {
		return false, err
	}
	reply, err := s.run.Run(ctx, s.scripts.refundSend, []string{s.keys.refund(p, string(no))}, s.now())
	if err != nil {
		return false, err
	}
	return reply[0] == "SEND", nil
}

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
	switch reply[0] {
	case "RETURNED", "DUP":
		s.tell(ctx, r.Account, hint{pending: reply[0] == "RETURNED", blocks: true})
		return RefundReturned, nil
	case "SETTLED":
		return RefundSettled, nil
	case "RECENT":
		return "", fmt.Errorf("refund %s: %w", no, ErrRecent)
	case "ACCEPTED":
		return "", fmt.Errorf("refund %s: %w: only its word ends it", no, ErrAccepted)
	case "NO_REFUND":
		return "", fmt.Errorf("refund %s: %w", no, ErrNoRefund)
	}
	return "", unexpected("refund_return", reply)
}

// refundKeys are the keys that settling and returning share.
func (s *Store) refundKeys(r RefundOrder) ([]string, error) {
	p, err := r.Order.partition()
	if err != nil {
		return nil, err
	}
	return []string{
		s.keys.account(p, r.Account), s.keys.order(p, r.Order), s.keys.refund(p, string(r.No)), s.keys.entries(p, r.Account),
		s.keys.tot(p), s.keys.refundsDue(p),
	}, nil
}

// ToldRefunded writes down that the channel told of refunds of an order, in all,
// that cannot be learned yet; until they are, the order is not credited. It
// returns when that was first told.
// Errors: ErrNoOrder.
func (s *Store) ToldRefunded(ctx context.Context, no OrderNo, all fen.Fen) (first time.Time, err error) {
	p, err := no.partition()
	if err != nil {
		return first, err
	}
	reply, err := s.run.Run(ctx, s.scripts.orderTold, []string{s.keys.order(p, no)}, all.String(), s.now())
	if err != nil {
		return first, err
	}
	if reply[0] == "NO_ORDER" {
		return first, fmt.Errorf("order %s: %w", no, ErrNoOrder)
	}
	var n number
	first = n.time(reply[1])
	return first, n.err
}

// OutsideRefund is a refund that the hub did not ask for.
type OutsideRefund struct {
	No        string // the merchant's number of it, as the channel tells it
	Order     OrderNo
	Channel   string
	Payee     string // number of the merchant that paid it back
	Amount    fen.Fen
	ChannelNo string
	At        time.Time
	Source    string // "notice", "query" or "bill"
}

// BookOutside books a refund made in the merchant's console, or a chargeback,
// once: pending first, the rest becomes clawback.
// Errors: ErrNumber, ErrNoOrder, ErrNotPaid (not credited yet: the refund must
// come with the credit), ErrOurs, ErrMismatch.
func (s *Store) BookOutside(ctx context.Context, r OutsideRefund) (first bool, err error) {
	if !vendorNumber.MatchString(r.No) {
		return false, fmt.Errorf("refund %.70q: %w", r.No, ErrNumber)
	}
	if no, err := ParseRefundNo(r.No); err == nil {
		ours, err := s.Refund(ctx, no)
		if err == nil {
			return false, fmt.Errorf("refund %s of order %s: %w (%s)", r.No, r.Order, ErrOurs, ours.State)
		}
		if !errors.Is(err, ErrNoRefund) {
			return false, err
		}
	}
	o, err := s.Order(ctx, r.Order)
	if err != nil {
		return false, err
	}
	// Whatever the app: an order's merchant never changes once it is stored.
	if payee, _, _ := strings.Cut(o.Merchant, "/"); payee != r.Payee {
		return false, fmt.Errorf("refund %s of order %s: %w: it was paid to %s, the word is of %s", r.No, r.Order, ErrMismatch, payee, r.Payee)
	}
	p, err := r.Order.partition()
	if err != nil {
		return false, err
	}
	id := outside(r.Order, r.No)
	reply, err := s.enter(ctx, s.scripts.refundExt, []string{
		s.keys.account(p, o.Account), s.keys.order(p, r.Order), s.keys.refund(p, id), s.keys.entries(p, o.Account), s.keys.tot(p),
	}, id, string(r.Order), string(o.Account), r.Amount.String(), r.ChannelNo, millis(r.At), s.now(), r.Source, r.Channel)
	if err != nil {
		return false, err
	}
	switch reply[0] {
	case "BOOKED":
		s.tell(ctx, o.Account, hint{blocks: true})
		return true, nil
	case "DUP":
		return false, nil
	case "NO_ORDER":
		err = ErrNoOrder
	case "NOT_CREDITED":
		err = ErrNotPaid
	case "MISMATCH":
		err = ErrMismatch
	case "RETRY":
		err = ErrMoved
	default:
		return false, unexpected("refund_ext", reply)
	}
	return false, fmt.Errorf("refund %s of order %s: %w", r.No, r.Order, err)
}

// outside is the id of a refund that the hub did not ask for. Its number is the
// merchant's and, at Alipay, unique within its trade only; so the order is part
// of the id (docs/adr/0004).
func outside(order OrderNo, no string) string { return string(order) + ":" + no }

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

// RescheduleRefund says when to ask next about a refund, and what the channel
// said last; accepted is its signed word that it has the refund. One that is not held any more leaves the list; open reports
// whether it still is.
func (s *Store) RescheduleRefund(ctx context.Context, no RefundNo, next time.Time, word string, accepted bool) (open bool, err error) {
	mark := ""
	if accepted {
		mark = "1"
	}
	p, err := no.partition()
	if err != nil {
		return false, err
	}
	reply, err := s.run.Run(ctx, s.scripts.refundResched, []string{s.keys.refundsDue(p), s.keys.refund(p, string(no))}, string(no), millis(next), word, mark)
	if err != nil {
		return false, err
	}
	return reply[0] == "OK", nil
}
