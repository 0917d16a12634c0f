package alipay

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"time"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
	"guodu/internal/upstream"
)

// The upstreams and the timeout where Config leaves them empty.
const (
	DefaultGateway       = "https://openapi.alipay.com/gateway.do"
	DefaultAuthorizeBase = "https://openauth.alipay.com"
	DefaultTimeout       = 5 * time.Second
)

// minKeyBits is the shortest key that RSA2 is defined for.
const minKeyBits = 2048

// Config is all that New needs. Printing or logging a Config shows no secret,
// unless it sits in an unexported field of another struct: fmt cannot call
// methods there.
type Config struct {
	// AppID is the app's number, digits only.
	AppID string
	// SellerID is the merchant's own account (pid): 2088 and twelve digits.
	SellerID string
	// AppKeyPEM is the app's private key, PKCS#8 ("PRIVATE KEY") or PKCS#1
	// ("RSA PRIVATE KEY"), or its bare base64 as Alipay's key tool writes it.
	AppKeyPEM []byte
	// AlipayPublicKeyPEM is Alipay's public key for this app ("PUBLIC KEY"), or
	// its bare base64 as the platform shows it. It is not the app's public key.
	AlipayPublicKeyPEM []byte
	// MoreAlipayPublicKeys are believed beside that one while Alipay's key
	// changes. AlipayPublicKeyPEM may be empty if there are any.
	MoreAlipayPublicKeys []PublicKey
	// Messages are the life account's templates (生活号模板消息): the merchant's own
	// copies. Without any it sends none.
	Messages channels.Templates

	// Gateway is where calls go, and browsers for a payment page; AuthorizeBase
	// is scheme and host of the authorization page. Empty means Alipay's own.
	// Plain http is taken on loopback only.
	Gateway       string
	AuthorizeBase string

	// Former says that no new orders are made here: those of before are asked about
	// and refunded.
	Former bool

	// Production refuses the keys of simulators, and tells every gateway but
	// Alipay's own that production speaks: a simulator refuses that.
	Production bool

	// Timeout bounds one call, answer included; 0 means DefaultTimeout.
	Timeout time.Duration
	// Clock says whether an order is too old for a page; nil means time.Now.
	Clock func() time.Time
	// Transport carries the calls; nil means one made for this Channel.
	// Redirects, timeout and answer size are bounded whatever it does.
	Transport http.RoundTripper
}

var (
	appIDForm  = regexp.MustCompile(`^[0-9]{1,32}$`)
	userIDForm = regexp.MustCompile(`^2088[0-9]{12}$`)
)

// settings is a Config that was checked and parsed. The app's key is PKCS#8.
type settings struct {
	Config
	appKey    []byte
	keyRules  keyRules
	keys      []alipay.Verifier
	gateway   *url.URL
	authorize *url.URL
}

// parse checks every field and names all that are wrong at once, without
// repeating any value of a secret one.
func (c Config) parse() (*settings, error) {
	s := &settings{Config: c}
	err := errors.Join(
		form("AppID", c.AppID, appIDForm, "1 to 32 digits"),
		form("SellerID", c.SellerID, userIDForm, "2088 and twelve digits"),
		s.parseKeys(), s.parseURLs(), s.fillDefaults(), named("Messages", s.Messages.Check()),
	)
	if err != nil {
		return nil, fmt.Errorf("alipay config: %w", err)
	}
	return s, nil
}

func (s *settings) parseKeys() error {
	private, privateErr := parsePrivateKey(s.AppKeyPEM)
	s.appKey, s.keyRules = private.der, keyRules{production: s.Production, own: private.public}
	keys := s.MoreAlipayPublicKeys
	if len(s.AlipayPublicKeyPEM) > 0 || len(keys) == 0 {
		keys = append([]PublicKey{{PEM: s.AlipayPublicKeyPEM}}, keys...)
	}
	var publicErr error
	s.keys, publicErr = parseKeys(keys, s.keyRules)
	return errors.Join(named("AppKeyPEM", privateErr), publicErr)
}

func (s *settings) parseURLs() error {
	var gatewayErr, authorizeErr error
	s.gateway, gatewayErr = parseURL(s.Gateway, DefaultGateway)
	if gatewayErr == nil && (s.gateway.Path == "" || s.gateway.RawQuery != "") {
		gatewayErr = errors.New("want a URL with a path and no query, as in " + DefaultGateway)
	}
	s.authorize, authorizeErr = parseURL(s.AuthorizeBase, DefaultAuthorizeBase)
	if authorizeErr == nil && (s.authorize.Path != "" && s.authorize.Path != "/" || s.authorize.RawQuery != "") {
		authorizeErr = errors.New("want scheme and host only, as in " + DefaultAuthorizeBase)
	}
	return errors.Join(named("Gateway", gatewayErr), named("AuthorizeBase", authorizeErr))
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

func parseURL(text, fallback string) (*url.URL, error) {
	if text == "" {
		text = fallback
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.ForceQuery {
		return nil, errors.New("want a URL of scheme, host and perhaps a path")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return nil, errors.New("want https; plain http only on loopback")
	}
	return u, nil
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
