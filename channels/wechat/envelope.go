package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"guodu/channels"
	"guodu/internal/field"
)

// noticeAlgorithm is the one way in which content is sealed.
const noticeAlgorithm = "AEAD_AES_256_GCM"

// apiv3KeyBytes is the length of an AES-256 key. wechatpay-go would also take
// 16 and 24 bytes and quietly use a weaker cipher that no callback matches.
const apiv3KeyBytes = 32

// newAEAD prepares AEAD_AES_256_GCM once; its key schedule is most of the cost
// of opening a small callback.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != apiv3KeyBytes {
		return nil, fmt.Errorf("want exactly %d bytes, got %d", apiv3KeyBytes, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// open takes the content out of a verified callback (支付成功回调通知, 敏感信息加解密),
// if its event is one of those asked for; none asked for is any.
// Errors: ErrNotOurs, ErrMalformed.
func (s *keySet) open(body []byte, events ...string) (plain []byte, event string, err error) {
	notice, err := field.Parse(body, "event_type", "resource")
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", channels.ErrMalformed, err)
	}
	event, err = notice.Text("event_type")
	switch {
	case err != nil || event == "":
		return nil, "", fmt.Errorf("%w: event_type is missing or not a text", channels.ErrMalformed)
	case len(events) > 0 && !slices.Contains(events, event):
		return nil, "", fmt.Errorf("%w: event type %q", channels.ErrNotOurs, clip(event))
	}
	resource, err := notice.Object("resource", "algorithm", "ciphertext", "associated_data", "nonce")
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", channels.ErrMalformed, err)
	}
	plain, err = s.unseal(resource)
	if err != nil {
		return nil, "", fmt.Errorf("%w: resource: %w", channels.ErrMalformed, err)
	}
	return plain, event, nil
}

// unseal decrypts a resource (RFC 5116, AEAD_AES_256_GCM) with the first key that
// opens it: while an APIv3 key is replaced, callbacks come sealed with either.
func (s *keySet) unseal(resource field.Object) ([]byte, error) {
	algorithm, algorithmErr := resource.Text("algorithm")
	ciphertext, ciphertextErr := resource.Text("ciphertext")
	associated, associatedErr := resource.Text("associated_data")
	nonce, nonceErr := resource.Text("nonce")
	err := errors.Join(algorithmErr, ciphertextErr, associatedErr, nonceErr)
	if err != nil {
		return nil, err
	}
	if algorithm != noticeAlgorithm {
		return nil, fmt.Errorf("algorithm %q is not %s", clip(algorithm), noticeAlgorithm)
	}
	sealed, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return nil, errors.New("ciphertext is not base64")
	}
	for _, key := range s.apiv3 {
		if len(nonce) != key.NonceSize() { // the cipher panics on any other
			return nil, fmt.Errorf("nonce has %d bytes, want %d", len(nonce), key.NonceSize())
		}
		plain, err := key.Open(nil, []byte(nonce), sealed, []byte(associated))
		if err == nil {
			return plain, nil
		}
	}
	return nil, errSealed
}

// errSealed says that no APIv3 key of this merchant opens a callback.
var errSealed = errors.New("ciphertext does not open with our APIv3 key")
