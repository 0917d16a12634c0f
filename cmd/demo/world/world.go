package world

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"guodu/internal/keyfile"
	"guodu/mocks/alipay"
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
	// VisitorID is a terminal that the world does not switch on: whoever watches can.
	VisitorID = "T-yours"
)

// The one merchant with its official account and its life account.
const (
	mchID       = "1900000001"
	appID       = "wx00000000000demo"
	alipayAppID = "2021000000000001"
	sellerID    = "2088000000000001"
)

// Options say how a world is made.
type Options struct {
	Dir       string // for the hub's files, the card and the terminal's disk
	PublicURL string // where the hub will be reached
	Alipay    bool   // there is an Alipay as well
	// AutoDeliver lets the channels tell of payments and refunds by themselves, and
	// repeat it as documented.
	AutoDeliver bool
	// NotifyRefunds lets Alipay tell of refunds, as it did until 2023.
	NotifyRefunds bool
	// Messages gives the hub templates to tell the holder by, of every kind.
	Messages bool
	Seed     int64 // of the simulators; 0 draws one
	Log      *slog.Logger
}

// World is what a hub needs around it. Close ends the simulators.
type World struct {
	options     Options
	files       map[string]string // the hub's files, by name
	settings    []string          // lines of the hub's configuration
	WeChat      *wechatpay.Sim
	WeChatURL   string
	Alipay      *alipay.Sim // nil if there is none
	AlipayURL   string
	Portal      *portal.Portal
	PortalURL   string
	HubKey      ed25519.PublicKey  // verifies what the hub signs
	TerminalKey ed25519.PrivateKey // the terminal's own
	visitorKey  ed25519.PublicKey
	ConfigFile  string // for hub --config

	mu     sync.Mutex
	events map[string]int // at the terminal
}

// New starts the simulators and writes the hub's files.
func New(ctx context.Context, o Options) (*World, error) {
	w := &World{options: o, files: map[string]string{}, events: map[string]int{}}
	w.ConfigFile = w.path("hub.yaml")
	w.set("environment", "test")
	w.set("health", "")
	w.set("public_url", o.PublicURL)
	w.set("data_dir", w.path("data"))
	for _, open := range []func(context.Context) error{w.openWeChat, w.openAlipay, w.openPortal, w.makeKeys} {
		if err := open(ctx); err != nil {
			w.Close()
			return nil, fmt.Errorf("world: %w", err)
		}
	}
	w.files["accounts.csv"] = "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n" +
		AccountNo + ",1,open,0.00,," + CardNo + "," + CardUID + ",1,stamp\n"
	w.files["hub.yaml"] = strings.Join(w.settings, "\n") + "\n"
	for name, text := range w.files {
		if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
			w.Close()
			return nil, fmt.Errorf("world: %w", err)
		}
	}
	return w, nil
}

// set adds a setting to the hub's configuration: a line, or a line of the
// section that was begun last.
func (w *World) set(name, value string) {
	w.settings = append(w.settings, fmt.Sprintf("%s: %q", name, value))
}

// section begins a section of the configuration.
func (w *World) section(name string) { w.settings = append(w.settings, name+":") }

// secret keeps a text as a file and names the file in a setting.
func (w *World) secret(setting, file, text string) {
	w.files[file] = text
	w.set("  "+setting, w.path(file))
}

func (w *World) openWeChat(ctx context.Context) error {
	merchant, err := wechatpay.GenerateMerchantKey()
	if err != nil {
		return err
	}
	secret, key := rand.Text(), strings.ToLower(rand.Text() + rand.Text())[:32]
	w.WeChat, err = wechatpay.New(wechatpay.Options{
		MchID: mchID, AppID: appID, AppSecret: secret, APIv3Key: key, MerchantSerial: merchant.Serial,
		MerchantPublicKey: merchant.PublicKey, DefaultPerson: Person, AllowLoopbackNotify: true, Seed: w.options.Seed, Logger: w.options.Log,
		AutoDeliver: w.options.AutoDeliver,
	})
	if err != nil {
		return err
	}
	w.WeChatURL, err = w.WeChat.Start(ctx)
	if err != nil {
		return err
	}
	w.section("wechat")
	w.set("  app_id", appID)
	w.secret("app_secret_file", "app.secret", secret)
	w.set("  mch_id", mchID)
	w.set("  merchant_serial", merchant.Serial)
	w.secret("merchant_key_file", "merchant.pem", string(merchant.PrivateKeyPEM))
	w.set("  public_key_id", w.WeChat.PublicKeyID())
	w.secret("public_key_file", "wechatpay.pem", string(w.WeChat.PublicKeyPEM()))
	w.secret("api_v3_key_file", "api-v3.key", key)
	for _, base := range []string{"api_base", "oauth_base", "authorize_base"} {
		w.set("  "+base, w.WeChatURL)
	}
	w.messages("T-wechat", "character_string1", "amount2", "time3", "thing4")
	return nil
}

// messages adds templates to the section that was begun last.
func (w *World) messages(template, order, amount, at, place string) {
	if !w.options.Messages {
		return
	}
	w.section("  messages")
	for _, kind := range []string{"paid", "loaded", "refunded"} {
		w.section("    " + kind)
		w.set("      template", template)
		w.section("      fields")
		w.set("        "+order, "order")
		w.set("        "+amount, "amount")
		w.set("        "+at, "time")
		w.set("        "+place, map[string]string{"paid": "=校园卡充值", "loaded": "place", "refunded": "=校园卡退款"}[kind])
	}
}

func (w *World) openAlipay(ctx context.Context) error {
	if !w.options.Alipay {
		return nil
	}
	merchant, err := alipay.GenerateMerchantKey()
	if err != nil {
		return err
	}
	w.Alipay, err = alipay.New(alipay.Options{
		AppID: alipayAppID, SellerID: sellerID, MerchantPublicKey: merchant.PublicKey, DefaultPerson: Person,
		AllowLoopbackNotify: true, Seed: w.options.Seed, Logger: w.options.Log,
		AutoDeliver: w.options.AutoDeliver, Profile: alipay.Profile{NotifyRefunds: w.options.NotifyRefunds},
	})
	if err != nil {
		return err
	}
	w.AlipayURL, err = w.Alipay.Start(ctx)
	if err != nil {
		return err
	}
	w.section("alipay")
	w.set("  app_id", alipayAppID)
	w.set("  seller_id", sellerID)
	w.secret("app_key_file", "alipay-app.pem", string(merchant.PrivateKeyPEM))
	w.secret("public_key_file", "alipay.pem", string(w.Alipay.PublicKeyPEM()))
	w.set("  gateway", w.AlipayURL+"/gateway.do")
	w.set("  authorize_base", w.AlipayURL)
	w.messages(alipay.DefaultTemplate, "keyword1", "keyword2", "keyword3", "keyword4")
	return nil
}

func (w *World) openPortal(ctx context.Context) error {
	secret := rand.Text()
	var err error
	w.Portal, err = portal.New(portal.Options{ClientSecret: secret, People: []portal.Person{
		{Username: Username, Password: Password, AccountNo: AccountNo, Name: "小明"},
	}, Logger: w.options.Log})
	if err != nil {
		return err
	}
	w.PortalURL, err = w.Portal.Start(ctx)
	if err != nil {
		return err
	}
	w.section("portal")
	w.set("  base", w.PortalURL)
	w.secret("client_secret_file", "portal.secret", secret)
	return nil
}

func (w *World) makeKeys(context.Context) error {
	hubPublic, hubPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	w.HubKey = hubPublic
	_, w.TerminalKey, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	visitor, err := keyfile.New(w.path("visitor.pem"))
	if err == nil {
		w.visitorKey, err = base64.StdEncoding.DecodeString(visitor)
	}
	if err != nil {
		return err
	}
	w.files["hub.pub"] = base64.StdEncoding.EncodeToString(hubPublic) + "\n"
	hubKey, err := x509.MarshalPKCS8PrivateKey(hubPrivate)
	if err != nil {
		return err
	}
	w.section("terminals")
	w.secret("key_file", "hub.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: hubKey})))
	return nil
}

// Close ends the simulators.
func (w *World) Close() {
	if w.WeChat != nil {
		_ = w.WeChat.Close()
	}
	if w.Alipay != nil {
		_ = w.Alipay.Close()
	}
	if w.Portal != nil {
		_ = w.Portal.Close()
	}
}

// Phone is the holder's phone with the app of a channel open.
func (w *World) Phone(channel string) (*phone.Phone, error) { return w.phone(channel, false) }

// Browser is the holder's phone with an ordinary browser open.
func (w *World) Browser(channel string) (*phone.Phone, error) { return w.phone(channel, true) }

func (w *World) phone(channel string, outside bool) (*phone.Phone, error) {
	cashier := map[string]string{"wechat": w.WeChatURL, "alipay": w.AlipayURL}[channel]
	return phone.New(phone.Options{Hub: w.options.PublicURL, Cashier: cashier, Person: Person, Channel: channel, Outside: outside})
}

// Deliver sends n callbacks about an order, one after the other, and returns
// the statuses that the hub answered and whether it accepted them all.
func (w *World) Deliver(ctx context.Context, channel, order string, n int) (statuses []int, accepted bool, err error) {
	accepted = true
	if channel == "alipay" {
		delivered, err := w.Alipay.Deliver(ctx, order, n)
		for _, d := range delivered {
			statuses, accepted = append(statuses, d.Status), accepted && d.Accepted
		}
		return statuses, accepted, err
	}
	delivered, err := w.WeChat.Deliver(ctx, order, n)
	for _, d := range delivered {
		statuses, accepted = append(statuses, d.Status), accepted && d.Accepted
	}
	return statuses, accepted, err
}

// Secrets are texts that must appear in no log: what the files hold (of a key,
// a line of it), the holder's password, and the holder's ids at the channels.
func (w *World) Secrets() []string {
	all := []string{Password, wechatpay.OpenID(appID, Person)}
	if w.Alipay != nil {
		all = append(all, w.Alipay.Buyer(Person))
	}
	for _, name := range []string{"app.secret", "merchant.pem", "api-v3.key", "alipay-app.pem", "portal.secret", "hub.pem"} {
		lines := strings.Split(strings.TrimSpace(w.files[name]), "\n")
		if len(lines) > 1 {
			lines = lines[1:2]
		}
		if lines[0] != "" {
			all = append(all, lines[0])
		}
	}
	return all
}

// path is a file or folder of this world.
func (w *World) path(name string) string { return filepath.Join(w.options.Dir, name) }

// AccountsFile is the holder's account as the card core exports it.
func (w *World) AccountsFile() string { return w.path("accounts.csv") }
