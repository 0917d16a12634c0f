package alipay_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"guodu/channels/alipay"
	simulator "guodu/mocks/alipay"
)

func TestNewTakesAFullConfig(t *testing.T) {
	cfg := config()
	cfg.Gateway, cfg.Clock = "", nil
	ch := mustNew(t, cfg)
	if ch.Name() != "alipay" || ch.String() != "alipay" {
		t.Fatalf("Name() = %q", ch.Name())
	}
}

func TestNewTakesWhatIsHandedOut(t *testing.T) {
	// bare is a key as Alipay's tools show it, perhaps wrapped by somebody.
	bare := func(pemText []byte) []byte {
		lines := strings.Split(strings.TrimSpace(string(pemText)), "\n")
		return []byte(strings.Join(lines[1:len(lines)-1], "\r\n") + "\n")
	}
	for name, change := range map[string]func(*alipay.Config){
		"key in PKCS#1":      func(c *alipay.Config) { c.AppKeyPEM = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(appKey())) },
		"bare key in PKCS#8": func(c *alipay.Config) { c.AppKeyPEM = bare(c.AppKeyPEM) },
		"bare key in PKCS#1": func(c *alipay.Config) { c.AppKeyPEM = bare(block("X", x509.MarshalPKCS1PrivateKey(appKey()))) },
		"bare public key":    func(c *alipay.Config) { c.AlipayPublicKeyPEM = bare(c.AlipayPublicKeyPEM) },
		"lines before a key": func(c *alipay.Config) { c.AlipayPublicKeyPEM = append([]byte("\n\n"), c.AlipayPublicKeyPEM...) },
		"simulator's page":   func(c *alipay.Config) { c.AuthorizeBase = "http://127.0.0.1:8080" },
		"sandbox":            func(c *alipay.Config) { c.Gateway = "https://openapi-sandbox.dl.alipaydev.com/gateway.do" },
		"simulator":          func(c *alipay.Config) { c.Gateway = "http://localhost:1/x/gateway.do" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			change(&cfg)
			mustNew(t, cfg)
		})
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name, field string
		spoil       func(*alipay.Config)
	}{
		{"no app id", "AppID", func(c *alipay.Config) { c.AppID = "" }},
		{"app id with letters", "AppID", func(c *alipay.Config) { c.AppID = "wx123" }},
		{"no seller", "SellerID", func(c *alipay.Config) { c.SellerID = "" }},
		{"seller's mail", "SellerID", func(c *alipay.Config) { c.SellerID = "card@example.edu" }},
		{"no private key", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = nil }},
		{"private key that is no base64", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = []byte("/etc/guodu/app.pem") }},
		{"private key under another name", "AppKeyPEM", func(c *alipay.Config) {
			c.AppKeyPEM = bytes.ReplaceAll(c.AppKeyPEM, []byte("PRIVATE KEY"), []byte("SECRET KEY"))
		}},
		{"private key that is a public one", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = c.AlipayPublicKeyPEM }},
		{"private key with broken content", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = block("PRIVATE KEY", []byte("x")) }},
		{"private key of another kind", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = pkcs8(elliptical()) }},
		{"private key twice", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = bytes.Repeat(c.AppKeyPEM, 2) }},
		{"private key too short", "AppKeyPEM", func(c *alipay.Config) { c.AppKeyPEM = pkcs8(short()) }},
		{"no public key", "AlipayPublicKeyPEM", func(c *alipay.Config) { c.AlipayPublicKeyPEM = nil }},
		{"public key with broken content", "AlipayPublicKeyPEM", func(c *alipay.Config) { c.AlipayPublicKeyPEM = block("PUBLIC KEY", []byte("x")) }},
		{"public key that is a certificate", "AlipayPublicKeyPEM", func(c *alipay.Config) { c.AlipayPublicKeyPEM = block("CERTIFICATE", []byte("x")) }},
		{"public key of another kind", "AlipayPublicKeyPEM", func(c *alipay.Config) { c.AlipayPublicKeyPEM = spki(elliptical().Public()) }},
		{"public key too short", "AlipayPublicKeyPEM", func(c *alipay.Config) { c.AlipayPublicKeyPEM = spki(short().Public()) }},
		{"public key of the app", "AlipayPublicKeyPEM", func(c *alipay.Config) { c.AlipayPublicKeyPEM = spki(&appKey().PublicKey) }},
		{"gateway without a path", "Gateway", func(c *alipay.Config) { c.Gateway = "https://example.com" }},
		{"gateway with a query", "Gateway", func(c *alipay.Config) { c.Gateway = "https://example.com/gateway.do?charset=utf-8" }},
		{"gateway in plain http", "Gateway", func(c *alipay.Config) { c.Gateway = "http://example.com/gateway.do" }},
		{"gateway with a user", "Gateway", func(c *alipay.Config) { c.Gateway = "https://u:p@example.com/gateway.do" }},
		{"authorize base with a path", "AuthorizeBase", func(c *alipay.Config) { c.AuthorizeBase = "https://example.com/oauth2" }},
		{"authorize base in plain http", "AuthorizeBase", func(c *alipay.Config) { c.AuthorizeBase = "http://example.com" }},
		{"authorize base without scheme", "AuthorizeBase", func(c *alipay.Config) { c.AuthorizeBase = "example.com" }},
		{"negative timeout", "Timeout", func(c *alipay.Config) { c.Timeout = -time.Second }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config()
			tc.spoil(&cfg)
			_, err := alipay.New(cfg)
			if err == nil || !strings.Contains(err.Error(), tc.field+": ") {
				t.Fatalf("New = %v, want an error that names %s", err, tc.field)
			}
			if strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("New = %v, want the one field only", err)
			}
			mustHideSecrets(t, err.Error(), cfg)
		})
	}
}

func TestNewNamesAllFieldsAtOnce(t *testing.T) {
	_, err := alipay.New(alipay.Config{})
	for _, field := range []string{"AppID", "SellerID", "AppKeyPEM", "AlipayPublicKeyPEM"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("New = %v, want it to name %s", err, field)
		}
	}
}

func TestConfigAndChannelPrintNoSecret(t *testing.T) {
	cfg := config()
	ch := mustNew(t, cfg)
	holder := struct {
		Config  alipay.Config
		Pointer *alipay.Config
		Channel *alipay.Channel
	}{cfg, &cfg, ch}
	hidden := struct{ ch *alipay.Channel }{ch}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("start", "config", cfg, "pointer", &cfg, "holder", holder, "channel", ch, "hidden", hidden)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, strings.Repeat(verb+"\n", 6), cfg, &cfg, holder, ch, *ch, hidden)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	mustHideSecrets(t, out.String(), cfg)
	if !strings.Contains(out.String(), sellerID) {
		t.Errorf("the seller is not in\n%s", out.String())
	}
}

// mustHideSecrets looks for the key as text, in hex and as a list of bytes.
func mustHideSecrets(t *testing.T, text string, cfg alipay.Config) {
	t.Helper()
	all := strings.Split(string(cfg.AppKeyPEM), "\n")
	if len(all) < 3 || len(all[2]) < 16 {
		return
	}
	value := all[2] // the first line that belongs to one key alone
	list := strings.Trim(fmt.Sprintf("%d", []byte(value)[:16]), "[]")
	for _, form := range []string{value, fmt.Sprintf("%x", value), list} {
		if strings.Contains(text, form) {
			t.Errorf("the key is in\n%s", text)
		}
	}
}

func elliptical() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func short() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
}

func TestProductionRefusesASimulatorsKey(t *testing.T) {
	cfg := config()
	cfg.Production = true
	mustNew(t, cfg)
	key, err := simulator.GeneratePlatformKey()
	if err != nil {
		t.Fatal(err)
	}
	cfg.AlipayPublicKeyPEM = spki(key.Public())
	if _, err := alipay.New(cfg); err == nil || !strings.Contains(err.Error(), "AlipayPublicKeyPEM: is a simulator's") {
		t.Errorf("New = %v, want it to name the simulator's key", err)
	}
	cfg.Production = false
	mustNew(t, cfg)
}
