package keyfile_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"guodu/internal/keyfile"
)

func TestAKeyIsItsOwnersAloneAndIsNeverReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.pem")
	public, err := keyfile.New(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("not PEM: %s", text)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		t.Fatalf("the file holds a %T, %v", key, err)
	}
	if want := base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey)); public != want {
		t.Errorf("the public key is said to be %s, want %s", public, want)
	}
	if _, err := keyfile.New(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second key: %v", err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, text) {
		t.Errorf("the key changed, %v", err)
	}
}
