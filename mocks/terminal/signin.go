package terminal

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// SignedIn is the hub's answer to a sign-in.
type SignedIn struct {
	Now           time.Time  `json:"now"`
	BusinessDay   string     `json:"business_day"`
	State         string     `json:"state"`
	Role          string     `json:"role"`
	ClockOffsetMS int64      `json:"clock_offset_ms"`
	HeartbeatS    int64      `json:"heartbeat_s"`
	Seq           Number     `json:"seq"` // the newest message that the hub has seen
	Journal       Watermarks `json:"journal"`
	Params        Parameters `json:"params"`
	Blocklist     string     `json:"blocklist"` // the newest cursor
	HubKeys       [][]byte   `json:"hub_keys"`
}

// SignIn begins the day: it tells the hub what the terminal has and takes the
// parameters, the watermarks and the hub's keys over. A registered terminal runs
// from then on. Blocklist and feed are asked for by their own calls.
// Errors: ErrNotRunning if the terminal is suspended, ErrNoAnswer, ErrGaveUp,
// ErrAnswer, *Problem, ErrJournal, ErrCrashed, ErrClosed.
func (t *Terminal) SignIn(ctx context.Context) (SignedIn, error) {
	t.aside.Lock()
	defer t.aside.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	err := t.running()
	if err == nil {
		err = t.step(StepSignIn)
	}
	if err != nil {
		return SignedIn{}, err
	}
	has := t.told.read()
	var in SignedIn
	err = t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/sign-in", limit: listMax}, map[string]any{
		"firmware": t.firmware, "params": has.Params.Version, "blocklist": has.Blocklist, "clock": t.now().UTC(),
	}, &in)
	if err == nil && (in.State == "" || in.BusinessDay == "") {
		err = fmt.Errorf("%w: sign-in without state or day", ErrAnswer)
	}
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	err = t.step(StepSignedIn)
	if err == nil {
		err = t.keep(in)
	}
	return in, err
}

// keep makes what a sign-in told last.
func (t *Terminal) keep(in SignedIn) error {
	err := t.numbers.above(in.Seq)
	if err == nil {
		err = t.delivered.marks(in.Journal)
	}
	if err != nil {
		return err
	}
	return t.told.change(func(m *memory) {
		m.BusinessDay, m.State, m.Role = in.BusinessDay, in.State, in.Role
		m.HeartbeatS, m.ClockOffsetMS, m.HubKeys = in.HeartbeatS, in.ClockOffsetMS, in.HubKeys
		if in.Params.Values != nil {
			m.Params = in.Params
		}
	})
}
