package wechat

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

// parsePrivateKey reads apiclient_key.pem as the merchant platform gives it:
// PKCS#8 (RFC 5208) in PEM.
func parsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	const want = "want one PEM block PRIVATE KEY (PKCS#8, RSA)"
	der, err := onlyBlock(text, "PRIVATE KEY", want)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New(want + ", and its content is not PKCS#8")
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New(want + ", got another kind of key")
	}
	return private, longEnough(private.N.BitLen())
}

// parsePublicKey reads WeChat Pay's public key: SPKI (RFC 5280) in PEM.
func parsePublicKey(text []byte) (*rsa.PublicKey, error) {
	const want = "want one PEM block PUBLIC KEY (SPKI, RSA)"
	der, err := onlyBlock(text, "PUBLIC KEY", want)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New(want + ", and its content is not SPKI")
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New(want + ", got another kind of key")
	}
	return public, longEnough(public.N.BitLen())
}

// parseCertificate reads a platform certificate (RFC 5280) in PEM. Nothing is
// asked about who issued it: it is believed because it is in the configuration.
func parseCertificate(text []byte) (*x509.Certificate, *rsa.PublicKey, error) {
	const want = "want one PEM block CERTIFICATE (X.509, RSA)"
	der, err := onlyBlock(text, "CERTIFICATE", want)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, errors.New(want + ", and its content is not X.509")
	}
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, nil, errors.New(want + ", got another kind of key")
	}
	return certificate, public, longEnough(public.N.BitLen())
}

// onlyBlock is the one PEM block in a text, or a text that is its base64 alone.
func onlyBlock(text []byte, kind, want string) (der []byte, err error) {
	block, rest := pem.Decode(text)
	if block == nil {
		der, err = base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
		if err != nil || len(der) == 0 {
			return nil, errors.New(want + " or its bare base64, got neither")
		}
		return der, nil
	}
	if block.Type != kind {
		return nil, fmt.Errorf("%s, got %q", want, clip(block.Type))
	}
	second, _ := pem.Decode(rest)
	if second != nil {
		return nil, errors.New(want + ", got more than one block")
	}
	return block.Bytes, nil
}

func longEnough(bits int) error {
	if bits < minKeyBits {
		return fmt.Errorf("want an RSA key of at least %d bits, got %d", minKeyBits, bits)
	}
	return nil
}
