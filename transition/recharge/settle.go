package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/failpoint"
	"guodu/internal/fen"
	"guodu/transition"
)

// Settle brings what a channel says of an order into the books. It may be
// called as often and from as many places as one likes.
// Errors: transition.ErrUnavailable and transition.ErrUnknownOutcome, after
// which the same call is repeated; nothing else that a repeat would cure.
func (s *Service) Settle(ctx context.Context, p channels.Payment, source string) (channels.Outcome, error) {
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

func (s *Service) settle(ctx context.Context, p channels.Payment, source string) (channels.Outcome, error) {
	no, numberErr := transition.ParseOrderNo(p.OrderNo)
	if p.State == channels.Unpaid {
		return channels.OutcomeWaiting, nil
	}
	if p.State == channels.Closed {
		return s.closed(ctx, p, no, numberErr)
	}
	if p.State != channels.Paid {
		return "", fmt.Errorf("order %s: channel state %.20q is none of guodu's", no, p.State)
	}
	if why := disagreement(p); why != "" {
		return s.openCase(ctx, p, source, "mismatch", why)
	}
	if numberErr != nil {
		return s.openCase(ctx, p, source, "unknown_order", "no order of guodu has such a number")
	}
	p, err := s.learnRefunds(ctx, p)
	if err != nil {
		return "", s.unseen(ctx, p, source, no, err)
	}
	if sum := refundsSum(p); p.Refunded && (sum == 0 || p.RefundedTotal > sum) {
		return s.moreRefunds(ctx, p, source, no, sum)
	}
	return s.credit(ctx, p, source, no)
}

// credit credits a payment that agrees with itself; what stands against it makes
// it a case.
func (s *Service) credit(ctx context.Context, p channels.Payment, source string, no transition.OrderNo) (channels.Outcome, error) {
	account, err := transition.ParseAccountNo(p.Attach)
	if err != nil {
		account = "" // the order's record knows it
	}
	credit := transition.Credit{
		Order: no, Account: account, Channel: p.Channel, Merchant: p.Merchant, Txn: p.TransactionID, Amount: p.Amount,
		PayerKind: p.Payer.Kind, Payer: p.Payer.ID, Source: source, Success: p.SuccessTime,
	}
	if credit.Success.IsZero() {
		credit.Success = s.config.Clock()
	}
	for _, r := range p.Refunds {
		credit.Refunds = append(credit.Refunds, transition.CreditRefund(r))
	}
	result, err := s.config.Ledger.Credit(ctx, credit)
	if kind, why := caseKind(err); kind != "" {
		outcome, err := s.openCase(ctx, p, source, kind, why)
		if err != nil || len(p.Refunds) == 0 {
			return outcome, err
		}
		return s.creditSuspended(ctx, p, source, no)
	}
	switch {
	case errors.Is(err, transition.ErrDecided):
		// What is told of it all the same is kept, for the day that it is reopened.
		if _, err := s.openCase(ctx, p, source, "mismatch", err.Error()); err != nil {
			return "", err
		}
		return s.decided(ctx, p, no)
	case err != nil:
		return "", err
	case result.First:
		s.tellPaid(credit)
		return channels.OutcomeCredited, nil
	}
	return channels.OutcomeDuplicate, s.bookRefunds(ctx, p, source)
}

// caseKind says what kind of case an error of the ledger makes of a payment, and
// why; none for any other error.
func caseKind(err error) (kind, why string) {
	switch {
	case errors.Is(err, transition.ErrNoOrder):
		return "unknown_order", "no such order in the books"
	case errors.Is(err, transition.ErrMismatch), errors.Is(err, transition.ErrOtherTransaction), errors.Is(err, transition.ErrRefundKnown),
		errors.Is(err, transition.ErrRefunding):
		return "mismatch", err.Error()
	case errors.Is(err, transition.ErrRefundsUnknown):
		return kindRefundsUnknown, "refunds that are not named yet"
	case errors.Is(err, transition.ErrAccountClosed):
		return "closed_account", "the account takes no money any more"
	}
	return "", ""
}

// closed ends an order that its own channel holds as closed. Such a word about
// another merchant's order, or one that is not there, ends nothing here.
func (s *Service) closed(ctx context.Context, p channels.Payment, no transition.OrderNo, numberErr error) (channels.Outcome, error) {
	if numberErr != nil || p.Misdirected != "" {
		return channels.OutcomeWaiting, nil
	}
	o, err := s.config.Ledger.Order(ctx, no)
	if errors.Is(err, transition.ErrNoOrder) || err == nil && (o.Channel != p.Channel || o.Merchant != p.Merchant) {
		return channels.OutcomeWaiting, nil
	}
	if err != nil {
		return "", err
	}
	return s.Close(ctx, no, p.Merchant)
}

// transaction is what a channel's number may look like: it becomes part of a
// case's id, and so of ledger entries.
var transaction = regexp.MustCompile(`^[0-9A-Za-z_|*@.-]{1,64}$`)

// disagreement says what of a payment cannot be right, whatever the order.
func disagreement(p channels.Payment) string {
	switch {
	case p.Misdirected != "":
		return "not ours: " + p.Misdirected
	case p.Currency != "CNY":
		return fmt.Sprintf("currency %.8q", p.Currency)
	case p.Amount <= 0 || p.Amount > fen.Max:
		return "amount " + p.Amount.String()
	case !transaction.MatchString(p.TransactionID):
		return "no usable transaction number"
	}
	for _, r := range p.Refunds {
		if !transaction.MatchString(r.No) || r.Amount <= 0 {
			return "a refund without a usable number or amount"
		}
	}
	return ""
}

// kindRefundsUnknown is a case of refunds that were told of and are not known.
const kindRefundsUnknown = "refunds_unknown"

// paymentCase is the id of a payment's case: its transaction; without a usable
// one its order; and what is no usable number either is hashed.
func paymentCase(p channels.Payment) string {
	switch {
	case transaction.MatchString(p.TransactionID):
		return p.Channel + ":" + p.TransactionID
	case transaction.MatchString(p.OrderNo):
		return p.Channel + ":order:" + p.OrderNo
	}
	return p.Channel + ":order:" + idempotency.Fingerprint(p.OrderNo)
}

// openCase keeps what cannot be credited. Money of another merchant or in
// another currency is not in our books, so it is kept without suspense.
func (s *Service) openCase(ctx context.Context, p channels.Payment, source, kind, why string) (channels.Outcome, error) {
	evidence, err := json.Marshal(map[string]string{
		"why": why, "source": source, "channel": p.Channel, "merchant": p.Merchant, "order": fmt.Sprintf("%.64s", p.OrderNo), "txn": p.TransactionID,
		"amount_fen": p.Amount.String(), "currency": p.Currency, "payer": p.Payer.Hint(), "attach": fmt.Sprintf("%.128s", p.Attach),
		"paid_at": p.SuccessTime.Format("2006-01-02T15:04:05Z07:00"),
	})
	if err != nil {
		return "", fmt.Errorf("case of %s: %w", p.TransactionID, err)
	}
	c := transition.Case{ID: paymentCase(p), Kind: kind, Txn: p.TransactionID, Refunded: p.RefundedTotal, Evidence: evidence}
	if !transaction.MatchString(p.TransactionID) {
		c.Txn = ""
	}
	counts := p.Currency == "CNY" && !strings.Contains(p.Misdirected, "mchid") && p.Amount > 0 && p.Amount <= fen.Max
	if counts && c.Txn != "" {
		c.Suspense = p.Amount
	}
	first, err := s.config.Ledger.OpenCase(ctx, p.OrderNo, c)
	if err != nil {
		return "", err
	}
	s.config.Log.Warn("case", "case", c.ID, "kind", kind, "why", why, "suspense_fen", int64(c.Suspense), "first", first)
	return channels.OutcomeCase, nil
}

// Close ends an unpaid order on the channel's proof that it can no longer be
// paid, given to the named merchant.
// Errors: transition.ErrNoOrder, transition.ErrOtherMerchant.
func (s *Service) Close(ctx context.Context, no transition.OrderNo, merchant string) (channels.Outcome, error) {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil {
		return "", err
	}
	state, err := s.config.Ledger.CloseOrder(ctx, o, merchant)
	if err != nil {
		return "", err
	}
	if state == transition.OrderCredited {
		return channels.OutcomeDuplicate, nil
	}
	return channels.OutcomeClosed, nil
}
