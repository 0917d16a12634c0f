package wechat

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"guodu/channels"
	"guodu/internal/upstream"
)

// The upstreams and the timeout where Config leaves them empty.
const (
	DefaultAPIBase       = "https://api.mch.weixin.qq.com"
	DefaultOAuthBase     = "https://api.weixin.qq.com"
	DefaultAuthorizeBase = "https://open.weixin.qq.com"
	DefaultTimeout       = 5 * time.Second
)

// minKeyBits is what WECHATPAY2-SHA256-RSA2048 says in its name.
const minKeyBits = 2048

// Config is all that New needs. Printing or logging a Config shows no secret,
// unless it sits in an unexported field of another struct: fmt cannot call
// methods there.
type Config struct {
	// AppID and AppSecret are the official account's; AppID is bound to MchID.
	AppID     string
	AppSecret string
	// MchID is the merchant number, digits only.
	MchID string
	// MerchantSerial is the serial number of the merchant's API certificate.
	MerchantSerial string
	// MerchantKeyPEM is the merchant's private key, PKCS#8 ("PRIVATE KEY").
	MerchantKeyPEM []byte
	// PublicKeyID and PublicKeyPEM are WeChat Pay's public key ("PUBLIC KEY")
	// and its name, PUB_KEY_ID_ and digits. It has no expiry. Both may be empty
	// if Keys has a key.
	PublicKeyID  string
	PublicKeyPEM []byte
	// Keys are the keys that are believed beside that one.
	Keys Keys
	// APIv3Key opens callbacks: exactly 32 bytes. It may be empty if Keys has one.
	APIv3Key []byte
	// Messages are the account's templates (模板消息). Without any it sends none.
	Messages channels.Templates

	// APIBase, OAuthBase and AuthorizeBase are scheme and host of the three
	// upstreams; empty means WeChat's own. The first two carry secrets, so
	// plain http is taken on loopback only.
	APIBase       string
	OAuthBase     string
	AuthorizeBase string

	// Former says that no new orders are made here and nobody is known: orders of
	// before are asked about and refunded. AppSecret may be empty then.
	Former bool

	// Production refuses the keys of simulators, and tells every upstream but
	// WeChat's own that production speaks: a simulator refuses that.
	Production bool

	// Timeout bounds one call, answer included; 0 means DefaultTimeout.
	Timeout time.Duration
	// Clock is the time for callbacks and payment sheets; nil means time.Now.
	Clock func() time.Time
	// Transport carries the calls; nil means one made for this Channel.
	// Redirects, timeout and answer size are bounded whatever it does.
	Transport http.RoundTripper
}

var (
	appIDForm     = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)
	appSecretForm = regexp.MustCompile(`^[!-~]{1,128}$`)
	mchIDForm     = regexp.MustCompile(`^[0-9]{1,32}$`)
	serialForm    = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)
	publicKeyForm = regexp.MustCompile(`^PUB_KEY_ID_[0-9A-Za-z_]{1,64}$`)
)

// settings is a Config that was checked and parsed.
type settings struct {
	Config
	merchantKey *rsa.PrivateKey
	keyRules    keyRules
	keys        *keySet
	apiBase     *url.URL
	oauthBase   *url.URL
	authorize   *url.URL
}

// parse checks every field and names all that are wrong at once, without
// repeating any value of a secret one.
func (c Config) parse() (*settings, error) {
	s := &settings{Config: c}
	errs := []error{
		form("AppID", c.AppID, appIDForm, "1 to 32 letters, digits, - or _"),
		form("MchID", c.MchID, mchIDForm, "1 to 32 digits"),
		form("MerchantSerial", c.MerchantSerial, serialForm, "the certificate's serial number in hex"),
	}
	if !c.Former || c.AppSecret != "" {
		errs = append(errs, form("AppSecret", c.AppSecret, appSecretForm, "1 to 128 printable characters without blanks"))
	}
	errs = append(errs, s.fillDefaults(), s.parseKeys(), s.parseBases(), named("Messages", s.Messages.Check()))
	err := errors.Join(errs...)
	if err != nil {
		return nil, fmt.Errorf("wechat config: %w", err)
	}
	return s, nil
}

func (s *settings) parseKeys() error {
	var privateErr, publicErr error
	s.keyRules.production = s.Production
	s.merchantKey, privateErr = parsePrivateKey(s.MerchantKeyPEM)
	if privateErr == nil {
		s.keyRules.own = &s.merchantKey.PublicKey
	}
	s.keys, publicErr = s.allKeys().keySet(s.keyRules, s.Clock())
	return errors.Join(named("MerchantKeyPEM", privateErr), publicErr)
}

// allKeys are the keys of Keys, behind the one that has fields of its own.
func (s *settings) allKeys() Keys {
	all := s.Keys
	first := PublicKey{ID: s.PublicKeyID, PEM: s.PublicKeyPEM}
	if !first.empty() || len(all.Public)+len(all.Certificates) == 0 {
		all.Public = append([]PublicKey{first}, all.Public...)
	}
	if len(s.APIv3Key) > 0 || len(all.APIv3) == 0 {
		all.APIv3 = append([]APIv3Key{{Key: s.APIv3Key}}, all.APIv3...)
	}
	return all
}

func (s *settings) parseBases() error {
	var apiErr, oauthErr, authorizeErr error
	s.apiBase, apiErr = parseBase(s.APIBase, DefaultAPIBase, true)
	s.oauthBase, oauthErr = parseBase(s.OAuthBase, DefaultOAuthBase, true)
	s.authorize, authorizeErr = parseBase(s.AuthorizeBase, DefaultAuthorizeBase, false)
	return errors.Join(named("APIBase", apiErr), named("OAuthBase", oauthErr), named("AuthorizeBase", authorizeErr))
}

func (s *settings) fillDefaults() error {
	if s.Timeout < 0 {
		return named("Timeout", fmt.Errorf("want 0 or more, got %v", s.Timeout))
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Clock == nil {
		s.Clock = time.Now
	}
	if s.Transport == nil {
		s.Transport = upstream.Transport()
	}
	return nil
}

// Marks of simulators, and of nothing real: what the ids of their keys begin
// with, and the organization that their certificates name.
const (
	simulatorKeyID        = "PUB_KEY_ID_099999999"
	simulatorOrganization = "NOT FOR PRODUCTION"
)

// officialHost is the host of one of WeChat's own bases.
func officialHost(base string) string {
	_, host, _ := strings.Cut(base, "://")
	return host
}

// parseBase takes scheme and host and nothing more: a path would be signed,
// and the upstream would see another path than the one it checks.
func parseBase(text, fallback string, secret bool) (*url.URL, error) {
	if text == "" {
		text = fallback
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.User != nil ||
		(base.Path != "" && base.Path != "/") || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("want scheme and host only, as in https://example.com")
	}
	switch {
	case base.Scheme == "https":
	case base.Scheme == "http" && (!secret || loopback(base.Hostname())):
	default:
		return nil, errors.New("want https; plain http only on loopback")
	}
	return base, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func form(field, value string, want *regexp.Regexp, words string) error {
	if want.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s: want %s, got %d bytes of another form", field, words, len(value))
}

func named(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", field, err)
}
