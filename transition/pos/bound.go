package pos

import (
	"fmt"
	"regexp"
)

// payerPart is what each part of a payer's name is made of, as binding has it.
var payerPart = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// boundAnswer is the answer to GET /payers/bound.
type boundAnswer struct {
	Bound bool `json:"bound"`
}

func (h *Handler) bound(c call) (any, error) {
	query, err := c.query("channel", "kind", "payer")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"channel", "kind", "payer"} {
		if !payerPart.MatchString(query[name]) {
			return nil, fmt.Errorf("%w: %s must be 1 to 128 of 0-9 A-Z a-z _ -", errMalformed, name)
		}
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	bound, err := h.config.Payers.Bound(c.ctx, query["channel"], query["kind"], query["payer"])
	if err != nil {
		return nil, err
	}
	return boundAnswer{bound}, nil
}
