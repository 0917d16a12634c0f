package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// written begins the hub.yaml that mockpay may write over.
const written = "# Written by mockpay, which writes it anew at each start. Edit a copy.\n"

// accounts are those of the portal's people, as the hub imports them: with a
// card, without one, and with arrears.
const accounts = `account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile
20260001,1,open,0.00,,700001,04A1B2C3D4,1,stamp
20260002,1,open,0.00,,,,,
20260003,1,open,12.50,,,,,
`

// hubSecret is a file that hub.yaml names, with its place in merchant.json.
type hubSecret struct{ file, place, text string }

func (m *merchant) hubSecrets() []hubSecret {
	return []hubSecret{
		{"app.secret", "wechat.app_secret", m.WeChat.AppSecret},
		{"merchant.pem", "wechat.merchant_private_key", m.WeChat.MerchantPrivateKey},
		{"wechatpay.pem", "wechat.platform_public_key", m.WeChat.PlatformPublicKey},
		{"api-v3.key", "wechat.api_v3_key", m.WeChat.APIv3Key},
		{"alipay-app.pem", "alipay.app_private_key", m.Alipay.AppPrivateKey},
		{"alipay.pem", "alipay.alipay_public_key", m.Alipay.AlipayPublicKey},
		{"portal.secret", "portal.client_secret", m.Portal.ClientSecret},
		{"hub.pem", "terminals.hub_key", m.Terminals.HubKey},
	}
}

// yaml is the whole configuration of a hub. With a folder the files are named in
// there, and else by themselves, with the places of their contents.
func (m *merchant) yaml(dir string) string {
	named := map[string]string{}
	for _, s := range m.hubSecrets() {
		named[s.file] = fmt.Sprintf("%-22s # %s", s.file, s.place)
		if dir != "" {
			named[s.file] = fmt.Sprintf("%q", filepath.Join(dir, s.file))
		}
	}
	data := "data"
	if dir != "" {
		data = fmt.Sprintf("%q", filepath.Join(dir, "data"))
	}
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("environment: test")
	line("listen: 127.0.0.1:8080")
	line("health: 127.0.0.1:8081")
	line("public_url: http://127.0.0.1:8080")
	line("data_dir: %s", data)
	line("wechat:")
	line("  app_id: %s", m.WeChat.AppID)
	line("  app_secret_file: %s", named["app.secret"])
	line("  mch_id: %q", m.WeChat.MchID)
	line("  merchant_serial: %q", m.WeChat.MerchantSerial)
	line("  merchant_key_file: %s", named["merchant.pem"])
	line("  public_key_id: %s", m.WeChat.PlatformPublicKeyID)
	line("  public_key_file: %s", named["wechatpay.pem"])
	line("  api_v3_key_file: %s", named["api-v3.key"])
	for _, base := range []string{"api_base", "oauth_base", "authorize_base"} {
		line("  %s: %s", base, m.WeChat.Base)
	}
	line("alipay:")
	line("  app_id: %q", m.Alipay.AppID)
	line("  seller_id: %q", m.Alipay.SellerID)
	line("  app_key_file: %s", named["alipay-app.pem"])
	line("  public_key_file: %s", named["alipay.pem"])
	line("  gateway: %s", m.Alipay.Gateway)
	line("  authorize_base: %s", m.Alipay.AuthorizeBase)
	line("portal:")
	line("  base: %s", m.Portal.Base)
	line("  client_secret_file: %s", named["portal.secret"])
	line("terminals:")
	line("  key_file: %s", named["hub.pem"])
	return out.String()
}

// writeHub writes hub.yaml and all that it names into a folder, and accounts.csv
// beside it.
func (m *merchant) writeHub(dir string) error {
	files := map[string]string{"hub.yaml": written + m.yaml(dir), "accounts.csv": accounts}
	for _, s := range m.hubSecrets() {
		files[s.file] = s.text
	}
	for name, text := range files {
		err := replace(filepath.Join(dir, name), text)
		if err != nil {
			return fmt.Errorf("hub: %w", err)
		}
	}
	return nil
}

// hubFolder makes the folder of hub.yaml. It says no to one where files of these
// names are somebody else's: they might be a real merchant's.
func hubFolder(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	config := filepath.Join(dir, "hub.yaml")
	text, err := os.ReadFile(config) // #nosec G304 -- the user names the folder
	if err == nil && strings.HasPrefix(string(text), written) {
		return nil
	}
	names := []string{"hub.yaml", "accounts.csv"}
	for _, s := range new(merchant).hubSecrets() {
		names = append(names, s.file)
	}
	for _, name := range names {
		_, err = os.Lstat(filepath.Join(dir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("hub: %s is there and not mockpay's; name another folder", filepath.Join(dir, name))
		}
	}
	return nil
}

// replace writes a file for this user alone. Nobody sees a half of it.
func replace(name, text string) error {
	err := os.WriteFile(name+".new", []byte(text), 0o600)
	if err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// newHubKey is the key with which a hub signs for terminals: Ed25519 in PKCS#8.
func newHubKey() (string, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}
