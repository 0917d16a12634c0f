package wechatpay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"guodu/mocks/sim"
)

const (
	eventPaid      = "TRANSACTION.SUCCESS"
	kindOfContent  = "transaction"
	kindOfRefund   = "refund"
	sealAlgorithm  = "AEAD_AES_256_GCM"
	sealNonceBytes = 12
)

// envelope is the body of a callback. (Source: 支付成功回调通知.)
type envelope struct {
	ID           string    `json:"id"`
	CreateTime   string    `json:"create_time"`
	ResourceType string    `json:"resource_type"`
	EventType    string    `json:"event_type"`
	Summary      string    `json:"summary"`
	Resource     *resource `json:"resource,omitempty"`
}

type resource struct {
	OriginalType   string `json:"original_type"`
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// sealing is how the content gets encrypted.
type sealing struct {
	key        string
	plaintext  []byte
	kind       string
	aad        string
	nonceBytes int
}

// notice is a callback before it is sealed.
type notice struct {
	id, event, summary, kind, url string
	created                       time.Time
	content                       any
	key                           platformKey
}

// paymentNotice is 支付成功回调通知.
func (s *Sim) paymentNotice(o order, bend *trick) notice {
	// It is of the payment, whatever happened since.
	o.Refunds = nil
	content := s.show(o)
	bend.atContent(&content)
	return notice{
		id: o.NoticeID, event: eventPaid, summary: "支付成功", kind: kindOfContent, url: o.NotifyURL, created: o.PaidAt,
		content: content, key: s.keys.usual(s.opts.Profile.Keys),
	}
}

// refundContent is what a refund's notice says. It has no appid, and its
// refund_status is called status elsewhere.
type refundContent struct {
	MchID               string       `json:"mchid"`
	TransactionID       string       `json:"transaction_id"`
	OutTradeNo          string       `json:"out_trade_no"`
	RefundID            string       `json:"refund_id"`
	OutRefundNo         string       `json:"out_refund_no"`
	RefundStatus        RefundStatus `json:"refund_status"`
	SuccessTime         string       `json:"success_time,omitempty"`
	UserReceivedAccount string       `json:"user_received_account"`
	Amount              struct {
		Total       int64 `json:"total"`
		Refund      int64 `json:"refund"`
		PayerTotal  int64 `json:"payer_total"`
		PayerRefund int64 `json:"payer_refund"`
	} `json:"amount"`
}

var refundSummaries = map[RefundStatus]string{
	RefundSuccess: "退款成功", RefundAbnormal: "退款异常", RefundClosed: "退款关闭",
}

// refundNotice is 退款结果通知.
func (s *Sim) refundNotice(o order, r refund) notice {
	content := refundContent{
		MchID: s.opts.MchID, TransactionID: o.TransactionID, OutTradeNo: o.OutTradeNo, RefundID: r.RefundID,
		OutRefundNo: r.OutRefundNo, RefundStatus: r.Status, UserReceivedAccount: receivedAccount,
	}
	if r.Status == RefundSuccess {
		content.SuccessTime = stamped(r.DoneAt)
	}
	content.Amount.Total, content.Amount.Refund = o.TotalFen, r.Fen
	content.Amount.PayerTotal, content.Amount.PayerRefund = o.TotalFen-o.CouponFen, r.Fen-r.CouponFen
	return notice{
		id: r.NoticeID, event: "REFUND." + string(r.Status), summary: refundSummaries[r.Status], kind: kindOfRefund,
		url: r.NotifyURL, created: r.DoneAt, content: content, key: s.keys.usual(s.opts.Profile.Keys),
	}
}

// pack seals a notice, with a fresh stamp and fresh encryption each time but
// always the same id. bend, if not nil, gets its hands on each stage.
func (s *Sim) pack(n notice, bend *trick) (sim.Parcel, error) {
	how := sealing{key: s.APIv3Key(), plaintext: s.shapeContent(n), kind: n.kind, aad: n.kind, nonceBytes: sealNonceBytes}
	if s.opts.Profile.EmptyAssociatedData {
		how.aad = ""
	}
	bend.atSealing(s, &how)
	sealed, err := s.encrypt(how)
	if err != nil {
		return sim.Parcel{}, err
	}
	e := envelope{
		ID: n.id, CreateTime: stamped(n.created), ResourceType: "encrypt-resource",
		EventType: n.event, Summary: n.summary, Resource: &sealed,
	}
	bend.atEnvelope(&e)
	p := sim.Parcel{URL: n.url, Header: http.Header{}, Body: s.shape(e, oddEnvelope, "envelope "+n.id)}
	bend.atBody(&p)
	st := s.freshStamp(n.key)
	if !s.does(BCallbackCrypto) {
		st.nonce = strings.Repeat("0", nonceChars)
	}
	bend.atStamp(&st)
	err = st.seal(p.Header, p.Body)
	if err != nil {
		return sim.Parcel{}, err
	}
	p.Header.Set("Content-Type", "application/json")
	p.Header.Set("Accept", "*/*")
	p.Header.Set("User-Agent", "Mozilla/4.0")
	p.Header.Set(headerRequestID, s.requestID(0))
	return p, bend.atParcel(s, st.key, &p)
}

// uuid has the form of the ids that notifications carry.
func (s *Sim) uuid() string {
	h := s.dice.Draw(sim.HexDigits, 30)
	return fmt.Sprintf("%s-%s-5%s-9%s-%s", h[:8], h[8:12], h[12:15], h[15:18], h[18:30])
}

// encrypt seals with AES-256-GCM, the tag behind the ciphertext.
// (Source: 如何解密回调报文.)
func (s *Sim) encrypt(how sealing) (resource, error) {
	nonce := s.dice.Draw(sim.Alphabet62, how.nonceBytes)
	if !s.does(BCallbackCrypto) {
		nonce = strings.Repeat("0", how.nonceBytes)
	}
	text, err := gcmSeal(how.key, nonce, how.aad, how.plaintext)
	if err != nil {
		return resource{}, err
	}
	return resource{OriginalType: how.kind, Algorithm: sealAlgorithm, AssociatedData: how.aad, Nonce: nonce, Ciphertext: text}, nil
}

func gcmSeal(key, nonce, aad string, plaintext []byte) (string, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	return base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte(nonce), plaintext, []byte(aad))), nil
}
