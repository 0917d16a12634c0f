package app

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guodu/channels"
	"guodu/channels/alipay"
	simulator "guodu/mocks/alipay"
)

// watched is an Alipay channel in production whose public key is a file.
type watched struct {
	*keyWatch
	t      *testing.T
	file   string
	config Config
	err    error // of reading the configuration
	log    strings.Builder
}

func newKey(t *testing.T) (public []byte, private *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return spki(t, &key.PublicKey), key
}

func spki(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t, file: filepath.Join(t.TempDir(), "alipay.pem")}
	public, _ := newKey(t)
	w.write(public)
	w.config.Alipay.PublicKeyFile = w.file
	w.config.Alipay.AppID, w.config.Alipay.SellerID = "2021000000000001", "2088000000000001"
	_, app := newKey(t)
	channel, err := alipay.New(alipay.Config{
		AppID: "2021000000000001", SellerID: "2088000000000001", Production: true, AlipayPublicKeyPEM: public,
		AppKeyPEM: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(app)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.keyWatch = &keyWatch{log: slog.New(slog.NewTextHandler(&w.log, nil)), reload: func() (Config, error) { return w.config, w.err }}
	w.open(w.config, channels.Set{"alipay": {Current: channel}})
	return w
}

func (w *watched) write(text []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.file, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// mustSay looks, and wants a log of so many lines in which every word is.
func (w *watched) mustSay(asked bool, lines int, words ...string) {
	w.t.Helper()
	w.log.Reset()
	w.look(asked)
	if got := strings.Count(w.log.String(), "\n"); got != lines {
		w.t.Errorf("the log has %d lines, want %d:\n%s", got, lines, w.log.String())
	}
	for _, word := range words {
		if !strings.Contains(w.log.String(), word) {
			w.t.Errorf("the log does not say %q:\n%s", word, w.log.String())
		}
	}
	if strings.Contains(w.log.String(), "guard this") {
		w.t.Errorf("the log holds what is in the file:\n%s", w.log.String())
	}
}

func TestKeysAreReadAgainWhenTheirFileChanges(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	good, _ := newKey(t)
	simulated, err := simulator.GeneratePlatformKey()
	if err != nil {
		t.Fatal(err)
	}
	w.mustSay(false, 0)
	w.mustSay(true, 1, "keys are in use")
	w.write(good)
	w.mustSay(false, 1, "keys are in use", "channel=alipay")
	w.mustSay(false, 0)
	w.write([]byte("guard this"))
	w.mustSay(false, 1, "level=ERROR", w.file, "keeps the keys")
	w.mustSay(false, 0)
	w.mustSay(true, 1, "level=ERROR", w.file)
	w.write(spki(t, simulated.Public()))
	w.mustSay(false, 1, "level=ERROR", w.file, "is a simulator's")
	if err := os.Remove(w.file); err != nil {
		t.Fatal(err)
	}
	w.mustSay(false, 1, "level=ERROR", w.file, "no such file")
	w.write(good)
	w.mustSay(false, 1, "keys are in use")
}

func TestAConfigurationThatCannotBeReadLeavesTheKeys(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.err = errors.New("hub.yaml: line 3")
	w.mustSay(false, 1, "level=ERROR", "hub.yaml: line 3")
	w.mustSay(false, 0)
	w.err = nil
	w.config.Alipay.MoreKeyFiles = []string{w.file + ".next"}
	w.mustSay(false, 1, "level=ERROR", w.file+".next")
	next, _ := newKey(t)
	if err := os.WriteFile(w.file+".next", next, 0o600); err != nil {
		t.Fatal(err)
	}
	w.mustSay(false, 1, "keys are in use")
}
