package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"guodu/mocks/alipay"
	"guodu/mocks/sim"
	"guodu/mocks/wechatpay"
)

// The merchant when no other is asked for. None of it belongs to anybody.
const (
	mchID       = "1900000001"
	appID       = "wx00000000mockpay"
	alipayAppID = "2021000000000001"
	sellerID    = "2088000000000001"
)

// merchant is what a shop is configured with: who it is, its own secrets, and
// where and with what keys the platforms speak. It is the content of
// merchant.json, and of the state file, where the seed is kept too.
type merchant struct {
	Note   string         `json:"note"`
	Seed   int64          `json:"seed"`
	WeChat wechatMerchant `json:"wechat"`
	Alipay alipayMerchant `json:"alipay"`
	// Portal and Terminals are for guodu's hub alone.
	Portal    portalMerchant   `json:"portal"`
	Terminals terminalMerchant `json:"terminals"`
}

type portalMerchant struct {
	Base         string    `json:"base"`
	ClientSecret string    `json:"client_secret"`
	People       [3]person `json:"people"`
}

// person is somebody who can log in at the portal.
type person struct {
	Username  string `json:"username"`
	Password  string `json:"password"`
	AccountNo string `json:"account_no"`
	Name      string `json:"name"`
}

type terminalMerchant struct {
	HubKey string `json:"hub_key"` // PEM, PKCS#8, Ed25519
}

// people are the portal's. Their accounts are those of accounts.csv.
func people() [3]person {
	return [3]person{
		{"xiaoming", "xiaoming-1", "20260001", "小明"},
		{"xiaohong", "xiaohong-2", "20260002", "小红"},
		{"xiaogang", "xiaogang-3", "20260003", "小刚"},
	}
}

type wechatMerchant struct {
	Base                 string `json:"base"` // of api.mch.weixin.qq.com, api.weixin.qq.com, open.weixin.qq.com
	MchID                string `json:"mch_id"`
	AppID                string `json:"app_id"`
	AppSecret            string `json:"app_secret"`
	APIv3Key             string `json:"api_v3_key"`
	MerchantSerial       string `json:"merchant_serial"`
	MerchantPrivateKey   string `json:"merchant_private_key"` // PEM, PKCS#8
	PlatformPublicKeyID  string `json:"platform_public_key_id"`
	PlatformPublicKey    string `json:"platform_public_key"` // PEM
	PayerOpenID          string `json:"payer_openid"`        // of the person who pays by default
	MerchantPublicKeyPEM string `json:"merchant_public_key"`
}

type alipayMerchant struct {
	Gateway         string `json:"gateway"`
	AuthorizeBase   string `json:"authorize_base"`
	AppID           string `json:"app_id"`
	SellerID        string `json:"seller_id"`
	AppPrivateKey   string `json:"app_private_key"` // PEM, PKCS#8
	AppPublicKey    string `json:"app_public_key"`  // PEM
	AlipayPublicKey string `json:"alipay_public_key"`
	BuyerID         string `json:"buyer_id"` // of the person who pays by default
}

const note = "Keys of a simulator: nothing here moves money, and production must refuse them."

// newMerchant makes a merchant with fresh keys.
func newMerchant(seed int64) (merchant, error) {
	wx, err := wechatpay.GenerateMerchantKey()
	if err != nil {
		return merchant{}, err
	}
	ali, err := alipay.GenerateMerchantKey()
	if err != nil {
		return merchant{}, err
	}
	if seed == 0 {
		seed = sim.NewSeed()
	}
	wxPublic, wxErr := publicPEM(wx.PublicKey)
	aliPublic, aliErr := publicPEM(ali.PublicKey)
	return merchant{
		Note: note, Seed: seed,
		WeChat: wechatMerchant{
			AppSecret: strings.ToLower(rand.Text()), APIv3Key: strings.ToLower(rand.Text() + rand.Text())[:32],
			MerchantSerial: wx.Serial, MerchantPrivateKey: string(wx.PrivateKeyPEM), MerchantPublicKeyPEM: wxPublic,
		},
		Alipay: alipayMerchant{AppPrivateKey: string(ali.PrivateKeyPEM), AppPublicKey: aliPublic},
	}, errors.Join(wxErr, aliErr)
}

func publicPEM(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

// parsePublic reads what publicPEM wrote.
func parsePublic(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("no RSA key")
	}
	return public, nil
}

// openMerchant takes the merchant of a state file, or makes one. What the
// command line asks for wins over the file's.
func openMerchant(s serve) (merchant, error) {
	m, err := keptMerchant(s.stateFile(), s.Seed)
	if err != nil {
		return merchant{}, err
	}
	for _, wish := range []struct {
		asked, otherwise string
		field            *string
	}{
		{s.MchID, mchID, &m.WeChat.MchID}, {s.AppID, appID, &m.WeChat.AppID},
		{s.AlipayAppID, alipayAppID, &m.Alipay.AppID}, {s.SellerID, sellerID, &m.Alipay.SellerID},
	} {
		if wish.asked != "" {
			*wish.field = wish.asked
		}
		if *wish.field == "" {
			*wish.field = wish.otherwise
		}
	}
	m.Portal.People = people()
	if m.Portal.ClientSecret == "" {
		m.Portal.ClientSecret = strings.ToLower(rand.Text())
	}
	if m.Terminals.HubKey == "" {
		m.Terminals.HubKey, err = newHubKey()
	}
	return m, err
}

func keptMerchant(file string, seed int64) (merchant, error) {
	if file == "" {
		return newMerchant(seed)
	}
	text, err := os.ReadFile(file) // #nosec G304 -- the user names the file
	if errors.Is(err, fs.ErrNotExist) {
		return newMerchant(seed)
	}
	if err != nil {
		return merchant{}, fmt.Errorf("state: %w", err)
	}
	var m merchant
	err = json.Unmarshal(text, &m)
	if err != nil || m.WeChat.MerchantPublicKeyPEM == "" || m.Alipay.AppPublicKey == "" {
		return merchant{}, fmt.Errorf("state: %s is not a file of mockpay's", file)
	}
	if seed != 0 {
		m.Seed = seed
	}
	return m, nil
}

// keep writes the merchant into the state file.
func (m merchant) keep(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = replace(file, string(text)+"\n")
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
