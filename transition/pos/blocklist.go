package pos

import (
	"fmt"

	"guodu/transition"
)

// blocklistAnswer is the answer to GET /blocklist.
type blocklistAnswer struct {
	Cursor  string               `json:"cursor"`
	Full    bool                 `json:"full"`
	Block   []blocked            `json:"block"`
	Unblock []transition.CardUID `json:"unblock"`
}

// blocked is a card that gets nothing.
type blocked struct {
	CardUID transition.CardUID `json:"card_uid"`
	CardNo  string             `json:"card_no"`
	Reason  string             `json:"reason"`
}

func (h *Handler) blocklist(c call) (any, error) {
	query, err := c.query("since")
	if err != nil {
		return nil, err
	}
	since, err := parseCursor(query["since"])
	if err != nil {
		return nil, err
	}
	if err := h.config.Nonces.Use(c.ctx, c.nonce()); err != nil {
		return nil, err
	}
	list, err := h.config.Ledger.Blocklist(c.ctx, since)
	if err != nil {
		return nil, err
	}
	answer := blocklistAnswer{
		Cursor: list.Cursor.String(), Full: list.Full, Block: make([]blocked, 0, len(list.Block)),
		Unblock: append([]transition.CardUID{}, list.Unblock...),
	}
	for _, b := range list.Block {
		answer.Block = append(answer.Block, blocked{CardUID: b.UID, CardNo: b.No, Reason: b.Reason})
	}
	return answer, nil
}

// parseCursor reads a cursor that a terminal gives back.
func parseCursor(text string) (transition.Cursor, error) {
	if len(text) > cursorMax {
		return transition.Cursor{}, fmt.Errorf("%w: cursor of %d bytes", errMalformed, len(text))
	}
	return transition.ParseCursor(text)
}

// cursorMax is the length of a cursor that names all partitions.
const cursorMax = transition.Partitions * len("63:0123456789012345,")
