package transition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guodu/internal/fen"
	"guodu/internal/redisx"
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
	// Doubts are why nothing of the account is refunded because of this card, or of it
	// as it was before it was personalised anew: "VERSION=WHY".
	Doubts []string

	adoption string // the newest, as card_adopt.lua packs it: COUNTER VERSION LOAD
}

// newest is the newest adoption: counter, version of the card, and the load that was
// booked for it, empty for none.
func (c CardState) newest() (counter int64, version string, load LoadNo, found bool) {
	f := strings.Fields(c.adoption)
	if len(f) != 3 {
		return 0, "", "", false
	}
	counter, err := strconv.ParseInt(f[0], 10, 64)
	if f[2] != "-" {
		load = LoadNo(f[2])
	}
	return counter, f[1], load, err == nil
}

// doubted is the one version of the card that something stands against, or empty.
func (c CardState) doubted() string {
	if len(c.Doubts) != 1 {
		return ""
	}
	version, _, _ := strings.Cut(c.Doubts[0], "=")
	return version
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
		Repair: h["repair"], Decisions: h["said"], Lost: strings.Fields(h["lost"]), adoption: h["adopt"],
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
			c.Doubts = append(c.Doubts, of)
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
			if c.Mark != "" && c.Open == "" || len(c.Doubts) > 0 {
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
	// with Amount as what the card got by it (zero: nothing of the hub's); or of a load
	// that the hub had lost at the step before Seen. A step that was adopted with money
	// is put right by adopting it again.
	Adopt bool
	Seen  int64
	// Version is the card's, before it was personalised anew; the one in force if empty.
	Version string
	// Amount is what the card got, or with a conflict the balance it shall show; the
	// counter shall be the ledger's then.
	Amount fen.Fen
}

type cardRepairCall struct {
	Account   string    `key:"account"`
	Entries   string    `key:"entries"`
	Count     string    `key:"count"`
	Card      string    `key:"card"`
	Case      string    `key:"case"`
	UID       CardUID   `arg:"uid"`
	Fen       fen.Fen   `arg:"fen"`
	AccountNo AccountNo `arg:"account_no"`
	decision
}

type cardRepairReply struct {
	Tag  string
	Mark string `reply:"mark"`
	Load string `reply:"load"`
}

var cardRepair = redisx.MustLoad[cardRepairCall, cardRepairReply](scripts, "card_repair")

// DecideCard ends an UNKNOWN_LOAD or a CONFLICT without a load.
// Errors: ErrTwoNames, ErrNoCard, ErrNothingToDecide, ErrNoReading, ErrBuiltUpon (a
// load is open, or the card's counter is another one by now), ErrOtherLoad.
func (s *Store) DecideCard(ctx context.Context, d CardDecision) error {
	if err := people(d.By, d.Second, d.Why); err != nil {
		return err
	}
	if d.Amount < 0 || d.Amount > fen.Max || d.Adopt && d.Seen < 1 || d.Version != "" && !word(d.Version, 1) {
		return fmt.Errorf("amount %s, counter %d, version %.40q: %w", d.Amount, d.Seen, d.Version, ErrNumber)
	}
	c, err := s.CardState(ctx, d.UID)
	if err != nil {
		return err
	}
	if d.Adopt {
		d.Version = cmp.Or(d.Version, c.doubted(), c.Version)
		adopted, err := s.adoptedAt(ctx, c, d)
		if err != nil {
			return err
		}
		return s.adopt(ctx, c, d, "adopt", adopted)
	}
	p := partitionOf(c.Account)
	reply, err := cardRepair.Run(ctx, s.run, cardRepairCall{
		Account: s.keys.account(p, c.Account), Entries: s.keys.entries(p, c.Account), Count: s.keys.count(p), Card: s.keys.card(p, d.UID),
		Case: s.keys.cases(p), UID: d.UID, Fen: d.Amount, AccountNo: c.Account,
		decision: decision{By: d.By, Second: d.Second, Why: d.Why, Now: s.now()},
	})
	if err != nil {
		return err
	}
	return s.cardDecided(ctx, c, cardAdoptReply{Tag: reply.Tag, Mark: reply.Mark, Load: reply.Load})
}

// UndoCard takes back what was adopted of a card last: what stood against it stands
// against it again, and what it was booked with is pending, after what is owed.
// Errors: ErrTwoNames, ErrNoCard, ErrNothingToDecide (nothing was adopted), ErrBuiltUpon.
func (s *Store) UndoCard(ctx context.Context, uid CardUID, by, second, why string) error {
	return s.undoCard(ctx, uid, "", by, second, why)
}

// undoCard takes the newest adoption back if it is that of a load, or of any if that is
// empty.
func (s *Store) undoCard(ctx context.Context, uid CardUID, of LoadNo, by, second, why string) error {
	if err := people(by, second, why); err != nil {
		return err
	}
	c, err := s.CardState(ctx, uid)
	if err != nil {
		return err
	}
	counter, version, load, found := c.newest()
	if !found {
		return fmt.Errorf("card %s: %w", uid, ErrNothingToDecide)
	}
	if of != "" && of != load {
		return fmt.Errorf("load %s: %w: counter %d of the card was adopted after it; adopt its own again to put its amount right", of, ErrBuiltUpon, counter)
	}
	d := CardDecision{UID: uid, By: by, Second: second, Why: why, Seen: counter, Version: version}
	return s.adopt(ctx, c, d, "undo", load)
}

// adoptedAt is the load that was adopted for the step before a counter, or empty.
func (s *Store) adoptedAt(ctx context.Context, c CardState, d CardDecision) (LoadNo, error) {
	no, err := s.client().Get(ctx, s.keys.claim(partitionOf(c.Account), c.UID, d.Version, counterText(d.Seen-1))).Result()
	if err := read("claim", err); err != nil || no == "" || no == claimOutside {
		return "", err
	}
	l, err := s.LoadRecord(ctx, LoadNo(no))
	if err != nil || l.State != LoadForced || l.Decision == nil || l.Decision.Verdict != verdictAdopt {
		return "", err
	}
	return LoadNo(no), nil
}

type cardAdoptCall struct {
	accountKeys
	Card      string    `key:"card"`
	Load      string    `key:"load"`
	Claim     string    `key:"claim"`
	Core      string    `key:"core"`
	Adopted   string    `key:"adopted"`
	UID       CardUID   `arg:"uid"`
	Verdict   string    `arg:"verdict"`
	Counter   int64     `arg:"counter"`
	Fen       fen.Fen   `arg:"fen"`
	LoadNo    LoadNo    `arg:"load_no"`
	AccountNo AccountNo `arg:"account_no"`
	AdoptedNo LoadNo    `arg:"adopted_no"`
	Version   string    `arg:"version"`
	Correct   bool      `arg:"correct"`
	decision
}

type cardAdoptReply struct {
	Tag  string
	Mark string `reply:"mark"`
	Load string `reply:"load"`
	Seen string `reply:"seen"`
}

var cardAdopt = redisx.MustLoad[cardAdoptCall, cardAdoptReply](scripts, "card_adopt")

// adopt runs the script; adopted is the load that it takes back, or puts right.
func (s *Store) adopt(ctx context.Context, c CardState, d CardDecision, verdict string, adopted LoadNo) error {
	p := partitionOf(c.Account)
	fresh := s.loadNo(p, s.clock())
	before := s.keys.load(p, fresh)
	if adopted != "" {
		before = s.keys.load(p, adopted)
	}
	reply, err := cardAdopt.Run(ctx, s.run, cardAdoptCall{
		accountKeys: s.keys.money(p, c.Account), Card: s.keys.card(p, d.UID), Load: s.keys.load(p, fresh),
		Claim: s.keys.claim(p, d.UID, d.Version, counterText(d.Seen-1)), Core: s.keys.reports(p, d.UID, d.Version), Adopted: before,
		UID: d.UID, Verdict: verdict, Counter: d.Seen, Fen: d.Amount, LoadNo: fresh, AccountNo: c.Account, AdoptedNo: adopted,
		Version: d.Version, Correct: adopted != "" && verdict == "adopt",
		decision: decision{By: d.By, Second: d.Second, Why: d.Why, Now: s.now()},
	})
	if err != nil {
		return err
	}
	return s.cardDecided(ctx, c, reply)
}

func (s *Store) cardDecided(ctx context.Context, c CardState, reply cardAdoptReply) error {
	switch reply.Tag {
	case "RETRY":
		return fmt.Errorf("card %s: %w", c.UID, ErrMoved)
	case "NO_CARD":
		return fmt.Errorf("card %s: %w", c.UID, ErrNoCard)
	case "NOTHING":
		return fmt.Errorf("card %s: %w", c.UID, ErrNothingToDecide)
	case "NO_READING":
		return fmt.Errorf("card %s: %w", c.UID, ErrNoReading)
	case "BUSY":
		return fmt.Errorf("card %s: %w: load %s is open", c.UID, ErrBuiltUpon, reply.Load)
	case "MOVED":
		return fmt.Errorf("card %s: %w: it is at %s", c.UID, ErrBuiltUpon, reply.Seen)
	case "CLAIMED":
		return fmt.Errorf("card %s: %w: its step was paid for by %s", c.UID, ErrOtherLoad, reply.Load)
	}
	s.tell(ctx, c.Account, hint{pending: true, blocks: true})
	return nil
}
