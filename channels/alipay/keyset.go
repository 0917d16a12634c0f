package alipay

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/smartwalle/alipay/v3"
	"github.com/smartwalle/nsign"
)

// PublicKey is a public key of Alipay's for this app ("PUBLIC KEY"), or its bare
// base64 as the platform shows it.
type PublicKey struct {
	PEM []byte
	// Source is what errors call the key, such as its file's name; empty for
	// one that needs no name.
	Source string
}

// keysMax bounds how many keys are believed at once. In key mode a message does
// not say which key signed it (签名: 公钥模式), so junk costs that many checks.
const keysMax = 4

// keyRules are what every key is held against.
type keyRules struct {
	production bool   // refuses simulators' keys
	own        []byte // the app's public key (SPKI), which is easily taken for Alipay's; nil if it is not known
}

// parseKeys checks all keys and names all that are wrong at once.
func parseKeys(keys []PublicKey, rules keyRules) ([]alipay.Verifier, error) {
	if len(keys) == 0 || len(keys) > keysMax {
		return nil, fmt.Errorf("want 1 to %d public keys of Alipay, got %d", keysMax, len(keys))
	}
	var wrong []error
	verifiers := make([]alipay.Verifier, 0, len(keys))
	for _, each := range keys {
		public, err := each.parse(rules)
		if err != nil && each.Source != "" {
			err = named(each.Source, err)
		}
		wrong = append(wrong, named("AlipayPublicKeyPEM", err))
		verifiers = append(verifiers, nsign.New(nsign.WithMethod(nsign.NewRSAMethod(crypto.SHA256, nil, public)), nsign.WithEncoder(alipay.Encoder{})))
	}
	err := errors.Join(wrong...)
	if err != nil {
		return nil, err
	}
	return verifiers, nil
}

func (p PublicKey) parse(rules keyRules) (*rsa.PublicKey, error) {
	parsed, err := parsePublicKey(p.PEM)
	switch {
	case err != nil:
		return nil, err
	case rules.production && simulated(parsed.der):
		return nil, errors.New("is a simulator's; production takes Alipay's own")
	case bytes.Equal(parsed.public, rules.own):
		return nil, errors.New("is the app's own key; want Alipay's, which the platform shows once the app's is uploaded")
	}
	public, err := x509.ParsePKIXPublicKey(parsed.der)
	if err != nil {
		return nil, errors.New("not a usable RSA key")
	}
	return public.(*rsa.PublicKey), nil // parsePublicKey takes no other kind
}

// keyRing believes what any of its keys signed. Its keys are replaced as a whole,
// while it is in use.
type keyRing struct {
	keys atomic.Pointer[[]alipay.Verifier]
}

var _ alipay.Verifier = (*keyRing)(nil)

// VerifyValues implements the verifier that smartwalle/alipay checks notices with.
func (k *keyRing) VerifyValues(values url.Values, signature []byte, opts ...nsign.SignOption) error {
	return k.any(func(v alipay.Verifier) error { return v.VerifyValues(values, signature, opts...) })
}

// VerifyBytes is VerifyValues for answers.
func (k *keyRing) VerifyBytes(data []byte, signature []byte, opts ...nsign.SignOption) error {
	return k.any(func(v alipay.Verifier) error { return v.VerifyBytes(data, signature, opts...) })
}

func (k *keyRing) any(verify func(alipay.Verifier) error) error {
	err := errors.New("no key")
	for _, key := range *k.keys.Load() {
		err = verify(key)
		if err == nil {
			return nil
		}
	}
	return err
}
