package recharge

import (
	"time"

	"guodu/channels"
	"guodu/internal/fen"
	"guodu/transition"
)

// tellPaid tells of a first credit, and of what had been refunded before it.
func (s *Service) tellPaid(c transition.Credit) {
	s.config.Tell(channels.Event{
		Kind: channels.EventPaid, Ref: string(c.Order), Order: string(c.Order), Amount: c.Amount, Time: c.Success,
	})
	for _, r := range c.Refunds {
		s.tellRefunded(c.Order, outsideRef(c.Order, r.No), r.Amount, r.Time)
	}
}

func (s *Service) tellRefunded(order transition.OrderNo, ref string, amount fen.Fen, at time.Time) {
	s.config.Tell(channels.Event{Kind: channels.EventRefunded, Ref: ref, Order: string(order), Amount: amount, Time: at})
}

// outsideRef names a refund that was made outside: its number is the order's alone.
func outsideRef(order transition.OrderNo, no string) string { return string(order) + ":" + no }
