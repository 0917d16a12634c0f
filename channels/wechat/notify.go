package wechat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"

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

	noticeAlgorithm = "AEAD_AES_256_GCM"
)

// envelope is a callback as it is signed; the transaction is inside, encrypted.
type envelope struct {
	EventType string `json:"event_type"`
	Resource  *struct {
		Algorithm      string `json:"algorithm"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData string `json:"associated_data"`
		Nonce          string `json:"nonce"`
	} `json:"resource"`
}

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
	plain, err := c.content(ctx, header, body, eventPaid)
	if err != nil {
		return channels.Payment{}, err
	}
	var transaction payments.Transaction
	err = json.Unmarshal(plain, &transaction)
	if err != nil {
		return channels.Payment{}, unreadable("the content is not the JSON of a transaction")
	}
	payment, err = c.payment(&transaction)
	if err != nil {
		return channels.Payment{}, unreadable(err.Error())
	}
	return payment, nil
}

// content verifies a callback and returns what is inside, if its event is one
// of those asked for.
// Errors: ErrTooLarge, ErrNotice, ErrNotOurs, ErrMalformed.
func (c *Channel) content(ctx context.Context, header http.Header, body []byte, events ...string) ([]byte, error) {
	if len(body) > NoticeBytes {
		return nil, fmt.Errorf("wechat notice: %w: %d bytes, want at most %d", channels.ErrTooLarge, len(body), NoticeBytes)
	}
	err := c.verifier.check(ctx, header, body)
	if err != nil {
		return nil, fmt.Errorf("wechat notice: %w: %w", channels.ErrNotice, err)
	}
	var notice envelope
	err = json.Unmarshal(body, &notice)
	if err != nil || notice.EventType == "" {
		return nil, unreadable("not the JSON of a notice")
	}
	if !slices.Contains(events, notice.EventType) {
		return nil, fmt.Errorf("wechat notice: %w: event type %q", channels.ErrNotOurs, clip(notice.EventType))
	}
	plain, err := c.open(notice)
	if err != nil {
		return nil, unreadable(err.Error())
	}
	return plain, nil
}

// open decrypts the resource (RFC 5116, AEAD_AES_256_GCM). The nonce's length
// is checked first because the cipher panics on any other.
func (c *Channel) open(notice envelope) ([]byte, error) {
	r := notice.Resource
	if r == nil {
		return nil, errors.New("resource is missing")
	}
	if r.Algorithm != noticeAlgorithm {
		return nil, fmt.Errorf("algorithm %q is not %s", clip(r.Algorithm), noticeAlgorithm)
	}
	if len(r.Nonce) != c.aead.NonceSize() {
		return nil, fmt.Errorf("nonce has %d bytes, want %d", len(r.Nonce), c.aead.NonceSize())
	}
	sealed, err := base64.StdEncoding.DecodeString(r.Ciphertext)
	if err != nil {
		return nil, errors.New("ciphertext is not base64")
	}
	plain, err := c.aead.Open(nil, []byte(r.Nonce), sealed, []byte(r.AssociatedData))
	if err != nil {
		return nil, errors.New("ciphertext does not open with our APIv3 key")
	}
	return plain, nil
}

// panicked says that reading a callback failed in a way that nobody foresaw.
func panicked(trouble any) error {
	return fmt.Errorf("%w (%w)", unreadable("reading it panicked: "+clip(fmt.Sprint(trouble))), channels.ErrUnproven)
}

func unreadable(why string) error {
	return fmt.Errorf("wechat notice: %w: %s", channels.ErrMalformed, why)
}
