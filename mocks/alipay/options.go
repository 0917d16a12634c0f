package alipay

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"guodu/mocks/sim"
)

// ErrOptions says that [New] was given something unusable.
var ErrOptions = errors.New("alipay simulator: bad options")

const (
	name = "alipay"

	maxAppIDBytes  = 32
	maxPersonBytes = 64
	diceSalt       = 0x616c69706179
	runKind        = "run"
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

	// PlatformKey is Alipay's own key, of [GeneratePlatformKey]. Nil: a fresh one,
	// or that of the state file.
	PlatformKey *rsa.PrivateKey
	// DefaultPerson is who authorizes and pays when no sim_person cookie says
	// otherwise. Empty: such a request is an error.
	DefaultPerson string
	// OAuthDomain is the one host (host:port) that an authorization may return
	// to. Empty: any loopback host.
	OAuthDomain string
	// UseOpenID makes the app one that knows persons by open_id only, as apps
	// registered since 2023 do. Otherwise it knows them by user_id only.
	UseOpenID bool
	// BothIDs makes the app one that is moving from user_id to open_id: it takes
	// and shows both.
	BothIDs bool
	// Certificates puts the app into certificate mode; see [Sim.AppCertPEM].
	Certificates bool
	// Templates are the merchant's own copies of message templates. None is
	// [DefaultTemplate].
	Templates []string
	// AllowLoopbackNotify lets notify_url name a loopback host, which the real
	// Alipay could not reach; so it has to be asked for.
	AllowLoopbackNotify bool
	// AutoDeliver tells the merchant of payments, and of what else the Profile
	// says, and repeats it by the documented schedule on the clock.
	AutoDeliver bool

	// Profile is what the documents leave open.
	Profile Profile
	// Without switches documented behaviours off, by the numbers of [Behaviours].
	Without []int
	// Scenarios are played at the start; see [Sim.Scenarios].
	Scenarios []string
	// StateFile keeps the state over restarts. Empty: it is lost.
	StateFile string
	// Rude plays the scenarios that are on by default.
	Rude bool
	// Listen is a loopback address. Empty: a free port of 127.0.0.1.
	Listen string

	// Clock is the time of trades, codes, bills and notifies; default the real
	// time. It is the caller's: Close does not stop it.
	Clock *sim.Clock
	// Seed makes ids repeat from run to run. 0 picks one; see [Sim.Seed].
	Seed int64
	// Logger hears one line per answer, without personal data; default none.
	Logger *slog.Logger
	// Watch hears of each request that was answered and each callback that was
	// sent, with the number of the order. It must not keep the simulator waiting.
	Watch func(order string, e sim.Event)
	// HTTPClient sends notifies. The default one reaches loopback only; its
	// redirect policy and timeout are replaced in any case.
	HTTPClient *http.Client
}

// New makes a simulator. Its keys are fresh, or those of the state file.
// Errors: ErrOptions, sim.ErrStore, sim.ErrUnknownScenario,
// sim.ErrUnknownBehaviour.
func New(opts Options) (*Sim, error) {
	err := opts.check()
	if err != nil {
		return nil, err
	}
	off, err := Behaviours().Without(opts.Without)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	store, err := sim.OpenStore(opts.StateFile)
	if err != nil {
		return nil, err
	}
	s := &Sim{
		ownClock: opts.Clock == nil, off: off, store: store, tally: sim.NewCounters(), bell: sim.NewBell(), limiter: &limiter{},
		replays: newReplays(),
	}
	opts.complete()
	s.opts, s.clock = opts, opts.Clock
	s.dice, err = throw(store, opts.Seed)
	if err == nil {
		err = s.open()
	}
	if err == nil {
		err = s.play(opts.Scenarios)
	}
	if err == nil {
		err = s.resume()
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s.handler = s.routes()
	return s, nil
}

// throw makes dice that draw the same in every first run of a seed, and other
// ids in each run that goes on from a state file: else they would collide.
func throw(store *sim.Store, seed int64) (*sim.Dice, error) {
	runs := uint64(0)
	err := sim.Each(store, runKind, func(_ string, n uint64) error {
		runs = n
		return nil
	})
	store.Put(runKind, "count", runs+1)
	return sim.NewDice(seed, diceSalt+runs), err
}

// open makes the parts, with what the state file has of them.
func (s *Sim) open() error {
	s.host = sim.NewHost(name, s.opts.Logger, "openapi.alipay.com", "openapi-sandbox.dl.alipaydev.com", "openauth.alipay.com")
	s.stand = &sim.Stand{
		Name: name, Host: s.host, Clock: s.clock, Faults: sim.NewFaults(s.dice, places()), Counts: s.tally,
		Timeline: sim.NewTimeline(s.opts.Watch), Log: s.opts.Logger,
	}
	if s.does(behaviourTrouble) {
		s.stand.Kinds = kinds()
	}
	s.mailer = &sim.Mailer{
		Stand: s.stand, Client: sim.CallbackClient(s.opts.HTTPClient), Deadline: notifyDeadline,
		Accepts: func(status int, body []byte) bool {
			return accepts(status, body) || status == http.StatusOK && !s.does(behaviourSchedule)
		},
	}
	s.courier = &sim.Courier{
		Stand: s.stand, Store: s.store, Schedule: Schedule(false), Send: s.attempt,
		Schedules: map[string][]time.Duration{PlaceCounter: Schedule(true)},
	}
	var errs [9]error
	s.platform, errs[0] = openPlatform(s.store, s.opts.PlatformKey)
	s.ledger, errs[1] = newLedger(s.store, s.opts.Profile, s.does, s.bell.Ring)
	s.archive, errs[2] = newArchive(s.store)
	s.people, errs[3] = newPeople(s.store)
	s.codes, errs[4] = sim.NewCodes(s.store, codeKind)
	s.tokens, errs[5] = newTokens(s.store)
	s.barCodes, errs[6] = newBarCodes(s.store)
	s.mail, errs[7] = newMailbox(s.store)
	s.bills, errs[8] = newBills(s.store)
	err := errors.Join(errs[:]...)
	if err == nil && s.opts.Certificates {
		s.cert, err = openCertificates(s.store, s.platform, s.opts.MerchantPublicKey)
	}
	return err
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
	case o.PlatformKey != nil && !IsSimulatorKey(&o.PlatformKey.PublicKey):
		return fmt.Errorf("%w: PlatformKey could be a real one", ErrOptions)
	case len(o.DefaultPerson) > maxPersonBytes:
		return fmt.Errorf("%w: DefaultPerson has more than %d bytes", ErrOptions, maxPersonBytes)
	case o.Profile.TimestampWindow < 0:
		return fmt.Errorf("%w: TimestampWindow is negative", ErrOptions)
	}
	return nil
}

func (o *Options) complete() {
	o.Profile.complete()
	sim.Complete(&o.Clock, &o.Seed, &o.Logger)
	if len(o.Templates) == 0 {
		o.Templates = []string{DefaultTemplate}
	}
}
