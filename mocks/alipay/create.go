package alipay

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	productJSAPI = "JSAPI_PAY"

	expireByDefault = 15 * 24 * time.Hour
	expireSoonest   = time.Minute
	expireLatest    = 15 * 24 * time.Hour

	maxURLBytes = 256
)

var (
	outTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)
	timeoutForm    = regexp.MustCompile(`^([1-9][0-9]{0,4})([mhd])$`)
)

// create is alipay.trade.create for a page in the app (JSAPI_PAY): it makes a
// trade, or finds the one that the same request has made.
func (s *Sim) create(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	now := s.now()
	t, r := s.readTerms(c, in, productJSAPI, now)
	if r != nil {
		return s.fail(c, r)
	}
	t.buyer, r = s.readBuyer(in)
	if r != nil {
		return s.fail(c, r)
	}
	made, err := s.ledger.place(t, s.tradeNo(now), now)
	if err != nil {
		return s.fail(c, tradeRefusal(err))
	}
	return c.succeed(struct {
		result
		OutTradeNo string `json:"out_trade_no"`
		TradeNo    string `json:"trade_no"`
	}{ok(), made.outTradeNo, made.no})
}

// tradeNo has 28 digits: the day, 22001, a serial.
func (s *Sim) tradeNo(now time.Time) string {
	return now.Format("20060102") + "22001" + s.dice.draw(digits, 15)
}

// readTerms reads what create and wap.pay have in common.
func (s *Sim) readTerms(c *call, in *content, product string, now time.Time) (terms, *refusal) {
	t := terms{
		outTradeNo: in.text("out_trade_no", 64), subject: in.text("subject", 256), body: in.text("body", 128),
		passback: in.text("passback_params", 512), product: in.text("product_code", 64),
		notifyURL: c.params["notify_url"], charset: c.charset,
	}
	seller, amount := in.text("seller_id", 28), in.text("total_amount", 32)
	fen, isAmount := parseYuan(amount)
	in.need(outTradeNoForm.MatchString(t.outTradeNo), "out_trade_no")
	in.need(t.subject != "" && !strings.ContainsAny(t.subject, "/=&"), "subject")
	in.need(isAmount && fen > 0, "total_amount")
	in.need(t.product == product, "product_code")
	in.need(seller == "" || seller == s.opts.SellerID, "seller_id")
	t.totalFen, t.expire = fen, in.expiry(now)
	switch {
	case !s.mayNotify(t.notifyURL):
		return terms{}, refuse("40002", "isv.invalid-parameter", "参数无效：notify_url")
	case in.wrong != "":
		return terms{}, badParameter(in.wrong)
	case fen > maxTotalFen:
		return terms{}, business("TOTAL_FEE_EXCEED", "订单总金额超过限额")
	}
	return t, nil
}

// expiry reads time_expire, which wins, or timeout_express.
func (in *content) expiry(now time.Time) time.Time {
	if at := in.text("time_expire", 32); at != "" {
		moment, err := time.ParseInLocation(timeLayout, at, beijing)
		in.need(err == nil, "time_expire")
		return moment
	}
	span := in.text("timeout_express", 6)
	if span == "" {
		return now.Add(expireByDefault)
	}
	if span == "1c" { // the end of the day
		return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, beijing)
	}
	found := timeoutForm.FindStringSubmatch(span)
	if found == nil {
		in.complain("timeout_express")
		return now
	}
	count, _ := strconv.Atoi(found[1]) // the form keeps it small
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[found[2]]
	life := time.Duration(count) * unit
	in.need(life >= expireSoonest && life <= expireLatest, "timeout_express")
	return now.Add(life)
}

// readBuyer wants the one kind of id that the app knows, of somebody else than
// the seller, and the app itself as op_app_id.
func (s *Sim) readBuyer(in *content) (string, *refusal) {
	userID, openID := in.text("buyer_id", 28), in.text("buyer_open_id", 128)
	buyer, other, name := userID, openID, "buyer_id"
	if s.opts.UseOpenID {
		buyer, other, name = openID, userID, "buyer_open_id"
	}
	in.need(in.text("op_app_id", 32) == s.opts.AppID, "op_app_id")
	in.need(buyer != "" && other == "", name)
	in.need(s.opts.UseOpenID || accountForm.MatchString(buyer), name)
	switch {
	case in.wrong != "":
		return "", badParameter(in.wrong)
	case s.opts.UseOpenID && !madeFor(buyer, s.opts.AppID):
		return "", refuse("40002", "isv.invalid-openid", "无效的 open_id")
	case buyer == s.opts.SellerID:
		return "", business("BUYER_SELLER_EQUAL", "买卖家不能相同")
	}
	return buyer, nil
}

// mayNotify wants an address that a notify can reach, or none: then nothing is
// ever notified.
func (s *Sim) mayNotify(target string) bool {
	if target == "" {
		return true
	}
	u := webAddress(target)
	if u == nil || len(target) > maxURLBytes {
		return false
	}
	return publicHost(u.Hostname()) || s.opts.AllowLoopbackNotify && loopbackHost(u.Hostname())
}
