package main_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// rekey changes a key's file and has the hub read it, and waits for its word.
func (c *campus) rekey(hub *process, file string, text []byte, word string) {
	c.t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	said := strings.Count(hub.log.String(), word)
	if err := hub.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		c.t.Fatal(err)
	}
	c.until("the hub reads its keys", func() error {
		if strings.Count(hub.log.String(), word) == said {
			return errors.New("it does not say " + word)
		}
		return nil
	})
}

func TestARotatedKeyIsInUseWithoutARestart(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	hub := c.start("")
	order := c.paid("50.00")
	file := filepath.Join(filepath.Dir(c.ConfigFile), "wechatpay.pem")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	answered := func(want int) {
		t.Helper()
		d, err := c.WeChat.Deliver(c.ctx, order, 1)
		if err != nil || d[0].Status != want {
			t.Errorf("a callback is answered %+v, %v; want %d", d, err, want)
		}
	}
	c.rekey(hub, file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "keys are in use")
	answered(http.StatusUnauthorized)
	c.rekey(hub, file, c.WeChat.PublicKeyPEM(), "keys are in use")
	answered(http.StatusNoContent)
	c.rekey(hub, file, []byte("guard this"), "keeps the keys that it has")
	answered(http.StatusNoContent)
	if !strings.Contains(hub.log.String(), file) || bytes.Contains(hub.log.Bytes(), []byte("guard this")) {
		t.Errorf("the log does not name the file, or shows what is in it:\n%s", hub.log)
	}
	c.audit(1)
}
