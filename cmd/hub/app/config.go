package app

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"guodu/internal/fen"
	"guodu/notify"
)

// ErrConfig says what of a configuration is missing or wrong.
var ErrConfig = errors.New("configuration")

// refundReasonMax is what every channel takes, in characters.
const refundReasonMax = 80

// production is the environment that takes no test's shortcuts.
const production = "production"

// Config is all that a hub is told. Secrets are paths of files, never values.
type Config struct {
	Environment string          `koanf:"environment"` // production or test
	Listen      string          `koanf:"listen"`      // pages, callbacks, terminals
	Health      string          `koanf:"health"`      // /healthz and /readyz; empty: none
	PublicURL   string          `koanf:"public_url"`  // how phones and channels reach Listen
	DataDir     string          `koanf:"data_dir"`    // for Redis children
	Redis       RedisConfig     `koanf:"redis"`
	Ephemeral   RedisConfig     `koanf:"ephemeral"`
	WeChat      WeChatConfig    `koanf:"wechat"` // in use if it has an app_id; likewise
	Alipay      AlipayConfig    `koanf:"alipay"`
	Portal      PortalConfig    `koanf:"portal"`
	Terminals   TerminalsConfig `koanf:"terminals"`
	Limits      LimitsConfig    `koanf:"limits"`
	Order       OrderConfig     `koanf:"order"`
	Poll        PollConfig      `koanf:"poll"`
}

// RedisConfig names a Redis. Without addresses the hub runs its own.
type RedisConfig struct {
	Addrs        []string `koanf:"addrs"` // host:port or a socket's path
	MasterName   string   `koanf:"master_name"`
	Cluster      bool     `koanf:"cluster"`
	Username     string   `koanf:"username"`
	PasswordFile string   `koanf:"password_file"`
	Prefix       string   `koanf:"prefix"`   // first part of every key
	Replicas     int      `koanf:"replicas"` // that must hold a write before it counts
	Accept       []string `koanf:"accept"`   // settings that may be weaker than money needs
}

// WeChatConfig is the merchant and the official account. The bases are for
// simulators and proxies.
type WeChatConfig struct {
	AppID           string        `koanf:"app_id"`
	AppSecretFile   string        `koanf:"app_secret_file"`
	MchID           string        `koanf:"mch_id"`
	MerchantSerial  string        `koanf:"merchant_serial"`
	MerchantKeyFile string        `koanf:"merchant_key_file"`
	PublicKeyID     string        `koanf:"public_key_id"`
	PublicKeyFile   string        `koanf:"public_key_file"`
	MorePublicKeys  []string      `koanf:"more_public_keys"`           // ID=FILE, believed as well
	Certificates    []string      `koanf:"platform_certificate_files"` // likewise
	APIv3KeyFile    string        `koanf:"api_v3_key_file"`
	MoreAPIv3Keys   []string      `koanf:"more_api_v3_key_files"` // open callbacks as well
	APIBase         string        `koanf:"api_base"`
	OAuthBase       string        `koanf:"oauth_base"`
	AuthorizeBase   string        `koanf:"authorize_base"`
	Timeout         time.Duration `koanf:"timeout"`
	// Messages are the templates of the official account by kind of event: paid,
	// loaded, refunded.
	Messages map[string]MessageConfig `koanf:"messages"`
	// Former are merchants at which orders were made before: they are asked, and
	// refund, and open callbacks.
	Former []WeChatConfig `koanf:"former"`
	former bool           // this is one
}

// AlipayConfig is the app and the life account, in key mode. Gateway and base
// are for simulators and proxies.
type AlipayConfig struct {
	AppID         string        `koanf:"app_id"`
	SellerID      string        `koanf:"seller_id"`
	AppKeyFile    string        `koanf:"app_key_file"`
	PublicKeyFile string        `koanf:"public_key_file"`       // Alipay's, not the app's
	MoreKeyFiles  []string      `koanf:"more_public_key_files"` // believed as well
	Gateway       string        `koanf:"gateway"`
	AuthorizeBase string        `koanf:"authorize_base"`
	Timeout       time.Duration `koanf:"timeout"`
	// Messages are the templates of the life account, likewise.
	Messages map[string]MessageConfig `koanf:"messages"`
	Former   []AlipayConfig           `koanf:"former"` // likewise
	former   bool
}

// PortalConfig is the university's identity portal.
type PortalConfig struct {
	Base             string `koanf:"base"`
	ClientSecretFile string `koanf:"client_secret_file"`
}

// TerminalsConfig is how terminals are spoken to.
type TerminalsConfig struct {
	KeyFile  string        `koanf:"key_file"`  // Ed25519, PKCS#8 PEM: `hub keys new`
	NotAfter time.Duration `koanf:"not_after"` // how long a load may be written
	Deadline time.Duration `koanf:"deadline"`  // when an unanswered load counts as in doubt
	Hosts    []string      `koanf:"hosts"`     // the hub's names as terminals address it; empty: that of public_url
	Archive  string        `koanf:"archive"`   // folder for terminals' journals, on another disk than Redis's; empty: none
}

// LimitsConfig bounds recharges, in yuan.
type LimitsConfig struct {
	Order   string `koanf:"order_yuan"`
	Day     string `koanf:"day_yuan"`
	Balance string `koanf:"balance_yuan"`
}

// OrderConfig is what an order says.
type OrderConfig struct {
	Description  string        `koanf:"description"`
	Expiry       time.Duration `koanf:"expiry"`
	RefundReason string        `koanf:"refund_reason"`
}

// PollConfig is how channels are asked about orders and refunds that stay silent.
type PollConfig struct {
	PerSecond int `koanf:"per_second"` // questions to each channel, of this hub
}

// Defaults are the settings that most hubs keep.
func Defaults() Config {
	return Config{
		Environment: production, Listen: "127.0.0.1:8080", Health: "127.0.0.1:8081", DataDir: "data",
		Redis: RedisConfig{Prefix: "h"}, Ephemeral: RedisConfig{Prefix: "h"},
		Terminals: TerminalsConfig{NotAfter: time.Minute, Deadline: 2 * time.Minute},
		Limits:    LimitsConfig{Order: "500", Day: "2000", Balance: "5000"},
		Poll:      PollConfig{PerSecond: notify.DefaultPerSecond},
		Order:     OrderConfig{Description: "校园卡充值", Expiry: 15 * time.Minute, RefundReason: "校园卡充值退款"},
		WeChat:    WeChatConfig{Timeout: 5 * time.Second},
		Alipay:    AlipayConfig{Timeout: 5 * time.Second},
	}
}

// envPrefix starts the environment variables that override the file. Two
// underscores stand for a dot: GUODU_REDIS__PREFIX is redis.prefix.
const envPrefix = "GUODU_"

// Load reads a configuration: defaults, then the YAML file (none if the path is
// empty), then the environment. A name that nothing knows is an error.
func Load(path string) (Config, error) {
	k := koanf.New(".")
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	err := k.Load(env.Provider(".", env.Opt{Prefix: envPrefix, TransformFunc: fromEnvironment}), nil)
	if err != nil {
		return Config{}, fmt.Errorf("%w: environment: %w", ErrConfig, err)
	}
	c := Defaults()
	err = k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &c, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return c, nil
}

// fromEnvironment turns GUODU_REDIS__PREFIX into redis.prefix. GUODU_CONFIG
// (the file's path) and GUODU_FAILPOINT (tests) are not settings.
func fromEnvironment(name, value string) (string, any) {
	name = strings.TrimPrefix(name, envPrefix)
	if name == "CONFIG" || name == "FAILPOINT" {
		return "", nil
	}
	return strings.ReplaceAll(strings.ToLower(name), "__", "."), value
}

// Check says what of the configuration a server could not work with.
// Errors: ErrConfig, all findings at once.
func (c Config) Check() error {
	var wrong []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	need(c.Environment == production || c.Environment == "test", "environment is %q; it is production or test", c.Environment)
	u, err := url.Parse(c.PublicURL)
	need(err == nil && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
		"public_url %q is not scheme and host alone, such as https://card.example.edu", c.PublicURL)
	if err == nil && c.Environment == production {
		need(u.Scheme == "https", "public_url must be https in production")
	}
	needs := map[string]string{
		"portal.base": c.Portal.Base, "portal.client_secret_file": c.Portal.ClientSecretFile, "terminals.key_file": c.Terminals.KeyFile,
	}
	need(c.WeChat.AppID != "" || c.Alipay.AppID != "", "neither wechat.app_id nor alipay.app_id is there: no channel to be paid by")
	if c.WeChat.AppID != "" {
		maps.Copy(needs, map[string]string{
			"wechat.app_secret_file": c.WeChat.AppSecretFile, "wechat.mch_id": c.WeChat.MchID,
			"wechat.merchant_serial": c.WeChat.MerchantSerial, "wechat.merchant_key_file": c.WeChat.MerchantKeyFile,
			"wechat.api_v3_key_file": c.WeChat.APIv3KeyFile,
		})
		if len(c.WeChat.Certificates) == 0 || c.WeChat.PublicKeyID+c.WeChat.PublicKeyFile != "" {
			needs["wechat.public_key_id"], needs["wechat.public_key_file"] = c.WeChat.PublicKeyID, c.WeChat.PublicKeyFile
		}
		for _, pair := range c.WeChat.MorePublicKeys {
			id, path, _ := strings.Cut(pair, "=")
			need(id != "" && path != "", "wechat.more_public_keys: %q is not ID=FILE", pair)
		}
	}
	if c.Alipay.AppID != "" {
		maps.Copy(needs, map[string]string{
			"alipay.seller_id": c.Alipay.SellerID, "alipay.app_key_file": c.Alipay.AppKeyFile, "alipay.public_key_file": c.Alipay.PublicKeyFile,
		})
	}
	wrong = append(wrong, c.checkFormer()...)
	for name, value := range needs {
		need(value != "", "%s is missing", name)
	}
	need(utf8.RuneCountInString(c.Order.RefundReason) <= refundReasonMax, "order.refund_reason has more than %d characters", refundReasonMax)
	_, err = c.limits()
	need(err == nil, "limits: %v", err)
	need(c.Poll.PerSecond > 0, "poll.per_second is %d; it is 1 or more", c.Poll.PerSecond)
	need(c.Redis.Replicas >= 0, "redis.replicas is %d", c.Redis.Replicas)
	many := c.Redis.MasterName != "" || c.Redis.Cluster || len(c.Redis.Addrs) > 1
	need(!many || c.Redis.Replicas > 0 || slices.Contains(c.Redis.Accept, "replicas"),
		"redis.replicas is 0: a failover would lose what was acknowledged (name it under redis.accept if that is meant)")
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %w", ErrConfig, errors.Join(wrong...))
	}
	return nil
}

// limits reads the limits, in yuan there, in fen here: order, day, balance.
func (c Config) limits() (l [3]fen.Fen, err error) {
	for i, yuan := range []string{c.Limits.Order, c.Limits.Day, c.Limits.Balance} {
		l[i], err = fen.Parse(yuan)
		if err != nil {
			return l, err
		}
	}
	return l, nil
}
