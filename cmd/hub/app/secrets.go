package app

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"guodu/channels/alipay"
	"guodu/channels/wechat"
	"guodu/internal/keyfile"
	"guodu/transition/pos"
)

// secrets are what the files named in the configuration hold.
type secrets struct {
	wechat       []wechat.Config // those of the configuration's merchants, in order
	alipay       []alipay.Config
	portalSecret []byte
	hubKey       ed25519.PrivateKey
}

func readSecrets(c Config) (secrets, error) {
	var (
		s     secrets
		first error
	)
	file := func(path string) []byte {
		text, err := secret(path)
		if err != nil && first == nil {
			first = err
		}
		return text
	}
	for _, w := range c.WeChat.merchants() {
		appSecret := []byte(nil)
		if !w.former {
			appSecret = file(w.AppSecretFile)
		}
		s.wechat = append(s.wechat, wechat.Config{
			AppID: w.AppID, AppSecret: string(appSecret), MchID: w.MchID, MerchantSerial: w.MerchantSerial,
			MerchantKeyPEM: file(w.MerchantKeyFile), Keys: wechatKeys(w, file),
			APIBase: w.APIBase, OAuthBase: w.OAuthBase, AuthorizeBase: w.AuthorizeBase,
			Timeout: w.Timeout, Messages: templates(w.Messages), Production: c.Environment == production,
			Former: w.former,
		})
	}
	for _, a := range c.Alipay.merchants() {
		s.alipay = append(s.alipay, alipay.Config{
			AppID: a.AppID, SellerID: a.SellerID, AppKeyPEM: file(a.AppKeyFile), MoreAlipayPublicKeys: alipayKeys(a, file),
			Gateway: a.Gateway, AuthorizeBase: a.AuthorizeBase, Timeout: a.Timeout, Messages: templates(a.Messages),
			Production: c.Environment == production, Former: a.former,
		})
	}
	s.portalSecret = file(c.Portal.ClientSecretFile)
	key := file(c.Terminals.KeyFile)
	if first != nil {
		return secrets{}, first
	}
	var err error
	s.hubKey, err = parseHubKey(key)
	if err != nil {
		return secrets{}, fmt.Errorf("%w: terminals.key_file: %w", ErrConfig, err)
	}
	return s, nil
}

// TerminalSecret is the secret with this number of a terminal that signs with
// hmac-sha256. It belongs on a screen once, and in no log.
func (h *Hub) TerminalSecret(id string, number int64) ([]byte, error) {
	text, err := secret(h.config.Terminals.KeyFile)
	if err != nil {
		return nil, err
	}
	key, err := parseHubKey(text)
	if err != nil {
		return nil, fmt.Errorf("%w: terminals.key_file: %w", ErrConfig, err)
	}
	return pos.Secret(key, id, number)
}

// parseHubKey reads the key with which the hub signs for terminals: PEM, or base64
// of the same bytes.
func parseHubKey(text []byte) (ed25519.PrivateKey, error) { return keyfile.ParsePrivate(text) }

// derived is a key of its own for one purpose, from the key that all hubs of a
// campus share.
func derived(key ed25519.PrivateKey, purpose string) []byte {
	mac := hmac.New(sha256.New, key.Seed())
	mac.Write([]byte("guodu-" + purpose + "-v1"))
	return mac.Sum(nil)
}
