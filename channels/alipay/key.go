package alipay

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// The parsers answer with the form they want, never with what they got beyond
// the kind of PEM block: whatever was in the file may be a key.

// key is a key that was understood: der is the whole of it, public its public
// half as SPKI.
type key struct {
	der    []byte
	public []byte
}

// parsePrivateKey reads the app's private key: PKCS#8 (RFC 5208) or PKCS#1
// (RFC 8017), in PEM or as bare base64.
func parsePrivateKey(text []byte) (key, error) {
	const want = "want one PEM block PRIVATE KEY or RSA PRIVATE KEY, or its bare base64"
	der, err := onlyBlock(text, want, "PRIVATE KEY", "RSA PRIVATE KEY")
	if err != nil {
		return key{}, err
	}
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return key{}, errors.New(want + ", and its content is neither PKCS#8 nor PKCS#1")
		}
		isRSA := false
		private, isRSA = parsed.(*rsa.PrivateKey)
		if !isRSA {
			return key{}, errors.New(want + ", got another kind of key than RSA")
		}
	}
	der, err = x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return key{}, errors.New(want + ", and its content is no usable key")
	}
	public, err := spki(&private.PublicKey)
	return key{der, public}, err
}

// parsePublicKey reads Alipay's public key: SPKI (RFC 5280), in PEM or as bare
// base64.
func parsePublicKey(text []byte) (key, error) {
	const want = "want one PEM block PUBLIC KEY (SPKI, RSA), or its bare base64"
	der, err := onlyBlock(text, want, "PUBLIC KEY")
	if err != nil {
		return key{}, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return key{}, errors.New(want + ", and its content is not SPKI")
	}
	public, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA {
		return key{}, errors.New(want + ", got another kind of key than RSA")
	}
	der, err = spki(public)
	return key{der, der}, err
}

// onlyBlock is the one PEM block in a text, or a text that is base64 itself.
func onlyBlock(text []byte, want string, kinds ...string) ([]byte, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
		if err != nil || len(der) == 0 {
			return nil, errors.New(want + ", got neither")
		}
		return der, nil
	}
	second, _ := pem.Decode(rest)
	if second != nil {
		return nil, errors.New(want + ", got more than one block")
	}
	for _, kind := range kinds {
		if block.Type == kind {
			return block.Bytes, nil
		}
	}
	return nil, fmt.Errorf("%s, got %q", want, clip(block.Type))
}

func spki(public *rsa.PublicKey) ([]byte, error) {
	if public.N.BitLen() < minKeyBits {
		return nil, fmt.Errorf("want an RSA key of at least %d bits, got %d", minKeyBits, public.N.BitLen())
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, errors.New("not a usable RSA key")
	}
	return der, nil
}

// simulatorExponent is the public exponent of simulators' keys, and of no key
// that Alipay or its tools make.
const simulatorExponent = 65539

// simulated says whether a public key (SPKI) is that of a simulator.
func simulated(der []byte) bool {
	parsed, err := x509.ParsePKIXPublicKey(der)
	public, ok := parsed.(*rsa.PublicKey)
	return err == nil && ok && public.E == simulatorExponent
}
