package alipay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"guodu/mocks/sim"
)

const keyBits = 2048

// MerchantKey is an app's key pair, for demos and tests.
type MerchantKey struct {
	// PrivateKeyPEM is PKCS#8 in a PRIVATE KEY block.
	PrivateKeyPEM []byte
	// PrivateKeyBase64 is the same key as Alipay's key tool writes it: base64
	// of the PKCS#8 bytes, on one line.
	PrivateKeyBase64 string
	// PublicKey goes to [Options.MerchantPublicKey].
	PublicKey *rsa.PublicKey
}

// GenerateMerchantKey makes a fresh RSA-2048 pair. That takes a noticeable part
// of a second: tests should share one.
func GenerateMerchantKey() (MerchantKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return MerchantKey{}, fmt.Errorf("generate merchant key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return MerchantKey{}, fmt.Errorf("encode merchant key: %w", err)
	}
	return MerchantKey{
		PrivateKeyPEM:    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		PrivateKeyBase64: base64.StdEncoding.EncodeToString(der),
		PublicKey:        &key.PublicKey,
	}, nil
}

// SimulatorExponent is the public exponent of every simulated Alipay's key. Real
// ones have 65537; so a key can be told from a real one in whatever form it has
// been copied, and a production system can refuse it.
const SimulatorExponent = 65539

// IsSimulatorKey says whether a public key is a simulated Alipay's.
func IsSimulatorKey(key *rsa.PublicKey) bool { return key.E == SimulatorExponent }

// platform is Alipay's own key pair; der is the public half as SPKI.
type platform struct {
	key *rsa.PrivateKey
	der []byte
}

const keyKind = "key"

// openPlatform takes the given key, or that of the state file, or makes one.
func openPlatform(store *sim.Store, given *rsa.PrivateKey) (platform, error) {
	var kept []byte
	err := sim.Each(store, keyKind, func(_ string, der []byte) error {
		kept = der
		return nil
	})
	if err != nil {
		return platform{}, err
	}
	if kept != nil && given == nil {
		key, err := x509.ParsePKCS8PrivateKey(kept)
		private, isRSA := key.(*rsa.PrivateKey)
		if err != nil || !isRSA {
			return platform{}, fmt.Errorf("%w: platform key", sim.ErrStore)
		}
		return newPlatform(private)
	}
	key := given
	if key == nil {
		key, err = GeneratePlatformKey()
		if err != nil {
			return platform{}, err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return platform{}, fmt.Errorf("encode platform key: %w", err)
	}
	store.Put(keyKind, "platform", der)
	return newPlatform(key)
}

func newPlatform(key *rsa.PrivateKey) (platform, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return platform{}, fmt.Errorf("encode platform key: %w", err)
	}
	return platform{key, der}, nil
}

// GeneratePlatformKey makes a key pair for a simulated Alipay, with the mark. That
// takes a noticeable part of a second.
func GeneratePlatformKey() (*rsa.PrivateKey, error) {
	for {
		plain, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, fmt.Errorf("generate platform key: %w", err)
		}
		one := big.NewInt(1)
		phi := big.NewInt(1)
		for _, p := range plain.Primes {
			phi.Mul(phi, new(big.Int).Sub(p, one))
		}
		d := new(big.Int).ModInverse(big.NewInt(SimulatorExponent), phi)
		if d == nil {
			continue // as good as never
		}
		marked := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: plain.N, E: SimulatorExponent}, D: d, Primes: plain.Primes,
		}
		marked.Precompute()
		err = marked.Validate()
		if err != nil {
			return nil, fmt.Errorf("generate platform key: %w", err)
		}
		return marked, nil
	}
}

// stranger is a key that is nobody's: of the sandbox, of a forger.
var stranger = sync.OnceValues(func() (platform, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return platform{}, fmt.Errorf("generate a stranger's key: %w", err)
	}
	return newPlatform(key)
})

// PublicKeyPEM is Alipay's public key in a PUBLIC KEY block.
func (s *Sim) PublicKeyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.platform.der})
}

// PublicKeyBase64 is Alipay's public key as the merchant platform shows it for
// copying: the base64 of the SPKI bytes, on one line.
func (s *Sim) PublicKeyBase64() string { return base64.StdEncoding.EncodeToString(s.platform.der) }

// sign is RSA2: SHA256withRSA, base64.
func (p platform) sign(message string) (string, error) {
	sum := sha256.Sum256([]byte(message))
	return p.seal(crypto.SHA256, sum[:])
}

// signRSA is the old sign_type RSA: SHA1withRSA.
func (p platform) signRSA(message string) (string, error) {
	sum := sha1.Sum([]byte(message))
	return p.seal(crypto.SHA1, sum[:])
}

func (p platform) seal(hash crypto.Hash, sum []byte) (string, error) {
	sig, err := rsa.SignPKCS1v15(nil, p.key, hash, sum)
	if err != nil {
		return "", fmt.Errorf("sign with platform key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// verifies says whether signature (base64) is the key's RSA2 over message.
func verifies(key *rsa.PublicKey, message, signature string) bool {
	sum := sha256.Sum256([]byte(message))
	return fits(key, crypto.SHA256, sum[:], signature)
}

// verifiesOld is verifies for SHA1withRSA.
func verifiesOld(key *rsa.PublicKey, message, signature string) bool {
	sum := sha1.Sum([]byte(message))
	return fits(key, crypto.SHA1, sum[:], signature)
}

func fits(key *rsa.PublicKey, hash crypto.Hash, sum []byte, signature string) bool {
	sig, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && rsa.VerifyPKCS1v15(key, hash, sum, sig) == nil
}

// field is one parameter of a form.
type field struct{ name, value string }

// canonical is what gets signed, on both sides: "name=value" of every field but
// the named ones and the empty ones, in ASCII order, joined with "&". Values
// are as they were before percent-encoding.
// (Source: 自行实现签名; 自行实现验签.)
func canonical(fields []field, without ...string) string {
	var pairs []string
	for _, f := range fields {
		if f.value != "" && !slices.Contains(without, f.name) {
			pairs = append(pairs, f.name+"="+f.value)
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
