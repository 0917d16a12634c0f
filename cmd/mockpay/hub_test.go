package main

import (
	"context"
	"encoding/json"
	"errors"
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
// files and copies the configuration. Only folders are put in front of names,
// because these tests share one working directory.
func hubConfig(t *testing.T, s *serving, dir string) string {
	t.Helper()
	_, rest, _ := strings.Cut(s.printed, "in files):\n\n")
	text, _, found := strings.Cut(rest, "\n"+lastLine)
	if !found {
		t.Fatalf("no configuration in:\n%s", s.printed)
	}
	var all map[string]any
	if err := json.Unmarshal(get(t, s.help+"/merchant.json"), &all); err != nil {
		t.Fatal(err)
	}
	for _, line := range named.FindAllStringSubmatch(text, -1) {
		part, _ := all[line[3]].(map[string]any)
		value, _ := part[line[4]].(string)
		if value == "" {
			t.Fatalf("merchant.json has no %s.%s", line[3], line[4])
		}
		writeFile(t, filepath.Join(dir, line[2]), value)
	}
	file := filepath.Join(dir, "hub.yaml")
	text = strings.Replace(text, "data_dir: data", "data_dir: "+dir+"/data", 1)
	writeFile(t, file, named.ReplaceAllString(text, "${1}"+dir+"/$2"))
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

// shortDir is a folder whose name leaves room for a Redis socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hub")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// startsHub starts a hub with a configuration, and imports the accounts.
func startsHub(t *testing.T, file, accounts string) {
	t.Helper()
	config, err := app.Load(file)
	if err == nil {
		err = config.Check()
	}
	if err != nil || config.Environment != "test" || config.PublicURL != "http://127.0.0.1:8080" {
		t.Fatalf("configuration: %v, for %q at %q", err, config.Environment, config.PublicURL)
	}
	hub, err := app.New(t.Context(), config, app.Options{Log: slog.New(slog.DiscardHandler), Begin: true})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	done, err := hub.Import(t.Context(), strings.NewReader(accounts), func(so app.Imported) {})
	if err != nil || done.Changed != 3 || done.Refused != 0 {
		t.Errorf("accounts: %+v, %v", done, err)
	}
}

func TestTheHubStartsWithThePrintedConfiguration(t *testing.T) {
	t.Parallel()
	startsHub(t, hubConfig(t, mockpay(t, "--calm"), shortDir(t)), accounts)
}

func TestTheHubStartsWithTheFolderThatWasWritten(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), "new")
	s := mockpay(t, "--calm", "--hub="+dir)
	if !strings.Contains(s.printed, "\n    hub --config "+dir+"/hub.yaml serve\n") {
		t.Errorf("it does not say how to start the hub:\n%s", s.printed)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 13 { // ten of the hub's, three of the state
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file.Name(), info.Mode(), err)
		}
	}
	startsHub(t, filepath.Join(dir, "hub.yaml"), string(contents(t, filepath.Join(dir, "accounts.csv"))))
	before := contents(t, filepath.Join(dir, "hub.pem"))
	if status, problems := s.end(); status != 0 {
		t.Fatal(problems)
	}
	again := mockpay(t, "--calm", "--hub="+dir)
	if string(contents(t, filepath.Join(dir, "hub.pem"))) != string(before) || again.merchant.WeChat.APIv3Key != s.merchant.WeChat.APIv3Key {
		t.Error("a restart has other keys")
	}
	if config, err := app.Load(filepath.Join(dir, "hub.yaml")); err != nil || config.WeChat.APIBase != again.merchant.WeChat.Base {
		t.Errorf("a restart is not written: %v", err)
	}
}

func TestAFolderWithSomebodyElsesFilesStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"merchant.pem", "hub.yaml", "accounts.csv"} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, name), "mine")
		args := append([]string{"--hub=" + dir}, anywhere...)
		status, _, problems := once(t, args...)
		files, err := os.ReadDir(dir)
		if status != 1 || !strings.Contains(problems, name+" is there and not mockpay's") || err != nil || len(files) != 1 ||
			string(contents(t, filepath.Join(dir, name))) != "mine" {
			t.Errorf("%s: status %d, %d files: %s", name, status, len(files), problems)
		}
	}
}

func TestWithoutAFolderNothingIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	command, _ := processIn(t, dir, "--calm")
	if !strings.Contains(command.printed, "\nterminals:\n") {
		t.Errorf("no whole hub.yaml in:\n%s", command.printed)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestThePortalKnowsThePrintedPeople(t *testing.T) {
	t.Parallel()
	s := mockpay(t, "--calm")
	ask := func(p person, secret string) (int, string) {
		body := strings.NewReader(`{"username":"` + p.Username + `","password":"` + p.Password + `"}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.merchant.Portal.Base+"/api/v1/verify", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/json")
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = got.Body.Close() }()
		text, _ := io.ReadAll(got.Body)
		return got.StatusCode, string(text)
	}
	for _, p := range people() {
		if !strings.Contains(s.printed, p.Username) || !strings.Contains(s.printed, " "+p.Password+" ") || !strings.Contains(accounts, "\n"+p.AccountNo+",") {
			t.Errorf("%s is not printed, or has no account", p.Username)
		}
		if status, text := ask(p, s.merchant.Portal.ClientSecret); status != 200 || !strings.Contains(text, p.AccountNo) {
			t.Errorf("%s: %d %s", p.Username, status, text)
		}
	}
	if status, text := ask(people()[0], "wrong"); status != http.StatusForbidden {
		t.Errorf("with a wrong secret: %d %s", status, text)
	}
}

func TestTwoMockpaysAreTwoMerchants(t *testing.T) {
	t.Parallel()
	one, two := mockpay(t, "--calm"), mockpay(t, "--calm",
		"--mch-id=1900000002", "--app-id=wx00000000another", "--alipay-app-id=2021000000000002", "--seller-id=2088000000000002")
	a, b := one.merchant, two.merchant
	if a.WeChat.MchID == b.WeChat.MchID || a.WeChat.AppID == b.WeChat.AppID || a.Alipay.AppID == b.Alipay.AppID || a.Alipay.SellerID == b.Alipay.SellerID {
		t.Errorf("%+v\n%+v", a, b)
	}
	furnish(t, two) // the hub's channels take the other merchant's
	wx, _ := hubChannels(t, one)
	if _, err := wx.Query(t.Context(), "order0001"); !errors.Is(err, channels.ErrOrderNotFound) {
		t.Errorf("the first merchant knows the second one's order: %v", err)
	}
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
