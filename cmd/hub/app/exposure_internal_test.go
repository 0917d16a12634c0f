package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guodu/internal/redisx"
)

func TestWhatOthersCouldReadIsSaid(t *testing.T) {
	quiet := Config{PublicURL: "https://card.example.edu", Listen: "127.0.0.1:8080", Health: "127.0.0.1:8081", TrustedProxies: []string{"127.0.0.1"}}
	for want, change := range map[string]func(*Config){
		"":                       func(*Config) {},
		" ":                      func(c *Config) { c.PublicURL = "http://127.0.0.1:8080" },
		"trusted_proxies is":     func(c *Config) { c.TrustedProxies = nil },
		"public_url is plain":    func(c *Config) { c.PublicURL = "http://card.example.edu" },
		"listen 0.0.0.0:80 is":   func(c *Config) { c.PublicURL, c.Listen = "http://127.0.0.1", "0.0.0.0:80" },
		"health :8081 shows":     func(c *Config) { c.Health = ":8081" },
		"redis.addrs is on":      func(c *Config) { c.Redis.Addrs = []string{"10.0.0.1:6379"} },
		"ephemeral.addrs is on":  func(c *Config) { c.Ephemeral.Addrs = []string{"127.0.0.1:1", "redis.example:6379"} },
		"  (TLS)":                func(c *Config) { c.Redis = RedisConfig{Addrs: []string{"10.0.0.1:6379"}, TLS: true} },
		"   (this very machine)": func(c *Config) { c.Redis.Addrs = []string{"/run/redis.sock", "[::1]:6379", "localhost:6379"} },
	} {
		c := quiet
		change(&c)
		said := c.exposure()
		switch {
		case strings.HasPrefix(want, " ") || want == "":
			if len(said) > 0 {
				t.Errorf("%q: %v", want, said)
			}
		case len(said) != 1 || !strings.Contains(said[0][0], want) || said[0][1] == "":
			t.Errorf("%q: %v", want, said)
		}
	}
}

// certificate writes a certificate of 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: signed}, "key": {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert"), filepath.Join(dir, "key")
}

func TestARemoteRedisIsSpokenToWithTLS(t *testing.T) {
	cert, key := certificate(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	_ = listener.Close()
	server := exec.Command("redis-server", "--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file", cert,
		"--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no", "--save", "", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for _, tc := range []struct {
		r    RedisConfig
		good bool
	}{
		{RedisConfig{Addrs: []string{addr}, TLS: true, CAFile: cert}, true},
		{RedisConfig{Addrs: []string{addr}, TLS: true}, false}, // nobody vouches for it
		{RedisConfig{Addrs: []string{addr}}, false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), map[bool]time.Duration{true: 10 * time.Second, false: time.Second}[tc.good])
		client, err := new(stores).connect(ctx, tc.r, "ephemeral", nil)
		cancel()
		if (err == nil) != tc.good {
			t.Errorf("%+v: %v", tc.r, err)
		}
		if client != nil {
			if id, err := redisx.RunID(t.Context(), client); id == "" {
				t.Errorf("%+v: %v", tc.r, err)
			}
			_ = client.Close()
		}
	}
}
