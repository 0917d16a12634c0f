package wechatpay

import (
	"encoding/json"
	"time"

	"guodu/mocks/sim"
)

// A time with its offset as production has been seen to write it.
const (
	plainOffset = "2006-01-02T15:04:05-0700"
	zulu        = "2006-01-02T15:04:05Z"
)

// Fields that decide nothing, and the ways in which they have been seen.
var (
	oddPayment = []sim.Oddity{
		{Path: "promotion_detail.coupon_id", Seen: []sim.Seen{sim.Usual, sim.AsNumber}},
		{Path: "promotion_detail.wechatpay_contribute", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "promotion_detail.goods_detail", Seen: []sim.Seen{sim.Absent, sim.Value(goods), sim.Value([]any{goods}), sim.Value("")}},
		{Path: "promotion_detail", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.First, sim.AsText, sim.Absent, sim.Value([]any{}), sim.Value(nil)}},
		{Path: "goods_detail", Seen: []sim.Seen{sim.Absent, sim.Value([]any{goods}), sim.Value(goods)}},
		{Path: "bank_type", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("LQT"), sim.Value(0), sim.Value("")}},
		{Path: "trade_state_desc", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.Absent}},
		{Path: "amount.payer_total", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.payer_currency", Seen: []sim.Seen{sim.Usual, sim.Absent}},
		{Path: "amount.settlement_rate", Seen: []sim.Seen{sim.Absent, sim.Value(100000000)}},
		{Path: "success_time", Seen: []sim.Seen{sim.Usual, timeAs(plainOffset), timeAs(zulu)}},
		{Path: "scene_info", Seen: []sim.Seen{sim.Absent, sim.Value(map[string]any{"device_id": 13}), sim.Value("")}},
		{Path: "cash_coupon", Seen: []sim.Seen{sim.Absent, sim.Absent, sim.Value(map[string]any{"ids": []int{1, 2}})}},
	}
	oddRefund = []sim.Oddity{
		{Path: "promotion_detail", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value(nil), sim.Value(map[string]any{"promotion_id": 109519, "goods_detail": goods})}},
		{Path: "channel", Seen: []sim.Seen{sim.Usual, sim.Absent}},
		{Path: "user_received_account", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("招商银行信用卡0403"), sim.Value(nil)}},
		{Path: "funds_account", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("UNAVAILABLE")}},
		{Path: "success_time", Seen: []sim.Seen{sim.Usual, timeAs(plainOffset), timeAs(zulu)}},
		{Path: "create_time", Seen: []sim.Seen{sim.Usual, timeAs(plainOffset), timeAs(zulu)}},
		{Path: "amount.from", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value(map[string]any{"account": "AVAILABLE", "amount": "1"})}},
		{Path: "amount.payer_total", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.payer_refund", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.settlement_refund", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.settlement_total", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.discount_refund", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.refund_fee", Seen: []sim.Seen{sim.Absent, sim.Value("0")}},
		{Path: "reason", Seen: []sim.Seen{sim.Absent, sim.Absent, sim.Value("")}},
	}
	// oddRefundNotice has no strangers that a refund's answer has.
	oddRefundNotice = []sim.Oddity{
		{Path: "user_received_account", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("招商银行信用卡0403"), sim.Value(nil)}},
		{Path: "success_time", Seen: []sim.Seen{sim.Usual, timeAs(plainOffset), timeAs(zulu)}},
		{Path: "amount.payer_total", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "amount.payer_refund", Seen: []sim.Seen{sim.Usual, sim.AsText, sim.Absent}},
		{Path: "promotion_detail", Seen: []sim.Seen{sim.Absent, sim.Absent, sim.Value([]any{}), sim.Value("")}},
	}
	oddEnvelope = []sim.Oddity{
		{Path: "summary", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.Absent}},
		{Path: "create_time", Seen: []sim.Seen{sim.Usual, timeAs(plainOffset), timeAs(zulu)}},
		{Path: "notify_version", Seen: []sim.Seen{sim.Absent, sim.Absent, sim.Value(3)}},
	}
)

// goods is a line of a shop's, as it comes back in promotions.
var goods = map[string]any{"goods_id": "M1006", "quantity": "1", "unit_price": 100, "discount_amount": 0, "goods_remark": nil}

// timeAs writes the same moment in another way.
func timeAs(layout string) sim.Seen {
	return func(usual json.RawMessage) json.RawMessage {
		var text string
		if json.Unmarshal(usual, &text) != nil {
			return usual
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return usual
		}
		if layout == zulu {
			at = at.UTC()
		}
		return encode(at.Format(layout))
	}
}

// shape gives a message its shape of today. It goes by the name, so that a
// repeat of the same message has the same.
func (s *Sim) shape(message any, odd []sim.Oddity, name string) json.RawMessage {
	text := encode(message)
	if s.opts.Profile.TidyFields || !s.does(BVariedFields) {
		return text
	}
	dice := sim.NewWhims(s.opts.Seed, name)
	return sim.ObjectOf(text).Vary(dice, odd).Shuffle(dice).Text()
}

// shapeOrder is an order as a query or a payment by code shows it. An unpaid one
// has its state only.
func (s *Sim) shapeOrder(o order) any {
	if !o.paid() {
		return s.show(o)
	}
	return s.shape(s.show(o), oddPayment, "query "+o.OutTradeNo)
}

// shapeRefund is a refund as its interfaces show it.
func (s *Sim) shapeRefund(r refund) any {
	return s.shape(s.showRefund(r), oddRefund, "refund "+r.OutRefundNo)
}

// shapeContent is what a notice is about.
func (s *Sim) shapeContent(n notice) json.RawMessage {
	odd := oddPayment
	if n.kind == kindOfRefund {
		odd = oddRefundNotice
	}
	return s.shape(n.content, odd, n.id)
}
