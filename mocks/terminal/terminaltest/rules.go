package terminaltest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"guodu/mocks/terminal"
)

func problem(status int, kind string) (int, map[string]any) {
	return status, map[string]any{"type": "urn:guodu:" + kind, "title": kind, "status": status}
}

// decode reads a body that holds nothing but v's fields.
func decode(body []byte, v any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil
}

func (h *Hub) route(r *http.Request, a asked) (int, map[string]any) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/pos/v1/"), "/")
	call := parts[0]
	if len(parts) == 3 {
		call = parts[0] + " " + parts[2]
	}
	if a.device.State == "suspended" || a.device.State == "registered" && call != "sign-in" {
		return problem(403, "not-running")
	}
	if r.Method == http.MethodGet {
		return h.read(r, a, call, parts)
	}
	switch call {
	case "sign-in":
		return h.signIn(a)
	case "heartbeat":
		return h.heartbeat(a)
	case "journal":
		return h.journal(a)
	case "taps":
		return h.tap(a)
	case "taps abort":
		return h.abortTap(parts[1], a)
	case "loads abort":
		return h.abortLoad(parts[1], a)
	case "loads reread":
		return h.rereadLoad(parts[1], a)
	case "loads result":
		return h.result(parts[1], a.body)
	case "cards reread":
		return h.rereadCard(parts[1], a)
	}
	return problem(400, "malformed")
}

func (h *Hub) tap(from asked) (int, map[string]any) {
	var t terminal.Tap
	if !decode(from.body, &t) || len(t.TapID) < 8 {
		return problem(400, "malformed")
	}
	h.TapIDs = append(h.TapIDs, t.TapID)
	a := h.Cards[t.CardNo]
	if a == nil || a.UID != t.CardUID || a.Version != t.Version {
		return problem(404, "unknown-card")
	}
	if h.dead[t.TapID] {
		return 200, map[string]any{"outcome": "none", "reason": "dead", "pending_fen": a.Pending}
	}
	if old, ok := h.Taps[t.TapID]; ok {
		if old.body != strings.TrimSpace(string(from.body)) {
			return problem(409, "tap-conflict")
		}
		return 200, old.answer
	}
	answer := h.offer(a, t, from.terminal)
	h.Taps[t.TapID] = Seen{strings.TrimSpace(string(from.body)), answer}
	return 200, answer
}

// offer is what the hub has for a card.
func (h *Hub) offer(a *Account, t terminal.Tap, at string) map[string]any {
	answer := map[string]any{"outcome": "none", "pending_fen": a.Pending}
	none := func(reason string) map[string]any {
		answer["reason"] = reason
		answer["pending_fen"] = a.Pending
		if reason == "reread" {
			a.challenge = "challenge-" + t.TapID
			answer["challenge"] = a.challenge
		}
		return answer
	}
	if a.L == nil {
		a.L = &t.L
	}
	if reason := h.evidence(a, t, answer); reason != "" {
		return none(reason)
	}
	if a.Frozen != "" {
		return none(a.Frozen)
	}
	if a.Open == nil && a.Pending > 0 {
		a.Open = &Load{
			No: fmt.Sprintf("07%04d", len(h.Loads)+1), Card: t.CardNo, L0: t.L, B0: t.B, P0: t.P, Amount: a.Pending, State: "HELD",
		}
		h.Loads[a.Open.No] = a.Open
		a.Pending = 0
	}
	if a.Open == nil {
		return none("nothing_pending")
	}
	h.authorise(a, t, at, answer)
	return answer
}

// evidence is what a reading proves; a reason ends the tap.
func (h *Hub) evidence(a *Account, t terminal.Tap, answer map[string]any) string {
	l := a.Open
	same := func() bool { return l.P0 == nil && t.P == nil || l.P0 != nil && t.P != nil && *l.P0 == *t.P }
	switch {
	case t.L < *a.L:
		return "reread"
	case t.L == *a.L && l == nil:
		return ""
	case t.L == *a.L && t.B == l.B0 && same():
		return ""
	case t.L == *a.L && same():
		return "reread"
	case t.L == *a.L:
		l.State = "IN_DOUBT"
		return "in_doubt"
	case t.L > *a.L+1 || l == nil:
		return "unknown_load"
	case a.Profile == terminal.ProfileShared && (t.Log == nil || t.Log.Terminal == terminal.OutsideTerminal):
		h.cancel(l)
		a.L = &t.L
		return ""
	case a.Profile == terminal.ProfileEPurse && t.TAC == "" || same() && t.B != l.B0+l.Amount:
		l.State = "WRITTEN"
		return "written"
	}
	answer["confirmed"] = map[string]any{"load": l.No, "amount_fen": l.Amount}
	h.confirm(a)
	return ""
}

// authorise makes an attempt on the open load.
func (h *Hub) authorise(a *Account, t terminal.Tap, at string, answer map[string]any) {
	attempt := &Attempt{TapID: t.TapID, Terminal: at}
	a.Open.Attempts = append(a.Open.Attempts, attempt)
	answer["pending_fen"] = a.Pending
	p0 := ""
	if t.P != nil {
		p0 = fmt.Sprint(*t.P)
	}
	notAfter := h.Now().Add(time.Minute)
	payload := map[string]any{
		"load": a.Open.No, "account": "A1", "card_uid": t.CardUID, "card_no": t.CardNo, "version": t.Version,
		"L0": a.Open.L0, "B0": a.Open.B0, "P0": p0, "amount_fen": a.Open.Amount, "attempt": len(a.Open.Attempts),
		"terminal": at, "tap_id": t.TapID, "not_after": notAfter.UnixMilli(),
	}
	for k, v := range map[string]any{
		"outcome": "load", "load": a.Open.No, "amount_fen": a.Open.Amount, "attempt": len(a.Open.Attempts),
		"L0": a.Open.L0, "B0": a.Open.B0, "not_after": notAfter.UTC().Format(time.RFC3339),
	} {
		answer[k] = v
	}
	if a.Profile == terminal.ProfileEPurse && t.MAC1 != "" {
		answer["mac2"], answer["mac2_at"] = "0a0b0c0d", h.Now().UTC().Format("20060102150405")
	}
	if h.Authorise != nil {
		h.Authorise(payload)
	}
	attempt.Authorisation = h.seal(payload)
	answer["authorisation"] = attempt.Authorisation
	if h.Outer != nil {
		h.Outer(answer)
	}
}

// seal signs an authorisation.
func (h *Hub) seal(payload map[string]any) string {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	first := base64.RawURLEncoding.EncodeToString(text)
	if h.Sealing != nil {
		return h.Sealing(first)
	}
	return first + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(h.Key, []byte("guodu-load-v1."+first)))
}

func (h *Hub) confirm(a *Account) {
	if a.Open.State != "CONFIRMED" {
		h.Confirmed += a.Open.Amount
	}
	a.Open.State = "CONFIRMED"
	l := a.Open.L0 + 1
	a.L, a.Open = &l, nil
}

// cancel gives the money of a load back.
func (h *Hub) cancel(l *Load) {
	a := h.Cards[l.Card]
	if a.Open != l {
		return
	}
	l.State = "CANCELLED"
	a.Open = nil
	a.Pending += l.Amount
}

func (h *Hub) result(no string, body []byte) (int, map[string]any) {
	var r terminal.Result
	if !decode(body, &r) {
		return problem(400, "malformed")
	}
	l := h.Loads[no]
	if l == nil {
		return problem(404, "unknown-load")
	}
	a, err := terminal.OpenAuthorisation(h.PublicKey(), r.Authorisation)
	if err != nil || a.Load != no {
		return problem(409, "load-mismatch")
	}
	h.Results = append(h.Results, r)
	first := l.State == "HELD" || l.State == "IN_DOUBT" && r.Outcome == terminal.ResultWritten
	card := h.Cards[a.CardNo]
	switch {
	case l.State == "CONFIRMED" || l.State == "CANCELLED":
	case r.Outcome == terminal.ResultUnknown:
		l.State = "IN_DOUBT"
	case r.L == nil:
		l.State = "WRITTEN"
	case *r.L == l.L0+1 && card.Open == l:
		h.confirm(card)
	}
	return 200, map[string]any{"state": l.State, "first": first, "amount_fen": l.Amount, "at": h.Now().UTC().Format(time.RFC3339)}
}

func (h *Hub) abortTap(tapID string, from asked) (int, map[string]any) {
	var body struct {
		CardUID string `json:"card_uid"`
	}
	if !decode(from.body, &body) {
		return problem(400, "malformed")
	}
	return 200, map[string]any{"state": h.kill(tapID)}
}

// kill ends the attempt of a tap and says where its load stands.
func (h *Hub) kill(tapID string) string {
	h.dead[tapID] = true
	for _, l := range h.Loads {
		for _, attempt := range l.Attempts {
			if attempt.TapID == tapID {
				attempt.Dead = true
				h.over(l)
				return l.State
			}
		}
	}
	return ""
}

// over cancels a load that has no live attempt.
func (h *Hub) over(l *Load) {
	if !slices.ContainsFunc(l.Attempts, func(a *Attempt) bool { return !a.Dead }) {
		h.cancel(l)
	}
}

func (h *Hub) abortLoad(no string, from asked) (int, map[string]any) {
	var body struct {
		Authorisation string `json:"authorisation"`
	}
	if !decode(from.body, &body) {
		return problem(400, "malformed")
	}
	a, err := terminal.OpenAuthorisation(h.PublicKey(), body.Authorisation)
	if err != nil || a.Load != no || a.Terminal != from.terminal {
		return problem(409, "load-mismatch")
	}
	if h.Loads[no] == nil {
		return problem(404, "unknown-load")
	}
	h.kill(a.TapID)
	return 200, map[string]any{"state": h.Loads[no].State}
}

func (h *Hub) rereadLoad(no string, from asked) (int, map[string]any) {
	var body struct {
		Authorisation string `json:"authorisation"`
		L             *int64
		B             *int64
		P             *int64
	}
	if !decode(from.body, &body) || body.L == nil || body.B == nil {
		return problem(400, "malformed")
	}
	a, err := terminal.OpenAuthorisation(h.PublicKey(), body.Authorisation)
	l := h.Loads[no]
	if err != nil || a.Load != no || a.Terminal != from.terminal || l == nil {
		return problem(409, "load-mismatch")
	}
	h.dead[a.TapID] = true
	unchanged := *body.L == a.L0 && *body.B == a.B0
	for i, attempt := range l.Attempts {
		if attempt.TapID == a.TapID || unchanged && int64(i) < a.Attempt {
			attempt.Dead = true
		}
	}
	h.over(l)
	return 200, map[string]any{"state": l.State}
}

func (h *Hub) rereadCard(no string, from asked) (int, map[string]any) {
	var body struct {
		Challenge string `json:"challenge"`
		CardUID   string `json:"card_uid"`
		Version   string `json:"version"`
		L         *int64
		B         *int64
		P         *int64
	}
	if !decode(from.body, &body) || body.L == nil || body.B == nil {
		return problem(400, "malformed")
	}
	a := h.Cards[no]
	if a == nil || a.UID != body.CardUID {
		return problem(404, "unknown-card")
	}
	if body.Challenge == "" {
		return h.desk(a, from, *body.L, *body.B)
	}
	if body.Challenge != a.challenge {
		return problem(409, "challenge")
	}
	a.challenge = ""
	if *body.L == *a.L && (a.Open == nil || *body.B == a.Open.B0) {
		return 200, map[string]any{"outcome": "agrees"}
	}
	a.Frozen = "conflict"
	return 200, map[string]any{"outcome": "conflict"}
}

// desk is the reading of a card in conflict at the card centre.
func (h *Hub) desk(a *Account, from asked, l, b int64) (int, map[string]any) {
	switch {
	case from.device.Role != "desk":
		return problem(403, "role")
	case a.Repair == nil:
		return 200, map[string]any{"outcome": "filed"}
	case a.Repair.L == l && a.Repair.B == b:
		if a.Open != nil {
			a.Open.State = "CANCELLED"
			a.Open = nil
		}
		a.L, a.Frozen, a.Repair = &l, "", nil
		return 200, map[string]any{"outcome": "repaired"}
	}
	return 200, map[string]any{"outcome": "repair", "L": a.Repair.L, "B": a.Repair.B}
}
