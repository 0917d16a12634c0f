package show

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"guodu/internal/fen"
	"guodu/mocks/terminal"
)

// errPower is a power cut.
var errPower = errors.New("power cut")

// pos is the POS with the holder's card. Its terminal goes through a load one
// step of the pace at a time; what was armed strikes at the step where it hurts
// most: the card is pulled before the card command, the power goes after it.
type pos struct {
	show *Show

	mu       sync.Mutex
	terminal *terminal.Terminal // nil while the power is off
	card     *terminal.Card
	busy     bool // a card lies on the reader
	pull     bool // armed
	cut      bool // armed
	died     bool // the terminal has lost its power before
	step     terminal.Step
	lcd      phrase
}

func newPos(s *Show) *pos { return &pos{show: s} }

// ready is what the display says between two cards.
func ready() phrase { return phrase{"请刷卡", "Tap your card"} }

// on gives the terminal power: it comes up on its disk, signs in and tells the
// hub what its journal still owes.
func (p *pos) on() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	p.terminal, err = p.show.stage.World.Terminal(p.before)
	if err != nil {
		return err
	}
	p.lcd = ready()
	if _, err := p.terminal.SignIn(p.show.ctx); err != nil && p.show.ctx.Err() == nil {
		p.show.options.Log.Info("sign in", "error", err)
		p.show.say("pos", "bad", phrase{"终端没有签到成功，断电再开机重试", "The terminal could not sign in: switch it off and on again"})
	}
	if p.died {
		t := p.terminal
		p.busy = true
		p.show.spawns.Go(func() { p.resume(t) })
	}
	return nil
}

// off is the end of the show.
func (p *pos) off() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal != nil {
		_ = p.terminal.Close()
		p.terminal = nil
	}
}

// resume is what a terminal does first after a power cut.
func (p *pos) resume(t *terminal.Terminal) {
	p.display(phrase{"正在补传流水……", "Sending the journal…"})
	told, err := t.Resume(p.show.ctx)
	for _, d := range told.Delivered {
		p.show.say("pos", "", phrase{
			fmt.Sprintf("终端补传圈存 %s 的结果（%s），hub 答复 %s", d.Load, d.Outcome, d.Receipt.State),
			fmt.Sprintf("The terminal tells of load %s from its journal (%s): the hub answers %s", d.Load, d.Outcome, d.Receipt.State),
		})
	}
	if err != nil && p.show.ctx.Err() == nil {
		p.show.say("pos", "bad", phrase{
			fmt.Sprintf("流水暂时传不出去，还留着 %d 条", told.Kept), fmt.Sprintf("The journal cannot be sent now, %d records stay", told.Kept),
		})
	}
	p.done(ready())
}

// power cuts the power, at once if a card lies on the reader and else during
// the next load, or switches the terminal on again.
func (p *pos) power() error {
	p.mu.Lock()
	off := p.terminal == nil
	if !off {
		p.cut = !p.cut
	}
	armed := p.cut
	p.mu.Unlock()
	if off {
		p.show.say("pos", "good", phrase{"终端通电启动", "The terminal has power again"})
		return p.on()
	}
	p.armed(armed, phrase{"下一次写卡后断电", "The power will go right after the next write"}, phrase{"不断电了", "The power stays"})
	return nil
}

// pullCard takes the card away before the next card command.
func (p *pos) pullCard() error {
	p.mu.Lock()
	p.pull = !p.pull
	armed := p.pull
	p.mu.Unlock()
	p.armed(armed, phrase{"下一次写卡前把卡拿走", "The card will be pulled right before the next write"}, phrase{"卡不拿走了", "The card stays"})
	return nil
}

func (p *pos) armed(on bool, yes, no phrase) {
	if on {
		p.show.say("mischief", "", yes)
	} else {
		p.show.say("mischief", "", no)
	}
}

// tap lays the card on the reader.
func (p *pos) tap() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return nil // one card at a time; the press is harmless
	}
	if p.terminal == nil {
		p.show.say("pos", "bad", phrase{"终端没有电，先开机", "The terminal has no power: switch it on first"})
		return nil
	}
	var err error
	p.card, err = p.show.stage.World.Card()
	if err != nil {
		return err
	}
	p.busy = true
	t, card := p.terminal, p.card
	p.show.spawns.Go(func() { p.serve(t, card) })
	return nil
}

// serve is one presence of the card.
func (p *pos) serve(t *terminal.Terminal, card *terminal.Card) {
	defer card.Leave()
	out, err := t.Tap(p.show.ctx, card)
	if p.show.ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	if errors.Is(err, terminal.ErrCrashed) {
		p.died, p.terminal = true, nil
	}
	p.mu.Unlock()
	yuan := fen.Fen(out.AmountFen).Yuan()
	switch {
	case errors.Is(err, terminal.ErrCrashed):
		p.show.say("pos", "bad", phrase{"终端断电！卡里有没有钱，它还没来得及告诉 hub", "The terminal lost its power before it could tell the hub what is on the card"})
		p.done(phrase{})
		return
	case errors.Is(err, terminal.ErrCardGone):
		p.show.say("pos", "bad", phrase{"卡被拿走了，写卡没有完成", "The card is gone, it was not written"})
		p.done(phrase{"请重新刷卡", "Card removed. Tap again"})
		return
	case out.Outcome == terminal.OutcomeWritten:
		p.show.say("pos", "good", phrase{
			fmt.Sprintf("圈存 %s 元，卡内 %s 元", yuan, fen.Fen(out.After.B).Yuan()), fmt.Sprintf("%s yuan loaded, the card holds %s", yuan, fen.Fen(out.After.B).Yuan()),
		})
		p.done(phrase{"圈存成功 " + yuan + " 元", "Loaded " + yuan + " yuan"})
	case err != nil:
		p.show.options.Log.Info("tap", "error", err)
		p.show.say("pos", "bad", phrase{"连不上 hub，这次不圈存；吃饭照常", "The hub cannot be reached: no load this time, the meal goes on"})
		p.done(phrase{"暂不能圈存", "No load now"})
	default:
		p.show.say("pos", "", told(out.Reason))
		p.done(told(out.Reason))
	}
}

// told puts a hub's reason for no load into words.
func told(reason string) phrase {
	texts := map[string]phrase{
		"nothing_pending": {"没有待领取的金额", "Nothing waits for this card"},
		"in_doubt":        {"上一笔圈存存疑，等待核实", "The last load is in doubt"},
		"reread":          {"请重新刷卡", "Please tap again"},
		"frozen":          {"账户已冻结", "The account is frozen"},
	}
	if text, known := texts[reason]; known {
		return text
	}
	return phrase{"不圈存：" + reason, "No load: " + reason}
}

// before is the terminal's hook: it shows the step, lets eyes follow, and
// strikes with what is armed.
func (p *pos) before(s terminal.Step) error {
	if !slices.Contains(terminal.LoadSteps(), s) {
		return nil // nothing to look at
	}
	p.mu.Lock()
	p.step = s
	if text, shown := steps()[s]; shown {
		p.lcd = text
	}
	p.mu.Unlock()
	if !p.show.wait(1) {
		return errPower // the show is over
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pull && s == terminal.StepWrite {
		p.pull = false
		p.card.Leave()
	}
	if p.cut && (s == terminal.StepWritten || s == terminal.StepResultSend) {
		p.cut = false
		return errPower
	}
	return nil
}

// steps is what the display says at a step.
func steps() map[terminal.Step]phrase {
	return map[terminal.Step]phrase{
		terminal.StepTap:     {"读卡……", "Reading…"},
		terminal.StepTapSend: {"查询待领取……", "Asking the hub…"},
		terminal.StepWrite:   {"写卡中，请勿移开", "Writing, leave your card"},
		terminal.StepWritten: {"写卡完成，核对中……", "Written, checking…"},
	}
}

func (p *pos) display(text phrase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lcd = text
}

// done ends a presence, or a start.
func (p *pos) done(text phrase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy, p.step, p.lcd = false, "", text
}
