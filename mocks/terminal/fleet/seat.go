package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"guodu/mocks/terminal"
)

// errPower is a power cut.
var errPower = errors.New("power cut")

// seat is a place with a terminal. Who uses it holds the lock.
type seat struct {
	mu       sync.Mutex
	options  terminal.Options
	terminal *terminal.Terminal // nil while it has no power
	doom     terminal.Step      // where it dies next
}

func newSeat(o Options, m Member, client *http.Client) (*seat, error) {
	dir := filepath.Join(o.Dir, "terminals", m.ID)
	err := os.MkdirAll(dir, 0o700)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoster, err)
	}
	s := &seat{}
	s.options = terminal.Options{
		ID: m.ID, Key: m.Key, HubKey: o.HubKey, BaseURL: o.BaseURL, Dir: dir, Hasty: o.Hasty, HTTPClient: client,
		GiveUp: o.GiveUp, Clock: o.Clock, Before: s.before,
	}
	s.terminal, err = terminal.New(s.options)
	return s, err
}

// before is the terminal's hook: it strikes once.
func (s *seat) before(at terminal.Step) error {
	if s.doom != at {
		return nil
	}
	s.doom = ""
	return errPower
}

// restart gives a terminal without power a new life on its old disk.
func (s *seat) restart() error {
	if s.terminal != nil {
		return nil
	}
	var err error
	s.terminal, err = terminal.New(s.options)
	return err
}

// catchUp signs in and sends what is owed.
func (s *seat) catchUp(ctx context.Context) (terminal.Resumed, error) {
	err := s.restart()
	if err != nil {
		return terminal.Resumed{}, err
	}
	_, err = s.terminal.SignIn(ctx)
	if err != nil {
		return terminal.Resumed{}, err
	}
	return s.terminal.Resume(ctx)
}

// died takes note of a crash.
func (s *seat) died(err error) bool {
	if !errors.Is(err, terminal.ErrCrashed) {
		return false
	}
	s.terminal = nil
	return true
}

func (s *seat) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal != nil {
		_ = s.terminal.Close() // it has nothing left to write
	}
}
