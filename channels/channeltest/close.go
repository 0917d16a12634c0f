package channeltest

import "guodu/channels"

func closeChecks() []check {
	return []check{
		{"a closed order is unpayable", nil, closedIsUnpayable},
		{"closing twice is safe", nil, closeTwice},
		{"Close of a paid order", nil, closePaid},
		{"Close of an unknown order", nil, closeUnknown},
	}
}

func closedIsUnpayable(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req, prepay := b.prepared(ctx, r)
	err := b.Channel.Close(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("Close: %v", err)
	}
	b.in(ctx, r, req, channels.Closed)
	if b.Pay(ctx, req.OrderNo, prepay) == nil {
		r.Errorf("a closed order was paid")
	}
	b.in(ctx, r, req, channels.Closed)
}

func closeTwice(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req := b.closed(ctx, r)
	err := b.Channel.Close(ctx, req.OrderNo)
	if err != nil {
		r.Fatalf("the second Close: %v", err)
	}
	b.in(ctx, r, req, channels.Closed)
}

func closePaid(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req := b.paid(ctx, r)
	b.is(r, b.Channel.Close(ctx, req.OrderNo), channels.ErrAlreadyPaid)
	b.in(ctx, r, req, channels.Paid)
}

func closeUnknown(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	b.is(r, b.Channel.Close(ctx, b.request().OrderNo), channels.ErrOrderNotFound)
}
