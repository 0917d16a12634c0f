package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"guodu/channels"
	"guodu/internal/failpoint"
	"guodu/internal/fen"
	"guodu/transition"
)

// Outcome is what a settlement came to.
type Outcome string

// The outcomes of Settle. All of them are durable.
const (
	Credited  Outcome = "credited"  // the first credit of the order
	Duplicate Outcome = "duplicate" // credited before; counted
	Cased     Outcome = "case"      // a person decides; its money is in suspense
	Waiting   Outcome = "waiting"   // not paid so far
	Closed    Outcome = "closed"    // not paid, and never will be
)

// Settle brings what a channel says of an order into the books. It may be
// called as often and from as many places as one likes.
// Errors: transition.ErrUnavailable and transition.ErrUnknownOutcome, after
// which the same call is repeated; nothing else that a repeat would cure.
func (s *Service) Settle(ctx context.Context, p channels.Payment, source string) (Outcome, error) {
	failpoint.Hit("settle.begin")
	outcome, err := s.settle(ctx, p, source)
	if err != nil {
		return "", err
	}
	failpoint.Hit("settle.done")
	s.config.Log.Info("settle", "order", fmt.Sprintf("%.40s", p.OrderNo), "channel", p.Channel, "txn", p.TransactionID,
		"state", p.State, "amount_fen", int64(p.Amount), "payer", p.Payer.Hint(), "source", source, "outcome", outcome)
	return outcome, nil
}

func (s *Service) settle(ctx context.Context, p channels.Payment, source string) (Outcome, error) {
	no, numberErr := transition.ParseOrderNo(p.OrderNo)
	if p.State == channels.Unpaid {
		return Waiting, nil
	}
	if p.State == channels.Closed {
		if numberErr != nil {
			return Closed, nil // of no order of ours
		}
		return s.Close(ctx, no)
	}
	if why := disagreement(p); why != "" {
		return s.openCase(ctx, p, source, "mismatch", why)
	}
	if numberErr != nil {
		return s.openCase(ctx, p, source, "unknown_order", "no order of guodu has such a number")
	}
	if p.Refunded && len(p.Refunds) == 0 {
		return s.openCase(ctx, p, source, "refunds_unknown", "the channel tells of refunds without naming them")
	}
	account, err := transition.ParseAccountNo(p.Attach)
	if err != nil {
		account = "" // the order's record knows it
	}
	credit := transition.Credit{
		Order: no, Account: account, Channel: p.Channel, Txn: p.TransactionID, Amount: p.Amount,
		PayerKind: p.Payer.Kind, Payer: p.Payer.ID, Source: source, Success: p.SuccessTime,
	}
	if credit.Success.IsZero() {
		credit.Success = s.config.Clock()
	}
	for _, r := range p.Refunds {
		credit.Refunds = append(credit.Refunds, transition.CreditRefund(r))
	}
	result, err := s.config.Ledger.Credit(ctx, credit)
	switch {
	case errors.Is(err, transition.ErrNoOrder):
		return s.openCase(ctx, p, source, "unknown_order", "no such order in the books")
	case errors.Is(err, transition.ErrMismatch), errors.Is(err, transition.ErrOtherTransaction), errors.Is(err, transition.ErrRefundKnown):
		return s.openCase(ctx, p, source, "mismatch", err.Error())
	case errors.Is(err, transition.ErrAccountClosed):
		return s.openCase(ctx, p, source, "closed_account", "the account takes no money any more")
	case err != nil:
		return "", err
	case result.First:
		return Credited, nil
	}
	return Duplicate, nil
}

// disagreement says what of a payment cannot be right, whatever the order.
func disagreement(p channels.Payment) string {
	switch {
	case p.Misdirected != "":
		return "not ours: " + p.Misdirected
	case p.Currency != "CNY":
		return fmt.Sprintf("currency %.8q", p.Currency)
	case p.Amount <= 0 || p.Amount > fen.Max:
		return "amount " + p.Amount.String()
	case p.TransactionID == "" || len(p.TransactionID) > 64:
		return "no transaction number"
	}
	return ""
}

// openCase keeps what cannot be credited. Money of another merchant or in
// another currency is not in our books, so it is kept without suspense.
func (s *Service) openCase(ctx context.Context, p channels.Payment, source, kind, why string) (Outcome, error) {
	evidence, err := json.Marshal(map[string]string{
		"why": why, "source": source, "channel": p.Channel, "order": fmt.Sprintf("%.64s", p.OrderNo), "txn": p.TransactionID,
		"amount_fen": p.Amount.String(), "currency": p.Currency, "payer": p.Payer.Hint(), "attach": fmt.Sprintf("%.128s", p.Attach),
		"paid_at": p.SuccessTime.Format("2006-01-02T15:04:05Z07:00"),
	})
	if err != nil {
		return "", fmt.Errorf("case of %s: %w", p.TransactionID, err)
	}
	c := transition.Case{ID: p.Channel + ":" + p.TransactionID, Kind: kind, Txn: p.TransactionID, Evidence: evidence}
	if p.TransactionID == "" || len(p.TransactionID) > 64 {
		c.ID = p.Channel + ":order:" + fmt.Sprintf("%.64s", p.OrderNo)
	}
	counts := p.Currency == "CNY" && !strings.Contains(p.Misdirected, "mchid") && p.Amount > 0 && p.Amount <= fen.Max && kind != "refunds_unknown"
	if counts && p.TransactionID != "" {
		c.Suspense = p.Amount
	}
	first, err := s.config.Ledger.OpenCase(ctx, p.OrderNo, c)
	if err != nil {
		return "", err
	}
	s.config.Log.Warn("case", "case", c.ID, "kind", kind, "why", why, "suspense_fen", int64(c.Suspense), "first", first)
	return Cased, nil
}

// Close ends an unpaid order on the channel's proof that it can no longer be
// paid.
// Errors: transition.ErrNoOrder.
func (s *Service) Close(ctx context.Context, no transition.OrderNo) (Outcome, error) {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil {
		return "", err
	}
	state, err := s.config.Ledger.CloseOrder(ctx, o)
	if err != nil {
		return "", err
	}
	if state == transition.OrderCredited {
		return Duplicate, nil
	}
	return Closed, nil
}
