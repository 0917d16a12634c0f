package pos

import (
	"fmt"
	"slices"

	"guodu/internal/fen"
	"guodu/transition"
)

// statusAnswer is the answer to GET /loads/{load}/status.
type statusAnswer struct {
	Load     transition.LoadNo    `json:"load"`
	State    transition.LoadState `json:"state"`
	Amount   fen.Fen              `json:"amount_fen"`
	Attempts int64                `json:"attempts"`
	Live     int                  `json:"live"`
}

func (h *Handler) status(c call) (any, error) {
	if _, err := c.query(); err != nil {
		return nil, err
	}
	number, err := transition.ParseLoadNo(c.echo.Param("load"))
	if err != nil {
		return nil, err
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	load, err := h.config.Ledger.LoadRecord(c.ctx, number)
	if err != nil {
		return nil, err
	}
	t := c.signed.Terminal
	if t.Role != RoleDesk && !slices.Contains(load.Had, t.ID) {
		return nil, fmt.Errorf("load %s is not this terminal's: %w", number, transition.ErrNoLoad)
	}
	return statusAnswer{Load: load.No, State: load.State, Amount: load.Amount, Attempts: load.Attempts, Live: len(load.Live)}, nil
}
