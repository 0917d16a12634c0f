package pos

import (
	"crypto/ed25519"
	"fmt"

	"guodu/internal/fen"
)

// pendingAnswer is the answer to GET /cards/{card_no}/pending.
type pendingAnswer struct {
	CardNo   string   `json:"card_no"`
	Pending  fen.Fen  `json:"pending_fen"`
	LoadHeld fen.Fen  `json:"load_held_fen"`
	Frozen   bool     `json:"frozen"`
	Reasons  []string `json:"reasons"`
}

func (h *Handler) pending(c call) (any, error) {
	if _, err := c.query(); err != nil {
		return nil, err
	}
	cardNo := c.echo.Param("card")
	if !wordForm.MatchString(cardNo) {
		return nil, fmt.Errorf("%w: card_no must be 1 to 32 letters and digits", errMalformed)
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	uid, err := h.config.Ledger.CardOfNumber(c.ctx, cardNo)
	if err != nil {
		return nil, err
	}
	number, err := h.config.Ledger.AccountOfCard(c.ctx, uid)
	if err != nil {
		return nil, err
	}
	account, err := h.config.Ledger.Account(c.ctx, number)
	if err != nil {
		return nil, err
	}
	answer := pendingAnswer{CardNo: cardNo, Pending: account.Pending, LoadHeld: account.LoadHeld, Frozen: account.Frozen(), Reasons: []string{}}
	for _, r := range account.Freeze {
		answer.Reasons = append(answer.Reasons, r.Name)
	}
	return answer, nil
}

func (h *Handler) publicKey() ed25519.PublicKey {
	key, _ := h.config.Key.Public().(ed25519.PublicKey)
	return key
}
