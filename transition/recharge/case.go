package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"guodu/channels"
	"guodu/transition"
)

// Sentinels of working a case. None of them moved anything.
var (
	// ErrNotCreditable says that the payment of a case cannot be credited as it
	// is; the text says why, and what can be done instead.
	ErrNotCreditable = errors.New("case cannot be credited")
	// ErrNotRefundable says the same of giving it back.
	ErrNotRefundable = errors.New("case cannot be refunded")
)

// Word is who decides what becomes of a case, and why.
type Word struct {
	By, Why string
	// NoRefunds says, to a credit, that people have looked at the merchant's
	// platform: of the refunds that the channel once told of no more were made than
	// are known. Nothing else takes such a word of the channel back, for a channel
	// that is silent about a refund has not said that there is none.
	NoRefunds bool
}

// refusedLimit bounds the note of a decision that failed.
const refusedLimit = 3 * time.Second

// evidence is what a case of a payment keeps of it.
type evidence struct {
	Channel  string `json:"channel"`
	Merchant string `json:"merchant"` // that proved the payment
	Order    string `json:"order"`    // as the channel named it
	Txn      string `json:"txn"`
	Attach   string `json:"attach"`
}

// note makes it durable who does what with a case before it is done.
func (s *Service) note(ctx context.Context, c transition.Case, action string, w Word) error {
	at := s.config.Clock().In(transition.Beijing()).Format("2006-01-02 15:04:05 -07:00")
	s.config.Log.Info("case worked", "case", c.ID, "action", action, "by", w.By, "why", w.Why)
	return s.config.Ledger.NoteCase(ctx, c, fmt.Sprintf("%s %s by %s: %s", at, action, w.By, w.Why))
}

// refused makes it durable that what somebody wanted of a case was not done, or that
// nobody knows whether it was.
func (s *Service) refused(ctx context.Context, c transition.Case, action string, w Word, err error) {
	if err == nil {
		return
	}
	word := "refused"
	if errors.Is(err, transition.ErrUnknownOutcome) || errors.Is(err, channels.ErrUnknownOutcome) {
		word = "outcome unknown"
	}
	at := s.config.Clock().In(transition.Beijing()).Format("2006-01-02 15:04:05 -07:00")
	s.config.Log.Warn("case not worked", "case", c.ID, "action", action, "by", w.By, "why", w.Why, "error", err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusedLimit)
	defer cancel()
	failed := s.config.Ledger.NoteCase(ctx, c, fmt.Sprintf("%s %s by %s %s: %.200q", at, action, w.By, word, err.Error()))
	if failed != nil {
		s.config.Log.Error("case not worked, and no note of it", "case", c.ID, "error", failed)
	}
}

// CreditCase credits the payment of a case to the account of its order, once the
// channel has said again, signed, what was paid. A lost order is rebuilt from the
// channel's word: for the account that the payment names, or for the given one if
// it names none. An order of another amount becomes one of what was paid. A
// repeat after the credit is channels.OutcomeDuplicate.
// Errors: ErrNotCreditable, ErrChannel, transition.ErrNoCase, and those of
// Channel.Query.
func (s *Service) CreditCase(ctx context.Context, id string, account transition.AccountNo, w Word) (_ channels.Outcome, err error) {
	c, e, err := s.caseOfPayment(ctx, id)
	if err != nil {
		return "", err
	}
	defer func() { s.refused(ctx, c, "credit", w, err) }()
	no, err := transition.ParseOrderNo(e.Order)
	if err != nil {
		return "", fmt.Errorf("%w: guodu has no order numbers such as %.64q; refund it, or disown it", ErrNotCreditable, e.Order)
	}
	credited, err := s.creditedBefore(ctx, c, e, no)
	if err != nil || credited {
		return channels.OutcomeDuplicate, err
	}
	payment, err := s.paymentOf(ctx, e)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotCreditable, err)
	}
	if payment.Misdirected != "" {
		return "", fmt.Errorf("%w: not ours: %s; list its merchant and app under former, or refund it", ErrNotCreditable, payment.Misdirected)
	}
	err = s.note(ctx, c, "credit", w)
	if err != nil {
		return "", err
	}
	// Refunds first: an order that is there again may be credited by any repeat.
	err = s.knowRefunds(ctx, c, payment, w)
	if err != nil {
		return "", err
	}
	err = s.makeCreditable(ctx, c, no, payment, firstAccount(payment.Attach, e.Attach, account), account)
	if err != nil {
		return "", err
	}
	payment.Refunds = nil // they left suspense by now
	outcome, err := s.credit(ctx, payment, "query", no)
	if err != nil || outcome == channels.OutcomeCredited || outcome == channels.OutcomeDuplicate {
		return outcome, err
	}
	return "", s.stillCase(ctx, id)
}

// creditedBefore says whether the payment of a case is in the books as a credit
// already, and names what keeps it from becoming one.
func (s *Service) creditedBefore(ctx context.Context, c transition.Case, e evidence, no transition.OrderNo) (bool, error) {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil && !errors.Is(err, transition.ErrNoOrder) {
		return false, err
	}
	credited := o.State == transition.OrderCredited && o.Txn == e.Txn
	switch {
	case credited && c.Open:
		return false, fmt.Errorf("%w: its order is credited; the case is about refunds, which are booked once the channel names them", ErrNotCreditable)
	case credited:
		return true, nil
	case !c.Open && c.Decision == transition.Undecided:
		return false, fmt.Errorf("%w: it was settled without a credit of this order", ErrNotCreditable)
	case !c.Open:
		return false, fmt.Errorf("%w: it was %s; reopen it first", ErrNotCreditable, c.Decision)
	case c.Refunding > 0:
		return false, fmt.Errorf("%w: %s yuan of it are on their way back", ErrNotCreditable, c.Refunding.Yuan())
	}
	return false, nil
}

// firstAccount is the first of what the channel says that can be an account; the
// person's word counts only where the channel says nothing.
func firstAccount(now, before string, word transition.AccountNo) transition.AccountNo {
	for _, text := range []string{now, before} {
		if no, err := transition.ParseAccountNo(text); err == nil {
			return no
		}
	}
	return word
}

// caseOfPayment reads a case and what it keeps of its payment.
func (s *Service) caseOfPayment(ctx context.Context, id string) (transition.Case, evidence, error) {
	c, err := s.config.Ledger.Case(ctx, id)
	if err != nil {
		return c, evidence{}, err
	}
	var e evidence
	if err := json.Unmarshal(c.Evidence, &e); err != nil {
		return c, e, fmt.Errorf("case %s: evidence: %w", id, err)
	}
	return c, e, nil
}

// paymentOf asks the channel about the payment of a case again: people decide on
// what it says now, not on what was once told.
func (s *Service) paymentOf(ctx context.Context, e evidence) (channels.Payment, error) {
	channel, err := s.channel(e.Channel, e.Merchant)
	if err != nil {
		return channels.Payment{}, err
	}
	payment, err := channel.Query(ctx, e.Order)
	if err != nil {
		return payment, err
	}
	agreed := payment
	if agreed.Misdirected == "appid" {
		agreed.Misdirected = "" // our merchant's money, whatever its app: it can be given back
	}
	if why := disagreement(agreed); payment.State == channels.Paid && why != "" {
		return payment, errors.New(why)
	}
	if payment.State != channels.Paid || payment.TransactionID != e.Txn {
		return payment, fmt.Errorf("the channel holds order %.64s as %s with transaction %q now, the case is about %q", e.Order, payment.State,
			payment.TransactionID, e.Txn)
	}
	return payment, nil
}

// makeCreditable brings the order's record to what the channel says of its
// payment.
func (s *Service) makeCreditable(ctx context.Context, c transition.Case, no transition.OrderNo, p channels.Payment, account, asked transition.AccountNo) error {
	o, err := s.config.Ledger.Order(ctx, no)
	switch {
	case errors.Is(err, transition.ErrNoOrder) && account == "":
		return fmt.Errorf("%w: the payment names no account; name it", ErrNotCreditable)
	case errors.Is(err, transition.ErrNoOrder):
		err = s.config.Ledger.RebuildOrder(ctx, c, transition.Lost{
			No: no, Account: account, Channel: p.Channel, Merchant: p.Merchant, Amount: p.Amount, PayerKind: p.Payer.Kind, Payer: p.Payer.ID,
		})
		if errors.Is(err, transition.ErrNumber) || errors.Is(err, transition.ErrNoAccount) || errors.Is(err, transition.ErrMismatch) {
			return fmt.Errorf("%w: %w", ErrNotCreditable, err)
		}
	case err == nil && asked != "" && asked != o.Account:
		return fmt.Errorf("%w: its order is one of account %s", ErrNotCreditable, o.Account)
	case err == nil && o.Channel != p.Channel:
		return fmt.Errorf("%w: the order is one of %s", ErrNotCreditable, o.Channel)
	case err == nil && o.Merchant != p.Merchant:
		return fmt.Errorf("%w: the order was made at merchant %s, it was paid to %s; refund it", ErrNotCreditable, o.Merchant, p.Merchant)
	case err == nil && o.State == transition.OrderCredited && o.Txn != p.TransactionID:
		return fmt.Errorf("%w: its order was credited for transaction %s; refund it", ErrNotCreditable, o.Txn)
	case err == nil && o.State != transition.OrderCredited && o.Amount != p.Amount:
		err = s.config.Ledger.RestateOrder(ctx, c, o, p.Amount)
	}
	return err
}

// knowRefunds books what the channel names as refunded of a case, and says whether
// all that was ever told is known then. What is not stays with the case, so that no
// repeat credits it. Only people's word takes back what the channel once told.
func (s *Service) knowRefunds(ctx context.Context, c transition.Case, p channels.Payment, w Word) error {
	p, err := s.learnRefunds(ctx, p)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotCreditable, err)
	}
	err = s.bookSuspended(ctx, c, p, "query")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotCreditable, err)
	}
	now, err := s.config.Ledger.Case(ctx, c.ID)
	if err != nil {
		return err
	}
	unnamed := (p.Refunded || now.Kind == kindRefundsUnknown) && now.Returned == 0
	if p.Refunded && now.Returned == 0 || p.RefundedTotal > now.Returned {
		_, err = s.openCase(ctx, p, "query", kindRefundsUnknown, "the channel tells of refunds that are not known")
		return errors.Join(err, unknownRefunds())
	}
	if now.Refunded <= now.Returned && !unnamed {
		return nil
	}
	if !w.NoRefunds {
		return unknownRefunds()
	}
	now.Refunded = c.Refunded // what was told since is not what they decided about
	return s.config.Ledger.RetellCase(ctx, now, p.OrderNo, now.Returned)
}

func unknownRefunds() error {
	return fmt.Errorf("%w: the channel told of refunds that are not known: book each with a refund of the case that names it, "+
		"or say that the merchant's platform shows none", ErrNotCreditable)
}

// stillCase says why a case is one still.
func (s *Service) stillCase(ctx context.Context, id string) error {
	c, err := s.config.Ledger.Case(ctx, id)
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: it stays a case of kind %s", ErrNotCreditable, c.Kind)
}

// RefundCase gives what a case holds back to its payer, the way it came. What the
// channel gave back already is booked instead, and only the rest is asked for;
// made names a refund that the channel knows and does not name by itself. A
// repeat gives the refund that is under way. The refund is zero if nothing was
// left to ask for.
// Errors: ErrNotRefundable, ErrChannel, ErrNoRefunds, transition.ErrNoCase, and
// those of Channel.Query. What the channel says of the refund is in its word.
func (s *Service) RefundCase(ctx context.Context, id, made string, w Word) (_ transition.RefundOrder, err error) {
	none := transition.RefundOrder{}
	c, e, err := s.caseOfPayment(ctx, id)
	if err != nil {
		return none, err
	}
	defer func(c transition.Case) { s.refused(ctx, c, "refund", w, err) }(c)
	if !c.Open || c.Suspense == 0 {
		return none, fmt.Errorf("%w: it holds no money (%s)", ErrNotRefundable, c.Decision)
	}
	if _, err := s.refunder(e.Channel, e.Merchant); err != nil {
		return none, err
	}
	payment, err := s.paymentOf(ctx, e)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrNotRefundable, err)
	}
	err = s.note(ctx, c, "refund", w)
	if err != nil {
		return none, err
	}
	if payment.Amount != c.Suspense+c.Returned {
		return none, fmt.Errorf("%w: it was told as %s yuan and the channel holds %s; this wants the merchant's platform", ErrNotRefundable,
			(c.Suspense + c.Returned).Yuan(), payment.Amount.Yuan())
	}
	if c.Refunding == 0 {
		c, err = s.bookMade(ctx, c, payment, made)
		if err != nil || !c.Open {
			return none, err
		}
	}
	no, err := s.holdCase(ctx, c, payment, w)
	if err != nil {
		return none, err
	}
	err = s.AskRefund(ctx, no)
	if err != nil {
		s.config.Log.Warn("refund stays due", "refund", no, "error", err)
	}
	return s.config.Ledger.Refund(ctx, no)
}

// bookMade books what the channel has given back of a case, and returns the case
// as it stands then.
func (s *Service) bookMade(ctx context.Context, c transition.Case, p channels.Payment, made string) (transition.Case, error) {
	if made != "" {
		p.RefundNos = append(p.RefundNos, made)
	}
	p, err := s.learnRefunds(ctx, p)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrNotRefundable, err)
	}
	err = s.bookSuspended(ctx, c, p, "query")
	if err != nil {
		return c, err
	}
	c, err = s.config.Ledger.Case(ctx, c.ID)
	if err != nil {
		return c, err
	}
	if made != "" && !slices.ContainsFunc(c.Refunds, func(no transition.RefundNo) bool {
		return string(no) == made || strings.HasSuffix(string(no), ":"+made)
	}) {
		return c, fmt.Errorf("%w: the channel has made no refund %.64q of it", ErrNotRefundable, made)
	}
	if p.Refunded && c.Returned == 0 || p.RefundedTotal > c.Returned {
		return c, fmt.Errorf("%w: the channel has refunded some of it under a number that it does not say; name the number", ErrNotRefundable)
	}
	return c, nil
}

// bookSuspended books refunds of money that is in suspense.
func (s *Service) bookSuspended(ctx context.Context, c transition.Case, p channels.Payment, source string) error {
	for _, r := range p.Refunds {
		_, err := s.config.Ledger.BookSuspended(ctx, c, transition.OutsideRefund{
			No: r.No, Order: transition.OrderNo(p.OrderNo), Channel: p.Channel, Amount: r.Amount, At: r.Time, Source: source,
		})
		if errors.Is(err, transition.ErrCaseEnded) {
			return fmt.Errorf("case %s: %w", c.ID, transition.ErrMoved) // credited meanwhile: told again, it is booked there
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// holdCase binds what a case holds to a refund.
func (s *Service) holdCase(ctx context.Context, c transition.Case, p channels.Payment, w Word) (transition.RefundNo, error) {
	now := s.config.Clock()
	no := transition.NewCaseRefundNo(c, now)
	request, err := json.Marshal(channels.RefundRequest{
		OrderNo: p.OrderNo, RefundNo: string(no), Amount: c.Suspense, Total: p.Amount, Reason: s.config.RefundReason,
		NotifyURL: s.refundNotifyURL(p.Channel),
	})
	if err != nil {
		return "", fmt.Errorf("refund of case %s: %w", c.ID, err)
	}
	stored, fresh, err := s.config.Ledger.HoldCaseRefund(ctx, c, transition.CaseRefund{
		No: no, Channel: p.Channel, Merchant: p.Merchant, Order: p.OrderNo, Amount: c.Suspense, Request: request, By: w.By, Why: w.Why, FirstDue: now.Add(firstQuery),
	})
	if err == nil {
		s.config.Log.Info("refund", "refund", stored, "case", c.ID, "channel", p.Channel, "amount_fen", int64(c.Suspense), "by", w.By, "new", fresh)
	}
	return stored, err
}

// CloseCase ends a case on people's word. With disown its money leaves the books:
// it was never the hub's. Closing twice is safe.
// Errors: transition.ErrNoCase, transition.ErrSuspense, transition.ErrRefunding.
func (s *Service) CloseCase(ctx context.Context, id string, disown bool, w Word) (err error) {
	c, err := s.config.Ledger.Case(ctx, id)
	if err != nil {
		return err
	}
	action := "close"
	if disown {
		action = "disown"
	}
	defer func() { s.refused(ctx, c, action, w, err) }()
	err = s.note(ctx, c, action, w)
	if err != nil {
		return err
	}
	return s.config.Ledger.EndCase(ctx, c, disown)
}

// ReopenCase takes CloseCase back, with the money.
// Errors: transition.ErrNoCase, transition.ErrCaseEnded.
func (s *Service) ReopenCase(ctx context.Context, id string, w Word) (err error) {
	c, err := s.config.Ledger.Case(ctx, id)
	if err != nil {
		return err
	}
	defer func() { s.refused(ctx, c, "reopen", w, err) }()
	err = s.note(ctx, c, "reopen", w)
	if err != nil {
		return err
	}
	return s.config.Ledger.ReopenCase(ctx, c)
}

// suspendedCase is the case of a payment, if it holds money.
func (s *Service) suspendedCase(ctx context.Context, p channels.Payment) (c transition.Case, holds bool, err error) {
	c, err = s.config.Ledger.CaseOf(ctx, p.OrderNo, paymentCase(p))
	if errors.Is(err, transition.ErrNoCase) {
		return c, false, nil
	}
	return c, err == nil && c.Open && c.Suspense > 0, err
}

// creditSuspended books refunds of a payment that became a case against what the
// case holds, and credits the rest if no more refunds are told of than are known
// then.
func (s *Service) creditSuspended(ctx context.Context, p channels.Payment, source string, no transition.OrderNo) (channels.Outcome, error) {
	c, holds, err := s.suspendedCase(ctx, p)
	if err != nil {
		return "", err
	}
	if c.Decision == transition.DecidedRefunded || c.Decision == transition.DecidedDisowned {
		return s.decided(ctx, p, no)
	}
	if !holds || len(p.Refunds) == 0 {
		return channels.OutcomeCase, nil
	}
	err = s.bookSuspended(ctx, c, p, source)
	if errors.Is(err, transition.ErrMismatch) {
		return channels.OutcomeCase, nil // what is told does not fit what it holds: people look
	}
	if err != nil {
		return "", err
	}
	if disagreement(p) != "" {
		return channels.OutcomeCase, nil
	}
	p.Refunds = nil
	return s.credit(ctx, p, source, no)
}

// decided ends the order of a payment whose money people have let go: nothing is
// left to ask about it. A payment to somebody else ends nothing.
func (s *Service) decided(ctx context.Context, p channels.Payment, no transition.OrderNo) (channels.Outcome, error) {
	o, err := s.config.Ledger.Order(ctx, no)
	if errors.Is(err, transition.ErrNoOrder) {
		return channels.OutcomeCase, nil
	}
	if err != nil {
		return "", err
	}
	if o.Channel != p.Channel || o.Merchant != p.Merchant {
		return channels.OutcomeCase, nil
	}
	return s.Close(ctx, no, o.Merchant)
}

// allKnown closes the case of a credited order whose refunds were not known, once
// they are all in its books.
func (s *Service) allKnown(ctx context.Context, p channels.Payment) error {
	c, err := s.config.Ledger.CaseOf(ctx, p.OrderNo, paymentCase(p))
	if errors.Is(err, transition.ErrNoCase) {
		return nil
	}
	if err != nil || !c.Open || c.Kind != kindRefundsUnknown || c.Suspense > 0 {
		return err
	}
	return s.CloseCase(ctx, c.ID, false, Word{By: "guodu", Why: "all refunds that the channel told of are booked"})
}
