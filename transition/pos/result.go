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
	proofFields
}

func (r resultRequest) check() error {
	if r.Outcome != "written" && r.Outcome != "unknown" {
		return fmt.Errorf("%w: outcome must be written or unknown", errMalformed)
	}
	if err := readBack(r.L, r.B, r.P); err != nil {
		return err
	}
	return r.proofFields.check()
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
	if err := request.check(); err != nil {
		return nil, err
	}
	load, err := h.authorisedFor(c, request.Authorisation)
	if err != nil {
		return nil, err
	}
	failpoint.Hit("pos.result.begin")
	receipt, err := h.apply(c, load, request, c.nonce())
	if err != nil {
		return nil, err
	}
	failpoint.Hit("pos.result.done")
	answer := resultAnswer{State: receipt.State, First: receipt.First, Amount: receipt.Amount}
	if !receipt.At.IsZero() {
		at := receipt.At.UTC()
		answer.At = &at
	}
	return answer, nil
}

// authorised opens an authorisation that this terminal may speak of.
// Errors: ErrAuthorisation.
func (h *Handler) authorised(c call, text string) (transition.Load, error) {
	load, err := OpenAuthorisation(h.publicKey(), text)
	if err != nil {
		return transition.Load{}, err
	}
	if load.Terminal != c.signed.Terminal.ID {
		return transition.Load{}, fmt.Errorf("%w: it is for another terminal", ErrAuthorisation)
	}
	return load, nil
}

// authorisedFor is authorised, of the load that the path names.
func (h *Handler) authorisedFor(c call, text string) (transition.Load, error) {
	number, err := transition.ParseLoadNo(c.echo.Param("load"))
	if err != nil {
		return transition.Load{}, err
	}
	load, err := h.authorised(c, text)
	if err == nil && load.No != number {
		err = fmt.Errorf("%w: it is for another load than the path", ErrAuthorisation)
	}
	return load, err
}

// apply gives a result to the ledger and tells of what it confirmed.
func (h *Handler) apply(c call, load transition.Load, r resultRequest, nonce transition.Nonce) (transition.Receipt, error) {
	receipt, err := h.config.Ledger.Result(c.ctx, transition.WriteResult{
		Load: load, Written: r.Outcome == "written", L: r.L, B: r.B, P: r.P, Proof: r.proof(),
	}, nonce)
	if err != nil {
		return transition.Receipt{}, err
	}
	h.config.Log.Info("result", "terminal", load.Terminal, "load", load.No, "attempt", load.Attempt,
		"outcome", r.Outcome, "state", receipt.State, "first", receipt.First)
	if receipt.First {
		h.config.Loaded(Loaded{
			No: load.No, Account: load.Account, Amount: receipt.Amount, At: receipt.At, Place: c.signed.Terminal.Place,
		})
	}
	return receipt, nil
}
