package alipay

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
	"time"
)

// ErrOptions says that [New] was given something unusable.
var ErrOptions = errors.New("alipay simulator: bad options")

const (
	maxAppIDBytes  = 32
	maxPersonBytes = 64
)

// accountForm is the form of a user_id, and so of a merchant's pid.
var accountForm = regexp.MustCompile(`^2088[0-9]{12}$`)

// Options says who the one merchant is and how the simulator behaves. The zero
// value of everything after MerchantPublicKey is usable.
type Options struct {
	// AppID is the app, and SellerID (2088…) the pid of the merchant behind it.
	AppID, SellerID string
	// MerchantPublicKey is the app's key (RSA, at least 2048 bits): what the
	// merchant uploaded.
	MerchantPublicKey *rsa.PublicKey

	// DefaultPerson is who authorizes and pays when no sim_person cookie says
	// otherwise. Empty: such a request is an error.
	DefaultPerson string
	// OAuthDomain is the one host (host:port) that an authorization may return
	// to. Empty: any loopback host.
	OAuthDomain string
	// UseOpenID makes the app one that knows persons by open_id only, as apps
	// registered since 2023 do. Otherwise it knows them by user_id only.
	UseOpenID bool
	// AllowLoopbackNotify lets notify_url name a loopback host, which the real
	// Alipay could not reach; so it has to be asked for.
	AllowLoopbackNotify bool
	// AutoDeliver sends one notify, in the background, after each payment.
	// Nothing repeats it when it fails.
	AutoDeliver bool
	// UnsignedBusinessErrors leaves the sign off ACQ.* errors too. The real
	// gateway has been seen doing either.
	UnsignedBusinessErrors bool
	// TimestampWindow refuses requests whose timestamp is further than this
	// from the real clock. 0 is no limit: the documents name none.
	TimestampWindow time.Duration

	// Now is the clock of trades, codes and notifies; default time.Now.
	Now func() time.Time
	// Seed makes ids repeat from run to run. 0 picks one; see [Sim.Seed].
	Seed int64
	// Logger hears one line per answer, without personal data; default none.
	Logger *slog.Logger
	// HTTPClient sends notifies. The default one reaches loopback only; its
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
	keys, err := newPlatform()
	if err != nil {
		return nil, err
	}
	opts.complete()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sim{
		opts: opts, platform: keys, client: notifyClient(opts.HTTPClient),
		dice: newDice(opts.Seed), ledger: newLedger(), desk: newDesk(), faults: newFaults(), tally: newTally(),
		ctx: ctx, cancel: cancel,
	}
	s.handler = s.routes()
	return s, nil
}

func (o *Options) check() error {
	switch {
	case o.AppID == "" || len(o.AppID) > maxAppIDBytes:
		return fmt.Errorf("%w: AppID must have 1 to %d bytes", ErrOptions, maxAppIDBytes)
	case !accountForm.MatchString(o.SellerID):
		return fmt.Errorf("%w: SellerID must be 2088 and twelve digits", ErrOptions)
	case o.MerchantPublicKey == nil:
		return fmt.Errorf("%w: MerchantPublicKey is missing", ErrOptions)
	case o.MerchantPublicKey.N.BitLen() < keyBits:
		return fmt.Errorf("%w: MerchantPublicKey has fewer than %d bits", ErrOptions, keyBits)
	case len(o.DefaultPerson) > maxPersonBytes:
		return fmt.Errorf("%w: DefaultPerson has more than %d bytes", ErrOptions, maxPersonBytes)
	case o.TimestampWindow < 0:
		return fmt.Errorf("%w: TimestampWindow is negative", ErrOptions)
	}
	return nil
}

func (o *Options) complete() {
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
}
