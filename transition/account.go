package transition

import (
	"context"
	"fmt"
	"strings"
	"time"

	"guodu/internal/fen"
)

// Account is a holder's card account as the hub holds it. All amounts are fen.
type Account struct {
	No         AccountNo
	Open       bool    // false: it takes no money
	Pending    fen.Fen // transition balance, free to load or refund
	LoadHeld   fen.Fen // bound to an open load
	RefundHeld fen.Fen // bound to a refund under way
	Arrears    fen.Fen // owed to the card core, paid first
	Clawback   fen.Fen // owed to the hub
	Freeze     []Reason
	Card       CardUID
	Seq        int64 // number of its last entry
	Quota      Quota
	Unpaid     UnpaidOrder // the newest that may still be paid
}

// Quota is what orders reserved of one day's limit. An order reserves its amount
// when it is made and frees it when it is closed; a paid one keeps it.
type Quota struct {
	Day      string // yyyyMMdd in Beijing; empty before the first order
	Reserved fen.Fen
}

// Used is what counts against the limit of an order that is made now, as
// order_create counts it. Two hubs' clocks may differ at midnight: the later day
// counts, but none beyond tomorrow, which a clock that was wrong has left.
func (q Quota) Used(now time.Time) fen.Fen {
	today, tomorrow := quotaDays(now)
	if q.Day < today || q.Day > tomorrow {
		return 0
	}
	return q.Reserved
}

// quotaDays are the day that an order made now belongs to, and the one after.
func quotaDays(now time.Time) (today, tomorrow string) {
	now = now.In(Beijing())
	return now.Format("20060102"), now.AddDate(0, 0, 1).Format("20060102")
}

// UnpaidOrder is the account's newest order if it was neither paid nor closed. A
// wish of the same channel, amount and payer gets this very order until it
// expires.
type UnpaidOrder struct {
	No      OrderNo // empty if there is none
	Channel string
	Amount  fen.Fen
	Payer   string // personal: it belongs in no log
	Expires time.Time
}

// Reason is why an account is frozen, and who may lift it.
type Reason struct{ Name, Owner string }

// Frozen says whether any reason stands.
func (a Account) Frozen() bool { return len(a.Freeze) > 0 }

// Account reads an account.
// Errors: ErrNoAccount, ErrUnavailable, ErrUnknownOutcome (of the read).
func (s *Store) Account(ctx context.Context, no AccountNo) (Account, error) {
	h, err := s.client().HGetAll(ctx, s.keys.account(partitionOf(no), no)).Result()
	if err := read("account", err); err != nil {
		return Account{}, err
	}
	if h["status"] == "" {
		return Account{}, fmt.Errorf("account %s: %w", no, ErrNoAccount)
	}
	return accountFrom(no, h)
}

func accountFrom(no AccountNo, h map[string]string) (Account, error) {
	var n number
	a := Account{
		No: no, Open: h["status"] == "open", Card: CardUID(h["card"]),
		Pending: n.fen(h["pending"]), LoadHeld: n.fen(h["load_held"]), RefundHeld: n.fen(h["refund_held"]),
		Arrears: n.fen(h["arrears"]), Clawback: n.fen(h["clawback"]), Seq: n.int(h["seq"]),
	}
	for _, pair := range strings.FieldsFunc(h["freeze"], func(r rune) bool { return r == ',' }) {
		name, owner, _ := strings.Cut(pair, "=")
		a.Freeze = append(a.Freeze, Reason{name, owner})
	}
	if h["q_day"] != "" {
		a.Quota = Quota{Day: h["q_day"], Reserved: n.fen(h["q_fen"])}
	}
	for tuple := range strings.SplitSeq(h["open"], ";") {
		if open := strings.Fields(tuple); len(open) >= 5 {
			a.Unpaid = UnpaidOrder{No: OrderNo(open[0]), Channel: open[1], Amount: n.fen(open[2]), Payer: open[3], Expires: n.time(open[4])}
		}
	}
	if n.err != nil {
		return Account{}, fmt.Errorf("account %s: %w", no, n.err)
	}
	return a, nil
}

// AccountOfCard finds the account that a card belongs to, by its UID.
// Errors: ErrNoCard.
func (s *Store) AccountOfCard(ctx context.Context, uid CardUID) (AccountNo, error) {
	no, err := s.client().Get(ctx, s.keys.cardIndex(uid)).Result()
	if err := read("card index", err); err != nil {
		return "", err
	}
	if no == "" {
		return "", fmt.Errorf("card %s: %w", uid, ErrNoCard)
	}
	return AccountNo(no), nil
}

// CardOfNumber finds a card's UID by the number printed on it.
// Errors: ErrNoCard.
func (s *Store) CardOfNumber(ctx context.Context, cardNo string) (CardUID, error) {
	uid, err := s.client().Get(ctx, s.keys.numberIndex(cardNo)).Result()
	if err := read("card number index", err); err != nil {
		return "", err
	}
	if uid == "" {
		return "", fmt.Errorf("card number %.40q: %w", cardNo, ErrNoCard)
	}
	return CardUID(uid), nil
}
