package terminal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"guodu/mocks/terminal"
)

func problem(status int, kind string) (int, map[string]any) {
	return status, map[string]any{"type": "urn:guodu:" + kind, "title": kind, "status": status}
}

func (h *hub) route(path string, body []byte) (int, map[string]any) {
	parts := strings.Split(strings.TrimPrefix(path, "/pos/v1/"), "/")
	switch {
	case path == "/pos/v1/taps":
		return h.tap(body)
	case len(parts) == 3 && parts[0] == "loads" && parts[2] == "result":
		return h.result(parts[1], body)
	case len(parts) == 3 && parts[0] == "cards" && parts[2] == "pending":
		a := h.cards[parts[1]]
		if a == nil {
			return problem(404, "unknown-card")
		}
		return 200, map[string]any{"card_no": parts[1], "pending_fen": a.pending, "load_held_fen": 0, "frozen": false, "reasons": []string{}}
	}
	return problem(400, "malformed")
}

func (h *hub) tap(body []byte) (int, map[string]any) {
	var t terminal.Tap
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&t) != nil || len(t.TapID) < 8 {
		return problem(400, "malformed")
	}
	h.tapIDs = append(h.tapIDs, t.TapID)
	a := h.cards[t.CardNo]
	if a == nil || a.uid != t.CardUID || a.version != t.Version {
		return problem(404, "unknown-card")
	}
	if old, ok := h.taps[t.TapID]; ok {
		if old.body != string(body) {
			return problem(409, "tap-conflict")
		}
		return 200, old.answer
	}
	answer := h.offer(a, t)
	h.taps[t.TapID] = seen{string(body), answer}
	return 200, answer
}

func (h *hub) offer(a *account, t terminal.Tap) map[string]any {
	answer := map[string]any{"outcome": "none", "reason": "nothing_pending"}
	if a.open != nil && t.L == a.open.l0+1 {
		answer["confirmed"] = map[string]any{"load": a.open.no, "amount_fen": a.open.amount}
		h.confirm(a)
	}
	if a.open == nil && a.pending > 0 {
		a.open = &load{no: fmt.Sprintf("07%04d", len(h.loads)+1), l0: t.L, b0: t.B, amount: a.pending, state: "HELD"}
		h.loads[a.open.no] = a.open
		a.pending = 0
	}
	answer["pending_fen"] = a.pending
	if a.open == nil {
		return answer
	}
	if t.L != a.open.l0 || t.B != a.open.b0 {
		answer["reason"] = "reread"
		return answer
	}
	a.open.attempt++
	p0 := ""
	if t.P != nil {
		p0 = fmt.Sprint(*t.P)
	}
	notAfter := h.clock.now().Add(time.Minute)
	payload := map[string]any{
		"load": a.open.no, "account": "A1", "card_uid": t.CardUID, "card_no": t.CardNo, "version": t.Version,
		"L0": a.open.l0, "B0": a.open.b0, "P0": p0, "amount_fen": a.open.amount, "attempt": a.open.attempt,
		"terminal": "T1", "tap_id": t.TapID, "not_after": notAfter.UnixMilli(),
	}
	for k, v := range map[string]any{
		"outcome": "load", "load": a.open.no, "amount_fen": a.open.amount, "attempt": a.open.attempt,
		"L0": a.open.l0, "B0": a.open.b0, "not_after": notAfter.UTC().Format(time.RFC3339),
	} {
		answer[k] = v
	}
	delete(answer, "reason")
	if h.authorise != nil {
		h.authorise(payload)
	}
	answer["authorisation"] = h.seal(payload)
	if h.outer != nil {
		h.outer(answer)
	}
	return answer
}

// seal signs an authorisation.
func (h *hub) seal(payload map[string]any) string {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	first := base64.RawURLEncoding.EncodeToString(text)
	if h.sealing != nil {
		return h.sealing(first)
	}
	return first + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(h.key, []byte("guodu-load-v1."+first)))
}

func (h *hub) confirm(a *account) {
	if a.open.state != "CONFIRMED" {
		h.confirmed += a.open.amount
	}
	a.open.state = "CONFIRMED"
	a.open = nil
}

func (h *hub) result(no string, body []byte) (int, map[string]any) {
	var r terminal.Result
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(&r) != nil {
		return problem(400, "malformed")
	}
	l := h.loads[no]
	if l == nil {
		return problem(404, "unknown-load")
	}
	a, err := terminal.OpenAuthorisation(h.key.Public().(ed25519.PublicKey), r.Authorisation)
	if err != nil || a.Load != no {
		return problem(409, "load-mismatch")
	}
	h.results = append(h.results, r)
	first := l.state == "HELD" || l.state == "IN_DOUBT" && r.Outcome == terminal.ResultWritten
	card := h.cards[a.CardNo]
	switch {
	case l.state == "CONFIRMED":
	case r.Outcome == terminal.ResultUnknown:
		l.state = "IN_DOUBT"
	case r.L == nil:
		l.state = "WRITTEN"
	case *r.L == l.l0+1 && card.open == l:
		h.confirm(card)
	}
	return 200, map[string]any{"state": l.state, "first": first, "amount_fen": l.amount, "at": h.clock.now().UTC().Format(time.RFC3339)}
}
