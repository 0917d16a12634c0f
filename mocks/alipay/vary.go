package alipay

import (
	"encoding/json"
	"slices"
	"strings"

	"guodu/mocks/sim"
)

// untidyType is what production has sent as the Content-Type of a notice, in
// front of the charset. (Documents have no text/html in it.)
const untidyType = "application/x-www-form-urlencoded; text/html; charset="

// oddNotice is the fields of a notice that decide nothing, as they have been
// seen. A notice has no empty values, and an odd one has none either.
var oddNotice = []sim.Oddity{
	{Path: "fund_bill_list", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.First, snakeCase}},
	{Path: "voucher_detail_list", Seen: []sim.Seen{sim.Absent, sim.Value("[]"), sim.Value(`[{"id":2015102600073002,"name":"满减","type":"ALIPAY_FIX_VOUCHER","amount":"0.00","memo":null}]`)}},
	{Path: "point_amount", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("0")}},
	{Path: "receipt_amount", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.Absent}},
	{Path: "buyer_pay_amount", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.Absent}},
	{Path: "invoice_amount", Seen: []sim.Seen{sim.Usual, sim.Absent}},
	{Path: "seller_email", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("cam***@example.edu")}},
	{Path: "buyer_logon_id", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.Absent}},
	{Path: "gmt_create", Seen: []sim.Seen{sim.Usual, sim.Usual, sim.Absent}},
	{Path: "auth_app_id", Seen: []sim.Seen{sim.Usual, sim.Absent}},
	{Path: "version", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value("1")}},
	{Path: "mdiscount_amount", Seen: []sim.Seen{sim.Absent, sim.Value("0.00")}},
	{Path: "hb_fq_pay_info", Seen: []sim.Seen{sim.Absent, sim.Absent, sim.Value(`{"USER_INSTALL_NUM":"3"}`)}},
	{Path: "merchant_ext", Seen: []sim.Seen{sim.Absent, sim.Value("未公开的字段 +%=")}},
}

// oddTrade is the same of the answers that show a trade.
var oddTrade = []sim.Oddity{
	{Path: "fund_bill_list", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsText, sim.First, sim.Value(nil)}},
	{Path: "voucher_detail_list", Seen: []sim.Seen{sim.Absent, sim.Value([]string{}), sim.Value("[]"), sim.Value(map[string]any{"id": 2015102600073002, "amount": 0})}},
	{Path: "point_amount", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsNumber}},
	{Path: "receipt_amount", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsNumber}},
	{Path: "buyer_pay_amount", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsNumber}},
	{Path: "invoice_amount", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsNumber}},
	{Path: "buyer_user_type", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.Value(2)}},
	{Path: "store_id", Seen: []sim.Seen{sim.Usual, sim.AsNumber, sim.Value("")}},
	{Path: "ext_infos", Seen: []sim.Seen{sim.Absent, sim.Value("{}"), sim.Value(map[string]any{"a": []int{1}})}},
	{Path: "mdiscount_amount", Seen: []sim.Seen{sim.Absent, sim.Value("0.00"), sim.Value(nil)}},
}

// oddRefund is the same of the answers that show a refund.
var oddRefund = []sim.Oddity{
	{Path: "refund_detail_item_list", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsText, sim.First, sim.Value([]string{})}},
	{Path: "send_back_fee", Seen: []sim.Seen{sim.Usual, sim.Absent, sim.AsNumber}},
	{Path: "buyer_logon_id", Seen: []sim.Seen{sim.Usual, sim.Absent}},
	{Path: "refund_royaltys", Seen: []sim.Seen{sim.Absent, sim.Value([]string{}), sim.Value("[]")}},
	{Path: "present_refund_buyer_amount", Seen: []sim.Seen{sim.Absent, sim.Value("0.00"), sim.Value(0)}},
	{Path: "refund_settlement_id", Seen: []sim.Seen{sim.Absent, sim.Value(""), sim.Value(20260302)}},
}

// oddAnswer is the same of answers that have nothing but numbers of orders.
var oddAnswer = []sim.Oddity{
	{Path: "refund_detail_item_list", Seen: []sim.Seen{sim.Absent, sim.Value(nil)}},
	{Path: "ext_infos", Seen: []sim.Seen{sim.Absent, sim.Value("{}"), sim.Value([]string{})}},
}

var oddAnswers = map[string][]sim.Oddity{
	methodCreate: oddAnswer, "alipay.trade.close": oddAnswer, "alipay.trade.cancel": oddAnswer, methodMessage: oddAnswer,
	"alipay.trade.query": oddTrade, methodPay: oddTrade,
	"alipay.trade.refund": oddRefund, "alipay.trade.fastpay.refund.query": oddRefund,
}

// decidesClosed are fields that decide in a TRADE_CLOSED and nowhere else: by
// them it was paid and refunded, or never paid.
var decidesClosed = map[string]bool{
	"buyer_pay_amount": true, "receipt_amount": true, "invoice_amount": true, "point_amount": true, "fund_bill_list": true,
}

// oddFor is the part of a table that decides nothing in a trade of this state.
func oddFor(status State, odd []sim.Oddity) []sim.Oddity {
	if status != StateClosed {
		return odd
	}
	return slices.DeleteFunc(slices.Clone(odd), func(each sim.Oddity) bool { return decidesClosed[each.Path] })
}

// snakeCase spells fund_bill_list of a notice as answers do.
func snakeCase(usual json.RawMessage) json.RawMessage {
	if usual == nil {
		return nil
	}
	return json.RawMessage(strings.ReplaceAll(string(usual), "fundChannel", "fund_channel"))
}

// varies says whether what decides nothing changes its shape.
func (s *Sim) varies() bool { return s.does(behaviourVaried) && !s.opts.Profile.TidyFields }

// noticeType is the Content-Type of a notice in a charset.
func (s *Sim) noticeType(charset string) string {
	if s.does(behaviourNoticeHeader) && !s.opts.Profile.TidyHeader {
		return untidyType + charset
	}
	return "application/x-www-form-urlencoded; charset=" + charset
}

// varied gives a notice its shape, which goes by its id: a repeat has the same.
func (s *Sim) varied(f form, id string) form {
	if !s.varies() {
		return f
	}
	dice := sim.NewWhims(s.opts.Seed, id)
	var o sim.Object
	for _, each := range f {
		o = append(o, sim.Member{Name: each.name, Value: json.RawMessage(encode(each.value))})
	}
	var out form
	for _, m := range o.Vary(dice, oddFor(State(f.get("trade_status")), oddNotice)).Shuffle(dice) {
		var text string
		if json.Unmarshal(m.Value, &text) != nil {
			text = string(m.Value) // a form knows texts only
		}
		out = append(out, field{m.Name, text})
	}
	charset := out.get("charset")
	out.set("charset", otherCase(charset, dice.Pick(3)))
	return out
}

// otherCase writes a charset's name as it is, in capitals or in small letters.
func otherCase(charset string, way int) string {
	known, _ := charsetOf(charset)
	names := map[string][]string{charsetUTF8: {charset, "UTF-8", "utf-8"}, charsetGBK: {charset, "GBK", "gbk"}}
	return names[known][way]
}

// variedNode gives an answer its shape, which goes by the method and the order.
func (c *call) variedNode(node string) string {
	odd := oddAnswers[c.params["method"]]
	if odd == nil || !c.sim.varies() {
		return node
	}
	dice := sim.NewWhims(c.sim.opts.Seed, c.params["method"]+" "+c.Order)
	var shown struct {
		Status State `json:"trade_status"`
	}
	_ = json.Unmarshal([]byte(node), &shown) // it is of this package's making
	return string(sim.ObjectOf([]byte(node)).Vary(dice, oddFor(shown.Status, odd)).Shuffle(dice).Text())
}
