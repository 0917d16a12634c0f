package alipay

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
	"guodu/internal/fen"
)

// The limits of the document alipay.trade.create, in characters. Checked here so
// that an order which cannot be prepaid says which field is wrong.
const (
	textMax     = 256 // subject, refund_reason, return_url, notify_url
	passbackMax = 512
)

// amountMax is 100 million yuan.
const amountMax fen.Fen = 100_000_000 * 100

var (
	orderNoForm = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)
	// foreignNoForm is what other shops of the merchant have named orders by.
	// Production takes more than the document allows, - above all.
	foreignNoForm = regexp.MustCompile(`^[0-9A-Za-z!#$()*+,.:;=@_|~-]{1,64}$`)
)

// Prepay makes the order payable inside the app (alipay.trade.create, JSAPI_PAY).
// Params hold the tradeNO for tradePay, which is the Handle as well. What that
// sheet tells the page is no proof of anything: 6001 and 8000 have been paid.
// An identical repeat gives the same tradeNO; a repeat that differs is refused.
// Errors: ErrRefused, ErrAlreadyPaid, ErrOrderClosed, ErrUnknownOutcome.
func (c *Channel) Prepay(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
	why := unfit(req)
	if why == "" {
		why = unfitPayer(req)
	}
	if why != "" {
		return channels.Prepay{}, refused("prepay", req.OrderNo, why)
	}
	order := c.order("alipay.trade.create", "JSAPI_PAY", req).AddBizField("op_app_id", c.appID)
	if req.PayerKind == kindOpenID {
		order.AddBizField("buyer_open_id", req.PayerID)
	} else {
		order.AddBizField("buyer_id", req.PayerID)
	}
	made := reads("out_trade_no", "trade_no")
	err := c.ask(ctx, "prepay", req.OrderNo, order, made, prepayCode)
	if err != nil {
		return channels.Prepay{}, err
	}
	// A signature covers the answer and not the question.
	tradeNo := made.Hint("trade_no")
	if made.Hint("out_trade_no") != req.OrderNo || !tradeNoForm.MatchString(tradeNo) {
		return channels.Prepay{}, unknown("prepay", req.OrderNo, "the answer is about another order or has no trade_no")
	}
	return channels.Prepay{Handle: tradeNo, Params: map[string]string{"tradeNO": tradeNo}}, nil
}

// PrepayPage signs the address of the cashier for a browser outside the app
// (alipay.trade.wap.pay). Alipay makes the trade when somebody logs in there.
// The address says when the order expires, and is refused from then on.
// Errors: ErrRefused.
func (c *Channel) PrepayPage(_ context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
	why := unfit(req)
	if why == "" && !c.clock().Before(req.Expires) {
		why = "expires: is over"
	}
	if why == "" && !fitsReturnURL(req.ReturnURL) {
		why = fmt.Sprintf("return URL: want https, host, no fragment, at most %d characters", textMax)
	}
	if why != "" {
		return channels.Prepay{}, refused("prepay page", req.OrderNo, why)
	}
	order := c.order("alipay.trade.wap.pay", "QUICK_WAP_WAY", req).AddParam("return_url", req.ReturnURL)
	address, err := c.client.BuildURL(order)
	if err != nil {
		return channels.Prepay{}, refused("prepay page", req.OrderNo, cause(err))
	}
	return channels.Prepay{Params: map[string]string{"url": address.String()}}, nil
}

// order puts an order into Alipay's words. Fields without a value are left out.
// The payee is named so that a wrong SellerID shows before money moves.
func (c *Channel) order(method, product string, req channels.PrepayRequest) *alipay.Payload {
	order := alipay.NewPayload(method).
		AddParam("notify_url", req.NotifyURL).
		AddBizField("product_code", product).
		AddBizField("out_trade_no", req.OrderNo).
		AddBizField("total_amount", req.Amount.Yuan()).
		AddBizField("subject", req.Description).
		AddBizField("seller_id", c.sellerID).
		AddBizField("time_expire", req.Expires.In(beijing()).Format(timeForm))
	if req.Attach != "" {
		order.AddBizField("passback_params", escape(req.Attach))
	}
	return order
}

// unfit says in words what of a request Alipay would refuse, or nothing.
func unfit(req channels.PrepayRequest) string {
	switch {
	case !orderNoForm.MatchString(req.OrderNo):
		return "order number: want 1 to 64 of 0-9 A-Z a-z _"
	case req.Amount <= 0 || req.Amount > amountMax:
		return fmt.Sprintf("amount: want 1 to %d fen, got %d", amountMax, req.Amount)
	case !fits(req.Description, 1) || strings.ContainsAny(req.Description, "/=&"):
		return fmt.Sprintf("description: want 1 to %d characters of UTF-8 without / = &", textMax)
	case !utf8.ValidString(req.Attach) || len(escape(req.Attach)) > passbackMax:
		return fmt.Sprintf("attach: want UTF-8 that has at most %d bytes once it is escaped", passbackMax)
	case !fitsNotifyURL(req.NotifyURL):
		return fmt.Sprintf("notify URL: want http or https, host and path, no query, at most %d characters", textMax)
	case req.Expires.IsZero():
		return "expires: want a time"
	}
	return ""
}

func unfitPayer(req channels.PrepayRequest) string {
	switch {
	case req.PayerKind == kindUserID && userIDForm.MatchString(req.PayerID):
	case req.PayerKind == kindOpenID && openIDForm.MatchString(req.PayerID):
	case req.PayerKind == kindUserID || req.PayerKind == kindOpenID:
		return "payer: want an id of the form that its kind has"
	default:
		return fmt.Sprintf("payer: want an id of kind %s or %s, got kind %q", kindUserID, kindOpenID, clip(req.PayerKind))
	}
	return ""
}

// fits says whether a text has as many characters as Alipay's fields take.
func fits(text string, shortest int) bool {
	n := utf8.RuneCountInString(text)
	return utf8.ValidString(text) && n >= shortest && n <= textMax
}

// fitsReturnURL takes none as well.
func fitsReturnURL(text string) bool {
	_, err := parseURL(text, "")
	return text == "" || err == nil && fits(text, 1)
}

// fitsNotifyURL refuses a query: Alipay would send it along with the notice.
func fitsNotifyURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && fits(text, 1) && (u.Scheme == "https" || u.Scheme == "http") &&
		u.Host != "" && u.Path != "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}
