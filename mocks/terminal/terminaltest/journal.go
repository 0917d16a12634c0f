package terminaltest

import (
	"encoding/json"
	"strings"

	"guodu/mocks/terminal"
)

// batch is the body of POST /pos/v1/journal.
type batch struct {
	Epoch   int64             `json:"epoch"`
	Records []json.RawMessage `json:"records"`
}

// record is what the hub reads of a record: exactly the fields of
// docs/pos-v1.md.
type record struct {
	Seq           int64               `json:"seq"`
	Kind          terminal.RecordKind `json:"kind"`
	At            string              `json:"at"`
	TapID         string              `json:"tap_id"`
	Load          string              `json:"load"`
	Authorisation string              `json:"authorisation"`
	Result        json.RawMessage     `json:"result"`
	Reason        string              `json:"reason"`
	CardUID       string              `json:"card_uid"`
	CardNo        string              `json:"card_no"`
	Version       string              `json:"version"`
	L             *int64              `json:"L"`
	B             *int64              `json:"B"`
	P             *int64              `json:"P"`
}

func (h *Hub) journal(from asked) (int, map[string]any) {
	var b batch
	if !decode(from.body, &b) || len(b.Records) < 1 || len(b.Records) > 500 {
		return problem(400, "malformed")
	}
	d := from.device
	if d.journal == nil {
		d.journal, d.filed = map[int64]map[int64]string{}, map[int64]map[int64]bool{}
	}
	if d.journal[b.Epoch] == nil {
		d.journal[b.Epoch], d.filed[b.Epoch] = map[int64]string{}, map[int64]bool{}
	}
	verdicts := []map[string]any{}
	for _, raw := range b.Records {
		verdicts = append(verdicts, h.file(from, b.Epoch, raw))
	}
	marks := h.watermarks(d, b.Epoch)
	return 200, map[string]any{"verdicts": verdicts, "accepted": marks.Accepted, "archived": marks.Archived, "holes": d.holes(b.Epoch)}
}

// file takes one record and says what became of it.
func (h *Hub) file(from asked, epoch int64, raw json.RawMessage) map[string]any {
	d := from.device
	var r record
	if !decode(raw, &r) || r.Seq < 1 || r.TapID == "" || len(r.Reason) > 200 {
		return map[string]any{"seq": r.Seq, "verdict": "quarantined", "why": "malformed"}
	}
	v := map[string]any{"seq": r.Seq, "verdict": "accepted"}
	quarantine := func(why string) map[string]any {
		d.filed[epoch][r.Seq] = true
		v["verdict"], v["why"] = "quarantined", why
		return v
	}
	old, known := d.journal[epoch][r.Seq]
	if known {
		if old != string(raw) {
			return quarantine("content")
		}
		v["verdict"] = "duplicate"
		return v
	}
	d.journal[epoch][r.Seq] = string(raw)
	switch r.Kind {
	case terminal.TapAbandoned:
		h.kill(r.TapID)
	case terminal.HoldReceived:
		a, err := terminal.OpenAuthorisation(h.PublicKey(), r.Authorisation)
		if err != nil || a.Terminal != from.terminal {
			return quarantine("authorisation")
		}
	case terminal.WriteResult:
		status, _ := h.result(r.Load, r.Result)
		if status != 200 {
			return quarantine("load-mismatch")
		}
	}
	return v
}

// watermarks are how far a terminal's journal is here.
func (h *Hub) watermarks(d *Device, epoch int64) terminal.Watermarks {
	w := terminal.Watermarks{Epoch: epoch}
	for d.journal[epoch][w.Accepted+1] != "" {
		w.Accepted++
	}
	w.Archived = w.Accepted
	if h.Archived != nil {
		w.Archived = h.Archived(w.Accepted)
	}
	return w
}

// holes are the runs of numbers that are missing.
func (d *Device) holes(epoch int64) []terminal.Span {
	spans := []terminal.Span{}
	var newest int64
	for seq := range d.journal[epoch] {
		newest = max(newest, seq)
	}
	for seq := int64(1); seq <= newest; seq++ {
		switch n := len(spans); {
		case d.journal[epoch][seq] != "":
		case n > 0 && spans[n-1].To == seq-1:
			spans[n-1].To = seq
		default:
			spans = append(spans, terminal.Span{From: seq, To: seq})
		}
	}
	return spans
}

// Journal is the records of a terminal that the hub has, by number.
func (h *Hub) Journal(id string, epoch int64) map[int64]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[int64]string{}
	for seq, text := range h.Devices[id].journal[epoch] {
		all[seq] = text
	}
	return all
}

// Lose makes the hub forget records of a terminal, as a failover does.
func (h *Hub) Lose(id string, epoch int64, from, to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for seq := from; seq <= to; seq++ {
		delete(h.Devices[id].journal[epoch], seq)
	}
}

// Paths lists the paths of the authenticated messages, without /pos/v1/.
func (h *Hub) Paths() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var paths []string
	for _, m := range h.Messages {
		paths = append(paths, strings.TrimPrefix(m.Path, "/pos/v1/"))
	}
	return paths
}
