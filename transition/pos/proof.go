package pos

import (
	"fmt"
	"regexp"

	"guodu/internal/fen"
	"guodu/transition"
)

var (
	hexForm  = regexp.MustCompile(`^([0-9A-Fa-f]{2}){1,32}$`)
	timeForm = regexp.MustCompile(`^[0-9]{14}$`)
)

// proofFields are what a card of profile epurse or shared says for itself.
type proofFields struct {
	MAC1   string   `json:"mac1"`
	Random string   `json:"random"`
	TAC    string   `json:"tac"`
	TACAt  string   `json:"tac_at"`
	Log    *cardLog `json:"log"`
}

// proof is as much of it as the ledger believes: nothing verifies mac1 and tac
// yet, so they prove nothing.
func (p proofFields) proof() transition.Proof {
	if p.Log == nil {
		return transition.Proof{}
	}
	return transition.Proof{Log: &transition.CardLog{Amount: p.Log.Amount, Terminal: p.Log.Terminal}}
}

// cardLog is the newest load in the card's own log.
type cardLog struct {
	Amount   fen.Fen `json:"amount_fen"`
	Terminal string  `json:"terminal"`
}

func (p proofFields) check() error {
	for name, value := range map[string]string{"mac1": p.MAC1, "random": p.Random, "tac": p.TAC} {
		if value != "" && !hexForm.MatchString(value) {
			return fmt.Errorf("%w: %s must be 1 to 32 bytes in hex", errMalformed, name)
		}
	}
	if p.TACAt != "" && !timeForm.MatchString(p.TACAt) {
		return fmt.Errorf("%w: tac_at must be yyyyMMddHHmmss", errMalformed)
	}
	if p.Log != nil && (p.Log.Amount < -fen.Max || p.Log.Amount > fen.Max || !terminalID.MatchString(p.Log.Terminal)) {
		return fmt.Errorf("%w: log must be an amount and a terminal", errMalformed)
	}
	return nil
}
