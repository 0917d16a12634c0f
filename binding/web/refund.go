package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/transition"
	"guodu/transition/recharge"
)

// back is an order that money can go back to, with what a form proposes.
type back struct {
	transition.Order
	Channel string // its name for people
	Most    fen.Fen
	Key     idempotency.Key // each showing of a form is one wish
}

func (p *Pages) refundForm(v visit) error {
	return p.askRefund(v, http.StatusOK, phrase{})
}

// askRefund shows the visitor's orders that pending money can go back to.
func (p *Pages) askRefund(v visit, status int, problem phrase) error {
	a, err := p.config.Accounts.Account(v.ctx(), v.account)
	if err != nil {
		return p.noAccount(v, err)
	}
	orders, err := p.config.Orders.Refundable(v.ctx(), v.account)
	if err != nil {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	var all []back
	for _, o := range orders {
		most := min(o.Left(), a.Pending)
		if most <= 0 || !v.owns(o) {
			continue
		}
		all = append(all, back{Order: o, Channel: channelName(o.Channel).in(p.language(v)), Most: most, Key: idempotency.NewKey()})
	}
	return p.show(v, status, "refunds.html", map[string]any{
		"Account": a, "Orders": all, "Error": problem.in(p.language(v)), "Beijing": transition.Beijing(),
	})
}

// refund gives pending money of one order back the way it came.
func (p *Pages) refund(v visit) error {
	amount, err := fen.Parse(strings.TrimSpace(v.field("amount")))
	if err != nil || amount <= 0 {
		return p.askRefund(v, http.StatusBadRequest,
			phrase{"请输入正确的金额，最多两位小数，例如 50 或 33.33。", "Please enter an amount with at most two decimals, such as 50 or 33.33."})
	}
	key, keyErr := idempotency.ParseKey(v.field("key"))
	no, orderErr := transition.ParseOrderNo(v.field("order"))
	if keyErr != nil || orderErr != nil {
		return p.askRefund(v, http.StatusBadRequest, phrase{"页面已过期，请重试。", "This page has expired. Please try again."})
	}
	_, err = p.own(v, no)
	if err != nil {
		return p.noRefund(v, err)
	}
	r, err := p.config.Orders.Refund(v.ctx(), recharge.RefundWish{
		Account: v.account, Order: no, Amount: amount, Key: key, By: "holder", Why: "asked for on the page",
	})
	if err != nil {
		return p.noRefund(v, err)
	}
	return p.refunded(v, r)
}

// refunded says where a refund stands.
func (p *Pages) refunded(v visit, r transition.RefundOrder) error {
	return p.show(v, http.StatusOK, "refunded.html", map[string]any{
		"Refund": r, "Made": r.State == transition.RefundSettled, "Returned": r.State == transition.RefundReturned,
	})
}

// noRefund says why nothing goes back.
func (p *Pages) noRefund(v visit, err error) error {
	var limit *transition.RefundLimitError
	switch {
	case errors.As(err, &limit) && limit.Limit != "count":
		yuan := limit.Left.Yuan()
		return p.askRefund(v, http.StatusUnprocessableEntity,
			phrase{fmt.Sprintf("目前最多可退%s元：只有还没有写卡的钱可以退回。", yuan), fmt.Sprintf("At most %s yuan now: only what is not on the card can go back.", yuan)})
	case errors.As(err, &limit):
		return p.askRefund(v, http.StatusUnprocessableEntity, phrase{"此订单的退款次数已达上限，请联系卡务中心。", "This order has as many refunds as it may have. Please ask the card centre."})
	case errors.Is(err, transition.ErrDoubt):
		return p.sorry(v, http.StatusForbidden, phrase{"卡上的圈存记录与账不符，暂不能退款，请带卡到卡务中心核对。", "Your card shows a load that the books do not explain. Please bring it to the card centre."}, nil)
	case errors.Is(err, transition.ErrFrozen):
		return p.sorry(v, http.StatusForbidden, phrase{"您的账户已冻结，不能自助退款，请联系卡务中心。", "Your account is frozen. Please ask the card centre."}, nil)
	case errors.Is(err, transition.ErrIdempotency):
		return p.askRefund(v, http.StatusConflict, phrase{"页面已过期，请重试。", "This page has expired. Please try again."})
	case errors.Is(err, transition.ErrNoOrder), errors.Is(err, transition.ErrNotPaid), errors.Is(err, recharge.ErrNoRefunds):
		return p.sorry(v, http.StatusNotFound, phrase{"没有找到可以退款的订单。", "There is no order that can be refunded."}, nil)
	}
	return p.sorry(v, http.StatusServiceUnavailable,
		phrase{"系统繁忙。退款可能已经受理，请稍后在“我的一卡通”中查看，不要重复提交。", "Something is slow. The refund may be under way: look at your card page later, and do not ask again."}, err)
}
