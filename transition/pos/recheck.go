package pos

import (
	"fmt"
	"regexp"

	"guodu/internal/fen"
	"guodu/transition"
)

var challengeForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// recheckRequest is the body of POST /cards/{card_no}/reread.
type recheckRequest struct {
	Challenge string   `json:"challenge"`
	CardUID   string   `json:"card_uid"`
	Version   string   `json:"version"`
	L         *int64   `json:"L"`
	B         *fen.Fen `json:"B"`
	P         *int64   `json:"P"`
}

// recheckAnswer is the answer to it; L and B are what to write with "repair".
type recheckAnswer struct {
	Outcome string   `json:"outcome"`
	L       *int64   `json:"L,omitempty"`
	B       *fen.Fen `json:"B,omitempty"`
}

func (h *Handler) recheck(c call) (any, error) {
	var request recheckRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	t := c.signed.Terminal
	read := reading{CardNo: c.echo.Param("card"), CardUID: request.CardUID, Version: request.Version, L: request.L, B: request.B, P: request.P}
	r, err := read.check(t.ID)
	if err != nil {
		return nil, err
	}
	if request.Challenge == "" && t.Role != RoleDesk {
		return nil, fmt.Errorf("%w: a canteen's terminal re-reads when it is asked to", errRole)
	}
	if request.Challenge != "" && !challengeForm.MatchString(request.Challenge) {
		return nil, fmt.Errorf("%w: challenge", errMalformed)
	}
	checked, err := h.config.Ledger.Recheck(c.ctx, transition.Recheck{
		Reading: r, Challenge: request.Challenge, Desk: t.Role == RoleDesk,
	}, c.nonce())
	if err != nil {
		return nil, err
	}
	h.config.Log.Info("recheck", "terminal", t.ID, "card", r.UID, "outcome", checked.Outcome)
	answer := recheckAnswer{Outcome: checked.Outcome}
	if checked.Outcome == "repair" {
		answer.L, answer.B = &checked.L, &checked.B
	}
	return answer, nil
}
