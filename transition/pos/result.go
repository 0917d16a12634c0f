package pos

import (
	"fmt"
	"time"

	"guodu/internal/failpoint"
	"guodu/internal/fen"
	"guodu/transition"
)

// resultRequest is the body of POST /loads/{load}/result.
type resultRequest struct {
	Authorisation string   `json:"authorisation"`
	Outcome       string   `json:"outcome"`
	L             *int64   `json:"L"`
	B             *fen.Fen `json:"B"`
	P             *int64   `json:"P"`
}

// resultAnswer is the answer to it.
type resultAnswer struct {
	State  transition.LoadState `json:"state"`
	First  bool                 `json:"first"`
	Amount fen.Fen              `json:"amount_fen,omitempty"`
	At     *time.Time           `json:"at,omitempty"`
}

func (h *Handler) result(c call) (any, error) {
	var request resultRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	number, err := transition.ParseLoadNo(c.echo.Param("load"))
	if err != nil {
		return nil, err
	}
	if request.Outcome != "written" && request.Outcome != "unknown" {
		return nil, fmt.Errorf("%w: outcome must be written or unknown", errMalformed)
	}
	for name, counter := range map[string]*int64{"L": request.L, "P": request.P} {
		if counter != nil && (*counter < 0 || *counter > counterMax) {
			return nil, fmt.Errorf("%w: %s must be a counter", errMalformed, name)
		}
	}
	if request.B != nil && (*request.B < -fen.Max || *request.B > fen.Max) {
		return nil, fmt.Errorf("%w: B must be an amount in fen", errMalformed)
	}
	load, err := OpenAuthorisation(h.publicKey(), request.Authorisation)
	if err != nil {
		return nil, err
	}
	if load.No != number {
		return nil, fmt.Errorf("%w: it is for another load than the path", ErrAuthorisation)
	}
	if load.Terminal != c.signed.Terminal.ID {
		return nil, fmt.Errorf("%w: it is for another terminal", ErrAuthorisation)
	}
	failpoint.Hit("pos.result.begin")
	receipt, err := h.config.Ledger.Result(c.ctx, transition.WriteResult{
		Load: load, Written: request.Outcome == "written", L: request.L, B: request.B, P: request.P,
	}, c.nonce())
	if err != nil {
		return nil, err
	}
	failpoint.Hit("pos.result.done")
	h.config.Log.Info("result", "terminal", load.Terminal, "load", load.No, "attempt", load.Attempt,
		"outcome", request.Outcome, "state", receipt.State, "first", receipt.First)
	if receipt.First {
		h.config.Loaded(Loaded{
			No: load.No, Account: load.Account, Amount: receipt.Amount, At: receipt.At, Place: c.signed.Terminal.Place,
		})
	}
	answer := resultAnswer{State: receipt.State, First: receipt.First, Amount: receipt.Amount}
	if !receipt.At.IsZero() {
		at := receipt.At.UTC()
		answer.At = &at
	}
	return answer, nil
}
