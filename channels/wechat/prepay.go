package wechat

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"

	"guodu/channels"
	"guodu/internal/fen"
)

// The limits of the document JSAPI下单, in characters. Checked here so that an
// order which cannot be prepaid says which field is wrong.
const (
	descriptionMax = 127
	attachMax      = 128
	payerMax       = 128
	notifyURLMax   = 255
	prepayIDMax    = 64
)

const currencyCNY = "CNY"

var (
	orderNoForm = regexp.MustCompile(`^[0-9A-Za-z_|*-]{6,32}$`)
	// foreignNoForm is what other shops of the merchant have named orders by.
	// It is part of a path, so it neither begins with a dot nor has a slash.
	foreignNoForm = regexp.MustCompile(`^[0-9A-Za-z_|*@-][0-9A-Za-z_|*@.-]{0,63}$`)
)

// Prepay makes the order payable (JSAPI下单) and signs the six fields of
// getBrandWCPayRequest (JSAPI调起支付). Handle is the prepay_id, good for two
// hours. An identical repeat gives a new prepay_id; a repeat that differs is
// refused. WeChat silently raises an expiry less than a minute ahead, so an
// order that is about to expire is better not prepaid.
// Errors: ErrRefused, ErrAlreadyPaid, ErrOrderClosed, ErrUnknownOutcome.
func (c *Channel) Prepay(ctx context.Context, req channels.PrepayRequest) (channels.Prepay, error) {
	why := unfit(req)
	if why != "" {
		return channels.Prepay{}, refused("prepay", req.OrderNo, why)
	}
	var answer *jsapi.PrepayResponse
	_, err := c.asked(func() (_ *core.APIResult, err error) {
		answer, _, err = c.orders.Prepay(ctx, c.prepayRequest(req))
		return nil, err
	})
	if err != nil {
		return channels.Prepay{}, failed("prepay", req.OrderNo, prepayCode, err)
	}
	// wechatpay-go's own PrepayWithRequestPayment dereferences a missing
	// prepay_id.
	if answer.PrepayId == nil || *answer.PrepayId == "" || len(*answer.PrepayId) > prepayIDMax {
		return channels.Prepay{}, unknown("prepay", req.OrderNo, "answer has no usable prepay_id")
	}
	params, err := c.sheet(ctx, *answer.PrepayId)
	if err != nil {
		return channels.Prepay{}, unknown("prepay", req.OrderNo, cause(err))
	}
	return channels.Prepay{Handle: *answer.PrepayId, Params: params}, nil
}

// prepayRequest puts an order into WeChat's words. Fields without a value are
// left out, since the API refuses null.
func (c *Channel) prepayRequest(req channels.PrepayRequest) jsapi.PrepayRequest {
	// wechatpay-go writes the zone it is given; the documents show offsets
	// only, never Z.
	expires := req.Expires.In(beijing())
	order := jsapi.PrepayRequest{
		Appid:       core.String(c.appID),
		Mchid:       core.String(c.mchID),
		Description: core.String(req.Description),
		OutTradeNo:  core.String(req.OrderNo),
		TimeExpire:  &expires,
		NotifyUrl:   core.String(req.NotifyURL),
		Amount:      &jsapi.Amount{Total: core.Int64(int64(req.Amount)), Currency: core.String(currencyCNY)},
		Payer:       &jsapi.Payer{Openid: core.String(req.PayerID)},
	}
	if req.Attach != "" {
		order.Attach = core.String(req.Attach)
	}
	return order
}

// beijing is the zone of every time that WeChat Pay writes, and the one its
// documents show for what it reads.
func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// sheet is what the page hands to WeixinJSBridge. timeStamp is seconds, as a
// string.
func (c *Channel) sheet(ctx context.Context, prepayID string) (map[string]string, error) {
	params := map[string]string{
		"appId":     c.appID,
		"timeStamp": strconv.FormatInt(c.clock().Unix(), 10),
		"nonceStr":  rand.Text(),
		"package":   "prepay_id=" + prepayID,
		"signType":  "RSA",
	}
	signed := fmt.Sprintf("%s\n%s\n%s\n%s\n",
		params["appId"], params["timeStamp"], params["nonceStr"], params["package"])
	signature, err := c.client.Sign(ctx, signed)
	if err != nil {
		return nil, fmt.Errorf("sign payment sheet: %w", err)
	}
	params["paySign"] = signature.Signature
	return params, nil
}

// unfit says in words what of a request WeChat would refuse, or nothing.
func unfit(req channels.PrepayRequest) string {
	switch {
	case !orderNoForm.MatchString(req.OrderNo):
		return "order number: want 6 to 32 of 0-9 A-Z a-z _ - | *"
	case req.Amount <= 0 || req.Amount > fen.Max:
		return fmt.Sprintf("amount: want 1 to %d fen, got %d", fen.Max, req.Amount)
	case !fits(req.Description, 1, descriptionMax):
		return fmt.Sprintf("description: want 1 to %d characters of UTF-8", descriptionMax)
	case !fits(req.Attach, 0, attachMax):
		return fmt.Sprintf("attach: want at most %d characters of UTF-8", attachMax)
	case !fits(req.PayerID, 1, payerMax):
		return fmt.Sprintf("payer: want an openid of 1 to %d characters", payerMax)
	case !fitsNotifyURL(req.NotifyURL):
		return fmt.Sprintf("notify URL: want http or https, host and path, no query, at most %d characters", notifyURLMax)
	case req.Expires.IsZero():
		return "expires: want a time"
	}
	return ""
}

func fits(text string, shortest, longest int) bool {
	n := utf8.RuneCountInString(text)
	return utf8.ValidString(text) && n >= shortest && n <= longest
}

func fitsNotifyURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && fits(text, 1, notifyURLMax) && (u.Scheme == "https" || u.Scheme == "http") &&
		u.Host != "" && u.Path != "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}
