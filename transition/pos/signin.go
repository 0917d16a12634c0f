package pos

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"guodu/transition"
)

// firmwareForm is printable ASCII, so that a log line stays one.
var firmwareForm = regexp.MustCompile(`^[ -~]{0,64}$`)

// What a clock may be off. From warnOffset on the hub warns; beyond offerOffset
// it offers no loads, since the terminal cannot tell when one is over.
const (
	warnOffset  = 2 * time.Minute
	offerOffset = 10 * time.Minute
)

// condition is what a terminal says of itself.
type condition struct {
	Firmware  string     `json:"firmware"`
	Params    int64      `json:"params"`
	Blocklist string     `json:"blocklist"`
	Clock     *time.Time `json:"clock"`
}

func (c condition) check() error {
	switch {
	case !firmwareForm.MatchString(c.Firmware):
		return fmt.Errorf("%w: firmware must be at most 64 printable characters", errMalformed)
	case c.Params < 0 || c.Params > numberMax:
		return fmt.Errorf("%w: params must be a version", errMalformed)
	case c.Clock == nil || c.Clock.Year() < 1970 || c.Clock.Year() > 9999:
		return fmt.Errorf("%w: clock must be a time", errMalformed)
	}
	_, err := parseCursor(c.Blocklist)
	return err
}

// offset is the hub's time less the terminal's, in milliseconds.
func (c condition) offset(now time.Time) int64 { return now.UnixMilli() - c.Clock.UnixMilli() }

// clockOffset is milliseconds as a duration: beyond 292 years, the longest there is,
// and not whatever that comes to modulo 584 years.
func clockOffset(ms int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(max(-most, min(ms, most))) * time.Millisecond
}

// fields are what the registry keeps of it.
func (c condition) fields(now time.Time) []string {
	return []string{
		"firmware", c.Firmware, "params", strconv.FormatInt(c.Params, 10), "blocklist", c.Blocklist,
		"clock", strconv.FormatInt(c.offset(now), 10),
	}
}

// signInAnswer is the answer to POST /sign-in.
type signInAnswer struct {
	Now         time.Time  `json:"now"`
	BusinessDay string     `json:"business_day"` // in Beijing
	State       State      `json:"state"`
	Role        Role       `json:"role"`
	ClockOffset int64      `json:"clock_offset_ms"`
	Heartbeat   int64      `json:"heartbeat_s"`
	Seq         Seq        `json:"seq"`
	Journal     Watermarks `json:"journal"`
	Params      Params     `json:"params"`
	Blocklist   string     `json:"blocklist"`
	HubKeys     []string   `json:"hub_keys"`
}

func (h *Handler) signIn(c call) (any, error) {
	var said condition
	if err := c.read(&said); err != nil {
		return nil, err
	}
	if err := said.check(); err != nil {
		return nil, err
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	now := h.config.Clock()
	before := c.signed.Terminal
	if err := h.config.Registry.SignIn(c.ctx, before.ID, now, said.fields(now)); err != nil {
		return nil, err
	}
	t, err := h.config.Registry.Terminal(c.ctx, before.ID)
	if err != nil {
		return nil, err
	}
	params, err := h.config.Registry.Params(c.ctx)
	if err != nil {
		return nil, err
	}
	journal, err := h.config.Registry.Watermarks(c.ctx, t.ID, t.Journal())
	if err != nil {
		return nil, err
	}
	blocklist, err := h.config.Ledger.BlockCursor(c.ctx)
	if err != nil {
		return nil, err
	}
	h.config.Log.Info("sign-in", "terminal", t.ID, "was", before.State, "firmware", t.Seen.Firmware, "clock_offset", t.Seen.ClockOffset)
	h.watchClock(t)
	return signInAnswer{
		Now: now.UTC().Truncate(time.Second), BusinessDay: now.In(transition.Beijing()).Format("20060102"), State: t.State, Role: t.Role,
		ClockOffset: said.offset(now), Heartbeat: params.heartbeat(), Seq: t.Seq, Journal: journal.Watermarks,
		Params: params, Blocklist: blocklist.String(),
		HubKeys: []string{base64.StdEncoding.EncodeToString(h.publicKey())},
	}, nil
}

// watchClock warns of a clock that will matter.
func (h *Handler) watchClock(t Terminal) {
	if off := t.Seen.ClockOffset.Abs(); off > warnOffset {
		h.config.Log.Warn("terminal's clock is wrong", "terminal", t.ID, "clock_offset", t.Seen.ClockOffset, "offers", off <= offerOffset)
	}
}
