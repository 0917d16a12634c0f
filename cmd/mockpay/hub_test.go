package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/channels/wechat"
	"guodu/cmd/hub/app"
)

// named are the lines of the printed configuration that name a file, and the
// place in merchant.json with what belongs into it.
var named = regexp.MustCompile(`(?m)^(  \w+_file: )(\S+) +# (\w+)\.(\w+)$`)

// hubConfig does what the program says: it puts the keys from merchant.json into
// files and copies the configuration, with what else a hub needs.
func hubConfig(t *testing.T, s *serving, dir string) string {
	t.Helper()
	_, rest, _ := strings.Cut(s.printed, "in files:\n\n")
	text, _, found := strings.Cut(rest, "\n"+lastLine)
	if !found {
		t.Fatalf("no configuration in:\n%s", s.printed)
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(get(t, s.help+"/merchant.json"), &values); err != nil {
		t.Fatal(err)
	}
	for _, line := range named.FindAllStringSubmatch(text, -1) {
		var part map[string]string
		if err := json.Unmarshal(values[line[3]], &part); err != nil || part[line[4]] == "" {
			t.Fatalf("merchant.json has no %s.%s (%v)", line[3], line[4], err)
		}
		writeFile(t, filepath.Join(dir, line[2]), part[line[4]])
	}
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "hub.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	writeFile(t, filepath.Join(dir, "portal.secret"), "secret")
	file := filepath.Join(dir, "hub.yaml")
	writeFile(t, file, named.ReplaceAllString(text, "${1}"+dir+"/$2")+
		"public_url: http://127.0.0.1:8080\ndata_dir: "+dir+"/data\n"+
		"portal: {base: 'http://127.0.0.1:1', client_secret_file: "+dir+"/portal.secret}\n"+
		"terminals: {key_file: "+dir+"/hub.pem}\n")
	return file
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// hubChannels makes the hub's two channels from the printed configuration.
func hubChannels(t *testing.T, s *serving) (wx *wechat.Channel, ali *alipay.Channel) {
	t.Helper()
	config, err := app.Load(hubConfig(t, s, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	w, a := config.WeChat, config.Alipay
	wx, err = wechat.New(wechat.Config{
		AppID: w.AppID, AppSecret: string(contents(t, w.AppSecretFile)), MchID: w.MchID, MerchantSerial: w.MerchantSerial,
		MerchantKeyPEM: contents(t, w.MerchantKeyFile), PublicKeyID: w.PublicKeyID, PublicKeyPEM: contents(t, w.PublicKeyFile),
		APIv3Key: contents(t, w.APIv3KeyFile), APIBase: w.APIBase, OAuthBase: w.OAuthBase, AuthorizeBase: w.AuthorizeBase,
	})
	if err != nil {
		t.Fatal(err)
	}
	ali, err = alipay.New(alipay.Config{
		AppID: a.AppID, SellerID: a.SellerID, AppKeyPEM: contents(t, a.AppKeyFile), AlipayPublicKeyPEM: contents(t, a.PublicKeyFile),
		Gateway: a.Gateway, AuthorizeBase: a.AuthorizeBase,
	})
	if err != nil {
		t.Fatal(err)
	}
	return wx, ali
}

// order is a recharge of 12.34 yuan.
func order(no string, payer channels.Payer, notifyURL string) channels.PrepayRequest {
	return channels.PrepayRequest{
		OrderNo: no, Amount: 1234, Description: "tea", Attach: "account", PayerID: payer.ID, PayerKind: payer.Kind, NotifyURL: notifyURL,
		Expires: time.Now().Add(15 * time.Minute),
	}
}

func TestTheHubStartsWithThePrintedConfiguration(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "hub") // short: a Redis socket is in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config, err := app.Load(hubConfig(t, mockpay(t, "--calm"), dir))
	if err != nil {
		t.Fatal(err)
	}
	if config.Environment != "test" {
		t.Errorf("the configuration is for %q", config.Environment)
	}
	hub, err := app.New(t.Context(), config, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	hub.Close()
}

func TestTheHubsChannelsOrderPayHearAndQueryWithThePrintedConfiguration(t *testing.T) {
	t.Parallel()
	s := mockpay(t, "--calm")
	wx, ali := hubChannels(t, s)
	cases := map[string]struct {
		channel interface {
			channels.Channel
			channels.Notifier
		}
		payer   channels.Payer
		cashier string
	}{
		"wechat": {wx, channels.Payer{Kind: "openid", ID: s.merchant.WeChat.PayerOpenID}, s.merchant.WeChat.Base + "/_sim/cashier"},
		"alipay": {ali, channels.Payer{Kind: "user_id", ID: s.merchant.Alipay.BuyerID}, s.merchant.Alipay.AuthorizeBase + "/_sim/cashier"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heard := make(chan channels.Payment, 16)
			shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				payment, err := c.channel.ParseNotify(r.Context(), r.Header, body)
				if err != nil {
					t.Errorf("callback: %v", err)
				}
				heard <- payment
				c.channel.Answer(w, channels.Accepted)
			}))
			defer shop.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			prepay, err := c.channel.Prepay(ctx, order("order0001", c.payer, shop.URL+"/notify"))
			if err != nil {
				t.Fatal(err)
			}
			post(t, c.cashier, prepay.Params)
			select {
			case payment := <-heard:
				if payment.OrderNo != "order0001" || payment.State != channels.Paid || payment.Amount != 1234 {
					t.Errorf("heard %+v", payment)
				}
			case <-ctx.Done():
				t.Fatal("no callback")
			}
			payment, err := c.channel.Query(ctx, "order0001")
			if err != nil || payment.State != channels.Paid || payment.Amount != 1234 || payment.Payer != c.payer {
				t.Errorf("query: %+v, %v", payment, err)
			}
		})
	}
}
