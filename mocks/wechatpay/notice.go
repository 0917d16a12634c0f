package wechatpay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"
)

const (
	eventPaid      = "TRANSACTION.SUCCESS"
	kindOfContent  = "transaction"
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
	aad        string
	nonceBytes int
}

// parcel is a callback ready to be sent.
type parcel struct {
	url    string
	header http.Header
	body   []byte
}

// pack makes a callback about the order, with a fresh stamp and fresh
// encryption each time but always the same id. bend, if not nil, gets its hands
// on each stage.
func (s *Sim) pack(o order, bend *trick) (parcel, error) {
	content := s.show(o)
	bend.atContent(&content)
	how := sealing{key: s.opts.APIv3Key, plaintext: encode(content), aad: kindOfContent, nonceBytes: sealNonceBytes}
	bend.atSealing(s, &how)
	sealed, err := s.encrypt(how)
	if err != nil {
		return parcel{}, err
	}
	e := envelope{
		ID: o.noticeID, CreateTime: o.paidAt.In(beijing).Format(time.RFC3339), ResourceType: "encrypt-resource",
		EventType: eventPaid, Summary: "支付成功", Resource: &sealed,
	}
	bend.atEnvelope(&e)
	p := parcel{url: o.notifyURL, header: http.Header{}, body: encode(e)}
	bend.atBody(&p)
	st := s.freshStamp()
	bend.atStamp(&st)
	err = s.seal(p.header, st, p.body)
	if err != nil {
		return parcel{}, err
	}
	p.header.Set("Content-Type", "application/json")
	p.header.Set("Accept", "*/*")
	p.header.Set("User-Agent", "Mozilla/4.0")
	p.header.Set(headerRequestID, s.requestID(0))
	return p, bend.atParcel(s, &p)
}

// encrypt seals with AES-256-GCM, the tag behind the ciphertext.
// (Source: 如何解密回调报文.)
func (s *Sim) encrypt(how sealing) (resource, error) {
	block, err := aes.NewCipher([]byte(how.key))
	if err != nil {
		return resource{}, fmt.Errorf("encrypt callback: %w", err)
	}
	aead, err := cipher.NewGCMWithNonceSize(block, how.nonceBytes)
	if err != nil {
		return resource{}, fmt.Errorf("encrypt callback: %w", err)
	}
	nonce := s.dice.draw(alphabet62, how.nonceBytes)
	out := aead.Seal(nil, []byte(nonce), how.plaintext, []byte(how.aad))
	return resource{
		OriginalType: kindOfContent, Algorithm: sealAlgorithm, AssociatedData: how.aad,
		Nonce: nonce, Ciphertext: base64.StdEncoding.EncodeToString(out),
	}, nil
}
