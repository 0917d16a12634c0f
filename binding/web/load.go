package web

import (
	"context"
	"time"

	"guodu/internal/fen"
	"guodu/transition"
)

// loadsShown is how many of the account's loads the card's page tells of.
const loadsShown = 5

// cardLoad is a load in words, with time and place.
type cardLoad struct {
	Amount fen.Fen
	State  string
	Hint   string // what the holder can do
	At     string // Beijing time
	Place  string // where its last terminal stands, if that is known
	Open   bool
}

// loadWords say what a load's state means to a holder, and what to do.
func loadWords(state transition.LoadState) (what, hint phrase) {
	switch state {
	case transition.LoadHeld:
		return phrase{"写卡中", "Being written to the card"}, phrase{"请再刷一次卡完成写卡。", "Tap the card once more to finish."}
	case transition.LoadWritten:
		return phrase{"已写卡，待核对", "Written, to be checked"}, phrase{"请在任意食堂POS机上再刷一次卡。", "Tap the card on any canteen terminal once more."}
	case transition.LoadInDoubt:
		return phrase{"核对中", "Being checked"}, phrase{
			"请在任意食堂POS机上刷一次卡，系统会自动核对；款项不会丢失。", "Tap the card on any canteen terminal: that tells. No money is lost.",
		}
	case transition.LoadConflict:
		return phrase{"核对中（卡库不符）", "Being checked: card and books differ"}, phrase{
			"请携卡到卡务中心核对；款项不会丢失。", "Please bring the card to the card centre. No money is lost.",
		}
	case transition.LoadSuspended:
		return phrase{"核对中（卡务中心处理）", "Being checked by the card centre"}, phrase{"如有疑问请联系卡务中心。", "Ask the card centre if you have questions."}
	case transition.LoadConfirmed, transition.LoadForced:
		return phrase{"已写入卡", "On the card"}, phrase{}
	case transition.LoadCancelled:
		return phrase{"未写入，已退回待领取", "Not written, waiting for your card again"}, phrase{}
	}
	return phrase{string(state), string(state)}, phrase{}
}

// loads are the account's newest loads as its page shows them. A page without them is
// better than none.
func (p *Pages) loads(v visit) []cardLoad {
	all, err := p.config.Accounts.LoadsOf(v.ctx(), v.account, loadsShown)
	if err != nil {
		p.config.Log.Error("loads", "account", v.account, "error", err)
	}
	var shown []cardLoad
	for _, l := range all {
		what, hint := loadWords(l.State)
		at, terminal := l.Ended, l.Evidence.Terminal
		if l.State.Open() {
			at = l.Held
			if len(l.Live) > 0 {
				terminal = l.Live[len(l.Live)-1].Terminal
			}
		}
		shown = append(shown, cardLoad{
			Amount: l.Amount, State: what.in(p.language(v)), Hint: hint.in(p.language(v)), Open: l.State.Open(),
			At: at.In(transition.Beijing()).Format("01-02 15:04"), Place: p.place(v.ctx(), terminal, l.Decision),
		})
	}
	return shown
}

// place is where a terminal stands; nowhere if people decided.
func (p *Pages) place(ctx context.Context, terminal string, decided *transition.LoadDecision) string {
	if p.config.Place == nil || terminal == "" || decided != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return p.config.Place(ctx, terminal)
}
