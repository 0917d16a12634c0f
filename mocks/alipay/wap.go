package alipay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"guodu/mocks/sim"
)

const (
	methodWapPay   = "alipay.trade.wap.pay"
	productWap     = "QUICK_WAP_WAY"
	wapCashierPath = "/_sim/wap"

	actionLogin = "login"
	actionPay   = "pay"
	actionLeave = "leave"
)

// wapPay is alipay.trade.wap.pay: the cashier's page, before anybody has logged
// in. It makes no trade yet: until then a query and a close answer that there
// is none, and the page can be paid all the same.
func (s *Sim) wapPay(c *call) answer {
	t, r := s.wapTerms(c)
	if r != nil {
		return s.fail(c, r)
	}
	old, found := s.ledger.find("", t.OutTradeNo, s.now())
	if found {
		err := old.repeated(t)
		if err != nil {
			return s.fail(c, tradeRefusal(err))
		}
	}
	if !s.does(behaviourWapBegins) {
		t.Buyer = s.Buyer(s.opts.DefaultPerson)
		_, _, _ = s.ledger.place(t, s.tradeNo(s.now()), s.now())
	}
	return c.cashierPage(t, "")
}

func (s *Sim) wapTerms(c *call) (terms, *refusal) {
	in, r := c.content()
	if r != nil {
		return terms{}, r
	}
	return s.readTerms(c, in, []string{productWap}, expireByDefault, s.now())
}

// OpenWap is a person logging in at the cashier: the trade begins. pageURL is
// what the merchant sends the browser to (alipay.trade.wap.pay over GET), and
// buyerID an id of the app's kind; see [Sim.Buyer]. It returns the trade_no to
// [Sim.Pay] with; to open it again returns the same.
// Errors: ErrRefused, ErrOrderPaid, ErrOrderClosed, ErrBuyer, that of ctx, and
// others wherever the page shows an error.
func (s *Sim) OpenWap(ctx context.Context, pageURL, buyerID string) (string, error) {
	err := ctx.Err()
	if err != nil {
		return "", fmt.Errorf("open wap cashier: %w", err)
	}
	u, err := url.Parse(pageURL)
	if err != nil {
		return "", fmt.Errorf("open wap cashier: %w", err)
	}
	_, no, r := s.openWap(&call{Call: &sim.Call{}, sim: s, params: parameters(u.RawQuery)}, buyerID)
	if r != nil {
		return "", fmt.Errorf("open wap cashier: %w", r)
	}
	return no, nil
}

// openWap checks the merchant's request from the start, as if nobody had seen
// it before: it comes from a browser.
func (s *Sim) openWap(c *call, buyer string) (terms, string, *refusal) {
	if c.params["method"] != methodWapPay {
		return terms{}, "", invalid("method")
	}
	r := s.admit(c)
	if r != nil {
		return terms{}, "", r
	}
	t, r := s.wapTerms(c)
	if r != nil {
		return terms{}, "", r
	}
	t.Buyer = s.canonical(buyer)
	c.Order = t.OutTradeNo
	now := s.now()
	made, fresh, err := s.ledger.place(t, s.tradeNo(now), now)
	if err != nil {
		return terms{}, "", tradeRefusal(err)
	}
	if fresh {
		s.begun(made)
	}
	return t, made.No, nil
}

// wapCashier is the page's form: the merchant's request once more, what the
// person does, and who it is ("person", else the cookie's).
func (s *Sim) wapCashier(c *call) answer {
	form, _ := url.ParseQuery(string(c.Body))
	person := form.Get("person")
	if person == "" {
		person = s.personOf(c.Request)
	}
	if person == "" {
		return textPage(http.StatusOK, "simulator: no person, no sim_person cookie and no default person")
	}
	c.params, c.browser = parameters(form.Get("request")), true
	t, no, r := s.openWap(c, s.Buyer(person))
	switch {
	case r != nil:
		return errorPage(r)
	case form.Get("action") == actionLogin:
		return c.cashierPage(t, no)
	case form.Get("action") == actionLeave:
		return textPage(http.StatusOK, "已取消")
	case form.Get("action") != actionPay:
		return textPage(http.StatusOK, "simulator: action is login, pay or leave")
	}
	receipt, err := s.payAt(c, no, person)
	if err != nil {
		return textPage(http.StatusOK, cause(err))
	}
	return s.wapReturn(c, receipt)
}

// wapReturn sends the browser to return_url, with a signature like a notify's.
// (Source: 手机网站支付, 前台回跳参数.)
func (s *Sim) wapReturn(c *call, receipt Receipt) answer {
	target := c.params["return_url"]
	if sim.WebAddress(target) == nil {
		return textPage(http.StatusOK, "支付成功")
	}
	fields := []field{
		{"charset", c.charset}, {"out_trade_no", receipt.OutTradeNo}, {"method", methodWapPay + ".return"},
		{"total_amount", yuan(receipt.TotalFen)}, {"trade_no", receipt.TradeNO}, {"auth_app_id", s.opts.AppID},
		{"version", "1.0"}, {"app_id", s.opts.AppID}, {"sign_type", "RSA2"}, {"seller_id", s.opts.SellerID},
		{"timestamp", s.stamp(s.now())},
	}
	if s.cert != nil {
		fields = append(fields, field{"alipay_cert_sn", s.cert.serial()})
	}
	sig, err := s.platform.sign(canonical(fields, "sign", "sign_type", "alipay_cert_sn"))
	if err != nil {
		return textPage(http.StatusInternalServerError, err.Error())
	}
	return redirect(withQuery(target, append(fields, field{"sign", sig})))
}

// cause is the last of an error's reasons, for a person.
func cause(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
