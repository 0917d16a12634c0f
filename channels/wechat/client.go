package wechat

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"

	"guodu/channels"
	"guodu/internal/upstream"
)

// Name is the channel's short name, stored with each order.
const Name = "wechat"

// kindOpenID is what sort of id WeChat's payers have.
const kindOpenID = "openid"

var (
	_ channels.Channel  = (*Channel)(nil)
	_ channels.Notifier = (*Channel)(nil)
	_ channels.OAuth    = (*Channel)(nil)
	_ channels.Refunder = (*Channel)(nil)

	_ channels.Excerpter      = (*Channel)(nil)
	_ channels.Messenger      = (*Channel)(nil)
	_ channels.RefundNotifier = (*Channel)(nil)
)

// Channel is WeChat Pay for one merchant and one official account. It is safe
// for concurrent use; all that ever changes in it are the keys of [Channel.SetKeys]
// and the account's access token.
type Channel struct {
	rules    keyRules
	appID    string
	mchID    string
	clock    func() time.Time
	client   *core.Client
	orders   jsapi.JsapiApiService
	verifier *verifier
	oauth    oauth
	account  *account
}

// New checks the whole configuration and builds the channel; it calls nobody.
// The error names each field that is wrong and the form that was expected.
func New(cfg Config) (*Channel, error) {
	s, err := cfg.parse()
	if err != nil {
		return nil, err
	}
	var carrier http.RoundTripper = bounded{next: s.Transport}
	if s.Production && (s.apiBase.Host != officialHost(DefaultAPIBase) || s.oauthBase.Host != officialHost(DefaultOAuthBase)) {
		carrier = upstream.Saying(carrier)
	}
	verifier := newVerifier(s)
	client, err := newAPIClient(s, verifier, carrier)
	if err != nil {
		return nil, err
	}
	caller := upstream.Client(carrier, s.Timeout)
	return &Channel{
		rules:    s.keyRules,
		appID:    s.AppID,
		mchID:    s.MchID,
		clock:    s.Clock,
		client:   client,
		orders:   jsapi.JsapiApiService{Client: client},
		verifier: verifier,
		oauth:    newOAuth(s, caller),
		account:  newAccount(s, caller),
	}, nil
}

// Merchant is the merchant's number and the app's.
func (c *Channel) Merchant() string { return c.mchID + "/" + c.appID }

// SetKeys replaces the keys that are believed and those that open callbacks, the
// ones of the Config included:
// callbacks and answers that are being verified end with the old ones, all
// others see the new ones. If any is not to be used, an error names each by its
// Source, and the old ones stay. Without an APIv3 key the ones in use stay.
func (c *Channel) SetKeys(keys Keys) error {
	set, err := keys.keySet(c.rules, c.clock())
	if err != nil {
		return fmt.Errorf("wechat keys: %w", err)
	}
	if len(set.apiv3) == 0 {
		set.apiv3 = c.verifier.keys.Load().apiv3
	}
	c.verifier.keys.Store(set)
	return nil
}

// Name is the constant Name.
func (c *Channel) Name() string { return Name }

// String is Name; a Channel has nothing else that may be printed.
func (c *Channel) String() string { return Name }

// newAPIClient verifies answers by our own keys. The module's ways with a
// downloader would fetch keys that nobody here has seen.
func newAPIClient(s *settings, verifier *verifier, carrier http.RoundTripper) (*core.Client, error) {
	carrier = rebased{base: s.apiBase, next: carrier}
	client, err := core.NewClient(context.Background(),
		option.WithMerchantCredential(s.MchID, s.MerchantSerial, s.merchantKey),
		option.WithVerifier(verifier),
		option.WithHTTPClient(upstream.Client(carrier, s.Timeout)))
	if err != nil {
		return nil, fmt.Errorf("wechat: build API client: %w", err)
	}
	return client, nil
}
