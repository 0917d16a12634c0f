package alipay

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guodu/mocks/sim"
)

const (
	methodCreate = "alipay.trade.create"
	productJSAPI = "JSAPI_PAY"

	expireByDefault = 15 * 24 * time.Hour
	expireSoonest   = time.Minute
	expireLatest    = 15 * 24 * time.Hour

	maxURLBytes = 256
)

var (
	outTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)
	// liveOutTradeNoForm is what production takes, and documents do not.
	liveOutTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	timeoutForm        = regexp.MustCompile(`^([1-9][0-9]{0,4})([mhd])$`)
)

// create is alipay.trade.create for a page in the app (JSAPI_PAY): it makes a
// trade, or finds the one that the same request has made.
func (s *Sim) create(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	now := s.now()
	t, r := s.readTerms(c, in, []string{productJSAPI}, expireByDefault, now)
	if r != nil {
		return s.fail(c, r)
	}
	t.Buyer, r = s.readBuyer(in)
	if r != nil {
		return s.fail(c, r)
	}
	made, fresh, err := s.ledger.place(t, s.tradeNo(now), now)
	if err != nil {
		return s.fail(c, tradeRefusal(err))
	}
	if fresh {
		s.begun(made)
	}
	if c.Fault.Kind == FaultNoticeFirst {
		_, err = s.take(c, made.No, made.Buyer)
		if err != nil {
			return s.fail(c, tradeRefusal(err))
		}
	}
	return c.succeed(struct {
		result
		OutTradeNo string `json:"out_trade_no"`
		TradeNo    string `json:"trade_no"`
	}{ok(), made.OutTradeNo, made.No})
}

// tradeNo has 28 digits: the day, 22001, a serial.
func (s *Sim) tradeNo(now time.Time) string {
	return now.Format("20060102") + "22001" + s.dice.Draw(digits, 15)
}

// readTerms reads what the calls that begin a trade have in common.
func (s *Sim) readTerms(c *call, in *content, products []string, life time.Duration, now time.Time) (terms, *refusal) {
	t := terms{
		OutTradeNo: in.text("out_trade_no", 64), Subject: in.text("subject", 256), Body: in.text("body", 128),
		Passback: in.text("passback_params", 512), Product: in.text("product_code", 64),
		Store: in.text("store_id", 32), Operator: in.text("operator_id", 28), Terminal: in.text("terminal_id", 32),
		NotifyURL: c.params["notify_url"], Charset: c.charset,
	}
	seller, amount := in.text("seller_id", 28), in.text("total_amount", 32)
	fen, isAmount := parseYuan(amount)
	in.need(s.orderForm().MatchString(t.OutTradeNo) || !s.does(behaviourAmounts), "out_trade_no")
	in.need(t.Subject != "" && !strings.ContainsAny(t.Subject, "/=&"), "subject")
	in.need(isAmount && fen > 0 || !s.does(behaviourAmounts), "total_amount")
	in.need(slices.Contains(products, t.Product), "product_code")
	in.need(seller == "" || seller == s.opts.SellerID, "seller_id")
	t.TotalFen, t.Expire = fen, in.expiry(now, life)
	switch {
	case !s.mayNotify(t.NotifyURL):
		return terms{}, refuse("40002", "isv.invalid-parameter", "参数无效：notify_url")
	case in.wrong != "":
		return terms{}, badParameter(in.wrong)
	case fen > maxTotalFen && s.does(behaviourAmounts):
		return terms{}, business("TOTAL_FEE_EXCEED", "订单总金额超过限额")
	}
	return t, nil
}

// orderForm is what an out_trade_no may look like.
func (s *Sim) orderForm() *regexp.Regexp {
	if s.opts.Profile.NoDashes || !s.does(behaviourSpelling) {
		return outTradeNoForm
	}
	return liveOutTradeNoForm
}

// expiry reads time_expire, which wins, or timeout_express.
func (in *content) expiry(now time.Time, life time.Duration) time.Time {
	if at := in.text("time_expire", 32); at != "" {
		moment, err := time.ParseInLocation(timeLayout, at, beijing)
		in.need(err == nil, "time_expire")
		return moment
	}
	span := in.text("timeout_express", 6)
	if span == "" {
		return now.Add(life)
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
	life = time.Duration(count) * unit
	in.need(life >= expireSoonest && life <= expireLatest, "timeout_express")
	return now.Add(life)
}

// readBuyer wants an id of the kind that the app knows, of somebody else than
// the seller, and the app itself as op_app_id.
func (s *Sim) readBuyer(in *content) (string, *refusal) {
	userID, openID := in.text("buyer_id", 28), in.text("buyer_open_id", 128)
	in.need(in.text("op_app_id", 32) == s.opts.AppID, "op_app_id")
	users, opens := !s.opts.UseOpenID || s.opts.BothIDs, s.opts.UseOpenID || s.opts.BothIDs
	in.need(userID == "" || users && openID == "" && accountForm.MatchString(userID), "buyer_id")
	in.need(openID == "" || opens, "buyer_open_id")
	switch {
	case in.wrong != "":
		return "", badParameter(in.wrong)
	case userID == "" && openID == "":
		return "", refuse("40004", s.opts.Profile.NoBuyerCode, "参数无效：buyer_id")
	case openID != "" && !madeFor(openID, s.opts.AppID):
		return "", refuse("40002", "isv.invalid-openid", "无效的 open_id")
	case userID == s.opts.SellerID:
		return "", business("BUYER_SELLER_EQUAL", "买卖家不能相同")
	}
	return s.canonical(userID + openID), nil
}

// mayNotify wants an address that a notify can reach, or none: then nothing is
// ever notified.
func (s *Sim) mayNotify(target string) bool {
	if target == "" {
		return true
	}
	u := sim.WebAddress(target)
	if u == nil || len(target) > maxURLBytes {
		return false
	}
	return sim.PublicHost(u.Hostname()) || s.opts.AllowLoopbackNotify && sim.LoopbackHost(u.Hostname())
}
