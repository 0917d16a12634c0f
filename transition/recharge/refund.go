package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/failpoint"
	"guodu/internal/fen"
	"guodu/transition"
)

// ErrNoRefunds says that an order's channel cannot give money back.
var ErrNoRefunds = errors.New("channel makes no refunds")

// refundGrace is how long a request for a refund may still be under way after
// nobody heard of it: until then "there is no such refund" proves nothing.
const refundGrace = 10 * time.Minute

// refundSlow is when a refund that is still held becomes a case.
const refundSlow = 72 * time.Hour

// caseIDMax is the longest id that the ledger keeps a case under.
const caseIDMax = 150

// What is kept of the channel's last word on a refund, besides its states.
const (
	wordUnknown = "unknown" // no answer, or none that could be believed
	wordNotNow  = "not_now"
	wordRefused = "refused"
)

// RefundWish is what a holder or an operator asks for: pending money of one
// order back, the way it came.
type RefundWish struct {
	Account transition.AccountNo
	Order   transition.OrderNo
	Amount  fen.Fen
	Key     idempotency.Key // of the form; a repeat gives the same refund
	By      string          // who asks: "holder", or an operator's name
	Why     string
	Frozen  bool // also from a frozen account; operators only
}

// Refund holds the money, asks the channel and returns where the refund stands
// then. That it is held is durable before the channel hears of it; what is
// still open afterwards is asked about again and again.
// Errors: ErrChannel, ErrNoRefunds, and those of transition's HoldRefund. The
// channel's are not among them: they are in the refund's word.
func (s *Service) Refund(ctx context.Context, w RefundWish) (transition.RefundOrder, error) {
	o, err := s.config.Ledger.Order(ctx, w.Order)
	if err != nil {
		return transition.RefundOrder{}, err
	}
	if o.Account != w.Account {
		return transition.RefundOrder{}, fmt.Errorf("order %s: %w", w.Order, transition.ErrNoOrder)
	}
	refunder, err := s.refunder(o.Channel)
	if err != nil {
		return transition.RefundOrder{}, err
	}
	now := s.config.Clock()
	no := transition.NewRefundNo(w.Account, now)
	request, err := json.Marshal(channels.RefundRequest{
		OrderNo: string(o.No), RefundNo: string(no), Amount: w.Amount, Total: o.Amount, Reason: s.config.RefundReason,
		NotifyURL: s.refundNotifyURL(o.Channel),
	})
	if err != nil {
		return transition.RefundOrder{}, fmt.Errorf("refund of order %s: %w", w.Order, err)
	}
	pause, err := s.pause(ctx, refunder, o)
	if err != nil {
		return transition.RefundOrder{}, err
	}
	stored, fresh, err := s.config.Ledger.HoldRefund(ctx, transition.NewRefund{
		No: no, Order: w.Order, Account: w.Account, Amount: w.Amount, Request: request, Key: w.Key, By: w.By, Why: w.Why,
		FirstDue: now.Add(max(pause, firstQuery)), Frozen: w.Frozen,
	})
	if err != nil {
		return transition.RefundOrder{}, err
	}
	failpoint.Hit("refund.held")
	s.config.Log.Info("refund", "refund", stored, "order", w.Order, "account", w.Account, "channel", o.Channel,
		"amount_fen", int64(w.Amount), "by", w.By, "new", fresh)
	if fresh && pause == 0 {
		err = s.AskRefund(ctx, stored)
		if err != nil {
			s.config.Log.Warn("refund stays due", "refund", stored, "error", err)
		}
	}
	return s.config.Ledger.Refund(ctx, stored)
}

// refundable is how many orders a holder is shown.
const refundable = 20

// Refundable are an account's last orders of which something can still go back
// the way it came, newest first.
func (s *Service) Refundable(ctx context.Context, account transition.AccountNo) ([]transition.Order, error) {
	orders, err := s.config.Ledger.RecentOrders(ctx, account, refundable)
	if err != nil {
		return nil, err
	}
	left := orders[:0]
	for _, o := range orders {
		_, err := s.refunder(o.Channel)
		if err == nil && o.Left() > 0 {
			left = append(left, o)
		}
	}
	return left, nil
}

func (s *Service) refunder(name string) (channels.Refunder, error) {
	channel, err := s.channel(name)
	if err != nil {
		return nil, err
	}
	refunder, ok := channel.(channels.Refunder)
	if !ok {
		return nil, fmt.Errorf("channel %s: %w", name, ErrNoRefunds)
	}
	return refunder, nil
}

func (s *Service) refundNotifyURL(channel string) string {
	if s.config.RefundNotifyURL == nil {
		return ""
	}
	return s.config.RefundNotifyURL(channel)
}

// pause is how long the channel wants to wait since the last refund of the
// order.
func (s *Service) pause(ctx context.Context, refunder channels.Refunder, o transition.Order) (time.Duration, error) {
	refunds, err := s.config.Ledger.Refunds(ctx, o)
	if err != nil {
		return 0, err
	}
	wait := time.Duration(0)
	for _, r := range refunds {
		wait = max(wait, r.At.Add(refunder.RefundPause()).Sub(s.config.Clock()))
	}
	return max(wait, 0), nil
}

// askTime bounds one attempt to bring a refund nearer to its end.
const askTime = 20 * time.Second

// AskRefund brings a refund that is held nearer to its end: it is sent if the
// channel does not know of it, and asked about otherwise. It may be called as
// often as one likes. It goes on when its caller goes away: a request that was
// sent is written down in any case.
// Errors: those of the ledger, after which it is called again.
func (s *Service) AskRefund(ctx context.Context, no transition.RefundNo) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	r, err := s.config.Ledger.Refund(ctx, no)
	if err != nil {
		return err
	}
	if r.State != transition.RefundHeld {
		_, err = s.config.Ledger.RescheduleRefund(ctx, no, s.config.Clock(), "", false)
		return err
	}
	refunder, err := s.refunder(r.Channel)
	if err != nil {
		return err
	}
	status, err := channels.RefundStatus{}, channels.ErrRefundNotFound
	if r.Sends > 0 {
		status, err = refunder.QueryRefund(ctx, string(r.Order), string(no))
	}
	asked := true
	if errors.Is(err, channels.ErrRefundNotFound) {
		asked = false
		status, err = s.sendRefund(ctx, refunder, r)
	}
	switch {
	case errors.Is(err, errNotHeld):
		return nil // somebody else has ended it meanwhile
	case errors.Is(err, channels.ErrRefused) && !asked:
		return s.refusedRefund(ctx, r, err)
	case err != nil:
		s.config.Log.Warn("refund stays due", "refund", no, "error", err)
		word := wordUnknown
		if errors.Is(err, channels.ErrNotNow) {
			word = wordNotNow
		}
		return s.askLater(ctx, r, word)
	}
	_, err = s.SettleRefund(ctx, status, "query")
	return err
}

// errNotHeld says that a refund ended before it was sent once more.
var errNotHeld = errors.New("refund is not held any more")

// sendRefund sends the stored request; that it is sent is durable before.
func (s *Service) sendRefund(ctx context.Context, refunder channels.Refunder, r transition.RefundOrder) (channels.RefundStatus, error) {
	var request channels.RefundRequest
	if err := json.Unmarshal(r.Request, &request); err != nil {
		return channels.RefundStatus{}, fmt.Errorf("refund %s: stored request: %w", r.No, err)
	}
	send, err := s.config.Ledger.SendRefund(ctx, r.No)
	if err != nil {
		return channels.RefundStatus{}, err
	}
	if !send {
		return channels.RefundStatus{}, errNotHeld
	}
	status, err := refunder.Refund(ctx, request)
	failpoint.Hit("refund.sent")
	return status, err
}

// refusedRefund keeps a refused refund held, for a person: what a channel says
// when it refuses is not always signed, and an earlier request may still be under
// way. Only the channel's own signed word, or people, give the money back.
func (s *Service) refusedRefund(ctx context.Context, r transition.RefundOrder, refusal error) error {
	s.config.Log.Warn("refund refused", "refund", r.No, "order", r.Order, "amount_fen", int64(r.Amount), "error", refusal)
	_, err := s.refundCase(ctx, channels.RefundStatus{
		Channel: r.Channel, OrderNo: string(r.Order), No: string(r.No), Amount: r.Amount,
	}, "refund", "refund_refused", refusal.Error())
	return errors.Join(err, s.askLater(ctx, r, wordRefused))
}

// GiveBack returns the money of a refund to the account on people's word: the
// channel does not know of it, and nothing was sent for it for a while. What the
// channel does know is settled instead.
// Errors: ErrChannel, ErrNoRefunds, channels.ErrUnknownOutcome, and those of
// transition's ReturnRefund.
func (s *Service) GiveBack(ctx context.Context, no transition.RefundNo, by, why string) (transition.RefundOrder, error) {
	r, err := s.config.Ledger.Refund(ctx, no)
	if err != nil {
		return r, err
	}
	refunder, err := s.refunder(r.Channel)
	if err != nil {
		return r, err
	}
	status, err := refunder.QueryRefund(ctx, string(r.Order), string(no))
	switch {
	case err == nil:
		_, err = s.SettleRefund(ctx, status, "query")
	case errors.Is(err, channels.ErrRefundNotFound):
		_, err = s.config.Ledger.ReturnRefund(ctx, no, "by "+by+": "+why, refundGrace)
		s.config.Log.Warn("refund given back", "refund", no, "by", by, "why", why, "error", err)
	}
	if err != nil {
		return r, err
	}
	return s.config.Ledger.Refund(ctx, no)
}

// askLater says when to ask next, by the refund's age.
func (s *Service) askLater(ctx context.Context, r transition.RefundOrder, word string) error {
	now := s.config.Clock()
	next := 30 * time.Minute
	for _, age := range []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute} {
		if left := r.At.Add(age).Sub(now); left > 0 {
			next = left
			break
		}
	}
	accepted := word == string(channels.RefundProcessing) || word == string(channels.RefundAbnormal)
	open, err := s.config.Ledger.RescheduleRefund(ctx, r.No, now.Add(next), word, accepted)
	if err == nil && open && now.Sub(r.At) > refundSlow {
		_, err = s.refundCase(ctx, channels.RefundStatus{
			Channel: r.Channel, OrderNo: string(r.Order), No: string(r.No), Amount: r.Amount,
		}, "refund", "refund_slow", "the channel has not ended it for days, its last word is "+word)
	}
	return err
}

// SettleRefund brings what a channel says of a refund into the books, by its
// number. It may be called as often and from as many places as one likes.
// Errors: channels.ErrNotNow if the order is not credited yet and its payment
// cannot be learned, transition.ErrUnavailable, transition.ErrUnknownOutcome:
// after all of them the same call is repeated.
func (s *Service) SettleRefund(ctx context.Context, status channels.RefundStatus, source string) (Outcome, error) {
	failpoint.Hit("refund.settle.begin")
	outcome, err := s.settleRefund(ctx, status, source)
	if err != nil {
		return "", err
	}
	failpoint.Hit("refund.settle.done")
	s.config.Log.Info("refund settle", "refund", fmt.Sprintf("%.70s", status.No), "order", fmt.Sprintf("%.40s", status.OrderNo),
		"channel", status.Channel, "state", status.State, "amount_fen", int64(status.Amount), "source", source, "outcome", outcome)
	return outcome, nil
}

func (s *Service) settleRefund(ctx context.Context, status channels.RefundStatus, source string) (Outcome, error) {
	if status.Misdirected != "" {
		return s.refundCase(ctx, status, source, "mismatch", "not ours: "+status.Misdirected)
	}
	no, err := transition.ParseRefundNo(status.No)
	var r transition.RefundOrder
	if err == nil {
		r, err = s.config.Ledger.Refund(ctx, no)
	}
	if errors.Is(err, transition.ErrNumber) || errors.Is(err, transition.ErrNoRefund) {
		return s.outsideRefund(ctx, status, source)
	}
	if err != nil {
		return "", err
	}
	if string(r.Order) != status.OrderNo || r.Channel != status.Channel {
		return s.refundCase(ctx, status, source, "mismatch", "the hub asked for it on another order")
	}
	outcome, err := s.ownRefund(ctx, r, status, source)
	if err == nil && outcome == Cased {
		err = s.askLater(ctx, r, string(status.State)) // nothing if it is held no more
	}
	return outcome, err
}

// ownRefund settles what the channel says of a refund of the hub's own.
func (s *Service) ownRefund(ctx context.Context, r transition.RefundOrder, status channels.RefundStatus, source string) (Outcome, error) {
	alive := status.State == channels.RefundProcessing || status.State == channels.RefundAbnormal
	switch {
	case status.State == channels.RefundMade:
		return s.madeRefund(ctx, r, status, source)
	case status.State == channels.RefundClosed:
		state, err := s.config.Ledger.ReturnRefund(ctx, r.No, string(status.State), 0)
		if err == nil && state == transition.RefundSettled {
			return s.refundCase(ctx, status, source, "mismatch", "said to be closed after it was made")
		}
		return Returned, err
	case alive && r.State == transition.RefundReturned:
		return s.refundCase(ctx, status, source, "refund_alive", "given back, and the channel may still make it")
	case status.State == channels.RefundAbnormal:
		return s.refundCase(ctx, status, source, "refund_abnormal", "the payer's account does not take it")
	case status.State == channels.RefundProcessing:
		return Waiting, s.askLater(ctx, r, string(status.State))
	}
	return "", fmt.Errorf("refund %s: channel state %.20q is none of guodu's", r.No, status.State)
}

// madeRefund books a refund of the hub's own as made.
func (s *Service) madeRefund(ctx context.Context, r transition.RefundOrder, status channels.RefundStatus, source string) (Outcome, error) {
	at := status.Time
	if at.IsZero() {
		at = s.config.Clock()
	}
	first, late, err := s.config.Ledger.SettleRefund(ctx, transition.RefundMade{No: r.No, Amount: status.Amount, ChannelNo: status.ChannelNo, At: at})
	switch {
	case errors.Is(err, transition.ErrMismatch):
		return s.refundCase(ctx, status, source, "mismatch", err.Error())
	case err != nil:
		return "", err
	case late:
		return s.refundCase(ctx, status, source, "refund_late", "made after the channel had said that it would not be")
	case first:
		s.tellRefunded(r.Order, string(r.No), status.Amount, at)
		return Refunded, nil
	}
	return Duplicate, nil
}

// outsideRefund books what the hub did not ask for.
func (s *Service) outsideRefund(ctx context.Context, status channels.RefundStatus, source string) (Outcome, error) {
	if status.State != channels.RefundMade {
		return Waiting, nil // no money has moved
	}
	order, err := transition.ParseOrderNo(status.OrderNo)
	if err != nil || !transaction.MatchString(status.No) || status.Amount <= 0 {
		return s.refundCase(ctx, status, source, "unknown_refund", "no order of guodu has such a number")
	}
	at := status.Time
	if at.IsZero() {
		at = s.config.Clock()
	}
	first, err := s.config.Ledger.BookOutside(ctx, transition.OutsideRefund{
		No: status.No, Order: order, Channel: status.Channel, Amount: status.Amount, ChannelNo: status.ChannelNo, At: at, Source: source,
	})
	switch {
	case errors.Is(err, transition.ErrNotPaid):
		return s.refundBeforeCredit(ctx, order, status, at)
	case errors.Is(err, transition.ErrNoOrder):
		return s.refundOfLost(ctx, order, status, source, at)
	case errors.Is(err, transition.ErrMismatch):
		return s.refundCase(ctx, status, source, "mismatch", err.Error())
	case err != nil:
		return "", err
	case first:
		s.tellRefunded(order, outsideRef(order, status.No), status.Amount, at)
		return Refunded, nil
	}
	return Duplicate, nil
}

// refundBeforeCredit settles an order whose refund was heard of before its
// payment: the payment is asked for, and both are booked in one step. That there
// is a refund is durable before anything is asked.
func (s *Service) refundBeforeCredit(ctx context.Context, order transition.OrderNo, status channels.RefundStatus, at time.Time) (Outcome, error) {
	if _, err := s.config.Ledger.ToldRefunded(ctx, order, status.Amount); err != nil {
		return "", err
	}
	channel, err := s.channel(status.Channel)
	if err != nil {
		return "", err
	}
	payment, err := channel.Query(ctx, string(order))
	if err != nil {
		return "", fmt.Errorf("order %s has a refund and no credit: %w: %w", order, channels.ErrNotNow, err)
	}
	if payment.State != channels.Paid {
		return "", fmt.Errorf("order %s has a refund, and its payment is %s: %w", order, payment.State, channels.ErrNotNow)
	}
	payment.Refunded = true
	payment.RefundNos = slices.DeleteFunc(slices.Clone(payment.RefundNos), func(no string) bool { return no == status.No })
	payment.Refunds = []channels.Refund{{No: status.No, Amount: status.Amount, Time: at}}
	outcome, err := s.Settle(ctx, payment, "query")
	if err != nil || outcome != Cased {
		return outcome, err
	}
	return s.refundOfCase(ctx, order, status, payment)
}

// refundOfLost is for a refund of an order that the books do not have: if its
// payment is a case, what went back leaves suspense; else people look.
func (s *Service) refundOfLost(ctx context.Context, order transition.OrderNo, status channels.RefundStatus, source string, at time.Time) (Outcome, error) {
	unknown := func() (Outcome, error) {
		return s.refundCase(ctx, status, source, "unknown_refund", "no such order in the books")
	}
	channel, err := s.channel(status.Channel)
	if err != nil {
		return unknown()
	}
	p, err := channel.Query(ctx, string(order))
	if err != nil || p.State != channels.Paid {
		return unknown()
	}
	c, holds, err := s.suspendedCase(ctx, p)
	if err != nil {
		return "", err
	}
	if !holds {
		return unknown()
	}
	p.Refunds = []channels.Refund{{No: status.No, Amount: status.Amount, Time: at}}
	err = s.bookSuspended(ctx, c, p, source)
	if errors.Is(err, transition.ErrMismatch) {
		return unknown()
	}
	return Refunded, err
}

// refundOfCase books a refund of a payment that is a case itself: what went back
// of it leaves suspense.
func (s *Service) refundOfCase(ctx context.Context, order transition.OrderNo, status channels.RefundStatus, p channels.Payment) (Outcome, error) {
	_, holds, err := s.suspendedCase(ctx, p)
	if err != nil {
		return "", err
	}
	if !holds {
		return s.refundCase(ctx, status, "query", "refund_of_case", "the order it belongs to is a case that holds no money")
	}
	return s.creditSuspended(ctx, p, "query", order)
}

// refundCase keeps what a person must decide about a refund. No money is in
// suspense for it: what moved is in the books, or is not ours.
func (s *Service) refundCase(ctx context.Context, status channels.RefundStatus, source, kind, why string) (Outcome, error) {
	evidence, err := json.Marshal(map[string]string{
		"why": why, "source": source, "channel": status.Channel, "order": fmt.Sprintf("%.64s", status.OrderNo), "refund": fmt.Sprintf("%.70s", status.No),
		"channel_no": fmt.Sprintf("%.70s", status.ChannelNo), "state": string(status.State), "amount_fen": status.Amount.String(),
	})
	if err != nil {
		return "", fmt.Errorf("case of refund %.70s: %w", status.No, err)
	}
	id := status.No
	if !transaction.MatchString(id) {
		id = idempotency.Fingerprint(status.No)
	}
	// One refund may need a person more than once, for different reasons; and a
	// number is the order's alone.
	order := status.OrderNo
	if !transaction.MatchString(order) {
		order = idempotency.Fingerprint(status.OrderNo)
	}
	c := transition.Case{ID: status.Channel + ":" + kind + ":" + order + ":" + id, Kind: kind, Evidence: evidence}
	if len(c.ID) > caseIDMax {
		c.ID = status.Channel + ":" + kind + ":" + idempotency.Fingerprint(order, id)
	}
	first, err := s.config.Ledger.OpenCase(ctx, status.OrderNo, c)
	if err != nil {
		return "", err
	}
	s.config.Log.Warn("case", "case", c.ID, "kind", kind, "why", why, "first", first)
	return Cased, nil
}

// RefundsDue claims refunds to ask the channel about, for the length of the
// lease.
func (s *Service) RefundsDue(ctx context.Context, lease time.Duration, limit int) ([]transition.RefundNo, error) {
	return s.config.Ledger.ClaimRefundsDue(ctx, lease, limit)
}
