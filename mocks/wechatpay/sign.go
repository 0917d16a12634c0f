package wechatpay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
)

// SimulatorKeyIDPrefix starts the public key id of every simulator and of no
// key that WeChat Pay has given out: eight nines stand where real ids have the
// merchant and a date. A production start-up can refuse such an id.
const SimulatorKeyIDPrefix = "PUB_KEY_ID_099999999"

const (
	keyBits         = 2048
	keyIDDigits     = 34
	signatureScheme = "WECHATPAY2-SHA256-RSA2048"
)

// MerchantKey is a merchant's API key pair, for demos and tests.
type MerchantKey struct {
	// PrivateKeyPEM is PKCS#8 in a PRIVATE KEY block, as the merchant platform
	// delivers apiclient_key.pem.
	PrivateKeyPEM []byte
	// PublicKey goes to [Options.MerchantPublicKey].
	PublicKey *rsa.PublicKey
	// Serial is 40 upper-case hex digits, derived from the key.
	Serial string
}

// GenerateMerchantKey makes a fresh RSA-2048 pair. It takes a noticeable part
// of a second: tests should share one.
func GenerateMerchantKey() (MerchantKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return MerchantKey{}, fmt.Errorf("generate merchant key: %w", err)
	}
	private, err := encodePrivateKey(key)
	if err != nil {
		return MerchantKey{}, err
	}
	sum := sha256.Sum256(private)
	return MerchantKey{
		PrivateKeyPEM: private, PublicKey: &key.PublicKey, Serial: strings.ToUpper(hex.EncodeToString(sum[:serialBytes])),
	}, nil
}

func encodePrivateKey(key *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func encodePublicKey(key *rsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode platform key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// keyID derives the id from the key, so that two simulators never share one.
func keyID(publicPEM []byte) string {
	sum := sha256.Sum256(publicPEM)
	digits := new(big.Int).SetBytes(sum[:]).String()
	missing := len("PUB_KEY_ID_") + keyIDDigits - len(SimulatorKeyIDPrefix)
	return SimulatorKeyIDPrefix + digits[:missing]
}

// verify says whether signature (base64) is the key's over message.
func verify(key *rsa.PublicKey, message, signature string) bool {
	sig, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(message))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
}

// verifyMerchant says whether signature (base64) is the merchant's over message.
func (s *Sim) verifyMerchant(message, signature string) bool {
	return verify(s.opts.MerchantPublicKey, message, signature)
}

// lines joins the parts of a string to sign: each one ends with a newline.
func lines(parts ...string) string {
	return strings.Join(parts, "\n") + "\n"
}
