package wechatpay

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	kindOfKey       = "platform-key"
	kindOfKeyInUse  = "platform-key-in-use"
	certificateLife = 5 * 365 * 24 * time.Hour
	serialBytes     = 20
)

// platformKey is one key that the platform signs with, and its name.
type platformKey struct {
	ID          string    `json:"id"`
	PrivatePEM  []byte    `json:"private"`
	Certificate []byte    `json:"certificate,omitempty"` // PEM; none for the public key
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`

	private *rsa.PrivateKey
}

// keyring is every key of the platform: the public key, and certificates from
// old to new, of which inUse signs.
type keyring struct {
	mu           sync.Mutex
	public       platformKey
	publicPEM    []byte
	certificates []platformKey
	inUse        int
	turn         int
	// apiV3 is what notices are encrypted with.
	apiV3 string
}

// loadKeys takes the keys of the state file, or makes what the profile needs.
func (s *Sim) loadKeys() error {
	s.keys = &keyring{}
	err := s.loadAPIv3Key()
	if err == nil {
		err = sim.Each(s.store, kindOfKey, s.keys.take)
	}
	if err == nil && s.keys.public.private == nil {
		err = s.makePublicKey()
	}
	if err == nil && s.opts.Profile.Keys != KeysPublic && len(s.keys.certificates) == 0 {
		err = s.addCertificate()
	}
	if err != nil {
		return err
	}
	err = sim.Each(s.store, kindOfKeyInUse, func(_, id string) error {
		for i, each := range s.keys.certificates {
			if each.ID == id {
				s.keys.inUse = i
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.keys.publicPEM, err = encodePublicKey(&s.keys.public.private.PublicKey)
	return err
}

func (k *keyring) take(_ string, key platformKey) error {
	block, _ := pem.Decode(key.PrivatePEM)
	if block == nil {
		return fmt.Errorf("platform key %s: no PEM block", key.ID)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("platform key %s: %w", key.ID, err)
	}
	key.private = private.(*rsa.PrivateKey)
	if key.Certificate == nil {
		k.public = key
		return nil
	}
	k.certificates = append(k.certificates, key)
	return nil
}

func newPlatformKey() (platformKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return platformKey{}, fmt.Errorf("generate platform key: %w", err)
	}
	private, err := encodePrivateKey(key)
	return platformKey{PrivatePEM: private, private: key}, err
}

func (s *Sim) makePublicKey() error {
	key, err := newPlatformKey()
	if err != nil {
		return err
	}
	public, err := encodePublicKey(&key.private.PublicKey)
	if err != nil {
		return err
	}
	key.ID = keyID(public)
	s.keys.public = key
	s.store.Put(kindOfKey, "public", key)
	return nil
}

// addCertificate makes one certificate more. It signs nothing yet.
func (s *Sim) addCertificate() error {
	key, err := newPlatformKey()
	if err != nil {
		return err
	}
	now := s.now().Truncate(time.Second)
	serial := make([]byte, serialBytes)
	_, err = rand.Read(serial)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	serial[0] |= 0x40 // 40 hex digits, and positive
	serial[0] &= 0x7f
	subject := pkix.Name{CommonName: "Simulated platform sign", Organization: []string{"NOT FOR PRODUCTION"}, Country: []string{"CN"}}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: subject,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.private.PublicKey, key.private)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	key.ID = strings.ToUpper(hex.EncodeToString(serial))
	key.Certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key.From, key.Until = template.NotBefore, template.NotAfter
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.certificates = append(s.keys.certificates, key)
	s.store.Put(kindOfKey, key.ID, key)
	return nil
}

// AnnounceCertificate lists a new platform certificate, which signs nothing
// until [Sim.UseNewCertificate]. It returns the serial.
func (s *Sim) AnnounceCertificate() (string, error) {
	err := s.addCertificate()
	if err != nil {
		return "", err
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	return s.keys.certificates[len(s.keys.certificates)-1].ID, nil
}

// UseNewCertificate lets the newest certificate sign from now on.
func (s *Sim) UseNewCertificate() {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	last := len(s.keys.certificates) - 1
	if last < 0 {
		return
	}
	s.keys.inUse = last
	s.store.Put(kindOfKeyInUse, "certificate", s.keys.certificates[last].ID)
}

// named returns the key of that name; a public-key merchant has no other.
func (k *keyring) named(id string) (platformKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if id == k.public.ID {
		return k.public, true
	}
	for _, each := range k.certificates {
		if each.ID == id {
			return each, true
		}
	}
	return platformKey{}, false
}

// usual is what signs when nobody asked for a key.
func (k *keyring) usual(mode KeyMode) platformKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turn++
	if mode == KeysCertificate || mode == KeysMigrating && k.turn%2 == 0 {
		return k.certificates[k.inUse]
	}
	return k.public
}

// other is the key of the other kind.
func (s *Sim) otherKey(rotated bool) (platformKey, error) {
	s.keys.mu.Lock()
	none := len(s.keys.certificates) == 0
	s.keys.mu.Unlock()
	if none || rotated {
		err := s.addCertificate()
		if err != nil {
			return platformKey{}, err
		}
	}
	if rotated {
		s.UseNewCertificate()
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if s.opts.Profile.Keys == KeysCertificate && !rotated {
		return s.keys.public, nil
	}
	return s.keys.certificates[s.keys.inUse], nil
}

// sign returns the base64 signature of message.
func (k platformKey) sign(message string) (string, error) {
	sum := sha256.Sum256([]byte(message))
	sig, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign with platform key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// signs says whether a signature is this key's.
func (k platformKey) signs(message, signature string) bool {
	return verify(&k.private.PublicKey, message, signature)
}

// PublicKeyPEM is the platform's public key as the merchant platform hands it
// out: an SPKI block of type PUBLIC KEY.
func (s *Sim) PublicKeyPEM() []byte { return append([]byte(nil), s.keys.publicPEM...) }

// PublicKeyID is the id of the platform's key, as in Wechatpay-Serial. It
// starts with [SimulatorKeyIDPrefix].
func (s *Sim) PublicKeyID() string { return s.keys.public.ID }

// CertificatePEM is the platform certificate that signs, and its serial. There
// is none for a merchant with a public key only.
func (s *Sim) CertificatePEM() (certificate []byte, serial string, ok bool) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if len(s.keys.certificates) == 0 {
		return nil, "", false
	}
	key := s.keys.certificates[s.keys.inUse]
	return append([]byte(nil), key.Certificate...), key.ID, true
}
