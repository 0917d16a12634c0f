package pos

import (
	"fmt"
	"strconv"
	"time"
)

// heartbeatRequest is the body of POST /heartbeat.
type heartbeatRequest struct {
	condition
	JournalDepth int64      `json:"journal_depth"`
	OldestUnsent *time.Time `json:"oldest_unsent"`
}

// heartbeatAnswer is the answer to it.
type heartbeatAnswer struct {
	Now         time.Time  `json:"now"`
	ClockOffset int64      `json:"clock_offset_ms"`
	Params      int64      `json:"params"`
	Blocklist   string     `json:"blocklist"`
	Journal     Watermarks `json:"journal"`
	SeqHoles    []Hole     `json:"seq_holes"`
}

func (h *Handler) heartbeat(c call) (any, error) {
	var said heartbeatRequest
	if err := c.read(&said); err != nil {
		return nil, err
	}
	if err := said.check(); err != nil {
		return nil, err
	}
	if said.JournalDepth < 0 || said.JournalDepth > numberMax {
		return nil, fmt.Errorf("%w: journal_depth must be a count", errMalformed)
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	now, t := h.config.Clock(), c.signed.Terminal
	oldest := ""
	if said.OldestUnsent != nil {
		oldest = strconv.FormatInt(said.OldestUnsent.UnixMilli(), 10)
	}
	err := h.config.Registry.Heartbeat(c.ctx, t.ID, now,
		append(said.fields(now), "depth", strconv.FormatInt(said.JournalDepth, 10), "oldest", oldest))
	if err != nil {
		return nil, err
	}
	params, err := h.config.Registry.Params(c.ctx)
	if err != nil {
		return nil, err
	}
	blocklist, err := h.config.Ledger.BlockCursor(c.ctx)
	if err != nil {
		return nil, err
	}
	journal, err := h.config.Registry.Watermarks(c.ctx, t.ID, t.Journal())
	if err != nil {
		return nil, err
	}
	holes, err := h.config.Registry.Holes(c.ctx, t.ID)
	if err != nil {
		return nil, err
	}
	t.Seen.ClockOffset = clockOffset(said.offset(now))
	h.watchClock(t)
	return heartbeatAnswer{
		Now: now.UTC().Truncate(time.Second), ClockOffset: said.offset(now), Params: params.Version,
		Blocklist: blocklist.String(), Journal: journal.Watermarks, SeqHoles: append([]Hole{}, holes...),
	}, nil
}
