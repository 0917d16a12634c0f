package terminal

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// What ends a terminal, or a step of it.
var (
	// ErrOptions says that [New] or a request was given something unusable.
	ErrOptions = errors.New("terminal simulator: bad options")
	// ErrCrashed says that [Options.Before] ended this terminal; open another
	// one on the same directory.
	ErrCrashed = errors.New("terminal simulator: crashed")
	// ErrClosed says that the terminal was closed.
	ErrClosed = errors.New("terminal simulator: closed")
	// ErrGaveUp says that loading took too long. The meal goes on without it.
	ErrGaveUp = errors.New("terminal simulator: gave up loading")
)

// What [Options.Count] hears of.
const (
	EventCardGone = "card.gone" // the card was away when the terminal wanted it
	EventCrash    = "crash"     // the terminal died at a step
)

// giveUpDefault is far above what a counter would wait: a slow machine must not
// change what a test sees.
const giveUpDefault = 5 * time.Second

// Options says which terminal it is.
type Options struct {
	// ID is what the terminal is registered as. Required.
	ID string
	// Key signs the requests with Ed25519; or Secret (32 bytes) does, with
	// hmac-sha256, and then verifies the answers too. One of them is required.
	Key    ed25519.PrivateKey
	Secret []byte
	// HubKey verifies authorisations, and answers to Ed25519 terminals. Required.
	// The keys that a sign-in tells of are good too.
	HubKey ed25519.PublicKey
	// BaseURL is the hub's scheme and host, no path. Required.
	BaseURL string
	// Dir is the terminal's own disk; it must exist. Required.
	Dir string
	// Hasty does not wait for the disk: a terminal that dies loses nothing, a
	// machine that loses power may. For many terminals on one disk.
	Hasty bool
	// Firmware is what sign-in and heartbeat say; default "simulator".
	Firmware string

	// HTTPClient is copied and then follows no redirects; default one of its own.
	// Its transport may be shared.
	HTTPClient *http.Client
	// Clock is the time in signatures and of not_after; default time.Now.
	Clock func() time.Time
	// Rand is where nonces and tap ids come from; default crypto/rand. It must
	// not begin again after a restart, or old tap ids come back.
	Rand io.Reader
	// GiveUp is how long (real time) the whole load step of a tap, or one result
	// of Resume, may take; default 5 s.
	GiveUp time.Duration
	// Before is called before every step; an error ends the terminal there. It
	// must not call Tap, Retry, Resume or Close.
	Before func(Step) error
	// Count hears of what happened, by name: EventCardGone, EventCrash. It may be
	// called while the terminal is busy and must not call it. Default none.
	Count func(event string)
	// Logger hears each step without keys and authorisations; default none.
	Logger *slog.Logger
}

// Terminal is one terminal. All methods are safe for concurrent use; those that
// use the reader (Tap and its kin, Retry, Abort, Resume, Desk) wait for each
// other, as there is one, and so do those that take watermarks from the hub
// (SignIn, Heartbeat, UploadJournal), or an older answer could win.
type Terminal struct {
	who      identity
	firmware string
	hubKey   ed25519.PublicKey
	base     *url.URL
	client   *http.Client
	ownHTTP  bool
	now      func() time.Time
	giveUp   time.Duration
	before   func(Step) error
	count    func(event string)
	log      *slog.Logger
	journal  *Journal
	numbers  *numbers

	randMu sync.Mutex
	rand   io.Reader

	halted atomic.Pointer[error]

	mu sync.Mutex
	// open is the tap whose answer never came; memory only.
	open *presence

	aside     sync.Mutex // held by the calls that take watermarks
	told      *told
	delivered *delivered
}

// secretSize is that of an hmac-sha256 terminal's secret in bytes.
const secretSize = 32

var idForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

// New makes a terminal, or brings the one of that directory back after a crash;
// [Terminal.Resume] then sends what it still owes.
// Errors: ErrOptions, ErrJournal.
func New(o Options) (*Terminal, error) {
	base, err := url.Parse(o.BaseURL)
	switch {
	case !idForm.MatchString(o.ID):
		return nil, fmt.Errorf("%w: ID %q", ErrOptions, o.ID)
	case len(o.Key) > 0 && len(o.Secret) > 0:
		return nil, fmt.Errorf("%w: both Key and Secret", ErrOptions)
	case len(o.Secret) != secretSize && len(o.Key) != ed25519.PrivateKeySize:
		return nil, fmt.Errorf("%w: neither Key is an Ed25519 key nor Secret 32 bytes", ErrOptions)
	case len(o.HubKey) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("%w: HubKey is no Ed25519 key", ErrOptions)
	case err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.Path != "" && base.Path != "/":
		return nil, fmt.Errorf("%w: BaseURL %q", ErrOptions, o.BaseURL)
	case o.Dir == "":
		return nil, fmt.Errorf("%w: Dir is empty", ErrOptions)
	}
	t := &Terminal{
		who: identity{id: o.ID, key: o.Key, secret: o.Secret}, firmware: o.Firmware, hubKey: o.HubKey, base: base,
		now: o.Clock, giveUp: o.GiveUp, before: o.Before, count: o.Count, log: o.Logger, rand: o.Rand,
	}
	t.defaults(o.HTTPClient)
	err = t.boot(disk{hasty: o.Hasty}, o.Dir)
	if err != nil {
		return nil, fmt.Errorf("terminal %s: %w", o.ID, err)
	}
	return t, nil
}

// defaults fills in what the options left open.
func (t *Terminal) defaults(client *http.Client) {
	t.ownHTTP = client == nil
	t.client = &http.Client{Transport: &http.Transport{}}
	if client != nil {
		own := *client
		t.client = &own
	}
	// A signature is for one path: following a redirect would send it elsewhere.
	t.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if t.firmware == "" {
		t.firmware = "simulator"
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.giveUp <= 0 {
		t.giveUp = giveUpDefault
	}
	if t.rand == nil {
		t.rand = rand.Reader
	}
	if t.count == nil {
		t.count = func(string) {}
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.log = t.log.With("terminal", t.who.id)
}

// boot reads the terminal's disk.
func (t *Terminal) boot(d disk, dir string) error {
	var err error
	t.numbers, err = openNumbers(d, dir)
	if err != nil {
		return err
	}
	t.told, err = openTold(d, dir)
	if err != nil {
		return err
	}
	t.delivered, err = openDelivered(d, dir, t.numbers.epoch())
	if err != nil {
		return err
	}
	t.journal, err = openJournal(d, filepath.Join(dir, journalFile))
	if err != nil {
		return err
	}
	for _, dropped := range t.journal.Abandoned() {
		if t.delivered.settles(dropped) {
			t.journal.settle(dropped.TapID)
		}
	}
	return nil
}

// ID is what the terminal is registered as.
func (t *Terminal) ID() string { return t.who.id }

// Journal is the terminal's journal, to be looked at.
func (t *Terminal) Journal() *Journal { return t.journal }

// Close ends the terminal in order: it waits for a tap to end and closes the
// journal. Errors: ErrJournal.
func (t *Terminal) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.halt(ErrClosed)
	if t.ownHTTP {
		t.client.CloseIdleConnections()
	}
	return t.journal.Close()
}

// halt ends the terminal for err, unless it has ended already.
func (t *Terminal) halt(err error) { t.halted.CompareAndSwap(nil, &err) }

// running returns why the terminal has ended, or nil.
func (t *Terminal) running() error {
	if err := t.halted.Load(); err != nil {
		return *err
	}
	return nil
}
