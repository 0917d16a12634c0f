package alipay

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
	"guodu/internal/upstream"
)

// Name is the channel's short name, stored with each order.
const Name = "alipay"

// The two sorts of id that Alipay has for a person. Apps made since 2023 know
// only the second, which is another one in each app.
const (
	kindUserID = "user_id"
	kindOpenID = "open_id"
)

var (
	_ channels.Channel  = (*Channel)(nil)
	_ channels.Notifier = (*Channel)(nil)
	_ channels.OAuth    = (*Channel)(nil)
	_ channels.Page     = (*Channel)(nil)
	_ channels.Refunder = (*Channel)(nil)

	_ channels.Excerpter = (*Channel)(nil)
	_ channels.Messenger = (*Channel)(nil)
)

// Channel is Alipay for one app and the merchant behind it. It is safe for
// concurrent use; all that ever changes in it are the keys of [Channel.SetKeys].
type Channel struct {
	rules     keyRules
	keys      *keyRing
	appID     string
	sellerID  string
	authorize string
	templates channels.Templates
	clock     func() time.Time
	client    *alipay.Client
}

// New checks the whole configuration and builds the channel; it calls nobody.
// The error names each field that is wrong and the form that was expected.
func New(cfg Config) (*Channel, error) {
	s, err := cfg.parse()
	if err != nil {
		return nil, err
	}
	ring := &keyRing{}
	ring.keys.Store(&s.keys)
	client, err := newClient(s, ring)
	if err != nil {
		return nil, err
	}
	return &Channel{
		rules:     s.keyRules,
		keys:      ring,
		appID:     s.AppID,
		sellerID:  s.SellerID,
		authorize: s.authorize.JoinPath("/oauth2/publicAppAuthorize.htm").String(),
		templates: s.Messages,
		clock:     s.Clock,
		client:    client,
	}, nil
}

// Merchant is the seller's and the app's number.
func (c *Channel) Merchant() string { return c.sellerID + "/" + c.appID }

// SetKeys replaces the keys that are believed, those of the Config included:
// notices and answers that are being verified end with the old ones, all others
// see the new ones. If any is not to be used, an error names each by its Source,
// and the old ones stay.
func (c *Channel) SetKeys(keys []PublicKey) error {
	verifiers, err := parseKeys(keys, c.rules)
	if err != nil {
		return fmt.Errorf("alipay keys: %w", err)
	}
	c.keys.keys.Store(&verifiers)
	return nil
}

// Name is the constant Name.
func (c *Channel) Name() string { return Name }

// String is Name; a Channel has nothing else that may be printed.
func (c *Channel) String() string { return Name }

// newClient always claims to be in the sandbox. The module's production mode
// differs in one thing that matters: there a message that names an unknown
// certificate makes it fetch that certificate and trust it, holding a lock that
// every other verification waits for.
func newClient(s *settings, ring *keyRing) (*alipay.Client, error) {
	const production = false
	var carrier http.RoundTripper = checked{next: s.Transport}
	if s.Production && s.gateway.String() != DefaultGateway {
		carrier = upstream.Saying(carrier)
	}
	client, err := alipay.New(s.AppID, base64.StdEncoding.EncodeToString(s.appKey), production,
		alipay.WithSandboxGateway(s.gateway.String()),
		alipay.WithHTTPClient(upstream.Client(carrier, s.Timeout)),
		alipay.WithTimeLocation(beijing()),
		alipay.WithVerifier(keyMode, ring))
	if err != nil {
		return nil, fmt.Errorf("alipay: build client: %w", err)
	}
	return client, nil
}

// keyMode is what the module calls the key of messages that name none; nothing
// of it is sent.
const keyMode = "key-mode"

// timeForm is how Alipay writes every time, in the zone of beijing. Reading, it
// also takes the milliseconds that a refund comes with.
const timeForm = "2006-01-02 15:04:05"

// beijing is fixed, so that a container without zone data is right as well.
func beijing() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// escape is what the gateway wants done to passback_params. A blank becomes %20
// and not +, so that the way back has one meaning only.
func escape(attach string) string {
	return strings.ReplaceAll(url.QueryEscape(attach), "+", "%20")
}
