package channeltest

import (
	"net/url"

	"guodu/channels"
)

func pageChecks() []check {
	return []check{
		{"an order is paid on a page", withoutPage, pageIsPaid},
		{"a page for nonsense", withoutPage, pageNonsense},
	}
}

func withoutPage(s Subject) string {
	if _, ok := s.Channel.(channels.Page); !ok {
		return "payment page"
	}
	return ""
}

func pageIsPaid(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	req := b.request()
	req.PayerID, req.PayerKind = "", "" // anybody with a browser
	var prepay channels.Prepay
	for range 2 {
		var err error
		prepay, err = b.Channel.(channels.Page).PrepayPage(ctx, req)
		if err != nil {
			r.Fatalf("PrepayPage: %v", err)
		}
	}
	address, err := url.Parse(prepay.Params["url"])
	if err != nil || address.Host == "" {
		r.Fatalf("the page is at %q", prepay.Params["url"])
	}
	b.pay(ctx, r, req.OrderNo, prepay)
	b.in(ctx, r, req, channels.Paid)
	if b.Pay(ctx, req.OrderNo, prepay) == nil {
		r.Errorf("the page was paid twice")
	}
}

func pageNonsense(r reporter, b *bench) {
	ctx, cancel := begin()
	defer cancel()
	for _, spoil := range []func(*channels.PrepayRequest){
		func(req *channels.PrepayRequest) { req.Amount = 0 },
		func(req *channels.PrepayRequest) { req.OrderNo = "a/b" },
		func(req *channels.PrepayRequest) { req.NotifyURL += "?a=b" },
	} {
		req := b.request()
		spoil(&req)
		_, err := b.Channel.(channels.Page).PrepayPage(ctx, req)
		b.is(r, err, channels.ErrRefused)
	}
}
