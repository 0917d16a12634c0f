package recharge_test

import (
	"context"
	"log/slog"
	"testing"

	"guodu/channels"
	"guodu/transition"
	"guodu/transition/recharge"
	"guodu/transition/transitiontest"
)

// pagedChannel can be paid on a page of its own as well.
type pagedChannel struct {
	fakeChannel
	pages []channels.PrepayRequest
}

func (f *pagedChannel) PrepayPage(_ context.Context, r channels.PrepayRequest) (channels.Prepay, error) {
	f.pages = append(f.pages, r)
	return channels.Prepay{}, channels.ErrUnknownOutcome
}

func TestAnOrderGoesOneWayWhateverBrowserRepeatsIt(t *testing.T) {
	t.Parallel()
	bench := transitiontest.New(t, nil)
	bench.Account(t, account, 0)
	channel := &pagedChannel{fakeChannel: fakeChannel{prepay: ready}}
	service := recharge.New(recharge.Config{
		Ledger: bench.Store, Channels: channels.Set{"wechat": {Current: channel}},
		NotifyURL: func(c string) string { return "https://card.example.edu/notify/" + c }, Description: "校园卡充值",
		ReturnURL: func(c string, no transition.OrderNo) string {
			return "https://card.example.edu/" + c + "/" + string(no)
		},
		Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000}, Log: slog.New(slog.DiscardHandler),
	})
	wish := till{}.wish(5000)
	wish.Outside = true
	for _, outside := range []bool{true, false} {
		wish.Outside = outside
		_, err := service.Create(t.Context(), wish)
		if err == nil {
			t.Fatal("the page's unknown outcome was not told")
		}
	}
	if len(channel.pages) != 2 || len(channel.requests) != 0 {
		t.Fatalf("asked for %d pages and %d sheets, want 2 and 0", len(channel.pages), len(channel.requests))
	}
	if want := "https://card.example.edu/wechat/" + channel.pages[0].OrderNo; channel.pages[0].ReturnURL != want || channel.pages[1].ReturnURL != want {
		t.Errorf("the page returns to %q, want %q", channel.pages[0].ReturnURL, want)
	}
	tl := till{Service: service}
	tl.mustSettle(t, paid(transition.OrderNo(channel.pages[0].OrderNo), 5000), channels.OutcomeCredited)
}

func TestAChannelWithoutAPageIsPaidInItsAppWhereverTheBrowserIs(t *testing.T) {
	t.Parallel()
	tl := newTill(t, 0, nil)
	wish := tl.wish(5000)
	wish.Outside = true
	made, err := tl.Create(t.Context(), wish)
	if err != nil {
		t.Fatal(err)
	}
	tl.mustSettle(t, paid(made.Order, 5000), channels.OutcomeCredited)
	if len(tl.channel.requests) != 1 || tl.channel.requests[0].ReturnURL != "" {
		t.Errorf("the channel was asked %+v", tl.channel.requests)
	}
}
