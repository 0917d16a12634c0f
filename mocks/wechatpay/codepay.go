package wechatpay

import (
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"guodu/mocks/sim"
)

const (
	authCodeLife   = time.Minute
	passwordTyping = 10 * time.Second
)

// authCodeForm is what a payment code looks like: 18 digits from 10 to 15.
var authCodeForm = regexp.MustCompile(`^1[0-5][0-9]{16}$`)

// codePayFields is the parameter table of 付款码支付 (POST
// /v3/pay/transactions/codepay).
func (s *Sim) codePayFields() []field {
	return []field{
		{name: "appid", required: true, min: 1, max: 32},
		{name: "mchid", required: true, min: 1, max: 32},
		{name: "description", required: true, min: 1, max: 127},
		{name: "out_trade_no", required: true, min: 6, max: 32, check: checkOutTradeNo},
		{name: "attach", max: 128},
		{name: "goods_tag", max: 32},
		{name: "support_fapiao", shape: flag},
		{name: "payer", shape: object, required: true, fields: []field{
			{name: "auth_code", required: true, min: 1, max: 32, check: checkAuthCode},
		}},
		{name: "amount", shape: object, required: true, fields: []field{
			{name: "total", shape: whole, required: true, check: checkPositive},
			{name: "currency", max: 16, check: checkCurrency},
		}},
		{name: "scene_info", shape: object, required: true, fields: []field{
			{name: "device_id", max: 32},
			{name: "device_ip", max: 45},
			{name: "store_info", shape: object, required: true, fields: []field{
				{name: "id", max: 32}, {name: "out_id", max: 256},
			}},
		}},
		{name: "detail", shape: object, check: checkDetailSize, fields: detailFields},
		{name: "settle_info", shape: object, fields: []field{{name: "profit_sharing", shape: flag}}},
	}
}

func checkAuthCode(v any) string {
	if !authCodeForm.MatchString(v.(string)) {
		return "请扫描微信支付付款码（以 10 至 15 为前缀的 18 位数字）"
	}
	return ""
}

type codePayBody struct {
	AppID       string `json:"appid"`
	MchID       string `json:"mchid"`
	Description string `json:"description"`
	OutTradeNo  string `json:"out_trade_no"`
	Attach      string `json:"attach"`
	Payer       struct {
		AuthCode string `json:"auth_code"`
	} `json:"payer"`
	Amount struct {
		Total int64 `json:"total"`
	} `json:"amount"`
}

// AuthCode shows a person's payment code, which works once, for a minute.
func (s *Sim) AuthCode(person string) string {
	code := "13" + s.dice.Draw(sim.Digits, 16)
	s.barcodes.Issue(code, person, s.now().Add(authCodeLife))
	return code
}

// showCode is AuthCode for a page: POST /_sim/authcode as the cookie's person.
func (s *Sim) showCode(c *sim.Call) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(struct {
		AuthCode string `json:"auth_code"`
	}{s.AuthCode(s.personOf(c.Request))})}
}

// codePay is 付款码支付: it takes the money at once, unless the payer has to type
// a password. Nothing is told to the merchant later: it has to query.
func (s *Sim) codePay(c *sim.Call) answer {
	var body codePayBody
	canonical, wrong := s.read(c.Body, s.codePayFields(), &body)
	c.Order = body.OutTradeNo
	if wrong == nil && body.MchID != s.opts.MchID && s.does(BMerchantMatch) {
		wrong = refuse(http.StatusBadRequest, numberMchMismatch, "PARAM_ERROR", "商户号与签名的商户号不一致")
	}
	if wrong == nil && body.AppID != s.opts.AppID {
		wrong = refuse(http.StatusBadRequest, numberAppMch, "APPID_MCHID_NOT_MATCH", "appid 与 mchid 不匹配")
	}
	if wrong != nil {
		return wrong.answer()
	}
	person, state := s.barcodes.Peek(body.Payer.AuthCode, s.now())
	before, known := s.orders.find(body.OutTradeNo)
	if !known && state == sim.CodeGood {
		s.barcodes.Redeem(body.Payer.AuthCode, s.now())
	} else if !known || before.Canonical != canonical {
		return codeRefusal(state, known).answer()
	}
	t := terms{
		OutTradeNo: body.OutTradeNo, TradeType: tradeTypeCode, Description: body.Description, Attach: body.Attach,
		Openid: OpenID(s.opts.AppID, person), TotalFen: body.Amount.Total, Expire: s.now().Add(expireByDefault), Canonical: canonical,
	}
	o, err := s.orders.payByCode(t, s.newPayment(), c.Fault.Kind)
	switch {
	case err != nil:
		return prepayRefusal(err).answer()
	case o.State == StateUserPaying:
		s.decideLater(o)
		return answer{status: http.StatusAccepted, kind: typeJSON, signed: true, body: encode(json.RawMessage(
			`{"code":"USERPAYING","message":"用户支付中，需要输入密码"}`))}
	}
	s.afterPayment(o, s.stand.Faults.TakeIf(PlacePayment, func(k FaultKind) bool { return k != FaultCoupon }), false)
	return signedOK(s.shapeOrder(o))
}

func codeRefusal(state sim.CodeState, known bool) *refusal {
	switch {
	case known:
		return prepayRefusal(errTermsDiffer)
	case state == sim.CodeExpired:
		return refuse(http.StatusBadRequest, numberParam, "AUTH_CODE_EXPIRED", "付款码已过期，请用户在微信上刷新后再试")
	}
	return refuse(http.StatusBadRequest, numberParam, "AUTH_CODE_INVALID", "付款码无效")
}

// payByCode makes an order and takes the money in one.
func (b *orders) payByCode(t terms, p payment, kind FaultKind) (order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, err := b.enter(t, p.at)
	switch {
	case err != nil:
		return order{}, err
	case kind == FaultUserPaying || kind == FaultUserCancels:
		o.State, o.DecidesAt, o.Cancels = StateUserPaying, p.at.Add(passwordTyping), kind == FaultUserCancels
		b.keep(o)
		return *o, nil
	}
	return b.take(o, p), nil
}

// decideLater lets the payer type the password, or give up.
func (s *Sim) decideLater(o order) {
	s.opts.Clock.At(o.DecidesAt, func() {
		end, open := s.host.Begin()
		if !open {
			return
		}
		defer end()
		p, paid := s.newPayment(), false
		o := s.orders.change(o.OutTradeNo, func(o *order) bool {
			switch {
			case o.State != StateUserPaying:
				return false
			case o.Cancels:
				o.State = StatePayError
				return true
			}
			o.State, o.PaidAt = StateSuccess, p.at.Truncate(time.Second)
			o.TransactionID, o.NoticeID, paid = p.transactionID, p.noticeID, true
			return true
		})
		if paid {
			s.afterPayment(o, Fault{}, false)
		}
	})
}
