package wechat_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"guodu/channels/wechat"
	"guodu/mocks/wechatpay"
)

func TestNewTakesAFullConfig(t *testing.T) {
	cfg := config()
	cfg.APIBase, cfg.OAuthBase, cfg.Clock = "", "", nil
	ch := mustNew(t, cfg)
	if ch.Name() != "wechat" {
		t.Fatalf("Name() = %q, want wechat", ch.Name())
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name, field string
		spoil       func(*wechat.Config)
	}{
		{"no app id", "AppID", func(c *wechat.Config) { c.AppID = "" }},
		{"app id with a blank", "AppID", func(c *wechat.Config) { c.AppID = "wx 1" }},
		{"no app secret", "AppSecret", func(c *wechat.Config) { c.AppSecret = "" }},
		{"app secret with a line end", "AppSecret", func(c *wechat.Config) { c.AppSecret = appSecret + "\n" }},
		{"merchant number with letters", "MchID", func(c *wechat.Config) { c.MchID = "mch1" }},
		{"no certificate serial", "MerchantSerial", func(c *wechat.Config) { c.MerchantSerial = "" }},
		{"certificate serial as public key id", "PublicKeyID", func(c *wechat.Config) { c.PublicKeyID = serial }},
		{"no private key", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = nil }},
		{"private key in PKCS#1", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = pkcs1() }},
		{"private key under another name", "MerchantKeyPEM", func(c *wechat.Config) {
			c.MerchantKeyPEM = bytes.ReplaceAll(c.MerchantKeyPEM, []byte("PRIVATE KEY"), []byte("SECRET KEY"))
		}},
		{"private key that is a public one", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = c.PublicKeyPEM }},
		{"private key with broken content", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = block("PRIVATE KEY", []byte("x")) }},
		{"private key of another kind", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = elliptical() }},
		{"private key twice", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = bytes.Repeat(c.MerchantKeyPEM, 2) }},
		{"private key too short", "MerchantKeyPEM", func(c *wechat.Config) { c.MerchantKeyPEM = short() }},
		{"public key with broken content", "PublicKeyPEM", func(c *wechat.Config) { c.PublicKeyPEM = block("PUBLIC KEY", []byte("x")) }},
		{"public key that is a certificate", "PublicKeyPEM", func(c *wechat.Config) { c.PublicKeyPEM = block("CERTIFICATE", []byte("x")) }},
		{"public key of the merchant", "PublicKeyPEM", func(c *wechat.Config) { c.PublicKeyPEM = spki(&merchantKey().PublicKey) }},
		{"APIv3 key of 16 bytes", "APIv3Key", func(c *wechat.Config) { c.APIv3Key = c.APIv3Key[:16] }},
		{"APIv3 key of 24 bytes", "APIv3Key", func(c *wechat.Config) { c.APIv3Key = c.APIv3Key[:24] }},
		{"APIv3 key of 33 bytes", "APIv3Key", func(c *wechat.Config) { c.APIv3Key = append(c.APIv3Key, '\n') }},
		{"API base with a path", "APIBase", func(c *wechat.Config) { c.APIBase = "https://example.com/v3" }},
		{"API base in plain http", "APIBase", func(c *wechat.Config) { c.APIBase = "http://example.com" }},
		{"OAuth base in plain http", "OAuthBase", func(c *wechat.Config) { c.OAuthBase = "http://example.com" }},
		{"OAuth base with a user", "OAuthBase", func(c *wechat.Config) { c.OAuthBase = "https://u:p@example.com" }},
		{"authorize base without scheme", "AuthorizeBase", func(c *wechat.Config) { c.AuthorizeBase = "example.com" }},
		{"negative timeout", "Timeout", func(c *wechat.Config) { c.Timeout = -time.Second }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := config()
			tc.spoil(&cfg)
			_, err := wechat.New(cfg)
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
	_, err := wechat.New(wechat.Config{})
	for _, field := range []string{"AppID", "AppSecret", "MchID", "MerchantSerial", "MerchantKeyPEM", "PublicKeyID", "PublicKeyPEM", "APIv3Key"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("New = %v, want it to name %s", err, field)
		}
	}
}

func TestConfigAndChannelPrintNoSecret(t *testing.T) {
	cfg := config()
	ch := mustNew(t, cfg)
	holder := struct {
		Config  wechat.Config
		Pointer *wechat.Config
		Channel *wechat.Channel
	}{cfg, &cfg, ch}
	hidden := struct{ ch *wechat.Channel }{ch}
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
	if !strings.Contains(out.String(), mchID) {
		t.Errorf("the merchant number is not in\n%s", out.String())
	}
}

// mustHideSecrets looks for the secrets as text, in hex and as a list of bytes.
func mustHideSecrets(t *testing.T, text string, cfg wechat.Config) {
	t.Helper()
	for name, value := range map[string]string{
		"AppSecret": cfg.AppSecret, "APIv3Key": string(cfg.APIv3Key), "MerchantKeyPEM": lines(cfg.MerchantKeyPEM),
	} {
		if len(value) < 16 {
			continue
		}
		list := strings.Trim(fmt.Sprintf("%d", []byte(value)[:16]), "[]")
		for _, form := range []string{value, fmt.Sprintf("%x", value), list} {
			if strings.Contains(text, form) {
				t.Errorf("%s is in\n%s", name, text)
			}
		}
	}
}

// lines is the second line of a PEM: the first that belongs to one key alone.
func lines(pemText []byte) string {
	all := strings.Split(string(pemText), "\n")
	if len(all) < 3 {
		return ""
	}
	return all[2]
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs1() []byte {
	return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(merchantKey()))
}

func elliptical() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", der)
}

func short() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return pkcs8(key)
}

func TestProductionRefusesASimulatorsKey(t *testing.T) {
	cfg := config()
	cfg.Production = true
	mustNew(t, cfg)
	cfg.PublicKeyID = wechatpay.SimulatorKeyIDPrefix + strings.Repeat("1", 25)
	if _, err := wechat.New(cfg); err == nil || !strings.Contains(err.Error(), "PublicKeyID: is a simulator's") {
		t.Errorf("New = %v, want it to name the simulator's key", err)
	}
	cfg.Production = false
	mustNew(t, cfg)
}

// TestKeysMayComeWithoutPEM: some tools and pages show the base64 alone.
func TestKeysMayComeWithoutPEM(t *testing.T) {
	bare := func(text []byte) []byte {
		block, _ := pem.Decode(text)
		return []byte("\n" + base64.StdEncoding.EncodeToString(block.Bytes) + "\n")
	}
	cfg := config()
	cfg.MerchantKeyPEM, cfg.PublicKeyPEM = bare(cfg.MerchantKeyPEM), bare(cfg.PublicKeyPEM)
	body := notice(paid().bytes()).bytes()
	got, err := mustNew(t, cfg).ParseNotify(t.Context(), headers(body, noon()), body)
	if err != nil || got.Amount != 5000 {
		t.Errorf("ParseNotify = %+v, %v", got, err)
	}
	cfg.MerchantKeyPEM, cfg.PublicKeyPEM = cfg.PublicKeyPEM, cfg.MerchantKeyPEM
	if _, err := wechat.New(cfg); err == nil {
		t.Error("the keys are taken the wrong way round")
	}
}
