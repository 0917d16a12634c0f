package transition

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guodu/internal/fen"
)

// CardState is a card as the books have it.
type CardState struct {
	Card
	Account   AccountNo
	InForce   bool
	L         *int64   // the ledger's load counter; nil before the first tap
	Open      LoadNo   // the open load, or empty
	Mark      string   // "", "UNKNOWN_LOAD" or "CONFLICT"
	Seen      int64    // with UNKNOWN_LOAD: how far the card's counter is
	Desk      string   // a desk's last reading of a card in conflict, as evidence
	Repair    string   // what a card in conflict shall show: "L B"
	Lost      []string // counter steps at which a load may have been written that was lost
	Decisions string   // the last that people said of it
	// Doubt is why nothing of the account is refunded because of this card, or of it
	// as it was before it was personalised anew; "" if it does not stand in the way.
	Doubt string

	adopted string // what the last adoption changed, as card_decide.lua packs it
}

// lastAdopted is the counter that was adopted last, and the load that was booked for it.
func (c CardState) lastAdopted() (counter int64, load LoadNo, found bool) {
	f := strings.Split(c.adopted, "|")
	if len(f) != 7 {
		return 0, "", false
	}
	counter, err := strconv.ParseInt(f[6], 10, 64)
	return counter, LoadNo(f[5]), err == nil || f[6] == ""
}

// CardState reads a card.
// Errors: ErrNoCard.
func (s *Store) CardState(ctx context.Context, uid CardUID) (CardState, error) {
	account, err := s.AccountOfCard(ctx, uid)
	if err != nil {
		return CardState{}, err
	}
	h, err := s.client().HGetAll(ctx, s.keys.card(partitionOf(account), uid)).Result()
	if err := read("card", err); err != nil {
		return CardState{}, err
	}
	if h["account"] != string(account) {
		return CardState{}, fmt.Errorf("card %s: %w", uid, ErrNoCard)
	}
	var n number
	c := CardState{
		Card:    Card{UID: uid, No: h["card_no"], Version: h["version"], Profile: h["profile"]},
		Account: account, InForce: h["status"] == "in_force", Open: LoadNo(h["open"]), Mark: h["mark"], Desk: h["desk"],
		Repair: h["repair"], Decisions: h["said"], Lost: strings.Fields(h["lost"]), adopted: h["before"],
	}
	if h["L"] != "" {
		L := n.int(h["L"])
		c.L = &L
	}
	if h["seen"] != "" {
		c.Seen = n.int(h["seen"])
	}
	doubt, err := s.client().HGet(ctx, s.keys.account(partitionOf(account), account), "doubt").Result()
	if err := read("account", err); err != nil {
		return CardState{}, err
	}
	for _, one := range strings.FieldsFunc(doubt, func(r rune) bool { return r == ',' }) {
		if of, found := strings.CutPrefix(one, string(uid)+":"); found {
			c.Doubt = of // "VERSION=WHY"
		}
	}
	return c, n.err
}

// CardsInDoubt reads the cards that something stands against and no open load carries.
func (s *Store) CardsInDoubt(ctx context.Context) ([]CardState, error) {
	index, err := s.scan(ctx)
	if err != nil {
		return nil, err
	}
	var all []CardState
	for p := range partition(Partitions) {
		for _, uid := range sorted(set(index[p].cards)) {
			c, err := s.CardState(ctx, CardUID(uid))
			if errors.Is(err, ErrNoCard) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if c.Mark != "" && c.Open == "" || c.Doubt != "" {
				all = append(all, c)
			}
		}
	}
	return all, nil
}

func set(names []string) map[string]bool {
	m := map[string]bool{}
	for _, name := range names {
		m[name] = true
	}
	return m
}

// CardDecision ends what stands against a card and no load carries.
type CardDecision struct {
	UID             CardUID
	By, Second, Why string
	// Adopt takes the counter Seen of a card that ran ahead of the ledger for true,
	// with Amount as what the card got by it (zero: nothing of the hub's). The same
	// counter again puts the amount right.
	Adopt bool
	Seen  int64
	// Amount is what the card got, or with a conflict the balance it shall show; the
	// counter shall be the ledger's then.
	Amount fen.Fen
}

// DecideCard ends an UNKNOWN_LOAD or a CONFLICT without a load.
// Errors: ErrTwoNames, ErrNoCard, ErrNothingToDecide, ErrNoReading, ErrBuiltUpon (a
// load is open, or the card's counter is another one by now), ErrOtherLoad.
func (s *Store) DecideCard(ctx context.Context, d CardDecision) error {
	if err := people(d.By, d.Second, d.Why); err != nil {
		return err
	}
	if d.Amount < 0 || d.Amount > fen.Max || d.Adopt && d.Seen < 1 {
		return fmt.Errorf("amount %s, counter %d: %w", d.Amount, d.Seen, ErrNumber)
	}
	c, err := s.CardState(ctx, d.UID)
	if err != nil {
		return err
	}
	if !d.Adopt {
		return s.decideCard(ctx, c, d, "repair", "")
	}
	return s.decideCard(ctx, c, d, "adopt", s.adoptedAt(ctx, c, d.Seen))
}

// UndoCard takes back what was adopted of a card last: what stood against it stands
// against it again, and what it was booked with is pending, after what is owed.
// Errors: ErrTwoNames, ErrNoCard, ErrNothingToDecide (nothing was adopted), ErrBuiltUpon.
func (s *Store) UndoCard(ctx context.Context, uid CardUID, by, second, why string) error {
	if err := people(by, second, why); err != nil {
		return err
	}
	c, err := s.CardState(ctx, uid)
	if err != nil {
		return err
	}
	counter, load, found := c.lastAdopted()
	if !found {
		return fmt.Errorf("card %s: %w", uid, ErrNothingToDecide)
	}
	return s.decideCard(ctx, c, CardDecision{UID: uid, By: by, Second: second, Why: why, Seen: counter}, "undo", load)
}

// adoptedAt is the load that was adopted for the step before a counter, or empty.
func (s *Store) adoptedAt(ctx context.Context, c CardState, counter int64) LoadNo {
	no, err := s.client().Get(ctx, s.keys.claim(partitionOf(c.Account), c.UID, c.Version, counterText(counter-1))).Result()
	if err != nil {
		return "" // none; or the script says that the step is claimed
	}
	l, err := s.LoadRecord(ctx, LoadNo(no))
	if err != nil || l.State != LoadForced || l.Decision == nil || l.Decision.Verdict != verdictAdopt {
		return ""
	}
	return LoadNo(no)
}

func (s *Store) decideCard(ctx context.Context, c CardState, d CardDecision, verdict string, adopted LoadNo) error {
	p := partitionOf(c.Account)
	fresh := s.loadNo(p, s.clock())
	before := s.keys.load(p, fresh)
	if adopted != "" {
		before = s.keys.load(p, adopted)
	}
	reply, err := s.run.Run(ctx, s.scripts.cardDecide, []string{
		s.keys.account(p, c.Account), s.keys.entries(p, c.Account), s.keys.tot(p), s.keys.card(p, d.UID), s.keys.load(p, fresh),
		s.keys.claim(p, d.UID, c.Version, counterText(d.Seen-1)), s.keys.doubt(p), s.keys.cases(p), before,
	}, string(d.UID), verdict, d.By, d.Second, d.Why, s.now(), counterText(d.Seen), d.Amount.String(), string(fresh), string(c.Account),
		string(adopted))
	if err != nil {
		return err
	}
	switch reply[0] {
	case "DECIDED":
		s.tell(ctx, c.Account, hint{pending: true, blocks: true})
		return nil
	case "RETRY":
		return fmt.Errorf("card %s: %w", d.UID, ErrMoved)
	case "NO_CARD":
		return fmt.Errorf("card %s: %w", d.UID, ErrNoCard)
	case "NOTHING":
		return fmt.Errorf("card %s: %w", d.UID, ErrNothingToDecide)
	case "NO_READING":
		return fmt.Errorf("card %s: %w", d.UID, ErrNoReading)
	case "BUSY", "MOVED":
		return fmt.Errorf("card %s: %w: it is at %s", d.UID, ErrBuiltUpon, reply[1])
	case "CLAIMED":
		return fmt.Errorf("card %s: %w: its step was paid for by %s", d.UID, ErrOtherLoad, reply[1])
	}
	return unexpected("card_decide", reply)
}
