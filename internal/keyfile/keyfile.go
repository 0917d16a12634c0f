package keyfile

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"os"
)

// New writes a new private key (PKCS#8 in PEM), readable by its owner only, and
// returns the public one, base64 of its 32 bytes. A file that is there is never
// replaced: error os.ErrExist.
func New(path string) (string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	body, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", err
	}
	err = create(path, func(file io.Writer) error { return pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: body}) })
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(public), nil
}

// create makes a file that is not there yet, or none: half a key would keep the next
// try from its place.
func create(path string, fill func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the caller names the file
	if err != nil {
		return err
	}
	err = errors.Join(fill(file), file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
