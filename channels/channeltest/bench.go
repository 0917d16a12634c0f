package channeltest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"guodu/channels"
)

// timeout bounds one check, so that a channel that waits for ever fails only it.
const timeout = 60 * time.Second

// bench is a subject with what the checks have in common.
type bench struct{ Subject }

func begin() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), timeout)
}

// request is a new order of a few yuan.
func (b *bench) request() channels.PrepayRequest {
	url := b.NotifyURL
	if url == "" {
		url = "https://card.example.edu/notify/" + b.Channel.Name()
	}
	return channels.PrepayRequest{
		OrderNo: "260901" + rand.Text()[:12], Amount: 1234, Description: "校园卡充值", Attach: "2610001",
		PayerID: b.Payer.ID, PayerKind: b.Payer.Kind, NotifyURL: url,
		Expires: time.Now().Add(time.Hour).Truncate(time.Second),
	}
}

// prepared is a new order that can be paid.
func (b *bench) prepared(ctx context.Context, r reporter) (channels.PrepayRequest, channels.Prepay) {
	r.Helper()
	req := b.request()
	prepay, err := b.Channel.Prepay(ctx, req)
	if err != nil {
		r.Fatalf("Prepay: %v", err)
	}
	if len(prepay.Params) == 0 {
		r.Fatalf("Prepay gave nothing to pay with")
	}
	return req, prepay
}

// paid is a new order that was paid.
func (b *bench) paid(ctx context.Context, r reporter) channels.PrepayRequest {
	r.Helper()
	req, prepay := b.prepared(ctx, r)
	b.pay(ctx, r, req.OrderNo, prepay)
	return req
}

func (b *bench) pay(ctx context.Context, r reporter, orderNo string, prepay channels.Prepay) {
	r.Helper()
	err := b.Pay(ctx, orderNo, prepay)
	if err != nil {
		r.Fatalf("Pay: %v", err)
	}
}

// closed is a new order that was closed unpaid.
func (b *bench) closed(ctx context.Context, r reporter) channels.PrepayRequest {
	r.Helper()
	req, _ := b.prepared(ctx, r)
	err := b.Channel.Close(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("Close: %v", err)
	}
	return req
}

// in wants a state, and what belongs to it.
func (b *bench) in(ctx context.Context, r reporter, req channels.PrepayRequest, want channels.State) channels.Payment {
	r.Helper()
	got, err := b.Channel.Query(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("Query: %v", err)
	}
	if got.State != want {
		r.Fatalf("Query says %q, want %q", got.State, want)
	}
	b.consistent(r, got, req)
	return got
}

// consistent wants a payment to say what its order says and nothing else.
func (b *bench) consistent(r reporter, got channels.Payment, req channels.PrepayRequest) {
	r.Helper()
	if got.Channel != b.Channel.Name() || got.OrderNo != req.OrderNo || got.Misdirected != "" {
		r.Errorf("a payment of channel %q and order %q, misdirected %q; want %q, %q and not at all",
			got.Channel, got.OrderNo, got.Misdirected, b.Channel.Name(), req.OrderNo)
	}
	if got.Attach != "" && got.Attach != req.Attach {
		r.Errorf("attach is %q, want %q", got.Attach, req.Attach)
	}
	if got.Payer.ID != "" && got.Payer.Kind == b.Payer.Kind && got.Payer.ID != b.Payer.ID {
		r.Errorf("the payer is %v, want %v", got.Payer, b.Payer)
	}
	if got.Refunded || len(got.Refunds) > 0 {
		r.Errorf("refunds on an order that never had any")
	}
	if got.State != channels.Paid {
		if got.Amount != 0 || got.TransactionID != "" || !got.SuccessTime.IsZero() {
			r.Errorf("an order that is %s has an amount of %d, a transaction %q or a time", got.State, got.Amount, got.TransactionID)
		}
		return
	}
	if got.Amount != req.Amount || got.Currency != "CNY" || got.TransactionID == "" {
		r.Errorf("paid %d %q as %q, want %d CNY and a number", got.Amount, got.Currency, got.TransactionID, req.Amount)
	}
	if age := time.Since(got.SuccessTime); age > timeout || age < -timeout {
		r.Errorf("paid %v ago, want now: is the zone right?", age)
	}
	b.hidden(r, got)
}

// hidden wants a payment to print without its payer's id.
func (b *bench) hidden(r reporter, payment channels.Payment) {
	r.Helper()
	if len(payment.Payer.ID) < 8 {
		return
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if strings.Contains(fmt.Sprintf(verb, payment), payment.Payer.ID) {
			r.Errorf("printing a payment with %s shows its payer", verb)
		}
	}
}

// is wants exactly one of the contract's errors, in a text fit for a log.
func (b *bench) is(r reporter, err, want error) {
	r.Helper()
	for _, sentinel := range []error{
		channels.ErrUnknownOutcome, channels.ErrRefused, channels.ErrOrderNotFound, channels.ErrAlreadyPaid,
		channels.ErrOrderClosed, channels.ErrNotice, channels.ErrMalformed, channels.ErrTooLarge,
		channels.ErrNotOurs, channels.ErrCode, channels.ErrVirtualPayer,
		channels.ErrNotReached, channels.ErrSetup, channels.ErrNotNow,
	} {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			r.Fatalf("the error is %v, want %v and nothing else", err, want)
		}
	}
	b.fit(r, err)
}

func (b *bench) fit(r reporter, err error) {
	r.Helper()
	for _, secret := range append([]string{b.Payer.ID}, b.Secrets...) {
		if secret != "" && strings.Contains(err.Error(), secret) {
			r.Errorf("an error shows what nobody may see: %q", secret)
		}
	}
	if len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
		r.Errorf("an error of %d bytes, want one short line", len(err.Error()))
	}
}
