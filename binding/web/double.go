package web

import (
	"errors"
	"net/http"
	"slices"

	"guodu/idempotency"
	"guodu/transition"
	"guodu/transition/recharge"
)

// double is a pair of payments as a page tells of it.
type double struct {
	First, Second payment
	Key           idempotency.Key // each showing of the button is one wish
}

// payment is one order of a pair.
type payment struct {
	transition.Order
	Channel string // its name for people
	At      string // when it was paid, Beijing time
}

// double is the newest pair among the visitor's payments that a page tells of;
// about, if not empty, is the order that must be in it. A page stands without it,
// so a pair that cannot be read is logged, and nil as one that is not there.
func (p *Pages) double(v visit, about transition.OrderNo) *double {
	pairs, err := p.config.Orders.DoublePaid(v.ctx(), v.account)
	if err != nil {
		p.config.Log.Error("double payments", "account", v.account, "error", err)
		return nil
	}
	i := slices.IndexFunc(pairs, func(pair recharge.Pair) bool {
		if !v.owns(pair.First) || !v.owns(pair.Second) {
			return false
		}
		return about == "" || about == pair.First.No || about == pair.Second.No
	})
	if i < 0 {
		return nil
	}
	return &double{p.payment(v, pairs[i].First), p.payment(v, pairs[i].Second), idempotency.NewKey()}
}

func (p *Pages) payment(v visit, o transition.Order) payment {
	return payment{o, channelName(o.Channel).in(p.language(v)), o.PaidAt.In(transition.Beijing()).Format("01-02 15:04:05")}
}

// refundDouble gives the second payment of a pair back.
func (p *Pages) refundDouble(v visit) error {
	key, keyErr := idempotency.ParseKey(v.field("key"))
	no, orderErr := transition.ParseOrderNo(v.field("order"))
	if keyErr != nil || orderErr != nil {
		return p.sorry(v, http.StatusBadRequest, expired(), nil)
	}
	_, err := p.own(v, no)
	if err != nil {
		return p.noRefund(v, err)
	}
	r, err := p.config.Orders.RefundDouble(v.ctx(), v.account, no, key)
	switch {
	case errors.Is(err, recharge.ErrNotDouble):
		return p.sorry(v, http.StatusConflict, phrase{
			"这一笔现在不能这样退回：可能已经退款，或者钱已写入卡中。请查看“我的一卡通”。",
			"This payment cannot go back this way any more: it was refunded, or its money is on the card. Please look at your card page.",
		}, nil)
	case errors.Is(err, transition.ErrIdempotency):
		return p.sorry(v, http.StatusConflict, expired(), nil)
	case err != nil:
		return p.noRefund(v, err)
	}
	return p.refunded(v, r)
}
