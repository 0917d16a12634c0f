package alipay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"guodu/mocks/sim"
)

// ErrNoCertificates says that the app is in key mode.
var ErrNoCertificates = errors.New("alipay simulator: not in certificate mode")

const certificateKind = "certificate"

// certificates is what certificate mode needs: a root, Alipay's own chain under
// it, and the app's. A new certificate of Alipay's has a new serial number and
// the old key.
type certificates struct {
	platform              platform
	rootKey               *rsa.PrivateKey
	root                  *x509.Certificate
	appSerial, rootSerial string
	store                 *sim.Store
	rootPEM, appPEM       []byte

	mu      sync.Mutex
	kept    *keptCertificates
	current string
	all     map[string][]byte // Alipay's, by serial number, as PEM
}

// keptCertificates is the state file's form.
type keptCertificates struct {
	RootKey          []byte
	Root, Extra, App []byte
	Alipay           [][]byte
}

func openCertificates(store *sim.Store, p platform, appKey *rsa.PublicKey) (*certificates, error) {
	var kept *keptCertificates
	err := sim.Each(store, certificateKind, func(_ string, k keptCertificates) error {
		kept = &k
		return nil
	})
	if err == nil && kept == nil {
		kept, err = issueCertificates(p, appKey)
		store.Put(certificateKind, "all", kept)
	}
	if err != nil {
		return nil, fmt.Errorf("open certificates: %w", err)
	}
	return readCertificates(store, p, kept)
}

func readCertificates(store *sim.Store, p platform, kept *keptCertificates) (*certificates, error) {
	c := &certificates{platform: p, store: store, kept: kept, all: map[string][]byte{}}
	key, err := x509.ParsePKCS1PrivateKey(kept.RootKey)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	c.rootKey = key
	c.root, err = x509.ParseCertificate(kept.Root)
	if err != nil {
		return nil, fmt.Errorf("root certificate: %w", err)
	}
	app, err := x509.ParseCertificate(kept.App)
	if err != nil {
		return nil, fmt.Errorf("app certificate: %w", err)
	}
	c.appPEM, c.appSerial = toPEM(kept.App), serialOf(app)
	// The bundle has a root of another algorithm too, as Alipay's does: it stays
	// out of the serial number.
	c.rootPEM, c.rootSerial = append(toPEM(kept.Root), toPEM(kept.Extra)...), serialOf(c.root)
	for _, der := range kept.Alipay {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("alipay certificate: %w", err)
		}
		c.current = serialOf(cert)
		c.all[c.current] = toPEM(der)
	}
	return c, nil
}

func issueCertificates(p platform, appKey *rsa.PublicKey) (*keptCertificates, error) {
	rootKey, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	rootTemplate := certificateTemplate("Simulated Alipay Root", true)
	root, err := x509.CreateCertificate(rand.Reader, rootTemplate, rootTemplate, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	extraKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	extraTemplate := certificateTemplate("Simulated Alipay Root E1", true)
	extra, err := x509.CreateCertificate(rand.Reader, extraTemplate, extraTemplate, &extraKey.PublicKey, extraKey)
	if err != nil {
		return nil, err
	}
	app, err := x509.CreateCertificate(rand.Reader, certificateTemplate("app", false), rootTemplate, appKey, rootKey)
	if err != nil {
		return nil, err
	}
	own, err := x509.CreateCertificate(rand.Reader, certificateTemplate("Simulated Alipay", false), rootTemplate, &p.key.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	return &keptCertificates{
		RootKey: x509.MarshalPKCS1PrivateKey(rootKey), Root: root, Extra: extra, App: app, Alipay: [][]byte{own},
	}, nil
}

// certificateTemplate names every certificate so that nobody takes it for a real one.
func certificateTemplate(commonName string, isCA bool) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 96))
	if err != nil {
		serial = big.NewInt(time.Now().UnixNano())
	}
	return &x509.Certificate{
		SerialNumber: serial, IsCA: isCA, BasicConstraintsValid: true,
		Subject:   pkix.Name{CommonName: commonName, Organization: []string{"Payment Simulator"}, Country: []string{"CN"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
}

func toPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// serialOf is the number by which Alipay names a certificate: MD5 of the
// issuer, as RFC 2253 writes it, and the serial number in decimal.
// (Source: 公钥证书签名, SN 值的获取.)
func serialOf(cert *x509.Certificate) string {
	sum := md5.Sum([]byte(cert.Issuer.String() + cert.SerialNumber.String()))
	return hex.EncodeToString(sum[:])
}

// serial is that of Alipay's present certificate.
func (c *certificates) serial() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// roll issues Alipay a new certificate for the old key.
func (c *certificates) roll() error {
	der, err := x509.CreateCertificate(rand.Reader, certificateTemplate("Simulated Alipay", false), c.root, &c.platform.key.PublicKey, c.rootKey)
	if err != nil {
		return fmt.Errorf("roll certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("roll certificate: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = serialOf(cert)
	c.all[c.current] = toPEM(der)
	c.kept.Alipay = append(c.kept.Alipay, der)
	c.store.Put(certificateKind, "all", c.kept)
	return nil
}

// AppCertPEM is the first of the three files that a merchant in certificate mode
// has, appCertPublicKey.crt. It is nil in key mode, like the others.
func (s *Sim) AppCertPEM() []byte {
	if s.cert == nil {
		return nil
	}
	return s.cert.appPEM
}

// RootCertPEM is alipayRootCert.crt; see AppCertPEM.
func (s *Sim) RootCertPEM() []byte {
	if s.cert == nil {
		return nil
	}
	return s.cert.rootPEM
}

// AlipayCertPEM is Alipay's present certificate,
// alipayCertPublicKey_RSA2.crt; see AppCertPEM.
func (s *Sim) AlipayCertPEM() []byte {
	if s.cert == nil {
		return nil
	}
	s.cert.mu.Lock()
	defer s.cert.mu.Unlock()
	return s.cert.all[s.cert.current]
}

// RollCertificate gives Alipay a new certificate, with a new serial number, for
// the old key.
// Errors: ErrNoCertificates.
func (s *Sim) RollCertificate() error {
	if s.cert == nil {
		return ErrNoCertificates
	}
	return s.cert.roll()
}

// downloadCertificate is alipay.open.app.alipaycert.download: Alipay's own
// certificates by their serial numbers.
func (s *Sim) downloadCertificate(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	serial := strings.ToLower(in.text("alipay_cert_sn", 64))
	var found []byte
	if s.cert != nil {
		s.cert.mu.Lock()
		found = s.cert.all[serial]
		s.cert.mu.Unlock()
	}
	if found == nil {
		return s.fail(c, refuse("40002", "isv.app-cert-not-exist", "支付宝公钥证书不存在"))
	}
	return c.succeed(struct {
		result
		Content string `json:"alipay_cert_content"`
	}{ok(), base64.StdEncoding.EncodeToString(found)})
}
