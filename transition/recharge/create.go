package recharge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"guodu/channels"
	"guodu/idempotency"
	"guodu/internal/failpoint"
	"guodu/internal/fen"
	"guodu/transition"
)

// Sentinels of Create.
var (
	// ErrAmount says that an amount is not above zero.
	ErrAmount = errors.New("amount must be above zero")
	// ErrPayer says that a payer's id cannot be one.
	ErrPayer = errors.New("not a payer")
)

// firstQuery is when the channel is asked for the first time.
const firstQuery = 5 * time.Second

// Wish is what a holder asks for.
type Wish struct {
	Account transition.AccountNo
	Channel string
	Amount  fen.Fen
	Payer   channels.Payer
	Key     idempotency.Key // of the form; a repeat gives the same order
	// Outside says that the payer's browser is not the channel's app: the order
	// is paid on a page of the channel's own, if the channel has one.
	Outside bool
}

// Ready is an order with what the payer's page needs to pay it.
type Ready struct {
	Order  transition.OrderNo
	Amount fen.Fen
	Prepay channels.Prepay
}

// Create makes the order durable first and prepares the payment then. After
// channels.ErrUnknownOutcome the same wish with the same key goes on where it
// stopped, with the identical request.
// Errors: ErrAmount, ErrPayer, ErrChannel, transition.ErrNoAccount,
// transition.ErrAccountClosed, *transition.LimitError,
// transition.ErrIdempotency, channels.ErrRefused, channels.ErrAlreadyPaid,
// channels.ErrOrderClosed, channels.ErrUnknownOutcome.
func (s *Service) Create(ctx context.Context, w Wish) (Ready, error) {
	channel := s.config.Channels[w.Channel].Current
	if channel == nil {
		return Ready{}, fmt.Errorf("channel %.20q: %w", w.Channel, ErrChannel)
	}
	if w.Amount <= 0 || w.Amount > fen.Max {
		return Ready{}, fmt.Errorf("%w: %s yuan", ErrAmount, w.Amount.Yuan())
	}
	if w.Payer.ID == "" || strings.ContainsAny(w.Payer.ID, " ;\t\r\n") {
		return Ready{}, ErrPayer
	}
	_, hasPage := channel.(channels.Page)
	w.Outside = w.Outside && hasPage && s.config.ReturnURL != nil
	no, err := s.create(ctx, w, channel.Merchant())
	if err != nil {
		return Ready{}, err
	}
	failpoint.Hit("recharge.created")
	return s.prepare(ctx, no)
}

func (s *Service) create(ctx context.Context, w Wish, merchant string) (transition.OrderNo, error) {
	now := s.config.Clock()
	no := transition.NewOrderNo(w.Account, now)
	// The channel counts in seconds; the stored request must say what is sent.
	expires := now.Add(s.config.Expiry).In(transition.Beijing()).Truncate(time.Second)
	question := channels.PrepayRequest{
		OrderNo: string(no), Amount: w.Amount, Description: s.config.Description, Attach: string(w.Account),
		PayerID: w.Payer.ID, PayerKind: w.Payer.Kind, NotifyURL: s.config.NotifyURL(w.Channel), Expires: expires,
	}
	if w.Outside {
		question.ReturnURL = s.config.ReturnURL(w.Channel, no)
	}
	request, err := json.Marshal(question)
	if err != nil {
		return "", fmt.Errorf("order %s: %w", no, err)
	}
	stored, fresh, err := s.config.Ledger.CreateOrder(ctx, transition.NewOrder{
		No: no, Account: w.Account, Amount: w.Amount, Channel: w.Channel, Merchant: merchant, PayerKind: w.Payer.Kind, Payer: w.Payer.ID,
		Request: request, Key: w.Key, Expires: expires, FirstDue: now.Add(firstQuery), Limits: s.config.Limits,
	})
	if err != nil {
		return "", err
	}
	s.config.Log.Info("order", "order", stored, "account", w.Account, "channel", w.Channel, "merchant", merchant, "amount_fen", int64(w.Amount),
		"payer", w.Payer.Hint(), "new", fresh)
	return stored, nil
}

// prepare gives the stored answer of the channel, or asks for it with the
// stored request. A repeat may come after the hub has moved to another merchant:
// the order goes on where it was made, or not at all.
func (s *Service) prepare(ctx context.Context, no transition.OrderNo) (Ready, error) {
	o, err := s.config.Ledger.Order(ctx, no)
	if err != nil {
		return Ready{}, err
	}
	ready := Ready{Order: no, Amount: o.Amount}
	switch o.State {
	case transition.OrderCredited:
		return ready, fmt.Errorf("order %s: %w", no, channels.ErrAlreadyPaid)
	case transition.OrderClosed:
		return ready, fmt.Errorf("order %s: %w", no, channels.ErrOrderClosed)
	}
	channel, err := s.channel(o.Channel, o.Merchant)
	if err != nil {
		return ready, fmt.Errorf("order %s: %w", no, err)
	}
	if o.State == transition.OrderPrepared {
		if err := json.Unmarshal(o.Prepay, &ready.Prepay); err != nil {
			return ready, fmt.Errorf("order %s: stored prepay: %w", no, err)
		}
		return ready, nil
	}
	var request channels.PrepayRequest
	if err := json.Unmarshal(o.Request, &request); err != nil {
		return ready, fmt.Errorf("order %s: stored request: %w", no, err)
	}
	ready.Prepay, err = ask(ctx, channel, request)
	if err != nil {
		return ready, fmt.Errorf("order %s: prepay: %w", no, err)
	}
	failpoint.Hit("recharge.prepaid")
	answer, err := json.Marshal(ready.Prepay)
	if err != nil {
		return ready, fmt.Errorf("order %s: %w", no, err)
	}
	if err := s.config.Ledger.Prepared(ctx, no, answer); err != nil {
		return ready, err
	}
	failpoint.Hit("recharge.prepared")
	return ready, nil
}

// ask prepares the payment the way that the stored request says: an order goes
// one way, whatever browser a repeat comes from.
func ask(ctx context.Context, channel channels.Channel, request channels.PrepayRequest) (channels.Prepay, error) {
	if request.ReturnURL == "" {
		return channel.Prepay(ctx, request)
	}
	page, ok := channel.(channels.Page)
	if !ok { // it had one when the order was made
		return channels.Prepay{}, fmt.Errorf("%w: the channel has no page", channels.ErrRefused)
	}
	return page.PrepayPage(ctx, request)
}
