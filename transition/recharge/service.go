package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
)

// ErrChannel says that no channel of that name and merchant is configured.
var ErrChannel = errors.New("no such channel")

// ledger is what the order life needs of the transition balance.
type ledger interface {
	CreateOrder(ctx context.Context, n transition.NewOrder) (transition.OrderNo, bool, error)
	Prepared(ctx context.Context, no transition.OrderNo, prepay json.RawMessage) error
	Credit(ctx context.Context, c transition.Credit) (transition.Credited, error)
	CloseOrder(ctx context.Context, o transition.Order, merchant string) (transition.OrderState, error)
	Order(ctx context.Context, no transition.OrderNo) (transition.Order, error)
	Account(ctx context.Context, no transition.AccountNo) (transition.Account, error)
	OpenCase(ctx context.Context, near string, c transition.Case) (bool, error)
	ClaimDue(ctx context.Context, lease time.Duration, limit int) ([]transition.OrderNo, error)
	Reschedule(ctx context.Context, no transition.OrderNo, next time.Time) (bool, error)
	refundLedger
	caseLedger
}

// caseLedger is the part that cases need.
type caseLedger interface {
	Case(ctx context.Context, id string) (transition.Case, error)
	CaseOf(ctx context.Context, near, id string) (transition.Case, error)
	NoteCase(ctx context.Context, c transition.Case, note string) error
	EndCase(ctx context.Context, c transition.Case, disown bool) error
	ReopenCase(ctx context.Context, c transition.Case) error
	RetellCase(ctx context.Context, c transition.Case, near string, all fen.Fen) error
	HoldCaseRefund(ctx context.Context, c transition.Case, r transition.CaseRefund) (transition.RefundNo, bool, error)
	BookSuspended(ctx context.Context, c transition.Case, r transition.OutsideRefund) (bool, error)
	RebuildOrder(ctx context.Context, c transition.Case, l transition.Lost) error
	RestateOrder(ctx context.Context, c transition.Case, o transition.Order, amount fen.Fen) error
}

// refundLedger is the part that refunds need.
type refundLedger interface {
	HoldRefund(ctx context.Context, n transition.NewRefund) (transition.RefundNo, bool, error)
	SettleRefund(ctx context.Context, m transition.RefundMade) (first, late bool, err error)
	SendRefund(ctx context.Context, no transition.RefundNo) (bool, error)
	ReturnRefund(ctx context.Context, no transition.RefundNo, word string, quiet time.Duration) (transition.RefundState, error)
	BookOutside(ctx context.Context, r transition.OutsideRefund) (bool, error)
	Refund(ctx context.Context, no transition.RefundNo) (transition.RefundOrder, error)
	RecentOrders(ctx context.Context, account transition.AccountNo, n int) ([]transition.Order, error)
	Refunds(ctx context.Context, o transition.Order) ([]transition.RefundOrder, error)
	ClaimRefundsDue(ctx context.Context, lease time.Duration, limit int) ([]transition.RefundNo, error)
	RescheduleRefund(ctx context.Context, no transition.RefundNo, next time.Time, word string, accepted bool) (bool, error)
	ToldRefunded(ctx context.Context, no transition.OrderNo, all fen.Fen) (time.Time, error)
}

// Config is what a Service is made of.
type Config struct {
	Ledger    ledger
	Channels  channels.Set
	NotifyURL func(channel string) string // where the channel calls back
	// ReturnURL is where a page of the channel's own sends the browser when it is
	// done: the order's page. Without it no order goes that way.
	ReturnURL func(channel string, no transition.OrderNo) string
	// RefundNotifyURL is where a channel tells of refunds; RefundReason is what the
	// payer sees of one. Both may be empty.
	RefundNotifyURL func(channel string) string
	RefundReason    string
	Description     string // what the payer sees; nothing personal
	Limits          transition.Limits
	Expiry          time.Duration // how long an order may be paid; 15 minutes if zero
	// Tell hears of each credit and each refund that is made, once its books are
	// durable. It must not wait; nil if nobody wants to know.
	Tell  func(channels.Event)
	Log   *slog.Logger
	Clock func() time.Time // time.Now if nil
}

// Service is the order life over one ledger and its channels.
type Service struct{ config Config }

// New returns a Service.
func New(c Config) *Service {
	if c.Expiry == 0 {
		c.Expiry = 15 * time.Minute
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Tell == nil {
		c.Tell = func(channels.Event) {}
	}
	return &Service{c}
}

// channel is the one that an order was made at, or that proved a payment.
func (s *Service) channel(name, merchant string) (channels.Channel, error) {
	c, ok := s.config.Channels.Of(name, merchant)
	if !ok {
		return nil, fmt.Errorf("channel %.20q of merchant %.64q: %w", name, merchant, ErrChannel)
	}
	return c, nil
}

// Order reads an order.
// Errors: transition.ErrNoOrder.
func (s *Service) Order(ctx context.Context, no transition.OrderNo) (transition.Order, error) {
	return s.config.Ledger.Order(ctx, no)
}
