package wechatpay

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"guodu/mocks/sim"
)

// ErrOptions says that [New] was given something unusable.
var ErrOptions = errors.New("wechatpay simulator: bad options")

const (
	apiV3KeyBytes  = 32
	minKeyBits     = 2048
	maxIDBytes     = 32
	maxPersonBytes = 64
)

// Options says who the one merchant is and how the simulator behaves. The zero
// value of everything after MerchantPublicKey is usable.
type Options struct {
	// MchID is the merchant number, AppID the service account bound to it, and
	// AppSecret that account's secret for web authorization.
	MchID, AppID, AppSecret string
	// APIv3Key is the 32-byte ASCII key that callbacks are encrypted with, until
	// [Sim.SetAPIv3Key] replaces it. One that was set before wins, with a StateFile.
	APIv3Key string
	// MerchantSerial names the merchant certificate, and MerchantPublicKey is
	// its key (RSA, at least 2048 bits): what the merchant registered.
	MerchantSerial    string
	MerchantPublicKey *rsa.PublicKey

	// DefaultPerson is who authorizes and pays when no sim_person cookie says
	// otherwise. Empty: such a request is an error.
	DefaultPerson string
	// SnapshotPersons are persons whose authorizations come in snapshot page
	// mode: a virtual account. See also [Sim.SetSnapshot].
	SnapshotPersons []string
	// Strangers are persons who do not follow the account. See also [Sim.Follow].
	Strangers []string
	// Templates are the account's message templates. Empty: any id is one.
	Templates []string
	// OAuthDomain is the one host (host:port) that an authorization may
	// return to. Empty: any loopback host.
	OAuthDomain string
	// AllowLoopbackNotify lets notify_url name a loopback host. The real
	// server refuses that, so it has to be asked for.
	AllowLoopbackNotify bool
	// AutoDeliver tells the merchant of each payment and refund in the
	// background, and repeats it on WeChat Pay's schedule. Without it nothing is
	// told but on demand; see [Sim.Deliver].
	AutoDeliver bool
	// Watch hears of each request that was answered and each callback that was
	// sent, with the number of the order. It must not keep the simulator waiting.
	Watch func(order string, e sim.Event)

	// Profile has the points on which documents and experience differ.
	Profile Profile
	// Without switches behaviours off by number; see [Behaviours].
	Without []int
	// Rude plays the scenarios that are on by default; Scenarios plays others by
	// name.
	Rude      bool
	Scenarios []string
	// StateFile keeps the world over restarts. Empty: in memory.
	StateFile string
	// Listen is a loopback address. Empty: a free port of 127.0.0.1.
	Listen string

	// Clock is of orders, prepay ids, codes, repeats and bills; default a
	// running one. The stamps in headers are always of the real clock, and so is
	// the window for the merchant's stamps, because SDKs cannot be given another.
	Clock *sim.Clock
	// Seed makes ids and misfortunes repeat from run to run. 0 picks one; see
	// [Sim.Seed].
	Seed int64
	// Logger hears one line per answer, without personal data; default none.
	Logger *slog.Logger
	// HTTPClient sends callbacks. The default one reaches loopback only; its
	// redirect policy and timeout are replaced in any case.
	HTTPClient *http.Client
}

func (o Options) check() error {
	texts := []struct{ name, value string }{
		{"MchID", o.MchID}, {"AppID", o.AppID}, {"AppSecret", o.AppSecret}, {"MerchantSerial", o.MerchantSerial},
	}
	for _, t := range texts {
		if t.value == "" {
			return fmt.Errorf("%w: %s is empty", ErrOptions, t.name)
		}
	}
	switch {
	case len(o.MchID) > maxIDBytes || len(o.AppID) > maxIDBytes:
		return fmt.Errorf("%w: MchID and AppID have at most %d bytes", ErrOptions, maxIDBytes)
	case len(o.APIv3Key) != apiV3KeyBytes:
		return fmt.Errorf("%w: APIv3Key must have %d bytes", ErrOptions, apiV3KeyBytes)
	case o.MerchantPublicKey == nil:
		return fmt.Errorf("%w: MerchantPublicKey is missing", ErrOptions)
	case o.MerchantPublicKey.N.BitLen() < minKeyBits:
		return fmt.Errorf("%w: MerchantPublicKey has fewer than %d bits", ErrOptions, minKeyBits)
	}
	return o.Profile.check()
}

func (o Options) withDefaults() Options {
	o.Profile = o.Profile.withDefaults()
	sim.Complete(&o.Clock, &o.Seed, &o.Logger)
	return o
}
