package alipay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

const (
	methodWapPay   = "alipay.trade.wap.pay"
	productWap     = "QUICK_WAP_WAY"
	wapCashierPath = "/_sim/wap"

	actionLogin = "login"
	actionPay   = "pay"
)

// wapPay is alipay.trade.wap.pay: the cashier's page, before anybody has logged
// in. It makes no trade yet: until then a query and a close answer that there
// is none, and the page can be paid all the same.
func (s *Sim) wapPay(c *call) answer {
	t, r := s.wapTerms(c)
	if r != nil {
		return errorPage(r)
	}
	old, found := s.ledger.find("", t.outTradeNo, s.now())
	if found {
		err := old.repeated(t)
		if err != nil {
			return errorPage(tradeRefusal(err))
		}
	}
	return c.cashierPage(t, "")
}

func (s *Sim) wapTerms(c *call) (terms, *refusal) {
	in, r := c.content()
	if r != nil {
		return terms{}, r
	}
	return s.readTerms(c, in, productWap, s.now())
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
	_, no, r := s.openWap(&call{params: parameters(u.RawQuery)}, buyerID)
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
	t.buyer = buyer
	now := s.now()
	made, err := s.ledger.place(t, s.tradeNo(now), now)
	if err != nil {
		return terms{}, "", tradeRefusal(err)
	}
	return t, made.no, nil
}

// wapCashier is the page's form: the merchant's request once more, what the
// person does, and who it is ("person", else the cookie's).
func (s *Sim) wapCashier(c *call) answer {
	form, _ := url.ParseQuery(c.body)
	person := form.Get("person")
	if person == "" {
		person = s.personOf(c.request)
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
	case form.Get("action") != actionPay:
		return textPage(http.StatusOK, "simulator: action is login or pay")
	}
	receipt, err := s.Pay(c.request.Context(), PayRequest{TradeNO: no, BuyerID: s.Buyer(person)})
	if err != nil {
		return textPage(http.StatusOK, errors.Unwrap(err).Error())
	}
	return s.wapReturn(c, receipt)
}

// wapReturn sends the browser to return_url, with a signature like a notify's.
// (Source: 手机网站支付, 前台回跳参数.)
func (s *Sim) wapReturn(c *call, receipt Receipt) answer {
	target := c.params["return_url"]
	if webAddress(target) == nil {
		return textPage(http.StatusOK, "支付成功")
	}
	fields := []field{
		{"charset", c.charset}, {"out_trade_no", receipt.OutTradeNo}, {"method", methodWapPay + ".return"},
		{"total_amount", yuan(receipt.TotalFen)}, {"trade_no", receipt.TradeNO}, {"auth_app_id", s.opts.AppID},
		{"version", "1.0"}, {"app_id", s.opts.AppID}, {"sign_type", "RSA2"}, {"seller_id", s.opts.SellerID},
		{"timestamp", s.now().Format(timeLayout)},
	}
	sig, err := s.platform.sign(canonical(fields, "sign", "sign_type"))
	if err != nil {
		return textPage(http.StatusInternalServerError, err.Error())
	}
	return redirect(withQuery(target, append(fields, field{"sign", sig})))
}
