package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/limit"
	"guodu/transition"
	"guodu/transition/recharge"
)

func (p *Pages) card(v visit) error {
	a, err := p.config.Accounts.Account(v.ctx(), v.account)
	if err != nil {
		return p.noAccount(v, err)
	}
	return p.show(v, http.StatusOK, "card.html", map[string]any{"Account": a, "Double": p.double(v, ""), "Loads": p.loads(v)})
}

// rechargeForm shows the form; the address may name an amount to begin with.
func (p *Pages) rechargeForm(v visit) error {
	amount, err := fen.Parse(v.QueryParam("amount"))
	if err != nil || amount <= 0 {
		return p.askAmount(v, http.StatusOK, "", phrase{})
	}
	return p.askAmount(v, http.StatusOK, amount.Yuan(), phrase{})
}

// askAmount shows what may be paid now and the form for it, with a fresh
// idempotency key: each showing is one wish.
func (p *Pages) askAmount(v visit, status int, amount string, problem phrase) error {
	a, err := p.config.Accounts.Account(v.ctx(), v.account)
	if err != nil {
		return p.noAccount(v, err)
	}
	if !a.Open {
		return p.accountClosed(v)
	}
	room := p.config.Orders.Room(a)
	return p.show(v, status, "recharge.html", map[string]any{
		"Account": a, "Room": room, "Full": fullText(room).in(p.language(v)), "Unpaid": p.unpaidOrder(v, room), "Quick": quickAmounts(room, amount),
		"Key": idempotency.NewKey(), "Amount": amount, "Error": problem.in(p.language(v)),
	})
}

// unpaid is the account's unpaid order as the recharge form tells of it.
type unpaid struct {
	transition.UnpaidOrder
	Channel string // its name for people
	Until   string // Beijing time
	Payable bool   // by anybody
	Mine    bool   // by this payer, here
	Key     idempotency.Key
}

// unpaidOrder is nil if there is none.
func (p *Pages) unpaidOrder(v visit, room recharge.Room) *unpaid {
	o := room.Unpaid
	if o.No == "" {
		return nil
	}
	return &unpaid{
		UnpaidOrder: o, Channel: channelName(o.Channel).in(p.language(v)), Until: o.Expires.In(transition.Beijing()).Format("15:04"),
		Payable: room.Payable, Mine: room.Payable && o.Channel == v.channel && o.Payer == v.payer.ID, Key: idempotency.NewKey(),
	}
}

// quick is an amount that a holder can choose without typing.
type quick struct {
	fen.Fen
	Fits   bool // passes now
	Chosen bool
}

// Whole is the amount in whole yuan.
func (q quick) Whole() int64 { return int64(q.Fen) / 100 }

// quickAmounts are those that one order can have; what else stands against one
// may pass by tomorrow.
func quickAmounts(room recharge.Room, chosen string) []quick {
	var all []quick
	for _, amount := range []fen.Fen{20_00, 50_00, 100_00, 200_00, 300_00, 500_00} {
		if amount <= room.Order {
			all = append(all, quick{amount, amount <= room.Most(), amount.Yuan() == chosen})
		}
	}
	return all
}

// fullText says which limit leaves nothing, if any does.
func fullText(room recharge.Room) phrase {
	switch {
	case room.Most() > 0:
		return phrase{}
	case room.Balance == 0:
		return overLimit(&transition.LimitError{Limit: "balance"})
	}
	return phrase{
		"今日限额已用完，请明天再来。未支付的订单关闭后，所占的额度会释放。",
		"Today's limit is used up. Please come back tomorrow. An order that is not paid frees its part once it is closed.",
	}
}

// recharge makes the order and shows the page that opens the pay sheet.
func (p *Pages) recharge(v visit) error {
	amount, err := fen.Parse(strings.TrimSpace(v.field("amount")))
	if err != nil || amount <= 0 {
		return p.askAmount(v, http.StatusBadRequest, "",
			phrase{"请输入正确的金额，最多两位小数，例如 50 或 33.33。", "Please enter an amount with at most two decimals, such as 50 or 33.33."})
	}
	key, err := idempotency.ParseKey(v.field("key"))
	if err != nil {
		return p.askAmount(v, http.StatusBadRequest, amount.Yuan(), phrase{"页面已过期，请重试。", "This page has expired. Please try again."})
	}
	prepay := limit.Rule{Name: "prepay", Of: []string{v.channel, v.payer.Kind, v.payer.ID}, Rate: limit.Rate{Most: p.config.Prepays, Per: time.Hour}}
	// A repeat is free. Another amount is another wish: what is given back is its own.
	id := string(v.account) + " " + string(key) + " " + amount.String()
	err = p.limiter.Take(v.ctx(), id, prepay)
	var exceeded *limit.ExceededError
	if errors.As(err, &exceeded) {
		p.refuse(v, doorPage, "limit_orders")
		return p.later(v, phrase{"您提交的订单过多", "You have made too many orders"}, exceeded.For)
	}
	if err != nil {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	ready, err := p.config.Orders.Create(v.ctx(), recharge.Wish{
		Account: v.account, Channel: v.channel, Amount: amount, Key: key,
		Payer: channels.Payer{Kind: v.payer.Kind, ID: v.payer.ID}, Outside: v.outside(),
	})
	if errors.As(err, new(*transition.LimitError)) { // no channel was asked
		back := p.limiter.GiveBack(v.ctx(), id, prepay)
		if back != nil {
			p.config.Log.Warn("order not given back", "error", back)
		}
	}
	if err != nil {
		return p.noOrder(v, amount, key, ready, err)
	}
	return p.show(v, http.StatusOK, "pay.html", map[string]any{
		"Order": ready.Order, "Amount": ready.Amount, "Params": ready.Prepay.Params, "Page": ready.Prepay.Params["url"],
	})
}

// noOrder says why there is no order to pay.
func (p *Pages) noOrder(v visit, amount fen.Fen, key idempotency.Key, ready recharge.Ready, err error) error {
	var limit *transition.LimitError
	switch {
	case errors.As(err, &limit):
		return p.askAmount(v, http.StatusUnprocessableEntity, amount.Yuan(), overLimit(limit))
	case errors.Is(err, transition.ErrIdempotency):
		return p.askAmount(v, http.StatusConflict, amount.Yuan(), phrase{"页面已过期，请重试。", "This page has expired. Please try again."})
	case errors.Is(err, channels.ErrAlreadyPaid):
		return p.send(v, http.StatusSeeOther, v.path("orders/"+string(ready.Order)))
	case errors.Is(err, channels.ErrOrderClosed):
		return p.askAmount(v, http.StatusConflict, amount.Yuan(), phrase{"订单已关闭，请重新提交。", "The order was closed. Please submit it again."})
	case errors.Is(err, transition.ErrAccountClosed):
		return p.accountClosed(v)
	case errors.Is(err, transition.ErrNoAccount):
		return p.noAccount(v, err)
	case errors.Is(err, channels.ErrRefused):
		return p.sorry(v, http.StatusBadGateway,
			phrase{"支付渠道拒绝了此订单，款项未扣，请联系卡务中心。", "The channel refused this order; nothing was paid. Please ask the card centre."}, err)
	}
	// What became of it is not known. The key goes on where this stopped: the
	// same order, the same request. So the page has a button that posts the
	// same amount and key again; a form filled anew would be another wish.
	p.config.Log.Error("order not ready", "order", ready.Order, "account", v.account, "error", err)
	return p.show(v, http.StatusServiceUnavailable, "again.html", map[string]any{"Amount": amount.Yuan(), "Key": key})
}

func (p *Pages) accountClosed(v visit) error {
	return p.sorry(v, http.StatusForbidden, phrase{"您的一卡通账户已销户，无法充值。", "Your card account is closed and takes no money."}, nil)
}

// overLimit says which limit and what it leaves.
func overLimit(l *transition.LimitError) phrase {
	if l.Limit == "unpaid" {
		at := l.At.In(transition.Beijing()).Format("15:04")
		return phrase{
			fmt.Sprintf("未支付的订单过多，请先支付，或在%s之后再试。", at),
			fmt.Sprintf("Too many orders are unpaid. Please pay one of them, or try again after %s.", at),
		}
	}
	name := map[string]phrase{
		"order": {"单笔限额", "the limit of one recharge"}, "day": {"今日限额", "today's limit"},
		"balance": {"过渡余额上限", "the limit of the transition balance"},
	}[l.Limit]
	if l.Left > 0 {
		yuan := l.Left.Yuan()
		return phrase{fmt.Sprintf("超出%s，目前最多可充值%s元。", name.zh, yuan), fmt.Sprintf("This is above %s. At most %s yuan now.", name.en, yuan)}
	}
	if l.Limit == "balance" {
		return phrase{"已达过渡余额上限，请先在食堂POS机刷卡领取。", "The transition balance is full. Please tap your card on a canteen terminal first."}
	}
	return phrase{fmt.Sprintf("已达%s，请明天再试。", name.zh), fmt.Sprintf("You have reached %s. Please try again tomorrow.", name.en)}
}

// owns says whether the visitor made an order for this account. Others who are bound to
// the account see and give back only what they paid themselves.
func (v visit) owns(o transition.Order) bool {
	return o.Account == v.account && o.Channel == v.channel && o.PayerKind == v.payer.Kind && o.Payer == v.payer.ID
}

// own reads an order that the visitor made.
// Errors: transition.ErrNoOrder for all others; those of the books.
func (p *Pages) own(v visit, no transition.OrderNo) (transition.Order, error) {
	o, err := p.config.Orders.Order(v.ctx(), no)
	if err == nil && !v.owns(o) {
		return transition.Order{}, transition.ErrNoOrder
	}
	return o, err
}

// order shows an order as the books have it. Orders of others are not there.
func (p *Pages) order(v visit) error {
	no, err := transition.ParseOrderNo(v.Param("order"))
	var o transition.Order
	if err == nil {
		o, err = p.own(v, no)
	}
	missing := errors.Is(err, transition.ErrNumber) || errors.Is(err, transition.ErrNoOrder)
	if err != nil && !missing {
		return p.sorry(v, http.StatusServiceUnavailable, busy(), err)
	}
	if missing {
		return p.sorry(v, http.StatusNotFound, phrase{"没有找到这个订单。", "There is no such order."}, nil)
	}
	paid, closed := o.State == transition.OrderCredited, o.State == transition.OrderClosed
	if !paid && !closed {
		v.Response().Header().Set("Refresh", "3") // until the books know; an order ends by itself
	}
	var twice *double
	if paid {
		twice = p.double(v, no)
	}
	return p.show(v, http.StatusOK, "order.html", map[string]any{"Order": o, "Paid": paid, "Closed": closed, "Double": twice})
}
