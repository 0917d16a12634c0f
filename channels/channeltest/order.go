package channeltest

import (
	"regexp"
	"strings"
	"sync"

	"guodu/channels"
)

func orderChecks() []check {
	return []check{
		{"the name is fit to be stored", nil, nameIsFit},
		{"an order is paid with what Prepay gave", nil, orderIsPaid},
		{"an identical Prepay is safe", nil, prepayRepeats},
		{"Prepay of a paid order", nil, prepayPaid},
		{"Prepay of a closed order", nil, prepayClosed},
		{"Prepay of nonsense", nil, prepayNonsense},
		{"Query of an unknown order", nil, queryUnknown},
		{"Query of a number that cannot be one", nil, queryNonsense},
		{"all calls at once", nil, atOnce},
	}
}

func nameIsFit(r reporter, b *bench) {
	if !regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`).MatchString(b.Channel.Name()) {
		r.Errorf("the name is %q", b.Channel.Name())
	}
}

func orderIsPaid(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, prepay := b.prepared(ctx, r)
	b.in(ctx, r, req, channels.Unpaid)
	b.pay(ctx, r, req.OrderNo, prepay)
	first := b.in(ctx, r, req, channels.Paid)
	again := b.in(ctx, r, req, channels.Paid)
	if first.TransactionID != again.TransactionID || !first.SuccessTime.Equal(again.SuccessTime) {
		r.Errorf("two queries differ about one payment")
	}
	if b.Pay(ctx, req.OrderNo, prepay) == nil {
		r.Errorf("the order was paid twice")
	}
}

func prepayRepeats(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, prepay := b.prepared(ctx, r)
	for range 2 {
		var err error
		prepay, err = b.Channel.Prepay(ctx, req)
		if err != nil {
			r.Fatalf("the identical Prepay: %v", err)
		}
	}
	b.in(ctx, r, req, channels.Unpaid)
	b.pay(ctx, r, req.OrderNo, prepay)
	b.in(ctx, r, req, channels.Paid)
}

func prepayPaid(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	_, err := b.Channel.Prepay(ctx, b.paid(ctx, r))
	b.is(r, err, channels.ErrAlreadyPaid)
}

func prepayClosed(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	_, err := b.Channel.Prepay(ctx, b.closed(ctx, r))
	b.is(r, err, channels.ErrOrderClosed)
}

func prepayNonsense(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, spoil := range []func(*channels.PrepayRequest){
		func(req *channels.PrepayRequest) { req.Amount = 0 },
		func(req *channels.PrepayRequest) { req.Amount = -1 },
		func(req *channels.PrepayRequest) { req.OrderNo = "" },
		func(req *channels.PrepayRequest) { req.OrderNo = "../" + req.OrderNo },
		func(req *channels.PrepayRequest) { req.OrderNo = strings.Repeat("1", 1000) },
	} {
		req := b.request()
		spoil(&req)
		_, err := b.Channel.Prepay(ctx, req)
		b.is(r, err, channels.ErrRefused)
	}
}

func queryUnknown(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	got, err := b.Channel.Query(ctx, b.request().OrderNo)
	b.is(r, err, channels.ErrOrderNotFound)
	nothing(r, got)
}

func queryNonsense(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, no := range []string{"", "../x/y/z", "a b\nc d e f", strings.Repeat("1", 1000)} {
		got, err := b.Channel.Query(ctx, no)
		b.is(r, err, channels.ErrRefused)
		nothing(r, got)
		b.is(r, b.Channel.Close(ctx, no), channels.ErrRefused)
	}
}

// atOnce is for the race detector, and for state that calls might share.
func atOnce(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	same, _ := b.prepared(ctx, r)
	done := b.paid(ctx, r)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := b.Channel.Prepay(ctx, same)
			own := b.request()
			_, ownErr := b.Channel.Prepay(ctx, own)
			if err != nil || ownErr != nil {
				r.Errorf("Prepay beside others: %v, %v", err, ownErr)
				return
			}
			mine, mineErr := b.Channel.Query(ctx, own.OrderNo)
			got, err := b.Channel.Query(ctx, done.OrderNo)
			closeErr := b.Channel.Close(ctx, own.OrderNo)
			if err != nil || mineErr != nil || closeErr != nil {
				r.Errorf("Query and Close beside others: %v, %v, %v", err, mineErr, closeErr)
				return
			}
			if mine.State != channels.Unpaid || mine.OrderNo != own.OrderNo || got.State != channels.Paid || got.OrderNo != done.OrderNo {
				r.Errorf("calls at once are mixed up")
			}
		})
	}
	wg.Wait()
}

// nothing wants no payment beside an error.
func nothing(r reporter, got channels.Payment) {
	r.Helper()
	if got.OrderNo != "" || got.State != "" || got.Amount != 0 || got.TransactionID != "" || got.Payer != (channels.Payer{}) || got.Refunded {
		r.Errorf("a payment beside the error: %+v", got)
	}
}
