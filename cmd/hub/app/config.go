package app

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
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
	Environment string `koanf:"environment"` // production or test
	Listen      string `koanf:"listen"`      // pages, callbacks, terminals
	Health      string `koanf:"health"`      // /healthz and /readyz; empty: none
	PublicURL   string `koanf:"public_url"`  // how phones and channels reach Listen
	// MaxConnections bounds those of listen, and those of one address to a quarter.
	MaxConnections int `koanf:"max_connections"`
	// TrustedProxies are believed about where a request comes from.
	TrustedProxies []string        `koanf:"trusted_proxies"`
	DataDir        string          `koanf:"data_dir"` // for Redis children
	Redis          RedisConfig     `koanf:"redis"`
	Ephemeral      RedisConfig     `koanf:"ephemeral"`
	WeChat         WeChatConfig    `koanf:"wechat"` // in use if it has an app_id; likewise
	Alipay         AlipayConfig    `koanf:"alipay"`
	Portal         PortalConfig    `koanf:"portal"`
	Terminals      TerminalsConfig `koanf:"terminals"`
	Limits         LimitsConfig    `koanf:"limits"`
	Order          OrderConfig     `koanf:"order"`
	Poll           PollConfig      `koanf:"poll"`
}

// RedisConfig names a Redis. Without addresses the hub runs its own.
type RedisConfig struct {
	Addrs        []string `koanf:"addrs"` // host:port or a socket's path
	MasterName   string   `koanf:"master_name"`
	Cluster      bool     `koanf:"cluster"`
	Username     string   `koanf:"username"`
	PasswordFile string   `koanf:"password_file"`
	TLS          bool     `koanf:"tls"`
	CAFile       string   `koanf:"ca_certificate_file"` // that signed the server's; empty: the system's
	Prefix       string   `koanf:"prefix"`              // first part of every key
	Replicas     int      `koanf:"replicas"`            // that must hold a write before it counts
	Accept       []string `koanf:"accept"`              // settings that may be weaker than money needs
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
	// Lock is after how many failures, each within so long of the one before, the portal
	// locks a user name.
	Lock    string        `koanf:"lock"`
	Guesses GuessesConfig `koanf:"guesses"`
}

// GuessesConfig bounds wrong passwords: so many in so long, such as 5/15m.
type GuessesConfig struct {
	Payer   string `koanf:"payer"`
	Address string `koanf:"address"` // of a client; of IPv6 its /64
	All     string `koanf:"all"`
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
	// Unpaid is how many orders of an account may wait to be paid at once.
	Unpaid int `koanf:"unpaid_orders"`
	// Prepays is how many orders a payer may make in an hour.
	Prepays int `koanf:"prepays_per_hour"`
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
		Environment: production, Listen: "127.0.0.1:8080", Health: "127.0.0.1:8081", DataDir: "data", MaxConnections: 4096,
		Redis: RedisConfig{Prefix: "h"}, Ephemeral: RedisConfig{Prefix: "h"},
		Terminals: TerminalsConfig{NotAfter: time.Minute, Deadline: 2 * time.Minute},
		Portal:    PortalConfig{Lock: "5/15m", Guesses: GuessesConfig{Payer: "5/15m", Address: "60/15m", All: "600/15m"}},
		Limits:    LimitsConfig{Order: "500", Day: "2000", Balance: "5000", Unpaid: 3, Prepays: 20},
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
// empty), then the environment. A name that nothing knows and a value that cannot be
// what its setting is are errors; then the text has what Check finds as well.
// Errors: ErrConfig, all findings at once.
func Load(path string) (Config, error) {
	k := koanf.New(".")
	if path != "" {
		if why, mend := exposed(path, true); why != "" {
			return Config{}, fmt.Errorf("%w: %s: %s; %s", ErrConfig, path, why, mend)
		}
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("%w: %s: %s", ErrConfig, path, strings.TrimPrefix(bareCause(err), "yaml: "))
		}
	}
	e := examination{source: map[string]string{}}
	err := k.Load(env.Provider(".", env.Opt{Prefix: envPrefix, TransformFunc: func(name, value string) (string, any) {
		setting, v := fromEnvironment(name, value)
		e.source[setting] = name
		return setting, v
	}}), nil)
	if err != nil {
		return Config{}, fmt.Errorf("%w: environment: %w", ErrConfig, err)
	}
	values := k.Raw()
	e.group("", reflect.TypeFor[Config](), values)
	c := Defaults()
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &c, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	})
	if err == nil {
		err = decoder.Decode(values)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if len(e.problems) == 0 {
		return c, nil
	}
	all := slices.Clone(e.problems)
	for _, one := range c.check() {
		if !e.problems.of(one.setting) { // what cannot be read is not missing as well
			all = append(all, one)
		}
	}
	return Config{}, all.err()
}

// FromEnvironment says whether an environment holds settings.
func FromEnvironment(environment []string) bool {
	return slices.ContainsFunc(environment, func(one string) bool {
		name, value, _ := strings.Cut(one, "=")
		if !strings.HasPrefix(name, envPrefix) {
			return false
		}
		setting, _ := fromEnvironment(name, value)
		return setting != ""
	})
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
// Errors: ErrConfig, all findings at once, one a line, sorted.
func (c Config) Check() error { return c.check().err() }

// check are the findings of Check.
func (c Config) check() problems {
	var wrong problems
	need := func(ok bool, setting, format string, args ...any) {
		if !ok {
			wrong.add(setting, format, args...)
		}
	}
	need(c.Environment == production || c.Environment == "test", "environment", ": %s is neither production nor test", shown(c.Environment))
	c.checkPublicURL(need)
	c.checkClients(need)
	for name, value := range c.needed() {
		need(value != "", name, " is missing")
	}
	for _, err := range c.checkFormer() {
		setting, rest := err.Error(), ""
		if i := strings.IndexAny(setting, " :"); i > 0 {
			setting, rest = setting[:i], setting[i:]
		}
		need(false, setting, "%s", rest)
	}
	for i, pair := range c.WeChat.MorePublicKeys {
		id, path, _ := strings.Cut(pair, "=")
		need(c.WeChat.AppID == "" || id != "" && path != "", fmt.Sprintf("wechat.more_public_keys[%d]", i), ": %s is not ID=FILE", shownPath(pair))
	}
	for _, one := range fileSettings("", reflect.ValueOf(c)) {
		if why := unreadable(one.path); why != "" {
			wrong.addFile(one, why, "put the file there, or mend the setting; the hub's user must be able to read it")
		} else if why, mend := exposed(one.path, everybodys(one.name)); why != "" {
			wrong.addFile(one, why+"; "+mend, mend)
		}
	}
	need(utf8.RuneCountInString(c.Order.RefundReason) <= refundReasonMax, "order.refund_reason", ": %s has more than %d characters",
		shown(c.Order.RefundReason), refundReasonMax)
	for _, limit := range c.Limits.all() {
		_, err := fen.Parse(limit.yuan)
		need(!errors.Is(err, fen.ErrRange), limit.setting, ": %s yuan is more than there can be, or has parts of a fen", shown(limit.yuan))
		need(!errors.Is(err, fen.ErrSyntax), limit.setting, ": %s is not an amount in yuan, such as 500 or 12.50", shown(limit.yuan))
	}
	need(c.Limits.Unpaid > 0, "limits.unpaid_orders", ": %d; it is 1 or more", c.Limits.Unpaid)
	need(c.MaxConnections > 0, "max_connections", ": %d; it is 1 or more", c.MaxConnections)
	need(c.Poll.PerSecond > 0, "poll.per_second", ": %d; it is 1 or more", c.Poll.PerSecond)
	need(c.Redis.Replicas >= 0, "redis.replicas", ": %d; it is 0 or more", c.Redis.Replicas)
	many := c.Redis.MasterName != "" || c.Redis.Cluster || len(c.Redis.Addrs) > 1
	need(!many || c.Redis.Replicas != 0 || slices.Contains(c.Redis.Accept, "replicas"), "redis.replicas",
		" is 0: a failover would lose what was acknowledged (name it under redis.accept if that is meant)")
	return wrong
}

// checkPublicURL looks at the address by which phones and channels come.
func (c Config) checkPublicURL(need func(ok bool, setting, format string, args ...any)) {
	const setting = "public_url"
	u, err := url.Parse(c.PublicURL)
	switch {
	case c.PublicURL == "":
		need(false, setting, " is missing")
	case err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		need(false, setting, ": %s is not scheme and host alone, such as https://card.example.edu", shownURL(c.PublicURL))
	case c.Environment == production:
		need(u.Scheme == "https", setting, ": %s must be https in production", shownURL(c.PublicURL))
	}
}

// needed are the settings that no hub of this configuration can do without.
func (c Config) needed() map[string]string {
	needs := map[string]string{
		"portal.base": c.Portal.Base, "portal.client_secret_file": c.Portal.ClientSecretFile, "terminals.key_file": c.Terminals.KeyFile,
	}
	if c.WeChat.AppID == "" && c.Alipay.AppID == "" {
		needs["wechat.app_id or alipay.app_id"] = "" // no channel to be paid by
	}
	if c.WeChat.AppID != "" {
		maps.Copy(needs, map[string]string{
			"wechat.app_secret_file": c.WeChat.AppSecretFile, "wechat.mch_id": c.WeChat.MchID,
			"wechat.merchant_serial": c.WeChat.MerchantSerial, "wechat.merchant_key_file": c.WeChat.MerchantKeyFile,
			"wechat.api_v3_key_file": c.WeChat.APIv3KeyFile,
		})
		if len(c.WeChat.Certificates) == 0 || c.WeChat.PublicKeyID+c.WeChat.PublicKeyFile != "" {
			needs["wechat.public_key_id"], needs["wechat.public_key_file"] = c.WeChat.PublicKeyID, c.WeChat.PublicKeyFile
		}
	}
	if c.Alipay.AppID != "" {
		maps.Copy(needs, map[string]string{
			"alipay.seller_id": c.Alipay.SellerID, "alipay.app_key_file": c.Alipay.AppKeyFile, "alipay.public_key_file": c.Alipay.PublicKeyFile,
		})
	}
	return needs
}

// SettingOf is the setting that names a file; empty if none does.
func (c Config) SettingOf(path string) string {
	for _, one := range fileSettings("", reflect.ValueOf(c)) {
		if one.path == path {
			return one.name
		}
	}
	return ""
}

// yuanLimit is a setting that bounds recharges.
type yuanLimit struct{ setting, yuan string }

// all are the limits: order, day, balance.
func (l LimitsConfig) all() []yuanLimit {
	return []yuanLimit{{"limits.order_yuan", l.Order}, {"limits.day_yuan", l.Day}, {"limits.balance_yuan", l.Balance}}
}

// limits reads the limits, in yuan there, in fen here: order, day, balance.
func (c Config) limits() (l [3]fen.Fen, err error) {
	for i, one := range c.Limits.all() {
		l[i], err = fen.Parse(one.yuan)
		if err != nil {
			return l, fmt.Errorf("%s: %w", one.setting, err)
		}
	}
	return l, nil
}
