package world

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"guodu/mocks/phone"
	"guodu/mocks/portal"
	"guodu/mocks/wechatpay"
)

// The one holder of this world. None of it belongs to a real person.
const (
	AccountNo  = "2026000001"
	CardNo     = "700001"
	CardUID    = "04A1B2C3D4"
	Person     = "xiaoming"
	Username   = "xiaoming"
	Password   = "correct horse battery"
	TerminalID = "T-canteen-1"
)

// The one merchant and official account of this world.
const (
	mchID = "1900000001"
	appID = "wx00000000000demo"
)

// Options say how a world is made.
type Options struct {
	Dir       string // for the hub's files, the card and the terminal's disk
	PublicURL string // where the hub will be reached
	Seed      int64  // of the simulators; 0 draws one
	Log       *slog.Logger
}

// World is what a hub needs around it. Close ends the simulators.
type World struct {
	options     Options
	secrets     secrets
	WeChat      *wechatpay.Sim
	WeChatURL   string
	Portal      *portal.Portal
	PortalURL   string
	HubKey      ed25519.PublicKey  // verifies what the hub signs
	TerminalKey ed25519.PrivateKey // the terminal's own
	ConfigFile  string             // for hub --config
}

// secrets are what merchant and simulators share.
type secrets struct {
	merchantKey                                       []byte
	merchantSerial, appSecret, apiV3Key, portalSecret string
}

// New starts the simulators and writes the hub's files.
func New(ctx context.Context, o Options) (*World, error) {
	w := &World{options: o}
	merchant, err := wechatpay.GenerateMerchantKey()
	if err != nil {
		return nil, err
	}
	w.secrets = secrets{
		merchantKey: merchant.PrivateKeyPEM, merchantSerial: merchant.Serial, appSecret: rand.Text(),
		apiV3Key: strings.ToLower(rand.Text() + rand.Text())[:32], portalSecret: rand.Text(),
	}
	w.WeChat, err = wechatpay.New(wechatpay.Options{
		MchID: mchID, AppID: appID, AppSecret: w.secrets.appSecret, APIv3Key: w.secrets.apiV3Key,
		MerchantSerial: merchant.Serial, MerchantPublicKey: merchant.PublicKey, DefaultPerson: Person,
		AllowLoopbackNotify: true, Seed: o.Seed, Logger: o.Log,
	})
	if err != nil {
		return nil, err
	}
	w.Portal, err = portal.New(portal.Options{ClientSecret: w.secrets.portalSecret, People: []portal.Person{
		{Username: Username, Password: Password, AccountNo: AccountNo, Name: "小明"},
	}, Logger: o.Log})
	if err != nil {
		return nil, err
	}
	w.WeChatURL, err = w.WeChat.Start(ctx)
	if err == nil {
		w.PortalURL, err = w.Portal.Start(ctx)
	}
	if err == nil {
		err = w.writeFiles()
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Close ends the simulators.
func (w *World) Close() {
	_ = w.WeChat.Close()
	_ = w.Portal.Close()
}

// Phone is the holder's phone.
func (w *World) Phone() (*phone.Phone, error) {
	return phone.New(phone.Options{Hub: w.options.PublicURL, Cashier: w.WeChatURL, Person: Person, Channel: "wechat"})
}

// Secrets are texts that must appear in no log: what the files hold, the
// holder's password, and the holder's id at the channel.
func (w *World) Secrets() []string {
	lines := strings.Split(strings.TrimSpace(string(w.secrets.merchantKey)), "\n")
	hubKey, _ := os.ReadFile(w.path("hub.pem"))
	return []string{
		w.secrets.appSecret, w.secrets.apiV3Key, w.secrets.portalSecret, Password, wechatpay.OpenID(appID, Person),
		lines[1], strings.Split(string(hubKey), "\n")[1],
	}
}

// path is a file or folder of this world.
func (w *World) path(name string) string { return filepath.Join(w.options.Dir, name) }

// AccountsFile is the holder's account as the card core exports it.
func (w *World) AccountsFile() string { return w.path("accounts.csv") }

func (w *World) writeFiles() error {
	hubPublic, hubPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	w.HubKey = hubPublic
	_, w.TerminalKey, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	hubKey, err := x509.MarshalPKCS8PrivateKey(hubPrivate)
	if err != nil {
		return err
	}
	w.ConfigFile = w.path("hub.yaml")
	for name, text := range map[string]string{
		"merchant.pem": string(w.secrets.merchantKey), "wechatpay.pem": string(w.WeChat.PublicKeyPEM()),
		"api-v3.key": w.secrets.apiV3Key, "app.secret": w.secrets.appSecret, "portal.secret": w.secrets.portalSecret,
		"hub.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: hubKey})),
		"accounts.csv": "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n" +
			AccountNo + ",1,open,0.00,," + CardNo + "," + CardUID + ",1,stamp\n",
		"hub.yaml": w.config(),
	} {
		if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("world: %w", err)
		}
	}
	return nil
}

// config is the hub's configuration in this world.
func (w *World) config() string {
	line := func(name, value string) string { return fmt.Sprintf("  %s: %q\n", name, value) }
	return "environment: test\nhealth: \"\"\n" +
		fmt.Sprintf("public_url: %q\ndata_dir: %q\n", w.options.PublicURL, w.path("data")) +
		"wechat:\n" + line("app_id", appID) + line("app_secret_file", w.path("app.secret")) +
		line("mch_id", mchID) + line("merchant_serial", w.secrets.merchantSerial) +
		line("merchant_key_file", w.path("merchant.pem")) + line("public_key_id", w.WeChat.PublicKeyID()) +
		line("public_key_file", w.path("wechatpay.pem")) + line("api_v3_key_file", w.path("api-v3.key")) +
		line("api_base", w.WeChatURL) + line("oauth_base", w.WeChatURL) + line("authorize_base", w.WeChatURL) +
		"portal:\n" + line("base", w.PortalURL) + line("client_secret_file", w.path("portal.secret")) +
		"terminals:\n" + line("key_file", w.path("hub.pem"))
}
