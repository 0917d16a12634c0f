package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	refunder, err := s.refunder(o.Channel, o.Merchant)
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
		_, err := s.refunder(o.Channel, o.Merchant)
		if err == nil && o.Left() > 0 {
			left = append(left, o)
		}
	}
	return left, nil
}

func (s *Service) refunder(name, merchant string) (channels.Refunder, error) {
	channel, err := s.channel(name, merchant)
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
	refunder, err := s.refunder(r.Channel, r.Merchant)
	if errors.Is(err, ErrChannel) {
		_, caseErr := s.refundCase(ctx, channels.RefundStatus{
			Channel: r.Channel, OrderNo: string(r.Order), No: string(r.No), Amount: r.Amount,
		}, "refund", "merchant_unknown", err.Error())
		return errors.Join(caseErr, s.askLater(ctx, r, r.Word))
	}
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
	refunder, err := s.refunder(r.Channel, r.Merchant)
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

// RefundsDue claims refunds to ask the channel about, for the length of the
// lease.
func (s *Service) RefundsDue(ctx context.Context, lease time.Duration, limit int) ([]transition.RefundNo, error) {
	return s.config.Ledger.ClaimRefundsDue(ctx, lease, limit)
}
