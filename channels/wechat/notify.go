package wechat

import (
	"context"
	"fmt"
	"net/http"

	"guodu/channels"
)

// NoticeBytes is the largest callback body that ParseNotify looks at, and a
// good limit for whoever reads the request. Real ones have about 1 KiB.
const NoticeBytes = 64 << 10

const (
	eventPaid           = "TRANSACTION.SUCCESS"
	eventRefunded       = "REFUND.SUCCESS"
	eventRefundAbnormal = "REFUND.ABNORMAL"
	eventRefundClosed   = "REFUND.CLOSED"
)

// ParseNotify verifies a payment callback over its raw body and translates it
// (WeChat Pay APIv3: 支付成功回调通知). An app or merchant that is not ours is no
// error: it comes back as Misdirected, for a case. It calls nobody and keeps no
// state, so the same callback may come as often as WeChat likes.
// Errors: ErrTooLarge, ErrNotice, ErrNotOurs, ErrMalformed.
func (c *Channel) ParseNotify(ctx context.Context, header http.Header, body []byte) (payment channels.Payment, err error) {
	// The last resort: hostile input must cost one callback, not the process.
	defer func() {
		trouble := recover()
		if trouble != nil {
			payment, err = channels.Payment{}, panicked(trouble)
		}
	}()
	plain, _, err := c.content(ctx, header, body, eventPaid)
	if err != nil {
		return channels.Payment{}, err
	}
	payment, err = c.payment(plain)
	if err != nil {
		return channels.Payment{}, unreadable(err.Error())
	}
	return payment, nil
}

// content verifies a callback and returns what is inside, if its event is one
// of those asked for.
// Errors: ErrTooLarge, ErrNotice, ErrNotOurs, ErrMalformed.
func (c *Channel) content(ctx context.Context, header http.Header, body []byte, events ...string) (plain []byte, event string, err error) {
	if len(body) > NoticeBytes {
		return nil, "", fmt.Errorf("wechat notice: %w: %d bytes, want at most %d", channels.ErrTooLarge, len(body), NoticeBytes)
	}
	err = c.verifier.check(ctx, header, body)
	if err != nil {
		return nil, "", fmt.Errorf("wechat notice: %w: %w", channels.ErrNotice, err)
	}
	plain, event, err = c.verifier.keys.Load().open(body, events...)
	if err != nil {
		return nil, "", fmt.Errorf("wechat notice: %w", err)
	}
	return plain, event, nil
}

// panicked says that reading a callback failed in a way that nobody foresaw.
func panicked(trouble any) error {
	return fmt.Errorf("%w (%w)", unreadable("reading it panicked: "+clip(fmt.Sprint(trouble))), channels.ErrUnproven)
}

func unreadable(why string) error {
	return fmt.Errorf("wechat notice: %w: %s", channels.ErrMalformed, why)
}
