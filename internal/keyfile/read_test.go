package keyfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"guodu/internal/keyfile"
)

// pair is a key in all forms that somebody may hand out.
type pair struct {
	private    ed25519.PrivateKey
	public     ed25519.PublicKey
	pkcs8      []byte
	spki       []byte
	privatePEM string
	publicPEM  string
}

func newPair(t *testing.T) pair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := pair{private: private, public: public}
	p.pkcs8, err = x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	p.spki, err = x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	p.privatePEM, p.publicPEM = block("PRIVATE KEY", p.pkcs8), block("PUBLIC KEY", p.spki)
	return p
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// folded is base64 in lines, as some tools write it.
func folded(der []byte) string {
	text := base64.StdEncoding.EncodeToString(der)
	return text[:20] + "\r\n" + text[20:] + "\n"
}

func TestAPublicKeyIsTakenInEveryFormThatMakersHandOut(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for name, text := range map[string]string{
		"PEM": p.publicPEM, "PEM with Windows line ends": strings.ReplaceAll(p.publicPEM, "\n", "\r\n"),
		"PEM below a comment": "terminal 7\n" + p.publicPEM, "PEM behind a mark": "\ufeff" + p.publicPEM,
		"base64": base64.StdEncoding.EncodeToString(p.public), "without padding": base64.RawStdEncoding.EncodeToString(p.public),
		"URL-safe": base64.URLEncoding.EncodeToString(p.public), "JWK's x": base64.RawURLEncoding.EncodeToString(p.public),
		"with a line end": base64.StdEncoding.EncodeToString(p.public) + "\n", "base64 of SPKI": base64.StdEncoding.EncodeToString(p.spki),
		"in lines": folded(p.spki),
	} {
		key, err := keyfile.ParsePublic([]byte(text))
		if err != nil || !bytes.Equal(key, p.public) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPrivateKeyIsTakenInPEMAndBase64(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for name, text := range map[string]string{
		"PEM": p.privatePEM, "base64": base64.StdEncoding.EncodeToString(p.pkcs8), "in lines": folded(p.pkcs8),
		"with Windows line ends": strings.ReplaceAll(p.privatePEM, "\n", "\r\n"),
	} {
		key, err := keyfile.ParsePrivate([]byte(text))
		if err != nil || !key.Equal(p.private) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotTheKeyIsRefusedAndSaidWithoutShowingIt(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherPrivate, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	otherPublic, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	private := func(text string) error { _, err := keyfile.ParsePrivate([]byte(text)); return err }
	public := func(text string) error { _, err := keyfile.ParsePublic([]byte(text)); return err }
	for name, tc := range map[string]struct {
		parse func(string) error
		text  string
		want  string
	}{
		"public key as the private one":         {private, p.publicPEM, "it is a public key"},
		"32 bytes as the private one":           {private, base64.StdEncoding.EncodeToString(p.public), "32 bytes"},
		"half of a private key":                 {private, base64.StdEncoding.EncodeToString(p.private.Seed()), "32 bytes"},
		"private key of another kind":           {private, block("PRIVATE KEY", otherPrivate), "it is an ECDSA key, want Ed25519"},
		"no private key":                        {private, "aGVsbG8gd29ybGQ=", "no PKCS#8 key"},
		"empty":                                 {private, " \n", "it is empty"},
		"private key as the public one":         {public, p.privatePEM, "it is a private key"},
		"base64 of a private key as the public": {public, base64.StdEncoding.EncodeToString(p.pkcs8), "it is a private key"},
		"public key of another kind":            {public, block("PUBLIC KEY", otherPublic), "it is an ECDSA key, want Ed25519"},
		"31 bytes":                              {public, base64.StdEncoding.EncodeToString(p.public[1:]), "its 31 bytes"},
		"certificate":                           {public, block("CERTIFICATE", p.spki), `PEM block "CERTIFICATE", want "PUBLIC KEY"`},
		"half a PEM block":                      {public, p.publicPEM[:60], "damaged"},
		"words":                                 {public, "no key at all!", "neither PEM nor base64"},
	} {
		err := tc.parse(tc.text)
		if !errors.Is(err, keyfile.ErrKey) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if line := strings.TrimSpace(tc.text); err != nil && len(line) > 20 && strings.Contains(err.Error(), line[:20]) {
			t.Errorf("%s: the error shows the text: %v", name, err)
		}
	}
}

func TestAPublicKeyIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	text, err := keyfile.PEM(p.public)
	if err != nil || text != p.publicPEM {
		t.Errorf("PEM is %s, %v", text, err)
	}
	if text := keyfile.Base64(p.public); text != base64.StdEncoding.EncodeToString(p.public) {
		t.Errorf("base64 is %s", text)
	}
}
