package transition

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of people's decisions about loads and cards. None of them moved
// anything.
var (
	// ErrEnded says that a load was ended before.
	ErrEnded = errors.New("load has ended")
	// ErrTwoNames says that a decision needs two different people and a reason.
	ErrTwoNames = errors.New("a decision needs two different names and a reason")
	// ErrNoReading says that a desk has not read the card since the conflict.
	ErrNoReading = errors.New("no desk has read the card since the conflict")
	// ErrStillLive says that an authorisation may still be used, or that a card that
	// is gone may still turn up; the error's text says until when.
	ErrStillLive = errors.New("too early to decide")
	// ErrBuiltUpon says that later evidence rests on what was decided.
	ErrBuiltUpon = errors.New("cannot be taken back any more")
	// ErrByEvidence says that a load was ended by evidence, not by people.
	ErrByEvidence = errors.New("ended by evidence, not by people")
	// ErrNothingToDecide says that nothing stands against the card.
	ErrNothingToDecide = errors.New("nothing stands against the card")
	// ErrNoConflict says that a balance was given for a card that is not in conflict, or
	// that no desk will read: nobody would write it.
	ErrNoConflict = errors.New("only a card in conflict, read at a desk, is given a balance")
)

// Verdict is what two people decide about a load.
type Verdict string

// The verdicts on a load.
const (
	VerdictConfirm Verdict = "confirm" // the card has it
	VerdictCancel  Verdict = "cancel"  // the card has it not: pending again
	VerdictSuspend Verdict = "suspend" // nobody can say: the money waits in suspense
)

// verdictAdopt is what a load says that DecideCard booked.
const verdictAdopt Verdict = "adopt"

// What has to pass before people may say that a load was not written.
const (
	// quietTime is how long no authorisation of the load may have been usable, unless they
	// say that it was.
	quietTime = 10 * time.Minute
	// goneTime is how long a load of a card that is not in force must have been open.
	goneTime = 30 * 24 * time.Hour
)

// LoadDecision ends a load on two people's word.
type LoadDecision struct {
	Load            LoadNo
	Verdict         Verdict
	By, Second, Why string
	// Balance is what a card in conflict shall show in the end; nil: what the desk
	// read.
	Balance *fen.Fen
}

// people checks who decides, and why. Names become parts of blank-separated text.
func people(by, second, why string) error {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	for _, name := range []string{by, second} {
		if name == "" || len(name) > 32 || strings.ContainsFunc(name, odd) {
			return fmt.Errorf("%w: name %.40q (letters, digits and . _ -, at most 32 bytes)", ErrTwoNames, name)
		}
	}
	if strings.EqualFold(by, second) || strings.TrimSpace(why) == "" || len(why) > 500 {
		return ErrTwoNames
	}
	return nil
}

// loadKeys are the keys of a decision about a load.
type loadKeys struct {
	accountKeys
	Card  string `key:"card"`
	Load  string `key:"load"`
	Claim string `key:"claim"`
	Doubt string `key:"doubt"`
	Case  string `key:"case"`
}

type loadDecideCall struct {
	loadKeys
	Core    string  `key:"core"`
	No      LoadNo  `arg:"load_no"`
	Verdict Verdict `arg:"verdict"`
	QuietMS int64   `arg:"quiet_ms"`
	GoneMS  int64   `arg:"gone_ms"`
	Balance string  `arg:"balance"`
	decision
}

type loadDecideReply struct {
	Tag   string
	State string `reply:"state"`
	Until string `reply:"until"`
	Load  string `reply:"load"`
}

type loadUndoCall struct {
	loadKeys
	No LoadNo `arg:"load_no"`
	decision
}

type loadUndoReply struct {
	Tag   string
	From  string `reply:"from"`
	State string `reply:"state"`
	Load  string `reply:"load"`
	L     string `reply:"L"`
}

var (
	loadDecide = redisx.MustLoad[loadDecideCall, loadDecideReply](scripts, "load_decide")
	loadUndo   = redisx.MustLoad[loadUndoCall, loadUndoReply](scripts, "load_undo")
)

// DecideLoad ends a load that no evidence ends. One whose money is in suspense may be
// confirmed or cancelled later, when somebody can say.
// Errors: ErrTwoNames, ErrNumber, ErrNoLoad, ErrEnded, ErrNoReading, ErrStillLive,
// ErrNoConflict, ErrOtherLoad (its counter step was paid for by another one).
func (s *Store) DecideLoad(ctx context.Context, d LoadDecision) (LoadState, error) {
	if err := people(d.By, d.Second, d.Why); err != nil {
		return "", err
	}
	if d.Verdict != VerdictConfirm && d.Verdict != VerdictCancel && d.Verdict != VerdictSuspend {
		return "", fmt.Errorf("verdict %.20q: %w", d.Verdict, ErrNumber)
	}
	for range tries {
		l, keys, err := s.deciding(ctx, d.Load)
		if err != nil {
			return "", err
		}
		reply, err := loadDecide.Run(ctx, s.run, loadDecideCall{
			loadKeys: keys, Core: s.keys.reports(partitionOf(l.Account), l.UID, l.Version), No: d.Load, Verdict: d.Verdict,
			QuietMS: quietTime.Milliseconds(), GoneMS: goneTime.Milliseconds(), Balance: optionalFen(d.Balance),
			decision: decision{By: d.By, Second: d.Second, Why: d.Why, Now: s.now()},
		})
		if err != nil {
			return "", err
		}
		if reply.Tag == "DECIDED" {
			s.tell(ctx, l.Account, hint{pending: d.Verdict == VerdictCancel, blocks: true})
		}
		if reply.Tag != "RETRY" {
			return decided(d.Load, reply)
		}
	}
	return "", ErrMoved
}

// UndoLoad takes back what people decided about a load: it is in doubt again, or in
// suspense. What was spent of its money meanwhile is owed. Of a load that was adopted it
// does what UndoCard does.
// Errors: ErrTwoNames, ErrNumber, ErrNoLoad, ErrByEvidence, ErrBuiltUpon.
func (s *Store) UndoLoad(ctx context.Context, no LoadNo, by, second, why string) error {
	if err := people(by, second, why); err != nil {
		return err
	}
	l, err := s.LoadRecord(ctx, no)
	if err != nil {
		return err
	}
	if l.Decision != nil && l.Decision.Verdict == verdictAdopt {
		return s.undoCard(ctx, l.UID, no, by, second, why)
	}
	_, keys, err := s.deciding(ctx, no)
	if err != nil {
		return err
	}
	reply, err := loadUndo.Run(ctx, s.run, loadUndoCall{
		loadKeys: keys, No: no, decision: decision{By: by, Second: second, Why: why, Now: s.now()},
	})
	if err != nil {
		return err
	}
	switch reply.Tag {
	case "NO_LOAD":
		return fmt.Errorf("load %s: %w", no, ErrNoLoad)
	case "EVIDENCE":
		return fmt.Errorf("load %s, %s: %w", no, reply.State, ErrByEvidence)
	case "BUSY":
		return fmt.Errorf("load %s: %w: load %s is open", no, ErrBuiltUpon, reply.Load)
	case "MOVED":
		return fmt.Errorf("load %s: %w: the card has been seen or decided about since, the ledger's counter is %s", no, ErrBuiltUpon, reply.L)
	}
	s.tell(ctx, l.Account, hint{blocks: true})
	return nil
}

// deciding names the keys of a decision about a load.
func (s *Store) deciding(ctx context.Context, no LoadNo) (LoadRecord, loadKeys, error) {
	l, err := s.LoadRecord(ctx, no)
	if err != nil {
		return LoadRecord{}, loadKeys{}, err
	}
	p := partitionOf(l.Account)
	return l, loadKeys{
		accountKeys: s.keys.money(p, l.Account), Card: s.keys.card(p, l.UID), Load: s.keys.load(p, no),
		Claim: s.keys.claim(p, l.UID, l.Version, counterText(l.L0)), Doubt: s.keys.doubt(p), Case: s.keys.cases(p),
	}, nil
}

func decided(no LoadNo, reply loadDecideReply) (LoadState, error) {
	switch reply.Tag {
	case "NO_LOAD":
		return "", fmt.Errorf("load %s: %w", no, ErrNoLoad)
	case "ENDED":
		return "", fmt.Errorf("load %s, %s: %w", no, reply.State, ErrEnded)
	case "NO_READING":
		return "", fmt.Errorf("load %s: %w", no, ErrNoReading)
	case "NO_CONFLICT":
		return "", fmt.Errorf("load %s: %w", no, ErrNoConflict)
	case "CLAIMED":
		return "", fmt.Errorf("load %s: %w: the card's step was paid for by %s", no, ErrOtherLoad, reply.Load)
	case "LIVE", "EARLY":
		var n number
		until := n.time(reply.Until)
		if n.err != nil {
			return "", n.err
		}
		return "", fmt.Errorf("load %s: %w: not before %s", no, ErrStillLive, until.In(Beijing()).Format(time.DateTime))
	}
	return LoadState(reply.State), nil
}
