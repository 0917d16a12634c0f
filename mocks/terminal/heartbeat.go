package terminal

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Span is a run of numbers.
type Span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Beat is the hub's answer to a heartbeat.
type Beat struct {
	Now           time.Time  `json:"now"`
	ClockOffsetMS int64      `json:"clock_offset_ms"`
	Params        int64      `json:"params"`    // the newest version
	Blocklist     string     `json:"blocklist"` // the newest cursor
	Journal       Watermarks `json:"journal"`
	SeqHoles      []Span     `json:"seq_holes"`
}

// Heartbeat tells the hub how the terminal is. What it says is newer is not
// fetched; Params and Blocklist do that.
// Errors: ErrNoAnswer, ErrGaveUp, ErrAnswer, *Problem, ErrJournal, ErrCrashed,
// ErrClosed.
func (t *Terminal) Heartbeat(ctx context.Context) (Beat, error) {
	t.aside.Lock()
	defer t.aside.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, t.giveUp, ErrGaveUp)
	defer cancel()
	err := t.running()
	if err != nil {
		return Beat{}, err
	}
	unsent, err := t.Unsent()
	if err != nil {
		return Beat{}, err
	}
	has := t.told.read()
	body := map[string]any{
		"journal_depth": len(unsent), "firmware": t.firmware, "params": has.Params.Version,
		"blocklist": has.Blocklist, "clock": t.now().UTC(),
	}
	if len(unsent) > 0 {
		body["oldest_unsent"] = unsent[0].At
	}
	var beat Beat
	err = t.call(ctx, Request{Method: http.MethodPost, Path: "/pos/v1/heartbeat"}, body, &beat)
	if err != nil {
		return Beat{}, fmt.Errorf("heartbeat: %w", err)
	}
	err = t.delivered.marks(beat.Journal)
	if err == nil {
		err = t.told.change(func(m *memory) { m.ClockOffsetMS = beat.ClockOffsetMS })
	}
	return beat, err
}
