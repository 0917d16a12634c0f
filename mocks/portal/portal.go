package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// ErrOptions says that [New] was given something unusable.
var ErrOptions = errors.New("portal simulator: bad options")

// Person is somebody with a campus account.
type Person struct {
	Username  string
	Password  string
	AccountNo string
	Name      string
}

// Options says who exists and who may ask.
type Options struct {
	// ClientSecret is what the hub proves itself with. Required.
	ClientSecret string
	// People have distinct usernames; each needs all but a name.
	People []Person
	// Listen is a loopback address. Empty: a free port of 127.0.0.1.
	Listen string
	// Now is the clock of the lock; default time.Now.
	Now func() time.Time
	// Watch hears the status of each whole answer. It must not keep the portal
	// waiting.
	Watch func(status int)
	// Logger hears one line per answer, without names or passwords; default none.
	Logger *slog.Logger
}

// Portal is one simulated portal. All methods are safe for concurrent use.
type Portal struct {
	opts    Options
	people  map[string]Person
	handler http.Handler
	locks   *locks
	faults  faults
	counts  counters

	// ctx ends at Close and frees hung requests.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	closed    bool
	server    *http.Server
	stopWatch func() bool
	running   sync.WaitGroup
}

// New makes a portal.
// Errors: ErrOptions.
func New(opts Options) (*Portal, error) {
	if opts.ClientSecret == "" {
		return nil, fmt.Errorf("%w: ClientSecret is empty", ErrOptions)
	}
	people, err := register(opts.People)
	if err != nil {
		return nil, err
	}
	if opts.Listen == "" {
		opts.Listen = "127.0.0.1:0"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Portal{
		opts: opts, people: people, locks: newLocks(), counts: counters{n: map[string]int64{}},
		ctx: ctx, cancel: cancel,
	}
	p.handler = p.routes()
	return p, nil
}

// register indexes people by username.
func register(people []Person) (map[string]Person, error) {
	out := map[string]Person{}
	for i, person := range people {
		_, twice := out[person.Username]
		switch {
		case person.Username == "" || person.Password == "" || person.AccountNo == "":
			return nil, fmt.Errorf("%w: person %d lacks a username, password or account", ErrOptions, i)
		case twice:
			return nil, fmt.Errorf("%w: person %d has the username of another", ErrOptions, i)
		}
		out[person.Username] = person
	}
	return out, nil
}
