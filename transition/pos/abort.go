package pos

import (
	"fmt"

	"guodu/internal/fen"
	"guodu/transition"
)

// stateAnswer is the state of the load that a dropped attempt was of, empty if
// there was none.
type stateAnswer struct {
	State transition.LoadState `json:"state"`
}

// tapAbortRequest is the body of POST /taps/{tap_id}/abort.
type tapAbortRequest struct {
	CardUID string `json:"card_uid"`
}

func (h *Handler) abortTap(c call) (any, error) {
	var request tapAbortRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	uid, err := transition.ParseCardUID(request.CardUID)
	if err != nil {
		return nil, err
	}
	tap := c.echo.Param("tap")
	if !tapForm.MatchString(tap) {
		return nil, fmt.Errorf("%w: tap_id must be 8 to 64 of 0-9 A-Z a-z _ -", errMalformed)
	}
	return h.dropped(h.abort(c, transition.Abort{Terminal: c.signed.Terminal.ID, TapID: tap, UID: uid}, c.nonce()))
}

// loadAbortRequest is the body of POST /loads/{load}/abort.
type loadAbortRequest struct {
	Authorisation string `json:"authorisation"`
}

func (h *Handler) abortLoad(c call) (any, error) {
	var request loadAbortRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	load, err := h.authorisedFor(c, request.Authorisation)
	if err != nil {
		return nil, err
	}
	return h.dropped(h.abort(c, abortOf(load), c.nonce()))
}

func abortOf(load transition.Load) transition.Abort {
	return transition.Abort{Terminal: load.Terminal, TapID: load.TapID, UID: load.UID, Load: &load}
}

func (h *Handler) abort(c call, a transition.Abort, nonce transition.Nonce) (transition.LoadState, error) {
	state, err := h.config.Ledger.Abort(c.ctx, a, nonce)
	if err == nil {
		h.config.Log.Info("abort", "terminal", a.Terminal, "tap", a.TapID, "card", a.UID, "state", state)
	}
	return state, err
}

func (h *Handler) dropped(state transition.LoadState, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return stateAnswer{state}, nil
}

// rereadRequest is the body of POST /loads/{load}/reread.
type rereadRequest struct {
	Authorisation string   `json:"authorisation"`
	L             *int64   `json:"L"`
	B             *fen.Fen `json:"B"`
	P             *int64   `json:"P"`
}

func (h *Handler) reread(c call) (any, error) {
	var request rereadRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	if err := readBack(request.L, request.B, request.P); err != nil {
		return nil, err
	}
	if request.L == nil || request.B == nil {
		return nil, fmt.Errorf("%w: L and B must be read", errMalformed)
	}
	load, err := h.authorisedFor(c, request.Authorisation)
	if err != nil {
		return nil, err
	}
	state, err := h.config.Ledger.Reread(c.ctx, transition.Rereading{Load: load, L: *request.L, B: *request.B, P: request.P}, c.nonce())
	if err == nil {
		h.config.Log.Info("reread", "terminal", load.Terminal, "load", load.No, "attempt", load.Attempt, "state", state)
	}
	return h.dropped(state, err)
}
