package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ErrKey says that a text is not a key of the kind that is asked for. No text of an
// error holds anything of the key.
var ErrKey = errors.New("not a key")

// The kinds of PEM block.
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// ParsePrivate reads an Ed25519 private key: PKCS#8 in PEM, or base64 of the same
// bytes. 32 bytes alone are refused: they may as well be the public key, and whoever
// signed with that would sign with a key that everybody knows.
// Errors: ErrKey.
func ParsePrivate(text []byte) (ed25519.PrivateKey, error) {
	der, err := bytesOf(text, privateBlock)
	if err != nil {
		return nil, err
	}
	if len(der) == ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: 32 bytes in base64 are a public key, or half of a private one; want the private key in PEM (PRIVATE KEY)", ErrKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if _, public := x509.ParsePKIXPublicKey(der); public == nil {
			return nil, fmt.Errorf("%w: it is a public key; want the private one", ErrKey)
		}
		return nil, fmt.Errorf("%w: its bytes are no PKCS#8 key", ErrKey)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: it is %s, want Ed25519", ErrKey, kind(parsed))
	}
	return key, nil
}

// ParsePublic reads an Ed25519 public key: SPKI in PEM (PUBLIC KEY), base64 of the
// same bytes, or base64 of the bare 32.
// Errors: ErrKey.
func ParsePublic(text []byte) (ed25519.PublicKey, error) {
	der, err := bytesOf(text, publicBlock)
	if err != nil {
		return nil, err
	}
	if len(der) == ed25519.PublicKeySize {
		return der, nil
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		if _, private := x509.ParsePKCS8PrivateKey(der); private == nil {
			return nil, fmt.Errorf("%w: it is a private key; want the public one (hub keys show FILE prints it)", ErrKey)
		}
		return nil, fmt.Errorf("%w: its %d bytes are neither the 32 of an Ed25519 key nor an SPKI public key", ErrKey, len(der))
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: it is %s, want Ed25519", ErrKey, kind(parsed))
	}
	return key, nil
}

// Base64 is the form of a public key that is easiest to type: its 32 bytes.
func Base64(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// PEM is a public key as most tools read it: SPKI.
func PEM(key ed25519.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("write public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})), nil
}

// bytesOf is what a text holds: the bytes of its first PEM block, or of its base64.
// Lines, blanks and the mark that some editors begin a file with do not matter.
func bytesOf(text []byte, want string) ([]byte, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrKey)
	}
	if block, _ := pem.Decode(text); block != nil {
		if block.Type != privateBlock && block.Type != publicBlock {
			return nil, fmt.Errorf("%w: it is a PEM block %.40q, want %q", ErrKey, block.Type, want)
		}
		return block.Bytes, nil
	}
	if bytes.Contains(text, []byte("-----BEGIN")) {
		return nil, fmt.Errorf("%w: its PEM block is damaged", ErrKey)
	}
	// Standard and URL-safe, with and without padding: each is called base64.
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.Join(strings.Fields(string(text)), ""))
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(plain, "="))
	if err != nil {
		return nil, fmt.Errorf("%w: it is neither PEM nor base64", ErrKey)
	}
	return der, nil
}

// kind names the type of a key for people.
func kind(key any) string {
	name := fmt.Sprintf("%T", key)
	for part, said := range map[string]string{"rsa.": "an RSA key", "ecdsa.": "an ECDSA key", "ecdh.": "an X25519 key"} {
		if strings.Contains(name, part) {
			return said
		}
	}
	return "a key of another kind"
}
