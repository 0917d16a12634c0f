package pos

import (
	"context"
	"time"

	"guodu/internal/redisx"
)

type seenCall struct {
	Terminal string   `key:"terminal"`
	Kind     string   `arg:"kind"`
	Now      int64    `arg:"now"`
	Fields   []string `arg:"fields"`
}

var terminalSeen = redisx.MustLoad[seenCall, stateReply](scripts, "terminal_seen")

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
	reply, err := terminalSeen.Run(ctx, r.run, seenCall{Terminal: r.terminalKey(id), Kind: kind, Now: now.UnixMilli(), Fields: fields})
	if err != nil {
		return err
	}
	return refused(id, reply.Tag, reply.State)
}
