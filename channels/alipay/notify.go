package alipay

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
)

// NoticeBytes is the largest callback body that ParseNotify looks at, and a
// good limit for whoever reads the request. Real ones have about 2 KiB.
const NoticeBytes = 64 << 10

const (
	contentType = "application/x-www-form-urlencoded"
	signType    = "RSA2"
	// signatureMax is above the 684 characters of a 4096-bit key.
	signatureMax = 1024
)

// ParseNotify verifies a trade's asynchronous notice over the fields of its body
// and translates it (异步通知说明). The query string of the request takes no part.
// An app or seller that is not ours is no error: it comes back as Misdirected
// ("appid", "mchid"), for a case. It calls nobody and keeps no state, so the
// same notice may come as often as Alipay likes, and nothing here depends on
// when: a notice has no proof of being fresh.
// Errors: ErrTooLarge, ErrNotice, ErrNotOurs, ErrMalformed.
func (c *Channel) ParseNotify(ctx context.Context, header http.Header, body []byte) (payment channels.Payment, err error) {
	// The last resort: hostile input must cost one callback, not the process.
	defer func() {
		trouble := recover()
		if trouble != nil {
			payment, err = channels.Payment{}, unproven("reading it panicked: "+clip(fmt.Sprint(trouble)))
		}
	}()
	if len(body) > NoticeBytes {
		return channels.Payment{}, fmt.Errorf("alipay notice: %w: %d bytes, want at most %d",
			channels.ErrTooLarge, len(body), NoticeBytes)
	}
	fields, err := readForm(header, body)
	if err != nil {
		return channels.Payment{}, err
	}
	err = c.verify(ctx, fields)
	if err != nil {
		return channels.Payment{}, err
	}
	return c.read(fields)
}

// readForm takes a form in which every field stands once and every field that is
// read is told apart from its neighbours. With two of a kind, what is verified and
// what is read could be different ones.
func readForm(header http.Header, body []byte) (url.Values, error) {
	if err := isForm(header); err != nil {
		return nil, unproven(err.Error())
	}
	fields, err := url.ParseQuery(strings.TrimRight(string(body), "\r\n"))
	if err != nil {
		return nil, unproven("the body is not a form")
	}
	for name, values := range fields {
		if why := ambiguous(name, values[0]); why != "" {
			return nil, unproven(why)
		}
		if len(values) != 1 {
			return nil, unproven(fmt.Sprintf("%s stands there %d times", said(name), len(values)))
		}
	}
	return fields, nil
}

// isForm looks at the media type alone. Its parameters decide nothing, and
// production has sent some that RFC 9110 does not know.
func isForm(header http.Header) error {
	kinds := header.Values("Content-Type")
	if len(kinds) != 1 {
		return fmt.Errorf("want one Content-Type, got %d", len(kinds))
	}
	kind := strings.TrimSpace(kinds[0])
	if end := strings.IndexAny(kind, ";, \t"); end >= 0 {
		kind = kind[:end]
	}
	if !strings.EqualFold(kind, contentType) {
		return fmt.Errorf("Content-Type is %q, a notice has %s", clip(kind), contentType)
	}
	return nil
}

// readNames are the fields that a notice is read for.
func readNames() []string {
	return []string{
		"notify_type", "app_id", "seller_id", "out_trade_no", "trade_no", "trade_status", "total_amount", "trans_currency",
		"refund_fee", "out_biz_no", "gmt_refund", "gmt_payment", "receipt_amount", "buyer_pay_amount",
		"buyer_id", "buyer_open_id", "passback_params",
	}
}

// ambiguous says why a field could be read as two. The text that Alipay signs is
// name=value joined by &, and nothing in it is escaped. So whoever holds a notice
// can hide a field in the value, or in the name, of the one before it, and the
// signature still holds.
func ambiguous(name, value string) string {
	if strings.ContainsAny(name, "&=") {
		return "the name of a field has & or = in it" // what follows may be a payer's id
	}
	if !strings.Contains(value, "&") {
		return ""
	}
	// No value of a field that decides has an &: it would have taken in its
	// neighbour. One that is for people is left out by whoever reads it.
	if slices.Contains(readNames(), name) && !slices.Contains(peopleNames(), name) {
		return "the field " + name + " has & in it"
	}
	for _, read := range readNames() {
		if strings.Contains(value, "&"+read+"=") {
			return said(name) + " hides the field " + read
		}
	}
	return ""
}

// peopleNames are those of them that decide nothing but by being there.
func peopleNames() []string { return []string{"gmt_payment", "buyer_id", "buyer_open_id", passedBack} }

// passedBack is the field that a shop chooses the text of.
const passedBack = "passback_params"

// said is a field's name for an error: a name that nobody reads may hold anything.
func said(name string) string {
	if slices.Contains(readNames(), name) || name == "sign" || name == "sign_type" {
		return "the field " + name
	}
	return "a field"
}

// verify goes from cheap to dear, so that junk costs no RSA.
func (c *Channel) verify(ctx context.Context, fields url.Values) error {
	why := ""
	switch signature := fields.Get("sign"); {
	case signature == "" || len(signature) > signatureMax:
		why = fmt.Sprintf("want a sign of 1 to %d characters", signatureMax)
	case fields.Get("sign_type") != signType:
		why = "want sign_type " + signType
	case fields.Has("alipay_cert_sn"):
		why = "it names a certificate, and there is none in key mode"
	case c.client.VerifySign(ctx, fields) != nil:
		why = "signature does not verify"
	}
	if why != "" {
		return fmt.Errorf("alipay notice: %w: %s", channels.ErrNotice, why)
	}
	return nil
}

// read takes the payment out of fields that are authentic. All that it reads is
// ASCII or escaped, so it reads the same whatever charset the notice names.
func (c *Channel) read(fields url.Values) (channels.Payment, error) {
	if fields.Get("notify_type") != alipay.NotifyTypeTradeStatusSync {
		return channels.Payment{}, fmt.Errorf("alipay notice: %w: notify_type %q",
			channels.ErrNotOurs, clip(fields.Get("notify_type")))
	}
	trade, err := noticed(fields)
	if err != nil {
		return channels.Payment{}, unreadable(err.Error())
	}
	payment, err := c.payment(trade)
	if err != nil {
		return channels.Payment{}, unreadable(err.Error())
	}
	payment.Misdirected = c.misdirected(fields)
	return payment, nil
}

// attached is what was passed back, unless it may have taken in its neighbour.
func attached(passback string) string {
	if strings.Contains(passback, "&") {
		return ""
	}
	return passback
}

// noticed reads a notice as a trade.
func noticed(fields url.Values) (trade, error) {
	t := trade{
		status: alipay.TradeStatus(fields.Get("trade_status")), orderNo: fields.Get("out_trade_no"), number: fields.Get("trade_no"),
		total: fields.Get("total_amount"), currency: fields.Get("trans_currency"), paidAt: fields.Get("gmt_payment"),
		userID: fields.Get("buyer_id"), openID: fields.Get("buyer_open_id"), passback: attached(fields.Get(passedBack)),
		ending: endsRefunded, refundNo: fields.Get("out_biz_no"), refundFee: fields.Get("refund_fee"),
	}
	// A trade that ran out of time has been seen with a refund_fee of 0.00.
	back, _, err := above(fields.Get("refund_fee"))
	if err != nil {
		return trade{}, err
	}
	t.refunded = back || fields.Get("gmt_refund") != "" || fields.Get("out_biz_no") != ""
	if t.status != alipay.TradeStatusClosed || t.refunded || t.paidAt != "" {
		return t, nil
	}
	took, _, err := above(fields.Get("receipt_amount"), fields.Get("buyer_pay_amount"))
	if err != nil {
		return trade{}, err
	}
	if !took {
		// Closed, and no payment to be seen. That is no proof, and nobody can be
		// asked here: as a trade that waits it moves nothing, and the query that
		// follows at the order's expiry gives the date of a payment.
		t.status = alipay.TradeStatusWaitBuyerPay
	}
	return t, nil
}

func (c *Channel) misdirected(fields url.Values) string {
	var wrong []string
	if fields.Get("app_id") != c.appID {
		wrong = append(wrong, "appid")
	}
	if fields.Get("seller_id") != c.sellerID {
		wrong = append(wrong, "mchid")
	}
	return strings.Join(wrong, ",")
}

// unproven is unreadable of what nobody has verified.
func unproven(why string) error { return fmt.Errorf("%w (%w)", unreadable(why), channels.ErrUnproven) }

func unreadable(why string) error {
	return fmt.Errorf("alipay notice: %w: %s", channels.ErrMalformed, why)
}
