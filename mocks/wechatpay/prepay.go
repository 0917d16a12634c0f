package wechatpay

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"guodu/mocks/sim"
)

const (
	maxDetailBytes = 6144
	currencyCNY    = "CNY"
	// timeLayout has a numeric offset only: the documents show no Z.
	timeLayout = "2006-01-02T15:04:05-07:00"
	// liveLayout is what production takes.
	liveLayout = time.RFC3339
)

var outTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_\-|*]{6,32}$`)

// prepayFields is the parameter table of JSAPI下单 (POST
// /v3/pay/transactions/jsapi), with what production takes besides.
func (s *Sim) prepayFields() []field {
	table := s.documentedFields()
	if s.does(BLiveRequests) {
		table = append(table, field{name: "limit_pay", shape: texts})
	}
	return table
}

func (s *Sim) documentedFields() []field {
	return []field{
		{name: "appid", required: true, min: 1, max: 32},
		{name: "mchid", required: true, min: 1, max: 32},
		{name: "description", required: true, min: 1, max: 127},
		{name: "out_trade_no", required: true, min: 6, max: 32, check: checkOutTradeNo},
		{name: "time_expire", max: 64, check: s.checkTime},
		{name: "attach", max: 128},
		{name: "notify_url", required: true, min: 1, max: 255, check: s.checkNotifyURL, always: true},
		{name: "goods_tag", max: 32},
		{name: "support_fapiao", shape: flag},
		{name: "amount", shape: object, required: true, fields: []field{
			{name: "total", shape: whole, required: true, check: checkPositive},
			{name: "currency", max: 16, check: checkCurrency},
		}},
		{name: "payer", shape: object, required: true, fields: []field{
			{name: "openid", required: true, min: 1, max: 128},
		}},
		{name: "detail", shape: object, check: checkDetailSize, fields: detailFields},
		{name: "scene_info", shape: object, fields: sceneFields},
		{name: "settle_info", shape: object, fields: []field{{name: "profit_sharing", shape: flag}}},
	}
}

var detailFields = []field{
	{name: "cost_price", shape: whole},
	{name: "invoice_id", max: 32},
	{name: "goods_detail", shape: list, fields: []field{
		{name: "merchant_goods_id", required: true, min: 1, max: 32},
		{name: "wechatpay_goods_id", max: 32},
		{name: "goods_name", max: 256},
		{name: "quantity", shape: whole, required: true, check: checkPositive},
		{name: "unit_price", shape: whole, required: true},
	}},
}

var sceneFields = []field{
	{name: "payer_client_ip", required: true, min: 1, max: 45},
	{name: "device_id", max: 32},
	{name: "store_info", shape: object, fields: []field{
		{name: "id", required: true, min: 1, max: 32},
		{name: "name", max: 256},
		{name: "area_code", max: 32},
		{name: "address", max: 512},
	}},
}

func checkOutTradeNo(v any) string {
	if !outTradeNoForm.MatchString(v.(string)) {
		return "只能是 6 至 32 个数字、字母或 _-|*"
	}
	return ""
}

func checkPositive(v any) string {
	n, _ := v.(json.Number).Int64()
	if n <= 0 {
		return "须大于 0"
	}
	return ""
}

func checkCurrency(v any) string {
	if v != currencyCNY {
		return "只支持 CNY"
	}
	return ""
}

// timeForm is what a time_expire may look like.
func (s *Sim) timeForm() string {
	if s.opts.Profile.OffsetsOnly || !s.does(BLiveRequests) {
		return timeLayout
	}
	return liveLayout
}

func (s *Sim) checkTime(v any) string {
	_, err := time.Parse(s.timeForm(), v.(string))
	if err != nil {
		return "须为 yyyy-MM-DDTHH:mm:ss+TIMEZONE"
	}
	return ""
}

func checkDetailSize(v any) string {
	if len(encode(v)) > maxDetailBytes {
		return "不得超过 6144 字节"
	}
	return ""
}

// checkNotifyURL wants a complete public address without a query string.
func (s *Sim) checkNotifyURL(v any) string {
	if !s.does(BNotifyURL) {
		return ""
	}
	u, err := url.Parse(v.(string))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Path == "":
		return "须为完整的 http(s) 地址"
	case strings.ContainsAny(v.(string), "?#"), u.User != nil:
		return "不得携带参数"
	case !sim.PublicHost(u.Hostname()) && (!s.opts.AllowLoopbackNotify || !sim.LoopbackHost(u.Hostname())):
		return "须为外网可访问的地址"
	}
	return ""
}

// prepayBody is the request after the table has passed it.
type prepayBody struct {
	AppID       string `json:"appid"`
	MchID       string `json:"mchid"`
	Description string `json:"description"`
	OutTradeNo  string `json:"out_trade_no"`
	TimeExpire  string `json:"time_expire"`
	Attach      string `json:"attach"`
	NotifyURL   string `json:"notify_url"`
	Amount      struct {
		Total int64 `json:"total"`
	} `json:"amount"`
	Payer struct {
		Openid string `json:"openid"`
	} `json:"payer"`
}

// prepay is JSAPI下单: it makes an order, or repeats one whose parameters are
// all the same, and answers with a new prepay_id each time.
func (s *Sim) prepay(c *sim.Call) answer {
	var body prepayBody
	canonical, wrong := s.read(c.Body, s.prepayFields(), &body)
	c.Order = body.OutTradeNo
	if wrong == nil {
		wrong = s.checkParties(body.AppID, body.MchID, body.Payer.Openid)
	}
	if wrong != nil {
		return wrong.answer()
	}
	now := s.now()
	id := "wx" + now.Format("20060102150405") + s.dice.Draw(sim.HexDigits, 20)
	err := s.orders.place(terms{
		OutTradeNo: body.OutTradeNo, TradeType: tradeTypeJSAPI, Description: body.Description, Attach: body.Attach,
		NotifyURL: body.NotifyURL, Openid: body.Payer.Openid, TotalFen: body.Amount.Total,
		Expire: s.expiry(body.TimeExpire, now), Canonical: canonical,
	}, id, now)
	if err != nil {
		return prepayRefusal(err).answer()
	}
	if c.Fault.Kind == FaultCallbackFirst {
		s.payAhead(id, body.Payer.Openid)
	}
	return signedOK(struct {
		PrepayID string `json:"prepay_id"`
	}{id})
}

func (s *Sim) checkParties(app, mch, openid string) *refusal {
	switch {
	case mch != s.opts.MchID && s.does(BMerchantMatch):
		return refuse(http.StatusBadRequest, numberMchMismatch, "PARAM_ERROR", "商户号与签名的商户号不一致")
	case app != s.opts.AppID:
		return refuse(http.StatusBadRequest, numberAppMch, "APPID_MCHID_NOT_MATCH", "appid 与 mchid 不匹配")
	}
	if !s.does(BPayer) {
		return nil
	}
	switch ownerOf(openid, s.opts.AppID) {
	case openidForeign:
		// The documents list this one under 500, odd as it is.
		return refuse(http.StatusInternalServerError, numberOpenid, "OPENID_MISMATCH", "openid 与 appid 不匹配")
	case openidInvalid:
		return refuse(http.StatusBadRequest, numberOpenid, "PARAM_ERROR", "无效的 openid")
	}
	return nil
}

func prepayRefusal(err error) *refusal {
	switch {
	case errors.Is(err, ErrOrderPaid):
		return refuse(http.StatusBadRequest, numberPaid, "ORDER_PAID", "订单已支付")
	case errors.Is(err, ErrOrderClosed):
		return refuse(http.StatusBadRequest, numberOther, "ORDER_CLOSED", "订单已关闭")
	case errors.Is(err, ErrOrderExpired):
		return refuse(http.StatusBadRequest, numberExpired, "INVALID_REQUEST", "订单已过期")
	case errors.Is(err, errTermsDiffer):
		return refuse(http.StatusBadRequest, numberReentry, "INVALID_REQUEST", "订单重入时参数与首次不一致")
	default: // errFull
		return refuse(http.StatusTooManyRequests, numberRate, "FREQUENCY_LIMITED", "模拟器的订单数已达上限")
	}
}
