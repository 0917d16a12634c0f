package wechatpay

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
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
	// APIv3Key is the 32-byte ASCII key that callbacks are encrypted with.
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
	// OAuthDomain is the one host (host:port) that an authorization may
	// return to. Empty: any loopback host.
	OAuthDomain string
	// AllowLoopbackNotify lets notify_url name a loopback host. The real
	// server refuses that, so it has to be asked for.
	AllowLoopbackNotify bool
	// AutoDeliver sends one callback, in the background, after each payment.
	// Nothing repeats it when it fails.
	AutoDeliver bool

	// Now is the clock of orders, prepay ids and codes; default time.Now. The
	// stamps in headers are always of the real clock, and so is the window for
	// the merchant's stamps, because SDKs cannot be given another clock.
	Now func() time.Time
	// Seed makes ids repeat from run to run. 0 picks one; see [Sim.Seed].
	Seed int64
	// Logger hears one line per answer, without personal data; default none.
	Logger *slog.Logger
	// HTTPClient sends callbacks. The default one reaches loopback only; its
	// redirect policy and timeout are replaced in any case.
	HTTPClient *http.Client
}

// New makes a simulator with a fresh platform key pair.
// Errors: ErrOptions.
func New(opts Options) (*Sim, error) {
	err := opts.check()
	if err != nil {
		return nil, err
	}
	key, err := newPlatformKey()
	if err != nil {
		return nil, err
	}
	return newSim(opts.withDefaults(), key)
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
	return nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == 0 {
		o.Seed = rand.Int64()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = loopbackClient()
	}
	return o
}

// newSim puts the parts together; key is the platform's.
func newSim(opts Options, key *rsa.PrivateKey) (*Sim, error) {
	public, err := encodePublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sim{
		opts: opts, key: key, publicPEM: public, keyID: keyID(public),
		dice: newDice(opts.Seed), orders: newOrders(), desk: newDesk(opts.SnapshotPersons),
		faults: newFaults(), counts: newCounters(), client: callbackClient(opts.HTTPClient),
		ctx: ctx, cancel: cancel,
	}
	s.handler = s.routes()
	return s, nil
}
