package transition

import (
	"context"
	"fmt"

	"guodu/internal/fen"
)

// Lost is an order whose record is gone, as its channel tells of it.
type Lost struct {
	No        OrderNo
	Account   AccountNo
	Channel   string
	Merchant  string
	Amount    fen.Fen
	PayerKind string
	Payer     string
}

// RebuildOrder makes the record of a lost order again, for the case of its
// payment. What is there stays as it is. The order is due at once, so that it is
// settled even if its caller dies.
// Errors: ErrNumber (the number cannot be one of this account), ErrNoAccount,
// ErrMismatch (it is another account's), ErrCaseEnded.
func (s *Store) RebuildOrder(ctx context.Context, c Case, l Lost) error {
	p, err := l.No.partition()
	if err != nil {
		return err
	}
	if p != partitionOf(l.Account) || p != c.home {
		return fmt.Errorf("order %s of account %s: %w: of another partition", l.No, l.Account, ErrNumber)
	}
	reply, err := s.run.Run(ctx, s.scripts.orderRebuild,
		[]string{s.keys.account(p, l.Account), s.keys.order(p, l.No), s.keys.due(p), s.keys.cases(p)},
		string(l.No), string(l.Account), l.Channel, l.Amount.String(), l.PayerKind, l.Payer, s.now(), c.ID, l.Merchant)
	if err != nil {
		return err
	}
	return caseRefused("order_rebuild", c, reply, "REBUILT", "EXISTS")
}

// RestateOrder makes an order that is not credited one of what was really paid
// for it.
// Errors: ErrNoOrder, ErrCaseEnded (also of an order that is credited).
func (s *Store) RestateOrder(ctx context.Context, c Case, o Order, amount fen.Fen) error {
	p, err := o.No.partition()
	if err != nil {
		return err
	}
	if p != c.home {
		return fmt.Errorf("order %s: %w: the case is of another partition", o.No, ErrNumber)
	}
	reply, err := s.run.Run(ctx, s.scripts.orderRestate,
		[]string{s.keys.account(p, o.Account), s.keys.order(p, o.No), s.keys.cases(p)},
		string(o.No), string(o.Account), amount.String(), c.ID)
	if err != nil {
		return err
	}
	return caseRefused("order_restate", c, reply, "RESTATED")
}
