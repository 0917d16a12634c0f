package wechat

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// Keys are all keys whose signatures of WeChat Pay are believed. While a
// merchant moves from platform certificates to the public key, or from one
// certificate to the next, messages come signed with either
// (微信支付公钥: 平台证书切换成微信支付公钥).
type Keys struct {
	// Public are WeChat Pay's public keys. The first is the one that WeChat is
	// asked to answer with.
	Public []PublicKey
	// Certificates are platform certificates. Without a public key WeChat is
	// asked to answer with the one that is valid for longest.
	Certificates []Certificate
	// APIv3 are the keys that open callbacks. There is more than one while the
	// merchant replaces it: what is repeated stays sealed with the old one.
	APIv3 []APIv3Key
}

// APIv3Key is a key that the merchant chose on the merchant platform.
type APIv3Key struct {
	Key    []byte // exactly 32 bytes
	Source string // as in PublicKey
}

// PublicKey is a public key of WeChat Pay and its name.
type PublicKey struct {
	ID  string // PUB_KEY_ID_ and digits
	PEM []byte // "PUBLIC KEY"
	// Source is what errors call the key, such as its file's name; empty for
	// one that needs no name.
	Source string
}

// Certificate is a platform certificate. Its serial and the time for which it
// is valid are its own.
type Certificate struct {
	PEM    []byte // "CERTIFICATE"
	Source string // as in PublicKey
}

const (
	// keysMax bounds how many keys are believed at once.
	keysMax = 16
	// apiv3KeysMax bounds how many keys are tried to open a callback.
	apiv3KeysMax = 4
)

// keySet finds a key by its serial. It never changes.
type keySet struct {
	bySerial map[string]*platformKey
	apiv3    []cipher.AEAD
	asked    []*platformKey // whom WeChat is asked to answer with: the first that is valid
}

// platformKey is one key that WeChat Pay signs with.
type platformKey struct {
	serial      string
	rsa         *verifiers.SHA256WithRSAPubkeyVerifier
	from, until time.Time // zero for a public key: it has no expiry
}

func (k *platformKey) validAt(now time.Time) bool {
	return k.until.IsZero() || !now.Before(k.from) && !now.After(k.until)
}

// keyRules are what every key is held against.
type keyRules struct {
	production bool           // refuses simulators' keys
	own        *rsa.PublicKey // the merchant's, which is easily taken for WeChat's; nil if it is not known
}

func (r keyRules) isOwn(public *rsa.PublicKey) bool { return r.own != nil && public.Equal(r.own) }

// keySet checks all keys and names all that are wrong at once. One that has
// expired may stay in the list, as long as another is valid now.
func (k Keys) keySet(rules keyRules, now time.Time) (*keySet, error) {
	if n := len(k.Public) + len(k.Certificates); n > keysMax {
		return nil, fmt.Errorf("want at most %d keys of WeChat Pay, got %d", keysMax, n)
	}
	set := &keySet{bySerial: map[string]*platformKey{}}
	var wrong []error
	for _, each := range k.Public {
		wrong = append(wrong, sourced(each.Source, set.add(each.key(rules))))
	}
	for _, each := range k.Certificates {
		wrong = append(wrong, sourced(each.Source, set.add(each.key(rules))))
	}
	if n := len(k.APIv3); n > apiv3KeysMax {
		wrong = append(wrong, fmt.Errorf("want at most %d APIv3 keys, got %d", apiv3KeysMax, n))
	}
	for _, each := range k.APIv3 {
		key, err := newAEAD(each.Key)
		wrong = append(wrong, sourced(each.Source, named("APIv3Key", err)))
		set.apiv3 = append(set.apiv3, key)
	}
	err := errors.Join(wrong...)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(set.asked[len(k.Public):], func(a, b *platformKey) int { return b.until.Compare(a.until) })
	if set.accepted(now) == nil {
		return nil, errors.New("want a key of WeChat Pay that is valid now")
	}
	return set, nil
}

func (s *keySet) add(key *platformKey, err error) error {
	if err != nil {
		return err
	}
	if s.bySerial[key.serial] != nil {
		return fmt.Errorf("%q is there twice", key.serial)
	}
	s.bySerial[key.serial] = key
	s.asked = append(s.asked, key)
	return nil
}

// accepted is the key that WeChat is asked to answer with; nil if all have
// expired.
func (s *keySet) accepted(now time.Time) *platformKey {
	for _, key := range s.asked {
		if key.validAt(now) {
			return key
		}
	}
	return nil
}

// verify checks a signature of the key that it names (签名验证). An unknown
// serial costs a look into a map, and never a call.
func (s *keySet) verify(ctx context.Context, now time.Time, serial, message, signature string) error {
	key := s.bySerial[serial]
	switch {
	case key == nil:
		return fmt.Errorf("serial %q is of no key that we know", clip(serial))
	case !key.validAt(now):
		return fmt.Errorf("certificate %q is valid from %s to %s", key.serial, key.from.Format(time.DateTime), key.until.Format(time.DateTime))
	case key.rsa.Verify(ctx, serial, message, signature) != nil:
		return errors.New("signature does not verify")
	}
	return nil
}

func (p PublicKey) key(rules keyRules) (*platformKey, error) {
	idErr := form("PublicKeyID", p.ID, publicKeyForm, "PUB_KEY_ID_ and digits")
	public, err := parsePublicKey(p.PEM)
	switch {
	case idErr != nil || err != nil:
		return nil, errors.Join(idErr, named("PublicKeyPEM", err))
	case rules.production && strings.HasPrefix(p.ID, simulatorKeyID):
		return nil, named("PublicKeyID", errSimulator)
	case rules.isOwn(public):
		return nil, named("PublicKeyPEM", errOwnKey)
	}
	return newPlatformKey(p.ID, public), nil
}

func (c Certificate) key(rules keyRules) (*platformKey, error) {
	certificate, public, err := parseCertificate(c.PEM)
	switch {
	case err != nil:
		return nil, err
	case rules.production && simulated(certificate):
		return nil, errSimulator
	case rules.isOwn(public):
		return nil, errOwnKey
	}
	key := newPlatformKey(utils.GetCertificateSerialNumber(*certificate), public)
	key.from, key.until = certificate.NotBefore, certificate.NotAfter
	return key, nil
}

var (
	errSimulator = errors.New("is a simulator's; production takes WeChat Pay's own")
	errOwnKey    = errors.New("is the merchant's own key; want WeChat Pay's, from the merchant platform")
)

func newPlatformKey(serial string, public *rsa.PublicKey) *platformKey {
	return &platformKey{serial: serial, rsa: verifiers.NewSHA256WithRSAPubkeyVerifier(serial, *public)}
}

// simulated says whether a certificate is that of a simulator, which says so.
func simulated(c *x509.Certificate) bool {
	return slices.Contains(c.Subject.Organization, simulatorOrganization)
}

// sourced names the key that an error is about.
func sourced(source string, err error) error {
	if source == "" {
		return err
	}
	return named(source, err)
}

// empty says whether nothing at all was given as a key.
func (p PublicKey) empty() bool { return p.ID == "" && len(bytes.TrimSpace(p.PEM)) == 0 }
