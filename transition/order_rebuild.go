package transition

import (
	"context"
	"fmt"

	"guodu/internal/fen"
	"guodu/internal/redisx"
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

type orderRebuildCall struct {
	Account   string    `key:"account"`
	Order     string    `key:"order"`
	Due       string    `key:"due"`
	Case      string    `key:"case"`
	No        OrderNo   `arg:"order_no"`
	AccountNo AccountNo `arg:"account_no"`
	Channel   string    `arg:"channel"`
	Merchant  string    `arg:"merchant"`
	Amount    fen.Fen   `arg:"amount"`
	PayerKind string    `arg:"payer_kind"`
	Payer     string    `arg:"payer"`
	Now       string    `arg:"now"`
	ID        string    `arg:"case_id"`
}

type orderRebuildReply struct {
	Tag     string
	Account string `reply:"account"`
}

type orderRestateCall struct {
	Account   string    `key:"account"`
	Order     string    `key:"order"`
	Case      string    `key:"case"`
	No        OrderNo   `arg:"order_no"`
	AccountNo AccountNo `arg:"account_no"`
	Amount    fen.Fen   `arg:"amount"`
	ID        string    `arg:"case_id"`
}

var (
	orderRebuild = redisx.MustLoad[orderRebuildCall, orderRebuildReply](scripts, "order_rebuild")
	orderRestate = redisx.MustLoad[orderRestateCall, tagOnly](scripts, "order_restate")
)

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
	reply, err := orderRebuild.Run(ctx, s.run, orderRebuildCall{
		Account: s.keys.account(p, l.Account), Order: s.keys.order(p, l.No), Due: s.keys.due(p), Case: s.keys.cases(p),
		No: l.No, AccountNo: l.Account, Channel: l.Channel, Merchant: l.Merchant, Amount: l.Amount, PayerKind: l.PayerKind, Payer: l.Payer,
		Now: s.now(), ID: c.ID,
	})
	if err != nil || reply.Tag == "EXISTS" {
		return err
	}
	return caseRefused(c, reply.Tag)
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
	reply, err := orderRestate.Run(ctx, s.run, orderRestateCall{
		Account: s.keys.account(p, o.Account), Order: s.keys.order(p, o.No), Case: s.keys.cases(p),
		No: o.No, AccountNo: o.Account, Amount: amount, ID: c.ID,
	})
	if err != nil {
		return err
	}
	return caseRefused(c, reply.Tag)
}
