package pos

import (
	"context"
	"strconv"
	"time"
)

// SignIn keeps what a terminal says of itself, as names and values; one that was
// registered runs from then on.
// Errors: ErrNoTerminal, ErrTerminalState.
func (r *Registry) SignIn(ctx context.Context, id string, now time.Time, fields []string) error {
	return r.hear(ctx, "sign_in", id, now, fields)
}

// Heartbeat keeps what a running terminal says of itself, likewise.
// Errors: ErrNoTerminal, ErrTerminalState.
func (r *Registry) Heartbeat(ctx context.Context, id string, now time.Time, fields []string) error {
	return r.hear(ctx, "heartbeat", id, now, fields)
}

func (r *Registry) hear(ctx context.Context, kind, id string, now time.Time, fields []string) error {
	args := append([]string{kind, strconv.FormatInt(now.UnixMilli(), 10)}, fields...)
	reply, err := r.run.Run(ctx, r.seen, []string{r.terminalKey(id)}, args...)
	if err != nil {
		return err
	}
	return outcome("terminal_seen", id, reply, "OK")
}
