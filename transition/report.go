package transition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

var (
	// ErrReport says that a report contradicts an earlier one or the card's profile.
	ErrReport = errors.New("report contradicts what is known of the card")
	// ErrContradicts says that another machine claims a counter step which the hub's
	// own load claims as well; it is filed for people.
	ErrContradicts = errors.New("two loads claim one step of the card's counter")
)

// ReportKind is what moved a card without the hub.
type ReportKind string

// The kinds of report.
const (
	Spend       ReportKind = "spend"   // a purchase: N is the purchase counter before it
	OutsideLoad ReportKind = "outside" // a load by another machine: N is the load counter before it
	TopUp       ReportKind = "topup"   // cash: ID tells it from others, no counter moves
)

// CardReport is the card core's word on what moved a card.
type CardReport struct {
	Kind    ReportKind
	UID     CardUID
	Version string
	N       int64  // Spend, OutsideLoad
	ID      string // TopUp, 1 to 32 letters and digits
	Amount  fen.Fen
	At      time.Time // by the core's clock
}

type reportCall struct {
	accountKeys
	Card      string     `key:"card"`
	Open      string     `key:"open"`
	Doubt     string     `key:"doubt"`
	Core      string     `key:"core"`
	Claim     string     `key:"claim"`
	Case      string     `key:"case"`
	Kind      ReportKind `arg:"kind"`
	ID        string     `arg:"id"`
	Amount    fen.Fen    `arg:"amount"`
	At        string     `arg:"at"`
	Version   string     `arg:"version"`
	OpenNo    string     `arg:"open_no"`
	AccountNo AccountNo  `arg:"account_no"`
	Now       string     `arg:"now"`
	UID       CardUID    `arg:"uid"`
}

type reportReply struct {
	Tag     string
	Field   string `reply:"field"`
	Profile string `reply:"profile"`
}

var cardReport = redisx.MustLoad[reportCall, reportReply](scripts, "card_report")

// Report takes the card core's word. Purchases and cash explain a balance, also one that
// a conflict was opened about; a load by another machine at the open load's own step
// proves that load unwritten. The same report again changes nothing.
// Errors: ErrNoCard, ErrNumber, ErrReport, ErrContradicts.
func (s *Store) Report(ctx context.Context, r CardReport) error {
	id := counterText(r.N)
	if r.Kind == TopUp {
		id = r.ID
	}
	if !word(id, 1) || r.N < 0 || r.Amount <= 0 || r.Amount > fen.Max || !word(r.Version, 1) ||
		r.Kind != Spend && r.Kind != OutsideLoad && r.Kind != TopUp {
		return fmt.Errorf("report %s %.40q of %s: %w", r.Kind, id, r.Amount, ErrNumber)
	}
	account, err := s.AccountOfCard(ctx, r.UID)
	if err != nil {
		return err
	}
	p := partitionOf(account)
	card := s.keys.card(p, r.UID)
	for range tries {
		open, err := s.cardField(ctx, account, r.UID, "open")
		if err != nil {
			return err
		}
		load := card
		if open != "" {
			load = s.keys.load(p, LoadNo(open))
		}
		reply, err := cardReport.Run(ctx, s.run, reportCall{
			accountKeys: s.keys.money(p, account), Card: card, Open: load, Doubt: s.keys.doubt(p), Core: s.keys.reports(p, r.UID, r.Version),
			Claim: s.keys.claim(p, r.UID, r.Version, counterText(r.N)), Case: s.keys.cases(p),
			Kind: r.Kind, ID: id, Amount: r.Amount, At: millis(r.At), Version: r.Version, OpenNo: open, AccountNo: account, Now: s.now(), UID: r.UID,
		})
		if err != nil {
			return err
		}
		switch reply.Tag {
		case "RETRY":
			continue
		case "NO_CARD":
			return fmt.Errorf("card %s: %w", r.UID, ErrNoCard)
		case "MISMATCH":
			return fmt.Errorf("card %s, %s %s: %w: %s was told before", r.UID, r.Kind, id, ErrReport, reply.Field)
		case "PROFILE":
			return fmt.Errorf("card %s: %w: profile %s has no other machines", r.UID, ErrReport, reply.Profile)
		case "CONTRADICTS":
			return fmt.Errorf("card %s, step %s: %w", r.UID, id, ErrContradicts)
		}
		if reply.Tag == "EXPLAINED" || r.Kind == OutsideLoad && open != "" { // it may have released the open load
			s.tell(ctx, account, hint{pending: true, blocks: true})
		}
		return nil
	}
	return ErrMoved
}
