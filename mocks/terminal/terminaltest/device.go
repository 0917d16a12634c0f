package terminaltest

import (
	"net/http"
	"strconv"
	"time"

	"guodu/mocks/terminal"
)

// BlockChange is a card that goes on to the blocklist, or off it.
type BlockChange struct {
	Card terminal.Blocked
	Off  bool
}

func (h *Hub) signIn(from asked) (int, map[string]any) {
	var body struct {
		Firmware  string    `json:"firmware"`
		Params    int64     `json:"params"`
		Blocklist string    `json:"blocklist"`
		Clock     time.Time `json:"clock"`
	}
	if !decode(from.body, &body) || body.Firmware == "" || body.Clock.IsZero() {
		return problem(400, "malformed")
	}
	d := from.device
	d.State = "running"
	role := d.Role
	if role == "" {
		role = "pos"
	}
	return 200, map[string]any{
		"now": h.Now(), "business_day": h.Now().In(time.FixedZone("CST", 8*3600)).Format("20060102"), "state": d.State, "role": role,
		"clock_offset_ms": h.Now().Sub(body.Clock).Milliseconds(), "heartbeat_s": 60, "seq": d.newest,
		"journal": h.watermarks(d, d.newest.Epoch), "params": h.params(body.Params), "blocklist": h.cursor(),
		"hub_keys": [][]byte{h.PublicKey()},
	}
}

func (h *Hub) heartbeat(from asked) (int, map[string]any) {
	var body struct {
		Depth     *int64    `json:"journal_depth"`
		Oldest    time.Time `json:"oldest_unsent"`
		Firmware  string    `json:"firmware"`
		Params    int64     `json:"params"`
		Blocklist string    `json:"blocklist"`
		Clock     time.Time `json:"clock"`
	}
	if !decode(from.body, &body) || body.Depth == nil || (*body.Depth > 0) == body.Oldest.IsZero() {
		return problem(400, "malformed")
	}
	d := from.device
	return 200, map[string]any{
		"now": h.Now(), "clock_offset_ms": h.Now().Sub(body.Clock).Milliseconds(), "params": h.Params.Version, "blocklist": h.cursor(),
		"journal": h.watermarks(d, d.newest.Epoch), "seq_holes": []terminal.Span{},
	}
}

// read answers the calls that change nothing.
func (h *Hub) read(r *http.Request, from asked, call string, parts []string) (int, map[string]any) {
	query := r.URL.Query()
	switch call {
	case "cards pending":
		a := h.Cards[parts[1]]
		if a == nil {
			return problem(404, "unknown-card")
		}
		held := int64(0)
		if a.Open != nil {
			held = a.Open.Amount
		}
		return 200, map[string]any{"card_no": parts[1], "pending_fen": a.Pending, "load_held_fen": held, "frozen": a.Frozen != "", "reasons": []string{}}
	case "loads status":
		return h.status(parts[1], from)
	case "params":
		since, err := strconv.ParseInt(query.Get("since"), 10, 64)
		if err != nil {
			return problem(400, "malformed")
		}
		return 200, h.params(since)
	case "blocklist":
		return 200, h.blocklist(query.Get("since"))
	case "payers":
		return 200, map[string]any{"bound": h.Bound[query.Get("channel")+" "+query.Get("kind")+" "+query.Get("payer")]}
	}
	return problem(400, "malformed")
}

func (h *Hub) status(no string, from asked) (int, map[string]any) {
	l := h.Loads[no]
	if l == nil {
		return problem(404, "unknown-load")
	}
	mine, live := from.device.Role == "desk", 0
	for _, a := range l.Attempts {
		mine = mine || a.Terminal == from.terminal
		if !a.Dead && l.State != "CONFIRMED" {
			live++
		}
	}
	if !mine {
		return problem(404, "unknown-load")
	}
	return 200, map[string]any{"load": no, "state": l.State, "amount_fen": l.Amount, "attempts": len(l.Attempts), "live": live}
}

func (h *Hub) params(since int64) map[string]any {
	answer := map[string]any{"version": h.Params.Version}
	if since != h.Params.Version {
		answer["values"] = h.Params.Values
	}
	return answer
}

// cursor is the blocklist's newest.
func (h *Hub) cursor() string { return "7:" + strconv.Itoa(len(h.Blocklist)) + ",33:0" }

func (h *Hub) blocklist(since string) map[string]any {
	from := -1
	for i := h.Oldest; i <= len(h.Blocklist); i++ {
		if since == "7:"+strconv.Itoa(i)+",33:0" {
			from = i
		}
	}
	full := from < 0
	now := map[string]terminal.Blocked{}
	var off []string
	for _, c := range h.Blocklist[max(from, 0):] {
		if !c.Off {
			now[c.Card.CardUID] = c.Card
			continue
		}
		delete(now, c.Card.CardUID)
		if !full {
			off = append(off, c.Card.CardUID)
		}
	}
	block := []terminal.Blocked{}
	for _, b := range now {
		block = append(block, b)
	}
	answer := map[string]any{"cursor": h.cursor(), "full": full, "block": block}
	if off != nil {
		answer["unblock"] = off
	}
	return answer
}
