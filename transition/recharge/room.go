package recharge

import (
	"guodu/internal/fen"
	"guodu/transition"
)

// Room is what the limits leave an account for one more order, in fen. None of
// its amounts is below zero.
type Room struct {
	Order   fen.Fen // the limit of one order
	Day     fen.Fen // of today's limit, without what open and paid orders reserved
	Balance fen.Fen // until pending and what is on its way to the card are at their limit
	Limits  transition.Limits
	Unpaid  transition.UnpaidOrder // it has reserved its part of Day
	Payable bool                   // Unpaid may still be paid
}

// Most is the largest amount that Create accepts now; zero is none. There is one
// exception: the amount of a payable Unpaid passes whatever Most is, if its own
// payer asks for it, because it is that order and not another one.
func (r Room) Most() fen.Fen { return min(r.Order, r.Day, r.Balance, fen.Max) }

// Room is what an account, as it was read, may recharge now. It counts as
// order_create does, and writes nothing. A closed account has no room.
func (s *Service) Room(a transition.Account) Room {
	limits, now := s.config.Limits, s.config.Clock()
	r := Room{Limits: limits, Unpaid: a.Unpaid, Payable: a.Open && a.Unpaid.No != "" && a.Unpaid.Expires.After(now)}
	if a.Open {
		r.Order = max(0, limits.Order)
		r.Day = max(0, limits.Day-a.Quota.Used(now))
		r.Balance = max(0, limits.Balance-a.Pending-a.LoadHeld)
	}
	return r
}
