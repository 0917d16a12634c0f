package transition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels of an import.
var (
	// ErrStale says that the hub holds a newer version of the account.
	ErrStale = errors.New("a newer version was imported before")
	// ErrCardTaken says that the card belongs to another account.
	ErrCardTaken = errors.New("card belongs to another account")
	// ErrCardBusy says that the card has an open load, so its version cannot change.
	ErrCardBusy = errors.New("card has an open load")
	// ErrImport says that a value cannot be imported.
	ErrImport = errors.New("not importable")
)

// Statement is what the card core states of an account.
type Statement struct {
	Account AccountNo
	Version int64 // rises with each change; the same version changes nothing
	Open    bool
	Arrears fen.Fen  // zero or more
	Freeze  []string // reasons in [a-z_]; "arrears" follows from Arrears
	Card    Card     // zero: the account has no card
}

// Card is a physical card as the core states it.
type Card struct {
	UID     CardUID
	No      string // printed number, 1 to 32 of [0-9A-Za-z]
	Version string // of its personalisation, 1 to 32 of [0-9A-Za-z]
	Profile string // "stamp", "epurse" or "shared"
}

// versionMax keeps versions exact in scripts, whose numbers are doubles.
const versionMax = 1<<53 - 1

// Check says what of the statement cannot be right.
// Errors: ErrImport, ErrNumber.
func (st Statement) Check() error {
	if _, err := ParseAccountNo(string(st.Account)); err != nil {
		return err
	}
	if st.Version < 1 || st.Version > versionMax {
		return fmt.Errorf("%w: version %d, it goes from 1 to %d", ErrImport, st.Version, int64(versionMax))
	}
	if st.Arrears < 0 || st.Arrears > fen.Max {
		return fmt.Errorf("%w: arrears of %s yuan", ErrImport, st.Arrears.Yuan())
	}
	for _, reason := range st.Freeze {
		if reason == "" || reason == "clawback" || reason == "mismatch" || strings.Trim(reason, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return fmt.Errorf("%w: freeze reason %.40q (small letters and _; clawback and mismatch are the hub's own)", ErrImport, reason)
		}
	}
	if st.Arrears == 0 && slices.Contains(st.Freeze, "arrears") {
		return fmt.Errorf("%w: frozen for arrears of 0.00", ErrImport)
	}
	if st.Card == (Card{}) {
		return nil
	}
	if _, err := ParseCardUID(string(st.Card.UID)); err != nil {
		return err
	}
	if !word(st.Card.No, 1) || !word(st.Card.Version, 1) {
		return fmt.Errorf("%w: card number %.40q, version %.40q (1 to 32 letters and digits each)", ErrImport, st.Card.No, st.Card.Version)
	}
	if st.Card.Profile != "stamp" && st.Card.Profile != "epurse" && st.Card.Profile != "shared" {
		return fmt.Errorf("%w: card profile %.40q; it is stamp, epurse or shared", ErrImport, st.Card.Profile)
	}
	return nil
}

// Import makes the account what the statement says; money is not touched. It
// returns how many entries that took: zero if this version was known. With
// ErrCardTaken or ErrCardBusy status, arrears and freezes are taken over, the
// card is not, and the same version may come again.
// Errors: ErrImport, ErrNumber, ErrStale, ErrCardTaken, ErrCardBusy.
func (s *Store) Import(ctx context.Context, st Statement) (entries int64, err error) {
	if err := st.Check(); err != nil {
		return 0, err
	}
	taken := ""
	err = s.pointToCard(ctx, st)
	moves := errors.Is(err, errOwnNumber)
	if errors.Is(err, ErrCardTaken) {
		taken = "OTHER_ACCOUNT" // the rest of the statement counts all the same
	} else if err != nil && !moves {
		return 0, err
	}
	for range tries {
		reply, err := s.imports(ctx, st, taken)
		if err != nil {
			return 0, err
		}
		switch reply.Tag {
		case "IMPORTED":
			var n number
			entries, err := n.int(reply.Entries), error(nil)
			if moves {
				err = s.moveNumber(ctx, st)
			}
			return entries, errors.Join(n.err, err, s.pointedTo(ctx, st))
		case "DUP":
			return 0, s.pointedTo(ctx, st)
		case "STALE":
			return 0, fmt.Errorf("account %s: %w: %s", st.Account, ErrStale, reply.Version)
		case "BUSY":
			return 0, fmt.Errorf("account %s, card %s: %w", st.Account, st.Card.UID, ErrCardBusy)
		case "OTHER_ACCOUNT":
			return 0, fmt.Errorf("account %s, card %s: %w", st.Account, st.Card.UID, ErrCardTaken)
		}
	}
	return 0, ErrMoved
}

// pointToCard writes the indexes first: a pointer to a card that is not in
// force yet is harmless, a card in force that nobody finds is not.
func (s *Store) pointToCard(ctx context.Context, st Statement) error {
	if st.Card == (Card{}) {
		return nil
	}
	err := s.point(ctx, s.keys.cardIndex(st.Card.UID), string(st.Account), func(account string) error {
		owner, err := s.cardField(ctx, AccountNo(account), st.Card.UID, "account")
		if err == nil && owner == account {
			err = ErrCardTaken
		}
		return err
	})
	if err == nil {
		err = s.point(ctx, s.keys.numberIndex(st.Card.No), string(st.Card.UID), func(uid string) error {
			number, owner, err := s.numberOf(ctx, CardUID(uid))
			switch {
			case err != nil || number != st.Card.No:
				return err
			case owner == st.Account:
				return errOwnNumber
			}
			return ErrCardTaken
		})
	}
	if err != nil {
		return fmt.Errorf("account %s, card %s: %w", st.Account, st.Card.UID, err)
	}
	return nil
}

// errOwnNumber says that the number leads to the account's card so far; it
// moves to the new one once that is in force.
var errOwnNumber = errors.New("number of the card before")

// moveNumber lets the number lead to the new card of its holder.
func (s *Store) moveNumber(ctx context.Context, st Statement) error {
	return s.point(ctx, s.keys.numberIndex(st.Card.No), string(st.Card.UID), func(uid string) error {
		number, owner, err := s.numberOf(ctx, CardUID(uid))
		if err == nil && number == st.Card.No && owner != st.Account {
			err = ErrCardTaken
		}
		return err
	})
}

// pointedTo makes sure that the card is still found under this account: of two
// imports of one card at once, the pointer decides.
func (s *Store) pointedTo(ctx context.Context, st Statement) error {
	if st.Card == (Card{}) {
		return nil
	}
	account, err := s.AccountOfCard(ctx, st.Card.UID)
	if err != nil {
		return err
	}
	if account != st.Account {
		return fmt.Errorf("account %s, card %s: %w (%s)", st.Account, st.Card.UID, ErrCardTaken, account)
	}
	return nil
}

type indexCall struct {
	Pointer string `key:"pointer"`
	Value   string `arg:"value"`
	Replace string `arg:"replace"`
}

type indexReply struct {
	Tag   string
	Value string `reply:"value"`
}

var indexScript = redisx.MustLoad[indexCall, indexReply](scripts, "index")

// point sets a pointer. One that is taken is replaced only if nothing stands
// against it: it leads to no card, since an import that was refused or cut off
// after this step left it.
func (s *Store) point(ctx context.Context, key, value string, against func(held string) error) error {
	replace := ""
	for range tries {
		reply, err := indexScript.Run(ctx, s.run, indexCall{Pointer: key, Value: value, Replace: replace})
		if err != nil || reply.Tag == "OK" {
			return err
		}
		if err := against(reply.Value); err != nil {
			return fmt.Errorf("%w (%s)", err, reply.Value)
		}
		replace = reply.Value
	}
	return ErrMoved
}

// numberOf is the number of a card as its record has it, and whose it is; both
// are empty if there is no such card.
func (s *Store) numberOf(ctx context.Context, uid CardUID) (number string, owner AccountNo, err error) {
	owner, err = s.AccountOfCard(ctx, uid)
	if errors.Is(err, ErrNoCard) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	number, err = s.cardField(ctx, owner, uid, "card_no")
	return number, owner, err
}

// cardField is a field of a card's record, or empty.
func (s *Store) cardField(ctx context.Context, account AccountNo, uid CardUID, field string) (string, error) {
	value, err := s.client().HGet(ctx, s.keys.card(partitionOf(account), uid), field).Result()
	return value, read("card", err)
}

type importCall struct {
	Account     string    `key:"account"`
	Entries     string    `key:"entries"`
	Count       string    `key:"count"`
	Card        string    `key:"card"`
	Before      string    `key:"before"`
	AccountNo   AccountNo `arg:"account_no"`
	Version     int64     `arg:"version"`
	Status      string    `arg:"status"`
	Arrears     fen.Fen   `arg:"arrears"`
	Freezes     string    `arg:"freezes"`
	UID         CardUID   `arg:"uid"`
	CardNo      string    `arg:"card_no"`
	CardVersion string    `arg:"card_version"`
	Profile     string    `arg:"profile"`
	Now         string    `arg:"now"`
	BeforeUID   string    `arg:"before_uid"`
	Refused     string    `arg:"refused"`
}

type importReply struct {
	Tag     string
	Entries string `reply:"entries"`
	Version string `reply:"version"`
}

var importScript = redisx.MustLoad[importCall, importReply](scripts, "import")

func (s *Store) imports(ctx context.Context, st Statement, taken string) (importReply, error) {
	p := partitionOf(st.Account)
	before, err := s.client().HGet(ctx, s.keys.account(p, st.Account), "card").Result()
	if err := read("card in force", err); err != nil {
		return importReply{}, err
	}
	card := s.keys.card(p, st.Card.UID)
	old := card
	if before != "" {
		old = s.keys.card(p, CardUID(before))
	}
	if st.Card == (Card{}) {
		card = old
	}
	status := "closed"
	if st.Open {
		status = "open"
	}
	reasons := append([]string(nil), st.Freeze...)
	sort.Strings(reasons)
	reply, err := importScript.Run(ctx, s.run, importCall{
		Account: s.keys.account(p, st.Account), Entries: s.keys.entries(p, st.Account), Count: s.keys.count(p), Card: card, Before: old,
		AccountNo: st.Account, Version: st.Version, Status: status, Arrears: st.Arrears, Freezes: strings.Join(reasons, ","),
		UID: st.Card.UID, CardNo: st.Card.No, CardVersion: st.Card.Version, Profile: st.Card.Profile,
		Now: s.now(), BeforeUID: before, Refused: taken,
	})
	if err != nil {
		return reply, err
	}
	switch reply.Tag {
	case "IMPORTED", "BUSY", "OTHER_ACCOUNT": // the last two took over all but the card
		s.tell(ctx, st.Account, hint{blocks: true, cards: []CardUID{CardUID(before), st.Card.UID}})
	}
	return reply, nil
}
